"""The dialog that chooses a run of a sweep."""

from collections.abc import Sequence

from scaling_tui.runs import RunView
from scaling_tui.text import show
from scaling_tui.text.list_columns import ListColumn
from scaling_tui.tui.widgets.choose import Choose, by_text
from scaling_tui.tui.widgets.line_list import Line

RUN_COLUMNS = (
    ListColumn("run", least=12),
    ListColumn("state", 2),
    ListColumn("N", 3, right=True),
    ListColumn("D", 4, right=True),
    ListColumn("loss", 1, right=True),
)


def choose_run(
    question: str, runs: Sequence[RunView], now: str | None = None, others: Sequence[tuple[str, str]] = ()
) -> Choose:
    """Asks for one of `runs`, the cursor on `now`; below them stand the answers `others`."""
    lines = [Line(run.name, _cells(run), show.SIGNS[run.state]) for run in runs]
    lines += [Line(key, (text, *[""] * (len(RUN_COLUMNS) - 1))) for key, text in others]
    return Choose(question, lines, columns=RUN_COLUMNS, find=by_text(lines), now=now)


def _cells(run: RunView) -> tuple[str, ...]:
    loss = show.loss(run.loss) if run.loss is not None else ""
    return run.name, run.state, show.count(run.params), show.count(run.tokens), loss
