"""A law refitted without each run in turn: what leave-one-out errors and the influence of runs are computed from.

Runs of one cluster or one configuration are left out together: a run whose twin stays in is no test of the law.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from scaling_tui.laws.fitting.fitted import Fit, box_for, observations
from scaling_tui.laws.fitting.minimize import Minimum, minimize
from scaling_tui.laws.fitting.points import Points, repeats
from scaling_tui.laws.forms import SYMBOLS
from scaling_tui.laws.kernels import Array

_MOST_REFITTED = 4_000_000  # refits times points: a few seconds for a law
_LEAST_FOLDS = 10


@dataclass(frozen=True)
class Groups:
    """Which points are left out together.

    Args:
        number: the group of each point, 0 to count - 1, (n,).
        kind: what a group is: "run", "configuration" (equal inputs) or "cluster" (as the points tell).
    """

    number: NDArray[np.intp] = field(repr=False)
    kind: str

    def __len__(self) -> int:
        return int(self.number.max()) + 1 if self.number.size else 0


def groups_of(points: Points) -> Groups:
    """The clusters of the points where they tell them, else their configurations."""
    clusters: tuple[str, ...] = getattr(points, "clusters", ())
    if clusters:
        return Groups(np.unique(np.array(clusters), return_inverse=True)[1].astype(np.intp), "cluster")
    columns = [column for name in SYMBOLS if (column := getattr(points, name, None)) is not None]
    if not columns:
        return Groups(np.arange(len(points)), "run")
    with np.errstate(divide="ignore", invalid="ignore"):
        number = repeats(np.nan_to_num(np.round(np.log(np.stack(columns)), 9)))
    single = number.size == 0 or int(number.max()) + 1 == number.size
    return Groups(number, "run" if single else "configuration")


@dataclass(frozen=True)
class LeaveOut:
    """Refits of `fit`, each without one fold of its points.

    Args:
        fold: the fold of each point, (n,). A fold is a group, or several where refits without each would take long.
        theta: internal coordinates of the refit without each fold, (folds, p).
        converged: whether each refit reached its minimum, (folds,).
    """

    fit: Fit
    groups: Groups
    fold: NDArray[np.intp] = field(repr=False)
    theta: Array = field(repr=False)
    converged: NDArray[np.bool_] = field(repr=False)

    @property
    def whole(self) -> bool:
        """Whether each fold is one group."""
        return len(self.theta) == len(self.groups)

    def errors(self) -> Array:
        """predicted/measured - 1 of each run by the refit without it, (n,)."""
        law = self.fit.law
        x, y = observations(law, self.fit.points)
        errors = np.empty(y.size)
        for number in range(self.theta.shape[0]):
            own = self.fold == number
            errors[own] = np.expm1(law.log_loss(self.theta[number : number + 1], x[:, own])[0] - y[own])
        return errors


def refit(fit: Fit, weights: Array) -> Minimum:
    """Minima of the fit's objective with other `weights` of its points, (K, n), each followed from the fit's own."""
    x, y = observations(fit.law, fit.points)
    start = np.tile(fit.theta, (weights.shape[0], 1))
    return minimize(fit.law, x, y, start, delta=fit.delta, weights=weights, box=box_for(fit.law, y))


def leave_out(fit: Fit, groups: Groups | None = None) -> LeaveOut:
    """Refits `fit` without each group of its points.

    With thousands of groups, whose refits would take long, they are dealt at random to fewer folds.

    Args:
        fit: the refits use its law and delta.
        groups: None leaves out clusters or configurations (`groups_of`).
    """
    groups = groups or groups_of(fit.points)
    count, most = len(groups), max(_LEAST_FOLDS, _MOST_REFITTED // max(1, len(fit.points)))
    fold = groups.number
    if count > most:
        dealt = np.random.default_rng(0).permutation(count) % most
        fold, count = dealt[groups.number], most
    weights = (fold != np.arange(count)[:, None]).astype(np.float64)
    refits = refit(fit, weights)
    return LeaveOut(fit, groups, fold, refits.theta, refits.converged & np.isfinite(refits.objective))
