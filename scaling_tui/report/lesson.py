"""A lesson with its plots, for `learn`; and a lesson's plot and training as figures and tables, for the screens."""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Group, RenderableType
from rich.markdown import Markdown
from rich.text import Text

from scaling_tui import InputError
from scaling_tui.plots.figures import LINE, Figure, Series
from scaling_tui.report.pipeline import evaluations_rows, evaluations_text
from scaling_tui.report.plain import figure_text, markdown_text, table_text
from scaling_tui.report.plotted import plotted
from scaling_tui.runs.commands import suggested
from scaling_tui.sweeps.data_stages import evaluations_of, observed
from scaling_tui.text import show
from scaling_tui.text.settings import in_own_thousands
from scaling_tui.text.visible import visible
from scaling_tui.tutor.content.experiment import Experiment, load_experiments
from scaling_tui.tutor.content.lesson import Lesson, LessonPlot, LessonTraining
from scaling_tui.tutor.content.questions import Question

if TYPE_CHECKING:
    from scaling_tui.runs import RunView

HEIGHT = 14
MOST_SWEEPS = 20  # to look for a run of the learner's own in
_COLOURS = ("primary", "warning", "success", "accent")


@dataclass(frozen=True)
class Training:
    """A training to show: its title, its table of evaluations (as `evaluations_of` has them), and its curve."""

    title: str
    table: list[dict[str, object]]
    curve: Figure


def figure(plot: LessonPlot) -> Figure:
    """A lesson's plot as the one plotting module draws it."""
    series = tuple(
        Series(
            np.array(curve.x),
            np.array(curve.y),
            _COLOURS[number % len(_COLOURS)],
            curve.label,
            LINE if curve.joined else "●",
            name=curve.label,
        )
        for number, curve in enumerate(plot.curves)
    )
    return Figure(plot.title, series, log_x=plot.log_x, log_y=plot.log_y)


def losses(run: "RunView", log_x: bool) -> Figure:
    """Training and held-out loss of a run against steps."""
    curves = (
        (*run.curve.points("step", metric), colour, name)
        for metric, colour, name in (("loss", "primary", "training"), ("val_loss", "accent", "held out"))
    )
    return _losses([curve for curve in curves if len(curve[0])], log_x)


def _losses(curves: "Sequence[tuple[np.ndarray, np.ndarray, str, str]]", log_x: bool) -> Figure:
    series = tuple(Series(x, y, colour, name, name=name) for x, y, colour, name in curves)
    title = f"loss, nats/token · x steps{' · log x' if log_x else ''}"
    return Figure(title, series, log_x=log_x, x_name="step", y_name="loss")


def recorded(training: LessonTraining) -> Training:
    """The training that a lesson brings along."""
    names = ("epoch", "step", "loss", "val_loss", "val_accuracy")
    rows = [
        {name: None if np.isnan(value) else value for name, value in zip(names, row, strict=True)}
        for row in training.rows
    ]
    held_out = [(row["step"], row["val_loss"]) for row in rows]
    curves = [
        (np.array(training.steps), np.array(training.losses), "primary", "training"),
        (np.array([step for step, _ in held_out]), np.array([loss for _, loss in held_out]), "accent", "held out"),
    ]
    return Training(training.title, list(observed(rows, training.uniform)), _losses(curves, True))


def own_training(training: LessonTraining, runs: Path) -> Training | str:
    """The learner's own: the largest finished run of their latest sweep of the same ladder, else of any; or how to get
    one."""
    found = list(_own(runs))
    for name, view, run in sorted(found, key=lambda one: one[0] != training.ladder):
        with suppress(InputError):
            table = evaluations_of(run)
            title = f"Your own: {view}, {show.count(run.params)} parameters, ladder {name}"
            return Training(title, table, losses(run, True))
    how = suggested(runs, "run", "quickstart")
    return f"You have no finished run yet. {how} trains some; then the largest is shown here."


def _own(runs: Path) -> "Iterator[tuple[str, str, RunView]]":
    """The ladder, name and largest finished run of each of the latest sweeps."""
    from scaling_tui.runs import list_sweeps, read_run
    from scaling_tui.runs.glance import glance

    for path in list_sweeps(runs)[:MOST_SWEEPS]:
        with suppress(InputError):
            view = glance(path)
            finished = [run for run in view.runs if run.state == "finished" and run.params]
            if finished:
                run = max(finished, key=lambda run: run.params or 0)
                yield str(view.document.get("ladder")), f"{view.name}/{run.name}", read_run(run.path)


def lesson_page(
    lesson: Lesson, questions: Sequence[Question], width: int, braille: bool = True, runs: Path | None = None
) -> Group:
    """The whole lesson for a console of `width` cells; `runs` is where the learner's own runs are."""
    parts: list[RenderableType] = []
    for part in lesson.parts:
        match part:
            case LessonPlot():
                parts.append(plotted([figure(part)], width, braille, HEIGHT))
            case LessonTraining():
                for training in _trainings(part, runs):
                    if isinstance(training, str):
                        parts += [Text(visible(training)), ""]
                    else:
                        text = f"{training.title}\n{evaluations_text(training.table)}\n"
                        parts.append(Text(visible(text), no_wrap=True, overflow="ellipsis"))
                        parts.append(plotted([training.curve], width, braille, HEIGHT))
            case _:
                parts += [Markdown(visible(shown_markdown(part)), code_theme="ansi_light"), ""]
    parts += end_lines(lesson, questions)
    return Group(*parts)


def lesson_words(lesson: Lesson, questions: Sequence[Question], width: int, runs: Path | None = None) -> str:
    """The whole lesson in words, for a screen reader: no boxes and no drawings."""
    parts: list[str] = []
    for part in lesson.parts:
        match part:
            case LessonPlot():
                parts.append(figure_text(figure(part)))
            case LessonTraining():
                for training in _trainings(part, runs):
                    if isinstance(training, str):
                        parts.append(training)
                    else:
                        parts += [training.title, table_text(evaluations_rows(training.table))]
                        parts.append(figure_text(training.curve))
            case _:
                parts.append(markdown_text(part, width))
        parts.append("")
    return visible("\n".join([*parts, *end_lines(lesson, questions)]))


def _trainings(part: LessonTraining, runs: Path | None) -> Iterator[Training | str]:
    yield recorded(part)
    if runs is not None:
        yield own_training(part, runs)


def shown_markdown(text: str) -> str:
    """A lesson's text for those who see it: a drawing is a block of code, without its words."""
    return re.sub(r"(?m)^```drawing .*$", "```text", in_own_thousands(text))


def end_lines(lesson: Lesson, questions: Sequence[Question]) -> list[str]:
    """What to do after a lesson."""
    asked = [f"{len(questions)} questions: scaling-tui quiz take --lesson {lesson.id}"] if questions else []
    tried = [f"Experiment: scaling-tui learn experiment {each.id}" for each in experiments_on(lesson.id)]
    return [*asked, *tried, "Words and symbols: scaling-tui learn glossary"]


def experiments_on(lesson: str) -> list[Experiment]:
    """The guided experiments that belong to a lesson; none where one of the user's own cannot be read."""
    with suppress(InputError):
        return [each for each in load_experiments() if each.lesson == lesson]
    return []
