"""A student takes an assignment: one sitting or several, each answer kept in the submission at once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from scaling_tui import InputError, __version__
from scaling_tui.text.suggest import did_you_mean
from scaling_tui.tutor.classroom.assignment import Exercise, Item, when
from scaling_tui.tutor.classroom.chain import receipt
from scaling_tui.tutor.classroom.submission import LONGEST_ANSWER, Given, add, asked_hash, begin
from scaling_tui.tutor.content.questions import Question
from scaling_tui.tutor.grading.marking import Grade
from scaling_tui.tutor.session import Result, Session


def _utc() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Standing:
    """How far a student is with one question: the answers given, latest last."""

    item: Item
    question: Question
    answers: tuple[Given, ...]
    told: bool

    @property
    def tries_left(self) -> int:
        """How often it may still be answered: not at all once the student knows that it is right."""
        if self.told and self.answers and self.answers[-1].correct:
            return 0
        return max(0, self.item.tries - len(self.answers))


class Sitting(Session):
    """Asks the questions of an assignment that are not answered yet, always with the same numbers.

    The last answer to a question counts. Nothing here helps: no hints, and solutions only where the assignment
    allows feedback and its deadline is over, or, if it has none, no question can be answered anew.

    Args:
        exercise: the assignment and its questions.
        student: the student's id.
        path: of the submission, which is begun if it is not there.
        now: the clock.

    Raises:
        InputError: the submission cannot be used; see `submission.begin`.
    """

    def __init__(self, exercise: Exercise, student: str, path: Path, now: Callable[[], datetime] = _utc) -> None:
        self.exercise, self.assignment, self.student, self.path = exercise, exercise.assignment, student, path
        submission = begin(path, self.assignment, student, now())
        self._head = submission.head
        self._answers: dict[str, list[Given]] = {item.question: [] for item in self.assignment.items}
        for given in submission.answers:
            self._answers.setdefault(given.question, []).append(given)
        super().__init__(
            exercise.questions, None, lambda question: self.assignment.seed_of(question.id, student), False, now
        )
        self._left = [place for place, each in enumerate(self.standings()) if self.opens(each)]
        self._move()

    @property
    def name(self) -> str:
        return self.assignment.title

    @property
    def place(self) -> str:
        points = self.item.points
        return f"{self.index + 1} of {len(self.questions)} · {points:g} point{'' if points == 1 else 's'}"

    @property
    def closed(self) -> bool:
        """Whether answers are no longer taken: once the deadline is over, feedback may have been seen."""
        return self.assignment.feedback == "after-deadline" and self.assignment.is_over(self._now())

    @property
    def helps(self) -> bool:
        return False

    @property
    def tells(self) -> bool:
        return self.assignment.feedback == "now"

    @property
    def reveals(self) -> bool:
        """Whether right answers and solutions may be shown; without a deadline once nothing can be answered anew."""
        assignment = self.assignment
        if assignment.feedback == "never":
            return False
        if assignment.deadline is None:
            return not any(each.tries_left for each in self.standings())
        return assignment.is_over(self._now())

    @property
    def keeps(self) -> bool:
        return True

    @property
    def receipt(self) -> str:
        """What names the submission as it is now."""
        return receipt(self._head)

    @property
    def item(self) -> Item:
        """What the question asked is worth."""
        return self.assignment.items[self.index]

    @property
    def tries_left(self) -> int:
        """How often the question asked may still be answered."""
        return self.standings()[self.index].tries_left

    @property
    def answered(self) -> int:
        return sum(bool(each.answers) for each in self.standings())

    def standings(self) -> list[Standing]:
        """How far the student is with each question, in the assignment's order."""
        return [
            Standing(item, question, tuple(self._answers[item.question]), self.tells)
            for item, question in zip(self.assignment.items, self.questions, strict=True)
        ]

    def opens(self, standing: Standing) -> bool:
        """Whether it is asked unbidden: it is not answered, or the student knows that it is wrong."""
        return not self.closed and standing.tries_left > 0 and (standing.told or not standing.answers)

    def choose(self, place: int) -> None:
        """Goes to the question at `place`, from 0.

        Raises:
            InputError: it may not be answered any more.
        """
        if self.closed or not self.standings()[place].tries_left:
            raise InputError(f"question {place + 1}: no tries left" if not self.closed else self._over())
        self._left = [place, *(other for other in self._left if other != place)]
        self._move()

    def choose_named(self, question: str) -> None:
        """Goes to the question with that id.

        Raises:
            InputError: the assignment has no such question, or as `choose`.
        """
        names = [item.question for item in self.assignment.items]
        if question not in names:
            raise InputError(f"question {question!r}: not in {self.assignment.id}; {did_you_mean(question, names)}")
        self.choose(names.index(question))

    def hint(self) -> str:
        return ""

    def answer(self, text: str) -> Grade:
        """Grades an answer and keeps it in the submission; one that cannot be kept does not count.

        Raises:
            InputError: it cannot be read or kept, or the assignment is closed; it does not count as a try.
        """
        if self.closed:
            raise InputError(self._over())
        if not self.tries_left:
            raise InputError("answer: no tries left")
        if len(text) > LONGEST_ANSWER:
            raise InputError(f"answer: found {len(text):,} characters, want at most {LONGEST_ANSWER:,}")
        graded = self._graded(text)
        now, question = self._now(), self.asked.question
        given = Given(
            now, question.id, self.asked.seed, asked_hash(self.asked), self.exercise.bank_hashes[question.id], text,
            graded.read_as, graded.correct, graded.slip, self.seconds(now),
            __version__,
        )  # fmt: skip
        self._head = add(self.path, given, self._head)
        self._answers[question.id].append(given)
        self.results = [result for result in self.results if result.question.id != question.id]
        self.results.append(Result(self.asked, graded, len(self._answers[question.id])))
        self.grade = graded
        return graded

    def again(self) -> None:
        """Asks the same question with the same numbers."""
        self.grade, self._shown = None, self._now()

    def go_on(self) -> None:
        """After an answer: the same question if the student knows that it was wrong and may try again."""
        if self.tells and self.grade is not None and not self.grade.correct and self.tries_left:
            self.again()
        else:
            self.next()

    def next(self) -> None:
        """Moves on to the next question without an answer; one that is passed over comes back in the next sitting."""
        self._left = self._left[1:]
        self._move()

    def _move(self) -> None:
        self.grade = None
        self.index = self._left[0] if self._left else len(self.questions)
        if not self.over:
            self.asked = self.exercise.asked(self.questions[self.index], self.student)
        self._shown = self._now()

    def _over(self) -> str:
        deadline = self.assignment.deadline
        assert deadline is not None
        return f"answer: the deadline was {when(deadline)}"
