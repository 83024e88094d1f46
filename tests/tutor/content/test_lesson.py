"""Lessons: heads, computed numbers, plots; wherever one is wrong the file is named."""

import math
from pathlib import Path

import pytest

from scaling_tui import InputError
from scaling_tui.tutor.content.bank import load_banks
from scaling_tui.tutor.content.lesson import LessonPlot, lesson_files, load_lesson

LESSONS = [file.id for file in lesson_files()]


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_has_plots_with_values_and_ends_in_questions(name: str) -> None:
    lesson = load_lesson(name)
    plots = [part for part in lesson.parts if isinstance(part, LessonPlot)]
    text = "\n".join(part for part in lesson.parts if isinstance(part, str))
    assert plots
    for plot in plots:
        assert len(plot.title) <= 78
        for curve in plot.curves:
            assert all(map(math.isfinite, (*curve.x, *curve.y))), (plot.title, curve.label)
    assert "undefined" not in text
    assert "## Summary" in text
    assert 300 < len(text.split()) + 150 * len(plots) < 1500
    assert sum(question.lesson == name for bank in load_banks() for question in bank.questions) >= 6


def test_the_lessons_figures_are_the_published_ones() -> None:
    text = "\n".join(part for name in LESSONS for part in load_lesson(name).parts if isinstance(part, str))
    for figure in (
        "0.0947",
        "7\u00a0077\u00a0888",
        "108\u00a0375\u00a0552",
        "19\u00a0660\u00a0800",
        "18.4",
        "92.6",
        "72.2B",
    ):
        assert figure in text, figure


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("+++\ntitle", "title", "no head"),
        ("minutes = 3", 'minutes = "3"', "field 'minutes'"),
        ("order = 9", "", "field 'order'"),
        ("{log(10):3}", "{log(10:3}", "formula"),
        ("y = 'p'", "y = 'q'", "'q' is not a name"),
        ("low = 0.1", "lov = 0.1", "plot: KeyError('low')"),
        ("{log(10):3}", '{coef("chinchilla:nobody", "E")}', "published set"),
    ],
)
def test_a_broken_lesson_is_told_with_its_file(own_folders: Path, old: str, new: str, why: str) -> None:
    folder = own_folders / "config" / "scaling-tui" / "quizzes" / "lessons"
    folder.mkdir(parents=True)
    good = (
        '+++\ntitle = "Mine"\nsummary = "s"\norder = 9\nminutes = 3\nladder = ""\n+++\n# Mine\nln 10 is {log(10):3}.\n'
        "```plot\ntitle = 't'\nx = { name = 'p', low = 0.1, high = 1 }\n[[curve]]\ny = 'p'\n```\nend\n"
    )
    (folder / "mine.md").write_text(good)
    assert [type(part) for part in load_lesson("mine").parts] == [str, LessonPlot, str]
    assert "ln 10 is 2.30." in str(load_lesson("mine").parts[0])
    (folder / "mine.md").write_text(good.replace(old, new))
    with pytest.raises(InputError) as caught:
        load_lesson("mine")
    assert "mine.md" in str(caught.value)
    assert why in str(caught.value)


def test_an_unknown_lesson_names_those_there_are() -> None:
    with pytest.raises(InputError, match=r"lesson 'cooking': not known, want one of what-scaling"):
        load_lesson("cooking")


def text_of(name: str) -> str:
    return " ".join(" ".join(part.split()) for part in load_lesson(name).parts if isinstance(part, str))


def test_the_whole_gap_of_the_counting_lesson_is_attention() -> None:
    from scaling_tui.laws import Architecture, count

    counted = count(Architecture(12, 768, 3072, vocab=50257, context=1024, head="tied"))
    gap = counted.flops_per_token["matmul+attention"] - 6 * counted.total
    assert gap == 12 * 12 * 768 * 1024
    assert f"The whole gap, {gap / 1e8:.3f}e8, is attention" in text_of("counting")


def test_budgets_that_are_only_about_the_same_are_given_by_6nd() -> None:
    text = text_of("chinchilla")
    assert "same 5.76e23" not in text
    assert "5.04e23" in text
    assert "5.88e23" in text


def test_the_simple_forms_summary_compares_what_falls_and_not_what_is_large() -> None:
    """At a point where the size term is larger and the next FLOP is better spent on data."""
    a, b, c, d, N, D = 1.0, 0.1, 1.0, 0.5, 1e3, 25.0
    size, data = a * N**-b, c * D**-d
    assert size > data
    more_size, more_data = a * (1.1 * N) ** -b + data, size + c * (1.1 * D) ** -d
    assert more_data < more_size
    assert (b * size < d * data) == (more_data < more_size)
    assert "b·a·N^-b with d·c·D^-d" in text_of("simple-form")
