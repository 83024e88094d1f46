"""The dialog that chooses a sweep: it opens on what is known, and goes on reading what is new here."""

import time
from asyncio import to_thread
from collections.abc import Callable, Sequence
from typing import Any

from textual.app import App

from scaling_tui import InputError
from scaling_tui.report.sweeps import SWEEP_COLUMNS, sweep_cells
from scaling_tui.sweeps.listing import PATIENCE_S, Listed, Listing
from scaling_tui.sweeps.query import ranked, read_query
from scaling_tui.sweeps.row import SweepRow
from scaling_tui.text import show
from scaling_tui.tui.widgets.choose import Choose, by_text
from scaling_tui.tui.widgets.line_list import Line

UNREAD = ""  # the state of a sweep of which only the name is known
HINT = "type a name, or ladder:… corpus:… state:failed tag:… -tag:…"


class Choices:
    """The sweeps of a listing to choose from, without some. Archived ones are found by `archived:any`."""

    def __init__(self, listing: Listing, without: Sequence[str] = ()) -> None:
        self._listing, self._without = listing, without
        self._rows: list[SweepRow] = []
        self.lines: list[Line] = []
        self.unread = 0

    def know(self) -> bool:
        """Takes over what the last look at the folder found; False where it found nothing or was not yet."""
        latest = self._listing.latest
        if latest is not None:
            self._take(latest)
        return bool(self.lines)

    def read(self) -> None:
        """Looks at the folder once more; of many sweeps that are new here, each look reads some."""
        try:
            self._take(self._listing.poll(PATIENCE_S))
        except InputError:
            self._rows, self.lines, self.unread = [], [], 0

    def _take(self, listed: Listed) -> None:
        known = [row for row in listed.rows if row.name not in self._without]
        unread = [name for name in listed.unknown if name not in self._without]
        now = time.time()
        self._rows = known + [SweepRow(name, str(self._listing.runs / name), state=UNREAD) for name in unread]
        self.lines = [sweep_line(row, now) for row in known]
        blank = [""] * (len(SWEEP_COLUMNS) - 2)
        self.lines += [Line(name, (name, "reading", *blank), show.SIGNS["queued"]) for name in unread]
        self.unread = len(unread)

    def listed(self) -> list[Line]:
        """What stands there before anything is typed."""
        archived = {row.name for row in self._rows if row.archived}
        return [line for line in self.lines if line.key not in archived]

    def find(self, typed: str) -> list[str]:
        """Names of the sweeps that fit, the best first.

        Raises:
            InputError: the query cannot be understood.
        """
        return [row.name for row in ranked(self._rows, read_query(typed, typing=True))]


def sweep_line(row: SweepRow, now: float) -> Line:
    return Line(row.name, sweep_cells(row, now), show.SIGNS[row.state], row.archived)


async def choose_sweep(
    app: App[Any],
    listing: Listing,
    question: str,
    then: Callable[[str | None], None],
    *,
    now: str | None = None,
    without: Sequence[str] = (),
    first: Sequence[Sequence[str]] = (),
    other: tuple[str, str] | None = None,
) -> Choose:
    """Asks for a sweep and calls `then` with its name, or None. Before the sweeps stand the answers `first`: a key each
    and what stands in the first columns. They are found too, but the cursor begins on a sweep. `other` as of `Choose`.
    """
    choices = Choices(listing, without)
    # With many sweeps Home may be at a look of its own, which this one would wait for.
    known = choices.know()
    if not known:
        await to_thread(choices.read)
    ahead = [Line(key, (*cells, *[""] * (len(SWEEP_COLUMNS) - len(cells)))) for key, *cells in first]
    others = by_text(ahead)
    if not choices.lines and not ahead:
        question = f"No {'other ' if without else ''}sweep in {listing.runs} yet: the Lab launches one."
    began = now or next((line.key for line in choices.listed()), None)
    dialog = Choose(
        question, [*ahead, *choices.lines], columns=SWEEP_COLUMNS,
        find=lambda typed: [*choices.find(typed), *others(typed)],
        listed=[line.key for line in [*ahead, *choices.listed()]], now=began, hint=HINT, other=other,
    )  # fmt: skip

    async def read_on() -> None:
        again = known
        while (again or choices.unread) and dialog.is_attached:
            await to_thread(choices.read)
            again = False
            dialog.offer([*ahead, *choices.lines], [line.key for line in [*ahead, *choices.listed()]])

    app.push_screen(dialog, then)
    if known or choices.unread:
        app.run_worker(read_on())
    return dialog
