"""The palette: everything that the keys do here, and the theme, in a list that filters as one types."""

from collections.abc import Iterable, Sequence

from textual.app import SystemCommand

from scaling_tui.text.list_columns import ListColumn
from scaling_tui.tui.themes import THEMES
from scaling_tui.tui.widgets.choose import Choose, by_text
from scaling_tui.tui.widgets.line_list import Line

PLAIN = (ListColumn("", least=20),)
THEME_COLUMNS = (ListColumn("", least=14), ListColumn("", 1, least=10))


def palette(commands: Sequence[SystemCommand]) -> Choose:
    """Asks for one of `commands`; the key of each is its place."""
    lines = [Line(str(place), (command.title,)) for place, command in enumerate(commands)]
    return Choose("Which action?", lines, columns=PLAIN, find=by_text(lines), hint="type part of its name")


def theme_dialog(known: Iterable[str], now: str) -> Choose:
    """Asks for a theme: the app's own come first, each with what it is for."""
    about = {theme.name: text for theme, text in THEMES.values()}
    names = [*about, *sorted(set(known) - about.keys())]
    lines = [Line(name, (name, about.get(name, "of Textual"))) for name in names]
    return Choose("Which theme?", lines, columns=THEME_COLUMNS, find=by_text(lines), now=now)
