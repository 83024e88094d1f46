"""What the marks of a class say of it: of each question, how it went, with which slips, and how long it took."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, median

from scaling_tui.tutor.classroom.assignment import Assignment
from scaling_tui.tutor.classroom.marks import Mark, QuestionMark


@dataclass(frozen=True)
class Wrong:
    """A slip with how many students made it, and an answer that shows it; `slip` is empty for no known one.

    The wrong options of a choice question are told apart by their text.
    """

    slip: str
    students: int
    example: str


@dataclass(frozen=True)
class QuestionStatistics:
    """One question over all marked submissions. Shares are of the students who answered; None if nobody did.

    Args:
        first_right: share whose first answer was right.
        right: share whose last answer was right.
        seconds: median over students of the time that all their answers to it took.
        discrimination: correlation of its points with those of the other questions, -1 to 1; None if undefined.
    """

    question: str
    most: float
    answered: int
    first_right: float | None
    right: float | None
    mean_points: float | None
    mean_tries: float | None
    seconds: float | None
    discrimination: float | None
    wrong: tuple[Wrong, ...]


@dataclass(frozen=True)
class ClassStatistics:
    """A class: how many submissions there are of each state, their points, and its questions in order."""

    states: dict[str, int]
    late: int
    most: float
    mean: float | None
    median: float | None
    lowest: float | None
    highest: float | None
    seconds: float | None
    questions: tuple[QuestionStatistics, ...]


def class_statistics(assignment: Assignment, marks: Sequence[Mark]) -> ClassStatistics:
    """The statistics of the marked submissions; tampered ones and those of other assignments count as states only."""
    marked = [mark for mark in marks if mark.state == "marked"]
    points = [mark.points for mark in marked if mark.points is not None]
    times = [mark.seconds for mark in marked if mark.seconds]  # on paper nothing measured any
    return ClassStatistics(
        dict(Counter(mark.state for mark in marks)), sum(mark.late is not None for mark in marked), assignment.points,
        mean(points) if points else None, median(points) if points else None, min(points, default=None),
        max(points, default=None), median(times) if times else None,
        tuple(_question(place, item.question, item.points, marked) for place, item in enumerate(assignment.items)),
    )  # fmt: skip


def _question(place: int, question: str, most: float, marked: Sequence[Mark]) -> QuestionStatistics:
    every = [mark.questions[place] for mark in marked]
    given = [mark for mark in every if mark.answers]
    if not given:
        return QuestionStatistics(question, most, 0, None, None, None, None, None, None, ())
    times = [sum(mark.seconds) for mark in given if any(mark.seconds)]
    rest = [(mark.points or 0.0) - own.points for mark, own in zip(marked, every, strict=True)]
    return QuestionStatistics(
        question, most, len(given), mean(mark.verdicts[0] for mark in given), mean(mark.right for mark in given),
        mean(mark.points for mark in given), mean(len(mark.answers) for mark in given),
        median(times) if times else None, _correlation([own.points for own in every], rest),
        _wrong(given),
    )  # fmt: skip


def _wrong(given: Sequence[QuestionMark]) -> tuple[Wrong, ...]:
    """The slips, the commonest first; a student who makes one twice counts once."""
    students: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], str] = {}
    for mark in given:
        made = {}
        for slip, read_as, right in zip(mark.slips, mark.read_as, mark.verdicts, strict=True):
            if not right:
                option = read_as.partition(") ")[2] if slip == "misconception" else ""
                made[slip, option] = option or read_as
        students.update(made.keys())
        for kind, example in made.items():
            examples.setdefault(kind, example)
    return tuple(Wrong(kind[0], count, examples[kind]) for kind, count in students.most_common())


def _correlation(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Pearson's correlation; None where either does not vary."""
    from statistics import StatisticsError, correlation

    try:
        return correlation(one, other)
    except StatisticsError:
        return None
