"""The law of a sweep, its points and its predictions, for the supervisor, the commands and the app."""

import math
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws import Fit, Points, Prediction, fit, predict
from scaling_tui.runs import RecordedPrediction, RunView, SweepView
from scaling_tui.runs.law_points import (
    finished_trials,
    law_of_sweep,
    law_trials,
    measured_runs,
    trial_columns,
    uncounted,
)
from scaling_tui.runs.points import SweepPoint, Trial, points_of, several_settings
from scaling_tui.text import show

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONVENTIONS = ("non-embedding", "all")


@dataclass(frozen=True)
class SweepFit:
    """The law through the finished runs of a sweep. `trials` are the fitted ones, in the order of the points."""

    fit: Fit
    trials: tuple[Trial, ...]

    @property
    def runs(self) -> tuple[str, ...]:
        """The runs behind the points."""
        return tuple(run.name for trial in self.trials for run in trial.measured)

    def inputs(self) -> list[list[float]]:
        """The inputs of the law, a row per point."""
        rows: list[list[float]] = np.stack([self.fit.points.column(name) for name in self.fit.law.inputs], 1).tolist()
        return rows

    def loss(self, params: "NDArray[np.float64]", tokens: float) -> "NDArray[np.float64]":
        """The fitted law over N, under the fit's convention, at D = `tokens`."""
        inputs: dict[str, object] = {"params": params, "tokens": tokens, "unique_tokens": tokens}
        return self.fit.loss(**{name: inputs[name] for name in self.fit.law.inputs})

    def predict(self, run: RunView, runs: int = 1) -> Prediction:
        """The predicted final held-out loss of `run`, or the mean of so many `runs` that differ in their seed alone.

        Its interval uses the single runs behind the points: their scatter around the means tells most of the noise.

        Raises:
            InputError: run.json has no params or tokens.
        """
        size = run.size(self.fit.convention)
        if size is None or run.tokens is None:
            raise InputError(f"run {run.name}: found no params or tokens in run.json, want both")
        unique = float(run.unique_tokens or run.tokens)
        singles = replace(self.fit, points=self._single_runs())
        return predict(singles, runs=runs, params=float(size), tokens=float(run.tokens), unique_tokens=unique)

    def _single_runs(self) -> Points:
        """Each run behind the points as a point of its own.

        Seeds of a rung are no cluster here: a ladder's rungs differ only in size, so the law errs little at each, and
        five rungs hardly show an error that seeds might share. `benchmarks/quickstart_seeds.py` counts how often the
        interval contains the measured loss.
        """
        singles = [Trial({}, (run,)) for trial in self.trials for run in trial.measured]
        if len(singles) == len(self.trials):
            return self.fit.points
        points = _points(singles, self.fit.convention)
        return replace(points, clusters=points.labels, cluster_name="run")


def points_of_sweep(sweep: SweepView, convention: str = "non-embedding", leave_out: Collection[str] = ()) -> Points:
    """`law_trials` as points: N under `convention`, D, C and mean loss in nats per token (see `loss_warnings`).

    Raises:
        InputError: no finished run.
    """
    return _points(finished_trials(sweep, leave_out), convention)


def run_points(sweep: SweepView, convention: str, leave_out: Collection[str]) -> Points | None:
    """Each finished run by itself, to be shown beside the points of a law; None without any."""
    runs = [run for run in measured_runs(sweep) if run.name not in leave_out]
    return _points([Trial({}, (run,)) for run in runs], convention) if runs else None


def _points(trials: Sequence[Trial], convention: str) -> Points:
    columns = trial_columns(trials)
    if convention == "non-embedding":
        nan = float("nan")
        columns["params"] = [trial.measured[0].non_embedding or nan for trial in trials]
    return Points.of(columns.pop("loss"), labels=[trial.label for trial in trials], **columns)


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
    warnings = training_loss(sweep, names)
    without = [run.name for run in runs if not run.flops]
    if without and len(without) < len(runs):
        warnings.append(f"{show.listed(without)}: no FLOPs in run.json, so C = 6ND")
    return warnings


def training_loss(sweep: SweepView, names: Collection[str]) -> list[str]:
    """A warning where runs called `names` have no held-out loss."""
    runs = [run for run in sweep.runs if run.name in names and run.loss is not None]
    training = [run.name for run in runs if run.loss_is_held_out is False]
    if training and len(training) == len(runs):
        return ["fitted to training loss: no run recorded a held-out loss"]
    return [f"{show.listed(training)}: training loss, while the other runs have held-out loss"] if training else []


