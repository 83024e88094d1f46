"""The dialog that hides panels of a screen and shows them again."""

from textual.app import App

from scaling_tui.text.list_columns import ListColumn
from scaling_tui.tui.page import Page
from scaling_tui.tui.widgets.choose import Choose, by_text
from scaling_tui.tui.widgets.line_list import Line

COLUMNS = (ListColumn("panel"), ListColumn(""))
ALL = "/"  # no panel is called that


def choose_panel(app: App[None], page: Page) -> None:
    """Lists the panels of the page, the cursor on the current one; the one that is taken is hidden, or shown again."""
    panels = page.panels
    lines = []
    for panel in panels.all:
        hidden = panel.id in panels.hidden
        lines.append(Line(panel.id or "", (panel.title, "hidden" if hidden else "shown"), dim=hidden))
    if panels.hidden:
        lines.append(Line(ALL, ("Show all", "")))

    def taken(name: str | None) -> None:
        if name is None:
            return
        if name == ALL:
            panels.show_all()
        elif not panels.toggle(name):
            app.notify("The last panel cannot be hidden.", markup=False)
        page.arrange_panels()

    question = "Hide or show which panel?"
    app.push_screen(Choose(question, lines, columns=COLUMNS, find=by_text(lines), now=panels.current), taken)
