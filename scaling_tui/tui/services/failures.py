"""Faults of the program itself, in a worker of the app: kept in a file with their traceback, for a report of a bug."""

import traceback
from datetime import datetime
from pathlib import Path

from scaling_tui import __version__
from scaling_tui.text.visible import visible

MOST_BYTES = 1_000_000


def failures() -> Path:
    """The file of all faults, the latest last."""
    from platformdirs import user_state_path

    return Path(user_state_path("scaling-tui", appauthor=False)) / "failures.log"


def keep_failure(error: BaseException) -> str:
    """Appends `error` with its traceback to the file; returns where it is. A file that is long starts anew."""
    path = failures()
    told = visible("".join(traceback.format_exception(error)))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = "w" if path.exists() and path.stat().st_size > MOST_BYTES else "a"
        with path.open(mode, encoding="utf-8", errors="backslashreplace") as file:
            file.write(
                f"{datetime.now().astimezone().isoformat(timespec='seconds')} scaling-tui {__version__}\n{told}\n"
            )
    except OSError as fault:
        return f"its traceback is not saved: {path}: {fault.strerror}"
    return f"its traceback is in {path}"
