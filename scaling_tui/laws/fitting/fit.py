"""A law fitted to points: the parametric approach of Hoffmann et al. 2022 (section 3.3), followed to its minimum."""

from dataclasses import replace

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws.fitting.fitted import SAMPLE, Fit, box_for, default_delta, observations, sample
from scaling_tui.laws.fitting.initial_points import initial_points
from scaling_tui.laws.fitting.minimize import Minimum, minimize
from scaling_tui.laws.fitting.points import Points, name_points
from scaling_tui.laws.fitting.warnings import fit_warnings
from scaling_tui.laws.forms import Law
from scaling_tui.laws.kernels import Array
from scaling_tui.laws.published import get

_STAGES = (1e-1, 3e-2, 1e-2, 3e-3)
_SAME = 1e-6  # inputs whose logarithms are closer than this count as equal


def solve(law: Law, x: Array, y: Array, delta: float) -> Minimum:
    """The global minimum for one set of points, from many initial points on a grid of exponents."""
    box = box_for(law, y)
    chosen = sample(y.size)
    initial = initial_points(law, x[:, chosen], y[chosen], delta)
    # Follow all initial points far enough to tell their minima apart, then the best few to the end on all points.
    stages = _STAGES if np.isfinite(delta) else ()
    near = minimize(law, x[:, chosen], y[chosen], initial, delta=delta, stages=stages, box=box, tolerance=1e-6)
    ordered = near.theta[np.argsort(np.where(np.isfinite(near.objective), near.objective, np.inf))]
    minima = minimize(law, x, y, ordered[: 4 if y.size <= SAMPLE else 1], delta=delta, box=box)
    best = int(np.argmin(np.where(np.isfinite(minima.objective), minima.objective, np.inf)))
    keep = slice(best, best + 1)
    return Minimum(minima.theta[keep], minima.objective[keep], minima.converged[keep], minima.steps)


def fit(points: Points, law: str | Law, *, delta: float | None = None, convention: str = "all") -> Fit:
    """Fits `law` to `points` by the summed Huber loss of log-loss residuals, to the global minimum.

    Args:
        points: the runs; unusable ones are left out with a warning.
        law: the law or its name.
        delta: of the Huber loss; None chooses (`default_delta`).
        convention: which parameters `points.params` counts, "all" or "non-embedding": recorded, not converted.

    Raises:
        InputError: no usable point, fewer points than coefficients, or a column that the law needs is missing.
    """
    law = get(law) if isinstance(law, str) else law
    points, lacking, warnings = _usable(points, law)
    size = len(law.coefficients)
    if len(points) < size:
        has = f"{law.name} has {size} coefficients ({', '.join(law.coefficients)}): want at least {size}"
        left = f"{'; '.join(lacking)}; " if lacking else ""
        raise InputError(f"points: {left}{len(points)} usable, {has}, ideally {3 * size}")
    if delta is None:
        delta = default_delta(len(points), size)
    x, y = observations(law, points)
    if np.ptp(x, axis=1).max() < _SAME:
        raise InputError(
            f"points: all {len(points)} have the same {' and '.join(law.inputs)}, want runs that differ in them"
        )
    minimum = solve(law, x, y, delta)
    theta = minimum.theta[0]
    fitted = Fit(
        law=law,
        coefficients=dict(zip(law.coefficients, law.unpack(theta).tolist(), strict=True)),
        objective=float(minimum.objective[0]),
        delta=delta,
        points=points,
        convention=convention,
        warnings=(),
        converged=bool(minimum.converged[0]),
        theta=theta,
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
