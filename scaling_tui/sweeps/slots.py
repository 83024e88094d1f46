"""Slots: the shares of this machine's devices that are trained on, one worker at a time, whoever's sweep it is.

A slot is taken with `flock` on a file that every user of the machine can open. The worker inherits the lock, so the
slot is held as long as a process that trains in it lives, and is free in the instant it dies; nothing has to be
cleaned up. Who holds a slot is written in its file, to be shown to those who wait.

Nothing in the folder is trusted. A lock counts only where its file names a live process of this program; what is no
plain file, cannot be opened, or is locked by nobody who says so, stops nobody.
"""

import json
import os
import stat
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scaling_tui.runs.format import incarnation_of, process_is
from scaling_tui.text import show
from scaling_tui.text.visible import visible

try:
    import fcntl
except ImportError:  # not a POSIX system: every slot is free there
    fcntl = None  # type: ignore[assignment]

# Not the folder of $TMPDIR, which differs between the users and jobs of one machine.
SHARED = "/tmp/scaling-tui-slots"
MOST_BYTES = 4096
UNNAMED_S = 10.0  # how long a lock counts whose file names no live process: its holder may be about to write
MOST_SHARES = 64  # of a GPU, by --per-gpu
NAMED = 3  # slots named of one holder; the rest are counted


@dataclass(frozen=True)
class Place:
    """A share of a device.

    Args:
        device: as torch calls it, such as cuda:1.
        name: as people read it, such as "cpu 3" or "cuda 1".
        locks: the names of the files to lock, and whether others may hold the same lock. A GPU that several runs share
            is locked by each of them as shared, and by a run that wants it alone not.
        runs: how many workers of one sweep may use it at once.
    """

    device: str
    name: str
    locks: tuple[tuple[str, bool], ...] = ()
    runs: int = 1


@dataclass(frozen=True)
class Holder:
    """Who trains in a slot, by its file: the name of the sweep and the pid of the worker."""

    sweep: str
    pid: int


@dataclass
class Slot:
    """A place that is taken for as long as a process holds one of `descriptors`."""

    place: Place
    descriptors: list[int] = field(default_factory=list)

    def name_holder(self, sweep: str, pid: int) -> None:
        """Writes for those who wait that process `pid` trains for `sweep` here."""
        try:
            holder = _process(pid)
        except ProcessLookupError:
            return
        line = json.dumps({"sweep": sweep[:100], **holder}).encode()
        for descriptor, (_, shared) in zip(self.descriptors, self.place.locks, strict=False):
            if not shared:
                with suppress(OSError):  # a full disk: others see a lock without a name
                    os.ftruncate(descriptor, 0)
                    os.pwrite(descriptor, line, 0)

    def release(self) -> None:
        """Gives up this process's hold; the slot stays taken while a worker that inherited it lives."""
        for descriptor in self.descriptors:
            os.close(descriptor)
        self.descriptors = []


def _process(pid: int) -> dict[str, Any]:
    import psutil

    try:
        return {"pid": pid, "started": psutil.Process(pid).create_time(), "incarnation": incarnation_of(pid)}
    except psutil.Error as error:
        raise ProcessLookupError(pid) from error


