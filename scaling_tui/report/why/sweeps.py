"""Why the figures of a sweep are what they are: its law, its prediction, how far it is, how long it takes."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from scaling_tui.laws.forms import LAWS, Input
from scaling_tui.report.why.explanation import Explanation, Step, signed_percent, step
from scaling_tui.report.why.laws import coefficient_figures, counted, law_steps, lesson_of
from scaling_tui.report.why.runs import STUDY, loss_convention, run_figures
from scaling_tui.runs import RecordedPrediction, RunView, SweepView
from scaling_tui.runs.law_points import law_of_sweep
from scaling_tui.sweeps.results import LEVEL, outcome
from scaling_tui.sweeps.summary import estimate_summary, prediction_summary
from scaling_tui.sweeps.sweep_fit import SweepFit, fit_beforehand, point_of
from scaling_tui.text import show

LAW, PREDICTION, SWEEP = "law", "prediction", "sweep"
PLANNING = "planning"


def sweep_figures(sweep: SweepView, fitted: SweepFit | None = None) -> list[Explanation]:
    """Every figure of a sweep that Live, Home, Sweeps and `attach` show, those of its runs last.

    `fitted` is the law through all but the predicted runs; it is computed where it is not given.
    """
    fitted = fitted or fit_beforehand(sweep)
    runs = [figure for run in sweep.runs for figure in run_figures(sweep, run)]
    return [*whole_figures(sweep, fitted), *_once(runs)]


def whole_figures(sweep: SweepView, fitted: SweepFit | None) -> list[Explanation]:
    """The figures of a sweep as a whole: law, prediction, progress, time."""
    return [*law_figures(fitted), *prediction_figures(sweep), *_overall(sweep), *_outcomes(sweep)]


def row_figures(sweep: SweepView, run: RunView, fitted: SweepFit | None) -> list[Explanation]:
    """The figures of one run, then those of the sweep as a whole: what a screen offers with the cursor on the run."""
    return [*run_figures(sweep, run), *whole_figures(sweep, fitted)]


def _once(found: list[Explanation]) -> list[Explanation]:
    """Without repeats: the means over seeds come with each of the seeds."""
    return list({(one.of, one.key): one for one in found}.values())


def law_figures(fitted: SweepFit | None) -> Iterator[Explanation]:
    """The coefficients of the law that was known before the largest rung ran."""
    if fitted is not None:
        flops = "as given" if fitted.fit.points.flops is not None else "6ND"
        yield from coefficient_figures(LAW, fitted.fit, fitted.runs, flops=flops)


# --- the prediction


def prediction_figures(sweep: SweepView) -> Iterator[Explanation]:
    """What was predicted of the largest rung, and how it turned out."""
    told = prediction_summary(sweep)
    if told is None:
        return
    recorded = sweep.predictions[-1]
    run = sweep.run(recorded.run)
    steps, conventions = _predicted(sweep, recorded, run)
    runs = tuple(name for label in recorded.points for name in recorded.averaged.get(label, [label]))
    lesson = lesson_of(LAWS[recorded.law]) if recorded.law in LAWS else PLANNING
    source = f"{sweep.name}/predictions.jsonl, field predicted, written before {recorded.rung} began"
    freedom = "no interval: too few points"
    if recorded.low is not None and recorded.high is not None:
        freedom = (
            f"[{show.loss(recorded.low)}, {show.loss(recorded.high)}] at {show.percent(recorded.level)}: a "
            "profile-likelihood interval with Student's t, for a run with its own noise; it assumes the form of the law"
        )
    yield Explanation(
        PREDICTION, "predicted", show.loss(recorded.predicted), recorded.predicted, "nats per token",
        f"the loss of {recorded.rung} by {recorded.law}", source, conventions, runs, steps, freedom, lesson,
    )  # fmt: skip
    for key, value in (("low", recorded.low), ("high", recorded.high)):
        if value is not None:
            yield Explanation(
                PREDICTION, key, show.loss(value), value, "nats per token",
                f"the {key} end of its {show.percent(recorded.level)} interval",
                f"{sweep.name}/predictions.jsonl, field {key}: how far the law at {recorded.rung} can move before the "
                "points contradict it, plus a run's noise", conventions, runs, (), "it assumes the form of the law",
                "fits-go-wrong",
            )  # fmt: skip
    measured = told["measured"]
    if measured is None:
        return
    point = point_of(sweep, recorded.run)
    best = point.best if point else None
    of_best = tuple(one.name for one in best.measured) if best else ()
    losses = {f"L{k + 1}": value for k, value in enumerate(best.losses if best else [])}
    mean_steps: tuple[Step, ...] = ()
    if 1 < len(losses) <= 12:
        mean_steps = (
            step("L", f"({' + '.join(losses)})/n", {**losses, "n": len(losses)}, measured, show.loss),
        )  # fmt: skip
    held = (loss_convention(best.measured[0]), "nats per token") if best and best.measured else ()
    sd = f"seeds differ by {show.loss(told['sd'])} (s.d.)" if told["sd"] is not None else "one seed alone"
    yield Explanation(
        PREDICTION, "measured", show.loss(measured), measured, "nats per token",
        f"the loss of {recorded.rung}, measured since",
        f"{of_best[0]}/attempt-*/metrics.jsonl, field val_loss" if len(of_best) == 1 else
        "the mean of the losses of its seeds", held, of_best, mean_steps, sd, STUDY,
    )  # fmt: skip
    error = told["error"]
    yield Explanation(
        PREDICTION, "error", signed_percent(error), error, "", "how far the measured loss is from the prediction",
        "computed", held, of_best,
        (step("error", "measured/predicted - 1", {"measured": measured, "predicted": recorded.predicted}, error,
              signed_percent),), "one prediction: it says little about the next", "fits-go-wrong",
    )  # fmt: skip
    if (below := told["below"]) is not None:
        loss = measured / (1 + below)
        yield Explanation(
            PREDICTION, "below", signed_percent(below), below, "",
            "how far it is from the loss of the rung below: the guess that needs no law", "computed", held, of_best,
            (step("below", "measured/smaller - 1", {"measured": measured, "smaller": loss}, below,
                  signed_percent),), "",
            "honest-study",
        )  # fmt: skip


def _predicted(
    sweep: SweepView, recorded: RecordedPrediction, run: RunView | None
) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """The recorded law at the predicted run, under the count of N with which it gives what was recorded."""
    law = LAWS.get(recorded.law)
    chosen = law_of_sweep(sweep)
    if law is None or run is None or set(recorded.coefficients) != set(law.coefficients):
        return (), ("loss in nats per token",)
    conventions = [chosen[1]] if chosen else []
    conventions += [name for name in ("non-embedding", "all") if name not in conventions]
    for convention in conventions:
        size = run.size(convention)
        known: dict[Input, float | None] = {
            "params": size, "tokens": run.tokens, "unique_tokens": run.unique_tokens, "flops": run.flops,
        }  # fmt: skip
        inputs: dict[Input, float] = {name: float(known.get(name) or math.nan) for name in law.inputs}
        steps = law_steps(law, recorded.coefficients, inputs)
        if steps and steps[-1].shown == show.loss(recorded.predicted):
            return steps, counted(law, convention, "as given")
    return (), counted(law, chosen[1] if chosen else "")


# --- the sweep as a whole


def _overall(sweep: SweepView) -> Iterator[Explanation]:
    finished, total = sum(run.state == "finished" for run in sweep.runs), len(sweep.runs)
    names = tuple(run.name for run in sweep.runs)
    if total:
        yield Explanation(
            SWEEP, "done", f"{finished}/{total}", finished, "runs", "how many of its runs have finished",
            f"counted from {sweep.name}/RUN/attempt-*/status.json, field state", (), names, (), "", "pipeline",
        )  # fmt: skip
    progress = sweep.progress
    if progress is not None:
        weights = [run.cost or 0.0 for run in sweep.runs]
        by = "FLOPs" if weights and all(weights) else "runs"
        weights = weights if by == "FLOPs" else [1.0] * total
        done = sum(weight * (run.progress or 0.0) for weight, run in zip(weights, sweep.runs, strict=True))
        steps = (
            (step("share", "done/all", {"done": done, "all": sum(weights)}, progress, show.percent),)
            if sum(weights) else ()
        )  # fmt: skip
        yield Explanation(
            SWEEP, "progress", show.percent(progress), progress, "", f"the share of its {by} that is done",
            "computed from the tokens in the last record of each run", (f"by {by}",), names, steps, "", "pipeline",
        )  # fmt: skip
    sized = [run for run in sweep.runs if run.params]
    largest = max(sized, key=lambda run: run.params or 0, default=None)
    if largest is not None and largest.params:
        yield Explanation(
            SWEEP, "N", show.count(largest.params), largest.params, "parameters", "N of its largest run",
            f"{largest.name}/run.json, field params", ("every parameter",), (largest.name,), (), "exact", "counting",
        )  # fmt: skip
    measured = [run for run in sweep.runs if run.loss is not None]
    measured = [run for run in measured if run.loss_is_held_out] or measured
    best = min(measured, key=lambda run: run.loss or 0.0, default=None)
    if best is not None and best.loss is not None:
        yield Explanation(
            SWEEP, "best", show.loss(best.loss), best.loss, "nats per token", "the lowest loss so far",
            f"the loss of {best.name}, explained there", (loss_convention(best), "nats per token"), (best.name,), (),
            "the lowest of several: a rerun with another seed is likely higher", STUDY,
        )  # fmt: skip
    yield from _estimated(estimate_summary(sweep), sweep)


def _estimated(estimate: Mapping[str, Any] | None, sweep: SweepView) -> Iterator[Explanation]:
    if estimate is None:
        return
    said = estimate["seconds_from"] or "speeds measured before"
    yield Explanation(
        SWEEP, "estimate", show.duration(estimate["seconds"]), estimate["seconds"], "",
        "how long it was expected to take", f"{sweep.name}/sweep.json, field estimate, from {said}", (), (), (),
        "docs/commands.md says how well estimates hold", PLANNING,
    )  # fmt: skip
    if estimate["took"] is not None:
        yield Explanation(
            SWEEP, "took", show.duration(estimate["took"]), estimate["took"], "", "how long it took",
            "the time under a supervisor, without pauses", (), (), (), "", PLANNING,
        )  # fmt: skip
        error = estimate["error"]
        yield Explanation(
            SWEEP, "estimate error", show.percent(error, sign=True), error, "", "how far the estimate was off",
            "computed", (), (),
            (step("error", "took/estimate - 1",
                  {"took": estimate["seconds"] * (1 + error), "estimate": estimate["seconds"]}, error,
                  lambda v: show.percent(v, sign=True)),), "", PLANNING,
        )  # fmt: skip


def _outcomes(sweep: SweepView) -> Iterator[Explanation]:
    """Means over seeds of the metrics for which a ladder expects something."""
    for case in outcome(sweep) if sweep.document.get("cases") else ():
        for metric, found in case["metrics"].items():
            if not found["expected"] or found["mean"] is None:
                continue
            values = {f"x{k + 1}": value for k, value in enumerate(found["values"])}
            text = _four
            made = (
                step("mean", f"({' + '.join(values)})/n", {**values, "n": len(values)}, found["mean"], text)
                if len(values) <= 12
                else step("mean", "sum/n", {"sum": sum(values.values()), "n": len(values)}, found["mean"], text)
            )
            low, high = found["expected"]
            ends = (
                ""
                if found["low"] is None
                else (
                    f"[{found['low']:.4f}, {found['high']:.4f}] at {show.percent(LEVEL)} for the mean, by Student's t; "
                )
            )
            yield Explanation(
                case["case"], f"mean {metric}", text(found["mean"]), found["mean"], "",
                f"the mean of {metric} over seeds",
                "the last records of its runs", (f"expected {low:.4g} to {high:.4g}",),
                tuple(run.name for run in sweep.runs if run.rung == case["rung"] and run.state == "finished"),
                (made,), ends + show.counted(len(values), "seed"), STUDY,
            )  # fmt: skip


def _four(value: float) -> str:
    return "–" if not math.isfinite(value) else f"{value:.4f}"
