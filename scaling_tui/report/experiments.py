"""Guided experiments as text: what each step of one says, for the command `learn experiment` and for the app."""

from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any

from scaling_tui import InputError
from scaling_tui.plots.curves import Choice, Curves
from scaling_tui.report.experiment_facts import facts_after, facts_before
from scaling_tui.runs import SweepView, find_sweep
from scaling_tui.runs.commands import suggested
from scaling_tui.runs.metrics import described
from scaling_tui.sweeps.results import outcome
from scaling_tui.sweeps.time_left import time_left
from scaling_tui.text import show
from scaling_tui.text.columns import columns
from scaling_tui.tutor.content.experiment import Experiment, Facts, Part

if TYPE_CHECKING:
    from scaling_tui.plots.figures import Figure
    from scaling_tui.sweeps.ladder import Ladder
    from scaling_tui.tutor.guide import Guide, Taken

CONTRADICTED = "The results contradict the text"


def ladder_of(part: Part) -> "Ladder":
    """The ladder of a part, with its settings.

    Raises:
        InputError: no such ladder or setting.
    """
    from scaling_tui.sweeps.ladder import load_ladder

    return load_ladder(part.ladder, part.settings)


def experiments_table(experiments: Sequence[Experiment]) -> str:
    rows = [("experiment", "time", "ladder", "question")]
    rows += [(each.id, f"{each.minutes} min", each.parts[0].ladder, each.title) for each in experiments]
    return columns(rows)


def opening(part: Part, facts: Facts) -> list[tuple[str, str]]:
    """What is shown before anything is asked: heading and text."""
    return [
        ("Problem", part.problem.render(facts)),
        ("What is known", part.known.render(facts)),
        ("Your task", part.task.render(facts)),
    ]


def launch_text(part: Part, ladder: "Ladder") -> str:
    """What a launch will train."""
    runs = ladder.runs * len(ladder.seeds)
    changed = f" with {', '.join(part.settings)}" if part.settings else ""
    return f"{show.counted(runs, 'run')} of the ladder {part.ladder}{changed}"


def predicted_text(guide: "Guide") -> str:
    """The predictions made so far, a line each."""
    made = guide.here.predictions
    return "\n".join(f"{one.id}: {one.shown(made[one.id])}" for one in guide.part.predictions if one.id in made)


def live_figure(part: Part, view: SweepView, curves: Curves) -> "Figure":
    """The curves of the part's metric as they stand."""
    return curves.figure(view, Choice(metric=part.curve))


def progress_text(view: SweepView) -> str:
    """How far a sweep is, in a sentence."""
    finished = sum(run.state == "finished" for run in view.runs)
    training = [run.name for run in view.runs if run.state == "running"]
    text = f"{finished} of {show.counted(len(view.runs), 'run')} finished"
    if training:
        text += f", training {show.listed(training, 3)}"
    if view.trains and view.progress is not None:
        text += f", {show.percent(view.progress)} done"
    left = time_left(view) if view.trains else None
    if left is not None:
        text += f", {show.time_left(left.seconds, left.low, left.high)}"
    return text + "."


def results_rows(part: Part, view: SweepView) -> list[tuple[str, ...]]:
    """A row for each case under a row of names: N, each metric's mean and standard deviation, the source's figures."""
    head = ["case", "N", "runs", *map(_named, part.table)]
    cases = outcome(view)
    claimed = [metric for metric in part.table if any(_of(case, metric, "claimed") is not None for case in cases)]
    head += [f"{_named(metric)} of the source" for metric in claimed]
    rows = [tuple(head)]
    for case in cases:
        row = [str(case["case"]), show.count(case["params"]), str(len(case["seeds"]))]
        row += [_mean(case, metric) for metric in part.table]
        row += [_figure(metric, _of(case, metric, "claimed")) for metric in claimed]
        rows.append(tuple(row))
    return rows


def results_sections(
    guide: "Guide", view: SweepView, table: Callable[[Sequence[tuple[str, ...]]], str]
) -> list[tuple[str, str]]:
    """What came of a part, as headings with their texts; `table` makes rows under a row of names into text."""
    part, facts = guide.part, part_facts(guide.part, view)
    compared = table(comparison_rows(guide, facts))
    launched = guide.here.launched
    if launched is not None and launched.trained_before:
        compared += "\nThese runs existed before you predicted, so you may have known their results."
    return [
        (f"Results of {view.name}", f"{table(results_rows(part, view))}\n{results_note(part)}"),
        ("Your predictions", compared),
        ("What came out", results_text(part, facts)),
        ("What it means", interpretation_text(part, facts)),
    ]


def aligned(rows: Sequence[tuple[str, ...]]) -> str:
    """A table in columns, indented."""
    return indent(columns(rows, numeric=range(1, len(rows[0]))), "    ")


def missing_text(part: Part, view: SweepView) -> str:
    """Why the results cannot be compared yet, and what to do; empty if they can."""
    wanted = {rung.case for rung in ladder_of(part).rungs}
    left = sorted(wanted - finished_cases(view))
    if not left:
        return ""
    how = suggested(view.path.parent, "resume", view.name)
    return f"{view.name} is {view.state}, and {', '.join(left[:5])} did not finish. {how} continues it; then come back."


def results_note(part: Part) -> str:
    """How to read the table of results."""
    gap = "; gap: held-out minus training loss" if "gap" in part.table else ""
    return f"Mean ± standard deviation over runs; losses in nats per token{gap}."


def _named(metric: str) -> str:
    return "gap" if metric == "gap" else described(metric).name


