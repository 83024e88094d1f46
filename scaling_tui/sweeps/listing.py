"""Lists sweeps without reading those that have not changed: what was read is kept in the user's cache folder.

The cache is never the truth. An entry counts only as long as times, sizes and inodes of everything that it was made of
are the same (`runs.stamp`); what trains, or changed a moment ago, is always read. The file may be deleted at any time,
and one that is damaged counts as none.
"""

import hashlib
import json
import math
import os
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaling_tui import InputError, __version__
from scaling_tui.runs.find import list_sweeps
from scaling_tui.runs.format import LOST_AFTER_S, Status, numbered
from scaling_tui.runs.stamp import Stamp, disk_bytes
from scaling_tui.sweeps.row import SweepRow
from scaling_tui.text.files import read_bytes

if TYPE_CHECKING:
    from scaling_tui.runs import SweepView

FORMAT = 1  # of the cache
MOST_CACHE_BYTES = 256 << 20
TURNS = 8  # polls in which each sweep at rest is looked at closely once
SAVED_EVERY_S = 5.0
PATIENCE_S = 0.3  # that a look of the app may take before what is known is shown


@dataclass(frozen=True)
class Listed:
    """The sweeps of a folder, the latest first.

    Args:
        rows: of those that have been read, if not this time, then as an earlier look found them.
        unread: names of those that are still to be read, for the first time or again.
        live: those of the rows that train, as they were read for them.
    """

    rows: tuple[SweepRow, ...]
    unread: tuple[str, ...]
    live: "Mapping[str, SweepView]"

    @property
    def unknown(self) -> tuple[str, ...]:
        """Names of those that have never been read."""
        known = {row.name for row in self.rows}
        return tuple(name for name in self.unread if name not in known)


@dataclass(frozen=True)
class _Kept:
    """A row with what tells whether it still holds. `exact` is whether it was made of every record."""

    stamp: Stamp
    exact: bool
    row: SweepRow
    folder: int = 0  # ctime of the sweep's folder at the last close look, ns; in memory alone


class Listing:
    """Lists the sweeps in `runs` again and again; of each only what has changed is read.

    Threads may share one. With `exact` every record of a sweep counts; else losses of long runs that recorded no
    held-out loss are those of their last records, and a large sweep is listed at once.
    """

    def __init__(self, runs: Path, exact: bool = False) -> None:
        self.runs, self._exact = runs, exact
        self._kept: dict[str, _Kept] | None = None
        self._found: dict[str, tuple[SweepRow, SweepView | None]] = {}  # by the last look that read or knew it
        self._behind: set[str] = set()  # what the last look did not come to, and the next one begins with
        self._lock = threading.Lock()
        self.latest: Listed | None = None  # what the last look of any thread found; it is there without waiting
        self._turn = 0
        self._dirty, self._saved = False, 0.0

    def poll(self, most_s: float = math.inf, close: bool = True) -> Listed:
        """The sweeps as they stand; beyond `most_s` seconds no further one than the first is read.

        Without a `close` look, a change inside a sweep at rest may take `TURNS` polls to show.

        Raises:
            InputError: the folder cannot be listed.
        """
        with self._lock:
            self.latest = self._poll(time.monotonic() + most_s, close)
            return self.latest

    def _poll(self, until: float, close: bool) -> Listed:
        paths = list_sweeps(self.runs)
        if self._kept is None:
            self._kept = _loaded(_cache_file(self.runs))
        kept = self._kept
        read = 0  # one at least, so that each look comes further
        self._turn = (self._turn + 1) % TURNS
        behind: set[str] = set()
        for place, path in sorted(enumerate(paths), key=lambda one: one[1].name not in self._behind):
            known, view = self._still(path, kept.get(path.name), close or place % TURNS == self._turn), None
            if known is None:
                if read and time.monotonic() > until:
                    behind.add(path.name)
                    continue
                known, view = self._read(path)
                read += 1
            self._found[path.name] = known.row, view
        self._behind = behind
        names = [path.name for path in paths]
        gone = kept.keys() - set(names)
        for name in gone:
            del kept[name]
        for name in self._found.keys() - set(names):
            del self._found[name]
        self._dirty = self._dirty or bool(gone)
        if self._dirty and (not behind or time.monotonic() - self._saved > SAVED_EVERY_S):
            _save(_cache_file(self.runs), kept)
            self._dirty, self._saved = False, time.monotonic()
        found = {name: self._found[name] for name in names if name in self._found}
        live = {name: view for name, (_, view) in found.items() if view is not None}
        return Listed(tuple(row for row, _ in found.values()), tuple(name for name in names if name in behind), live)

    def _still(self, path: Path, known: _Kept | None, close: bool) -> _Kept | None:
        """What is known of a sweep, if it still holds."""
        if known is None or (self._exact and not known.exact):
            return None
        folder = _ctime(path)
        if not close and known.folder and folder == known.folder:
            return known
        if Stamp.again(path, known.stamp.supervisors, known.stamp.runs).digest != known.stamp.digest:
            return None
        if known.folder != folder and self._kept is not None:
            known = self._kept[path.name] = _Kept(known.stamp, known.exact, known.row, folder)
        return known

    def _read(self, path: Path) -> "tuple[_Kept, SweepView | None]":
        """Reads a sweep and keeps its row if nothing but a change on disk can change it; with its view if it trains."""
        from scaling_tui.runs.glance import LAST_BYTES, decided, glance
        from scaling_tui.runs.reader import SweepReader
        from scaling_tui.sweeps.summary import row_of

        assert self._kept is not None
        stamp, view = Stamp.of(path), None  # before it is read: a change meanwhile makes the stamp another one
        exact = self._exact or stamp.records <= LAST_BYTES
        try:
            view = decided(SweepReader(path)) if self._exact else glance(path)
            row = row_of(view, stamp.active, disk_bytes(path))
            at_rest = stamp.has_settled and is_at_rest(view)
        except InputError as error:
            row, at_rest = SweepRow(path.name, str(path), broken=str(error)), False
        except OSError as error:
            row, at_rest = SweepRow(path.name, str(path), broken=f"sweep {path}: {error.strerror or error}"), False
        kept = _Kept(stamp, exact, row)
        if at_rest:
            self._kept[path.name], self._dirty = kept, True
        elif self._kept.pop(path.name, None):
            self._dirty = True
        return kept, view if view is not None and view.trains else None


