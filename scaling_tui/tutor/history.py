"""What a learner did: sittings, mistakes, days. All of it is computed from the records of the progress."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeGuard

from scaling_tui import InputError
from scaling_tui.tutor.content.question_tables import question_of
from scaling_tui.tutor.content.questions import Question
from scaling_tui.tutor.progress import Answer, answers_in, read_records

LONGEST_PAUSE = 600.0  # seconds; a question that stands open for longer was left alone


@dataclass(frozen=True)
class PastSitting:
    """A session or test that was begun. `answers` are the first ones to each question, in order.

    Args:
        id: its name in the records.
        questions: ids in the order asked, with their `seeds`.
        ended: whether every question was asked, or the learner ended it.
        made: tables of the questions that no bank holds, as they were recorded: nothing in them is taken for granted.
    """

    id: str
    test: bool
    begun: datetime
    questions: tuple[str, ...]
    seeds: tuple[int, ...]
    answers: tuple[Answer, ...]
    seconds: float
    ended: bool
    made: tuple[Mapping[str, Any], ...] = ()

    @property
    def right(self) -> int:
        return sum(answer.correct for answer in self.answers)

    def own_questions(self, path: Path) -> dict[str, Question]:
        """Those of its questions that no bank holds, by id; `path` is where they were recorded."""
        found: dict[str, Question] = {}
        for table in self.made:
            with suppress(InputError):
                question = replace(question_of(dict(table), path), table=table)
                found[question.id] = question
        return found


@dataclass(frozen=True)
class PastMistake:
    """A question whose latest answer was wrong. `times` counts its wrong answers since it was last right."""

    latest: Answer
    times: int


@dataclass(frozen=True)
class Day:
    """A day of the learner's own. `seconds` are those at questions; a pause counts as ten minutes at most."""

    date: date
    answers: int
    right: int
    seconds: float


@dataclass(frozen=True)
class History:
    """All that a learner did, oldest first; the mistakes that still stand, the latest first."""

    path: Path
    sittings: tuple[PastSitting, ...]
    days: tuple[Day, ...]
    mistakes: tuple[PastMistake, ...]

    def with_questions(self, questions: Iterable[Question]) -> list[tuple[PastMistake, Question]]:
        """The mistakes whose question is among these, or was kept with its sitting."""
        known = {question.id: question for question in questions}
        sittings = {sitting.id: sitting for sitting in self.sittings}
        found = []
        for mistake in self.mistakes:
            name, sitting = mistake.latest.question, sittings.get(mistake.latest.sitting)
            kept = sitting.own_questions(self.path) if sitting is not None else {}
            if (question := known.get(name) or kept.get(name)) is not None:
                found.append((mistake, question))
        return found


def read_history(path: Path) -> History:
    """What the progress file at `path` tells.

    Raises:
        InputError: it cannot be read.
    """
    records = read_records(path)
    answers = answers_in(records)
    return History(path, tuple(past_sittings(records, answers)), tuple(days(answers)), tuple(past_mistakes(answers)))


def past_sittings(records: Iterable[Mapping[str, Any]], answers: Sequence[Answer]) -> list[PastSitting]:
    """Every sitting, oldest first; a record that makes no sense is left out."""
    begun: dict[str, tuple[datetime, bool, list[str], list[int]]] = {}
    made: dict[str, tuple[Mapping[str, Any], ...]] = {}
    ended = set()
    for record in records:
        name, questions, seeds = record.get("sitting"), record.get("questions"), record.get("seeds")
        if not isinstance(name, str):
            continue
        if record.get("ended") is True:
            ended.add(name)
        elif name not in begun and _strings(questions) and _numbers(seeds) and len(questions) == len(seeds):
            with suppress(KeyError, TypeError, ValueError):
                time = datetime.fromisoformat(record["time"])
                begun[name] = (time, record.get("test") is True, list(questions), list(seeds))
                made[name] = _tables(record.get("made"))
    given: dict[str, list[Answer]] = {}
    for answer in answers:
        if answer.sitting in begun:
            given.setdefault(answer.sitting, []).append(answer)
    found = []
    for name, (time, test, questions, seeds) in begun.items():
        every = given.get(name, [])
        first = {answer.question: answer for answer in reversed(every)}
        kept = tuple(first[question] for question in questions if question in first)
        done = name in ended or len(kept) == len(questions)
        found.append(
            PastSitting(name, test, time, tuple(questions), tuple(seeds), kept, _spent(every), done, made[name])
        )
    return found


def past_mistakes(answers: Sequence[Answer]) -> list[PastMistake]:
    """Questions whose latest answer was wrong, the latest first."""
    wrong: dict[str, PastMistake] = {}
    for answer in answers:
        if answer.question and answer.correct:
            wrong.pop(answer.question, None)
        elif answer.question:
            before = wrong.pop(answer.question, None)
            wrong[answer.question] = PastMistake(answer, before.times + 1 if before else 1)
    return list(reversed(wrong.values()))


def days(answers: Sequence[Answer]) -> list[Day]:
    """The days with answers, oldest first."""
    by_day: dict[date, list[Answer]] = {}
    for answer in answers:
        if answer.question:
            by_day.setdefault(answer.time.astimezone().date(), []).append(answer)
    return [
        Day(day, len(given), sum(answer.correct for answer in given), _spent(given))
        for day, given in sorted(by_day.items())
    ]


def streak(known: Sequence[Day], today: date) -> int:
    """Days in a row with answers, up to today; a day that is not over yet breaks none."""
    dates = {day.date for day in known}
    last = today if today in dates else today - timedelta(days=1)
    count = 0
    while last - timedelta(days=count) in dates:
        count += 1
    return count


def _spent(answers: Iterable[Answer]) -> float:
    return sum(min(answer.seconds, LONGEST_PAUSE) for answer in answers)


def _strings(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)


def _tables(value: object) -> tuple[Mapping[str, Any], ...]:
    return tuple(table for table in value if isinstance(table, dict)) if isinstance(value, list) else ()


def _numbers(value: object) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(isinstance(item, int) and not isinstance(item, bool) for item in value)
