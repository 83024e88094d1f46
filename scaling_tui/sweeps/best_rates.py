"""The best learning rate of each size, and how it changes with size: a power law through them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from scaling_tui.laws.fitting.isoflop import power_law
from scaling_tui.runs import RunView
from scaling_tui.runs.points import SweepPoint

LEVEL = 0.9


@dataclass(frozen=True)
class BestRate:
    """The best of the rates that a rung was tried at.

    Args:
        size: hidden width where it is known, else N.
        tried: each rate with its loss, nats per token, the mean over seeds; None where it diverged.
        rate: the minimum of a parabola in log rate through the best rate and its neighbours.
        edge: "lowest" or "highest" if the best is at that end of the rates; empty if it lies between.
    """

    rung: str
    size: float
    tried: tuple[tuple[float, float | None], ...]
    rate: float
    edge: str


@dataclass(frozen=True)
class RateTrend:
    """lr = scale · size^exponent, through the rungs whose best rate lies between others.

    `low` to `high` is the interval of the exponent at `LEVEL` by Student's t; None with two rungs.
    """

    over: str
    scale: float
    exponent: float
    low: float | None
    high: float | None
    rungs: tuple[str, ...]

    def at(self, size: float) -> float:
        return float(self.scale * size**self.exponent)


def width_of(run: RunView) -> float | None:
    """The hidden width that run.json tells."""
    width = (run.config.get("architecture") or {}).get("hidden")
    return float(width) if isinstance(width, int | float) and width > 0 else None


def size_name(points: Iterable[SweepPoint]) -> str:
    """What the rates are fitted over: `hidden` where every run tells its width, else `N`."""
    return "hidden" if all(width_of(run) for point in points for run in point.runs) else "N"


def best_rates(points: Sequence[SweepPoint]) -> list[BestRate]:
    """The best rate of each rung that was tried at several, at its largest D."""
    over = size_name(points)
    largest: dict[str, tuple[int, BestRate]] = {}
    for point in points:
        found = _best_rate(point, over)
        tokens = max((run.tokens or 0 for run in point.runs), default=0)
        if found is not None and tokens >= largest.get(point.rung, (0, None))[0]:
            largest[point.rung] = (tokens, found)
    return [found for _, found in largest.values()]


def _best_rate(point: SweepPoint, over: str) -> BestRate | None:
    best = point.best
    line = [trial for trial in point.along("lr") if trial.setting["lr"] > 0 and (trial.over or trial is best)]
    if best not in line or len(line) < 2:
        return None
    assert best is not None
    run = best.runs[0]
    size = width_of(run) if over == "hidden" else float(run.params or 0)
    if not size:
        return None
    rates = [float(trial.setting["lr"]) for trial in line]
    losses = [trial.loss for trial in line]
    at = line.index(best)
    tried = tuple(zip(rates, losses, strict=True))
    return BestRate(point.rung, size, tried, _vertex(rates, losses, at), point.edges().get("lr", ""))


def _vertex(rates: Sequence[float], losses: Sequence[float | None], at: int) -> float:
    """The rate at the minimum of the parabola in log rate through three neighbours; else the best rate itself."""
    if not 0 < at < len(rates) - 1:
        return rates[at]
    y = losses[at - 1 : at + 2]
    if any(value is None for value in y):
        return rates[at]
    x = np.log(rates[at - 1 : at + 2])
    curve, slope, _ = np.polyfit(x - x[1], np.array(y, dtype=float), 2)
    if not curve > 0:
        return rates[at]
    return float(np.exp(x[1] + np.clip(-slope / (2 * curve), x[0] - x[1], x[2] - x[1])))


def rate_trend(rates: Sequence[BestRate], over: str) -> RateTrend | None:
    """The power law through the best rates that lie between others; None with fewer than two sizes of such."""
    inside = [rate for rate in rates if not rate.edge]
    if len({rate.size for rate in inside}) < 2:
        return None
    law = power_law(np.log([rate.size for rate in inside]), np.log([rate.rate for rate in inside]), LEVEL)
    low, high = (None if math.isnan(end) else end for end in (law.low, law.high))
    return RateTrend(over, law.scale, law.exponent, low, high, tuple(rate.rung for rate in inside))
