"""The curves of a sweep as a figure: which metric and runs, over what, how smoothed, beside which other sweep."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, islice
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scaling_tui.plots.figures import DOTTED, LINE, Figure, Series, Weight
from scaling_tui.runs import Curve, RunView, SweepView
from scaling_tui.runs.metrics import AXES, described, matching
from scaling_tui.text import show

Array = NDArray[np.float64]
Over = Literal["tokens", "step", "flops", "time"]

OVER: tuple[Over, ...] = ("tokens", "step", "flops", "time")
SMOOTHING = (0.8, 0.95, 0.99, 0.0)  # weights of the past, as TensorBoard has them
SCALES = ((True, True), (True, False), (False, True), (False, False))
LOSSES = ("loss", "val_loss")
X_NAMES: Mapping[str, str] = {"tokens": "tokens", "step": "step", "flops": "FLOPs", "time": "seconds"}
X_TEXTS = {"tokens": show.count, "step": show.count, "flops": show.scientific, "time": show.duration}
_SCALES = {(True, True): ", log-log", (True, False): ", log x", (False, True): ", log y", (False, False): ""}


@dataclass(frozen=True)
class Choice:
    """What is shown of the curves, and how. The sets hold names of runs.

    `pattern` limits the metrics to cycle through. Losses and other metrics each have their own scale of y, since many
    of the others begin at zero.
    """

    metric: str = "loss"
    pattern: str = ""
    over: Over = "tokens"
    smoothing: float = SMOOTHING[0]
    log_x: bool = True
    log_loss: bool = True
    log_other: bool = False
    marked: frozenset[str] = field(default=frozenset())
    hidden: frozenset[str] = field(default=frozenset())
    pinned: frozenset[str] = field(default=frozenset())

    @property
    def log_y(self) -> bool:
        return self.log_loss if self.metric in LOSSES else self.log_other

    def scaled(self, log_x: bool, log_y: bool) -> "Choice":
        """With these scales for the metric that is shown."""
        if self.metric in LOSSES:
            return replace(self, log_x=log_x, log_loss=log_y)
        return replace(self, log_x=log_x, log_other=log_y)

    def toggled(self, what: Literal["marked", "hidden", "pinned"], run: str) -> "Choice":
        """With `run` in or out of one of the sets."""
        sets = {"marked": self.marked, "hidden": self.hidden, "pinned": self.pinned}
        sets[what] ^= {run}
        return replace(self, marked=sets["marked"], hidden=sets["hidden"], pinned=sets["pinned"])


def metrics_of(sweep: SweepView, pattern: str = "") -> list[str]:
    """What the runs recorded and a plot can show: the losses first, then what `pattern` matches of the others."""
    there = {name: None for run in sweep.runs for name in run.curve.metrics if name not in AXES}
    losses = [name for name in LOSSES if name in there] or ["loss"]
    others = [name for name in there if name not in LOSSES]
    return matching([*losses, *others], pattern) if pattern else [*losses, *others]


def shown_of(sweep: SweepView, choice: Choice) -> Choice:
    """`choice` with the metric and the x axis that the sweep has, where it lacks the ones chosen.

    Trainers of others may log held-out loss alone, or steps without tokens.
    """
    metric, over = choice.metric, choice.over
    if metric == "loss" and not recorded(sweep, "loss"):
        metric = next((name for name in metrics_of(sweep) if recorded(sweep, name)), metric)
    if not any(len(points(run, replace(choice, metric=metric, smoothing=0.0))[0]) for run in sweep.runs):
        others: tuple[Over, ...] = ("step", "tokens", "time")
        over = next((axis for axis in others if recorded(sweep, axis)), over)
    return replace(choice, metric=metric, over=over)


def recorded(sweep: SweepView, metric: str) -> bool:
    """Whether any of its runs has recorded the metric."""
    return any(run.curve.last(metric) is not None for run in sweep.runs)


class Curves:
    """Makes figures of curves, and keeps what it computed of each run until the run has new records."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], tuple[Curve, dict[object, tuple[Array, Array]]]] = {}

    def figure(self, sweep: SweepView, choice: Choice, beside: Sequence[SweepView] = ()) -> Figure:
        """The curves of `sweep`; those of the sweeps `beside` it faint and dotted, with a prime more each."""
        choice = shown_of(sweep, choice)
        about = described(choice.metric)
        names = labels(sweep)
        series = []
        for index, run in enumerate(sweep.runs):
            if run.name in choice.hidden:
                continue
            x, y = self._points(sweep, run, choice)
            if not len(x):
                continue
            weight: Weight = "normal"
            if choice.marked:
                weight = "strong" if run.name in choice.marked else "faint"
            name = names[run.name] + (" ✗" if run.state == "diverged" else "")
            series.append(
                (run.name in choice.pinned, Series(x, y, place(index, len(sweep.runs)), name, LINE, weight, name))
            )
        # Pinned ones last: they lie over the others.
        shown = [curve for _, curve in sorted(series, key=lambda item: item[0])]
        for number, other in enumerate(beside, 1):
            others = labels(other)
            for run in other.runs:
                x, y = self._points(other, run, choice)
                if not len(x):
                    continue
                name = others[run.name] + "'" * number
                shown.insert(0, Series(x, y, "foreground", name, DOTTED, "faint", name))
        return Figure(
            _title(choice, beside),
            tuple(shown),
            log_x=choice.log_x,
            log_y=choice.log_y,
            x_name=X_NAMES[choice.over],
            y_name=about.name,
            y_unit=about.unit,
            x_text=X_TEXTS[choice.over],
            empty=_empty(sweep, choice),
        )

    def _points(self, sweep: SweepView, run: RunView, choice: Choice) -> tuple[Array, Array]:
        key, how = (str(sweep.path), run.name), (choice.metric, choice.over, choice.smoothing)
        curve, cached = self._kept.get(key, (None, {}))
        if curve is not run.curve:
            cached = {}
            self._kept[key] = (run.curve, cached)
        if how not in cached:
            cached[how] = points(run, choice)
        return cached[how]


