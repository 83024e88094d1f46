"""Deletes a run of a sweep: into the trash in the sweep's folder, from which it can be restored, or for good.

The sweep's labels name the runs that were deleted: its sweep.json is written once and goes on naming them.
"""

import os
import shutil
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from scaling_tui import InputError
from scaling_tui.runs.commands import suggested
from scaling_tui.runs.delete import BY_HAND, TRASH, Deleted, empty_trash, in_trash
from scaling_tui.runs.find import list_sweeps
from scaling_tui.runs.format import WAITING, is_running, numbered, read_json
from scaling_tui.runs.glance import watched
from scaling_tui.runs.labels import change_labels, read_labels
from scaling_tui.runs.requests import latest_request, make_request
from scaling_tui.runs.stamp import disk_bytes
from scaling_tui.runs.views import RunView, SweepView
from scaling_tui.text import show


@dataclass(frozen=True)
class DeletedRun:
    """A run that was deleted: where its folder lies, if it had one; whether it was held back to be deleted."""

    sweep: Path
    name: str
    path: Path | None
    held: bool = False


def trash_run(sweep: Path, name: str) -> DeletedRun:
    """Moves a run into the trash in its sweep's folder, in one rename. What reads the sweep then knows nothing of it.

    A run that waits in a sweep that trains is held back first, so that nobody starts it meanwhile.

    Raises:
        InputError: no such run, it trains, others need it, or it cannot be moved; then it is where it was.
    """
    view = watched(sweep)
    run = deletable(view, name)
    held = view.trains and run.state in WAITING and latest_request(sweep, name) != "stop"
    if held:
        make_request(sweep, "stop", name)
    try:
        change_labels(sweep, lambda labels: replace(labels, removed=tuple(dict.fromkeys((*labels.removed, name)))))
        return DeletedRun(sweep, name, _moved(sweep, name), held)
    except BaseException as error:
        _put_back(DeletedRun(sweep, name, None, held))
        if isinstance(error, OSError):
            raise InputError(f"rm {sweep.name}/{name}: {error.strerror}; nothing was deleted") from error
        raise


def deletable(sweep: SweepView, name: str) -> RunView:
    """The run of this name, if it can be deleted.

    Raises:
        InputError: no such run; it trains, here or where the folder was copied from; others have yet to start from it.
    """
    run = sweep.run(name)
    if run is None:
        known = show.listed([one.name for one in sweep.runs], 8)
        raise InputError(f"run {name!r}: not in sweep {sweep.name}; known: {known}")
    where = f"run {run.name}"
    if sweep.copy is not None and sweep.trains:
        raise InputError(f"{where}: in a copy of a sweep {sweep.copy.says}; {BY_HAND} only the copy")
    if run.state == "running":
        stop = suggested(sweep.path.parent, "stop", sweep.name, options=("--run", run.name))
        raise InputError(f"{where}: still training; stop it first with {stop}")
    branches = [one.name for one in sweep.runs if one.trunk and one.trunk.run == run.name and one.state != "finished"]
    if branches:
        raise InputError(
            f"{where}: {show.listed(branches)} branch{'es' * (len(branches) == 1)} off it, and must finish first"
        )
    probes = (sweep.document.get("tune") or {}).get("probes") or ()
    if sweep.rates is None and run.rung in probes and any(one.planned for one in sweep.runs):
        raise InputError(f"{where}: other runs wait for the learning rate that it probes, and must finish first")
    return run


def _moved(sweep: Path, name: str) -> Path | None:
    """Moves the run's folder into the trash; None where it has none. One that began meanwhile is moved back."""
    entry = sweep / TRASH / f"{time.time_ns()}-{uuid.uuid4().hex[:8]}"
    folder = sweep / name
    if not os.path.lexists(folder):
        return None
    entry.mkdir(parents=True)
    try:
        path = folder.rename(entry / name)
        if any(is_running(attempt) for _, attempt in numbered(path, "attempt")):
            path.rename(folder)
            raise InputError(f"run {name}: has just begun to train; nothing was deleted")
    finally:
        with suppress(OSError):
            entry.rmdir()  # it stays where it holds the run
    return path


