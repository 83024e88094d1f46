"""Marks: every submission of a folder checked and graded anew. What a file says of its own answers is not believed."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Literal

from scaling_tui import InputError, __version__
from scaling_tui.tutor.classroom.assignment import Exercise
from scaling_tui.tutor.classroom.chain import RECEIPT, read_receipt, receipt
from scaling_tui.tutor.classroom.roster import Student, student_id, table_rows
from scaling_tui.tutor.classroom.submission import Submission, asked_hash, read_submission
from scaling_tui.tutor.content.questions import Question
from scaling_tui.tutor.content.variant import Variant, variant
from scaling_tui.tutor.grading.marking import grade

State = Literal["marked", "tampered", "unreadable", "other-assignment", "missing"]
MOST_FILES = 100_000
COPIED = 2  # answers with the same text at the same microsecond, from which on two files are no coincidence
UNREADABLE = "unreadable"  # in place of a slip
NAMED = 4  # students in such a note


@dataclass(frozen=True)
class QuestionMark:
    """What a student did with one question.

    Args:
        points: by the last answer before the deadline.
        points_late: by the last answer of all.
        answers: as typed, in order; `verdicts`, `slips` and `seconds` go with them.
        late: whether the last answer came after the deadline.
    """

    question: str
    points: float
    points_late: float
    most: float
    answers: tuple[str, ...] = ()
    read_as: tuple[str, ...] = ()
    verdicts: tuple[bool, ...] = ()
    slips: tuple[str, ...] = ()
    seconds: tuple[float, ...] = ()
    late: bool = False

    @property
    def right(self) -> bool:
        return bool(self.verdicts) and self.verdicts[-1]

    @property
    def slip(self) -> str:
        """The slip of the last answer."""
        return self.slips[-1] if self.slips else ""


@dataclass(frozen=True)
class Mark:
    """A student's marks, or why there are none.

    Args:
        points: None unless the submission was marked.
        points_late: as `points`, had the deadline not counted.
        late: how long after the deadline the last answer came.
        notes: what the instructor should look at, a line each.
    """

    student: str
    name: str
    state: State
    most: float
    file: Path | None = None
    points: float | None = None
    points_late: float | None = None
    late: timedelta | None = None
    notes: tuple[str, ...] = ()
    questions: tuple[QuestionMark, ...] = ()

    @property
    def answered(self) -> int:
        return sum(bool(mark.answers) for mark in self.questions)

    @property
    def seconds(self) -> float:
        """Time at the questions, as the student's computer measured it."""
        return sum(sum(mark.seconds) for mark in self.questions)


@dataclass(frozen=True)
class Evidence:
    """What was handed in besides: receipts by student, and hashes of earlier copies by student."""

    receipts: Mapping[str, str] = field(default_factory=dict)
    earlier: Mapping[str, Sequence[Submission]] = field(default_factory=dict)


@dataclass(frozen=True)
class _File:
    """A file of the folder: a submission, or why it is none."""

    path: Path
    submission: Submission | None
    problem: str = ""


def mark_folder(
    folder: Path, exercise: Exercise, roster: Sequence[Student] | None = None, evidence: Evidence | None = None
) -> list[Mark]:
    """Marks every submission below `folder`, in the order of the roster, else of the ids.

    Raises:
        InputError: no such folder, or no submission in it.
    """
    files = list(_files(folder))
    if not files:
        raise InputError(f"{folder}: no submissions, want files that end in .jsonl")
    by_student: dict[str, list[Submission]] = {}
    marks: list[Mark] = []
    names = {student.id: student.name for student in roster or ()}
    for file in files:
        if file.submission is None:
            marks.append(Mark("", "", "unreadable", exercise.assignment.points, file.path, notes=(file.problem,)))
        else:
            by_student.setdefault(file.submission.student, []).append(file.submission)
    marker = _Marker(exercise)
    for student, submissions in by_student.items():
        chosen, notes = _chosen(submissions)
        if roster is not None and student not in names:
            notes = (*notes, _stranger(student, names))
        mark = replace(marker.mark(chosen, evidence or Evidence()), name=names.get(student, ""))
        marks.append(replace(mark, notes=(*mark.notes, *notes)))
    missing = [Mark(student.id, student.name, "missing", exercise.assignment.points)
               for student in roster or () if student.id not in by_student]  # fmt: skip
    marks = [*_copies(marks, {name: _chosen(each)[0] for name, each in by_student.items()}), *missing]
    order = {student.id: number for number, student in enumerate(roster or ())}
    return sorted(marks, key=lambda mark: (order.get(mark.student, len(order)), mark.student, str(mark.file)))


