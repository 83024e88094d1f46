"""Submissions: one file a student and assignment, a JSON line for each answer as it was typed, in a chain of hashes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scaling_tui import InputError, __version__
from scaling_tui.text.files import MOST_BYTES, read_bytes
from scaling_tui.tutor.classroom.assignment import Assignment
from scaling_tui.tutor.classroom.chain import START, canonical, digest, follows, linked
from scaling_tui.tutor.classroom.roster import file_name, student_id
from scaling_tui.tutor.content.questions import Numeric
from scaling_tui.tutor.content.variant import Variant
from scaling_tui.tutor.journal import append, parsed

SUFFIX = ".submission.jsonl"
LONGEST_ANSWER = 20_000  # characters
MOST_RECORDS = 50_000
MOST_SECONDS = 1e10  # of one answer: three centuries, so that no sum of them is infinite


@dataclass(frozen=True)
class Given:
    """An answer as it was given. `line` is its place among the records, from 1; `hash` names it and all before it.

    Args:
        asked: a hash of the question as the student saw it.
        bank: the hash of the bank that it comes from.
        answer: as typed.
        read_as: how it was read.
        seconds: since the question was shown.
        version: of the program.
    """

    time: datetime
    question: str
    seed: int
    asked: str
    bank: str
    answer: str
    read_as: str
    correct: bool
    slip: str
    seconds: float
    version: str
    line: int = 0
    hash: str = ""


@dataclass(frozen=True)
class Submission:
    """A submission as it is on disk; nothing in it is to be trusted.

    Args:
        student: the id that it claims.
        assignment: the assignment as it was when the submission was begun, as plain data.
        entered: when an instructor entered it from paper; None if the student gave the answers.
        broken: where the chain does not hold, in words; empty if it holds.
        hashes: of all records in order, as far as the chain holds.
    """

    path: Path
    student: str
    opened: datetime
    fingerprint: str
    assignment: Mapping[str, Any] = field(repr=False)
    answers: tuple[Given, ...]
    hashes: tuple[str, ...]
    broken: str = ""
    entered: datetime | None = None

    @property
    def head(self) -> str:
        """The hash of the last record."""
        return self.hashes[-1]


def submission_path(assignment: Assignment, student: str, folder: Path | None = None) -> Path:
    """Where a student's submission is kept: beside the assignment, unless a folder is given."""
    return (folder or assignment.path.parent) / f"{assignment.id}-{file_name(student)}{SUFFIX}"


def asked_hash(asked: Variant) -> str:
    """A hash of a question as a student sees it."""
    seen: list[Any] = [asked.text, [option.text for option in asked.options], asked.code]
    if isinstance(asked.body, Numeric) and asked.body.reading is not None:
        sizes, curves = asked.body.reading.table(asked.values)
        # In so many figures every machine computes the same.
        seen.append([[f"{value:.6g}" for value in row] for row in (sizes, *(y for _, y in curves))])
    return digest(canonical(seen))[:16]


def begin(path: Path, assignment: Assignment, student: str, now: datetime) -> Submission:
    """The submission at `path`, begun now if there is none.

    Raises:
        InputError: it cannot be written, is somebody else's, of another assignment, or was changed.
    """
    opening = _opening(assignment, student, now)
    _append(path, lambda held: [] if held else [linked(digest(START), opening)])
    submission = read_submission(path)
    if submission.broken:
        raise InputError(f"{path}: {submission.broken}; move it away to start over")
    if submission.student != student:
        raise InputError(f"{path}: found the submission of {submission.student!r}, want {student!r}'s")
    if submission.fingerprint != assignment.fingerprint:
        raise InputError(f"{path}: started with other questions or numbers than {assignment.path} has now")
    return submission


def _opening(assignment: Assignment, student: str, time: datetime) -> dict[str, Any]:
    return {
        "kind": "opened",
        "time": time.astimezone(UTC).isoformat(),
        "student": student,
        "fingerprint": assignment.fingerprint,
        "assignment": assignment.document(),
        "version": __version__,
    }


