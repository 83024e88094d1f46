"""Finds sweeps and runs by name, without reading whole curves."""

from pathlib import Path

from scaling_tui import InputError
from scaling_tui.runs.glance import glance
from scaling_tui.runs.views import RunView


def list_sweeps(runs: Path) -> list[Path]:
    """The sweeps in `runs`, the latest first, with those whose folder may not be entered.

    Raises:
        InputError: `runs` is there and cannot be listed.
    """
    try:
        # A name with a dot is of a sweep that is being deleted.
        folders = [path for path in runs.iterdir() if not path.name.startswith(".") and _is_sweep(path)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise InputError(f"runs folder {runs}: {error.strerror}") from None
    return sorted(folders, key=lambda path: (_written(path / "sweep.json"), path.name), reverse=True)


def _is_sweep(path: Path) -> bool:
    try:
        (path / "sweep.json").lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # such as one without permission: reading it says why
    return True


def _written(path: Path) -> float:
    """Modification time in Unix s; 0 for a dangling link, which is listed all the same."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def find_sweep(runs: Path, name: str | None = None) -> Path:
    """The sweep called `name` in `runs`, or at the path `name`; without a name the latest.

    Raises:
        InputError: no such sweep.
    """
    sweeps = list_sweeps(runs)
    if name is None:
        if not sweeps:
            raise InputError(f"runs folder {runs}: no sweep there; start one with 'scaling-tui run quickstart'")
        return sweeps[0]
    for path in (runs / name, Path(name)):
        if _is_sweep(path):
            return path
    known = ", ".join(path.name for path in sweeps[:8]) or "none"
    raise InputError(f"sweep {name!r}: not in {runs}; known: {known}")


def find_run(runs: Path, name: str) -> RunView:
    """The run called `name`: `SWEEP/RUN` in `runs`, the path of a run's folder, or a run of the latest sweep.

    Its curve holds only the last `glance.LAST_BYTES` of each attempt; `read_run` reads all records.

    Raises:
        InputError: no such run.
    """
    sweep, slash, run = name.rstrip("/").rpartition("/")
    view = glance(find_sweep(runs, sweep if slash else None))
    match = view.run(run)
    if match is None:
        known = ", ".join(f"{view.name}/{other.name}" for other in view.runs) or "none"
        raise InputError(f"run {name!r}: not in sweep {view.name}; known: {known}")
    return match