class _Marker:
    """Marks submissions one by one; questions that several students saw are computed once."""

    def __init__(self, exercise: Exercise) -> None:
        self._exercise = exercise
        self._variant = lru_cache(maxsize=4096)(lambda place, seed: variant(exercise.questions[place], seed))

    def mark(self, submission: Submission, evidence: Evidence) -> Mark:
        assignment = self._exercise.assignment
        blank = Mark(submission.student, "", "tampered", assignment.points, submission.path)
        if submission.broken:
            return replace(blank, notes=(submission.broken,))
        if submission.fingerprint != assignment.fingerprint:
            why = f"started with other questions or numbers than {assignment.path.name} has"
            return replace(blank, state="other-assignment", notes=(why,))
        if why := _contradicted(submission, evidence):
            return replace(blank, notes=(why,))
        notes: list[str] = []
        if submission.entered is not None:
            notes.append("entered from paper by the instructor")
        elif evidence.receipts and submission.student not in evidence.receipts:
            notes.append("no receipt")
        try:
            questions = [
                self._question(place, question, submission, notes)
                for place, question in enumerate(self._exercise.questions)
            ]
        except _TamperedError as error:
            return replace(blank, notes=(str(error),))
        notes += _oddities(submission)
        began = submission.assignment.get("feedback")
        if began != assignment.feedback:
            notes.append(f"started with feedback {began!r}, the assignment has {assignment.feedback!r}")
        last = max((given.time for given in submission.answers), default=None)
        return replace(
            blank, state="marked", points=sum(mark.points for mark in questions),
            points_late=sum(mark.points_late for mark in questions), late=_late(last, assignment.deadline),
            notes=tuple(dict.fromkeys(notes)), questions=tuple(questions),
        )  # fmt: skip

    def _question(self, place: int, question: Question, submission: Submission, notes: list[str]) -> QuestionMark:
        assignment = self._exercise.assignment
        item, seed = assignment.items[place], assignment.seed_of(question.id, submission.student)
        given = [each for each in submission.answers if each.question == question.id]
        if not given:
            return QuestionMark(question.id, 0.0, 0.0, item.points)
        if len(given) > item.tries:
            notes.append(f"{question.id}: {len(given)} answers, {item.tries} count")
            given = given[: item.tries]
        asked: Variant = self._variant(place, seed)
        same = self._exercise.bank_hashes[question.id]
        verdicts, slips, reads = [], [], []
        for each in given:
            if each.seed != seed:
                raise _TamperedError(
                    f"record {each.line}: {question.id} with the numbers of seed {each.seed}, want {seed}"
                )
            if each.asked != asked_hash(asked):
                notes.append(f"{question.id}: version {each.version} asks it differently; not marked")
                return QuestionMark(question.id, 0.0, 0.0, item.points)
            correct, slip, read = regraded(asked, each.answer)
            if correct != each.correct:
                told, found = ("right", "wrong") if each.correct else ("wrong", "right")
                why = f"record {each.line}: {question.id} recorded as {told}, but the answer is {found}"
                if each.bank == same and each.version == __version__:
                    raise _TamperedError(why)
                notes.append(f"{why}; version {each.version} may have marked differently")
            verdicts.append(correct)
            slips.append(slip)
            reads.append(read)
        intime = [right for right, each in zip(verdicts, given, strict=True) if not assignment.is_over(each.time)]
        return QuestionMark(
            question.id, item.points * (bool(intime) and intime[-1]), item.points * verdicts[-1], item.points,
            tuple(each.answer for each in given), tuple(reads), tuple(verdicts), tuple(slips),
            tuple(each.seconds for each in given), assignment.is_over(given[-1].time),
        )  # fmt: skip


class _TamperedError(Exception):
    """A record that the program would not have written."""


def regraded(asked: Variant, answer: str) -> tuple[bool, str, str]:
    """Whether an answer is right, its slip, and how it is read."""
    try:
        graded = grade(asked, answer)
    except (InputError, RecursionError, ArithmeticError):
        return False, UNREADABLE, answer
    return graded.correct, graded.slip, graded.read_as


def _contradicted(submission: Submission, evidence: Evidence) -> str:
    """Why the submission cannot go with what was handed in before; empty if it can."""
    given = evidence.receipts.get(submission.student)
    if given and not any(each[:RECEIPT] == given for each in submission.hashes):
        return "the receipt handed in does not match this file"
    for copy in evidence.earlier.get(submission.student, ()):
        if tuple(copy.hashes) != submission.hashes[: len(copy.hashes)]:
            return f"does not continue the earlier copy {copy.path}"
    return ""


def _oddities(submission: Submission) -> Iterator[str]:
    times = [submission.opened, *(given.time for given in submission.answers)]
    if any(later < earlier for earlier, later in pairwise(times)):
        yield "the clock was set back between answers"
    versions = {given.version for given in submission.answers} - {__version__}
    if versions:
        yield f"made with version {', '.join(sorted(versions))}; this is {__version__}"


