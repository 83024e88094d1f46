"""A law refitted without each run in turn: what leave-one-out errors and the influence of runs are computed from.

Runs of one cluster or one configuration are left out together: a run whose twin stays in is no test of the law.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from scaling_tui.laws.fitting.clusters import Clusters, together
from scaling_tui.laws.fitting.fitted import Fit, observations
from scaling_tui.laws.fitting.solve import refit
from scaling_tui.laws.kernels import Array

_MOST_REFITTED = 4_000_000  # refits times points: a few seconds for a law
_LEAST_FOLDS = 10


@dataclass(frozen=True)
class LeaveOut:
    """Refits of `fit`, each without one fold of its points.

    Args:
        fold: the fold of each point, (n,). A fold is a group, or several where refits without each would take long.
        theta: internal coordinates of the refit without each fold, (folds, p).
    """

    fit: Fit
    groups: Clusters
    fold: NDArray[np.intp] = field(repr=False)
    theta: Array = field(repr=False)

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


def leave_out(fit: Fit, groups: Clusters | None = None) -> LeaveOut:
    """Refits `fit` without each group of its points.

    With thousands of groups, whose refits would take long, they are dealt at random to fewer folds.

    Args:
        fit: the refits use its law and delta.
        groups: None leaves out clusters or configurations (`together`).
    """
    groups = groups or together(fit.law.inputs, fit.points)
    count, most = len(groups), max(_LEAST_FOLDS, _MOST_REFITTED // max(1, len(fit.points)))
    fold = groups.number
    if count > most:
        dealt = np.random.default_rng(0).permutation(count) % most
        fold, count = dealt[groups.number], most
    weights = (fold != np.arange(count)[:, None]).astype(np.float64)
    return LeaveOut(fit, groups, fold, refit(fit, weights=weights).theta)
