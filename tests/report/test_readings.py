"""A plot to read shows what it asks for, at least as precisely as its answer is marked."""

import json
import math

import pytest

from scaling_tui.plots.drawing import draw
from scaling_tui.report.lesson import figure
from scaling_tui.report.tutor import PLOT_HEIGHT, PLOT_WIDTH, plot_words, question_text, show_document
from scaling_tui.tutor.content.bank import load_banks
from scaling_tui.tutor.content.questions import Numeric, Question
from scaling_tui.tutor.content.readings import COLUMNS, ROWS, Reading
from scaling_tui.tutor.content.variant import Variant, variant
from scaling_tui.tutor.grading.marking import grade

PLOTTED = [
    question for bank in load_banks() for question in bank.questions if question.kind == "figure"
]  # fmt: skip


def reading(one: Variant) -> Reading:
    assert isinstance(one.body, Numeric) and one.body.reading is not None
    return one.body.reading


@pytest.mark.parametrize("question", PLOTTED, ids=lambda question: question.id)
@pytest.mark.parametrize("braille", [True, False])
def test_the_cells_drawn_are_no_coarser_than_those_counted(question: Question, braille: bool) -> None:
    one = variant(question, 2)
    drawing = draw(figure(reading(one).plot(one.values)), PLOT_WIDTH, PLOT_HEIGHT, braille)
    frame = drawing.frame
    assert frame is not None
    plot = reading(one).plot(one.values)
    heights = [y for curve in plot.curves[:1] for y in curve.y]
    span = math.log10(max(heights) / min(heights)) if plot.log_y else max(heights) - min(heights)
    sizes = plot.curves[0].x
    width = math.log10(sizes[-1] / sizes[0]) if plot.log_x else sizes[-1] - sizes[0]
    one_curve = len(plot.curves) == 1  # others share the height of the plot
    if one_curve:
        assert (frame.y.high - frame.y.low) / frame.height <= span / ROWS
    assert (frame.x.high - frame.x.low) / frame.width <= width / COLUMNS


@pytest.mark.parametrize("question", PLOTTED, ids=lambda question: question.id)
def test_what_half_a_cell_hides_is_right_and_what_it_shows_is_wrong(question: Question) -> None:
    for seed in range(5):
        one = variant(question, seed)
        assert isinstance(one.body, Numeric)
        key, tolerance = one.values["answer"], one.body.tolerance
        assert 0.003 < tolerance <= 0.4
        assert grade(one, f"{key * (1 + 0.9 * tolerance):.12g}").correct
        assert grade(one, f"{key * (1 - 0.9 * tolerance):.12g}").correct
        assert not grade(one, f"{key * (1 + 1.2 * tolerance):.12g}").correct


def test_the_plot_is_drawn_or_told_in_words() -> None:
    one = variant(next(question for question in PLOTTED if question.id == "read-a-loss"), 0)
    drawn = question_text(one)
    assert "┤" in drawn and any("\u2800" < sign < "\u2900" for sign in drawn)
    assert not any("\u2800" < sign < "\u2900" for sign in question_text(one, braille=False))
    told = question_text(one, plain=True)
    assert "┤" not in told and plot_words(one) in told
    rows = plot_words(one).splitlines()[1:]
    assert len(rows) == 13
    document = show_document(one)
    json.dumps(document)
    assert len(document["points"]["x"]["N"]) == 13


def test_a_loss_can_be_read_off_the_table() -> None:
    one = variant(next(question for question in PLOTTED if question.id == "read-a-valley"), 1)
    sizes, [(_, heights)] = reading(one).table(one.values)
    lowest = min(zip(heights, sizes, strict=True))[1]
    assert abs(math.log10(lowest / one.values["answer"])) < 0.3
