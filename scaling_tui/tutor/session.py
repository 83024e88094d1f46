"""A session of questions, one at a time: the commands and the screen both run it."""

import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from scaling_tui import InputError
from scaling_tui.tutor.content.questions import Question
from scaling_tui.tutor.content.variant import Variant, variant
from scaling_tui.tutor.grading.marking import Grade, grade, wants_figures
from scaling_tui.tutor.progress import Answer, append, begin_sitting, end_sitting


@dataclass(frozen=True)
class Result:
    """The outcome of one question: the grade of the first try, and how many tries there were."""

    asked: Variant
    grade: Grade
    tries: int

    @property
    def question(self) -> Question:
        return self.asked.question

    @property
    def correct(self) -> bool:
        return self.grade.correct


@dataclass(frozen=True)
class Topic:
    """The score in one lesson."""

    lesson: str
    right: int
    asked: int


def _utc() -> datetime:
    return datetime.now(UTC)


class Session:
    """Asks questions in order and records each answer as it is given.

    Args:
        questions: the questions to ask.
        progress: the file that answers are appended to; None records nothing.
        seeds: gives the seed of each question.
        test: no hints, one try, and no solutions until the end.
        now: the clock.
    """

    def __init__(
        self,
        questions: Sequence[Question],
        progress: Path | None,
        seeds: Callable[[Question], int],
        test: bool = False,
        now: Callable[[], datetime] = _utc,
    ) -> None:
        self.questions, self.test = tuple(questions), test
        self._progress, self._now = progress, now
        self._seeds = [seeds(question) for question in questions]
        self.index = 0
        self.results: list[Result] = []
        self.grade: Grade | None = None
        self.hinted = False
        self._tries = 0
        self._unkept, self._warned = "", False
        self.asked: Variant = variant(self.questions[0], self._seeds[0])
        self.sitting, self._begun = secrets.token_hex(8), False
        self._shown = self._now()

    @property
    def over(self) -> bool:
        return self.index >= len(self.questions)

    def hint(self) -> str:
        """The question's hint; a right answer then counts half. Empty in a test."""
        if self.test:
            return ""
        self.hinted = True
        return self.asked.hint

    def seconds(self, now: datetime) -> float:
        """How long the question has been shown."""
        return max(0.0, round((now - self._shown).total_seconds(), 1))

    def take_up(self, sitting: str, answers: Sequence[Answer]) -> None:
        """Goes on with a sitting after its `answers`, which are to the first of its questions, in order."""
        self.sitting, self._begun = sitting, True
        for question, given in zip(self.questions, answers, strict=False):
            asked = variant(question, given.seed)
            try:
                graded = grade(asked, given.text)
            except InputError:  # it was kept without its text, by an earlier version
                graded = Grade(given.correct, given.text, asked.expected, given.slip)
            self.results.append(Result(asked, graded, 1))
        self.index = len(self.results) - 1
        self.next()

    def _begin(self, progress: Path) -> None:
        if not self._begun:
            names = [question.id for question in self.questions]
            made = [question.table for question in self.questions if question.table is not None]
            begin_sitting(self.sitting, self.test, names, self._seeds, progress, made)
            self._begun = True

    def leave(self) -> None:
        """Leaves the sitting, which then can go on another time, even if nothing is answered yet.

        Raises:
            InputError: that cannot be recorded.
        """
        if self._progress is not None:
            self._begin(self._progress)

    def end(self) -> None:
        """Ends the sitting: it does not go on another time."""
        if self._begun and self._progress is not None:
            with suppress(InputError):  # answers could not be kept either, which was said
                end_sitting(self.sitting, self._progress)

    @property
    def name(self) -> str:
        return "Test" if self.test else "Quiz"

    @property
    def place(self) -> str:
        """Where in the session the question stands."""
        return f"{self.index + 1} of {len(self.questions)} · {self.asked.question.difficulty}"

    @property
    def helps(self) -> bool:
        """Whether hints, solutions and fresh numbers are to be had."""
        return not self.test

    @property
    def tells(self) -> bool:
        """Whether it is said at once if an answer is right."""
        return not self.test

    @property
    def tries_left(self) -> int:
        """How often the question may be answered again with the same numbers."""
        return 0

    def answer(self, text: str) -> Grade:
        """Grades an answer and records it; one that cannot be recorded is graded all the same (`unkept_warning`).

        Raises:
            InputError: it cannot be parsed, or has too few figures to grade; nothing is recorded.
        """
        question, graded = self.asked.question, self._graded(text)
        if self._progress is not None:
            now = self._now()
            record = Answer(
                now, question.lesson, question.id, question.skill, question.difficulty, self.asked.seed,
                graded.correct, self.hinted, graded.slip, self.test, text, self.seconds(now), self.sitting,
            )  # fmt: skip
            try:
                self._begin(self._progress)
                append(record, self._progress)
            except InputError as error:
                self._unkept = self._unkept or f"{error}: your answers are graded but not saved"
        self._tries += 1
        if self._tries == 1:
            self.results.append(Result(self.asked, graded, 1))
        else:
            self.results[-1] = replace(self.results[-1], tries=self._tries)
        self.grade = graded
        return graded

    def _graded(self, text: str) -> Grade:
        # Where nothing is told, a right and a wrong number with too few figures must look the same.
        if not self.tells and (wanted := wants_figures(self.asked, text)):
            raise InputError(f"answer: {wanted}")
        graded = grade(self.asked, text)
        if graded.slip == "few-figures":
            raise InputError(f"answer: {graded.diagnosis}")  # not wrong yet, so not a try
        return graded

    @property
    def keeps(self) -> bool:
        """Whether every answer so far was recorded."""
        return self._progress is not None and not self._unkept

    def unkept_warning(self) -> str:
        """Why answers are not kept; said once, then and else empty."""
        if self._warned or not self._unkept:
            return ""
        self._warned = True
        return self._unkept

    def again(self) -> None:
        """Asks the same question with fresh numbers, in the form that it has: the seed alone gives both again."""
        question = self.questions[self.index]
        self.asked = variant(question, self.asked.seed + 1 + len(question.forms))
        self.grade, self.hinted, self._shown = None, False, self._now()

    def next(self) -> None:
        """Moves on to the next question; an unanswered one does not count."""
        self.index += 1
        self.grade, self.hinted, self._tries, self._shown = None, False, 0, self._now()
        if self.over:
            self.end()
        else:
            self.asked = variant(self.questions[self.index], self._seeds[self.index])

    def go_on(self) -> None:
        """After an answer: the same question with fresh numbers if it was wrong, else the next one."""
        if self.grade is not None and not self.grade.correct and not self.asked.options:
            self.again()
        else:
            self.next()

    @property
    def weak(self) -> list[str]:
        """The lessons with a wrong answer, weakest first."""
        return [topic.lesson for topic in self.topics() if topic.right < topic.asked]

    @property
    def asked_in_all(self) -> int:
        """What the score is out of: in a test every question, answered or not; else those answered."""
        return len(self.questions) if self.test else len(self.results)

    @property
    def skipped(self) -> int:
        """Questions passed over; in a test also those that it ended before."""
        reached = len(self.questions) if self.test else min(self.index, len(self.questions))
        return reached - len(self.results)

    @property
    def right(self) -> int:
        return sum(result.correct for result in self.results)

    def topics(self) -> list[Topic]:
        """Scores by lesson, weakest first; in a test a question not answered is not right."""
        asked = self.questions if self.test else tuple(result.question for result in self.results)
        topics = []
        for lesson in dict.fromkeys(question.lesson for question in asked):
            right = sum(result.correct for result in self.results if result.question.lesson == lesson)
            topics.append(Topic(lesson, right, sum(question.lesson == lesson for question in asked)))
        return sorted(topics, key=lambda topic: (topic.right / topic.asked, -topic.asked))
