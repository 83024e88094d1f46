"""A law fitted to points: the parametric approach of Hoffmann et al. 2022 (section 3.3), followed to its minimum."""

import math
from dataclasses import replace

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws.arguments import LARGEST, instance, one_of, positive
from scaling_tui.laws.fitting.fitted import Fit, default_delta, observations
from scaling_tui.laws.fitting.points import CONVENTIONS, Points, name_points
from scaling_tui.laws.fitting.restrictions import Restrictions, branches, check_priors
from scaling_tui.laws.fitting.solve import solve
from scaling_tui.laws.fitting.tables import Source, as_points
from scaling_tui.laws.fitting.warnings import fit_warnings
from scaling_tui.laws.forms import Law
from scaling_tui.laws.published import find_law

_SAME = 1e-6  # inputs whose logarithms are closer than this count as equal


def fit(
    law: str | Law,
    points: Points | Source,
    *,
    delta: float | None = None,
    convention: str | None = None,
    restrictions: Restrictions = Restrictions(),  # noqa: B008 - frozen
) -> Fit:
    """Fits `law` to `points` by the summed Huber loss of log-loss residuals, to the global minimum.

    This is the fit that `scaling-tui fit` makes: approach 3 of Hoffmann et al. 2022 (arXiv:2203.15556, section 3.3),
    with the Huber loss summed over runs rather than averaged, as Besiroglu et al. 2024 (arXiv:2404.10102) correct it.

    >>> N = [1e6, 3e6, 1e7, 3e7, 1e8, 3e8]
    >>> fitted = fit("chinchilla-n", {"params": N, "loss": [2.966, 2.663, 2.410, 2.242, 2.101, 2.006]})
    >>> fitted
    <Fit of chinchilla-n to 6 points: E 1.707, A 41.14, alpha 0.2524; objective 4.58492e-07>
    >>> float(fitted.loss(params=1e9).round(3))
    1.928

    Args:
        law: the law or its name; `LAWS` has them all.
        points: the runs, or a table of them as `read_points` takes it; unusable ones are left out with a warning.
        delta: of the Huber loss, in log loss; inf is least squares; None chooses: 1e-3, or inf where there are fewer
            than 5 points per coefficient.
        convention: which parameters `points.params` counts, "all" or "non-embedding": recorded, not converted; None is
            what the points say of themselves. `points.under` converts.
        restrictions: coefficients that are fixed, tied, or known from elsewhere.

    Raises:
        InputError: no such law, no usable point, fewer points than coefficients, or a column that the law needs is
            missing; or as `read_points`.
    """
    law = law if isinstance(law, Law) else find_law(law)
    instance("restrictions", restrictions, Restrictions, "laws.Restrictions(…)")
    if convention is not None:
        one_of("convention", convention, CONVENTIONS)
    points = as_points(points)
    points, lacking, warnings = _usable(points, law)
    size = len(branches(law, restrictions)[0].free)
    check_priors(law, restrictions)
    if len(points) + len(restrictions.priors) < size:
        names = ", ".join(law.coefficients)
        has = f"{law.name} has {size} coefficients ({names}): want at least {size}"
        if restrictions:
            has = f"{law.name} with {restrictions.text} has {size} free coefficients: want at least {size}"
        left = f"{'; '.join(lacking)}; " if lacking else ""
        raise InputError(f"points: {left}{len(points)} usable, {has}, ideally {3 * size}")
    delta = default_delta(len(points), size) if delta is None else positive("delta", delta, infinite=True)
    if delta > LARGEST:
        delta = math.inf  # every residual is far below it: least squares
    x, y = observations(law, points)
    if np.ptp(x, axis=1).max() < _SAME:
        raise InputError(
            f"points: all {len(points)} have the same {' and '.join(law.inputs)}, want runs that differ in them"
        )
    solved = solve(law, x, y, delta, restrictions)
    fitted = Fit(
        law=law,
        # What was held stays as it was given: an exponential of a logarithm loses its last digits.
        coefficients={
            **dict(zip(law.coefficients, law.unpack(solved.theta).tolist(), strict=True)),
            **restrictions.fixed,
        },
        objective=solved.objective,
        delta=delta,
        points=points,
        convention=convention or points.convention,
        warnings=(),
        converged=solved.converged,
        theta=solved.theta,
        minima=solved.minima,
        objectives=solved.objectives,
        restrictions=restrictions,
        noise=solved.noise,
    )
    return replace(fitted, warnings=(*warnings, *fit_warnings(fitted)))


def _usable(points: Points, law: Law) -> tuple[Points, list[str], list[str]]:
    """The points that can be fitted, what the others lack, and warnings about the others."""
    columns = {name: points.column(name) for name in law.inputs}
    whole = np.ones(len(points), dtype=bool)
    lacking = []
    for name, column in columns.items():
        absent = np.isnan(column)  # stands for what a run does not tell
        if absent.all():
            lacking.append(f"no run has {name}")
        elif absent.any():
            lacking.append(f"{int(absent.sum())} of {len(points)} runs have no {name}: {name_points(points, absent)}")
        whole &= ~absent
    good = np.all([np.isfinite(column) & (column > 0) for column in (points.loss, *columns.values())], axis=0)
    warnings = [f"left out: {line}" for line in lacking]
    if not good[whole].all():
        warnings.append(f"{name_points(points, whole & ~good)} left out: not finite and positive")
    return points.take(good) if not good.all() else points, lacking, warnings
