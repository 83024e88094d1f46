"""Warnings about a fit: what its points leave undetermined, in sentences for the reader of the fit."""

import numpy as np

from scaling_tui.laws.fitting.clusters import clusters_of
from scaling_tui.laws.fitting.fitted import Fit, observations
from scaling_tui.laws.fitting.points import name_points, repeats
from scaling_tui.laws.fitting.ray import law_along, ray_of
from scaling_tui.laws.forms import EXPONENT_BOUNDS, SYMBOLS, Input
from scaling_tui.laws.student_t import t_quantile
from scaling_tui.text import show

FAR = 10.0  # ratio to the fitted points beyond which a prediction is called an extrapolation
_OUTLIER = 6.0  # residual, in units of the residuals' spread, beyond which a run may have diverged
_CONTRADICTED = 3.0  # s.d. of a prior from its mean beyond which the points contradict it
_ONE_BUDGET = 1.2  # largest ratio of C that still counts as one budget


def fit_warnings(fit: Fit) -> tuple[str, ...]:
    """All warnings that follow from the fit's points and coefficients."""
    return tuple(
        warning
        for warning in (
            *_at_bounds(fit),
            *_given(fit),
            *_not_determined(fit),
            *_floor(fit),
            *_spread(fit),
            *_points(fit),
        )
        if warning
    )


def beyond(fit: Fit, **inputs: float) -> tuple[str, ...]:
    """A warning naming the `inputs` that lie more than 10× outside the fitted points; empty if none does."""
    far = []
    for name, value in inputs.items():
        column = fit.points.compute() if name == "flops" else getattr(fit.points, name, None)
        if column is None or column.size == 0:
            continue
        with np.errstate(over="ignore"):  # infinitely far is far
            ratio = max(value / column.max(), column.min() / value)
        if ratio > FAR:
            symbol = SYMBOLS[name]  # type: ignore[index]
            far.append(f"{symbol} {ratio:.3g}× {'above the largest' if value > column.max() else 'below the smallest'}")
    if not far:
        return ()
    return (f"extrapolation: {', '.join(far)} fitted; the interval assumes that the law still holds there",)


def no_interval(fit: Fit) -> str:
    """Why a fit without draws has no intervals."""
    why = "the points leave no degrees of freedom" if fit.freedom < 1 else "no refits were asked for"
    return f"no intervals: {why}"


def undetermined(fit: Fit) -> tuple[Input, ...]:
    """Inputs of the law with the same value at all points, so their effect is not determined."""
    x, _ = observations(fit.law, fit.points)
    return tuple(name for name, row in zip(fit.law.inputs, x, strict=True) if np.ptp(row) < 1e-6)


def _at_bounds(fit: Fit) -> list[str]:
    least, most = EXPONENT_BOUNDS[0] * 1.01, EXPONENT_BOUNDS[1] * 0.99
    low, high = fit.law.box()
    at_bounds = (fit.theta <= low) | (fit.theta >= high)
    warnings = [
        f"{name} = {value:.4g} is at its bound: the points do not determine it"
        for (name, value), at_bound in zip(fit.coefficients.items(), at_bounds, strict=True)
        if value != 0 and name not in fit.restrictions.fixed
        if at_bound or (name in fit.law.exponents - fit.law.signed and not least < value < most)
    ]
    if not fit.converged:
        warnings.append("the fit did not converge: its coefficients are not at the minimum")
    return warnings


def _given(fit: Fit) -> list[str]:
    """Warns where the points contradict what was given of the coefficients."""
    lowest, floor = float(fit.points.loss.min()), fit.law.floor
    warnings = []
    if floor is not None and (value := fit.restrictions.fixed.get(floor, 0.0)) > lowest:
        warnings.append(f"{floor} is held at {value:g}, above the lowest loss, {lowest:.4g}: the law cannot reach it")
    for name, prior in fit.restrictions.priors.items():
        away = abs(fit.coefficients[name] - prior.mean) / prior.sd
        if away > _CONTRADICTED:
            warnings.append(
                f"{name} = {fit.coefficients[name]:.4g} is {away:.3g} s.d. from its prior, "
                f"{prior.mean:g} ± {prior.sd:g}: the points contradict it"
            )
    if fit.points.clusters and (count := len(clusters_of(fit.law, fit.points))) <= fit.size:
        warnings.append(
            f"{count} clusters for {fit.size} coefficients: the points do not determine how large the error is that "
            f"points of equal {fit.points.cluster_name} share, so intervals rest on an assumption about it"
        )
    return warnings


def _not_determined(fit: Fit) -> list[str]:
    warnings = [
        f"all points at {SYMBOLS[name]} = {fit.points.column(name)[0]:.4g}: "
        f"the law's dependence on {SYMBOLS[name]} is not determined"
        for name in undetermined(fit)
        if name != "unique_tokens"
    ]
    if "unique_tokens" in fit.law.inputs:
        seen, unique = fit.points.column("tokens"), fit.points.column("unique_tokens")
        if float((seen / unique).max()) < 1.01:
            warnings.append("no run repeats tokens: R_D_star is not determined, so ignore its value and interval")
    ray = ray_of(fit.points) if {"params", "tokens"} <= set(fit.law.inputs) else None
    if ray is not None:
        warnings.append(
            f"all points have {ray.text}: the effects of N and D cannot be separated, so ignore the coefficients of "
            f"both; fit {law_along(fit.law).name}, the law along that line, or add runs at other D/N"
        )
    return warnings


def _floor(fit: Fit) -> list[str]:
    """Warns if E is not needed: compares the fit with E = 0 to the fit with E free by an F test."""
    floor = fit.law.floor
    if floor is None or floor in fit.restrictions.fixed or floor in fit.restrictions.priors:
        return []
    if fit.coefficients[floor] == 0:
        return [f"{floor} is at its bound 0: the points show no irreducible loss"]
    if fit.freedom < 1:
        return [f"{floor} is not identified: {len(fit.points)} points for {fit.size} coefficients"]
    own, without = fit.objectives
    worse = (float(without) / max(float(own), 1e-30) - 1) * fit.freedom
    if worse > t_quantile(0.975, fit.freedom) ** 2:
        return []
    return [f"{floor} is not identified: with {floor} = 0 the law fits the points about as well"]


def _spread(fit: Fit) -> list[str]:
    compute = fit.points.compute()
    if compute is None or len(fit.law.inputs) < 2 or len(fit.points) < 2:
        return []
    if compute.max() > _ONE_BUDGET * compute.min() or undetermined(fit):
        return []
    return [f"all points have one budget, C = {compute.mean():.3g}: the law's dependence on C is not determined"]


def _points(fit: Fit) -> list[str]:
    warnings = []
    x, y = observations(fit.law, fit.points)
    number = repeats(np.vstack([x, y]))
    twice = np.bincount(number)[number] > 1
    if twice.any():
        warnings.append(f"{name_points(fit.points, twice)}: listed more than once, and each copy counts as a point")
    if fit.freedom == 0:
        warnings.append("as many points as coefficients: the law passes through all of them, so nothing tests it")
    residual = fit.residuals
    spread = 1.4826 * float(np.median(np.abs(residual)))
    far = residual > _OUTLIER * max(spread, 1e-3)
    if fit.freedom > 1 and far.any() and far.mean() < 0.2:
        worst = float(np.expm1(residual[far].max()))
        warnings.append(
            f"{name_points(fit.points, far)}: loss up to {show.percent(worst, 1)} above the law; "
            "diverged or badly tuned?"
        )
    return warnings
