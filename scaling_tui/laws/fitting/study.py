"""A fit with what a reader needs to judge it: intervals, held-out error, conventions, warnings."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws.arguments import level as as_level
from scaling_tui.laws.arguments import whole
from scaling_tui.laws.counting import training_flops
from scaling_tui.laws.fitting.bootstrap import DRAWS, Bootstrap, affordable, bootstrap
from scaling_tui.laws.fitting.fit import fit
from scaling_tui.laws.fitting.fitted import Fit
from scaling_tui.laws.fitting.holdout import Holdout, hold_out
from scaling_tui.laws.fitting.points import Points
from scaling_tui.laws.fitting.restrictions import Restrictions
from scaling_tui.laws.fitting.tables import Source, as_points
from scaling_tui.text import show


@dataclass(frozen=True, repr=False)
class Study:
    """A fit with its bootstrap, held-out error and warnings, as `scaling-tui fit` shows it. `study` makes one.

    Args:
        fit: the fit to all points.
        draws: its refits; None without any.
        intervals: of the coefficients, at `level`; nan if the points leave no degrees of freedom.
        conventions: the law fitted under each convention for N or C, including the fit's own.
    """

    fit: Fit
    draws: Bootstrap | None
    intervals: dict[str, tuple[float, float]]
    level: float
    holdout: Holdout | None
    conventions: dict[str, Fit]
    warnings: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<Study of {self.fit!r}, {show.counted(len(self.warnings), 'warning')}>"

    def _repr_html_(self) -> str:
        lines = [] if self.draws is None else [f"intervals: {self.draws.how}; they assume that the law is right"]
        if self.holdout is not None:
            lines.append(
                f"held out: {self.holdout.points} points, mean error {show.percent(self.holdout.mape, 3)}, "
                f"bias {show.percent(self.holdout.bias, 3, sign=True)}"
            )
        fitted = f"{len(self.fit.points)} points, N {self.fit.convention}; objective {self.fit.objective:.6g}"
        return self.fit.table(self.intervals, self.level, [fitted, *lines, *self.warnings])

    def document(self) -> dict[str, Any]:
        """What `scaling-tui fit --json` prints of the fit itself."""
        fit, holdout = self.fit, self.holdout
        return {
            "law": fit.law.name,
            "form": fit.law.text,
            "coefficients": fit.coefficients,
            "intervals": {name: list(ends) for name, ends in self.intervals.items()},
            "level": self.level,
            "interval_method": self.draws.how if self.draws else None,
            "noise": (self.draws.noise_text or None) if self.draws else None,
            "bootstrap": {"draws": len(self.draws), "unconverged": self.draws.unconverged} if self.draws else None,
            "objective": fit.objective,
            "objective_kind": objective_kind(fit),
            "restrictions": fit.restrictions.text or None,
            "delta": fit.delta,
            "converged": fit.converged,
            "points": len(fit.points),
            "convention": {"params": fit.convention, "flops": _flops_used(fit.points)},
            "residual_sd": float(np.sqrt(np.mean(fit.residuals**2))),
            "holdout": None
            if holdout is None
            else {
                "points": holdout.points,
                "fitted": holdout.fitted,
                "by": holdout.by,
                "threshold": holdout.threshold,
                "objective": holdout.objective,
                "mape": holdout.mape,
                "bias": holdout.bias,
                "other_minimum": None
                if holdout.other_minimum is None
                else dict(zip(("objective", "mape", "bias"), holdout.other_minimum, strict=True)),
            },
            "conventions": [
                {"convention": name, "coefficients": other.coefficients, "objective": other.objective}
                for name, other in self.conventions.items()
            ],
            "warnings": list(self.warnings),
        }


def _flops_used(points: Points) -> str:
    if points.compute() is None:
        return "unknown"
    return "as given" if points.flops is not None else "6ND"


def objective_kind(fit: Fit) -> str:
    """The objective that was minimised, in words."""
    prior = " and the prior" if fit.restrictions.priors else ""
    if math.isinf(fit.delta):
        return f"half the sum of squares of log-loss residuals{prior}"
    return f"sum of Huber({fit.delta:g}) of log-loss residuals{prior}"


def study(
    law: str,
    points: Points | Source,
    *,
    draws: int = DRAWS,
    holdout_flops: float | None = None,
    drop_highest: int = 0,
    delta: float | None = None,
    convention: str | None = None,
    level: float = 0.9,
    seed: int = 0,
    restrictions: Restrictions = Restrictions(),  # noqa: B008 - frozen
    warnings: tuple[str, ...] | None = None,
) -> Study:
    """Fits a law, with intervals, held-out error and alternative conventions: all that `scaling-tui fit` tells.

    Args:
        law: name of the law.
        points: the runs, or a table of them as `read_points` takes it.
        draws: number of bootstrap refits; 0 for none; more than are `affordable` are capped with a warning.
        holdout_flops: hold out the runs with C at or above this; None chooses (`hold_out`).
        drop_highest: how many points of highest loss to leave out, as published analyses of Hoffmann's runs do.
        delta: of the Huber loss; None chooses (`default_delta`).
        convention: which parameters N is to count, "all" or "non-embedding"; None leaves the points as they are.
        level: confidence level of the intervals.
        seed: seed of the bootstrap.
        restrictions: coefficients that are fixed, tied, or known from elsewhere.
        warnings: from reading the points; they come first. None takes those of the points.

    Raises:
        InputError: as `fit` and `hold_out`; or `drop_highest` leaves no points; or N has no such convention.
    """
    level, draws = as_level(level), whole("draws", draws, 0)
    drop_highest = whole("drop_highest", drop_highest, 0)
    points = as_points(points)
    warnings = points.warnings if warnings is None else warnings
    if not len(points):
        raise InputError(
            f"points: none has a finite loss{': ' + '; '.join(dict.fromkeys(warnings)) if warnings else ''}"
        )
    if drop_highest >= len(points):
        raise InputError(f"drop_highest {drop_highest}: found {len(points)} points, want a number below that")
    if drop_highest:
        keep = np.sort(np.argsort(points.loss, kind="stable")[: len(points) - drop_highest])
        points = points.take(keep)
    if convention is not None:
        points = points.under(convention)
    fitted = fit(law, points, delta=delta, restrictions=restrictions)
    messages = [*warnings, *fitted.warnings]
    if draws > (most := affordable(len(fitted.points))):
        messages.append(
            f"{draws:,} bootstrap draws of {len(fitted.points):,} points would take too long: reduced to {most:,}"
        )
        draws = most
    resampled = bootstrap(fitted, draws, seed=seed) if draws and fitted.freedom > 0 else None
    none = dict.fromkeys(fitted.coefficients, (math.nan, math.nan))
    intervals = resampled.intervals(level) if resampled else none
    holdout = hold_out(fitted, holdout_flops)
    messages += resampled.shortfall if resampled else ()
    if holdout and holdout.other_minimum:
        other, other_mape, _ = holdout.other_minimum
        messages.append(
            f"the fit without the held-out points has two minima: the lower (objective {holdout.objective:.5g}) errs "
            f"by {show.percent(holdout.mape, 2)}, the one near the fit to all points (objective {other:.5g}) by "
            f"{show.percent(other_mape, 2)}; the lower one is used, because only hindsight would choose the other"
        )
    return Study(fitted, resampled, intervals, level, holdout, _conventions(fitted), tuple(messages))


def _conventions(own: Fit) -> dict[str, Fit]:
    """The law under every convention for N or C that the points allow; empty if there is only one."""
    points, fits = own.points, {}
    if "params" in own.law.inputs and points.non_embedding is not None:
        other = "non-embedding" if own.convention == "all" else "all"
        swapped = replace(points, convention=own.convention).under(other)
        fits = {
            f"N {own.convention}": own,
            f"N {other}": fit(own.law, swapped, delta=own.delta, restrictions=own.restrictions),
        }
    elif own.law.inputs == ("flops",) and points.params is not None and points.tokens is not None:
        budgets = {"C = 6ND": training_flops(points.params, points.tokens)}
        if points.non_embedding is not None:
            budgets["C = 6ND, N non-embedding"] = training_flops(points.non_embedding, points.tokens)
        if points.flops is not None:
            fits["C as given"] = own
        fits |= {
            name: fit(own.law, replace(points, flops=c), delta=own.delta, restrictions=own.restrictions)
            for name, c in budgets.items()
        }
    return fits if len(fits) > 1 else {}
