"""Lessons: heads, computed numbers, plots; wherever one is wrong the file is named."""

import contextlib
import io
import math
import re
from pathlib import Path
from typing import Any

import pytest

from scaling_tui import InputError
from scaling_tui.laws import Architecture, count, find_law, get
from scaling_tui.laws.atlas.models import MODELS
from scaling_tui.laws.planning.plan import Goal, plan_law
from scaling_tui.text import show
from scaling_tui.tutor.content.bank import load_banks
from scaling_tui.tutor.content.lesson import LessonPlot, LessonTraining, lesson_files, load_lesson

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


def text_of(name: str) -> str:
    return "\n".join(part for part in load_lesson(name).parts if isinstance(part, str))


def test_the_listing_of_the_counting_lesson_runs_and_counts_as_the_law_code_does() -> None:
    (listing,) = re.findall(r"```python\n(.*?)```", text_of("counting"), re.DOTALL)
    printed = io.StringIO()
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(printed):
        exec(listing, names)
    promised = re.findall(r"# (\d+)$", listing, re.MULTILINE)
    assert printed.getvalue().split() == promised
    assert "510927360" in promised
    for layers, hidden, ffn, heads, vocab in ((12, 768, 3072, 12, 30522), (24, 1024, 4096, 16, 30522),
                                              (24, 1280, 5120, 20, 30522), (3, 96, 100, 6, 11)):  # fmt: skip
        counted = count(Architecture(layers, hidden, ffn, heads=heads, vocab=vocab, head="tied"))
        assert names["parameters"](layers, hidden, ffn, heads, vocab) == counted.total


def test_who_was_undertrained_is_computed_from_published_sizes() -> None:
    text = text_of("chinchilla")
    rows = {line.split(",")[0].strip("| "): line for line in text.splitlines() if line.startswith("| ")}
    besiroglu = get("chinchilla:besiroglu2024").coefficients
    for name, model in ((model.name, model) for model in MODELS if model.name in rows):
        best = plan_law(find_law("chinchilla"), besiroglu, Goal(params=model.params))
        cells = [cell.strip() for cell in rows[name].strip("|").split("|")]
        assert cells[1:3] == [show.count(model.params), show.count(model.tokens)]
        assert cells[4] == show.count(best.tokens)
        assert float(cells[5]) == pytest.approx(best.tokens / model.tokens, rel=0.05)
    assert {"GPT-3", "Gopher", "MT-NLG", "Chinchilla", "LLaMA 65B"} <= set(rows)
    assert "compute-bound" in text


def test_size_data_compute_and_trade_offs_each_have_a_sentence_to_remember() -> None:
    sections = re.split(r"^## ", text_of("size-data-compute"), flags=re.MULTILINE)
    for name in ("Model size", "Training data", "Compute", "Trade-offs"):
        (section,) = [section for section in sections if section.startswith(name + "\n")]
        assert section.count("**Remember:**") == 1, name


def test_emergent_abilities_have_names_and_dates() -> None:
    text = text_of("emergence")
    for work in ("Wei et al. 2022", "Schaeffer et al. 2023", "Srivastava et al. 2022", "Du et al. 2024"):
        assert work in text


def test_the_pipeline_lesson_shows_a_training() -> None:
    (training,) = [part for part in load_lesson("pipeline").parts if isinstance(part, LessonTraining)]
    assert training.rows[0][1] < training.rows[-1][1]
    assert training.uniform == pytest.approx(math.log(1000))


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


def flowing(name: str) -> str:
    return " ".join(" ".join(part.split()) for part in load_lesson(name).parts if isinstance(part, str))


def test_the_whole_gap_of_the_counting_lesson_is_attention() -> None:
    from scaling_tui.laws import Architecture, count

    counted = count(Architecture(12, 768, 3072, vocab=50257, context=1024, head="tied"))
    gap = counted.flops_per_token["matmul+attention"] - 6 * counted.total
    assert gap == 12 * 12 * 768 * 1024
    assert f"The whole gap, {gap / 1e8:.3f}e8, is attention" in flowing("counting")


def test_budgets_that_are_only_about_the_same_are_given_by_6nd() -> None:
    text = flowing("chinchilla")
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
    assert "b·a·N^-b with d·c·D^-d" in flowing("simple-form")
