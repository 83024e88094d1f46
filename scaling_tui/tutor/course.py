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
from scaling_tui.tutor.history import PastSitting, past_mistakes, past_sittings
from scaling_tui.tutor.progress import Answer, answers_in, progress_file, read_answers, read_records
from scaling_tui.tutor.review import (
    MASTERED,
    NEW_A_DAY,
    ReviewState,
    minutes,
    pick_seeded,
    pick_session,
    pick_test,
    review_state,
)
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

    def session(self, length: int, seed: int | None = None, whole: bool = False) -> Session:
        """A session of at most `length` questions.

        Args:
            length: the most questions.
            seed: picks the questions and their numbers, the same for everyone. Without one, due questions come first,
                then the new ones of the day, with fresh numbers.
            whole: whether the learner chose the questions of this course, such as a lesson's: no limit of new ones.

        Raises:
            InputError: nothing is due, and the new questions of the day have been asked.
        """
        if seed is not None:
            return Session(pick_seeded(self.questions, seed, length), self.progress, lambda question: seed)
        chosen = pick_session(self.questions, self.review_state, length, whole)
        if not chosen:
            raise InputError(
                f"quiz: nothing is due, and today's {NEW_A_DAY} new questions have been asked; "
                "you can take a test or questions on one lesson at any time"
            )
        return Session(chosen, self.progress, self._seeds())

    def sittings(self) -> list[PastSitting]:
        """Every session and test that was begun, oldest first."""
        records = read_records(self.progress)
        return past_sittings(records, answers_in(records))

    def left(self) -> PastSitting | None:
        """The latest sitting that is not over and whose questions are all among these."""
        known = {question.id for question in self.questions}
        open_ones = [each for each in self.sittings() if not each.ended and known.issuperset(each.questions)]
        return open_ones[-1] if open_ones else None

    def resume(self) -> Session:
        """The sitting that was `left`, where it was left; what was passed over is asked again.

        Raises:
            InputError: there is none, or one of its questions is not among these.
        """
        known = {question.id: question for question in self.questions}
        sitting = self.left()
        if sitting is None:
            strange = [
                name for each in self.sittings() if not each.ended for name in each.questions if name not in known
            ]
            if strange:
                raise InputError(
                    f"--resume: question {strange[0]!r} is not known, want --bank with the bank it is from"
                )
            raise InputError("--resume: no session or test is open, want one that you left with 'quit'")
        given = {answer.question for answer in sitting.answers}
        seeds = dict(zip(sitting.questions, sitting.seeds, strict=True))
        order = sorted(sitting.questions, key=lambda name: name not in given)
        session = Session(
            [known[name] for name in order], self.progress, lambda question: seeds[question.id], sitting.test
        )
        session.take_up(sitting.id, sitting.answers)
        return session

    def mistakes(self, length: int, seed: int | None = None) -> Session:
        """A session of the questions whose latest answer was wrong, the latest first.

        Raises:
            InputError: there are none.
        """
        known = {question.id: question for question in self.questions}
        wrong = [mistake.latest.question for mistake in past_mistakes(read_answers(self.progress))]
        chosen = [known[name] for name in wrong if name in known][:length]
        if not chosen:
            raise InputError("--mistakes: no question's latest answer was wrong, want some to review")
        return Session(chosen, self.progress, self._seeds(seed))

    def on(self, questions: Sequence[Question], seed: int | None = None) -> Session:
        """A session of exactly these questions, in their order."""
        return Session(questions, self.progress, self._seeds(seed))

    def test(self, seed: int | None = None) -> Session:
        """A test of ten questions."""
        first = random.randrange(10**6) if seed is None else seed
        return Session(pick_test(self.questions, first), self.progress, lambda question: first, test=True)

    def _seeds(self, seed: int | None = None) -> Callable[[Question], int]:
        if seed is not None:
            return lambda question: seed
        base = random.randrange(1000) * 1000
        return lambda question: base + self.review_state.asked[question.id]

    def topics(self) -> list[tuple[str, int, int]]:
        """Each lesson's title, how many of its questions were answered, and how many it has."""
        asked = self.review_state.asked
        found: dict[str, list[bool]] = {}
        for question in self.questions:
            found.setdefault(question.lesson, []).append(bool(asked[question.id]))
        return [(self.titles.get(lesson, lesson), sum(answered), len(answered)) for lesson, answered in found.items()]

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
