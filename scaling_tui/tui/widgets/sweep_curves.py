"""The curves of a sweep at a glance, read while they are in view."""

from pathlib import Path
from time import sleep

from scaling_tui import InputError
from scaling_tui.plots.curves import Choice, Curves
from scaling_tui.plots.figures import Figure
from scaling_tui.runs import SweepReader
from scaling_tui.sweeps.row import SweepRow
from scaling_tui.tui.services.background import OneAtATime
from scaling_tui.tui.widgets.panel import in_view
from scaling_tui.tui.widgets.plot import Plot

KEPT = 1024  # records of an attempt
RESTS_S = 0.1  # that a cursor stands on a sweep before it is read


class SweepCurves(Plot):
    """The training loss of every run of a sweep. Of large files it reads samples."""

    def __init__(self, runs: Path, id: str | None = None) -> None:
        super().__init__(id=id)
        self._runs = runs
        self._row: SweepRow | None = None
        self._reading = OneAtATime(self, self._read)

    def show(self, row: SweepRow | None) -> None:
        """Reads the sweep of the row, unless it is shown already or nobody would see it."""
        if row != self._row and in_view(self):
            self._row = row
            if row is None:
                self.figure = Figure("", ())
            else:
                self._reading.ask(row)

    def _read(self, row: SweepRow) -> None:
        """In a thread. While the cursor moves on, only where it comes to rest is read."""
        sleep(RESTS_S)
        if row is not self._row:
            return
        try:
            sweep = SweepReader(self._runs / row.name, KEPT).poll(0)
            figure = Curves().figure(sweep, Choice())
        except (InputError, OSError) as error:
            figure = Figure("", (), empty=str(error))
        self.app.call_from_thread(self._take, row, figure)

    def _take(self, row: SweepRow, figure: Figure) -> None:
        if row is self._row:
            self.figure = figure
