"""Which kind of log a file or folder is, by its content; and the sources of everything below a path."""

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scaling_tui import InputError
from scaling_tui.imports import llmc, nanochat, nanogpt, tensorboard, trainer_state, wandb_offline
from scaling_tui.imports.lines import Dialect, LineLog
from scaling_tui.imports.metrics import fact_of, metric_of
from scaling_tui.imports.source import Source
from scaling_tui.imports.tables import DELIMITERS, LOSSES, CsvHistory, JsonHistory, flat, is_name
from scaling_tui.imports.tail import head_of, text_of
from scaling_tui.text.files import opened
from scaling_tui.text.suggest import did_you_mean

Make = Callable[[Path, str, Mapping[str, str]], Source]
MOST_FILES = 100_000  # looked at below one path
_DULL = re.compile(
    r"(main|log|logs|out|output|stdout|stderr|train|training|metrics|history|results?|run|events?)\W*\d*", re.I
)

_NO_LOGS = ("wandb-summary.json", "run.json")  # one object of last values, or of a configuration


@dataclass(frozen=True)
class Kind:
    """A kind of log.

    Args:
        name: as `--format` takes it.
        make: makes the source of a path, given the run's name and the columns.
        of_folder: whether a folder is a run, rather than each of its files.
        may_get_runs: whether a file may hold several runs.
    """

    name: str
    make: Make
    of_folder: bool = False
    may_get_runs: bool = False


def _lines(dialect: Dialect) -> Make:
    return lambda path, run, _: LineLog(path, dialect, run)


DIALECTS = (nanogpt.DIALECT, llmc.DIALECT, nanochat.DIALECT)
LINES = {dialect.name for dialect in DIALECTS}
KINDS = {
    kind.name: kind
    for kind in (
        Kind("csv", CsvHistory, may_get_runs=True),
        Kind("jsonl", JsonHistory, may_get_runs=True),
        Kind("tensorboard", tensorboard.EventFolder, of_folder=True),
        Kind("trainer-state", trainer_state.TrainerState, of_folder=True),
        *(Kind(dialect.name, _lines(dialect)) for dialect in DIALECTS),
        Kind("wandb", wandb_offline.OfflineRun),
    )
}


def kind_of(path: Path, columns: Collection[str] = ()) -> str | None:
    """The kind of the file at `path`; None where it is none that is known. A table of `columns` is one."""
    head = head_of(path)
    if head.startswith(wandb_offline.SIGN):
        return "wandb"
    if tensorboard.SIGN in head[:64]:
        return "tensorboard"
    text = text_of(head)
    begin = text.lstrip()[:1]
    if begin == "{":
        if path.name == trainer_state.FILE or ('"log_history"' in text and '"global_step"' in text):
            return "trainer-state"
        names = _keys(text)
        return "jsonl" if any(metric_of(name) in LOSSES or name in columns for name in names) else None
    signs = {dialect.name: dialect.signs(text) for dialect in DIALECTS}
    best = max(signs, key=lambda name: signs[name])
    if signs[best]:
        return best
    return "csv" if _is_table(text, columns) else None


def _keys(text: str) -> list[str]:
    """The keys of JSON lines; nothing of any other text."""
    import json

    keys: dict[str, None] = {}
    for line in text.split("\n")[:50]:
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            keys.update(dict.fromkeys(flat(found)))
    return list(keys)


