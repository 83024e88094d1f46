"""The minimum of a fit's objective: found from nothing, and followed from a known fit to other points or weights.

A law with an irreducible loss E is solved twice, with E free and with E = 0, and the lower minimum is taken. In the
coordinate log E the way to E = 0 has no end, so a search that heads there stops wherever its patience ends.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from scaling_tui.laws.fitting.fitted import SAMPLE, Fit, box_for, observations, sample
from scaling_tui.laws.fitting.initial_points import initial_points
from scaling_tui.laws.fitting.minimize import LAST_BITS, Minimum, Penalty, minimize
from scaling_tui.laws.fitting.noise import NOISE_FLOOR
from scaling_tui.laws.fitting.restrictions import Branch, Restrictions, branches, direct
from scaling_tui.laws.forms import Law
from scaling_tui.laws.kernels import Array

_STAGES = (1e-1, 3e-2, 1e-2, 3e-3)
_SEARCH_STEPS = 200
_BEST = 4  # minima of the global search that are followed to the end
_EQUAL = 1e-9  # share of the objective by which E must lower it to count


@dataclass(frozen=True)
class Solution:
    """The global minimum for one set of points.

    Args:
        theta: the coordinates of the law, (p,).
        minima: the minimum of each branch (see `branches`), (b, p); `objectives` (b,).
        noise: variance of the noise of log loss, which priors are weighed against; 0 without priors.
    """

    theta: Array
    objective: float
    converged: bool
    minima: Array = field(repr=False)
    objectives: Array = field(repr=False)
    noise: float = 0.0


def solve(law: Law, x: Array, y: Array, delta: float, restrictions: Restrictions = Restrictions()) -> Solution:  # noqa: B008
    """The global minimum, from many initial points on a grid of exponents.

    Raises:
        InputError: the law cannot be restricted so.
    """
    solved = _solve(law, x, y, delta, restrictions, 0.0)
    if not restrictions.priors:
        return solved
    # A prior is weighed against the noise of the points about the law without it. Noise about the law with it would
    # grow with a prior that the points contradict, until nothing spoke against it.
    freedom = y.size - len(branches(law, restrictions)[0].free)
    noise = _noise(law, solved, x, y, delta) / freedom if freedom > 0 else NOISE_FLOOR**2
    return _solve(law, x, y, delta, restrictions, max(noise, NOISE_FLOOR**2))


def _noise(law: Law, solved: Solution, x: Array, y: Array, delta: float) -> float:
    """The sum over points of residual times its pull; of least squares the sum of squares."""
    residual = law.log_loss(solved.theta[None], x)[0] - y
    return float(np.clip(residual, -delta, delta) @ residual)


def _solve(law: Law, x: Array, y: Array, delta: float, restrictions: Restrictions, noise: float) -> Solution:
    chosen, stages = sample(y.size), _STAGES if np.isfinite(delta) else ()
    found = []
    for branch in branches(law, restrictions):
        box = branch.box(box_for(law, y))
        penalties, constant = _penalties(law, branch, restrictions, noise, None)
        initial = initial_points(branch, x[:, chosen], y[chosen], delta)
        # Follow all initial points far enough to tell their minima apart, then the best few to the end on all points.
        near = minimize(
            branch.kernel, x[:, chosen], y[chosen], branch.project(initial),
            delta=delta, stages=stages, box=box, tolerance=1e-6, penalties=penalties, most_steps=_SEARCH_STEPS,
        )  # fmt: skip
        ordered = near.theta[np.argsort(np.where(np.isfinite(near.objective), near.objective, np.inf))]
        starts = ordered[: _BEST if y.size <= SAMPLE else 1]
        minima = minimize(branch.kernel, x, y, starts, delta=delta, box=box, penalties=penalties)
        best = int(np.argmin(np.where(np.isfinite(minima.objective), minima.objective, np.inf)))
        found.append(
            Minimum(
                branch.expand(minima.theta[best : best + 1]),
                minima.objective[best : best + 1] + constant,
                minima.converged[best : best + 1],
                minima.steps,
            )
        )
    best_of = _best(law, box_for(law, y), found)
    return Solution(
        best_of.theta[0],
        float(best_of.objective[0]),
        bool(best_of.converged[0]),
        np.concatenate([each.theta for each in found]),
        np.concatenate([each.objective for each in found]),
        noise,
    )


def refit(
    fit: Fit,
    y: Array | None = None,
    *,
    x: Array | None = None,
    weights: Array | None = None,
    delta: float | None = None,
    priors: Mapping[str, Array] | None = None,
    tolerance: float = LAST_BITS,
) -> Minimum:
    """Minima of the law of `fit` for other losses or weights of its points, each followed from the fit's own.

    Args:
        fit: the fit to follow.
        y: log losses, (n,) or (K, n); None takes those of the points.
        x: log inputs, (m, n), if they are not those of the points.
        weights: (K, n); None gives every point weight 1.
        delta: of the Huber loss; None takes the fit's.
        priors: the means of the fit's priors, (K,) each; None takes the priors' own.
        tolerance: as `minimize` takes it.

    Returns:
        theta (K, p), the coordinates of the whole law.
    """
    own_x, own_y = observations(fit.law, fit.points)
    x, y = own_x if x is None else x, own_y if y is None else y
    low, high = box_for(fit.law, own_y)
    if fit.law.floor:
        high[fit.law.coefficients.index(fit.law.floor)] = max(float(own_y.max()), float(y.max()))
    rows = max(1 if y.ndim == 1 else y.shape[0], 1 if weights is None else weights.shape[0])
    found = []
    for branch, start in zip(branches(fit.law, fit.restrictions), fit.minima, strict=True):
        penalties, constant = _penalties(fit.law, branch, fit.restrictions, fit.noise, priors)
        minimum = minimize(
            branch.kernel,
            x,
            y,
            np.tile(branch.project(start), (rows, 1)),
            delta=fit.delta if delta is None else delta,
            weights=weights,
            box=branch.box((low, high)),
            tolerance=tolerance,
            penalties=penalties,
        )
        found.append(
            Minimum(branch.expand(minimum.theta), minimum.objective + constant, minimum.converged, minimum.steps)
        )
    return _best(fit.law, (low, high), found)


def _best(law: Law, box: tuple[Array, Array], found: list[Minimum]) -> Minimum:
    """The lower of the branches' minima, row by row; E = 0 where E gains nothing."""
    if len(found) == 1:
        return found[0]
    free, none = found
    assert law.floor is not None
    position = law.coefficients.index(law.floor)
    gained = free.objective < none.objective * (1 - _EQUAL)
    use = gained & np.isfinite(free.objective) & (free.theta[:, position] > box[0][position])
    return Minimum(
        np.where(use[:, None], free.theta, none.theta),
        np.where(use, free.objective, none.objective),
        np.where(use, free.converged, none.converged),
        max(free.steps, none.steps),
    )


def _penalties(
    law: Law, branch: Branch, restrictions: Restrictions, noise: float, means: Mapping[str, Array] | None
) -> tuple[tuple[Penalty, ...], Array]:
    """The priors in a branch's coordinates, and what those on a coefficient held at 0 add to the objective."""
    penalties, constant = [], np.zeros(())
    if noise == 0:
        return (), constant
    for name, prior in restrictions.priors.items():
        position, weight = direct(law, name), noise / prior.sd**2
        mean = np.asarray(prior.mean if means is None else means[name], dtype=np.float64)
        if position in branch.free:
            penalties.append(Penalty(branch.free.index(position), name not in law.exponents, mean, weight))
        else:
            constant = constant + weight / 2 * mean**2
    return tuple(penalties), constant
