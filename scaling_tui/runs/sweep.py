"""A sweep read as a whole, with what its runs measured as tables."""

from dataclasses import dataclass
from pathlib import Path

from scaling_tui.runs.curve_table import curve_columns
from scaling_tui.runs.find import find_sweep
from scaling_tui.runs.format import runs_folder
from scaling_tui.runs.law_points import point_columns
from scaling_tui.runs.reader import SweepReader
from scaling_tui.runs.views import SweepView
from scaling_tui.tables.columns import Columns
from scaling_tui.text.files import as_path


@dataclass(frozen=True)
class Sweep(SweepView):
    """A sweep as it stood when it was read: its `runs`, its `predictions`, and both as tables."""

    def points(self) -> Columns:
        """A row a point that `scaling-tui fit SWEEP` fits, by the columns that `scaling-tui export` writes.

        Of each size and budget that is the best of its settings, as the mean over seeds: `run`, `rung`, `seed` (NaN for
        a mean; `seeds` tells over how many), `params`, `non_embedding`, `tokens`, `flops`, `loss` (held-out, nats per
        token; else the mean training loss of the last tenth), `bpb`, and the sweep's `law` and `params_as`, which say
        what it is fitted by. `laws.read_points` and `laws.fit` take it as it is.

        Raises:
            InputError: no run has finished.
        """
        return Columns.of(point_columns(self))

    def curves(self) -> Columns:
        """A row a record of every run, by the columns that `scaling-tui export --curves` writes.

        `run`, `rung`, `seed`, `params` and `non_embedding` say who it is of; the others are the metrics that any run
        recorded, NaN where a record lacks one. `run(name).curve` has the records of one run.
        """
        return Columns.of(curve_columns(self))

    def _repr_html_(self) -> str:
        state = f"{self.name}: {self.state}" + (f" ({self.reason})" if self.reason else "")
        rows = Columns.of(
            {
                "run": [run.name for run in self.runs],
                "state": [run.state for run in self.runs],
                "params": [run.params for run in self.runs],
                "tokens": [run.tokens for run in self.runs],
                "loss": [run.loss for run in self.runs],
            }
        )
        return rows.html([state], self.all_faults)

    def __repr__(self) -> str:
        return f"<Sweep {self.name}: {self.state}, {len(self.runs)} runs>"


def read_sweep(sweep: str | Path, runs: str | Path | None = None) -> Sweep:
    """The sweep called `sweep`, or the one in the folder `sweep`, as it stands now, with all its records.

    Args:
        sweep: a name in the folder of runs, or a path.
        runs: the folder of runs; None is `$SCALING_TUI_RUNS`, else `./runs`.

    Raises:
        InputError: no sweep of that name.
    """
    path = sweep
    if isinstance(sweep, str):
        path = find_sweep(runs_folder(None if runs is None else as_path("runs folder", runs)), sweep)
    return Sweep(**vars(SweepReader(as_path("sweep", path)).poll()))
