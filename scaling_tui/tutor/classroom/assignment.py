"""Assignments: a TOML file with questions in order, points, a deadline, and which numbers each student gets."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

from scaling_tui import InputError
from scaling_tui.text import resources
from scaling_tui.text.files import read_bytes, read_toml
from scaling_tui.text.suggest import did_you_mean
from scaling_tui.tutor.classroom.chain import canonical, digest
from scaling_tui.tutor.content.bank import load_bank, load_banks
from scaling_tui.tutor.content.questions import Question
from scaling_tui.tutor.content.table import Table
from scaling_tui.tutor.content.variant import Variant, variant

Feedback = Literal["now", "after-deadline", "never"]
Numbers = Literal["own", "same"]
MOST_QUESTIONS = 200
MOST_TRIES = 100
SEEDS = 10**6
# The keys of an assignment's file, and what they mean.
KEYS = {
    "id": "lower-case words joined by `-`; with `seed`, the question and the student's id it decides the numbers",
    "title": "what students see; by default the `id`",
    "deadline": "a date with time and timezone; by default there is none",
    "numbers": "`own` (default): each student gets numbers of their own; `same`: all get the same. The questions and "
    "their order are the same for all",
    "seed": "a whole number, 0 by default; another gives other numbers",
    "tries": f"how often a question may be answered, 1 by default and {MOST_TRIES} at most",
    "points": "what a question is worth, 1 by default",
    "feedback": "`now` (default): right or wrong with a diagnosis after each try. `after-deadline`: verdicts, right "
    "answers and solutions once the deadline has passed, and no answers are taken after it. `never`: nothing",
    "bank": "a bank of your own, or a list of them, beside this file",
    "question": "the questions in order",
}
# Of each `[[question]]`.
ITEM_KEYS = {
    "id": "of a question in a bank",
    "points": "what it is worth; by default as above",
    "tries": "how often it may be answered; by default as above",
}
_WORDS = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Item:
    """A question of an assignment, what it is worth, and how often it may be answered."""

    question: str
    points: float
    tries: int


@dataclass(frozen=True)
class Assignment:
    """An assignment as its file states it.

    Args:
        id: its name in files and hashes.
        deadline: with its timezone; None if there is none.
        numbers: whether each student gets numbers of their own, or all get the same.
        seed: what the numbers are drawn from, with the ids of the assignment, the question and the student.
        feedback: when a student sees what was right.
        banks: files of questions besides the shipped ones.
    """

    path: Path
    id: str
    title: str
    items: tuple[Item, ...]
    deadline: datetime | None = None
    numbers: Numbers = "own"
    seed: int = 0
    feedback: Feedback = "now"
    banks: tuple[Path, ...] = field(default=(), compare=False)

    @property
    def points(self) -> float:
        """What all questions together are worth."""
        return sum(item.points for item in self.items)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of what decides which numbers a student sees: the deadline, points and tries may change later."""
        names = [item.question for item in self.items]
        return digest(canonical([self.id, self.numbers, self.seed, names]))

    def seed_of(self, question: str, student: str) -> int:
        """The seed of a question for a student, the same on every machine."""
        who = student if self.numbers == "own" else ""
        return int(digest(canonical([self.id, self.seed, question, who]))[:12], 16) % SEEDS

    def is_over(self, now: datetime) -> bool:
        return self.deadline is not None and now > self.deadline

    def document(self) -> dict[str, Any]:
        """The assignment as plain data, as its file could state it."""
        return {
            "id": self.id,
            "title": self.title,
            "deadline": self.deadline.isoformat() if self.deadline else None,
            "numbers": self.numbers,
            "seed": self.seed,
            "feedback": self.feedback,
            "question": [{"id": item.question, "points": item.points, "tries": item.tries} for item in self.items],
        }


@dataclass(frozen=True)
class Exercise:
    """An assignment with its questions, and the hash of the bank that each of them comes from."""

    assignment: Assignment
    questions: tuple[Question, ...]
    bank_hashes: Mapping[str, str]

    def asked(self, question: Question, student: str) -> Variant:
        """The question with the numbers of the student."""
        return variant(question, self.assignment.seed_of(question.id, student))


def load_assignment(path: Path) -> Assignment:
    """Reads an assignment.

    Raises:
        InputError: no such file, not TOML, or a key that is wrong; names the file, question and key.
    """
    return assignment_from(read_toml(path, "an assignment (.toml)"), path)


