"""What to know before believing a law of schedules: what its curves leave open, and how far a prediction reaches."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from scaling_tui.laws.schedules.curves import Curve
from scaling_tui.laws.schedules.fitting import ScheduleFit
from scaling_tui.text import show

_FEW = 20  # records of a curve
_FAR = 4.0  # times the sum of the rates that was fitted
_NO_FLOOR = 0.5  # of the lowest loss: an L0 below that is no floor that anyone has measured
_APART = 0.02  # of the loss: more than seeds of one model differ


def fit_warnings(fit: ScheduleFit) -> list[str]:
    """All warnings that follow from the fitted curves and the coefficients."""
    warnings = [*curve_warnings(fit.curves)]
    if not fit.falls:
        names = ", ".join(fit.undetermined)
        warnings.append(
            f"the rate never falls in the fitted curves: {names} are not determined, "
            "so no falling rate can be predicted"
        )
    elif fit.undetermined:
        held = [f"{name} = {show.coefficient(fit.coefficients[name])}" for name in fit.undetermined]
        warnings.append(f"{', '.join(held)} at the bound: not determined by the curves")
    if fit.falls and len(schedules(fit.curves)) == 1:
        warnings.append(
            "only one schedule: it cannot separate the gain of a falling rate from that of longer training, so "
            "the prediction of another schedule may be far off; want curves of two or more schedules"
        )
    lowest = min(float(curve.loss.min()) for curve in fit.curves)
    if fit.coefficients["L0"] < _NO_FLOOR * lowest:
        floor = show.coefficient(fit.coefficients["L0"])
        warnings.append(
            f"L0 = {floor}, where losses fall to {show.loss(lowest)}: the curves are "
            "too short to determine the floor, and a longer training is likely to end above the prediction"
        )
    if not fit.converged:
        warnings.append("the fit did not converge: its coefficients are not at the minimum")
    return warnings


def curve_warnings(curves: Sequence[Curve]) -> list[str]:
    """Curves of few records, and curves that cannot be of one model."""
    warnings = []
    short = [curve for curve in curves if curve.steps.size < _FEW]
    if short:
        counts = show.listed([f"{curve.name} {curve.steps.size}" for curve in short])
        warnings.append(f"few records after the warm-up: {counts}; want {_FEW} or more in each curve")
    for one, other in combinations(curves, 2):
        apart = _apart(one, other)
        if apart > _APART:
            warnings.append(
                f"{one.name} and {other.name} have the same rates and losses {show.percent(apart, 1)} apart: they are "
                "not of one model; fit the curves of each model separately"
            )
            break
    return warnings


def prediction_warnings(fit: ScheduleFit, curve: Curve) -> list[str]:
    """How a schedule to predict lies beyond the fitted ones."""
    warnings = []
    fitted = [own.schedule for own in fit.curves]
    reach = _area(curve) / max(_area(own) for own in fit.curves)
    if reach > _FAR:
        warnings.append(f"{curve.name}: {reach:.3g}× the sum of learning rates of any fitted curve")
    if curve.schedule.peak > 1.01 * max(one.peak for one in fitted):
        warnings.append(f"{curve.name}: a peak of {curve.schedule.peak:.3g}, higher than in any fitted curve")
    lowest = min(float(one.rates[one.steps >= one.warmup].min()) for one in fitted)
    own = float(curve.schedule.rates[curve.schedule.steps >= curve.schedule.warmup].min())
    if curve.schedule.falls and own < 0.5 * lowest:
        warnings.append(f"{curve.name}: falls to {own:.3g}, but no fitted curve falls below {lowest:.3g}")
    return warnings


def schedules(curves: Sequence[Curve]) -> list[Curve]:
    """One curve of each schedule that differs from the others; one that goes on where another ends does not."""
    kept: list[Curve] = []
    for curve in sorted(curves, key=lambda one: -one.schedule.last):
        ends = (min(curve.schedule.last, other.schedule.last) for other in kept)
        if not any(curve.schedule.same(other.schedule) >= end for other, end in zip(kept, ends, strict=True)):
            kept.append(curve)
    return kept


def _area(curve: Curve) -> float:
    return float(np.trapezoid(curve.schedule.rates, curve.schedule.steps))


def _apart(one: Curve, other: Curve) -> float:
    """The median difference of two curves' log losses while their rates are the same; 0 where they never are."""
    until = one.schedule.same(other.schedule)
    steps = one.steps[(one.steps <= until) & (one.steps >= other.steps[0])]
    if steps.size < 5:
        return 0.0
    there = np.interp(steps, other.steps, np.log(other.loss))
    return float(np.abs(np.median(np.log(one.loss[one.steps <= until][-steps.size :]) - there)))
