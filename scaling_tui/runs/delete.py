"""Deletes a sweep: all of it or nothing; into the trash, from which it can be restored, or for good."""

import os
import shutil
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from scaling_tui import InputError
from scaling_tui.runs.rename import moved
from scaling_tui.text import show

TRASH = ".trash"
BY_HAND = "'rm -r' deletes"  # a copy of a sweep that trains elsewhere


@dataclass(frozen=True)
class Deleted:
    """A sweep in the trash: `RUNS/.trash/<time>-<random>/<name>`. `when` is in Unix s."""

    path: Path
    when: float

    @property
    def name(self) -> str:
        return self.path.name


def trash_sweep(path: Path) -> Deleted:
    """Moves the folder of a sweep, which is no link, into the trash beside it, in one rename.

    Raises:
        InputError: it trains, or cannot be moved; then it is where it was.
    """
    when = time.time_ns()
    entry = path.parent / TRASH / f"{when}-{uuid.uuid4().hex[:8]}"
    try:
        entry.mkdir(parents=True)
        return Deleted(moved(path, entry / path.name, BY_HAND), when / 1e9)
    except OSError as error:
        raise InputError(f"rm {path.name}: {error.strerror}; nothing was deleted") from error
    finally:
        with suppress(OSError):
            entry.rmdir()  # it stays where it holds the sweep


def in_trash(runs: Path) -> list[Deleted]:
    """The sweeps in the trash of `runs`, the last deleted first."""
    found = []
    with suppress(OSError):
        for entry in (runs / TRASH).iterdir():
            when, _, _ = entry.name.partition("-")
            if when.isascii() and when.isdecimal():
                with suppress(OSError):
                    found += [Deleted(path, int(when[:25]) / 1e9) for path in entry.iterdir() if path.name[0] != "."]
    return sorted(found, key=lambda one: one.when, reverse=True)


def restore_sweep(runs: Path, name: str | None = None) -> Path:
    """Moves a sweep out of the trash again: the last one called `name`, or the last deleted of all.

    Raises:
        InputError: none such, or its name is taken.
    """
    there = in_trash(runs)
    if not there:
        raise InputError(f"runs folder {runs}: nothing in its trash, so nothing to restore")
    chosen = next((one for one in there if name in (None, one.name)), None)
    if chosen is None:
        raise InputError(f"sweep {name!r}: not in the trash; known: {show.listed([one.name for one in there], 8)}")
    return bring_back(chosen, runs)


def bring_back(deleted: Deleted, runs: Path) -> Path:
    """Moves this sweep out of the trash of `runs` again; returns where it is.

    Raises:
        InputError: it is no longer there, or its name is taken.
    """
    try:
        path = moved(deleted.path, runs / deleted.name, "'mv' moves")
    except FileNotFoundError:
        raise InputError(f"restore {deleted.name}: no longer in the trash of {runs}") from None
    except OSError as error:
        raise InputError(f"restore {deleted.name}: {error.strerror}; it is still in the trash") from error
    with suppress(OSError):
        deleted.path.parent.rmdir()
    return path


def empty_trash(runs: Path) -> None:
    """Deletes for good what is in the trash of `runs`.

    Raises:
        InputError: a part of it cannot be deleted; names it.
    """
    try:
        shutil.rmtree(runs / TRASH)
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"trash {runs / TRASH}: {error.strerror} at {error.filename}") from error


def delete_sweep(path: Path) -> None:
    """Deletes the folder of a sweep, which is no link; it first leaves the list of sweeps, in one rename.

    Raises:
        InputError: a part of it must not be deleted, and nothing was; or a part could not be, and where it lies.
    """

    def refuse(folder: object) -> NoReturn:
        raise InputError(f"rm {path.name}: no permission to delete files in {folder}; nothing was deleted")

    for folder, _, _ in os.walk(path, onerror=lambda error: refuse(error.filename)):
        # Entries are deleted by who may write to their folder.
        if not os.access(folder, os.W_OK | os.X_OK):
            refuse(folder)
    # A name holds at most 255 bytes, and 50 characters at most 200.
    hidden = path.with_name(f".{path.name[:50]}.{uuid.uuid4().hex}")
    try:
        path.rename(hidden)
    except OSError as error:
        raise InputError(f"rm {path.name}: {error.strerror}; nothing was deleted") from error
    try:
        shutil.rmtree(hidden)
    except OSError as error:
        raise InputError(
            f"rm {path.name}: {error.strerror} at {error.filename}; the remaining files are in {hidden}"
        ) from error