def written(
    assignment: Assignment, student: str, answers: Sequence[Given], opened: datetime, entered: datetime
) -> bytes:
    """A whole submission, with a record of when an instructor entered it."""
    opening = _opening(assignment, student, opened) | {"entered": entered.astimezone(UTC).isoformat()}
    records = [linked(digest(START), opening)]
    for given in answers:
        records.append(linked(str(records[-1]["hash"]), _fields(given)))
    return b"".join(canonical(record).encode() + b"\n" for record in records)


def add(path: Path, given: Given, head: str) -> str:
    """Appends an answer after the record whose hash is `head`; returns the new head.

    Raises:
        InputError: it cannot be written, or the file has changed since.
    """
    record = linked(head, _fields(given))

    def after(held: bytes) -> Sequence[Mapping[str, Any]]:
        last: Mapping[str, Any] = next(reversed(list(parsed(held))), {})
        if last.get("hash") != head:
            raise InputError(f"{path}: changed since it was opened, maybe in another window; open it again")
        return [record]

    _append(path, after)
    return str(record["hash"])


def _fields(given: Given) -> dict[str, Any]:
    """An answer as its record has it, before it is linked."""
    fields = {key: value for key, value in asdict(given).items() if key not in ("line", "hash")}
    return {"kind": "answer", **fields, "time": given.time.astimezone(UTC).isoformat()}


def _append(path: Path, records: Any) -> None:
    try:
        append(path, records)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); --output names another file") from None


def read_submission(path: Path) -> Submission:
    """Reads a submission.

    Raises:
        InputError: it cannot be read, or is no submission. One whose chain is broken is returned, and says where.
    """
    try:
        content = read_bytes(path, MOST_BYTES)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    records = list(parsed(content))
    if not records or records[0].get("kind") != "opened":
        raise InputError(f"{path}: not a submission, want a file that 'quiz take --assignment' wrote")
    if len(records) > MOST_RECORDS:
        raise InputError(f"{path}: found {len(records):,} records, want at most {MOST_RECORDS:,}")
    head = records[0]
    try:
        student = student_id(_text(head, "student"))
        opened, fingerprint = _time(head), _text(head, "fingerprint")
        entered = _time(head, "entered") if "entered" in head else None
        document = head.get("assignment")
        if not isinstance(document, dict):
            raise InputError("assignment: missing")
    except InputError as error:
        raise InputError(f"{path}: not a submission: record 1: {error}") from None
    previous, hashes, answers, broken = digest(START), [], [], ""
    for number, record in enumerate(records, 1):
        if not follows(previous, record):
            broken = f"record {number} was changed, or one before it is missing"
            break
        previous = str(record["hash"])
        hashes.append(previous)
        if number > 1:
            try:
                answers.append(_given(record, number))
            except InputError as error:
                broken = f"record {number}: {error}"
                break
    return Submission(
        path, student, opened, fingerprint, document, tuple(answers), tuple(hashes or [""]), broken, entered
    )


def _given(record: Mapping[str, Any], line: int) -> Given:
    seed, correct, seconds = record.get("seed"), record.get("correct"), record.get("seconds")
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise InputError("seed: want a whole number")
    if not isinstance(correct, bool):
        raise InputError("correct: want true or false")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= MOST_SECONDS:
        raise InputError(f"seconds: want a number from 0 to {MOST_SECONDS:g}")
    texts = {
        name: _text(record, name)
        for name in ("question", "asked", "bank", "answer", "read_as", "slip", "version", "hash")
    }
    if len(texts["answer"]) > LONGEST_ANSWER:
        raise InputError(f"answer: longer than {LONGEST_ANSWER:,} characters")
    return Given(time=_time(record), seed=seed, correct=correct, seconds=float(seconds), line=line, **texts)


def _text(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    if not isinstance(value, str):
        raise InputError(f"{name}: want a text")
    return value


def _time(record: Mapping[str, Any], name: str = "time") -> datetime:
    try:
        time = datetime.fromisoformat(_text(record, name))
        return time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InputError(f"{name}: want a time in ISO format") from None
