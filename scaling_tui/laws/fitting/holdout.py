"""Held-out error: would the law have predicted its largest runs? No bootstrap measures this."""

from dataclasses import dataclass

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws.arguments import instance, number
from scaling_tui.laws.fitting.fitted import Fit, observations
from scaling_tui.laws.fitting.points import Points
from scaling_tui.laws.fitting.solve import refit, solve
from scaling_tui.laws.forms import Input, Law
from scaling_tui.laws.kernels import Array


@dataclass(frozen=True)
class Holdout:
    """A fit to the smaller runs, tested on the larger ones.

    Args:
        points: number of held-out runs; `fitted` is the number of runs fitted.
        by: the measure of size: "flops", or "params" or "tokens" if C is unknown.
        threshold: the smallest held-out value of it.
        mape: mean |predicted/measured - 1|; `bias` the mean of predicted/measured - 1.
        errors: predicted/measured - 1 of each held-out run, in the order of the points.
        other_minimum: (objective, mape, bias) at the minimum nearest the fit to all runs, if that is not the lowest
            minimum of the fitted runs.
    """

    points: int
    fitted: int
    by: Input
    threshold: float
    objective: float
    mape: float
    bias: float
    errors: Array
    other_minimum: tuple[float, float, float] | None = None


def hold_out(full: Fit, holdout_flops: float | None = None) -> Holdout | None:
    """Refits without the largest runs and predicts them.

    Args:
        full: the fit to all points; the refit uses its law and delta.
        holdout_flops: hold out the runs with C at or above this. None holds out the largest tenth, at least one run,
            and returns None if that leaves no more points than coefficients.

    Raises:
        InputError: `holdout_flops` is given and leaves too few points on one side.
    """
    instance("fit", full, Fit, "what laws.fit gives")
    law, points = full.law, full.points
    by, size = sizes(points, law)
    if holdout_flops is None:
        count = max(1, len(points) // 10)
        if len(points) - count <= full.size:
            return None
        threshold = float(np.sort(size)[-count])
    else:
        if by != "flops":
            raise InputError(
                "holdout_flops: the FLOPs of the points are unknown, want a column flops, or params and tokens"
            )
        threshold = holdout_flops = number("holdout_flops", holdout_flops)
    out = size >= threshold
    if holdout_flops is not None and (not out.any() or (~out).sum() <= full.size):
        raise InputError(
            f"holdout_flops {holdout_flops:g}: {int(out.sum())} points at or above it and {int((~out).sum())} below, "
            f"want at least 1 and {full.size + 1} (C is {size.min():.3g} to {size.max():.3g})"
        )
    if (~out).sum() <= full.size:
        return None
    small, large = points.take(~out), points.take(out)
    x, y = observations(law, small)
    solved = solve(law, x, y, full.delta, full.restrictions)
    objective = solved.objective
    errors = _errors(law, solved.theta, large)
    return Holdout(
        points=len(large),
        fitted=len(small),
        by=by,
        threshold=threshold,
        objective=objective,
        mape=float(np.abs(errors).mean()),
        bias=float(errors.mean()),
        errors=errors,
        other_minimum=_other_minimum(full, x, y, objective, large),
    )


def sizes(points: Points, law: Law) -> tuple[Input, Array]:
    """What tells larger runs from smaller ones, and its value for each run: C; without it the law's first input."""
    compute = points.compute()
    if compute is not None:
        return "flops", compute
    name = law.inputs[0]
    return name, points.column(name)


def _errors(law: Law, theta: Array, points: Points) -> Array:
    x, y = observations(law, points)
    errors: Array = np.expm1(law.log_loss(theta[None], x)[0] - y)
    return errors


def _other_minimum(full: Fit, x: Array, y: Array, lowest: float, large: Points) -> tuple[float, float, float] | None:
    other = refit(full, y, x=x)
    objective = float(other.objective[0])
    if not other.converged[0] or objective < lowest * (1 + 1e-3):
        return None
    errors = _errors(full.law, other.theta[0], large)
    return objective, float(np.abs(errors).mean()), float(errors.mean())
