"""A fit with everything that a reader needs to judge it: intervals, held-out error, conventions, warnings."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws.fitting.bootstrap import Bootstrap, bootstrap
from scaling_tui.laws.fitting.fit import fit
from scaling_tui.laws.fitting.fitted import Fit
from scaling_tui.laws.fitting.holdout import Holdout, hold_out
from scaling_tui.laws.fitting.points import Points
from scaling_tui.laws.forms import PF_DAY


@dataclass(frozen=True)
class Study:
    """What `scaling-tui fit` shows.

    Args:
        intervals: of the coefficients, at `level`; nan where the points leave no degree of freedom.
        conventions: the same law fitted with N or C counted otherwise, by convention; the fit's own among them.
    """

    fit: Fit
    draws: Bootstrap | None
    intervals: dict[str, tuple[float, float]]
    level: float
    holdout: Holdout | None
    conventions: dict[str, Fit]
    warnings: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """For JSON."""
        fit, held = self.fit, self.holdout
        return {
            "law": fit.law.name,
            "form": fit.law.text,
            "coefficients": fit.coefficients,
            "intervals": {name: list(ends) for name, ends in self.intervals.items()},
            "level": self.level,
            "interval_method": self.draws.how if self.draws else None,
            "bootstrap": {"draws": len(self.draws), "lost": self.draws.lost} if self.draws else None,
            "objective": fit.objective,
            "objective_kind": objective_kind(fit),
            "delta": fit.delta,
            "converged": fit.converged,
            "points": len(fit.points),
            "convention": {"params": fit.convention, "flops": "as given" if fit.points.flops is not None else "6ND"},
            "residual_sd": float(np.sqrt(np.mean(fit.residuals**2))),
            "holdout": None
            if held is None
            else {
                "points": held.points,
                "fitted": held.fitted,
                "by": held.by,
                "threshold": held.threshold,
                "objective": held.objective,
                "mape": held.mape,
                "bias": held.bias,
                "other_minimum": None
                if held.rival is None
                else dict(zip(("objective", "mape", "bias"), held.rival, strict=True)),
            },
            "conventions": [
                {"convention": name, "coefficients": other.coefficients, "objective": other.objective}
                for name, other in self.conventions.items()
            ],
            "warnings": list(self.warnings),
        }


def objective_kind(fit: Fit) -> str:
    """What was minimised, in words."""
    if math.isinf(fit.delta):
        return "half the sum of squares of log-loss residuals"
    return f"sum of Huber({fit.delta:g}) of log-loss residuals"


def study(
    points: Points,
    law: str,
    *,
    draws: int = 400,
    holdout_flops: float | None = None,
    drop_highest: int = 0,
    delta: float | None = None,
    convention: str = "all",
    level: float = 0.9,
    seed: int = 0,
    warnings: tuple[str, ...] = (),
) -> Study:
    """Fits a law and everything beside it.

    Args:
        points: the runs; `params` counts what `convention` says, `non_embedding` may stand beside it.
        law: its name.
        draws: of the bootstrap; 0 for none.
        holdout_flops: hold out C >= this; None chooses (`hold_out`).
        drop_highest: leave out that many points of highest loss, as the published analyses of Hoffmann's runs do.
        delta: of Huber's loss; None chooses.
        convention: "all" or "non-embedding".
        level: of the intervals.
        seed: of the bootstrap.
        warnings: of whoever read the points; they come first.

    Raises:
        InputError: as `fit` and `hold_out`; or more points dropped than there are.
    """
    if drop_highest < 0 or drop_highest >= len(points):
        raise InputError(f"--drop-highest {drop_highest}: there are {len(points)} points, want fewer")
    if drop_highest:
        keep = np.sort(np.argsort(points.loss, kind="stable")[: len(points) - drop_highest])
        points = points.take(keep)
    if convention == "non-embedding" and points.non_embedding is not None:
        points = replace(points, params=points.non_embedding, non_embedding=points.params)
    elif convention == "non-embedding":
        raise InputError("--params-as non-embedding: the points have no column non_embedding")
    fitted = fit(points, law, delta=delta, convention=convention)
    resampled = bootstrap(fitted, draws, seed=seed) if draws and fitted.freedom > 0 else None
    if resampled and len(resampled) >= 20:
        intervals = resampled.intervals(level)
    else:
        intervals = dict.fromkeys(fitted.coefficients, (math.nan, math.nan))
    held = hold_out(fitted, holdout_flops)
    said = [*warnings, *fitted.warnings]
    if resampled and resampled.lost > 0.02 * draws:
        said.append(f"{resampled.lost} of {draws} refits did not converge and are left out of the intervals")
    if held and held.rival:
        said.append(
            f"the fit without the held-out points has two minima: the lower (objective {held.objective:.5g}) errs by "
            f"{held.mape:.2%}, the one near the fit to all points (objective {held.rival[0]:.5g}) by "
            f"{held.rival[1]:.2%}; "
            "the first is counted, since only hindsight picks the second"
        )
    return Study(fitted, resampled, intervals, level, held, _conventions(fitted), tuple(said))


def _conventions(own: Fit) -> dict[str, Fit]:
    """The law under every convention of N, or of C, that the points allow; empty where there is but one."""
    points, found = own.points, {}
    if "params" in own.law.inputs and points.non_embedding is not None:
        other = "non-embedding" if own.convention == "all" else "all"
        swapped = replace(points, params=points.non_embedding, non_embedding=points.params)
        found = {f"N {own.convention}": own, f"N {other}": fit(swapped, own.law, delta=own.delta, convention=other)}
    elif own.law.inputs == ("flops",) and points.params is not None and points.tokens is not None:
        ways = {"C = 6ND": 6 * points.params * points.tokens}
        if points.non_embedding is not None:
            ways["C = 6ND, N non-embedding"] = 6 * points.non_embedding * points.tokens
        if points.flops is not None:
            found["C as given"] = own
        found |= {name: fit(replace(points, flops=c), own.law, delta=own.delta) for name, c in ways.items()}
    return found if len(found) > 1 else {}


def published_document() -> dict[str, Any]:
    """Every law and every published set, for JSON."""
    from scaling_tui.laws.forms import LAWS
    from scaling_tui.laws.published import SETS

    return {
        "laws": [
            {
                "name": f"{item.law}:{item.name}",
                "form": LAWS[item.law].text,
                "latex": LAWS[item.law].latex,
                "coefficients": dict(item.coefficients),
                "params": item.params,
                "source": item.source,
                "note": item.note or None,
            }
            for item in SETS
        ]
        + [
            {
                "name": law.name,
                "form": law.text,
                "latex": law.latex,
                "coefficients": None,
                "params": None,
                "source": law.source,
                "note": "no published set: fit it or give its coefficients",
            }
            for law in LAWS.values()
            if law.name not in {item.law for item in SETS}
        ],
        "pf_day": PF_DAY,
    }
