"""A class on one page: its points, how each question went and with which slips, and what needs a look."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from scaling_tui.report.classroom.points import points_text
from scaling_tui.report.page.blocks import Block, Bullets, Facts, Page, Section, Table
from scaling_tui.text import show
from scaling_tui.tutor.classroom.assignment import Assignment, Exercise
from scaling_tui.tutor.classroom.marks import Mark
from scaling_tui.tutor.classroom.statistics import ClassStatistics, QuestionStatistics
from scaling_tui.tutor.content.mistakes import SLIPS
from scaling_tui.tutor.content.questions import Question

_SLIP = {"unreadable": "could not be read", "": "no known mistake", "misconception": "a misconception"}


def class_page(exercise: Exercise, statistics: ClassStatistics, marks: Sequence[Mark]) -> Page:
    """The class on a page: points, each question with its slips, and what needs a look."""
    assignment = exercise.assignment
    states = ", ".join(f"{count} {state.replace('-', ' ')}" for state, count in statistics.states.items())
    facts = [("Students", states), ("Late", str(statistics.late))]
    if statistics.mean is not None:
        spread = f"{points_text(statistics.lowest)} to {points_text(statistics.highest)}"
        facts.append(
            ("Points", f"mean {points_text(statistics.mean)}, median {points_text(statistics.median)}, {spread}, "
                       f"of {points_text(statistics.most)}")
        )  # fmt: skip
    if statistics.seconds is not None:
        facts.append(("Time", f"median {show.duration(statistics.seconds)}"))
    sections = [Section("Questions", [_questions_table(statistics.questions)])]
    sections += [
        Section(f"{number}. {each.question}", _question_blocks(question, each))
        for number, (question, each) in enumerate(zip(exercise.questions, statistics.questions, strict=True), 1)
        if each.wrong
    ]
    looks = [f"{mark.student or mark.file}: {mark.state}: {'; '.join(mark.notes)}" for mark in marks if mark.notes]
    missing = [mark.student for mark in marks if mark.state == "missing"]
    if missing:
        looks.append(f"missing: {', '.join(missing)}")
    if looks:
        sections.append(Section("To check", [Bullets(looks, warns=True)]))
    return Page(f"{assignment.title}: the class", [Facts(facts)], sections)


def _questions_table(questions: Sequence[QuestionStatistics]) -> Table:
    rows = [
        ("no.", "question", "answered", "first right", "right", "points", "tries", "time", "discr.", "commonest slip")
    ]
    for number, each in enumerate(questions, 1):
        rows.append(
            (
                str(number), each.question, str(each.answered), _share(each.first_right), _share(each.right),
                points_text(each.mean_points), points_text(each.mean_tries),
                "–" if each.seconds is None else show.duration(each.seconds),
                "–" if each.discrimination is None else f"{each.discrimination:.2f}",
                _slip(each.wrong[0].slip) if each.wrong else "",
            )
        )  # fmt: skip
    caption = (
        "Shares of those who answered; points and tries are means, the time is the median. Discr.: correlation with "
        "the points of the other questions."
    )
    return Table.of(caption, rows, range(2, 9))


def _question_blocks(question: Question, each: QuestionStatistics) -> list[Block]:
    rows = [("slip", "students", "example, as it was read")]
    rows += [(_slip(wrong.slip), str(wrong.students), wrong.example[:60]) for wrong in each.wrong]
    return [Table.of(f"Wrong answers to {question.id} ({question.kind}, {question.difficulty})", rows, (1,))]


def class_document(assignment: Assignment, statistics: ClassStatistics) -> dict[str, Any]:
    """The class, as JSON has it."""
    return {"assignment": assignment.id, "title": assignment.title, **_keyed(asdict(statistics))}


def _keyed(document: Mapping[str, Any]) -> dict[str, Any]:
    return {("of" if name == "most" else name): value for name, value in document.items()}


def _slip(slip: str) -> str:
    return SLIPS.get(slip) or _SLIP.get(slip, slip)


def _share(value: float | None) -> str:
    return "–" if value is None else show.percent(value)
