"""Warnings about a fit: what its points leave undetermined, in sentences for whoever reads it."""

import numpy as np

from scaling_tui.laws.fitting.fitted import Fit, box_for, observations, sample
from scaling_tui.laws.fitting.minimize import minimize
from scaling_tui.laws.fitting.points import name_points, repeats
from scaling_tui.laws.forms import EXPONENT_BOUNDS, SYMBOLS, Input
from scaling_tui.laws.student_t import t_quantile

FAR = 10.0  # how far beyond the fitted points a prediction goes before it is called extrapolation
_OUTLIER = 6.0  # residual over the residuals' spread, at which a run is suspected to have diverged
_ONE_BUDGET = 1.2  # largest over smallest C that still is one budget


def fit_warnings(fit: Fit) -> tuple[str, ...]:
    """Every warning that the fit's own points and coefficients give rise to."""
    return tuple(
        warning
        for warning in (*_at_bounds(fit), *_not_determined(fit), *_floor(fit), *_spread(fit), *_points(fit))
        if warning
    )


def beyond(fit: Fit, **inputs: float) -> tuple[str, ...]:
    """Says which of `inputs` lie more than 10× outside the fitted points; nothing where none does."""
    far = []
    for name, value in inputs.items():
        column = fit.points.compute() if name == "flops" else getattr(fit.points, name, None)
        if column is None or column.size == 0:
            continue
        ratio = max(value / column.max(), column.min() / value)
        if ratio > FAR:
            symbol = SYMBOLS[name]  # type: ignore[index]
            far.append(f"{symbol} {ratio:.3g}× {'above the largest' if value > column.max() else 'below the smallest'}")
    if not far:
        return ()
    return (f"extrapolation: {', '.join(far)} fitted; the interval takes the law for true that far out",)


def undetermined(fit: Fit) -> tuple[Input, ...]:
    """Inputs of the law that all points share, so that nothing was learnt of them."""
    x, _ = observations(fit.law, fit.points)
    return tuple(name for name, row in zip(fit.law.inputs, x, strict=True) if np.ptp(row) < 1e-6)


def _at_bounds(fit: Fit) -> list[str]:
    least, most = EXPONENT_BOUNDS[0] * 1.01, EXPONENT_BOUNDS[1] * 0.99
    low, high = fit.law.box()
    held = (fit.theta <= low) | (fit.theta >= high)
    found = [
        f"{name} = {value:.4g} is at its bound: the points do not determine it"
        for (name, value), at_bound in zip(fit.coefficients.items(), held, strict=True)
        if at_bound or (name in fit.law.exponents and not least < value < most)
    ]
    if not fit.converged:
        found.append("the fit did not converge: its coefficients are not the minimum's")
    return found


def _not_determined(fit: Fit) -> list[str]:
    found = [
        f"all points at {SYMBOLS[name]} = {fit.points.column(name)[0]:.4g}: "
        f"the law's dependence on {SYMBOLS[name]} is not determined"
        for name in undetermined(fit)
        if name != "unique_tokens"
    ]
    if "unique_tokens" in fit.law.inputs:
        seen, unique = fit.points.column("tokens"), fit.points.column("unique_tokens")
        if float((seen / unique).max()) < 1.01:
            found.append("no run repeats tokens: R_D_star is not determined, its value and interval mean nothing")
    return found


def _floor(fit: Fit) -> list[str]:
    """Whether the points could do without E: the fit with E held at 0 against the fit, by an F test."""
    floor = fit.law.floor
    if floor is None:
        return []
    x, y = observations(fit.law, fit.points)
    if fit.coefficients[floor] < 1e-4 * float(np.exp(y.min())):
        return [f"{floor} is at its bound 0: the points show no irreducible loss"]
    if fit.freedom < 1:
        return [f"{floor} is not identified: {len(fit.points)} points for {len(fit.law.coefficients)} coefficients"]
    chosen = sample(y.size)
    x, y = x[:, chosen], y[chosen]
    box = box_for(fit.law, y)
    stages = (1e-1, 3e-2, 1e-2, 3e-3) if np.isfinite(fit.delta) else ()
    own = minimize(fit.law, x, y, fit.theta, delta=fit.delta, box=box, tolerance=1e-6)
    position = fit.law.coefficients.index(floor)
    box[1][position] = box[0][position]
    start = np.tile(fit.theta, (6, 1))
    for name in fit.law.exponents:
        # Without E the exponents are smaller; the optimum finds the scales that go with them.
        start[:, fit.law.coefficients.index(name)] *= np.array([1.0, 0.7, 0.5, 0.3, 0.2, 0.1])
    without = minimize(fit.law, x, y, start, delta=fit.delta, stages=stages, box=box, tolerance=1e-6)
    least = max(float(own.objective[0]), 1e-30)
    worse = (float(without.objective.min()) / least - 1) * fit.freedom
    if worse > t_quantile(0.975, fit.freedom) ** 2:
        return []
    return [f"{floor} is not identified: with {floor} = 0 the points are fitted about as well"]


def _spread(fit: Fit) -> list[str]:
    compute = fit.points.compute()
    if compute is None or len(fit.law.inputs) < 2 or len(fit.points) < 2:
        return []
    if compute.max() > _ONE_BUDGET * compute.min() or undetermined(fit):
        return []
    return [f"all points on one budget, C = {compute.mean():.3g}: how the loss falls with C is not determined"]


def _points(fit: Fit) -> list[str]:
    found = []
    x, y = observations(fit.law, fit.points)
    number = repeats(np.vstack([x, y]))
    twice = np.bincount(number)[number] > 1
    if twice.any():
        found.append(f"{name_points(fit.points, twice)}: the same run more than once, each counted")
    if fit.freedom == 0:
        found.append("as many points as coefficients: the law passes through them, and nothing tests it")
    residual = fit.residuals
    spread = 1.4826 * float(np.median(np.abs(residual)))
    far = residual > _OUTLIER * max(spread, 1e-3)
    if fit.freedom > 1 and far.any() and far.mean() < 0.2:
        worst = float(np.expm1(residual[far].max()))
        found.append(f"{name_points(fit.points, far)}: loss up to {worst:.1%} above the law, diverged or badly tuned?")
    return found
