"""The folder of what was computed from corpora and can be computed again; several processes may use it at once."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scaling_tui import InputError


def folder() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("scaling-tui", appauthor=False)


def named(text: str) -> str:
    """`text` as part of a file's name: letters, digits and a few signs, at most 40."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text)[-40:].lstrip(".") or "_"


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """A temporary path that becomes `path` once it is written, or is removed.

    Raises:
        InputError: it cannot be written.
    """
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise InputError(
            f"cache {path.parent}: cannot be written to ({error.strerror or error}); "
            "$XDG_CACHE_HOME moves it to another disk"
        ) from error
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


@contextmanager
def alone(place: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Holds the lock of the folder `place`, so that what takes an hour is computed by one process at a time.

    `waiting` is called where another process holds it.

    What a killed process left half-written there is removed. Where the file system has no locks there is none: then
    two processes compute the same, and `writing` keeps them apart.
    """
    try:
        place.mkdir(parents=True, exist_ok=True)
        lock = os.open(place / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise InputError(
            f"cache {place}: cannot be written to ({error.strerror}); $XDG_CACHE_HOME moves it to another disk"
        ) from error
    try:
        if _locked(lock, waiting):
            for left in place.glob(".[0-9]*-*"):
                with suppress(OSError):
                    left.unlink()
        yield
    finally:
        os.close(lock)


def _locked(descriptor: int, waiting: Callable[[], None]) -> bool:
    try:
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
    except (ImportError, OSError):
        return False
    return True
