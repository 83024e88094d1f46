"""A learner's answers: one JSON line each, only ever appended, so that two windows open at once lose nothing.

Everything else (what is due, what is mastered) is computed from these lines. A line cut short by a crash is skipped.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scaling_tui import InputError
from scaling_tui.text.files import read_bytes
from scaling_tui.tutor import journal
from scaling_tui.tutor.journal import parsed

MOST_BYTES = 1 << 30  # of progress from elsewhere


@dataclass(frozen=True)
class Answer:
    """One answer; or, where `question` is empty, the record that a lesson was read.

    Args:
        text: as typed.
        seconds: since the question was shown.
        sitting: the session or test that it belongs to.
    """

    time: datetime
    lesson: str
    question: str = ""
    skill: str = ""
    difficulty: str = ""
    seed: int = 0
    correct: bool = False
    hinted: bool = False
    slip: str = ""
    test: bool = False
    text: str = ""
    seconds: float = 0.0
    sitting: str = ""


def progress_file() -> Path:
    """The progress file, in the user's data folder."""
    from platformdirs import user_data_path

    return user_data_path("scaling-tui", appauthor=False) / "progress.jsonl"


def append(answer: Answer, path: Path) -> None:
    """Appends one record, whole or not at all, even while other processes write.

    Raises:
        InputError: the folder cannot be written to.
    """
    _append(asdict(answer) | {"time": answer.time.isoformat()}, path)


def keep_guess(question: str, guess: float, path: Path) -> None:
    """Keeps a guess until `question` is answered: the app may be closed before the run has ended.

    Raises:
        InputError: as `append`.
    """
    _append({"time": datetime.now(UTC).isoformat(), "question": question, "guess": guess}, path)


def drop_guess(question: str, path: Path) -> None:
    """Forgets a guess that was kept.

    Raises:
        InputError: as `append`.
    """
    _append({"time": datetime.now(UTC).isoformat(), "question": question, "guess": None}, path)


def guesses(path: Path) -> dict[str, float]:
    """Guesses whose question has not been answered since, by question.

    Raises:
        InputError: the file exists but cannot be read.
    """
    pending: dict[str, float] = {}
    for record in _json(path):
        question, guess = record.get("question"), record.get("guess")
        if isinstance(question, str) and isinstance(guess, float):
            pending[question] = guess
        elif isinstance(question, str) and ("correct" in record or ("guess" in record and guess is None)):
            pending.pop(question, None)
    return pending


