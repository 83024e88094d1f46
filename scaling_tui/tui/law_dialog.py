"""The dialog that chooses a law to fit."""

from collections.abc import Sequence

from scaling_tui.laws import LAWS
from scaling_tui.text.list_columns import ListColumn
from scaling_tui.tui.widgets.choose import Choose, by_text
from scaling_tui.tui.widgets.line_list import Line

LAW_COLUMNS = (ListColumn("law"), ListColumn("formula", least=20))


def choose_law(question: str, now: str | None = None, first: Sequence[tuple[str, str]] = ()) -> Choose:
    """Asks for a law, the cursor on `now`; above all stand the answers `first`, as (key, text)."""
    lines = [*(Line(key, (text, "")) for key, text in first)]
    lines += [Line(law.name, (law.name, law.text)) for law in LAWS.values()]
    return Choose(question, lines, columns=LAW_COLUMNS, find=by_text(lines), now=now)
