"""Answers that students wrote on paper, typed in by the instructor: a table of them becomes a submission a student."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from scaling_tui import InputError, __version__
from scaling_tui.text import show
from scaling_tui.text.files import write_whole
from scaling_tui.text.suggest import did_you_mean
from scaling_tui.tutor.classroom.assignment import Assignment, Exercise
from scaling_tui.tutor.classroom.marks import UNREADABLE, regraded
from scaling_tui.tutor.classroom.roster import Student, student_id, table_rows
from scaling_tui.tutor.classroom.submission import (
    LONGEST_ANSWER,
    Given,
    asked_hash,
    read_submission,
    submission_path,
    written,
)
from scaling_tui.tutor.grading.marking import wants_figures

WANTED = "answers (.csv) in UTF-8"


@dataclass(frozen=True)
class PaperAnswers:
    """A student's answers by question, as typed, in the assignment's order. `row` is theirs in the table."""

    student: str
    row: int
    answers: Mapping[str, str]


@dataclass(frozen=True)
class Entered:
    """A submission that was written.

    Args:
        answers: how many it holds; `right` of them are right.
        notes: what to look at again in the table, a line each.
    """

    student: str
    path: Path
    answers: int
    right: int
    notes: tuple[str, ...]


def read_answers_table(
    path: Path, assignment: Assignment, roster: Sequence[Student] | None = None
) -> list[PaperAnswers]:
    """The answers of a table with a column `id` and one for each question, called by its id or its number on paper.

    A column `name` is passed over, and an empty cell is no answer.

    Raises:
        InputError: no such table, a column or a student that is not known, or a student twice; names the row.
    """
    names = {item.question.casefold(): item.question for item in assignment.items}
    names |= {str(number): item.question for number, item in enumerate(assignment.items, 1)}
    known = {student.id for student in roster or ()}
    found: dict[str, PaperAnswers] = {}
    for row, cells in table_rows(path, WANTED, ("id",)):
        answers: dict[str, str] = {}
        for column, text in cells.items():
            if column in ("id", "name", ""):
                continue
            if column not in names:
                hint = did_you_mean(column, [item.question for item in assignment.items])
                raise InputError(f"{path}: column {column!r}: no question of {assignment.id}; {hint}")
            question = names[column]
            if question in answers:
                raise InputError(f"{path}: column {column!r}: {question} has two columns, want one")
            if len(text) > LONGEST_ANSWER:
                raise InputError(f"{path}: row {row}: {column}: longer than {LONGEST_ANSWER:,} characters")
            answers[question] = text.strip("\n")
        try:
            student = student_id(cells["id"])
        except InputError as error:
            raise InputError(f"{path}: row {row}: {error}") from None
        if roster is not None and student not in known:
            raise InputError(f"{path}: row {row}: id: found {student!r}, which is not in the roster")
        if student in found:
            raise InputError(f"{path}: row {row}: id: found {student!r} again, it is in row {found[student].row} too")
        order = {item.question: answers.get(item.question, "") for item in assignment.items}
        found[student] = PaperAnswers(student, row, {name: text for name, text in order.items() if text.strip()})
    if not any(each.answers for each in found.values()):
        wanted = [item.question for item in assignment.items]
        more = " …" if len(wanted) > 3 else ""
        raise InputError(f"{path}: no answers, want them in columns called {', '.join(wanted[:3])}{more}")
    return [each for each in found.values() if each.answers]


def enter(
    exercise: Exercise, table: Sequence[PaperAnswers], folder: Path, at: datetime, now: datetime, replace: bool = False
) -> list[Entered]:
    """Writes a submission for each student, that says it was entered; all are checked before the first is written.

    Args:
        exercise: the assignment and its questions.
        table: the answers.
        folder: of the submissions.
        at: when the papers were written.
        now: the clock.
        replace: whether submissions that were entered before may be replaced; those of students never are.

    Raises:
        InputError: a submission is there and may not be replaced, or cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: not a folder, want one for the submissions")
    paths = {each.student: submission_path(exercise.assignment, each.student, folder) for each in table}
    for path in paths.values():
        if path.exists():
            _check_replaceable(path, replace)
    entered = []
    for each in table:
        given, notes = _graded(exercise, each, at)
        content = written(exercise.assignment, each.student, given, at, now)
        path = paths[each.student]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(path, content, replace)
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({error.strerror})") from None
        entered.append(Entered(each.student, path, len(given), sum(one.correct for one in given), tuple(notes)))
    return entered


def _check_replaceable(path: Path, replace: bool) -> None:
    submission = read_submission(path)
    if submission.entered is None:
        raise InputError(f"{path}: exists already and is a student's own, want another folder")
    if not replace:
        raise InputError(f"{path}: exists already, want --force to enter it again")


def _graded(exercise: Exercise, each: PaperAnswers, at: datetime) -> tuple[list[Given], list[str]]:
    given, notes = [], []
    for question in exercise.questions:
        text = each.answers.get(question.id)
        if text is None:
            continue
        asked = exercise.asked(question, each.student)
        correct, slip, read = regraded(asked, text)
        where = f"row {each.row}: {each.student}: {question.id}"
        if slip == UNREADABLE:
            notes.append(f"{where}: found {show.token(text[:40])}, which cannot be read; it counts as wrong")
        elif not correct and (wanted := wants_figures(asked, text)):
            notes.append(f"{where}: {wanted}; it counts as wrong")
        given.append(
            Given(
                at, question.id, asked.seed, asked_hash(asked), exercise.bank_hashes[question.id], text, read, correct,
                slip, 0.0, __version__,
            )
        )  # fmt: skip
    return given, notes