def _header(text: str) -> list[str]:
    """The names in the header of a table; nothing of any other text."""
    lines = [line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")]
    if len(lines) < 2:
        return []
    delimiter = max(DELIMITERS, key=lines[0].count)
    names = [name.strip().strip('"') for name in lines[0].split(delimiter)]
    return names if len(names) > 1 and lines[1].count(delimiter) == lines[0].count(delimiter) else []


def _is_table(text: str, columns: Collection[str]) -> bool:
    """Whether the first line is a header with a loss and something that places it, or with one of `columns`."""
    names = _header(text)
    if any(name in columns for name in names):
        return True
    metrics = {metric_of(name.rpartition(" - ")[2]) for name in names}
    return bool(metrics & LOSSES) and bool(metrics & {"step", "epoch", "tokens"} or any(map(fact_of, names)))


class _NothingKnownError(InputError):
    """No log, or none yet."""


class Finder:
    """The sources at some paths; asked again, also those that came since.

    Args:
        paths: files and folders.
        kind: to read everything as; None to recognise it.
        columns: of `--columns`.
    """

    def __init__(self, paths: Sequence[Path], kind: str | None, columns: Mapping[str, str]) -> None:
        if kind is not None and kind not in KINDS:
            raise InputError(f"--format: {kind!r} is not known; {did_you_mean(kind, list(KINDS))}")
        self._paths, self._kind, self._columns = paths, kind, columns
        self._known: dict[Path, str] = {}
        self._unknown: dict[Path, int] = {}  # files that were none, by their size then
        self.waits_for: list[str] = []

    def new(self, patient: bool) -> list[tuple[str, Source]]:
        """Sources that were not there the last time, each with its kind.

        Args:
            patient: whether to wait for what holds no log yet, and to say so in `waits_for`.

        Raises:
            InputError: a path holds nothing that is known, and `patient` is false; or several kinds of log.
        """
        made = []
        self.waits_for = []
        for path in self._paths:
            try:
                found = self._in_folder(path) if path.is_dir() else self._in_file(path)
            except _NothingKnownError as error:
                if not patient:
                    raise InputError(str(error)) from None
                self.waits_for.append(str(error))
                continue
            names = run_names(path, [source for source, _ in found])
            for (source, kind), name in zip(found, names, strict=True):
                if source not in self._known:
                    self._known[source] = kind
                    made.append((kind, KINDS[kind].make(source, name, self._columns)))
        kinds = set(self._known.values())
        if self._columns and kinds and all(kind in LINES for kind in kinds):
            raise InputError(f"--columns: found with a log of {', '.join(sorted(kinds))}, which has no columns to name")
        return made

    def _in_file(self, path: Path) -> list[tuple[Path, str]]:
        if path in self._known:
            return [(path, self._known[path])]
        if not path.exists():
            raise _NothingKnownError(f"{path}: no such file, want a log or a folder of logs")
        try:
            with opened(path):
                pass
        except OSError as error:
            raise InputError(f"{path}: {error.strerror or error}, want a log or a folder of logs") from None
        kind = self._kind or kind_of(path, self._columns.values())
        if kind is None:
            raise _NothingKnownError(f"{path}: {_why_unknown(path)}")
        return [(path, kind)]

    def _in_folder(self, folder: Path) -> list[tuple[Path, str]]:
        by_kind: dict[str, list[Path]] = {}
        looked_at = 0
        for path in _files_below(folder):
            looked_at += 1
            kind = self._kind_in_folder(path)
            if kind is not None:
                by_kind.setdefault(kind, []).append(_unit(path, kind))
        if not by_kind and not any(_is_below(path, folder) for path in self._known):
            raise _NothingKnownError(f"{folder}: {looked_at:,} files, none of them {WANTED}; --format KIND forces one")
        if len(by_kind) > 1:
            counts = ", ".join(f"{kind} ({len(dict.fromkeys(paths))})" for kind, paths in sorted(by_kind.items()))
            raise InputError(f"{folder}: found {counts}; several kinds may log one run, want one in --format KIND")
        return [(path, kind) for kind, paths in by_kind.items() for path in dict.fromkeys(paths)]

    def _kind_in_folder(self, path: Path) -> str | None:
        unit_kinds = (self._known.get(path), self._known.get(path.parent))
        if path in self._known:
            return unit_kinds[0]
        try:
            size = path.stat().st_size
        except OSError:
            return None
        if self._unknown.get(path) == size:
            return None
        kind = None if path.name in _NO_LOGS else kind_of(path, self._columns.values())
        if self._kind is not None and kind != self._kind:
            kind = None
        if kind is None:
            self._unknown[path] = size
        return kind


def _files_below(folder: Path) -> Iterator[Path]:
    """Regular files below a folder in the order of their names, hidden ones left out, links to folders not followed."""
    count = 0
    for base, folders, files in os.walk(folder, onerror=_raise):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(base, name)
            if name.startswith(".") or not path.is_file():
                continue
            count += 1
            if count > MOST_FILES:
                raise InputError(f"{folder}: more than {MOST_FILES:,} files, want a folder of logs")
            yield path


def _raise(error: OSError) -> None:
    raise InputError(f"{error.filename}: {error.strerror or error}")


def _unit(path: Path, kind: str) -> Path:
    """What is one run: the file, or the folder of event files, or that of checkpoints."""
    if not KINDS[kind].of_folder:
        return path
    folder = path.parent
    if kind == "trainer-state" and re.fullmatch(r"checkpoint-\d+", folder.name):
        return folder.parent
    return folder


def _is_below(path: Path, folder: Path) -> bool:
    return path == folder or folder in path.parents


WANTED = (
    "CSV or JSON lines with a loss, TensorBoard's event files, a trainer_state.json, "
    f"a log of {', '.join(dialect.program for dialect in DIALECTS[:-1])} or {DIALECTS[-1].program}, or a .wandb file"
)


def _why_unknown(path: Path) -> str:
    """What is missing in a file of no known kind: of a table, the name of its loss."""
    text = text_of(head_of(path))
    names = _keys(text) if text.lstrip()[:1] == "{" else _header(text)
    if len(names) > 1 and all(map(is_name, names)):
        shown = ", ".join(names[:12]) + (" …" if len(names) > 12 else "")
        lacks = "no column of a step" if any(metric_of(name) in LOSSES for name in names) else "no column of a loss"
        return f"{lacks}, found {shown}; want --columns {lacks.rpartition(' ')[2]}=NAME"
    return f"found {_described(path)}, want {WANTED}; --format KIND forces one"


def _described(path: Path) -> str:
    """The beginning of a file that nobody knows."""
    text = text_of(head_of(path, 4096))
    first = next((line.strip() for line in text.split("\n") if line.strip()), "")
    if not first:
        return "nothing" if not head_of(path, 16) else "bytes that are no text"
    return f"{first[:60]!r}{'…' if len(first) > 60 else ''}"


def run_names(path: Path, sources: Sequence[Path]) -> list[str]:
    """A name for the run of each source: its place below `path`, without what all have in common or says nothing."""
    if not sources:
        return []
    if not path.is_dir():
        return [_stem(path)]
    parts = []
    for source in sources:
        below = list(source.relative_to(path).parts)
        if below and not source.is_dir():
            below[-1] = _without_ending(below[-1])
        parts.append(below)
    if len({tuple(below[-1:]) for below in parts}) == 1 and all(len(below) > 1 for below in parts):
        parts = [below[:-1] for below in parts]  # each is the main.log of its folder
    return ["-".join(below) or Path(os.path.realpath(path)).name for below in parts]


def _stem(path: Path) -> str:
    """The name of a file without its ending, or that of its folder where the file is a `main.log`."""
    stem, folder = _without_ending(path.name), Path(os.path.realpath(path)).parent  # a loop of links has one too
    if path.name == trainer_state.FILE and re.fullmatch(r"checkpoint-\d+", folder.name):
        folder = folder.parent
    dull = _DULL.fullmatch(stem) or path.name == trainer_state.FILE or "tfevents" in path.name
    return folder.name if dull and folder.name else stem


def _without_ending(name: str) -> str:
    stem = name.removesuffix(".gz")
    return re.sub(r"\.(log|txt|out|csv|tsv|jsonl|json|wandb|ndjson)$", "", stem) or name
