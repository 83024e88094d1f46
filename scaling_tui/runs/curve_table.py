"""The curves of a sweep as one table, which `export --curves` writes."""

from collections.abc import Sequence
from typing import Any

from scaling_tui.runs.law_points import plain
from scaling_tui.runs.metrics import METRICS
from scaling_tui.runs.views import RunView, SweepView

OF_RUN = ("run", "rung", "seed", "params", "non_embedding")


def curve_columns(sweep: SweepView) -> dict[str, list[Any]]:
    """Every record of every run, a row each: who it is of, then the metrics that any run has.

    `scaling-tui fit FILE --method envelope` reads it, and `scaling-tui import FILE` makes the curves of it again.
    """
    metrics = _metrics(sweep.runs)
    columns: dict[str, list[Any]] = {name: [] for name in (*OF_RUN, *metrics)}
    for run in sweep.runs:
        size = len(run.curve)
        for name in OF_RUN:
            columns[name] += [getattr(run, name) if name != "run" else run.name] * size
        for metric in metrics:
            columns[metric] += [plain(value) for value in run.curve.column(metric).tolist()]
    return columns


def _metrics(runs: Sequence[RunView]) -> list[str]:
    """The metrics that any of the runs has, without those of somebody's own that are called as our columns."""
    recorded = {name for run in runs for name in run.curve.metrics}
    others = sorted(recorded - set(METRICS))
    return [name for name in METRICS if name in recorded] + [name for name in others if name not in OF_RUN]
