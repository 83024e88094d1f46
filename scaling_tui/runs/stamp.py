"""Whether anything on disk changed that a sweep's line in a list is made of, without reading any of it.

A stamp is the times, sizes and numbers of the files and folders involved. Folders tell of files that came, went or were
replaced, files of what was appended or edited in place.
"""

import hashlib
import os
import time
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SETTLES_NS = 2_000_000_000  # some file systems tell times to two seconds: a later change could bear the same one
_FIXED = ("", "sweep.json", "predictions.jsonl", "rates.jsonl")
_MASK = (1 << 64) - 1


@dataclass(frozen=True)
class Stamp:
    """What a sweep's folder holds, and when it last changed.

    Args:
        supervisors: names of their folders.
        runs: names of the other folders, requests and labels among them, with the names of the attempts in each.
        digest: of all times, sizes and inodes.
        newest: the latest change, Unix ns by the clock of the file system.
        records: bytes of the longest file of records.
        active: when a record or status was last written, Unix s; None before any was.
    """

    supervisors: Sequence[str]
    runs: Mapping[str, Sequence[str]]
    digest: str
    newest: int
    records: int
    active: float | None

    @property
    def has_settled(self) -> bool:
        """Whether any later change would show, even with the coarsest clock of a file system."""
        return self.newest < time.time_ns() - SETTLES_NS

    @classmethod
    def of(cls, sweep: Path) -> "Stamp":
        """The stamp of the sweep as it is now; what cannot be entered counts as empty."""
        supervisors, runs = [], {}
        for name in _folders(str(sweep)):
            if name.startswith("supervisor-"):
                supervisors.append(name)
            else:
                runs[name] = [inner for inner in _folders(f"{sweep}/{name}") if inner.startswith("attempt-")]
        return cls.again(sweep, supervisors, runs)

    @classmethod
    def again(cls, sweep: Path, supervisors: Sequence[str], runs: Mapping[str, Sequence[str]]) -> "Stamp":
        """The stamp with the folders that are known to be there: equal to `of` as long as nothing changed."""
        numbers: list[int] = []
        newest = records = 0
        active = 0.0
        stat, add, root = os.stat, numbers.extend, str(sweep)
        for path in _paths(supervisors, runs):
            try:
                found = stat(f"{root}/{path}")
            except OSError as error:
                numbers.append(error.errno or 0)
                continue
            changed = found.st_ctime_ns
            add((changed & _MASK, found.st_mtime_ns & _MASK, found.st_size, found.st_ino & _MASK))
            newest = max(newest, changed)
            if path.endswith("/metrics.jsonl"):
                records = max(records, found.st_size)
                active = max(active, found.st_mtime)
            elif path.endswith("/status.json"):
                active = max(active, found.st_mtime)
        digest = hashlib.blake2b(array("Q", numbers).tobytes(), digest_size=12).hexdigest()
        return cls(supervisors, runs, digest, newest, records, active or None)


def _paths(supervisors: Sequence[str], runs: Mapping[str, Sequence[str]]) -> Iterator[str]:
    yield from _FIXED
    for name in supervisors:
        yield name
        yield f"{name}/status.json"
    for name, attempts in runs.items():
        yield name
        yield f"{name}/run.json"
        for attempt in attempts:
            folder = f"{name}/{attempt}"
            yield folder
            yield f"{folder}/status.json"
            yield f"{folder}/metrics.jsonl"
            if attempt != "attempt-1":  # the first has none before it to fence off
                yield f"{folder}/fence.json"


def _folders(path: str) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return sorted(entry.name for entry in entries if not entry.name.startswith(".") and _is_folder(entry))
    except OSError:
        return []


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def disk_bytes(folder: Path) -> int:
    """What the files under `folder` take, in bytes; links are not followed, and what cannot be seen counts nothing."""
    total, waiting = 0, [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue
    return total
