"""What can be compared, by name: a sweep, a table of runs, or the logs of another trainer, which are read as a sweep.

Logs become a sweep in a folder that the caller gives and takes away again: nothing is imported into the user's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws.fitting.tables import TableOptions
from scaling_tui.report.fit import FitSource, sweep_source, table_source
from scaling_tui.runs import SweepView, find_sweep, read_sweep
from scaling_tui.tables.read import is_table
from scaling_tui.tables.source import STDIN

Kind = Literal["sweep", "table", "logs"]
ASSUMED = (
    "not imported: runs whose log does not say how they ended count as finished; "
    "to give what is missing, import the logs"
)


@dataclass(frozen=True)
class Source:
    """One of the things compared.

    Args:
        name: what it is called; of several that are compared, its own.
        where: what it was found by: the name of a sweep, or a path.
        points: what a law is fitted to; None where `problem` says why there is nothing to fit.
        view: its runs, with curves and settings; a table has none.
    """

    name: str
    where: str
    kind: Kind
    points: FitSource | None
    view: SweepView | None
    problem: str = ""
    notes: tuple[str, ...] = ()


def open_source(
    where: str,
    runs: Path,
    keep: Path,
    options: TableOptions = TableOptions(),  # noqa: B008 - frozen
) -> Source:
    """Reads what is called `where`: the name or folder of a sweep, a table, or logs of another trainer.

    Args:
        where: as it was typed.
        runs: the folder of the sweeps.
        keep: a folder of the caller's, in which logs become a sweep; it must last as long as the source.
        options: how to read it, if it is a table.

    Raises:
        InputError: it is none of these, or cannot be read.
    """
    if is_table(where):
        return _file(where, keep, options)
    try:
        path = find_sweep(runs, where)
    except InputError as error:
        if not _is_folder(where):
            raise InputError(f"{error}; nor is {where!r} a table or a folder of logs") from None
        return _logs(where, keep)
    return sweep_of(read_sweep(path), where)


def sweep_of(view: SweepView, where: str, kind: Kind = "sweep", notes: Sequence[str] = ()) -> Source:
    """A sweep that was read."""
    try:
        points, problem = sweep_source(view), ""
    except InputError as error:
        points, problem = None, str(error).removeprefix(f"sweep {view.name}: ")
    return Source(view.name, where, kind, points, view, problem, tuple(notes))


def table_of(where: str, points: FitSource, name: str = "") -> Source:
    """A table that was read."""
    own = "standard input" if where == STDIN else Path(where).name
    return Source(name or own, where, "table", points, None)


def _logs_as_sweep(where: str, keep: Path) -> tuple[Path, tuple[str, ...]]:
    """Makes a sweep in `keep` of the logs of another trainer, and tells what is missing in them.

    Runs whose log does not say how they ended count as finished: nobody will tell later.

    Raises:
        InputError: no log of a run is found there.
    """
    from scaling_tui.imports.importing import Import, Request

    try:
        made = Import(Request([Path(where)], keep, finished=True))
    except InputError as error:
        raise InputError(str(error).removesuffix("; --format KIND forces one")) from None
    return made.path, (ASSUMED, *made.notes())


def with_own_names(sources: Sequence[Source]) -> list[Source]:
    """The sources, each with a name that no other has: its folder's before it, or a number behind it."""
    found: list[Source] = []
    for source in sources:
        taken, name = {other.name for other in found}, source.name
        if name in taken and (folder := Path(source.where).absolute().parent.name):
            name = f"{folder}/{name}"
        number = 2
        while name in taken:
            name, number = f"{source.name} ({number})", number + 1
        found.append(replace(source, name=name))
    return found


def _file(where: str, keep: Path, options: TableOptions) -> Source:
    """A table; else what it may be besides: a log of training."""
    try:
        return table_of(where, table_source(where, options))
    except InputError as error:
        if where == STDIN or options.given or not Path(where).is_file():
            raise
        try:
            logs = _logs(where, keep)
        except InputError:
            raise error from None
        return replace(logs, notes=(f"read as a training log; as a table of runs, {error}", *logs.notes))


def _logs(where: str, keep: Path) -> Source:
    path, notes = _logs_as_sweep(where, keep)
    found = sweep_of(read_sweep(path), where, "logs", notes)
    if not _has_curves(found):
        what = "a directory" if _is_folder(where) else "a file"
        raise InputError(f"{where}: {what} without a training log, want a sweep, a table of runs, or logs")
    return found


def _has_curves(source: Source) -> bool:
    """Whether any of its runs is more than a row: a table of runs that has a fault is no log."""
    runs = source.view.runs if source.view is not None else ()
    return any(len(steps := run.curve["step"]) > 1 and not np.isnan(steps).all() for run in runs)


def _is_folder(where: str) -> bool:
    try:
        return Path(where).is_dir()
    except (OSError, ValueError):
        return False
