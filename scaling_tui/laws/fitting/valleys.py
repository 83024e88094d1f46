"""The size of least loss at each budget, from the losses of the sizes tried there: three ways to draw the valley.

`near` is the default: a parabola in log N with a skew, through the sizes near the valley, by weighted least squares on
log loss (local regression, Cleveland 1979). At the optimum of E + A/N^alpha + B/D^beta the ratio of the cubic to the
quadratic term is (beta - alpha)/3 whatever the budget, so one skew is estimated from all budgets together; how near the
sizes must be is chosen by the error of leaving one out. `parabola` goes through all sizes (Approach 2 of Hoffmann et
al. 2022), which is biased by sizes far from the valley (Czech, Xu et al. 2026, arXiv 2603.22339). `akima` passes
through every point (Akima 1970; so do Porian et al. 2024), so it follows their noise too.
`benchmarks/laws_isoflop.py` compares them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from scaling_tui.laws.kernels import Array

Shape = Literal["near", "parabola", "akima"]
SHAPES: tuple[Shape, ...] = get_args(Shape)
HOW = {
    "near": "a skewed parabola near the valley",
    "parabola": "a parabola through all sizes",
    "akima": "Akima's curve through every size",
}

_WIDTHS = (1.0, 1.4, 2.0, 2.8, 4.0)  # of log N to each side: factors of 2.7 to 55
_NEAREST = 5  # sizes that the curve reaches at least
_JUDGED = 7  # sizes nearest to the valley, by whose error the width is chosen
_WIDER = 1.1  # a wider curve is taken if its error is at most this many times the least
_AS_GOOD = 1.4  # widths with up to this error count as possible, and their spread widens the interval
_ROUNDING = 1e-18
_SKEWS = np.linspace(-0.6, 0.6, 241)
_USUAL_SKEW = 0.3  # Chinchilla laws stay below 0.15, valleys of short training reach 0.5
_ROUNDS = 12


@dataclass(frozen=True)
class Budget:
    """The sizes tried at one budget, increasing: log N, log of the mean loss and number of runs of each, (k,)."""

    flops: float
    log_n: Array
    log_loss: Array
    count: Array

    @property
    def lowest(self) -> int:
        """Index of the size with the lowest loss."""
        return int(np.argmin(self.log_loss))


@dataclass(frozen=True)
class Least:
    """The lowest point of a valley: log N and log loss; `inside` where it lies between the sizes tried."""

    log_n: float
    log_loss: float
    inside: bool

    @classmethod
    def at_lowest(cls, budget: Budget) -> "Least":
        """Where there is no minimum: the size with the lowest loss."""
        return cls(float(budget.log_n[budget.lowest]), float(budget.log_loss[budget.lowest]), False)


@dataclass(frozen=True)
class Valleys:
    """The lowest point of each budget's valley, and those by curves that the sizes bear out nearly as well."""

    points: tuple[Least, ...]
    others: tuple[tuple[Least, ...], ...] = ()


def valleys_of(budgets: Sequence[Budget], shape: Shape) -> Valleys:
    """The valleys of budgets that have three sizes or more each."""
    if shape == "near":
        return _near(budgets)
    return Valleys(tuple(_through_all(budget) if shape == "parabola" else _akima(budget) for budget in budgets))


def _through_all(budget: Budget) -> Least:
    centre = budget.log_n.mean()
    x, weight = budget.log_n - centre, np.sqrt(budget.count)
    curve, slope, offset = np.polyfit(x, np.exp(budget.log_loss), 2, w=weight)
    if curve <= 0:
        return Least.at_lowest(budget)
    at, loss = centre - slope / (2 * curve), offset - slope**2 / (4 * curve)
    if not (budget.log_n[0] < at < budget.log_n[-1] and loss > 0):
        return Least.at_lowest(budget)
    return Least(float(at), float(np.log(loss)), True)


def _akima(budget: Budget) -> Least:
    """Lowest point of Akima's interpolant."""
    x, y = budget.log_n, budget.log_loss
    if budget.lowest in (0, x.size - 1):
        return Least.at_lowest(budget)
    slope = np.diff(y) / np.diff(x)
    first, last = 2 * slope[0] - slope[1], 2 * slope[-1] - slope[-2]
    m = np.concatenate([[2 * first - slope[0], first], slope, [last, 2 * last - slope[-1]]])
    ahead, behind = np.abs(m[3:] - m[2:-1]), np.abs(m[1:-2] - m[:-3])
    total = ahead + behind
    flat = total < 1e-12 * max(float(np.abs(m).max()), 1e-300)
    tangent = np.where(flat, (m[1:-2] + m[2:-1]) / 2, (ahead * m[1:-2] + behind * m[2:-1]) / np.where(flat, 1, total))
    share = np.linspace(0, 1, 1025)[:, None]
    h = np.diff(x)
    value = (
        (1 + 2 * share) * (1 - share) ** 2 * y[:-1]
        + share * (1 - share) ** 2 * h * tangent[:-1]
        + share**2 * (3 - 2 * share) * y[1:]
        - share**2 * (1 - share) * h * tangent[1:]
    )
    row, piece = np.unravel_index(int(np.argmin(value)), value.shape)
    return Least(float(x[piece] + share[row, 0] * h[piece]), float(value[row, piece]), True)


