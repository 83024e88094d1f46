"""An import that is there and one just read: what is new goes into the first, and nothing is written twice.

Records there have to be among those read, or end before these begin, as after a rotation of the log. Where neither
holds, the log is another one by now, and nothing is changed.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scaling_tui import InputError
from scaling_tui.runs.format import numbered


@dataclass
class Join:
    """How the attempts of a run, as just read, go into those that are there: pairs of files, and new attempts."""

    run: Path
    pairs: list[tuple[Path, Path, bool]]  # read, there, whether the one there is how the one read begins
    new: list[Path]
    last_attempt: int
    changes: bool

    def perform(self) -> int:
        """Returns the number of records that are new."""
        added = 0
        for read, there, is_beginning in self.pairs:
            before = count_lines(there)
            if is_beginning:
                _append_rest(read, there)
            else:
                read.replace(there)
            added += count_lines(there) - before
        number = self.last_attempt - len(self.new)
        for attempt in self.new:
            number += 1
            attempt.rename(self.run / f"attempt-{number}")
            added += count_lines(self.run / f"attempt-{number}" / "metrics.jsonl")
        return added


def join(read: Path, there: Path) -> Join:
    """Raises InputError: the records there are neither among those read nor before them."""
    mine = [path for _, path in numbered(read, "attempt") if count_lines(path / "metrics.jsonl")]
    theirs = numbered(there, "attempt")
    most = theirs[-1][0] if theirs else 0
    if not mine:
        return Join(there, [], [], max(most, 1), False)
    for begin in range(len(theirs) - 1, -1, -1):
        pairs = list(zip(mine, [path for _, path in theirs[begin:]], strict=False))
        ways = [_is_part(old / "metrics.jsonl", new / "metrics.jsonl") for new, old in pairs]
        if len(mine) >= len(theirs) - begin and all(way is not None for way in ways):
            files = [
                (new / "metrics.jsonl", old / "metrics.jsonl", way == "beginning")
                for (new, old), way in zip(pairs, ways, strict=True)
            ]
            rest = mine[len(pairs) :]
            changes = bool(rest) or any(_size(new) != _size(old) for new, old, _ in files)
            return Join(there, files, rest, most + len(rest), changes)
        if (
            len(mine) == 1
            and len(theirs) - begin == 1
            and _is_part(mine[0] / "metrics.jsonl", theirs[-1][1] / "metrics.jsonl")
        ):
            return Join(there, [], [], most, False)  # the log was cut since
    first = _steps(mine[0] / "metrics.jsonl")
    last = np.concatenate([_steps(path / "metrics.jsonl") for _, path in theirs]) if theirs else np.empty(0)
    if len(first) and len(last) and np.nanmin(first) > np.nanmax(last):
        return Join(there, [], mine, most + len(mine), True)
    raise InputError(
        f"run {there.name}: its log no longer holds the records imported before, or other options made them; "
        "want another --name"
    )


def _is_part(part: Path, whole: Path) -> str | None:
    """`beginning` where the lines of `part` begin `whole`, `among` where it has them all; None where it has not."""
    try:
        if _begins(part, whole):
            return "beginning"
        left = Counter(hashlib.blake2b(line, digest_size=8).digest() for line in _lines(whole))
        left.subtract(Counter(hashlib.blake2b(line, digest_size=8).digest() for line in _lines(part)))
    except FileNotFoundError:
        return "beginning" if not part.exists() else None
    return "among" if min(left.values(), default=0) >= 0 else None


def _begins(part: Path, whole: Path) -> bool:
    with part.open("rb") as ours, whole.open("rb") as theirs:
        left = _whole_size(part)
        while left > 0:
            block = ours.read(min(left, 1 << 20))
            if block != theirs.read(len(block)):
                return False
            left -= len(block)
    return True


def _whole_size(path: Path) -> int:
    """Bytes up to the last newline: a crash may have torn the last line."""
    size = _size(path)
    with path.open("rb") as file:
        while size:
            begin = max(0, size - (1 << 16))
            file.seek(begin)
            found = file.read(size - begin).rfind(b"\n")
            if found >= 0:
                return begin + found + 1
            size = begin
    return 0


def _append_rest(read: Path, there: Path) -> None:
    """Appends to `there` what `read` has beyond it."""
    kept = _whole_size(there) if there.exists() else 0
    descriptor = os.open(there, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        os.ftruncate(descriptor, kept)
        os.lseek(descriptor, kept, os.SEEK_SET)
        with read.open("rb") as file, os.fdopen(os.dup(descriptor), "wb") as out:
            file.seek(kept)
            while block := file.read(1 << 20):
                out.write(block)
    finally:
        os.close(descriptor)


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield line


def count_lines(path: Path) -> int:
    return sum(1 for _ in _lines(path)) if path.exists() else 0


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _steps(path: Path) -> "np.ndarray[Any, np.dtype[np.float64]]":
    return np.array([json.loads(line).get("step", np.nan) for line in _lines(path)], dtype=np.float64)


def sort_by_step(path: Path) -> None:
    """Sorts the lines of a file by their steps, holding no more than a step and a place of each."""
    steps = _steps(path)
    ends = np.cumsum([len(line) for line in _lines(path)])
    begins = np.concatenate([[0], ends[:-1]])
    steps = np.where(np.isnan(steps), np.maximum.accumulate(np.nan_to_num(steps, nan=-np.inf)), steps)
    temporary = path.with_name(f".{path.name}.sorted")
    with path.open("rb") as file, temporary.open("wb") as out:
        for at in np.argsort(steps, kind="stable"):
            file.seek(int(begins[at]))
            out.write(file.read(int(ends[at] - begins[at])))
    temporary.replace(path)
