"""IsoFLOP profiles: the size of lowest loss for each budget, and the power laws through these valleys.

Approach 2 of Hoffmann et al. 2022 (section 3.2), with the valley drawn in one of three ways (`valleys`). Where they
disagree the sizes do not determine the valley well, and the warnings say so.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws.counting import other_size
from scaling_tui.laws.fitting.points import Points
from scaling_tui.laws.fitting.valleys import HOW, SHAPES, Budget, Least, Shape, valleys_of
from scaling_tui.laws.kernels import Array
from scaling_tui.laws.student_t import t_quantile
from scaling_tui.text import show

APART = 0.25
"""Valleys whose best N differ by more than this share are named."""
_EXPONENTS_APART = 0.03
_ONE_SIZE = 0.1


@dataclass(frozen=True)
class Valley:
    """The minimum of one budget's profile; with `edge` set, no minimum lies between the sizes tried.

    `beyond` is the number of sizes on the side of the valley that has fewer.
    """

    flops: float
    points: int
    params: float
    tokens: float
    loss: float
    edge: bool
    beyond: int


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
class OtherShape:
    """What another shape makes of the same profiles.

    `exponent` is that of N, None with fewer than two valleys; `apart` are its valleys whose N lies more than `APART`
    from the ones chosen.
    """

    shape: Shape
    exponent: float | None
    apart: tuple[Valley, ...]


@dataclass(frozen=True)
class Profiles:
    """Valleys, and N ∝ C^a and D ∝ C^b through those with a minimum inside; None with fewer than two such."""

    shape: Shape
    valleys: tuple[Valley, ...]
    params: PowerLaw | None
    tokens: PowerLaw | None
    level: float
    disagreement: tuple[OtherShape, ...]
    warnings: tuple[str, ...]


def profiles(points: Points, shape: Shape = "near", *, width: float = 0.2, level: float = 0.9) -> Profiles:
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
    budgets = _budgets(points, width)
    if not budgets:
        raise InputError(
            f"isoFLOP profiles: no budget with three sizes among {len(points)} points, want at least three N at one C"
        )
    drawn = valleys_of(budgets, shape)
    found = _valleys(budgets, drawn.points)
    spread = _spread(budgets, drawn.points, drawn.others)
    params, tokens = (_law(found, name, level, spread) for name in ("params", "tokens"))
    disagreement = tuple(_other(budgets, other, found) for other in SHAPES if other != shape)
    warnings = (*_of_valleys(found, params), *_of_shapes(shape, params, disagreement))
    return Profiles(shape, found, params, tokens, level, disagreement, warnings)


def _budgets(points: Points, width: float) -> list[Budget]:
    """The budgets with three sizes or more; sizes that differ by a few per cent count as one, for the slope between
    them would be mostly noise."""
    log_n, log_c = np.log(points.column("params")), np.log(points.column("flops"))
    budgets = []
    for which in _groups(log_c, width):
        sizes = [which[group] for group in _groups(log_n[which], _ONE_SIZE)]
        if len(sizes) >= 3:
            budgets.append(
                Budget(
                    float(np.exp(log_c[which].mean())),
                    np.array([log_n[size].mean() for size in sizes]),
                    np.log([points.loss[size].mean() for size in sizes]),
                    np.array([float(size.size) for size in sizes]),
                )
            )
    return budgets


def _valleys(budgets: Sequence[Budget], least: Sequence[Least]) -> tuple[Valley, ...]:
    valleys = []
    for budget, point in zip(budgets, least, strict=True):
        params = float(np.exp(point.log_n))
        below = int((budget.log_n < point.log_n).sum())
        beyond = min(below, budget.log_n.size - below) if point.inside else 0
        valleys.append(
            Valley(
                budget.flops,
                int(budget.count.sum()),
                params,
                other_size(budget.flops, params),
                float(np.exp(point.log_loss)),
                not point.inside,
                beyond,
            )
        )
    return tuple(valleys)


def _law(valleys: Sequence[Valley], name: str, level: float, spread: float = 0.0) -> PowerLaw | None:
    inside = [valley for valley in valleys if not valley.edge]
    if len(inside) < 2:
        return None
    log_y = np.log([getattr(valley, name) for valley in inside])
    return power_law(np.log([valley.flops for valley in inside]), log_y, level, spread)


def _spread(budgets: Sequence[Budget], chosen: Sequence[Least], others: Sequence[Sequence[Least]]) -> float:
    """Root mean square difference of the exponent of N by `others`, valleys that the sizes bear out as well.

    The scatter of the valleys about the power law does not show an error that moves with the budget.
    """
    shifts = []
    for other in others:
        both = [
            (np.log(budget.flops), theirs.log_n - ours.log_n)
            for budget, ours, theirs in zip(budgets, chosen, other, strict=True)
            if ours.inside and theirs.inside
        ]
        if len(both) > 2:
            log_c, shift = np.array(both).T
            shifts.append(float(np.polyfit(log_c - log_c.mean(), shift, 1)[0]))
    return float(np.sqrt(np.mean(np.square(shifts)))) if shifts else 0.0


def _other(budgets: Sequence[Budget], shape: Shape, chosen: Sequence[Valley]) -> OtherShape:
    valleys = _valleys(budgets, valleys_of(budgets, shape).points)
    law = _law(valleys, "params", 0.9)
    apart = tuple(
        theirs
        for ours, theirs in zip(chosen, valleys, strict=True)
        if not (ours.edge or theirs.edge) and abs(np.log(theirs.params / ours.params)) > np.log1p(APART)
    )
    return OtherShape(shape, None if law is None else law.exponent, apart)


def _of_valleys(valleys: Sequence[Valley], law: PowerLaw | None) -> list[str]:
    warnings = [
        f"budget {valley.flops:.3g}: no minimum inside the range of sizes tried, left out of the power law"
        for valley in valleys
        if valley.edge
    ]
    close = [valley for valley in valleys if valley.beyond == 1]
    if close:
        warnings.append(
            f"{_named(close)}: only one size lies beyond the valley on one side, so the minimum rests on it alone"
        )
    inside = len(valleys) - sum(valley.edge for valley in valleys)
    if law is None:
        warnings.append(f"{inside} valleys with a minimum between the sizes tried: a power law needs two")
    elif inside == 2:
        warnings.append(
            "only two budgets have a minimum: the exponents have no interval, a third budget would give one"
        )
    return warnings


def _of_shapes(shape: Shape, law: PowerLaw | None, others: Sequence[OtherShape]) -> list[str]:
    warnings = []
    for other in others:
        if law is not None and other.exponent is not None and abs(other.exponent - law.exponent) > _EXPONENTS_APART:
            warnings.append(
                f"N grows as C^{law.exponent:.3f} by {HOW[shape]}, as C^{other.exponent:.3f} by {HOW[other.shape]}"
            )
        if other.apart:
            warnings.append(
                f"{_named(other.apart)}: the best N differs by more than {show.percent(APART)} between {HOW[shape]} "
                f"and {HOW[other.shape]}"
            )
    return warnings


def _named(valleys: Sequence[Valley]) -> str:
    names = [f"{valley.flops:.3g}" for valley in valleys[:3]]
    more = f" and {len(valleys) - 3} more" if len(valleys) > 3 else ""
    return f"{'budget' if len(valleys) == 1 else 'budgets'} {', '.join(names)}{more}"


def power_law(log_x: Array, log_y: Array, level: float = 0.9, spread: float = 0.0) -> PowerLaw:
    """Power law by a straight line through logarithms, with Student's interval of the slope.

    `spread` is a standard error of the slope that the scatter about the line does not show.
    """
    slope, offset = np.polyfit(log_x - log_x.mean(), log_y, 1)
    half = np.nan
    if log_x.size > 2:
        residual = log_y - offset - slope * (log_x - log_x.mean())
        error = np.hypot(np.sqrt(residual @ residual / (log_x.size - 2) / ((log_x - log_x.mean()) ** 2).sum()), spread)
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
