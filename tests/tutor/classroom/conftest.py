"""An assignment of one's own bank, and submissions as the program writes them."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scaling_tui.tutor.classroom.assignment import Exercise, load_assignment, load_exercise
from scaling_tui.tutor.classroom.sitting import Sitting
from scaling_tui.tutor.classroom.submission import submission_path
from scaling_tui.tutor.content.questions import Formula
from scaling_tui.tutor.content.variant import Variant

HOMEWORK = """
id = "hw1"
title = "Homework 1"
deadline = 2026-11-30T23:59:00+01:00
seed = 7
tries = 2
feedback = "FEEDBACK"
bank = "mine.toml"

[[question]]
id = "half"
points = 2

[[question]]
id = "which"
tries = 1

[[question]]
id = "write-two-terms"
points = 0.5
"""
START = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def homework(tmp_path: Path, bank_file: Path) -> Callable[..., Exercise]:
    """The exercise, after replacements in its file."""

    def load(*changes: tuple[str, str], feedback: str = "now") -> Exercise:
        text = HOMEWORK.replace("FEEDBACK", feedback)
        for before, after in changes:
            assert before in text
            text = text.replace(before, after)
        (tmp_path / "hw1.toml").write_text(text)
        return load_exercise(load_assignment(tmp_path / "hw1.toml"))

    return load


class Clock:
    """A clock that goes on by `step` at each look."""

    def __init__(self, time: datetime = START, step: timedelta = timedelta(seconds=30)) -> None:
        self.time, self.step = time, step

    def __call__(self) -> datetime:
        self.time += self.step
        return self.time


def first_mistake(asked: Variant) -> str:
    """The first wrong formula that a question lists, in the names that it has for this student."""
    body = asked.question.body
    if not isinstance(body, Formula):
        return ""
    typed = body.mistakes[0].typed
    return f"{body.line}: {typed}" if body.line else typed


def sit(
    exercise: Exercise, student: str, answers: Iterable[str], folder: Path, clock: Callable[[], datetime] | None = None
) -> Path:
    """A sitting in which each answer is given to whatever question is asked.

    "" passes over one, "!" is right, "?" is the first wrong formula that the question lists.
    """
    path = submission_path(exercise.assignment, student, folder)
    sitting = Sitting(exercise, student, path, clock or Clock())
    for answer in answers:
        assert not sitting.over
        if not answer:
            sitting.next()
            continue
        meant = {"!": sitting.asked.expected, "?": first_mistake(sitting.asked)}
        sitting.answer(meant.get(answer, answer))
        sitting.go_on()
    return path
