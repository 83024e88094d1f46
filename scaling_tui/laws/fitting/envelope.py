"""The envelope of training curves: at each budget the lowest loss that any run has reached with it.

Approach 1 of Hoffmann et al. 2022 (section 3.1). Rows of a file are here moments of training: params, tokens (or
flops) and loss, many to a run; a run is told by its label, else by its params.
"""

from dataclasses import dataclass

import numpy as np

from scaling_tui import InputError
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
        flops, loss, params: the envelope, (m,) each, rising in `flops`.
        sizes: how many sizes appear on it.
        law: kaplan-c through the envelope.
        params_law, tokens_law: N ∝ C^a and D ∝ C^b, through the middle of each size's stretch.
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

    The stretches of the smallest and the largest size on it end where other sizes were not tried, so they say nothing
    of the optimum and are left out of the power laws. A stretch enters those once, by its middle: the 1,500 budgets
    are not 1,500 observations.

    Raises:
        InputError: fewer than two runs with two moments each.
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
        raise InputError(f"envelope: {len(curves)} training curves with two moments or more, want at least two")
    budgets = np.linspace(min(c.min() for _, c, _ in curves), max(c.max() for _, c, _ in curves), _BUDGETS)
    table = np.full((len(curves), budgets.size), np.inf)
    for row, (_, c, y) in zip(table, curves, strict=True):
        inside = (budgets >= c[0]) & (budgets <= c[-1])
        row[inside] = np.interp(budgets[inside], c, y)
    best = np.argmin(table, axis=0)
    seen = np.isfinite(table.min(axis=0))
    budgets, best, lowest = budgets[seen], best[seen], table.min(axis=0)[seen]
    sizes = np.array([n for n, _, _ in curves])[best]
    stretches = [(n, budgets[sizes == n].mean()) for n in np.unique(sizes)][1:-1]
    warnings = []
    laws: list[PowerLaw | None] = [None, None]
    if len(stretches) >= 2:
        log_n = np.log([n for n, _ in stretches])
        log_c = np.array([c for _, c in stretches])
        laws = [power_law(log_c, log_n, level), power_law(log_c, log_c - np.log(6) - log_n, level)]
    else:
        warnings.append(
            f"{np.unique(sizes).size} sizes on the envelope: a power law needs four, since the outermost two end "
            "where nothing else was tried"
        )
    through = fit(Points.of(np.exp(lowest), flops=np.exp(budgets)), "kaplan-c")
    return Envelope(
        np.exp(budgets), np.exp(lowest), sizes, int(np.unique(sizes).size), through, laws[0], laws[1], tuple(warnings)
    )


def _named(points: Points) -> bool:
    """Whether labels tell runs apart; "row 17" tells only rows."""
    return bool(points.labels) and len(set(points.labels)) < len(points)
