"""Gives a sweep another name, or another place on its disk, in one rename. Only while nothing trains in it."""

import os
from pathlib import Path

from scaling_tui import InputError
from scaling_tui.runs.commands import suggested
from scaling_tui.runs.format import safe_name
from scaling_tui.runs.glance import trains
from scaling_tui.runs.liveness import copy_of


def rename_sweep(path: Path, name: str) -> Path:
    """Renames the sweep at `path`, or the link to one; returns where it is now. Nothing in its folder changes.

    Raises:
        InputError: an unusable name or one that is taken, the sweep trains, or its folder may not be renamed.
    """
    if path.name == safe_name(name):
        raise InputError(f"name {name!r}: found as the name of this sweep, want another one")
    try:
        return moved(path, path.with_name(name), "'mv' renames")
    except OSError as error:
        raise InputError(f"rename {path.name}: {error.strerror}; nothing was renamed") from error


def moved(path: Path, target: Path, by_hand: str) -> Path:
    """Moves a sweep that does not train; one that has begun to meanwhile is moved back. `by_hand` moves a copy of one.

    Raises:
        InputError: it trains, or something is there already.
        OSError: it cannot be moved.
    """
    check_at_rest(path, by_hand)
    # On a file system that takes upper and lower case for one, a name may differ in them alone.
    if os.path.lexists(target) and not (target.exists() and target.samefile(path)):
        raise InputError(f"name {target.name!r}: found in {target.parent} already, want another one")
    path.rename(target)
    if trains(target):
        target.rename(path)
        raise _training(path, by_hand)
    return target


def check_at_rest(path: Path, by_hand: str) -> None:
    """Returns if nothing trains in a sweep; a writer whose clock is wrong is watched for a few seconds.

    Raises:
        InputError: something does, here or where the folder was copied from; then says what `by_hand` does.
    """
    if trains(path, watch=True):
        raise _training(path, by_hand)


def _training(path: Path, by_hand: str) -> InputError:
    if (copy := copy_of(path)) is not None:
        return InputError(f"sweep {path.name}: a copy of a sweep {copy.says}; {by_hand} only the copy")
    stop = suggested(path.parent, "stop", path.name)
    return InputError(f"sweep {path.name}: still training; stop it first with {stop}")
