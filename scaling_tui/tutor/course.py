"""The learner's course: questions, lessons and progress in one place, for the commands and the screens."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from scaling_tui import InputError
from scaling_tui.text import show
from scaling_tui.tutor.content.lesson import lesson_files
from scaling_tui.tutor.content.questions import Question
from scaling_tui.tutor.progress import Answer, progress_file, read_answers
from scaling_tui.tutor.review import MASTERED, ReviewState, minutes, pick_session, pick_test, review_state
from scaling_tui.tutor.session import Session


@dataclass(frozen=True)
class Course:
    """Questions, lesson titles and review state, as of when they were loaded."""

    questions: tuple[Question, ...]
    titles: dict[str, str]
    progress: Path
    review_state: ReviewState
    unread: str = ""  # why the progress could not be read

    @classmethod
    def load(cls, questions: Sequence[Question], progress: Path | None = None, now: datetime | None = None) -> "Course":
        """Reads lessons and progress, and sorts the questions by lesson."""
        files = lesson_files()
        place = {file.id: number for number, file in enumerate(files)}
        ordered = tuple(
            sorted(questions, key=lambda question: (place.get(question.lesson, len(place)), question.lesson))
        )
        path = progress or progress_file()
        answers: list[Answer] = []
        unread = ""
        try:
            answers = read_answers(path)
        except InputError as error:
            unread = str(error)
        state = review_state(ordered, answers, now or datetime.now(UTC))
        return cls(ordered, {file.id: file.title for file in files}, path, state, unread)

    @property
    def minutes(self) -> float:
        """Estimated minutes for today's due and new questions."""
        return minutes(self.questions, [*self.review_state.due, *self.review_state.new][: self.review_state.count])

    def session(self, length: int, seed: int | None = None) -> Session:
        """A session of `length` questions, due ones first. Without a seed the numbers are fresh."""
        chosen = pick_session(self.questions, self.review_state, length)
        return Session(chosen, self.progress, self._seeds(seed))

    def on(self, questions: Sequence[Question], seed: int | None = None) -> Session:
        """A session of exactly these questions, in their order."""
        return Session(questions, self.progress, self._seeds(seed))

    def test(self, seed: int | None = None) -> Session:
        """A test of ten questions."""
        first = random.randrange(10**6) if seed is None else seed
        return Session(pick_test(self.questions, first), self.progress, lambda question: first, test=True)

    def _seeds(self, seed: int | None) -> Callable[[Question], int]:
        if seed is not None:
            return lambda question: seed
        base = random.randrange(1000) * 1000
        return lambda question: base + self.review_state.asked[question.id]

    def overview(self) -> str:
        """What is due and how far each skill is, in a few lines."""
        state = self.review_state
        lines = [self.unread] if self.unread else []
        lines += [f"due {len(state.due)} · new {len(state.new)} · about {max(1, round(self.minutes))} min today"]
        answered = sum(1 for question in self.questions if state.asked[question.id])
        answers = "1 answer" if state.today == 1 else f"{state.today} answers"
        lines.append(f"{answered} of {len(self.questions)} questions answered, {answers} today")
        if state.skills:
            lines.append(f"Skills by moving average of scores; mastered at {show.percent(MASTERED)}:")
        for name, skill in sorted(state.skills.items(), key=lambda item: item[1].average):
            bar, mastered = "#" * round(10 * skill.average), " · mastered" if skill.mastered else ""
            lines.append(f"  {bar:<10} {show.percent(skill.average):>5}  {name.replace('-', ' ')}{mastered}")
        lines += [f"read this lesson again: scaling-tui learn {lesson}" for lesson in state.back_to]
        return "\n".join(lines)