def fit_sweep(sweep: SweepView, leave_out: Collection[str] = ()) -> SweepFit | None:
    """The ladder's law through the finished runs; None while they are too few."""
    chosen = law_of_sweep(sweep)
    if chosen is None:
        return None
    law, convention = chosen
    try:
        points = points_of_sweep(sweep, convention, {*leave_out, *uncounted(sweep)})
        fitted = fit(law, points, convention=convention)
    except InputError:
        return None
    trials = {trial.label: trial for trial in law_trials(sweep, leave_out)}
    return SweepFit(fitted, tuple(trials[label] for label in fitted.points.labels))


def last_runs(sweep: SweepView) -> tuple[str, ...]:
    """The runs of the rung to predict, at all settings and seeds; they start when all others are over."""
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
    point = point_of(sweep, run.name)
    prediction = fitted.predict(run, max(len(trial.runs) for trial in point.trials) if point else 1)
    if not math.isfinite(prediction.value):
        raise InputError(f"{fitted.fit.law.name} through {len(fitted.runs)} runs predicts no finite loss")
    return RecordedPrediction(
        rung=run.rung,
        run=run.name,
        law=fitted.fit.law.name,
        coefficients=fitted.fit.coefficients,
        points=list(fitted.fit.points.labels),
        losses=dict(zip(fitted.fit.points.labels, fitted.fit.points.loss.tolist(), strict=True)),
        averaged={
            trial.label: [run.name for run in trial.measured] for trial in fitted.trials if len(trial.measured) > 1
        },
        predicted=prediction.value,
        low=prediction.low if math.isfinite(prediction.low) else None,
        high=prediction.high if math.isfinite(prediction.high) else None,
        level=prediction.level,
        time=time.time(),
    )


def point_of(sweep: SweepView, name: str) -> SweepPoint | None:
    """The point that the run called `name` is one of."""
    return next((point for point in points_of(sweep.runs) if name in {run.name for run in point.runs}), None)


def predicted_runs(sweep: SweepView) -> set[str]:
    """The runs of the points whose loss was predicted: one prediction is for all settings and seeds of a point."""
    named = {prediction.run for prediction in sweep.predictions}
    points = [point.runs for point in points_of(sweep.runs)] if named else []
    return named | {run.name for runs in points if named & {run.name for run in runs} for run in runs}


def unpredicted(sweep: SweepView) -> dict[str, str]:
    """The runs that the ladder wanted predicted and that began without, each with the reason."""
    if any("predictions.jsonl" in fault for fault in sweep.all_faults):
        return {}  # what was predicted can no longer be told
    predicted = predicted_runs(sweep)
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
    warnings += [f"{show.listed(unfinished)} left out: not finished"] if unfinished else []
    warnings += [f"{show.listed(without)} left out: no loss recorded"] if without else []
    without = uncounted(sweep)
    return [*warnings, *([f"{show.listed(without)} left out: no non_embedding in run.json"] if without else [])]


def fit_beforehand(sweep: SweepView) -> SweepFit | None:
    """The ladder's law without the predicted runs, so that it shows what was known beforehand."""
    return fit_sweep(sweep, leave_out=predicted_runs(sweep))


def edge_warnings(sweep: SweepView) -> list[str]:
    """A warning for each tuned key whose best value lies at an end of what was tried, for the largest rung by name."""
    points = points_of(sweep.runs)
    found: dict[tuple[str, str], list[str]] = {}
    for point in points:
        for key, end in point.edges().items():
            found.setdefault((key, end), []).append(point.rung)
    largest = max(points, key=lambda point: max((run.params or 0) for run in point.runs), default=None)
    warnings = []
    for (key, end), rungs in found.items():
        where = f"the best {key} is the {end} tried, so a better one may lie beyond"
        at = show.listed(list(dict.fromkeys(rungs)))
        told = f"{at}: {where}"
        if largest is not None and largest.rung in rungs:
            told += f"; {largest.rung} is the largest rung, and a badly tuned one bends the law"
        warnings.append(told)
    return warnings


def points_text(fitted: SweepFit, sweep: SweepView) -> str:
    """How many points the law goes through and what each is, such as `5 points, each the mean over 3 seeds`."""
    return trials_text(fitted.trials, sweep)


def trials_text(trials: Sequence[Trial], sweep: SweepView) -> str:
    """How many points there are and what each is, in words."""
    seeds = sorted({len(trial.measured) for trial in trials})
    settings = several_settings(points_of(sweep.runs))
    text = show.counted(len(trials), "point" if settings or seeds[-1:] != [1] else "run")
    if seeds[-1:] != [1]:
        over = f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"{seeds[0]}"
        text += f", each the mean over {over} seeds"
    return text + (f", at the best {' and '.join(settings)} of each rung" if settings else "")


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
            fits[convention] = fit(fitted.fit.law, points, convention=convention)
    return fits
