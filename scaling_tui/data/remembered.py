"""What a pass over files found, remembered with the size and the times of each.

So a later start need not read gigabytes to know that nothing has changed, and what has changed is noticed.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from scaling_tui import InputError
from scaling_tui.data import cache
from scaling_tui.data.finding import Found

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")
Progress = Callable[[str, int, int], None]  # what is being done, how much of it is done, how much there is
LATE_S = 2.0  # a file may change within the tick of a file system's clock without a new time
VERSION = 1  # of the rules by which corpora are split and encoded; part of every key in the cache


def no_progress(doing: str, done: int, total: int) -> None:
    """Shows nothing."""


def remembered(
    found: Found,
    about: Mapping[str, Any],
    look: Callable[[Callable[[int], None]], T],
    from_json: Callable[[Any], T],
    progress: Progress,
) -> T:
    """What `look` found in these files when it last read them; it reads them again where one has changed since.

    Args:
        found: the files.
        about: what else the result depends on.
        look: reads the files, given a function to tell how many bytes it has read; returns a flat dataclass.
        from_json: the result from what was stored of it; a KeyError, TypeError or ValueError has it read again.
        progress: is shown what is being read.

    Raises:
        InputError: from `look`; or a file changed while it was read.
    """
    stamps = stamps_of(found.every)
    names = [[os.fspath(path.absolute()) for path in part] for part in (found.files, found.held_out)]
    key = json.dumps([{**about, "version": VERSION}, names])
    place = cache.folder() / "scans" / f"{hashlib.sha256(os.fsencode(key)).hexdigest()[:32]}.json"
    try:
        document = json.loads(place.read_text(encoding="utf-8"))
        if document["stamps"] == stamps:
            return from_json(document["scan"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass
    began, total, done = time.time(), sum(stamp[0] for stamp in stamps), 0

    def tick(size: int) -> None:
        nonlocal done
        done += size
        progress("reading", done, total)

    result = look(tick)
    check_unchanged(found, stamps)
    # A file changed in the tick in which it was read would look as if it had not.
    if all(max(stamp[1:3]) / 1e9 < began - LATE_S for stamp in stamps):
        with suppress(InputError), cache.writing(place) as temporary:  # nothing is lost but time
            temporary.write_text(json.dumps({"stamps": stamps, "scan": asdict(result)}), encoding="utf-8")
    return result


def stamps_of(files: tuple[Path, ...]) -> list[list[int]]:
    """Size, times of the last change to content and to anything, and inode of each file."""
    stamps = []
    for path in files:
        try:
            status = path.stat()
        except OSError as error:
            raise InputError(f"cannot read {path} ({error.strerror})") from error
        stamps.append([status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino])
    return stamps


def check_unchanged(found: Found, stamps: list[list[int]]) -> None:
    """Raises InputError where a file has changed since its stamps were taken."""
    for path, then, now in zip(found.every, stamps, stamps_of(found.every), strict=True):
        if then != now:
            raise InputError(f"{path}: changed while it was read; want a file that nothing writes to")
