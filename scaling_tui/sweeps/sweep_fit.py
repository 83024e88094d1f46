"""The law of a sweep, its points and its predictions, for the supervisor, the commands and the app."""

import math
import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws import Fit, Points, Prediction, fit, predict
from scaling_tui.runs import RecordedPrediction, RunView, SweepView

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONVENTIONS = ("non-embedding", "all")


@dataclass(frozen=True)
class SweepFit:
    """The law through the finished runs of a sweep. `runs` are the fitted ones, in the order of the points."""

    fit: Fit
    runs: tuple[str, ...]

    def inputs(self) -> list[list[float]]:
        """The inputs of the law, a row per run; runs that differ in the seed alone have equal rows."""
        rows: list[list[float]] = np.stack([self.fit.points.column(name) for name in self.fit.law.inputs], 1).tolist()
        return rows

    def loss(self, params: "NDArray[np.float64]", tokens: float) -> "NDArray[np.float64]":
        """The fitted law over N, under the fit's convention, at D = `tokens`."""
        inputs: dict[str, object] = {"params": params, "tokens": tokens, "unique_tokens": tokens}
        return self.fit.loss(**{name: inputs[name] for name in self.fit.law.inputs})

    def predict(self, run: RunView) -> Prediction:
        """The predicted final held-out loss of `run`.

        Raises:
            InputError: run.json has no params or tokens.
        """
        size = run.non_embedding if self.fit.convention == "non-embedding" else run.params
        if size is None or run.tokens is None:
            raise InputError(f"run {run.name}: found no params or tokens in run.json, want both")
        unique = float(run.unique_tokens or run.tokens)
        return predict(self.fit, params=float(size), tokens=float(run.tokens), unique_tokens=unique)


def law_of_sweep(sweep: SweepView) -> tuple[str, str] | None:
    """The law and the count of N that the sweep's ladder fits; None where it fits none.

    A sweep of another trainer's has no ladder: where it names no law, it gets the one that its runs can determine.
    """
    chosen = sweep.document.get("fit")
    if not chosen:
        return None if sweep.document.get("ladder") else (_default_law(sweep), "all")
    return str(chosen.get("law", "chinchilla-n")), _convention(sweep, chosen.get("params"))


def _convention(sweep: SweepView, wanted: str | None) -> str:
    """The count of N to fit: the one that is wanted, if any run has it; without a wish one that all runs have."""
    counted = [bool(run.non_embedding) for run in _measured(sweep)]
    if not counted:
        return wanted or "non-embedding"
    enough = any(counted) if wanted == "non-embedding" else all(counted)
    return "non-embedding" if wanted != "all" and enough else "all"


def _measured(sweep: SweepView) -> list[RunView]:
    return [run for run in sweep.runs if run.state == "finished" and run.loss is not None]


def uncounted(sweep: SweepView) -> list[str]:
    """The measured runs without the count of N that the sweep's law is fitted in."""
    chosen = law_of_sweep(sweep)
    if chosen is None or chosen[1] != "non-embedding":
        return []
    return [run.name for run in _measured(sweep) if not run.non_embedding]


def _default_law(sweep: SweepView) -> str:
    """The law to fit where nobody says which: with the inputs in which the measured runs differ."""
    runs = _measured(sweep)
    n, d = {run.params for run in runs if run.params}, {run.tokens for run in runs if run.tokens}
    if len(n) > 1 and len(d) < 2:
        return "chinchilla-n"
    return "chinchilla-d" if len(d) > 1 and len(n) < 2 else "chinchilla"


def points_of_sweep(sweep: SweepView, convention: str = "non-embedding", leave_out: Collection[str] = ()) -> Points:
    """Finished runs as points: N under `convention`, D, C and loss in nats per token (see `loss_warnings`).

    Raises:
        InputError: no finished run.
    """
    runs = [run for run in _measured(sweep) if run.name not in leave_out]
    if not runs:
        raise InputError(f"sweep {sweep.name}: no finished run yet to fit a law to{_why_none(sweep)}")
    sizes = [run.non_embedding if convention == "non-embedding" else run.params for run in runs]
    nan = float("nan")
    return Points.of(
        [nan if run.loss is None else run.loss for run in runs],
        params=[size or nan for size in sizes],
        tokens=[run.tokens or nan for run in runs],
        flops=flops_of(runs),
        unique_tokens=[run.unique_tokens or nan for run in runs],
        # A count that some runs lack would compare laws through different points.
        non_embedding=[run.non_embedding or nan for run in runs] if all(run.non_embedding for run in runs) else None,
        labels=[run.name for run in runs],
    )


def _why_none(sweep: SweepView) -> str:
    counted = Counter("finished without a loss" if run.state == "finished" else run.state for run in sweep.runs)
    reasons = {run.reason for run in sweep.runs}
    reason = f": {reasons.pop()}" if len(reasons) == 1 and reasons != {""} else ""
    return f" ({', '.join(f'{count} {state}' for state, count in counted.items()) or 'it has no runs'}){reason}"


def flops_of(runs: Sequence[RunView]) -> list[float] | None:
    """C of each run, and 6ND where run.json gives none; None where no run gives any: the fit then takes 6ND itself."""
    if not any(run.flops for run in runs):
        return None
    return [run.flops or 6.0 * (run.params or float("nan")) * (run.tokens or float("nan")) for run in runs]