def assignment_from(document: Mapping[str, Any], path: Path) -> Assignment:
    """An assignment from the table that its file holds.

    Raises:
        InputError: as `load_assignment`; the message begins with `path`.
    """
    table = Table(str(path), dict(document), "")
    table.only(KEYS)
    name = table.get("id", str)
    if not _WORDS.fullmatch(name) or len(name) > 60:
        raise table.wrong("id", f"found {name!r}, want lower-case words joined by '-'")
    deadline = _deadline(table)
    feedback = table.one_of("feedback", get_args(Feedback), "now")
    if feedback == "after-deadline" and deadline is None:
        raise table.wrong("feedback", "found 'after-deadline' without a deadline, want both")
    seed = table.get("seed", int, 0)
    if not 0 <= seed < 2**63:
        raise table.wrong("seed", f"found {seed}, want 0 or more")
    return Assignment(
        path, name, " ".join(table.get("title", str, name).split()) or name, _items(table), deadline,
        table.one_of("numbers", get_args(Numbers), "own"), seed, feedback, _banks(table, path),
    )  # fmt: skip


def load_exercise(assignment: Assignment, banks: tuple[Path, ...] = ()) -> Exercise:
    """The assignment with its questions, from the shipped banks, its own, and `banks`.

    Raises:
        InputError: a bank that cannot be read, or a question that no bank has.
    """
    there = {os.path.realpath(path) for path in resources.found("quizzes")}
    extra = {os.path.realpath(path): path for path in (*assignment.banks, *banks)}
    own: dict[str, Question] = {}
    for bank in (load_bank(path) for real, path in extra.items() if real not in there):
        for question in bank.questions:
            if question.id in own:
                raise InputError(f"{bank.path}: question {question.id!r}: id: also in {own[question.id].bank}")
            own[question.id] = question
    # What an assignment brings itself goes before a shipped question of the same id.
    known = {question.id: question for bank in load_banks() for question in bank.questions} | own
    questions = []
    for number, item in enumerate(assignment.items, 1):
        if item.question not in known:
            hint = did_you_mean(item.question, list(known), "'quiz list' shows them all; bank = \"FILE\" adds your own")
            raise InputError(f"{assignment.path}: question {number}: id {item.question!r}: not known; {hint}")
        questions.append(known[item.question])
    hashes = {path: file_hash(path) for path in {question.bank for question in questions}}
    return Exercise(assignment, tuple(questions), {question.id: hashes[question.bank] for question in questions})


def file_hash(path: Path) -> str:
    """SHA-256 of a file.

    Raises:
        InputError: it cannot be read.
    """
    from hashlib import sha256

    try:
        return sha256(read_bytes(path)).hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def when(time: datetime) -> str:
    """A time for people, with its timezone: 2026-11-30 23:59 +01:00."""
    zone = time.strftime("%z")
    return f"{time:%Y-%m-%d %H:%M} {f'{zone[:3]}:{zone[3:5]}' if zone else ''}".strip()


def _items(table: Table) -> tuple[Item, ...]:
    tables = table.tables("question", 1)
    if len(tables) > MOST_QUESTIONS:
        raise table.wrong("question", f"found {len(tables)}, want at most {MOST_QUESTIONS}")
    points, tries = _points(table, 1.0), _tries(table, 1)
    items: list[Item] = []
    for entry in tables:
        entry.only(ITEM_KEYS)
        name = entry.get("id", str)
        if any(name == item.question for item in items):
            raise entry.wrong("id", f"found {name!r} twice, want each question once")
        items.append(Item(name, _points(entry, points), _tries(entry, tries)))
    return tuple(items)


def _points(table: Table, default: float) -> float:
    points = table.get("points", float, default)
    if not 0 <= points <= 10_000:
        raise table.wrong("points", f"found {points:g}, want a number from 0 to 10,000")
    return points


def _tries(table: Table, default: int) -> int:
    tries = table.get("tries", int, default)
    if not 1 <= tries <= MOST_TRIES:
        raise table.wrong("tries", f"found {tries}, want 1 to {MOST_TRIES}")
    return tries


_TIME = "2026-11-30T23:59:00+01:00"


def _deadline(table: Table) -> datetime | None:
    given = table.table.get("deadline")
    if given is None:
        return None
    if isinstance(given, str):  # as JSON has it
        try:
            given = datetime.fromisoformat(given)
        except ValueError:
            raise table.wrong("deadline", f"found {given!r}, want a time such as {_TIME}") from None
    if not isinstance(given, datetime):
        raise table.wrong("deadline", f"found {given}, want a date with a time, such as {_TIME}")
    if given.tzinfo is None:
        raise table.wrong("deadline", f"found {given} without a timezone, want one, such as {_TIME}")
    return given


def _banks(table: Table, path: Path) -> tuple[Path, ...]:
    given = table.table.get("bank", [])
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list) or not all(isinstance(name, str) and name and "\0" not in name for name in names):
        raise table.wrong("bank", f"found {given!r}, want the name of a file, or a list of them")
    return tuple(path.parent / name for name in names)