def restore_run(sweep: Path, name: str) -> None:
    """Brings back a run that was deleted, the last one of this name.

    Raises:
        InputError: none such, or a run of this name is there.
    """
    there = next((one for one in in_trash(sweep) if one.name == name), None)
    removed = read_labels(sweep)[0].removed
    if there is None and name in removed and name not in _planned(sweep) and not os.path.lexists(sweep / name):
        raise InputError(f"run {name!r}: deleted from sweep {sweep.name} for good, so nothing of it is left to restore")
    planned = name in removed and not os.path.lexists(sweep / name)
    if there is None and not planned:
        known = show.listed(list(dict.fromkeys([*(one.name for one in in_trash(sweep)), *removed])), 8) or "none"
        raise InputError(f"run {name!r}: not deleted from sweep {sweep.name}; deleted: {known}")
    bring_run_back(DeletedRun(sweep, name, there.path if there else None))


def _planned(sweep: Path) -> frozenset[str]:
    """The runs of a sweep that get a folder only later."""
    document = read_json(sweep / "sweep.json")
    planned = document.get("planned") if isinstance(document, dict) else None
    return frozenset(planned) if isinstance(planned, dict) else frozenset()


def held_back(sweep: Path, name: str) -> str:
    """How a run that waits and was asked to stop comes to train; empty where there is none such."""
    run = watched(sweep).run(name)
    if run is None or run.state not in WAITING or latest_request(sweep, name) != "stop":
        return ""
    return f"it is held back, {suggested(sweep.parent, 'resume', sweep.name, options=('--run', name))} trains it"


def bring_run_back(deleted: DeletedRun) -> None:
    """Undoes the deletion of a run.

    Raises:
        InputError: it is no longer in the trash, or its name is taken.
    """
    sweep, name, path = deleted.sweep, deleted.name, deleted.path
    if path is not None:
        if os.path.lexists(sweep / name):
            raise InputError(f"run {name!r}: sweep {sweep.name} has a run of that name, want it deleted first")
        try:
            path.rename(sweep / name)
        except FileNotFoundError:
            raise InputError(f"restore {name}: no longer in the trash of sweep {sweep.name}") from None
        except OSError as error:
            raise InputError(f"restore {name}: {error.strerror}; it is still in the trash") from error
        with suppress(OSError):
            path.parent.rmdir()
    _put_back(deleted)


def _put_back(deleted: DeletedRun) -> None:
    """Takes back what was noted and asked to delete a run."""
    gone = deleted.name
    if deleted.held:
        make_request(deleted.sweep, "resume", gone)
    change_labels(
        deleted.sweep, lambda labels: replace(labels, removed=tuple(one for one in labels.removed if one != gone))
    )


def delete_run(deleted: DeletedRun) -> None:
    """Deletes for good a run that is in the trash.

    Raises:
        InputError: a part of it cannot be deleted.
    """
    if deleted.path is None:
        return
    try:
        shutil.rmtree(deleted.path.parent)
    except OSError as error:
        raise InputError(f"rm {deleted.name}: {error.strerror} at {error.filename}") from error


def runs_in_trash(runs: Path) -> list[Deleted]:
    """The single runs in the trash of all sweeps in `runs`, those of the latest sweep first."""
    return [one for sweep in list_sweeps(runs) for one in in_trash(sweep)]


def sweep_of(deleted: Deleted) -> Path:
    """The sweep in whose trash a single run is."""
    return deleted.path.parent.parent.parent


def trash_told(runs: Path) -> str:
    """What lies in the trash of `runs` and of its sweeps, with its size, in words; empty where nothing does."""
    sweeps, single = in_trash(runs), runs_in_trash(runs)
    parts = [
        f"{show.counted(len(found), what)}, {show.listed([one.name for one in found])}"
        for found, what in ((sweeps, "deleted sweep"), (single, "deleted run"))
        if found
    ]
    size = disk_bytes(runs / TRASH) + sum(disk_bytes(one.path) for one in single)
    return f"{show.memory(size)}: {' and '.join(parts)}" if parts else ""


def empty_all_trash(runs: Path) -> None:
    """Deletes for good what is in the trash of `runs` and of its sweeps.

    Raises:
        InputError: a part of it cannot be deleted; names it.
    """
    empty_trash(runs)
    for sweep in dict.fromkeys(map(sweep_of, runs_in_trash(runs))):
        empty_trash(sweep)