def points(run: RunView, choice: Choice) -> tuple[Array, Array]:
    """x and y of a run's curve, (n,) each."""
    curve = run.curve
    x, y = curve.over(choice.over, choice.metric)
    if choice.over == "flops" and np.isnan(x).all() and run.flops and run.tokens:
        x = curve.over("tokens", choice.metric)[0] * (run.flops / run.tokens)
    if choice.over == "time" and len(curve):
        x = x - np.fmin.reduce(curve["time"])
    there = ~(np.isnan(x) | np.isnan(y))
    x, y = x[there], y[there]
    if choice.metric == "loss" and choice.smoothing and len(y):
        y = smoothed(curve["mean_loss"][there], curve["stands_for"][there], choice.smoothing)
    return x, y


def smoothed(values: Array, counts: Array, weight: float) -> Array:
    """Exponential mean of losses, which jump from batch to batch, without the lag of a start at zero.

    Args:
        values: (n,).
        counts: how many records each stands for, (n,).
        weight: of what came before, per record, 0 to below 1.
    """
    past = weight**counts
    steps = zip(past.tolist(), ((1 - past) * values).tolist(), strict=True)
    means = accumulate(steps, lambda mean, step: mean * step[0] + step[1], initial=0.0)
    weights = -np.expm1(np.cumsum(counts) * np.log(weight))
    averages: Array = np.fromiter(islice(means, 1, None), np.float64, len(values)) / weights
    return averages


def place(index: int, count: int) -> float:
    """Where rung `index` of `count` stands on the theme's ramp of colours."""
    return index / max(1, count - 1)


def labels(sweep: SweepView) -> dict[str, str]:
    """What to call each run: without its seed where all have the same one."""
    one_seed = len({run.seed for run in sweep.runs}) == 1
    return {run.name: run.name.removesuffix(f"-s{run.seed}") if one_seed else run.name for run in sweep.runs}


def _empty(sweep: SweepView, choice: Choice) -> str:
    if choice.hidden:
        return "All curves are hidden: press a to show them."
    if choice.metric != "loss" and any(len(run.curve) for run in sweep.runs) and not recorded(sweep, choice.metric):
        return f"No run has recorded {described(choice.metric).name}."
    return "No records yet."


def over_text(choice: Choice) -> str:
    """What curves are drawn over, and on which scales."""
    return X_NAMES[choice.over] + _SCALES[choice.log_x, choice.log_y]


def _title(choice: Choice, beside: Sequence[SweepView]) -> str:
    parts = [described(choice.metric).titled]
    parts += [f"{chr(39) * number} dotted: {other.name}" for number, other in enumerate(beside, 1)]
    parts.append(over_text(choice))
    if choice.metric == "loss":
        parts.append(f"smooth {choice.smoothing:g}" if choice.smoothing else "raw")
    if choice.pattern:
        parts.append(f"v: {choice.pattern}")  # the key goes through these alone
    return " · ".join(parts)
