"""The envelope of training curves: the lowest loss that any run has reached at each budget.

Approach 1 of Hoffmann et al. 2022 (section 3.1). Here each row of a file is one step of a training curve: params,
tokens (or flops) and loss, many rows per run. Runs are told apart by label, or else by params.
"""

from dataclasses import dataclass

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws.counting import LOG6
from scaling_tui.laws.fitting.fit import fit
from scaling_tui.laws.fitting.fitted import Fit
from scaling_tui.laws.fitting.isoflop import PowerLaw, power_law
from scaling_tui.laws.fitting.points import Points
from scaling_tui.laws.kernels import Array

_BUDGETS = 1500  # as in the paper


@dataclass(frozen=True)
class Envelope:
    """Lowest loss by budget, the size that reached it, and the laws through both.

    Args:
        flops, loss, params: the envelope, (m,) each, increasing in `flops`.
        sizes: how many sizes appear on it.
        law: kaplan-c through the envelope.
        params_law, tokens_law: N ∝ C^a and D ∝ C^b, through the midpoint of each size's segment.
    """

    flops: Array
    loss: Array
    params: Array
    sizes: int
    law: Fit
    params_law: PowerLaw | None
    tokens_law: PowerLaw | None
    warnings: tuple[str, ...]


def envelope(points: Points, level: float = 0.9) -> Envelope:
    """Envelope of the curves in `points`.

    The segments of the smallest and the largest size end where no other sizes were tried, so they say nothing about
    the optimum and are left out of the power laws. Each other segment enters once, by its midpoint: the 1,500
    budgets are not 1,500 observations.

    Raises:
        InputError: fewer than two curves with two points each.
    """
    params, compute = points.column("params"), points.column("flops")
    keys = np.array(
        [f"{label}|{n:.9g}" for label, n in zip(points.labels, params, strict=True)]
        if _named(points)
        else [f"{n:.9g}" for n in params]
    )
    curves = []
    for key in dict.fromkeys(keys.tolist()):
        which = np.flatnonzero(keys == key)
        which = which[np.argsort(compute[which])]
        if which.size >= 2:
            curves.append((float(params[which[0]]), np.log(compute[which]), np.log(points.loss[which])))
    if len(curves) < 2:
        raise InputError(f"envelope: {len(curves)} training curves of two or more points, want at least two")
    budgets = np.linspace(min(c.min() for _, c, _ in curves), max(c.max() for _, c, _ in curves), _BUDGETS)
    table = np.full((len(curves), budgets.size), np.inf)
    for row, (_, c, y) in zip(table, curves, strict=True):
        inside = (budgets >= c[0]) & (budgets <= c[-1])
        row[inside] = np.interp(budgets[inside], c, y)
    best = np.argmin(table, axis=0)
    seen = np.isfinite(table.min(axis=0))
    budgets, best, lowest = budgets[seen], best[seen], table.min(axis=0)[seen]
    sizes = np.array([n for n, _, _ in curves])[best]
    segments = [(n, budgets[sizes == n].mean()) for n in np.unique(sizes)][1:-1]
    warnings = []
    laws: list[PowerLaw | None] = [None, None]
    if len(segments) >= 2:
        log_n = np.log([n for n, _ in segments])
        log_c = np.array([c for _, c in segments])
        laws = [power_law(log_c, log_n, level), power_law(log_c, log_c - LOG6 - log_n, level)]
    else:
        warnings.append(
            f"{np.unique(sizes).size} sizes on the envelope: a power law needs four, and the smallest and the largest "
            "do not count, because nothing beyond them was tried"
        )
    loss_law = fit("kaplan-c", Points.of(np.exp(lowest), flops=np.exp(budgets)))
    return Envelope(
        np.exp(budgets), np.exp(lowest), sizes, int(np.unique(sizes).size), loss_law, laws[0], laws[1], tuple(warnings)
    )


def _named(points: Points) -> bool:
    """Whether labels name runs, not single rows."""
    return bool(points.labels) and len(set(points.labels)) < len(points)
