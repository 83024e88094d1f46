"""A sweep as plain data, which is also its JSON: runs, law, predicted against measured."""

from typing import Any

from scaling_tui.runs import RunView, SweepView
from scaling_tui.runs.format import supervised_seconds
from scaling_tui.sweeps.results import outcome
from scaling_tui.sweeps.sweep_fit import (
    SweepFit,
    fit_beforehand,
    law_of_sweep,
    loss_warnings,
    not_fitted,
    refit,
    unpredicted,
)


def summary(sweep: SweepView) -> dict[str, Any]:
    """The document of `run` and `attach`; what does not apply is null. Losses are in nats per token."""
    fitted = fit_beforehand(sweep)
    return {
        "sweep": sweep.name,
        "state": sweep.state,
        "reason": sweep.reason,
        "about": {key: sweep.document.get(key, "") for key in ("summary", "source", "expected")},
        "corpus": sweep.document.get("corpus"),
        "runs": [run_summary(run) for run in sweep.runs],
        "outcome": outcome(sweep),
        "fit": fit_summary(sweep, fitted) if fitted else None,
        "prediction": prediction_summary(sweep),
        "unpredicted": unpredicted(sweep),
        "warnings": not_fitted(sweep) if law_of_sweep(sweep) else [],
        "estimate": estimate_summary(sweep),
        "faults": list(sweep.all_faults),
    }


def sweep_summary(sweep: SweepView) -> dict[str, Any]:
    """A sweep as `runs` lists it: `best` is the run with the lowest loss so far, `largest` the one with most params.

    A training loss is the best one only where no run has a held-out loss.
    """
    measured = [run for run in sweep.runs if run.loss is not None]
    measured = [run for run in measured if run.loss_is_held_out] or measured
    best = min(measured, key=lambda run: run.loss or 0.0, default=None)
    largest = max(sweep.runs, key=lambda run: run.params or 0, default=None)
    return {
        "name": sweep.name,
        "ladder": sweep.document.get("ladder"),
        "state": sweep.state,
        "reason": sweep.reason,
        "path": str(sweep.path),
        "created": sweep.document.get("created"),
        "progress": sweep.progress,
        "best": best and {"run": best.name, "loss": best.loss, "loss_is_held_out": best.loss_is_held_out},
        "largest": largest
        and {
            "run": largest.name,
            "params": largest.params,
            "loss": largest.loss,
            "loss_is_held_out": largest.loss_is_held_out,
        },
        "runs": [run_summary(run) for run in sweep.runs],
        "estimate": estimate_summary(sweep),
        "faults": list(sweep.all_faults),
    }


def estimate_summary(sweep: SweepView) -> dict[str, Any] | None:
    """How long the sweep was estimated to take at its launch, in `seconds`, beside how long it `took`.

    `took` counts the time under a supervisor and is known once the sweep is finished; `error` = took / seconds - 1.
    None where nothing was estimated.
    """
    estimated = sweep.document.get("estimate") or {}
    if not (seconds := estimated.get("seconds")):
        return None
    took = supervised_seconds(sweep.path) if sweep.state == "finished" else None
    return {
        "seconds": seconds,
        "seconds_from": estimated.get("seconds_from", ""),
        "took": None if took is None else round(took, 1),
        "error": None if took is None else took / seconds - 1,
    }


def run_summary(run: RunView) -> dict[str, Any]:
    """A run as JSON. `metrics` are the last values of all that was recorded.

    `flops_basis` is "counted" (matmuls and attention) or "given" by another trainer's run.json.
    """
    return {
        "run": run.name,
        "rung": run.rung,
        "seed": run.seed,
        "params": run.params,
        "non_embedding": run.non_embedding,
        "tokens": run.tokens,
        "flops": run.flops,
        "flops_basis": run.flops_basis,
        "loss": run.loss,
        "lacks_final_evaluation": run.lacks_final_evaluation,
        "loss_is_held_out": run.loss_is_held_out,
        "bpb": run.curve.last("bpb"),
        "accuracy": run.curve.last("val_accuracy"),
        "state": run.state,
        "reason": run.reason,
        "attempts": run.attempts,
        "tokens_per_s": run.curve.last("tokens_per_s"),
        "metrics": {name: run.curve.last(name) for name in run.curve.metrics},
    }


def fit_summary(sweep: SweepView, fitted: SweepFit) -> dict[str, Any]:
    """The law through the runs that were not predicted, so that it shows what was known beforehand.

    `conventions` holds its coefficients under both counts of N, so that they cannot be confused.
    """
    fit = fitted.fit
    distinct, coefficients = len({tuple(row) for row in fitted.inputs()}), len(fit.law.coefficients)
    warnings = [*loss_warnings(sweep, fitted.runs), *fit.warnings]
    if distinct <= coefficients + 1:
        left = "one degree of freedom" if distinct > coefficients else "none"
        warnings.append(
            f"{distinct} distinct points for {coefficients} coefficients leave {left}: no interval, and no way to tell "
            f"{fit.law.name} from another falling curve, or one count of N from the other"
        )
    return {
        "law": fit.law.name,
        "coefficients": fit.coefficients,
        "convention": fit.convention,
        "conventions": {name: other.coefficients for name, other in refit(sweep, fitted).items()},
        "points": list(fitted.runs),
        "warnings": warnings,
    }


def prediction_summary(sweep: SweepView) -> dict[str, Any] | None:
    """The latest prediction and what was measured since; `error` = measured / predicted - 1.

    `below` is the error of the naive guess that the run ends with the loss of the rung below it.
    """
    if not sweep.predictions:
        return None
    prediction = sweep.predictions[-1]
    run = sweep.run(prediction.run)
    measured = run.loss if run is not None and run.state == "finished" else None
    size = run.params or 0 if run is not None else 0
    smaller = [other for other in sweep.runs if other.name in prediction.points and (other.params or 0) < size]
    below = max(smaller, key=lambda other: other.params or 0, default=None)
    return {
        "rung": prediction.rung,
        "law": prediction.law,
        "predicted": prediction.predicted,
        "low": prediction.low,
        "high": prediction.high,
        "level": prediction.level,
        "measured": measured,
        "error": None if measured is None else measured / prediction.predicted - 1,
        "below": measured / below.loss - 1 if measured is not None and below is not None and below.loss else None,
    }
