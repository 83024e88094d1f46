"""The dialog that opens a file: reads what was typed, and offers the names that a path can go on with."""

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from scaling_tui import InputError
from scaling_tui.laws.fitting.tables import TableOptions
from scaling_tui.report.comparison.sources import Source, open_source
from scaling_tui.report.fit import FitSource, table_source
from scaling_tui.tables.read import SUFFIXES
from scaling_tui.tables.source import STDIN
from scaling_tui.text import show
from scaling_tui.text.suggest import did_you_mean

OPTIONS = ("--columns", "--best-of", "--points", "--where")
MOST_NAMES = 200
_ENDINGS = (*SUFFIXES, ".log", ".out", ".wandb")  # of tables, and of what trainers log to
_MOST_SEEN = 5_000  # names of a folder that are looked at


@dataclass(frozen=True, eq=False)
class OpenedTable:
    """A table that the screens Law and Plan show; every point has a label of its own. `path` is where it lies.

    Equal to itself only: the same file opened again may be another table.
    """

    name: str
    source: FitSource
    path: str = ""

    @property
    def about(self) -> tuple[str, str]:
        """What it is and how large, for a list."""
        return "table", show.counted(len(self.source.points), "point")


@dataclass(frozen=True)
class OpenedSweep:
    """A sweep that lies elsewhere than the others, or logs that were read as one: every screen shows it by its path.

    `where` is what was opened, `notes` what is missing in it.
    """

    name: str
    path: str
    where: str
    kind: str
    runs: int
    notes: tuple[str, ...] = ()

    @property
    def about(self) -> tuple[str, str]:
        """What it is and how large, for a list."""
        return self.kind, show.counted(self.runs, "run")


Opened = OpenedTable | OpenedSweep


def read_options(text: str) -> TableOptions:
    """Options typed as those of the command `fit`: `--columns loss=val_loss --best-of lr`.

    Raises:
        InputError: an option that there is not, or one without a value.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise InputError(f"options: {str(error).lower()}, want quotes in pairs") from None
    words = [part for word in words for part in (word.split("=", 1) if word.startswith(OPTIONS) else [word])]
    given: dict[str, list[str]] = {}
    for name, value in zip(words[::2], [*words[1::2], None], strict=False):
        if name not in OPTIONS:
            raise InputError(f"options: found {name[:40]!r}, {did_you_mean(name, OPTIONS)}")
        if value is None:
            raise InputError(f"options: {name} has no value")
        given.setdefault(name, []).append(value)
    last = {name: values[-1] for name, values in given.items()}
    return TableOptions.of(last.get("--columns"), last.get("--points"), last.get("--best-of"), given.get("--where", ()))


def open_table(path: str, options: str) -> OpenedTable:
    """The table at `path`, read with `options`.

    Raises:
        InputError: it cannot be read, or an option is invalid.
    """
    if path == STDIN:
        raise InputError("-: the app has the keyboard on standard input, want a path")
    file = _expanded(path)
    return _labelled(file.name, table_source(str(file), read_options(options)), file)


def open_file(path: str, options: str, keep: Path) -> Opened:
    """What lies at `path`: a table, the folder of a sweep, or logs of another trainer, read as a sweep in `keep`.

    Raises:
        InputError: it is none of these or cannot be read; or an option is invalid, or is given and it is no table.
    """
    given = read_options(options)
    file = _expanded(path)
    if path == STDIN or not os.path.lexists(file):
        return open_table(path, options)
    # An absolute path is the name of no sweep.
    source = open_source(str(file.absolute()), file.parent, keep, given)
    if source.kind == "table" and source.points is not None:
        return _labelled(file.name, source.points, file)
    if given.given:
        raise InputError(f"options: {given.given} is for tables, and {file.name} is not one")
    return _opened_sweep(source)


def _opened_sweep(source: Source) -> OpenedSweep:
    assert source.view is not None
    path = str(source.view.path.absolute())
    kind = "sweep" if source.kind == "sweep" else "logs"
    return OpenedSweep(source.name, path, source.where, kind, len(source.view.runs), source.notes)


def _labelled(name: str, source: FitSource, file: Path) -> OpenedTable:
    points = source.points
    labels = points.labels or tuple(f"point {i}" for i in range(1, len(points) + 1))
    if len(set(labels)) < len(labels):
        labels = tuple(f"{label} ({i})" for i, label in enumerate(labels, 1))
    return OpenedTable(name, replace(source, points=replace(points, labels=labels)), str(file.absolute()))


def completions(path: str) -> Sequence[str]:
    """Paths that begin as `path` does: folders, which end in a slash, and files that may be tables or logs."""
    folder, _, start = path.rpartition("/")
    try:
        there = _expanded(f"{folder}/" if "/" in path else ".")
        found = []
        for entry in islice(there.iterdir(), _MOST_SEEN):
            hidden = entry.name.startswith(".") and not start.startswith(".")
            if entry.name.startswith(start) and not hidden:
                if entry.is_dir():
                    found.append(f"{entry.name}/")
                elif entry.name.endswith(_ENDINGS) or "tfevents" in entry.name:
                    found.append(entry.name)
    except (OSError, ValueError, RuntimeError):
        return ()
    prefix = f"{folder}/" if "/" in path else ""
    return [prefix + name for name in sorted(found)[:MOST_NAMES]]


def _expanded(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:  # ~nobody
        return Path(path)
