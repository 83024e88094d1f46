"""IsoFLOP profiles: the size of lowest loss for each budget, and the power laws through these valleys.

Approach 2 of Hoffmann et al. 2022 (section 3.2): a parabola in log N through each budget's losses; or Akima's
interpolation (1970), which follows an asymmetric valley without assuming its shape.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws.fitting.points import Points
from scaling_tui.laws.kernels import Array
from scaling_tui.laws.student_t import t_quantile

Shape = Literal["parabola", "akima"]
_ONE_SIZE = 0.1


@dataclass(frozen=True)
class Valley:
    """The minimum of one budget's profile; with `edge` set, no minimum lies between the sizes tried."""

    flops: float
    points: int
    params: float
    tokens: float
    loss: float
    edge: bool


@dataclass(frozen=True)
class PowerLaw:
    """y = scale · C^exponent by least squares in logs; interval of the exponent by Student's t, nan for two points."""

    scale: float
    exponent: float
    low: float
    high: float

    def at(self, flops: float) -> float:
        """y at a budget."""
        return float(self.scale * flops**self.exponent)


@dataclass(frozen=True)
class Profiles:
    """Valleys, and N ∝ C^a and D ∝ C^b through those with a minimum inside; None with fewer than two such."""

    shape: Shape
    valleys: tuple[Valley, ...]
    params: PowerLaw | None
    tokens: PowerLaw | None
    level: float
    warnings: tuple[str, ...]


def profiles(points: Points, shape: Shape = "parabola", *, width: float = 0.2, level: float = 0.9) -> Profiles:
    """The valley of every budget and the power laws through them.

    Args:
        points: runs with params, and flops or tokens (then C = 6ND).
        shape: how the minimum between the sizes is found.
        width: budgets within this share of each other count as one (losses read off a plot, or sizes that miss the
            budget slightly).
        level: confidence level of the intervals of the exponents.

    Raises:
        InputError: no budget has three sizes.
    """
    params, compute = points.column("params"), points.column("flops")
    valleys, warnings = [], []
    for which in _groups(np.log(compute), width):
        if len(_groups(np.log(params[which]), _ONE_SIZE)) < 3:
            continue
        valleys.append(_valley(params[which], points.loss[which], float(np.exp(np.log(compute[which]).mean())), shape))
    if not valleys:
        raise InputError(
            f"isoFLOP profiles: no budget with three sizes among {len(points)} points, want at least three N at one C"
        )
    inside = [valley for valley in valleys if not valley.edge]
    warnings = [
        f"budget {valley.flops:.3g}: no minimum inside the range of sizes tried, left out of the power law"
        for valley in valleys
        if valley.edge
    ]
    laws: list[PowerLaw | None] = [None, None]
    if len(inside) >= 2:
        log_c = np.log([valley.flops for valley in inside])
        laws = [
            power_law(log_c, np.log([getattr(valley, name) for valley in inside]), level)
            for name in ("params", "tokens")
        ]
    else:
        warnings.append(f"{len(inside)} valleys with a minimum inside: a power law needs two")
    return Profiles(shape, tuple(valleys), laws[0], laws[1], level, tuple(warnings))


def power_law(log_x: Array, log_y: Array, level: float = 0.9) -> PowerLaw:
    """Power law by a straight line through logarithms, with Student's interval of the slope."""
    slope, offset = np.polyfit(log_x - log_x.mean(), log_y, 1)
    half = np.nan
    if log_x.size > 2:
        residual = log_y - offset - slope * (log_x - log_x.mean())
        error = np.sqrt(residual @ residual / (log_x.size - 2) / ((log_x - log_x.mean()) ** 2).sum())
        half = t_quantile(0.5 + level / 2, log_x.size - 2) * float(error)
    return PowerLaw(
        float(np.exp(offset - slope * log_x.mean())), float(slope), float(slope - half), float(slope + half)
    )


def _groups(logs: Array, width: float) -> list[Array]:
    """Groups of indices whose values lie within `width` (a share) of the group's smallest, in increasing order."""
    order = np.argsort(logs, kind="stable")
    groups: list[list[int]] = []
    for i in order.tolist():
        if groups and logs[i] - logs[groups[-1][0]] <= np.log1p(width):
            groups[-1].append(i)
        else:
            groups.append([i])
    return [np.array(group) for group in groups]


def _valley(params: Array, loss: Array, flops: float, shape: Shape) -> Valley:
    # Sizes that differ by a few per cent count as one: the slope between them would be mostly noise.
    sizes = _groups(np.log(params), _ONE_SIZE)
    n = np.array([np.log(params[group]).mean() for group in sizes])
    mean = np.array([loss[group].mean() for group in sizes])
    lowest = int(np.argmin(mean))
    if shape == "akima":
        at, least = _akima_minimum(n, mean)
        edge = lowest in (0, n.size - 1)
    else:
        centre = n.mean()
        curve, slope, offset = np.polyfit(np.log(params) - centre, loss, 2)
        edge = bool(curve <= 0)
        at = n[lowest] if edge else centre - slope / (2 * curve)
        least = mean[lowest] if edge else offset - slope**2 / (4 * curve)
        edge = edge or not n[0] < at < n[-1]
    N = float(np.exp(at))
    return Valley(flops, params.size, N, flops / (6 * N), float(least), bool(edge))


def _akima_minimum(x: Array, y: Array) -> tuple[float, float]:
    """Lowest point of Akima's interpolant through at least three points with increasing x."""
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
    return float(x[piece] + share[row, 0] * h[piece]), float(value[row, piece])
