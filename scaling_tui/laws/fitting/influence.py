"""What single runs do to a fit, and which coefficients the points cannot tell apart."""

from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from scaling_tui.laws.fitting.bootstrap import Bootstrap
from scaling_tui.laws.fitting.clusters import together
from scaling_tui.laws.fitting.fitted import Fit, observations
from scaling_tui.laws.fitting.holdout import sizes
from scaling_tui.laws.fitting.leave_out import leave_out
from scaling_tui.laws.fitting.ranks import rank_correlation
from scaling_tui.laws.forms import Input
from scaling_tui.laws.kernels import Array

Indices = NDArray[np.intp]
MOST = 1_000  # runs: beyond, none of them can matter much, and refitting without each takes long
_MOST_POINTS = 4 * MOST  # of so many groups
TOGETHER = 0.95  # rank correlation of draws from which two coefficients say one thing


@dataclass(frozen=True)
class Influence:
    """A fit without each of its runs in turn; runs of one cluster or configuration leave together.

    Args:
        kind: what leaves together: "run", "configuration" or "cluster".
        groups: the points that leave together, each an array of indices.
        cook: Cook's distance by exact refits: mean square change of the fitted log losses over all points, times
            points / (coefficients · residual variance). Above 1 a group carries the fit.
        prediction: the relative change of the law's loss at `at`.
        coefficients: the relative change of each coefficient, (groups, p); nan where it was 0 or is out of range.
        at: the inputs of the largest run.
    """

    kind: str
    groups: tuple[Indices, ...] = field(repr=False)
    cook: Array = field(repr=False)
    prediction: Array = field(repr=False)
    coefficients: Array = field(repr=False)
    at: dict[Input, float]

    def order(self) -> Indices:
        """The groups, the most influential first."""
        return np.argsort(-self.cook, kind="stable")


def influence(fit: Fit) -> Influence | None:
    """Refits without each run; None where a run less leaves no fit, or there are more than `MOST` of them."""
    law, points, size = fit.law, fit.points, fit.size
    if len(points) > _MOST_POINTS:
        return None
    groups = together(law.inputs, points)
    if len(groups) > MOST or len(groups) <= size or len(points) <= size:
        return None
    refits = leave_out(fit, groups)
    if not refits.whole:
        return None
    x, _ = observations(law, points)
    before = law.log_loss(fit.theta[None], x)
    after = law.log_loss(refits.theta, x)
    variance = float(fit.residuals @ fit.residuals) / (len(points) - size)
    largest = int(np.argmax(sizes(points, law)[1]))
    own = law.unpack(fit.theta)
    with np.errstate(divide="ignore", invalid="ignore"):
        cook = ((after - before) ** 2).sum(axis=1) / (size * variance)
        coefficients = law.unpack(refits.theta) / own - 1
    return Influence(
        kind=groups.each,
        groups=tuple(np.flatnonzero(groups.number == number) for number in range(len(groups))),
        cook=np.nan_to_num(cook, nan=0.0),
        prediction=np.expm1(after[:, largest] - before[0, largest]),
        coefficients=np.where(np.isfinite(coefficients), coefficients, np.nan),
        at=dict(zip(law.inputs, np.exp(x[:, largest]).tolist(), strict=True)),
    )


def correlations(draws: Bootstrap) -> dict[tuple[str, str], float]:
    """Spearman's rank correlation of each pair of coefficients over the draws; nan for one that does not vary.

    Ranks are the same whether a scale or its logarithm is drawn, and a draw without a floor (E = 0) is a draw too.
    """
    drawn = draws.coefficients()
    return {(one, other): rank_correlation(drawn[one], drawn[other]) for one, other in combinations(drawn, 2)}