def loss_used(sweep: SweepView, names: Collection[str]) -> str:
    """Which loss the runs called `names` are fitted by, in words."""
    held_out = {run.loss_is_held_out for run in sweep.runs if run.name in names}
    mean = "mean of the last tenth of the training loss"
    if held_out == {True}:
        return "held-out loss (val_loss)"
    return mean if True not in held_out else f"held-out loss (val_loss), else {mean}"


def loss_warnings(sweep: SweepView, names: Collection[str]) -> list[str]:
    """What to know of the losses and FLOPs of the runs called `names` before believing a law through them."""
    runs = [run for run in sweep.runs if run.name in names]
    warnings = []
    training = [run.name for run in runs if run.loss_is_held_out is False]
    if training and len(training) == len(runs):
        warnings.append("fitted to training loss: no run recorded a held-out loss")
    elif training:
        warnings.append(f"{listed(training)}: training loss, while the other runs have held-out loss")
    without = [run.name for run in runs if not run.flops]
    if without and len(without) < len(runs):
        warnings.append(f"{listed(without)}: no FLOPs in run.json, so C = 6ND")
    return warnings


def listed(names: Sequence[str], most: int = 5) -> str:
    """Up to `most` names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def fit_sweep(sweep: SweepView, leave_out: Collection[str] = ()) -> SweepFit | None:
    """The ladder's law through the finished runs; None while they are too few."""
    chosen = law_of_sweep(sweep)
    if chosen is None:
        return None
    law, convention = chosen
    try:
        points = points_of_sweep(sweep, convention, {*leave_out, *uncounted(sweep)})
        fitted = fit(points, law, convention=convention)
    except InputError:
        return None
    return SweepFit(fitted, fitted.points.labels)


def last_runs(sweep: SweepView) -> tuple[str, ...]:
    """The runs to predict, one per seed; they start when all others are over."""
    rung = (sweep.document.get("fit") or {}).get("predict")
    return tuple(run.name for run in sweep.runs if run.rung == rung) if rung else ()


def predict_run(sweep: SweepView, run: RunView, leave_out: Collection[str]) -> RecordedPrediction:
    """The prediction of the ladder's law through the finished runs for `run`, which is among `leave_out`.

    Raises:
        InputError: too few finished runs, or a law that predicts no finite loss through them.
    """
    fitted = fit_sweep(sweep, leave_out)
    if fitted is None:
        raise InputError("too few rungs finished to fit a law")
    for name, value in fitted.fit.coefficients.items():
        if not math.isfinite(value):
            raise InputError(
                f"{fitted.fit.law.name} through {len(fitted.runs)} runs gives no finite {name}; "
                "the loss does not fall with size"
            )
    prediction = fitted.predict(run)
    if not math.isfinite(prediction.value):
        raise InputError(f"{fitted.fit.law.name} through {len(fitted.runs)} runs predicts no finite loss")
    return RecordedPrediction(
        rung=run.rung,
        run=run.name,
        law=fitted.fit.law.name,
        coefficients=fitted.fit.coefficients,
        points=list(fitted.runs),
        predicted=prediction.value,
        low=prediction.low if math.isfinite(prediction.low) else None,
        high=prediction.high if math.isfinite(prediction.high) else None,
        level=prediction.level,
        time=time.time(),
    )


def unpredicted(sweep: SweepView) -> dict[str, str]:
    """The runs that the ladder wanted predicted and that began without, each with the reason."""
    if any("predictions.jsonl" in fault for fault in sweep.all_faults):
        return {}  # what was predicted can no longer be told
    predicted = {prediction.run for prediction in sweep.predictions}
    reasons = {}
    for name in last_runs(sweep):
        run = sweep.run(name)
        if run is not None and run.attempts and name not in predicted:
            try:
                predict_run(sweep, run, last_runs(sweep))
                reasons[name] = "the supervisor's log says why"
            except InputError as error:
                reasons[name] = str(error)
    return reasons


def not_fitted(sweep: SweepView) -> list[str]:
    """Warnings that name the runs which are over and not in the law."""
    warnings = [
        f"{run.name} diverged and is left out of the law" + (f": {run.reason}" if run.reason else "")
        for run in sweep.runs
        if run.state == "diverged"
    ]
    unfinished = [run.name for run in sweep.runs if run.state in ("failed", "lost", "stopped", "unreadable")]
    without = [run.name for run in sweep.runs if run.state == "finished" and run.loss is None]
    warnings += [f"{listed(unfinished)} left out: not finished"] if unfinished else []
    warnings += [f"{listed(without)} left out: no loss recorded"] if without else []
    without = uncounted(sweep)
    return [*warnings, *([f"{listed(without)} left out: no non_embedding in run.json"] if without else [])]


def fit_beforehand(sweep: SweepView) -> SweepFit | None:
    """The ladder's law without the predicted runs, so that it shows what was known beforehand."""
    return fit_sweep(sweep, leave_out=[prediction.run for prediction in sweep.predictions])


def refit(sweep: SweepView, fitted: SweepFit) -> dict[str, Fit]:
    """The same law through the same runs under each count of N; empty where the law does not depend on N."""
    if "params" not in fitted.fit.law.inputs:
        return {}
    fits = {fitted.fit.convention: fitted.fit}
    others = [run.name for run in sweep.runs if run.name not in fitted.runs]
    for convention in CONVENTIONS:
        if convention in fits:
            continue
        points = points_of_sweep(sweep, convention, others)
        # Another trainer's run.json may give one count of N alone.
        if np.isfinite(points.column("params")).all():
            fits[convention] = fit(points, fitted.fit.law, convention=convention)
    return fits
