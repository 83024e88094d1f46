"""An import from its first look at the paths to the end of following them."""

import os
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scaling_tui import InputError
from scaling_tui.imports.folder import SweepFolder, imported_of, remembered
from scaling_tui.imports.given import Given, beside
from scaling_tui.imports.names import folder_name
from scaling_tui.imports.recognise import KINDS, Finder, run_names
from scaling_tui.imports.source import Source
from scaling_tui.runs.format import FORMAT, Status, is_running, numbered, safe_name, write_json
from scaling_tui.runs.requests import latest_recorded_request

RESCAN_S = 2.0  # between looks for new files


@dataclass(frozen=True)
class Request:
    """What somebody asked to import.

    Args:
        paths: logs, and folders of logs.
        runs: the folder of all sweeps.
        name: of the sweep; None takes one from the paths.
        kind: to read everything as; None to recognise it.
        given: columns, facts and bytes per token; what is not given is as at the import before.
        finished: whether runs whose log does not say how they ended have finished.
        follow: whether the logs may grow, so that what has no end yet is running.
    """

    paths: Sequence[Path]
    runs: Path
    name: str | None = None
    kind: str | None = None
    given: Given = field(default_factory=Given)
    finished: bool = False
    follow: bool = False


class Import:
    """One import. `path` is the sweep's folder, `added` counts the records that it wrote."""

    def __init__(self, request: Request) -> None:
        """Reads all that is there and makes the sweep, or brings it up to date.

        Raises:
            InputError: nothing that is known, ambiguous content, a name that is taken, or a log that is another now.
        """
        self._request = request
        self._paths = [path.absolute() for path in request.paths]
        self.path, self.is_update = _target(request.runs, request.name, self._paths)
        before = imported_of(self.path / "sweep.json") if self.is_update else {}
        self._given = request.given.over(Given.from_json(before.get("given")))
        self._finder = Finder(self._paths, request.kind, self._given.columns)
        self._sources: list[tuple[str, Source]] = []
        self._beside: dict[Path, Mapping[str, float | str]] = {}
        self._looked = float("-inf")
        with _staged(request.runs, self.path.name) as staging:
            self.folder = SweepFolder(
                staging,
                self._given,
                request.finished,
                remembered(self.path) if self.is_update else {},
            )
            read = self._read(last=not request.follow)
            if not any(run.records for run in self.folder.runs.values()) and not request.follow:
                raise InputError(f"{', '.join(map(str, request.paths))}: no record of a run found; {self._left_out()}")
            self.folder.sort()
            if self.is_update:
                self.added = self.folder.merge_into(self.path)
                write_json(self.path / "sweep.json", self._document(_created(self.path)))
            else:
                self.folder.settle(request.follow)
                self._publish(staging)
                self.added = read
        self.folder.settle(request.follow)
        self._requests = self._last_request()

    def _last_request(self) -> int:
        found = latest_recorded_request(self.path)
        return found.number if found is not None and found.request == "stop" else 0

    @property
    def is_asked_to_stop(self) -> bool:
        """Whether somebody asked the sweep to stop since."""
        return self._last_request() > self._requests

    def poll(self) -> int:
        """Reads what was written since the last time; returns the number of new records.

        Raises:
            InputError: a log can no longer be read.
        """
        added = self._read(last=False)
        self.folder.settle(following=True)
        self.added += added
        return added

    def end(self, reason: str) -> None:
        """Ends the runs that are still running as stopped, with a reason: nobody reads their logs any more."""
        self.folder.stop(reason)

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to come: all logs are files of one run, and each says how it ended."""
        if any(path.is_dir() for path in self._paths) or any(KINDS[kind].may_get_runs for kind in self.kinds()):
            return False
        ended = [self.folder.has_ended(run) for run in self.folder.runs.values()]
        return bool(ended) and all(ended)

    def notes(self) -> list[str]:
        """What was computed, what is missing and what was left out: sentences for the user."""
        left_out = [note for _, source in self._sources for note in source.left_out()]
        return [*self.folder.notes(), *(f"left out: {note}" for note in left_out)]

    def waits_for(self) -> list[str]:
        """What is followed and holds no log yet: a sentence for each path."""
        return self._finder.waits_for

    def kinds(self) -> list[str]:
        return sorted({kind for kind, _ in self._sources})

    def _read(self, last: bool) -> int:
        if time.monotonic() - self._looked >= RESCAN_S:
            self._sources += self._finder.new(patient=self._request.follow)
            self._looked = time.monotonic()
        added = 0
        for kind, source in self._sources:
            if source.path not in self._beside:
                self._beside[source.path] = beside(source.path)
            for news in source.poll(last):
                added += self.folder.take(kind, news, self._beside[source.path], _touched(source.path))
        return added

    def _left_out(self) -> str:
        return "; ".join(note for _, source in self._sources for note in source.left_out()) or "want records of a loss"

    def _document(self, created: float) -> dict[str, Any]:
        shown = ", ".join(map(str, self._request.paths[:3])) + (" …" if len(self._request.paths) > 3 else "")
        return {
            "format": FORMAT,
            "name": self.path.name,
            "created": created,
            "summary": f"imported from {shown}",
            "imported": {"paths": sorted(map(str, self._paths)), "given": self._given.as_json()},
        }

    def _publish(self, staging: Path) -> None:
        """Gives the sweep its name; where somebody took it meanwhile, the next free one."""
        runs, wanted, number = self._request.runs, self.path.name, 1
        while True:
            write_json(staging / "sweep.json", self._document(time.time()))
            try:
                if not self.path.exists():
                    staging.rename(self.path)
                    break
            except OSError as error:
                if not self.path.exists():
                    raise InputError(f"runs folder {runs}: cannot be written to ({error.strerror})") from error
            if self._request.name is not None:
                raise InputError(f"sweep {wanted}: exists already, want another --name")
            number += 1
            self.path = runs / f"{wanted}-{number}"
        self.folder.path = self.path


def _target(runs: Path, name: str | None, paths: Sequence[Path]) -> tuple[Path, bool]:
    """The folder of the sweep, and whether it is an import of the same paths already.

    Raises:
        InputError: the name is unusable, or of something else; or it is being followed.
    """
    sources = sorted(map(str, paths))
    stem = safe_name(name) if name is not None else folder_name(run_names(paths[0], [paths[0]])[0], ())
    number = 1
    while True:
        path = runs / (stem if number == 1 else f"{stem}-{number}")
        if not os.path.lexists(path):
            return path, False
        imported = imported_of(path / "sweep.json")
        if imported.get("paths") == sources:
            _refuse_live(path)
            return path, True
        if name is not None:
            what = (
                f"an import of {', '.join(map(str, imported['paths'][:2]))}" if imported.get("paths") else "no import"
            )
            raise InputError(f"sweep {name}: exists already and is {what}, want another --name")
        number += 1


def _refuse_live(path: Path) -> None:
    for run in path.glob("*/run.json"):
        attempts = numbered(run.parent, "attempt")
        if attempts and is_running(attempts[-1][1]):
            status = Status.read(attempts[-1][1] / "status.json")
            who = f"process {status.pid} on {status.host}" if status is not None else "another process"
            raise InputError(f"sweep {path.name}: {who} is following its logs, want to end that first")


def _created(sweep: Path) -> float:
    from scaling_tui.runs.format import read_json

    document = read_json(sweep / "sweep.json")
    created = document.get("created") if isinstance(document, dict) else None
    return float(created) if isinstance(created, int | float) else time.time()


def _touched(path: Path) -> float:
    """When a log was last written, Unix s: of a folder, the latest of what lies in it."""
    try:
        stats = [path.stat()]
        if path.is_dir():
            stats += [entry.stat() for entry in os.scandir(path)]
        return max(stat.st_mtime for stat in stats)
    except OSError:
        return 0.0


@contextmanager
def _staged(runs: Path, name: str) -> Iterator[Path]:
    """A hidden folder beside the sweeps, which goes where it did not become one of them.

    Raises:
        InputError: the folder of sweeps cannot be written to.
    """
    staging = runs / f".{name[:50]}.{uuid.uuid4().hex}"
    made = [folder for folder in (runs, *runs.parents) if not folder.exists()]
    try:
        runs.mkdir(parents=True, exist_ok=True)
        staging.mkdir()
    except OSError as error:
        raise InputError(f"runs folder {runs}: cannot be written to ({error.strerror})") from error
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        for folder in made:
            try:
                folder.rmdir()
            except OSError:
                break