class Slots:
    """The slots of this machine, in `$SCALING_TUI_SLOTS` or a folder of all its users.

    Without `make`, to look only: where there is no such folder there are no holders.
    """

    def __init__(self, folder: Path | None = None, make: bool = True) -> None:
        self._folder = _open_folder(folder, make)
        self._unnamed_since: dict[str, float] = {}

    def close(self) -> None:
        if self._folder is not None:
            os.close(self._folder)
            self._folder = None

    def take(self, place: Place) -> Slot | None:
        """Takes `place`; None where another process has it."""
        slot = Slot(place)
        for name, shared in place.locks:
            if self._folder is None or (descriptor := self._open(name)) is None:
                continue
            if self._lock(descriptor, name, shared):
                slot.descriptors.append(descriptor)
                continue
            os.close(descriptor)
            if not self._counts(name):
                continue
            slot.release()
            return None
        return slot

    def _lock(self, descriptor: int, name: str, shared: bool) -> bool:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # the file system has no locks: the slot is free
            pass
        self._unnamed_since.pop(name, None)
        return True

    def _counts(self, name: str) -> bool:
        """Whether a lock that another process has on the file `name` stops us."""
        if self._holders_of(name):
            self._unnamed_since.pop(name, None)
            return True
        return time.monotonic() - self._unnamed_since.setdefault(name, time.monotonic()) < UNNAMED_S

    def _holders_of(self, name: str) -> list[Holder]:
        """By its own file, and where runs share a GPU by those of its shares."""
        assert self._folder is not None
        shares: list[str] = []
        with suppress(OSError), os.scandir(self._folder) as entries:
            shares = sorted(entry.name for entry in entries if entry.name.startswith(f"{name}."))[:MOST_SHARES]
        return [holder for each in (name, *shares) if (holder := self._holder(each))]

    def holders(self, places: Iterable[Place]) -> dict[Holder, list[str]]:
        """Who holds which of `places`, by what they wrote; nobody is named who is not alive."""
        found: dict[Holder, list[str]] = {}
        if self._folder is not None:
            for place in places:
                for name in dict.fromkeys(name for name, _ in place.locks):
                    for holder in self._holders_of(name):
                        names = found.setdefault(holder, [])
                        names += [place.name] if place.name not in names else []
        return found

    def _open(self, name: str, make: bool = True) -> int | None:
        """Opens a lock's file, and makes it where it is missing; None where what lies there is no lock."""
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
        try:
            try:
                descriptor = os.open(name, flags, dir_fd=self._folder)
            except FileNotFoundError:
                if not make:
                    return None
                descriptor = os.open(name, flags | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=self._folder)
                os.fchmod(descriptor, 0o666)  # whatever the umask
        except OSError:
            return None
        found = os.fstat(descriptor)
        # A second name could be that of a file of our own, into which somebody wants us to write.
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            os.close(descriptor)
            return None
        return descriptor

    def _holder(self, name: str) -> Holder | None:
        descriptor = self._open(name, make=False)
        if descriptor is None:
            return None
        try:
            document = json.loads(os.pread(descriptor, MOST_BYTES, 0))
            pid, started, incarnation = document["pid"], document["started"], document["incarnation"]
            if not (type(pid) is int and type(started) is float and type(incarnation) is str):
                return None
            alive = process_is(pid, started, incarnation) and _is_ours(pid)
            return Holder(visible(str(document["sweep"])[:100].replace("\n", " ")), pid) if alive else None
        except (OSError, ValueError, KeyError, TypeError, RecursionError, OverflowError):
            return None
        finally:
            os.close(descriptor)


def _is_ours(pid: int) -> bool:
    """Whether a process is of this program; where the system does not tell, it counts as one."""
    import psutil

    try:
        return any("scaling_tui" in word for word in psutil.Process(pid).cmdline())
    except psutil.AccessDenied:
        return True
    except psutil.Error:
        return False


def _open_folder(folder: Path | None, make: bool) -> int | None:
    """The folder of the locks: all users' own, else one of this user, else none, and nothing is shared."""
    if fcntl is None:
        return None
    own = folder or (Path(named) if (named := os.environ.get("SCALING_TUI_SLOTS")) else None)
    if own is not None:
        if make:
            with suppress(OSError):
                own.mkdir(parents=True, exist_ok=True)
        candidates = [(str(own), False)]
    else:
        candidates = [(SHARED, True), (f"{SHARED}-{os.getuid()}", False)]
    for path, everyones in candidates:
        made = make
        try:
            if make:
                os.mkdir(path, 0o700)  # noqa: PTH102
        except OSError:
            made = False
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue
        if made and everyones:
            os.fchmod(descriptor, 0o1777)  # as /tmp: everyone may add files, nobody remove those of others
        usable = os.access(path, os.W_OK | os.X_OK)
        if usable and (everyones or own is not None or os.fstat(descriptor).st_uid == os.getuid()):
            return descriptor
        os.close(descriptor)
    return None


def told(holders: dict[Holder, list[str]]) -> str:
    """Who holds what, in words: `quickstart-2 (pid 4711) holds cpu 0, cpu 1`."""
    sweeps: dict[str, tuple[list[int], list[str]]] = {}
    for holder, names in holders.items():
        pids, places = sweeps.setdefault(holder.sweep, ([], []))
        pids.append(holder.pid)
        places += [name for name in names if name not in places]
    parts = [
        f"{sweep} (pid {show.listed(list(map(str, dict.fromkeys(pids))), NAMED)}) holds {show.listed(places, NAMED)}"
        for sweep, (pids, places) in sweeps.items()
    ]
    return "; ".join(parts) or "another process holds it"
