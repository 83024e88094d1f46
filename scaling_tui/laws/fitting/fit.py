"""A law fitted to points: the parametric approach of Hoffmann et al. 2022 (section 3.3), followed to its minimum."""

from dataclasses import replace

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws.fitting.fitted import Fit, default_delta, observations
from scaling_tui.laws.fitting.points import Points, name_points
from scaling_tui.laws.fitting.restrictions import Restrictions, branches, check_priors
from scaling_tui.laws.fitting.solve import solve
from scaling_tui.laws.fitting.warnings import fit_warnings
from scaling_tui.laws.forms import Law
from scaling_tui.laws.published import get

_SAME = 1e-6  # inputs whose logarithms are closer than this count as equal


def fit(
    points: Points,
    law: str | Law,
    *,
    delta: float | None = None,
    convention: str = "all",
    restrictions: Restrictions = Restrictions(),  # noqa: B008 - frozen
) -> Fit:
    """Fits `law` to `points` by the summed Huber loss of log-loss residuals, to the global minimum.

    Args:
        points: the runs; unusable ones are left out with a warning.
        law: the law or its name.
        delta: of the Huber loss; None chooses (`default_delta`).
        convention: which parameters `points.params` counts, "all" or "non-embedding": recorded, not converted.
        restrictions: coefficients that are fixed, tied, or known from elsewhere.

    Raises:
        InputError: no usable point, fewer points than coefficients, or a column that the law needs is missing.
    """
    law = get(law) if isinstance(law, str) else law
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
    if delta is None:
        delta = default_delta(len(points), size)
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
        convention=convention,
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
