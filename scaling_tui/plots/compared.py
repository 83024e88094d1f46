"""Several sources in one plot: the points and laws of all over C, or the curves of all their runs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from scaling_tui.laws.fitting.points import Points
from scaling_tui.laws.kernels import Array
from scaling_tui.laws.planning.along_compute import AlongCompute
from scaling_tui.plots.curves import (
    LOSSES,
    X_NAMES,
    X_TEXTS,
    Choice,
    labels,
    over_text,
    place,
    points,
    recorded,
    shown_of,
)
from scaling_tui.plots.figures import DOTTED, LINE, Figure, Series
from scaling_tui.runs import SweepView
from scaling_tui.runs.metrics import described
from scaling_tui.text import show

SIGNS = ("●", "▲", "■", "◆", "○", "△", "□", "◇")  # of points, so that sources are told apart without colours
_STEPS = 120  # of a law over C


@dataclass(frozen=True, eq=False)
class ComparedLaw:
    """A source's points, and its law over C where it has one, which then counts the C of the points too."""

    name: str
    points: Points
    along: AlongCompute | None

    @property
    def compute(self) -> Array | None:
        return self.along.compute if self.along is not None else self.points.compute()


def laws_figure(laws: Sequence[ComparedLaw], flops: float | None, log: tuple[bool, bool] = (True, True)) -> Figure:
    """The points of every source and its law, dotted where it goes beyond its own points, up to the common budget."""
    series: list[Series] = []
    compute = {law.name: law.compute for law in laws}
    most = max([float(c.max()) for c in compute.values() if c is not None] + ([flops] if flops else []), default=0.0)
    for number, law in enumerate(laws):
        c, colour = compute[law.name], place(number, len(laws))
        if c is None:
            continue
        if law.along is not None:
            series += _line(law.name, law.along, float(c.min()), float(c.max()), most, colour)
        label = "" if law.along is not None else law.name
        sign = SIGNS[number % len(SIGNS)]
        series.append(Series(c, law.points.loss, colour, label, sign))
    told = " ".join(
        f"{SIGNS[k % len(SIGNS)]} {law.name}" for k, law in enumerate(laws) if compute[law.name] is not None
    )
    without = [law.name for law in laws if compute[law.name] is None]
    missing = f" · no C: {show.listed(without)}" if without else ""
    return Figure(
        f"loss, nats/token · x C · {told}{missing}" if told else "loss",
        tuple(series),
        log_x=log[0],
        log_y=log[1],
        x_name="C",
        y_name="loss",
        x_text=show.scientific,
        x_unit="FLOPs",
        y_unit="nats per token",
        empty="Laws are compared over C, and no source gives the C of its runs.",
    )


def _line(name: str, along: AlongCompute, low: float, high: float, most: float, colour: float) -> list[Series]:
    inside = np.geomspace(low, high, _STEPS)
    further = most > high * 1.001
    drawn = [Series(inside, along.curve(inside), colour, "" if further else name, LINE, name=name)]
    if further:
        beyond = np.geomspace(high, most, _STEPS // 2)
        drawn.append(Series(beyond, along.curve(beyond), colour, name, DOTTED, name=f"{name} beyond"))
    return drawn


def curves_figure(sweeps: Sequence[tuple[str, SweepView]], choice: Choice) -> Figure:
    """The curves of all runs, a colour a sweep.

    What is shown is `choice`, but where that is a loss which not all have, the one that all have; else what the first
    has.
    """
    if sweeps:
        every = [metric for metric in LOSSES if all(recorded(sweep, metric) for _, sweep in sweeps)]
        if choice.metric in LOSSES and every and choice.metric not in every:
            choice = replace(choice, metric=every[0])
        choice = shown_of(sweeps[0][1], choice)
    about, series, there = described(choice.metric), [], []
    for number, (name, sweep) in enumerate(sweeps):
        called, sign = labels(sweep), SIGNS[number % len(SIGNS)]
        for run in sweep.runs:
            x, y = points(run, choice)
            if len(x):
                label, full = f"{sign} {called[run.name]}", f"{name}/{called[run.name]}"
                series.append(Series(x, y, place(number, len(sweeps)), label, LINE, name=full))
                there.append(f"{sign} {name}")
    return Figure(
        f"{about.titled} · {' '.join(dict.fromkeys(there))} · {over_text(choice)}",
        tuple(series),
        log_x=choice.log_x,
        log_y=choice.log_y,
        x_name=X_NAMES[choice.over],
        y_name=about.name,
        y_unit=about.unit,
        x_text=X_TEXTS[choice.over],
        empty="No curves: a table has one row per run.",
    )