@dataclass(frozen=True)
class _Local:
    """A budget's sizes around `centre`, weighted: x = log N - centre, and square roots of the weights, (k,) each."""

    centre: float
    x: Array
    y: Array
    root: Array

    @classmethod
    def of(cls, budget: Budget, centre: float, width: float) -> "_Local":
        x = budget.log_n - centre
        root = np.sqrt(budget.count) * _tricube(x, width, _NEAREST) ** 0.5
        near = root > 1e-6
        return cls(centre, x[near], budget.log_loss[near], root[near])

    def moments(self) -> tuple[Array, float]:
        """Products of log loss, x² and x³ once a straight line is taken from each, (3, 3); and the freedom left."""
        line, _ = np.linalg.qr(np.stack([np.ones(self.x.size), self.x], axis=1) * self.root[:, None])
        rest = np.stack([self.y, self.x**2, self.x**3]) * self.root
        rest = rest - (rest @ line) @ line.T
        return rest @ rest.T, self.x.size - 3.0

    def basis(self, skew: float) -> Array:
        return np.stack([np.ones(self.x.size), self.x, self.x**2 + skew * self.x**3], axis=1)

    def least(self, skew: float) -> tuple[float, float] | None:
        """Lowest point of the curve; None where it has none."""
        a, b, q = np.linalg.lstsq(self.basis(skew) * self.root[:, None], self.y * self.root, rcond=None)[0]
        below = q * q - 3 * q * skew * b
        if q <= 0 or below < 0:
            return None
        x = -b / (q + np.sqrt(below))
        return self.centre + float(x), float(a + b * x + q * (x**2 + skew * x**3))

    def left_out(self, skew: float) -> float | None:
        """Mean square error at the sizes next to the valley when the curve is fitted without each; None below four."""
        if self.x.size < 4:
            return None
        q, _ = np.linalg.qr(self.basis(skew) * self.root[:, None])
        residual = self.root * self.y
        residual = (residual - q @ (q.T @ residual)) / np.maximum(1 - (q**2).sum(axis=1), 1e-3) / self.root
        weight = _tricube(self.x, 0.0, _JUDGED)
        return float(weight @ residual**2 / weight.sum())


def _tricube(x: Array, width: float, nearest: int) -> Array:
    """Weights that fall from 1 at 0 to 0 at `width`, or farther where that reaches too few sizes."""
    distance = np.abs(x)
    reach = max(width, 1.2 * float(np.sort(distance)[min(nearest, x.size) - 1]), 1e-9)
    return np.asarray((1 - np.minimum(distance / reach, 1) ** 3) ** 3)


def _near(budgets: Sequence[Budget]) -> Valleys:
    """The curves of the width with the least error, or of the widest with nearly that."""
    tries = [_of_width(budgets, width) for width in _WIDTHS]
    least = min(error for error, _ in tries)
    chosen = next(points for error, points in reversed(tries) if error <= _WIDER * least + _ROUNDING)
    return Valleys(chosen, tuple(points for error, points in tries if error <= _AS_GOOD * least + _ROUNDING))


def _of_width(budgets: Sequence[Budget], width: float) -> tuple[float, tuple[Least, ...]]:
    """The mean square error that judges a width, and its lowest points.

    The sizes are weighted by their distance from the lowest point, so that is found in rounds.
    """
    centres = [float(budget.log_n[budget.lowest]) for budget in budgets]
    for _ in range(_ROUNDS):
        local = [_Local.of(budget, centre, width) for budget, centre in zip(budgets, centres, strict=True)]
        skew = _common_skew(local)
        found = [part.least(skew) for part in local]
        moved = [
            centre if point is None else 0.3 * centre + 0.7 * float(np.clip(point[0], *budget.log_n[[0, -1]]))
            for budget, centre, point in zip(budgets, centres, found, strict=True)
        ]
        step = max(abs(new - old) for new, old in zip(moved, centres, strict=True))
        centres = moved
        if step < 1e-4:
            break
    points = tuple(
        Least(*point, True)
        if point is not None and budget.log_n[0] < point[0] < budget.log_n[-1]
        else Least.at_lowest(budget)
        for budget, point in zip(budgets, found, strict=True)
    )
    errors = [part.left_out(skew) for part, point in zip(local, points, strict=True) if point.inside]
    judged = [error for error in errors if error is not None]
    return float(np.mean(judged)) if judged else np.inf, points


def _common_skew(local: Sequence[_Local]) -> float:
    """The most likely skew of all valleys; 0 where there are too few sizes to tell."""
    products, freedom = zip(*(part.moments() for part in local), strict=True)
    if sum(freedom) < 2:
        return 0.0
    rest = np.zeros(_SKEWS.size)
    for m in products:
        along, length = m[0, 1] + _SKEWS * m[0, 2], m[1, 1] + 2 * _SKEWS * m[1, 2] + _SKEWS**2 * m[2, 2]
        rest += m[0, 0] - np.where(length > 1e-300, along**2 / np.maximum(length, 1e-300), 0)
    # Rounding leaves about this much of losses that the curve meets exactly.
    rest = np.maximum(rest, 1e-20)
    cost = sum(freedom) * np.log(rest) + (_SKEWS / _USUAL_SKEW) ** 2
    best = int(np.argmin(cost))
    if best in (0, _SKEWS.size - 1):
        return float(_SKEWS[best])
    left, here, right = cost[best - 1 : best + 2]
    bend = left - 2 * here + right
    return float(_SKEWS[best] + (_SKEWS[1] - _SKEWS[0]) * ((left - right) / (2 * bend) if bend > 0 else 0))