def rows_of(runs: Path, exact: bool = False) -> Sequence[SweepRow]:
    """Every sweep in `runs`, the latest first.

    Raises:
        InputError: the folder cannot be listed.
    """
    return Listing(runs, exact).poll().rows


def is_at_rest(view: "SweepView") -> bool:
    """Whether the states of a sweep stay as they are until a file changes, on this host.

    What trains does not, nor what may only have a wrong clock, nor what counts as lost because its last heartbeat is
    too old or lies ahead, where that was but a moment ago.
    """
    if view.trains or view.undecided:
        return False
    folders = [numbered(view.path, "supervisor")]
    folders += [numbered(run.path, "attempt") for run in view.runs if run.state == "lost"]
    for claimed in folders:
        status = Status.read(claimed[-1][1] / "status.json") if claimed else None
        if status is None or status.state != "running" or status.is_here:
            continue
        if not time.time() - status.heartbeat > LOST_AFTER_S:
            return False
    return True


def _ctime(path: Path) -> int:
    try:
        return os.stat(path).st_ctime_ns  # noqa: PTH116 - of a thousand, once a second
    except OSError:
        return 0


def _cache_file(runs: Path) -> Path:
    """Of one folder of sweeps, this version and this host: the process table of another tells other states."""
    from platformdirs import user_cache_path

    named = json.dumps([FORMAT, __version__, socket.gethostname(), str(runs.resolve())])
    key = hashlib.blake2b(named.encode(errors="surrogatepass"), digest_size=12).hexdigest()
    return user_cache_path("scaling-tui", appauthor=False) / "sweeps" / f"{key}.json"


def _loaded(path: Path) -> dict[str, _Kept]:
    """What an earlier process kept; nothing where the file is not as it was written."""
    try:
        digest, _, text = read_bytes(path, MOST_CACHE_BYTES).partition(b"\n")
        if _digest(text) != digest:
            return {}
        return {name: _kept(entry) for name, entry in json.loads(text).items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def _kept(entry: Any) -> _Kept:
    supervisors, runs, digest, records, exact, row = entry
    return _Kept(Stamp(supervisors, runs, digest, 0, records, None), exact, SweepRow.of_json(row))


def _save(path: Path, kept: Mapping[str, _Kept]) -> None:
    """Replaces the file; where that fails, the sweeps are read again next time."""
    entries = {
        name: [one.stamp.supervisors, one.stamp.runs, one.stamp.digest, one.stamp.records, one.exact, one.row.as_json()]
        for name, one in kept.items()
    }
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        text = json.dumps(entries, separators=(",", ":")).encode()
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(_digest(text) + b"\n" + text)
        temporary.replace(path)
    except (OSError, ValueError):
        with suppress(OSError):
            temporary.unlink()


def _digest(text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=16).hexdigest().encode()