def _stranger(student: str, known: Iterable[str]) -> str:
    """What to say of a student who is not in the roster: an id typed with other capitals gets other numbers."""
    alike = [name for name in known if name.casefold() == student.casefold()]
    return f"not in the roster, which has {alike[0]}: other capitals" if alike else "not in the roster"


def _late(last: datetime | None, deadline: datetime | None) -> timedelta | None:
    return last - deadline if last and deadline and last > deadline else None


def _chosen(submissions: Sequence[Submission]) -> tuple[Submission, tuple[str, ...]]:
    """The submission of a student that counts: the longest continuation of the one begun first."""
    sound = [each for each in submissions if not each.broken] or list(submissions)
    first = min(sound, key=lambda each: (each.opened, str(each.path)))
    same = [each for each in sound if each.hashes[:1] == first.hashes[:1]]
    chosen = max(same, key=lambda each: len(each.hashes))
    notes = []
    for other in submissions:
        if other.broken and other is not chosen:
            notes.append(f"also {other.path.name}, which is tampered with: {other.broken}")
        elif other is not chosen and tuple(other.hashes) != chosen.hashes[: len(other.hashes)]:
            notes.append(f"also {other.path.name}, another submission; the one started first counts")
    return chosen, tuple(notes)


def _copies(marks: Sequence[Mark], submissions: Mapping[str, Submission]) -> Iterator[Mark]:
    """The marks, with a note where two students have answers of the same text at the same microsecond."""
    owners: dict[tuple[datetime, str], list[str]] = {}
    for student, submission in submissions.items():
        if submission.entered is not None:  # all answers of a class bear the time of its papers
            continue
        for given in {(given.time, given.answer) for given in submission.answers}:
            owners.setdefault(given, []).append(student)
    shared: dict[str, list[list[str]]] = {}
    for students in owners.values():
        for student in students if len(students) > 1 else ():
            shared.setdefault(student, []).append(students)
    for mark in marks:
        alike = shared.get(mark.student, [])
        if len(alike) < COPIED:
            yield mark
            continue
        others = sorted({other for students in alike for other in students[:NAMED]} - {mark.student})[:NAMED]
        note = f"{len(alike)} answers at exactly the same times as those of {', '.join(others)}"
        yield replace(mark, notes=(*mark.notes, note))


def _files(folder: Path) -> Iterator[_File]:
    """Every .jsonl file below `folder`; links to other folders are not followed."""
    if not folder.is_dir():
        what = "not a folder" if folder.exists() else "no such folder"
        raise InputError(f"{folder}: {what}, want one with submissions")
    found = 0
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if not name.endswith(".jsonl"):
                continue
            found += 1
            if found > MOST_FILES:
                raise InputError(f"{folder}: found more than {MOST_FILES:,} files, want fewer")
            path = Path(place, name)
            try:
                yield _File(path, read_submission(path))
            except InputError as error:
                yield _File(path, None, str(error).removeprefix(f"{path}: "))


def read_receipts(path: Path) -> dict[str, str]:
    """Receipts by student, from a CSV file with the columns `id` and `receipt`.

    Raises:
        InputError: it cannot be read, or a row is wrong.
    """
    receipts: dict[str, str] = {}
    for row, cells in table_rows(path, "receipts (.csv) in UTF-8", ("id", "receipt")):
        try:
            student = student_id(cells["id"])
        except InputError as error:
            raise InputError(f"{path}: row {row}: {error}") from None
        found = read_receipt(cells["receipt"])
        if not found:
            raise InputError(
                f"{path}: row {row}: receipt: found {cells['receipt'][:40]!r}, want 16 digits as in {receipt('0' * 16)}"
            )
        if student in receipts and receipts[student] != found:
            raise InputError(f"{path}: row {row}: id: found {student!r} again, want one receipt a student")
        receipts[student] = found
    return receipts


def earlier_copies(folder: Path) -> dict[str, list[Submission]]:
    """The submissions of an earlier collection, by student.

    Raises:
        InputError: no such folder.
    """
    copies: dict[str, list[Submission]] = {}
    for file in _files(folder):
        if file.submission is not None and not file.submission.broken:
            copies.setdefault(file.submission.student, []).append(file.submission)
    return copies


def common_assignment(folder: Path) -> Mapping[str, object]:
    """The assignment that most submissions below `folder` say they are of, as plain data.

    Raises:
        InputError: no such folder, or no submission in it.
    """
    found = [file.submission for file in _files(folder) if file.submission and not file.submission.broken]
    if not found:
        raise InputError(f"{folder}: no submissions, want files that 'quiz take --assignment' wrote")
    fingerprints = [submission.fingerprint for submission in found]
    most = max(dict.fromkeys(fingerprints), key=fingerprints.count)
    return next(submission.assignment for submission in found if submission.fingerprint == most)
