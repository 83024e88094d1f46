"""What a sweep has come to: runs, law, predicted against measured, as plain data that is also the JSON."""

from typing import Any

from scaling_tui.runs import RunView, SweepView
from scaling_tui.sweep.points import SweepFit, fit_sweep


def summary(sweep: SweepView) -> dict[str, Any]:
    """The `run` and `attach` document of the design; what does not apply is null. Losses in nats per token."""
    predicted = [prediction.run for prediction in sweep.predictions]
    fitted = fit_sweep(sweep, leave_out=predicted)
    return {
        "sweep": sweep.name,
        "state": sweep.state,
        "reason": sweep.reason,
        "corpus": sweep.document.get("corpus"),
        "runs": [run_summary(run) for run in sweep.runs],
        "fit": fit_summary(fitted) if fitted else None,
        "prediction": prediction_summary(sweep),
    }


def run_summary(run: RunView) -> dict[str, Any]:
    return {
        "run": run.name,
        "rung": run.rung,
        "seed": run.seed,
        "params": run.params,
        "non_embedding": run.non_embedding,
        "tokens": run.tokens,
        "flops": run.flops,
        "loss": run.loss,
        "bpb": run.curve.last("bpb"),
        "state": run.state,
        "reason": run.reason,
        "attempts": run.attempts,
        "tokens_per_s": run.curve.last("tokens_per_s"),
    }


def fit_summary(fitted: SweepFit) -> dict[str, Any]:
    """The law through the runs that were not predicted, so that the figure stays what was known beforehand."""
    return {
        "law": fitted.fit.law.name,
        "coefficients": fitted.fit.coefficients,
        "convention": fitted.fit.convention,
        "points": list(fitted.runs),
        "warnings": list(fitted.fit.warnings),
    }


def prediction_summary(sweep: SweepView) -> dict[str, Any] | None:
    """The last prediction with what was measured since; `error` = measured / predicted - 1.

    `below` is the error of the plainest guess: that the predicted run ends with the loss of the rung below it.
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
        "error": measured / prediction.predicted - 1 if measured else None,
        "below": measured / below.loss - 1 if measured and below is not None and below.loss else None,
    }
