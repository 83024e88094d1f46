"""Files of JSON lines that are only ever appended to, a record a line, by several processes at once."""

import errno
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any


def append(path: Path, records: Callable[[bytes], Sequence[Mapping[str, Any]]]) -> None:
    """Appends records, all of them or none.

    Args:
        path: of the file, which is made with its folder if need be.
        records: gives the records to append for what the file holds now; nobody else writes in between.

    Raises:
        OSError: it cannot be written; it then is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.is_file():  # a pipe would block, and /dev/zero has no end
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    # Append mode puts each write at the end; the lock ensures that on a shared disk too, and covers what is decided by
    # the file's content. Unbuffered, so that a full disk is met here and not on closing.
    with path.open("ab+", buffering=0) as file:
        _lock(file.fileno())
        file.seek(0)
        held = file.read()
        lines = "".join(json.dumps(dict(record), ensure_ascii=False) + "\n" for record in records(held))
        if lines:
            torn = bool(held) and not held.endswith(b"\n")  # a line cut short by a crash stays, and ends here
            _write(file, (("\n" if torn else "") + lines).encode("utf-8", "backslashreplace"), len(held))


def _write(file: Any, content: bytes, end: int) -> None:
    try:
        written = 0
        while written < len(content):
            written += file.write(content[written:])
        os.fsync(file.fileno())
    except OSError:
        with suppress(OSError):
            file.truncate(end)
        raise


def parsed(content: bytes) -> Iterator[dict[str, Any]]:
    """The records in `content`; a line that is none, such as one cut short by a crash, is left out."""
    for line in content.split(b"\n"):
        with suppress(ValueError, RecursionError):
            record = json.loads(line)
            if isinstance(record, dict):
                yield record


def _lock(descriptor: int) -> None:
    with suppress(ImportError, OSError):  # this system or disk has no such locks
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX)
