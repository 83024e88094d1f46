"""What the Sweeps screen does to sweeps: as the commands of the same names do it, to several, with what undoes it."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from scaling_tui import InputError
from scaling_tui.runs.delete import BY_HAND, Deleted, bring_back, trash_sweep
from scaling_tui.runs.delete_run import DeletedRun, bring_run_back, held_back, sweep_of, trash_run
from scaling_tui.runs.labels import Labels, change_labels
from scaling_tui.runs.rename import check_at_rest, rename_sweep
from scaling_tui.runs.requests import make_request
from scaling_tui.sweeps.launch import resume
from scaling_tui.text import show
from scaling_tui.tutor.prediction_game import carry_over

Undo = Callable[[], object]  # raises InputError where it cannot be undone any more


@dataclass(frozen=True)
class Edit:
    """What was done to sweeps.

    Args:
        said: what was done, in a line; empty where nothing was.
        refused: a line for each sweep that it could not be done to.
        undo: what undoes it, the last done first.
        names: what the sweeps are called now that had another name; None for one that is gone.
    """

    said: str
    refused: tuple[str, ...] = ()
    undo: tuple[Undo, ...] = ()
    names: tuple[tuple[str, str | None], ...] = ()


def rename(path: Path, name: str) -> Edit:
    """Gives a sweep another name; the guesses about its runs follow it."""

    def renamed(path: Path, name: str) -> Path:
        new = rename_sweep(path, name)
        carry_over(path.name, name)
        return new

    try:
        new = renamed(path, name)
    except (InputError, OSError) as error:
        return Edit("", (show.fault(error),))
    return Edit(f"renamed {path.name} to {name}", (), (partial(renamed, new, path.name),), ((path.name, name),))


def tag(paths: Sequence[Path], add: Sequence[str], remove: Sequence[str]) -> Edit:
    """Adds tags and takes others away."""

    def one(path: Path) -> Undo | None:
        before, after = change_labels(path, lambda labels: labels.tagged(add, remove))
        gone = [tag for tag in before.tags if tag not in after.tags]
        new = [tag for tag in after.tags if tag not in before.tags]
        return _relabels(path, lambda labels: labels.tagged(gone, new)) if before != after else None

    words = " ".join([*(f"+{tag}" for tag in add), *(f"-{tag}" for tag in remove)])
    return _each(paths, one, lambda names: f"tagged {names} {words}")


def note(paths: Sequence[Path], text: str) -> Edit:
    """Puts a note in place of the one before; an empty one takes it away."""

    def one(path: Path) -> Undo | None:
        before, after = change_labels(path, lambda labels: replace(labels, note=text))

        def undone(labels: Labels) -> Labels:
            if labels.note != after.note:
                raise InputError(f"sweep {path.name}: its note has been changed since")
            return replace(labels, note=before.note)

        return _relabels(path, undone) if before != after else None

    return _each(paths, one, lambda names: f"wrote a note on {names}" if text else f"removed the note of {names}")


def archive(paths: Sequence[Path], archived: bool) -> Edit:
    """Leaves sweeps out of the lists, or lists them again."""

    def one(path: Path) -> Undo | None:
        before, after = change_labels(path, lambda labels: replace(labels, archived=archived))
        return _relabels(path, lambda labels: replace(labels, archived=not archived)) if before != after else None

    return _each(paths, one, lambda names: f"archived {names}" if archived else f"unarchived {names}")


def pause(paths: Sequence[Path]) -> Edit:
    """Stops sweeps that train; each run writes a checkpoint first."""

    def one(path: Path) -> Undo:
        make_request(path, "stop")
        return partial(resume, path)

    return _each(paths, one, lambda names: f"asked {names} to stop, with checkpoints")


def go_on(paths: Sequence[Path]) -> Edit:
    """Resumes sweeps from their checkpoints."""

    def one(path: Path) -> Undo:
        resume(path)
        return partial(make_request, path, "stop")

    return _each(paths, one, lambda names: f"resumed {names}")


def remove(paths: Sequence[Path]) -> Edit:
    """Moves sweeps to the trash; of a link to one only the link goes."""

    def one(path: Path) -> Undo:
        if path.is_symlink():
            check_at_rest(path, BY_HAND)
            to = os.readlink(path)  # noqa: PTH115 - as it stands there, relative too
            _or_refuse(path, path.unlink)
            return lambda: _or_refuse(path, partial(path.symlink_to, to))
        return partial(bring_back, trash_sweep(path), path.parent)

    edit = _each(paths, one, lambda names: f"deleted {names}")
    return replace(edit, names=tuple((path.name, None) for path in paths if not os.path.lexists(path)))


def restore(deleted: Deleted, runs: Path) -> Edit:
    """Brings a sweep back from the trash."""
    try:
        path = bring_back(deleted, runs)
    except (InputError, OSError) as error:
        return Edit("", (show.fault(error),))
    return Edit(f"restored {path.name}", (), (partial(trash_sweep, path),))


def restore_run(deleted: Deleted) -> Edit:
    """Brings a single run back from the trash of its sweep."""
    sweep, name = sweep_of(deleted), deleted.name
    try:
        bring_run_back(DeletedRun(sweep, name, deleted.path))
    except (InputError, OSError) as error:
        return Edit("", (show.fault(error),))
    held = held_back(sweep, name)
    return Edit(f"restored {name} of {sweep.name}{f'; {held}' if held else ''}", (), (partial(trash_run, sweep, name),))


def undo(edit: Edit) -> Edit:
    """Undoes an edit as far as it can be."""
    refused, done = [], 0
    for step in edit.undo:
        try:
            step()
        except (InputError, OSError) as error:
            refused.append(show.fault(error))
        else:
            done += 1
    back = tuple((new, old) for old, new in edit.names if new is not None) if not refused else ()
    return Edit(f"undone: {edit.said}" if done else "", tuple(refused), (), back)


def _each(paths: Sequence[Path], act: Callable[[Path], Undo | None], said: Callable[[str], str]) -> Edit:
    done: list[str] = []
    steps: list[Undo] = []
    refused: list[str] = []
    for path in paths:
        try:
            step = act(path)
        except (InputError, OSError) as error:
            refused.append(show.fault(error))
            continue
        if step is not None:
            done.append(path.name)
            steps.insert(0, step)
    names = show.listed(done, 2) if len(done) < 4 else f"{len(done)} sweeps"
    return Edit(said(names) if done else "", tuple(refused), tuple(steps))


def _relabels(path: Path, change: Callable[[Labels], Labels]) -> Undo:
    return partial(change_labels, path, change)


def _or_refuse(path: Path, act: Callable[[], object]) -> None:
    try:
        act()
    except OSError as error:
        raise InputError(f"link {path.name}: {error.strerror}") from error
