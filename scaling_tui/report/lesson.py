"""A lesson with its plots, for `learn`; and a lesson's plot as a figure, for the screens."""

from collections.abc import Sequence

import numpy as np
from rich.console import Group, RenderableType
from rich.markdown import Markdown

from scaling_tui.plots.figures import LINE, Figure, Series
from scaling_tui.report.plotted import plotted
from scaling_tui.text.visible import visible
from scaling_tui.tutor.content.lesson import Lesson, LessonPlot
from scaling_tui.tutor.content.questions import Question

HEIGHT = 14
_COLOURS = ("primary", "warning", "success", "accent")


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


def lesson_page(lesson: Lesson, questions: Sequence[Question], width: int, braille: bool = True) -> Group:
    """The whole lesson for a console of `width` cells."""
    parts: list[RenderableType] = []
    for part in lesson.parts:
        if isinstance(part, LessonPlot):
            parts.append(plotted([figure(part)], width, braille, HEIGHT))
        else:
            parts += [Markdown(visible(part), code_theme="ansi_light"), ""]
    if questions:
        parts.append(f"{len(questions)} questions: scaling-tui quiz take --lesson {lesson.id}")
    return Group(*parts)
