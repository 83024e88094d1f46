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
