"""How far two fits of one law differ, and whether that is more than their runs' noise.

The draws of two bootstraps say how uncertain each fit is. Runs that are not shared err independently, so every draw of
one is as likely beside every draw of the other: the differences of all pairs are draws of the difference. Fits to the
very same points, resampled alike with one seed, are paired draw by draw instead, since one noise moves both.

Runs that two fits share in part move both, as a rule the same way. Taken for independent, as they are here, they give
an interval that is then too wide; `Pairing` says how many there are.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from scaling_tui.laws.fitting.fitted import Fit
from scaling_tui.laws.fitting.points import Points
from scaling_tui.laws.fitting.study import Study
from scaling_tui.laws.kernels import Array

_MOST_DRAWS = 1_000  # of each fit, so that there are at most a million pairs

How = Literal["independent", "paired"]


@dataclass(frozen=True)
class Pairing:
    """How the draws of two fits go together; `shared` is the number of runs that both were fitted to."""

    how: How
    shared: int


@dataclass(frozen=True)
class Difference:
    """One quantity by the second fit minus that by the first, with the interval of its draws.

    Args:
        low, high: nan where the draws of either fit do not tell how uncertain it is.
    """

    name: str
    value: float
    low: float
    high: float
    level: float

    @property
    def real(self) -> bool | None:
        """Whether the interval leaves out 0; None where there is no interval."""
        return None if math.isnan(self.low) or math.isnan(self.high) else self.low > 0 or self.high < 0


def pairing(first: Study, second: Study) -> Pairing:
    """How the draws of two studies go together, by the points that both were fitted to."""
    ours, theirs = _rows(first.fit.points), _rows(second.fit.points)
    shared = len(set(ours) & set(theirs))
    a, b = first.draws, second.draws
    alike = a is not None and b is not None and a.resample == b.resample and len(a) == len(b) and a.seed == b.seed
    return Pairing("paired" if alike and ours == theirs else "independent", shared)


def why_not(first: Fit, second: Fit) -> str:
    """Why the coefficients of two fits cannot be subtracted; empty where they can."""
    if first.law.name != second.law.name:
        return f"their laws differ, {first.law.name} and {second.law.name}"
    if "params" in first.law.inputs and first.convention != second.convention:
        return f"they count N differently, {first.convention} and {second.convention}"
    if "flops" in first.law.inputs and (first.points.flops is None) != (second.points.flops is None):
        return f"they count C differently, {' and '.join(_c_of(one.points) for one in (first, second))}"
    return ""


def _c_of(points: Points) -> str:
    return "6ND" if points.flops is None else "as recorded"


def differences(first: Study, second: Study, level: float) -> tuple[Difference, ...]:
    """The coefficients of two fits of one law, second minus first; without those that were fixed in both.

    Where the points of a fit do not move a coefficient, or its refits all lie at a bound, there is no interval.
    """
    ours, theirs = ({} if one.draws is None else one.draws.coefficients() for one in (first, second))
    how = pairing(first, second).how
    found = []
    for name, value in second.fit.coefficients.items():
        fixed = [name in one.fit.restrictions.fixed for one in (first, second)]
        if all(fixed):
            continue
        at = value - first.fit.coefficients[name]
        a, b = ours.get(name), theirs.get(name)
        told = (
            a is not None
            and b is not None
            and all(held or np.ptp(draws) > 0 for held, draws in zip(fixed, (a, b), strict=True))
        )
        low, high = interval_of(a, b, at, level, how) if told and a is not None and b is not None else (math.nan,) * 2
        found.append(Difference(name, at, low, high, level))
    return tuple(found)


def interval_of(first: Array, second: Array, value: float, level: float, how: How) -> tuple[float, float]:
    """The central percentile interval of second minus first, which holds `value`; nan where draws are not finite."""
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        return math.nan, math.nan
    if how == "paired":
        drawn = second - first
    else:
        a, b = (draws[np.linspace(0, len(draws) - 1, min(len(draws), _MOST_DRAWS)).astype(int)]
                for draws in (first, second))  # fmt: skip
        drawn = (b[:, None] - a[None]).ravel()
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return min(float(low), value), max(float(high), value)


def _rows(points: Points) -> list[tuple[float, ...]]:
    """Each point by its loss and D to nine digits: N and C may be counted by another convention."""
    tokens = [0.0] * len(points) if points.tokens is None else points.tokens.tolist()
    return [(float(f"{y:.9g}"), float(f"{d:.9g}")) for y, d in zip(points.loss.tolist(), tokens, strict=True)]
