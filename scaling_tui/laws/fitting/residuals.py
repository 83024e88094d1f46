"""Whether residuals depend on N, D or C: a law of the right form leaves none that do."""

from dataclasses import dataclass

import numpy as np

from scaling_tui.laws.fitting.fitted import Fit
from scaling_tui.laws.forms import SYMBOLS, Input
from scaling_tui.laws.kernels import Array
from scaling_tui.laws.student_t import t_quantile

_SURE = 0.9995  # so that of the six tests of a right law one in a few hundred fits fails
_LEAST_POINTS = 8


@dataclass(frozen=True)
class Pattern:
    """Student's t of the slope and of the curvature of the residuals of log loss over the logarithm of an input.

    Args:
        trend: positive where runs of large `over` lie above the law.
        bend: positive where runs at both ends of `over` lie above the law.
        limit: absolute value above which chance hardly explains one.
    """

    over: Input
    trend: float
    bend: float
    limit: float


def measured_inputs(fit: Fit) -> dict[Input, Array]:
    """The inputs that all points of the fit tell, whether the law uses them or not."""
    points = fit.points
    found: dict[Input, Array] = {}
    for name in SYMBOLS:
        column = points.compute() if name == "flops" else getattr(points, name, None)
        if column is not None and np.all(np.isfinite(column) & (column > 0)):
            found[name] = column
    return found


def patterns(fit: Fit) -> tuple[Pattern, ...]:
    """A parabola fitted to the residuals over each input with three values or more; none for a handful of points."""
    residual = fit.residuals
    freedom = residual.size - 3
    if residual.size < _LEAST_POINTS:
        return ()
    limit = t_quantile(_SURE, freedom)
    found = []
    for name, column in measured_inputs(fit).items():
        x = np.log(column)
        if np.unique(np.round(x, 6)).size < 3:
            continue
        z = (x - x.mean()) / x.std()
        design = np.stack([np.ones_like(z), z, z * z], axis=1)
        inverse = np.linalg.pinv(design.T @ design)
        slopes = inverse @ (design.T @ residual)
        rest = residual - design @ slopes
        errors = np.sqrt(np.maximum(np.diag(inverse) * (rest @ rest) / freedom, 1e-300))
        found.append(Pattern(name, float(slopes[1] / errors[1]), float(slopes[2] / errors[2]), limit))
    return tuple(found)
