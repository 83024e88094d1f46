"""Text files that people wrote: regular, of bounded size, UTF-8 with or without a BOM; every fault is one line.

And files for people, written as a whole or not at all.
"""

import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scaling_tui import InputError

MOST_BYTES = 16 << 20  # of a file that a person writes: a ladder, a bank, a key map
MOST_TABLE_BYTES = 1 << 30


def as_path(name: str, value: object) -> Path:
    """`value` as a path; `name` is what it is of.

    Raises:
        InputError: it is no path, or has a character that no path has.
    """
    if not isinstance(value, str | os.PathLike):
        raise InputError(f"{name}: found {type(value).__name__}, want a path")
    if "\0" in str(value):
        raise InputError(f"{name} {str(value)!r}: found a NUL character, want a path")
    return Path(value)


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """A descriptor of the regular file at `path`.

    Raises:
        OSError: there is none, or it is something else: a pipe or a device of that name must not stop a reader.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            what = "a directory" if stat.S_ISDIR(mode) else "a pipe, socket or device"
            raise OSError(errno.EINVAL, f"{what}, not a regular file", str(path))
        yield descriptor
    finally:
        os.close(descriptor)


def read_bytes(path: Path, most_bytes: int | None = None) -> bytes:
    """The whole regular file at `path`, if it has at most `most_bytes`.

    Raises:
        OSError: as `opened`, or it is larger.
    """
    with opened(path) as descriptor, os.fdopen(os.dup(descriptor), "rb") as file:
        size = os.fstat(descriptor).st_size
        if most_bytes is not None and size > most_bytes:
            raise OSError(errno.EFBIG, f"found {size:,} bytes, want at most {most_bytes:,}", str(path))
        return file.read()


def read_text(path: Path, wanted: str, most_bytes: int = MOST_BYTES) -> str:
    """The text of the file at `path`, with lines that end in a newline alone.

    Args:
        path: of a regular file.
        wanted: what it should be, such as "a ladder (.toml)".
        most_bytes: its largest size.

    Raises:
        InputError: no such file, not a regular one, too large, or not UTF-8.
    """
    try:
        with opened(path) as descriptor:
            size = os.fstat(descriptor).st_size
            if size > most_bytes:
                raise InputError(f"{path}: {size:,} bytes, want {wanted} of at most {most_bytes:,}")
            with os.fdopen(os.dup(descriptor), "rb") as file:
                text = file.read(most_bytes + 1).decode("utf-8-sig")
                return text.replace("\r\n", "\n").replace("\r", "\n")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file, want {wanted}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 at byte {error.start}, want {wanted}") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}, want {wanted}") from None


def write_whole(path: Path, content: bytes, replace: bool = False) -> None:
    """Writes a new file, or with `replace` over another one; who reads it finds all of it, or what was there before.

    Raises:
        FileExistsError: it is there, and may not be replaced.
        OSError: it cannot be written, or what is there is not a regular file.
        ValueError: no name of a file.
    """
    if replace and path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    temporary = path.with_name(f".scaling-tui-{os.getpid()}-{time.monotonic_ns()}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            temporary.replace(path)
        else:
            _link(temporary, path, content)
    finally:
        temporary.unlink(missing_ok=True)


def _link(temporary: Path, path: Path, content: bytes) -> None:
    """Gives a finished file its name, unless the name is taken."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:
        # Some file systems have no second name for a file.
        with path.open("xb") as file:
            file.write(content)


def read_toml(path: Path, wanted: str) -> dict[str, Any]:
    """The TOML document at `path`.

    Raises:
        InputError: as `read_text`, or the text is not TOML.
    """
    return parse_toml(read_text(path, wanted), str(path))


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """`text` as a TOML document; `where` it stands begins the error.

    Raises:
        InputError: not TOML.
    """
    import tomli

    try:
        return tomli.loads(text)
    except (ValueError, RecursionError) as error:
        if isinstance(error, tomli.TOMLDecodeError):
            reason = str(error)
        else:  # Python itself refuses whole numbers of thousands of digits
            reason = "nested too deeply" if isinstance(error, RecursionError) else "a number is too long"
        raise InputError(f"{where}: not TOML: {reason}") from None
