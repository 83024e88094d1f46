"""A new folder with all that belongs in it, or none at all."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scaling_tui import InputError


@contextmanager
def new_folder(path: Path, option: str) -> Iterator[Path]:
    """A folder to fill beside `path`; it gets that name at the end of the block, unless the block raises.

    Raises:
        InputError: `path` holds something already, or cannot be written; the message begins with `option`.
    """
    try:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise InputError(f"{option} {path}: exists already, want a new folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        filled = Path(tempfile.mkdtemp(prefix=".scaling-tui-", dir=path.parent))
        try:
            filled.chmod(0o755)
            yield filled
            filled.replace(path)  # over an empty folder too
        finally:
            shutil.rmtree(filled, ignore_errors=True)
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        why = error.strerror if isinstance(error, OSError) else "no name of a folder"
        raise InputError(f"{option} {path}: cannot be written ({why})") from None
