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
from scaling_tui.tutor.history import Day, PastSitting, days, past_mistakes, read_history
from scaling_tui.tutor.progress import Answer, progress_file, read_answers
from scaling_tui.tutor.review import (
    MASTERED,
    NEW_A_DAY,
    ReviewState,
    Skill,
    minutes,
    pick_seeded,
    pick_session,
    pick_test,
    review_state,
)
from scaling_tui.tutor.session import Session


@dataclass(frozen=True)
class LessonStanding:
    """How far a learner is with a lesson.

    Args:
        read: whether its end was reached.
        questions, answered: how many it has, and how many of them were answered.
        mastered: those answered whose skill is mastered; of those without a skill, whose latest answer was right.
    """

    lesson: str
    title: str
    read: bool
    questions: int
    answered: int
    mastered: int


@dataclass(frozen=True)
class Course:
    """Questions, lesson titles and review state, as of when they were loaded."""

    questions: tuple[Question, ...]
    titles: dict[str, str]
    progress: Path
    review_state: ReviewState
    unread: str = ""  # why the progress could not be read
    answers: tuple[Answer, ...] = ()

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
        return cls(ordered, {file.id: file.title for file in files}, path, state, unread, tuple(answers))

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
        return list(read_history(self.progress).sittings)

    def left(self) -> PastSitting | None:
        """The latest sitting that is not over and whose questions are all among these, or were kept with it."""
        open_ones = [each for each in self.sittings() if not each.ended and not self._unknown(each)]
        return open_ones[-1] if open_ones else None

    def _known(self, sitting: PastSitting) -> dict[str, Question]:
        """The questions by id; those that were kept with the sitting go before others of their id."""
        return {question.id: question for question in self.questions} | sitting.own_questions(self.progress)

    def _unknown(self, sitting: PastSitting) -> list[str]:
        known = self._known(sitting)
        return [name for name in sitting.questions if name not in known]

    def resume(self) -> Session:
        """The sitting that was `left`, where it was left; what was passed over is asked again.

        Raises:
            InputError: there is none, or one of its questions is not among these.
        """
        sitting = self.left()
        if sitting is None:
            strange = [name for each in self.sittings() if not each.ended for name in self._unknown(each)]
            if strange:
                raise InputError(
                    f"--resume: question {strange[0]!r} is not known, want --bank with the bank it is from"
                )
            raise InputError("--resume: no session or test is open, want one that you left with 'quit'")
        known = self._known(sitting)
        given = {answer.question for answer in sitting.answers}
        seeds = dict(zip(sitting.questions, sitting.seeds, strict=True))
        order = sorted(sitting.questions, key=lambda name: name not in given)
        session = Session(
            [known[name] for name in order], self.progress, lambda question: seeds[question.id], sitting.test
        )
        session.take_up(sitting.id, sitting.answers)
        return session

    def wrong(self) -> list[Question]:
        """The questions whose latest answer was wrong, the latest first; empty where the progress cannot be read."""
        if self.unread:
            return []
        return [question for _, question in read_history(self.progress).with_questions(self.questions)]

    def mistakes(self, length: int, seed: int | None = None) -> Session:
        """A session of the questions whose latest answer was wrong, the latest first.

        Raises:
            InputError: there are none.
        """
        chosen = self.wrong()[:length]
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

    def lessons(self) -> list[LessonStanding]:
        """How far the learner is with each lesson that has questions, in the course's order."""
        read = {answer.lesson for answer in self.answers if not answer.question}
        wrong = {mistake.latest.question for mistake in past_mistakes(self.answers)}
        state = self.review_state
        found: dict[str, list[Question]] = {}
        for question in self.questions:
            found.setdefault(question.lesson, []).append(question)
        standings = []
        for lesson, questions in found.items():
            answered = [question for question in questions if state.asked[question.id]]
            mastered = [
                question
                for question in answered
                if (state.skills.get(question.skill, Skill()).mastered if question.skill else question.id not in wrong)
            ]
            title = self.titles.get(lesson, lesson)
            standings.append(
                LessonStanding(lesson, title, lesson in read, len(questions), len(answered), len(mastered))
            )
        return standings

    def days(self) -> list[Day]:
        """The days with answers, oldest first."""
        return days(self.answers)

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
