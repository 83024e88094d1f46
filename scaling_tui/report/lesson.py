"""A lesson as plain text with its plots, for `learn`; and a lesson's plot as a figure, for the screens."""

import re
from collections.abc import Sequence

import numpy as np

from scaling_tui.plots.drawing import draw, plain
from scaling_tui.plots.figures import LINE, Figure, Series
from scaling_tui.report.tutor import table, width, wrapped
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


def page(lesson: Lesson, questions: Sequence[Question]) -> str:
    """The whole lesson, in lines of the width of a page."""
    parts = []
    for part in lesson.parts:
        if isinstance(part, LessonPlot):
            parts.append(plain(draw(figure(part), width(), HEIGHT).rows()))
        else:
            parts.append("\n".join(_filled(part)))
    if questions:
        parts.append(f"{len(questions)} questions: scaling-tui quiz take --lesson {lesson.id}")
    return "\n\n".join(parts)


def _filled(markdown: str) -> list[str]:
    """Markdown in lines of a page: paragraphs and list items filled, tables set in columns, programs as they are."""
    lines: list[str] = []
    paragraph: list[str] = []
    rows: list[list[str]] = []
    for line in [*markdown.replace("**", "").splitlines(), ""]:
        alone = not line or line.startswith(("|", "    ", "#"))
        if paragraph and (alone or re.match(r"[-*] |[0-9]+[.)] ", line)):
            lines.append(wrapped(" ".join(paragraph)))
            paragraph = []
        if line.startswith("|"):
            if not re.fullmatch(r"[|\s:-]+", line):
                rows.append([cell.strip() for cell in line.strip("| ").split("|")])
            continue
        if rows:
            lines.append(table(rows[0], rows[1:]))
            rows = []
        if alone:
            lines.append(line)
        else:
            paragraph.append(line.strip())
    return lines[:-1]