def _of(case: dict[str, Any], metric: str, key: str) -> float | None:
    value = case["metrics"].get(metric, {}).get(key)
    return None if value is None else float(value)


def _mean(case: dict[str, Any], metric: str) -> str:
    sd = _of(case, metric, "sd")
    mean = _figure(metric, _of(case, metric, "mean"))
    return mean if sd is None else f"{mean} ± {_figure(metric, sd).removesuffix(' %')}"


def _figure(metric: str, value: float | None) -> str:
    return show.percent(value, 1) if metric in ("val_accuracy", "exact_match") else show.loss(value)


def comparison_rows(guide: "Guide", facts: Facts) -> list[tuple[str, ...]]:
    """Prediction against measurement, a row each under a row of names."""
    rows: list[tuple[str, ...]] = [("prediction", "you", "measured", "measured is")]
    for one, predicted, measured in guide.comparisons(facts):
        rows.append((one.id, one.shown(predicted), one.shown(measured), one.missed(predicted, measured)))
    return rows


def results_text(part: Part, facts: Facts) -> str:
    """The sentences on the results; one that wants a figure that is missing says so."""
    sentences = [text.render(facts) for text in part.results]
    return "\n\n".join(
        "A number in this paragraph was not measured." if "undefined" in sentence else sentence
        for sentence in sentences
    )


def interpretation_text(part: Part, facts: Facts) -> str:
    """What the results mean. Where they contradict what was expected, that is what it says."""
    paragraphs = []
    for claim in part.claims:
        match claim.holds(facts):
            case True:
                paragraphs.append(claim.says.render(facts))
            case False:
                paragraphs.append(f"{CONTRADICTED}: {claim.otherwise.render(facts)}")
            case None:
                paragraphs.append("Not enough runs have finished to say more here.")
    return "\n\n".join(paragraphs)


def experiment_summary(experiment: Experiment) -> dict[str, Any]:
    """An experiment as `learn experiment --json` lists it."""
    return {
        "id": experiment.id,
        "title": experiment.title,
        "summary": experiment.summary,
        "minutes": experiment.minutes,
        "lesson": experiment.lesson,
        "ladders": [part.ladder for part in experiment.parts],
    }


def experiment_document(guide: "Guide") -> dict[str, Any]:
    """For JSON: each part with the steps taken and, once compared, its results. What is hidden stays so."""
    experiment, parts = guide.experiment, []
    for part, taken in zip(experiment.parts, guide.taken, strict=True):
        ladder = ladder_of(part)
        facts = facts_before(ladder)
        launched = taken.launched
        parts.append(
            {
                "title": part.title,
                "ladder": part.ladder,
                "settings": list(part.settings),
                **{heading.lower().replace(" ", "_"): text for heading, text in opening(part, facts)},
                "asks": [{"id": one.id, "asks": one.asks.render(facts), "unit": one.unit} for one in part.predictions],
                "predictions": dict(taken.predictions),
                "hints": [hint.render(facts) for hint in part.hints[: taken.hints]],
                "solution": part.solution.render(facts) if taken.solution or taken.compared else None,
                "sweep": launched and launched.sweep,
                "results": _results_document(part, taken) if taken.compared else None,
            }
        )
    return experiment_summary(experiment) | {"stage": guide.stage, "parts": parts}


def _results_document(part: Part, taken: "Taken") -> dict[str, Any] | None:
    """Prediction against measurement, and what follows; None where the sweep is not there any more."""
    from scaling_tui.runs import read_sweep

    assert taken.launched is not None
    try:
        view = read_sweep(find_sweep(Path(taken.launched.runs), taken.launched.sweep))
    except InputError:
        return None
    facts = part_facts(part, view)
    return {
        "trained_before": taken.launched.trained_before,
        "predictions": [
            {
                "id": one.id,
                "unit": one.unit,
                "predicted": taken.predictions.get(one.id),
                "measured": one.value.of(facts),
            }
            for one in part.predictions
        ],
        "outcome": outcome(view),
        "results": results_text(part, facts),
        "interpretation": interpretation_text(part, facts),
        "contradicted": [number for number, claim in enumerate(part.claims, 1) if claim.holds(facts) is False],
    }


def part_facts(part: Part, view: SweepView) -> Facts:
    """The facts of a sweep of this part, trained or not."""
    return facts_after(part, ladder_of(part), view)


def fitting_sweeps(runs: Path, part: Part) -> list[str]:
    """Sweeps in `runs` that answer the part's question, the latest first: its ladder and settings, all cases done."""
    from scaling_tui.runs import list_sweeps
    from scaling_tui.runs.glance import glance

    ladder = ladder_of(part)
    wanted = {rung.case for rung in ladder.rungs}
    found = []
    for path in list_sweeps(runs):
        try:
            view = glance(path)
        except InputError:
            continue
        if trained_as(view, ladder) and wanted <= finished_cases(view):
            found.append(view.name)
    return found


def trained_as(view: SweepView, ladder: "Ladder") -> bool:
    """Whether a sweep trained a ladder with the same corpus, sizes and recipe; its seeds may be others."""
    document = view.document.get("document")
    if view.document.get("ladder") != ladder.name or not isinstance(document, dict):
        return False
    return all(document.get(table) == ladder.document.get(table) for table in ("corpus", "model", "training", "rungs"))


def finished_cases(view: SweepView) -> set[str]:
    """The cases of which a run has finished."""
    from scaling_tui.runs.points import case_of

    return {case_of(run) for run in view.runs if run.state == "finished"}
