"""A learner's answers: one JSON line each, only ever appended, so that two windows open at once lose nothing.

Everything else (what is due, what is mastered) is computed from these lines. A line cut short by a crash is skipped.
"""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scaling_tui import InputError
from scaling_tui.text.files import read_bytes


@dataclass(frozen=True)
class Answer:
    """One answer; or, where `question` is empty, the record that a lesson was read."""

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


def _append(record: dict[str, Any], path: Path) -> None:
    line = json.dumps(record, ensure_ascii=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Append mode puts each write at the end; the lock ensures that on a shared disk too, and covers the check for a
        # torn last line.
        with path.open("ab+") as file:
            _lock(file.fileno())
            end = file.seek(0, os.SEEK_END)
            torn = False
            if end:
                file.seek(end - 1)
                torn = file.read(1) != b"\n"
            file.write((("\n" if torn else "") + line + "\n").encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise InputError(f"progress {path}: cannot be written ({error.strerror})") from None


def mark_read(lesson: str) -> None:
    """Records that a lesson was read, so that its often forgotten questions are asked again."""
    append(Answer(datetime.now(UTC), lesson), progress_file())


def _lock(descriptor: int) -> None:
    with suppress(ImportError, OSError):  # this system or disk has no such locks
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX)


def read_answers(path: Path) -> list[Answer]:
    """All answers, oldest first; empty if there is no file."""
    answers = []
    for record in _json(path):
        with suppress(ValueError, TypeError, KeyError):
            time = datetime.fromisoformat(record.pop("time")).astimezone(UTC)
            answers.append(Answer(time, **record))
    return answers


def _json(path: Path) -> Iterator[dict[str, Any]]:
    try:
        lines = read_bytes(path).splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise InputError(f"progress {path}: cannot be read ({error.strerror})") from None
    for line in lines:
        with suppress(ValueError, RecursionError):
            record = json.loads(line)
            if isinstance(record, dict):
                yield record


def reset(path: Path) -> Path | None:
    """Renames the progress file and returns its new path; None if there is no file."""
    if not path.exists():
        return None
    kept = path.with_name(f"progress-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.jsonl")
    path.rename(kept)
    return kept


def export(path: Path) -> dict[str, Any]:
    """All records as one document: answers, and which lessons were read when."""
    records = read_answers(path)
    answers = [asdict(record) | {"time": record.time.isoformat()} for record in records if record.question]
    lessons = [{"time": record.time.isoformat(), "lesson": record.lesson} for record in records if not record.question]
    return {"path": str(path), "answers": answers, "lessons_read": lessons}


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
