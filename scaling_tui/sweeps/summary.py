"""A sweep as plain data, which is also its JSON: runs, law, predicted against measured."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from scaling_tui.runs import RunView, SweepView
from scaling_tui.runs.format import supervised_seconds
from scaling_tui.runs.labels import read_labels
from scaling_tui.runs.law_points import law_of_sweep
from scaling_tui.runs.points import SweepPoint, Trial, points_of
from scaling_tui.sweeps.best_rates import LEVEL, BestRate, RateTrend, best_rates, rate_trend, size_name
from scaling_tui.sweeps.results import outcome
from scaling_tui.sweeps.row import SweepRow
from scaling_tui.sweeps.sweep_fit import (
    SweepFit,
    edge_warnings,
    fit_beforehand,
    last_runs,
    loss_warnings,
    not_fitted,
    point_of,
    points_text,
    refit,
    unpredicted,
)
from scaling_tui.sweeps.time_left import time_left
from scaling_tui.sweeps.tuning import rates_told


def summary(sweep: SweepView) -> dict[str, Any]:
    """The document of `run` and `attach`; what does not apply is null. Losses are in nats per token."""
    fitted = fit_beforehand(sweep)
    points = points_of(sweep.runs)
    best = best_runs(points)
    return {
        "sweep": sweep.name,
        "state": sweep.state,
        "reason": sweep.reason,
        "copy": sweep.copy and asdict(sweep.copy),
        "about": {key: sweep.document.get(key, "") for key in ("summary", "source", "expected")},
        "corpus": sweep.document.get("corpus"),
        "runs": [run_summary(run) | {"best": best.get(run.name)} for run in sweep.runs],
        "outcome": outcome(sweep),
        "points": [point_summary(point) for point in points],
        "best_rate": best_rate_summary(sweep),
        "rates": sweep.rates and asdict(sweep.rates) | {"text": rates_told(sweep.rates)},
        "fit": fit_summary(sweep, fitted) if fitted else None,
        "prediction": prediction_summary(sweep),
        "unpredicted": unpredicted(sweep),
        "warnings": [*(not_fitted(sweep) if law_of_sweep(sweep) else []), *edge_warnings(sweep)],
        "estimate": estimate_summary(sweep),
        "faults": list(sweep.all_faults),
    }


def sweep_summary(sweep: SweepView) -> dict[str, Any]:
    """A sweep as `runs --json` lists it: its row, and each of its runs."""
    row = row_of(sweep).as_json()
    left_out = ("broken", "trains", "copied")
    return {key: value for key, value in row.items() if key not in left_out} | {
        "copy": sweep.copy and asdict(sweep.copy),
        "runs": [run_summary(run) for run in sweep.runs],
    }


def row_of(sweep: SweepView, active: float | None = None, size: int | None = None) -> SweepRow:
    """A sweep as a line of a list; `active` and `size` are as in the row.

    A training loss is the best one only where no run has a held-out loss.
    """
    measured = [run for run in sweep.runs if run.loss is not None]
    measured = [run for run in measured if run.loss_is_held_out] or measured
    best = min(measured, key=lambda run: run.loss or 0.0, default=None)
    largest = max(sweep.runs, key=lambda run: run.params or 0, default=None)
    chosen, corpus, (labels, faults) = law_of_sweep(sweep), sweep.document.get("corpus"), read_labels(sweep.path)
    return SweepRow(
        name=sweep.name,
        path=str(sweep.path),
        ladder=sweep.document.get("ladder"),
        corpus=corpus.get("name") if corpus else None,
        state=sweep.state,
        reason=sweep.reason,
        copied=sweep.copy is not None,
        created=sweep.document.get("created"),
        active=active,
        trains=sweep.trains,
        progress=sweep.progress,
        states=dict(Counter(run.state for run in sweep.runs)),
        lacking=sum(run.lacks_final_evaluation for run in sweep.runs),
        params=largest.params if largest else None,
        best=_result(best) if best else None,
        largest=_result(largest) | {"params": largest.params} if largest else None,
        law=chosen[0] if chosen else None,
        prediction=prediction_summary(sweep),
        estimate=estimate_summary(sweep),
        size=size,
        left=asdict(left) if (left := time_left(sweep)) is not None else None,
        faults=[*sweep.all_faults, *faults],
        tags=list(labels.tags),
        note=labels.note,
        archived=labels.archived,
    )


def _result(run: RunView) -> dict[str, Any]:
    return {"run": run.name, "loss": run.loss, "loss_is_held_out": run.loss_is_held_out}


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
        "through": points_text(fitted, sweep),
        "conventions": {name: other.coefficients for name, other in refit(sweep, fitted).items()},
        "points": [trial.label for trial in fitted.trials],
        "warnings": warnings,
    }


def best_runs(points: Sequence[SweepPoint]) -> dict[str, bool]:
    """Of each run at a rung with several settings, whether its setting is the best; nothing before any has finished."""
    return {
        run.name: trial is best
        for point in points
        if len(point.trials) > 1 and (best := point.best) is not None
        for trial in point.trials
        for run in trial.runs
    }


def point_summary(point: SweepPoint) -> dict[str, Any]:
    """A point as JSON: the best setting with its mean loss over seeds, and every setting that was tried.

    `edges` names the tuned keys whose best value is the lowest or highest tried.
    """
    best, run = point.best, point.runs[0]
    return {
        "rung": point.rung,
        "params": run.params,
        "non_embedding": run.non_embedding,
        "tokens": run.tokens,
        "unique_tokens": run.unique_tokens,
        "loss": best and best.loss,
        "best": best and best.label,
        "edges": point.edges(),
        "settings": [trial_summary(trial, point.varied()) for trial in point.trials],
    }


def trial_summary(trial: Trial, keys: Sequence[str]) -> dict[str, Any]:
    """A setting with the mean, standard deviation and standard error of its loss over the seeds that finished."""
    sd, count = trial.sd, len(trial.losses)
    return {
        "label": trial.label,
        "setting": {key: trial.setting.get(key) for key in keys},
        "loss": trial.loss,
        "sd": sd,
        "se": None if sd is None else sd / math.sqrt(count),
        "seeds": [run.seed for run in trial.measured],
        "runs": [run.name for run in trial.runs],
    }


def best_rate_summary(sweep: SweepView) -> dict[str, Any] | None:
    """The best learning rate of each rung that was tried at several, and its trend with size; None without any."""
    points = points_of(sweep.runs)
    rates, over = best_rates(points), size_name(points)
    if not rates:
        return None
    trend = rate_trend(rates, over)
    return {
        "rungs": [asdict(rate) for rate in rates],
        "trend": trend and asdict(trend) | {"level": LEVEL},
        "text": rates_text(rates, trend),
    }


def rates_text(rates: Sequence[BestRate], trend: RateTrend | None) -> str:
    """The best rates and their trend as a line."""
    shown = ", ".join(
        f"{rate.rung} {rate.rate:.3g}" + (f" (the {rate.edge} tried)" if rate.edge else "") for rate in rates
    )
    if trend is None:
        return f"best lr: {shown}; a trend with size needs two rungs whose best lies between others"
    ends = "" if trend.low is None else f" [{trend.low:.2f}, {trend.high:.2f}]"
    return f"best lr: {shown}; lr = {trend.scale:.3g} · {trend.over}^{trend.exponent:.2f}{ends}"


def prediction_summary(sweep: SweepView) -> dict[str, Any] | None:
    """The latest prediction and what was measured since; `error` = measured / predicted - 1.

    `measured` is the mean over the seeds that finished at the best setting of the predicted point. `below` is the error
    of the naive guess that it ends with the loss of the rung below it, also at its best setting: of those at the same D
    if there are any.
    """
    if not sweep.predictions:
        return None
    prediction = sweep.predictions[-1]
    point = point_of(sweep, prediction.run)
    best = point.best if point else None
    measured = best.loss if best else None
    return {
        "rung": prediction.rung,
        "law": prediction.law,
        "predicted": prediction.predicted,
        "low": prediction.low,
        "high": prediction.high,
        "level": prediction.level,
        "begun": any(run.attempts for run in point.runs) if point else False,
        "measured": measured,
        "sd": best.sd if best else None,
        "seeds": len(best.losses) if best else 0,
        "of_seeds": len(best.runs) if best else 0,
        "setting": {key: best.setting.get(key) for key in point.varied()} if best and point else {},
        "error": None if measured is None else measured / prediction.predicted - 1,
        "below": naive_error(sweep, point) if point else None,
    }


def naive_error(sweep: SweepView, point: SweepPoint) -> float | None:
    """The error of the guess that `point` ends with the loss of the rung below; None before both are measured."""
    best, below = point.best, _below(sweep, point)
    if best is None or best.loss is None or below is None or not below.loss:
        return None
    return best.loss / below.loss - 1


def _below(sweep: SweepView, point: SweepPoint) -> Trial | None:
    """The best trial of the next smaller size, at the nearest D."""
    size, tokens = (point.runs[0].params or 0), (point.runs[0].tokens or 1)
    last = set(last_runs(sweep)) | {run.name for run in point.runs}
    found: list[tuple[tuple[int, float], Trial]] = []
    for other in points_of(run for run in sweep.runs if run.name not in last):
        run, best = other.runs[0], other.best
        if best is not None and (run.params or 0) < size:
            found.append(((run.params or 0, -abs(math.log((run.tokens or 1) / tokens))), best))
    return max(found, key=lambda item: item[0], default=(None, None))[1]
