"""Asking why: a list of the numbers in view, which filters as one types, and the explanation of the one chosen."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen

from scaling_tui.report.why.explanation import Explanation
from scaling_tui.report.why.text import FIGURE_COLUMNS, explanation_text, figure_cells, title
from scaling_tui.tui.app_sized import AppSized
from scaling_tui.tui.widgets.choose import Choose, by_text
from scaling_tui.tui.widgets.line_list import Line
from scaling_tui.tui.widgets.text import PlainText

WIDEST = 104


class WhyDialog(AppSized, ModalScreen[str | None]):
    """One explanation. Returns the lesson to open, or None for going back to the list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,i,q", "dismiss(None)", "back", key_display="esc"),
        Binding("enter", "lesson", "lesson"),
    ]
    CSS = f"""
    WhyDialog {{
        align: center middle;
        VerticalScroll {{ width: 96%; max-width: {WIDEST}; height: auto; max-height: 90%; }}
        VerticalScroll {{ border: round $primary; padding: 0 1; }}
        PlainText {{ height: auto; }}
    }}
    """

    def __init__(self, figure: Explanation) -> None:
        super().__init__()
        self._figure = figure

    def compose(self) -> ComposeResult:
        with VerticalScroll() as box:
            box.border_title = title(self._figure).replace("[", "\\[")
            box.border_subtitle = ("enter opens the lesson · " if self._figure.lesson else "") + "esc goes back"
            yield PlainText()

    def on_mount(self) -> None:
        self._fill()
        self.query_one(VerticalScroll).focus()

    def on_resize(self) -> None:
        self._fill()

    def _fill(self) -> None:
        width = max(24, min(WIDEST, round(self.app.size.width * 0.96)) - 5)
        self.query_one(PlainText).set_text(explanation_text(self._figure, width, title_too=False))

    def action_lesson(self) -> None:
        if self._figure.lesson:
            self.dismiss(self._figure.lesson)


async def ask_why(app: App[None], figures: Sequence[Explanation]) -> str | None:
    """Lets the user choose among `figures` and read on; returns the lesson to open, or None.

    To be awaited in a worker: it waits for the answers of dialogs.
    """
    lines = [Line(str(place), figure_cells(one)) for place, one in enumerate(figures)]
    now: str | None = None
    typed = ""
    while True:
        dialog = Choose(
            "Explain which number?", lines, columns=FIGURE_COLUMNS, find=by_text(lines), now=now, typed=typed
        )
        now = await app.push_screen_wait(dialog)
        if now is None:
            return None
        typed = dialog.typed
        lesson = await app.push_screen_wait(WhyDialog(figures[int(now)]))
        if lesson is not None:
            return lesson
