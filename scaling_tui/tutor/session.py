"""One sitting, question by question: what the commands and the screen both run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from scaling_tui import InputError
from scaling_tui.tutor.content.questions import Question
from scaling_tui.tutor.content.variant import Variant, variant
from scaling_tui.tutor.grading.marking import Mark, mark
from scaling_tui.tutor.progress import Answer, append


@dataclass(frozen=True)
class Result:
    """How one question went: its first mark; `tries` counts all."""

    asked: Variant
    mark: Mark
    tries: int

    @property
    def question(self) -> Question:
        return self.asked.question

    @property
    def correct(self) -> bool:
        return self.mark.correct


@dataclass(frozen=True)
class Topic:
    """The score in one lesson."""

    lesson: str
    right: int
    asked: int


def _utc() -> datetime:
    return datetime.now(UTC)


class Sitting:
    """Asks questions in order and writes each answer down as it is given.

    Args:
        questions: what to ask.
        progress: the file that answers are added to; None for keeping nothing.
        seeds: the seed to ask each question with.
        test: no hints, no solutions until the end, one try.
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
        self.mark: Mark | None = None
        self.hinted = False
        self._tries = 0
        self.asked: Variant = variant(self.questions[0], self._seeds[0])

    @property
    def over(self) -> bool:
        return self.index >= len(self.questions)

    def hint(self) -> str:
        """The hint of the question; the mark will count for less. Not in a test."""
        if self.test:
            return ""
        self.hinted = True
        return self.asked.hint

    def answer(self, text: str) -> Mark:
        """Marks and records.

        Raises:
            InputError: it cannot be read; nothing is recorded.
        """
        question = self.asked.question
        marked = mark(self.asked, text)
        if marked.slip == "few-figures":
            raise InputError(f"answer: {marked.diagnosis}")  # nothing wrong yet: it costs nothing
        if self._progress is not None:
            record = Answer(
                self._now(), question.lesson, question.id, question.skill, question.difficulty, self.asked.seed,
                marked.correct, self.hinted, marked.slip, self.test,
            )  # fmt: skip
            append(record, self._progress)
        self._tries += 1
        if self._tries == 1:
            self.results.append(Result(self.asked, marked, 1))
        else:
            self.results[-1] = replace(self.results[-1], tries=self._tries)
        self.mark = marked
        return marked

    def again(self) -> None:
        """The same question with fresh numbers."""
        self.asked = variant(self.asked.question, self.asked.seed + 1)
        self.mark, self.hinted = None, False

    def next(self) -> None:
        """On to the next question; one that was not answered does not count."""
        self.index += 1
        self.mark, self.hinted, self._tries = None, False, 0
        if not self.over:
            self.asked = variant(self.questions[self.index], self._seeds[self.index])

    @property
    def weak(self) -> list[str]:
        """The lessons in which something was wrong, the weakest first."""
        return [topic.lesson for topic in self.topics() if topic.right < topic.asked]

    @property
    def skipped(self) -> int:
        return min(self.index, len(self.questions)) - len(self.results)

    @property
    def right(self) -> int:
        return sum(result.correct for result in self.results)

    def topics(self) -> list[Topic]:
        """Scores by lesson, the weakest first."""
        lessons = dict.fromkeys(result.question.lesson for result in self.results)
        found = []
        for lesson in lessons:
            here = [result.correct for result in self.results if result.question.lesson == lesson]
            found.append(Topic(lesson, sum(here), len(here)))
        return sorted(found, key=lambda topic: (topic.right / topic.asked, -topic.asked))
