"""What a sweep's models can do against their size, and what its ladder promised; from plain data, for any screen."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scaling_tui.plots.figures import DOTTED, Figure, Series
from scaling_tui.runs import SweepView
from scaling_tui.runs.metrics import described
from scaling_tui.text import show

OVER_SIZE = ("val_accuracy", "exact_match", "gap")


def metrics_over_size(sweep: SweepView) -> tuple[str, ...]:
    """What else than a loss was recorded at two sizes or more."""
    finished = [run for run in sweep.runs if run.state == "finished"]
    return tuple(
        metric
        for metric in OVER_SIZE
        if len({run.params for run in finished if run.curve.last(metric) is not None}) > 1
    )


def result_figure(sweep: SweepView, cases: Sequence[Mapping[str, Any]], metric: str) -> Figure:
    """The metric over N: every run faint, each case's mean over seeds with its 90 % interval, what is best possible.

    `cases` are those of `sweeps.results.outcome`.
    """
    about = described(metric)
    means, spans, series = [], [], []
    for case in cases:
        outcome, size = case["metrics"].get(metric), case["params"]
        if not size or not outcome or outcome["mean"] is None:
            continue
        values = np.array(outcome["values"])
        if len(values) > 1:
            series.append(Series(np.full(len(values), float(size)), values, "foreground", "", "·", "faint"))
            spans.append((float(size), outcome["low"], outcome["high"], "accent"))
        means.append((float(size), outcome["mean"], case["case"]))
        if outcome["claimed"] is not None:
            claimed = Series(np.array([float(size)]), np.array([outcome["claimed"]]), "warning", "", "×", name="source")
            series.append(claimed)
    means.sort()
    if means:
        x, y = np.array([size for size, *_ in means]), np.array([value for _, value, _ in means])
        series.append(Series(x, y, "primary", name=about.name))
        series += [Series(np.array([size]), np.array([value]), "primary", label, "●") for size, value, label in means]
        ceiling = (sweep.document.get("corpus") or {}).get("ceiling")
        if metric == "val_accuracy" and isinstance(ceiling, float):
            series.append(Series(x[[0, -1]], np.full(2, ceiling), "success", "", DOTTED, "faint", "best possible"))
    told = " · dotted: best possible" if any(curve.name == "best possible" for curve in series) else ""
    told += " · × the source" if any(curve.name == "source" for curve in series) else ""
    return Figure(
        f"{about.titled} · x N of all parameters{told}",
        tuple(series),
        tuple(spans),
        log_x=True,
        x_name="N",
        y_name=about.name,
        y_unit=about.unit,
        x_text=show.count,
        x_unit="parameters",
        empty="No run has finished yet.",
    )
