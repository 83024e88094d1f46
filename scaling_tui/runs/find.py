"""Finds sweeps and runs by name, without reading whole curves."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from scaling_tui import InputError
from scaling_tui.runs.commands import suggested
from scaling_tui.runs.labels import read_labels
from scaling_tui.text.files import as_path

if TYPE_CHECKING:
    from scaling_tui.runs.views import RunView


def list_sweeps(runs: Path) -> list[Path]:
    """The sweeps in `runs`, the latest first, with those whose folder may not be entered.

    Raises:
        InputError: `runs` is there and cannot be listed.
    """
    runs = as_path("runs folder", runs)
    try:
        # A name with a dot is of a sweep that is being imported, or of the deleted ones.
        names = [name for name in os.listdir(runs) if not name.startswith(".")]  # noqa: PTH208 - a thousand at once
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise InputError(f"runs folder {runs}: {error.strerror}") from None
    found = [(written, name) for name in names if (written := _written(f"{runs}/{name}")) is not None]
    return [runs / name for _, name in sorted(found, reverse=True)]


def _is_sweep(path: Path) -> bool:
    return _written(str(path)) is not None


def _written(sweep: str) -> float | None:
    """When its sweep.json was written, Unix s: 0 for one that cannot be seen, None where there is none."""
    file = f"{sweep}/sweep.json"
    try:
        return os.stat(file).st_mtime  # noqa: PTH116 - of a thousand at once
    except (FileNotFoundError, NotADirectoryError):
        # A dangling link is listed all the same: reading it says why.
        return 0.0 if os.path.islink(file) else None  # noqa: PTH114
    except OSError:
        return 0.0  # such as one without permission


def find_sweep(runs: Path, name: str | None = None) -> Path:
    """The sweep called `name` in `runs`, or at the path `name`; without a name the latest that is not archived.

    Raises:
        InputError: no such sweep.
    """
    runs = as_path("runs folder", runs)
    if name is not None:
        name = str(as_path("sweep", name)) if not isinstance(name, str) or "\0" in name else name
        for path in (runs / name, Path(name)):
            if _is_sweep(path):
                return path
    sweeps = list_sweeps(runs)
    if name is None:
        if not sweeps:
            start = suggested(runs, "run", "quickstart")
            raise InputError(f"runs folder {runs}: no sweep there; start one with {start}")
        return next((path for path in sweeps if not read_labels(path)[0].archived), sweeps[0])
    known = ", ".join(path.name for path in sweeps[:8]) or "none"
    raise InputError(f"sweep {name!r}: not in {runs}; known: {known}")


def find_run(runs: Path, name: str) -> "RunView":
    """The run called `name`: `SWEEP/RUN` in `runs`, the path of a run's folder, or a run of the latest sweep.

    Its curve holds only the last `glance.LAST_BYTES` of each attempt; `read_run` reads all records.

    Raises:
        InputError: no such run.
    """
    from scaling_tui.runs.glance import glance

    if not isinstance(name, str):
        raise InputError(f"run: found {type(name).__name__}, want SWEEP/RUN")
    sweep, slash, run = name.rstrip("/").rpartition("/")
    view = glance(find_sweep(runs, sweep if slash else None))
    match = view.run(run)
    if match is None:
        known = ", ".join(f"{view.name}/{other.name}" for other in view.runs) or "none"
        raise InputError(f"run {name!r}: not in sweep {view.name}; known: {known}")
    return match
