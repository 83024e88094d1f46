"""Deletes a sweep: all of it or nothing."""

import os
import shutil
import uuid
from pathlib import Path
from typing import NoReturn

from scaling_tui import InputError


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
