"""Would the law have predicted its largest runs? The error that no bootstrap sees."""

from dataclasses import dataclass

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws.fitting.fit import solve
from scaling_tui.laws.fitting.fitted import Fit, box_for, observations
from scaling_tui.laws.fitting.minimize import minimize
from scaling_tui.laws.fitting.points import Points
from scaling_tui.laws.forms import Law
from scaling_tui.laws.kernels import Array


@dataclass(frozen=True)
class Holdout:
    """A fit to the smaller runs, judged by the larger ones.

    Args:
        points: held-out runs; `fitted` is how many the fit saw.
        by: what "larger" is measured by, "flops", or "params" or "tokens" where C is not known.
        threshold: the smallest held-out value of it.
        mape: mean |predicted/measured - 1|; `bias` the mean of predicted/measured - 1.
        errors: predicted/measured - 1, one a held-out run, in the order of the points.
        rival: another minimum of the same objective on the fitted runs, the one that the fit to all runs lies in,
            where it is not the lowest: (objective, mape, bias).
    """

    points: int
    fitted: int
    by: str
    threshold: float
    objective: float
    mape: float
    bias: float
    errors: Array
    rival: tuple[float, float, float] | None = None


def hold_out(full: Fit, flops: float | None = None) -> Holdout | None:
    """Refits without the largest runs and predicts them.

    Args:
        full: the fit to all points; law and delta are its own.
        flops: hold out C >= this. None takes the largest tenth, at least one run, and gives None where that would
            leave no more points than coefficients.

    Raises:
        InputError: `flops` given, and no point or too few are left on one side.
    """
    law, points = full.law, full.points
    by, size = _sizes(points, law)
    if flops is None:
        count = max(1, len(points) // 10)
        if len(points) - count <= len(law.coefficients):
            return None
        threshold = float(np.sort(size)[-count])
    else:
        if by != "flops":
            raise InputError(
                f"--holdout-flops: the points of {law.name} have no flops, want params and tokens, or flops"
            )
        threshold = flops
    out = size >= threshold
    if flops is not None and (not out.any() or (~out).sum() <= len(law.coefficients)):
        raise InputError(
            f"--holdout-flops {flops:g}: {int(out.sum())} points at or above it and {int((~out).sum())} below, "
            f"want at least 1 and {len(law.coefficients) + 1} (C is {size.min():.3g} to {size.max():.3g})"
        )
    if (~out).sum() <= len(law.coefficients):
        return None
    small, large = points.take(~out), points.take(out)
    x, y = observations(law, small)
    refit = solve(law, x, y, full.delta)
    objective = float(refit.objective[0])
    errors = _errors(law, refit.theta[0], large)
    return Holdout(
        points=len(large),
        fitted=len(small),
        by=by,
        threshold=threshold,
        objective=objective,
        mape=float(np.abs(errors).mean()),
        bias=float(errors.mean()),
        errors=errors,
        rival=_rival(full, x, y, objective, large),
    )


def _sizes(points: Points, law: Law) -> tuple[str, Array]:
    compute = points.compute()
    if compute is not None:
        return "flops", compute
    name = law.inputs[0]
    return name, points.column(name)


def _errors(law: Law, theta: Array, points: Points) -> Array:
    x, y = observations(law, points)
    errors: Array = np.expm1(law.log_loss(theta[None], x)[0] - y)
    return errors


def _rival(full: Fit, x: Array, y: Array, lowest: float, large: Points) -> tuple[float, float, float] | None:
    other = minimize(full.law, x, y, full.theta, delta=full.delta, box=box_for(full.law, y))
    objective = float(other.objective[0])
    if not other.converged[0] or objective < lowest * (1 + 1e-3):
        return None
    errors = _errors(full.law, other.theta[0], large)
    return objective, float(np.abs(errors).mean()), float(errors.mean())
