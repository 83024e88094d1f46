"""Fences between the attempts of a run: what an earlier attempt writes once a later one has begun does not count.

The number of an attempt is its fencing token: a later claim has a higher one. A writer checks for a higher number
before it writes anything. One that was suspended between the check and the write, or whose host was cut off, is kept
out by the reader: before an attempt reads anything of the earlier ones, it writes down how much of them counts.
"""

import errno
import os
import shutil
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scaling_tui import InputError
from scaling_tui.runs.format import STARTS_OVER, numbered, read_json, superseded, write_json

FILE = "fence.json"


class SupersededError(Exception):
    """A later attempt owns the run: this one may write nothing more, not even a checkpoint or a status."""


@dataclass(frozen=True)
class Fence:
    """What of an attempt counts: the first `size` bytes of its records, and its checkpoints at these steps."""

    size: int
    steps: frozenset[int]

    def joined(self, other: "Fence") -> "Fence":
        return Fence(min(self.size, other.size), self.steps & other.steps)


def put_up(attempt: Path) -> None:
    """Writes down what counts of the attempts before `attempt`; nothing if it is the first."""
    found = {
        path.name: {"bytes": _size(path / "metrics.jsonl"), "checkpoints": [k for k, _ in numbered(path, "checkpoint")]}
        for number, path in numbered(attempt.parent, "attempt")
        if number < _number(attempt)
    }
    if found:
        write_json(attempt / FILE, {"attempts": found})


def start_over(run: Path) -> Path:
    """Claims an attempt of `run` before which nothing counts, so that the next one begins at the first step.

    Nobody writes in it. The attempts before it stay as they are.

    Raises:
        InputError: the run's folder cannot be written to.
    """
    prepared = run / f".attempt-{uuid.uuid4().hex}"
    try:
        prepared.mkdir()
        while True:
            earlier = [(number, path.name) for number, path in numbered(run, "attempt")]
            nothing = {name: {"bytes": 0, "checkpoints": []} for _, name in earlier}
            write_json(prepared / FILE, {"attempts": nothing, STARTS_OVER: True})
            number = 1 + max((k for k, _ in earlier), default=0)
            try:
                return prepared.rename(run / f"attempt-{number}")
            except OSError as error:
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                    raise
    except OSError as error:
        raise InputError(f"run {run.name}: cannot be written to ({error.strerror})") from error
    finally:
        shutil.rmtree(prepared, ignore_errors=True)


def take_back(attempt: Path) -> None:
    """Undoes `start_over` as long as nobody has claimed a later attempt."""
    if not superseded(attempt):
        hidden = attempt.with_name(f".{attempt.name}-{uuid.uuid4().hex}")
        with suppress(OSError):
            attempt.rename(hidden)
        shutil.rmtree(hidden, ignore_errors=True)


def starts_over(attempt: Path) -> bool:
    """Whether `attempt` is one of `start_over`."""
    document = read_json(attempt / FILE)
    return isinstance(document, dict) and document.get(STARTS_OVER) is True


def fences_of(attempts: Iterable[Path]) -> dict[str, Fence]:
    """What counts of each attempt by all that came after it, by the name of its folder; absent without a fence."""
    found: dict[str, Fence] = {}
    for attempt in attempts:
        for name, fence in read(attempt).items():
            found[name] = fence.joined(found[name]) if name in found else fence
    return found


def read(attempt: Path) -> dict[str, Fence]:
    """The fences that `attempt` has put up; one that is broken keeps nothing out."""
    if _number(attempt) <= 1:
        return {}
    document = read_json(attempt / FILE)
    named = document.get("attempts") if isinstance(document, dict) else None
    if not isinstance(named, dict):
        return {}
    return {name: fence for name, entry in named.items() if (fence := _fence(entry)) is not None}


def _fence(entry: Any) -> Fence | None:
    size, steps = (entry.get("bytes"), entry.get("checkpoints")) if isinstance(entry, Mapping) else (None, None)
    if type(size) is not int or size < 0 or not isinstance(steps, list) or any(type(step) is not int for step in steps):
        return None
    return Fence(size, frozenset(steps))


def _size(path: Path) -> int:
    """By opening it: over NFS an open sees what other hosts have written, where a stat may not."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return 0
    try:
        return os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)


def _number(attempt: Path) -> int:
    number = attempt.name.rpartition("-")[2]
    return int(number) if number.isascii() and number.isdecimal() else 0