def begin_sitting(
    name: str,
    test: bool,
    questions: Sequence[str],
    seeds: Sequence[int],
    path: Path,
    made: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Records which questions a sitting asks, so that it can go on another time.

    `made` are the tables of those that no bank holds: what they were made of may have changed by then.

    Raises:
        InputError: as `append`.
    """
    now = datetime.now(UTC).isoformat()
    record = {"time": now, "sitting": name, "test": test, "questions": [*questions], "seeds": [*seeds]}
    _append(record | ({"made": [dict(table) for table in made]} if made else {}), path)


def end_sitting(name: str, path: Path) -> None:
    """Records that a sitting is over.

    Raises:
        InputError: as `append`.
    """
    _append({"time": datetime.now(UTC).isoformat(), "sitting": name, "ended": True}, path)


def read_records(path: Path) -> list[dict[str, Any]]:
    """Every record of whatever kind, oldest first; empty if there is no file.

    Raises:
        InputError: the file exists but cannot be read.
    """
    return list(_json(path))


def merge(path: Path, other: Path) -> int:
    """Adds the records of another progress file that are not in this one; returns how many.

    Args:
        path: the progress.
        other: a progress file of another machine, or what `quiz progress --json` printed there.

    Raises:
        InputError: `other` is no progress, or `path` cannot be written; it then is as it was.
    """
    theirs = _records_of(other)
    new: list[dict[str, Any]] = []

    def missing(held: bytes) -> list[dict[str, Any]]:
        known = {_same(record) for record in parsed(held)}
        for record in theirs:
            if (same := _same(record)) not in known:
                known.add(same)
                new.append(record)
        return new

    _write(path, missing)
    return len(new)


def _records_of(other: Path) -> list[dict[str, Any]]:
    try:
        content = read_bytes(other, MOST_BYTES)
    except OSError as error:
        raise InputError(f"{other}: {error.strerror}, want a progress file (.jsonl), or one of --json") from None
    with suppress(ValueError, RecursionError):
        document = json.loads(content)
        if isinstance(document, dict) and isinstance(document.get("records"), list):
            content = b"\n".join(json.dumps(record).encode() for record in document["records"])
    records = [record for record in parsed(content) if _moment(record) is not None]
    if not records:
        raise InputError(f"{other}: no records of progress, want a progress file (.jsonl), or one of --json")
    return records


def _same(record: Mapping[str, Any]) -> str:
    """What two records have in common that are one: everything, in whatever order it is written."""
    return json.dumps(record, sort_keys=True)


def _append(record: dict[str, Any], path: Path) -> None:
    _write(path, lambda held: [record])


def _write(path: Path, records: Callable[[bytes], Sequence[Mapping[str, Any]]]) -> None:
    try:
        journal.append(path, records)
    except OSError as error:
        raise InputError(f"progress {path}: cannot be written ({error.strerror})") from None


def mark_read(lesson: str) -> None:
    """Records that a lesson was read, so that its often forgotten questions are asked again."""
    append(Answer(datetime.now(UTC), lesson), progress_file())


def read_answers(path: Path) -> list[Answer]:
    """All answers, oldest first; empty if there is no file."""
    return answers_in(_json(path))


def answers_in(records: Iterable[Mapping[str, Any]]) -> list[Answer]:
    """The answers among records; what a later version adds to them is left out."""
    answers = []
    for record in records:
        known = {key: value for key, value in record.items() if key in _FIELDS}
        time = _moment(record)
        # Progress comes from other machines too, so nothing in it is taken for granted.
        if time is not None and "lesson" in known and all(_is(value, _FIELDS[key]) for key, value in known.items()):
            answers.append(Answer(time, **known))
    return answers


_FIELDS: dict[str, type] = {
    "lesson": str, "question": str, "skill": str, "difficulty": str, "seed": int, "correct": bool, "hinted": bool,
    "slip": str, "test": bool, "text": str, "seconds": float, "sitting": str,
}  # fmt: skip


def _is(value: object, kind: type) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _json(path: Path) -> list[dict[str, Any]]:
    """All records, oldest first: a merge adds older ones at the end of the file."""
    try:
        content = read_bytes(path)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise InputError(f"progress {path}: cannot be read ({error.strerror})") from None
    return sorted(parsed(content), key=lambda record: _moment(record) or _NEVER)


_NEVER = datetime.max.replace(tzinfo=UTC)


def _moment(record: Mapping[str, Any]) -> datetime | None:
    """When a record was made; None if it does not say."""
    with suppress(ValueError, TypeError, OverflowError):
        return datetime.fromisoformat(record.get("time", "")).astimezone(UTC)
    return None


def reset(path: Path) -> Path | None:
    """Renames the progress file and returns its new path; None if there is no file."""
    if not path.exists():
        return None
    kept = path.with_name(f"progress-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.jsonl")
    path.rename(kept)
    return kept


def export(path: Path) -> dict[str, Any]:
    """All records as one document: answers, which lessons were read when, and everything as it is stored."""
    every = _json(path)
    records = answers_in(every)
    answers = [asdict(record) | {"time": record.time.isoformat()} for record in records if record.question]
    lessons = [{"time": record.time.isoformat(), "lesson": record.lesson} for record in records if not record.question]
    return {"path": str(path), "answers": answers, "lessons_read": lessons, "records": every}


def note(kind: str, name: str, what: dict[str, Any], path: Path) -> None:
    """Adds a record that is no answer, such as a step of an experiment: `kind` is the key under which its name stands.

    Raises:
        InputError: as `append`.
    """
    _append({"time": datetime.now(UTC).isoformat(), kind: name, **what}, path)


def notes(kind: str, name: str, path: Path) -> list[dict[str, Any]]:
    """The records that `note` added under this kind and name, oldest first.

    Raises:
        InputError: the file exists but cannot be read.
    """
    return [record for record in _json(path) if record.get(kind) == name]
