"""Whether the writers of a sweep are alive, as far as a reader on another host can tell.

On their own host the process table tells (`Status.derived`). Elsewhere only the heartbeat does, and two things mislead:

A wrong clock. The heartbeat is a time by the writer's clock, so a change while the reader watches counts for more than
its age.

A copy of the folder, as rsync makes it. It ends with the last pass, so its age says nothing about the writers; their
heartbeats compared with each other do. A copy is recognised by the inode in each status: that of the folder in which it
was written, which the copy does not have.
"""

import re
import shlex
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from scaling_tui.runs.format import A_DAY_S, LOST_AFTER_S, State, Status, numbered
from scaling_tui.runs.storage import mounted
from scaling_tui.text import show

# File systems on which every host sees the same inodes, and keeps seeing them. Not so sshfs and other FUSE file
# systems, container layers, FAT.
STEADY = {
    "apfs", "bcachefs", "beegfs", "btrfs", "ceph", "ext2", "ext3", "ext4", "f2fs", "gfs2", "gpfs", "hfs", "jfs",
    "lustre", "nfs", "nfs4", "ocfs2", "panfs", "reiserfs", "tmpfs", "ufs", "wekafs", "xfs", "zfs",
}  # fmt: skip
STALE_AFTER_S = 2 * LOST_AFTER_S  # of a copy: rsync once a minute keeps it younger
LONGEST_HOST = 253  # characters, of the name system


@dataclass(frozen=True)
class Copy:
    """That a sweep is read in a copy of its folder.

    Args:
        host: where it trained, by that host's own name.
        folder: the sweep's there, "" where no status tells.
        as_of: Unix s of the last heartbeat in the copy, or of its arrival if that was earlier.
        stale: whether that is so long ago that copying may have stopped.
        here: whether `host` is this one.
    """

    host: str
    folder: str
    as_of: float
    stale: bool
    here: bool

    @property
    def says(self) -> str:
        return f"running on {self.host} as of {show.date(self.as_of)}"

    def command(self, words: str) -> str:
        """`scaling-tui WORDS SWEEP` to give where the sweep trains, to be read and pasted.

        Text from a file goes into the command only if it is plain.
        """
        folder = Path(self.folder)
        plain = re.fullmatch(r"(/[\w.+][\w.+-]*)+", self.folder, re.ASCII)
        sweep = f"{folder.name} --runs {folder.parent}" if plain else "SWEEP"
        host = self.host if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", self.host) else "HOST"
        return f"{'' if self.here else f'ssh {shlex.quote(host)} '}scaling-tui {words} {sweep}"


def copied(claimed: Path, status: Status) -> bool:
    """Whether `status`, found in the folder `claimed`, was written in another folder, of which this is a copy."""
    try:
        found = claimed.stat()
    except OSError:
        return False
    return bool(status.inode) and found.st_ino != status.inode and _is_steady(found.st_dev, claimed.resolve())


_steady: dict[int, bool] = {}


def _is_steady(device: int, folder: Path) -> bool:
    if device not in _steady:
        _steady[device] = mounted(folder)[1].lower() in STEADY
    return _steady[device]


class Liveness:
    """What one reader of a sweep knows of its writers. Call `look` before each round of `state`.

    A `patient` reader leaves undecided any writer that may be alive with a slow clock, even without a sign of one.
    """

    def __init__(self, patient: bool = False) -> None:
        self._patient = patient
        self.copy: Copy | None = None
        self.undecided = False  # whether a writer that counts as lost may only have a wrong clock
        self._now: float | None = None  # of a copy: its newest heartbeat, by which all others are judged
        self._seen: dict[Path, tuple[float, float | None]] = {}  # heartbeat, and when it changed by the monotonic clock

    def look(self, sweep: Path, runs: Iterable[Path]) -> None:
        """Finds out whether `sweep` is a copy, by its last supervisor, or without one by the first run that began."""
        self.undecided, self.copy, self._now = False, None, None
        runs = list(runs)
        first = next(last_statuses(sweep, runs), None)
        if first is None or not copied(*first) or (first[1].is_here and first[1].state != "running"):
            return
        every = list(last_statuses(sweep, runs))
        claimed, newest = max(every, key=lambda found: found[1].heartbeat)
        self._now = newest.heartbeat
        as_of = min(newest.heartbeat, _arrived(claimed))
        changes = [self._changed_lately(*found) for found in every]
        # RUNS/SWEEP/supervisor-K, or RUNS/SWEEP/RUN/attempt-K
        above, up = Path(first[1].folder).parents, len(first[0].relative_to(sweep).parts) - 1
        self.copy = Copy(
            host=" ".join(first[1].host.split())[:LONGEST_HOST] or "another host",
            folder=str(above[up]) if up < len(above) else "",
            as_of=as_of,
            stale=not any(changes) and time.time() - as_of > STALE_AFTER_S,
            here=first[1].is_here,
        )

    def state(self, claimed: Path, status: Status) -> tuple[State, str]:
        """The state to show for the writer of `claimed`, with the reason."""
        if status.state != "running" or status.is_here:
            return status.derived(), status.reason
        if self._now is not None:
            return status.derived(self._now), status.reason
        if status.derived() == "running":
            self._changed_lately(claimed, status)
            return "running", status.reason
        if self._changed_lately(claimed, status):
            return "running", status.reason
        self.undecided = self.undecided or may_be_alive(claimed, status, self._patient)
        return "lost", status.remark()

    def _changed_lately(self, claimed: Path, status: Status) -> bool:
        """Whether the heartbeat has changed recently, while this reader watched."""
        before, changed = self._seen.get(claimed, (status.heartbeat, None))
        if before != status.heartbeat:
            changed = time.monotonic()
        self._seen[claimed] = (status.heartbeat, changed)
        return changed is not None and time.monotonic() - changed < LOST_AFTER_S


def may_be_alive(claimed: Path, status: Status, patient: bool) -> bool:
    """For a writer that is lost by its heartbeat: whether its clock may be wrong by less than a day.

    Where that is not `patient`, it takes a sign: a heartbeat of the future, or one older than the file that holds it,
    which another clock has dated.
    """
    age = time.time() - status.heartbeat
    if status.is_here or copied(claimed, status) or age > A_DAY_S:
        return False
    try:
        written = (claimed / "status.json").stat().st_mtime
    except OSError:
        return False
    return patient or age < 0 or time.time() - written < LOST_AFTER_S


def copy_of(sweep: Path) -> Copy | None:
    """What `sweep` is a copy of; None where it is the folder that its writers write in."""
    liveness = Liveness()
    liveness.look(sweep, (run.parent for run in sweep.glob("*/run.json")))
    return liveness.copy


def last_statuses(sweep: Path, runs: Iterable[Path]) -> Iterator[tuple[Path, Status]]:
    """The status of the last supervisor and of the last attempt of each run, with the folders that hold them."""
    for folder, prefix in ((sweep, "supervisor"), *((run, "attempt") for run in runs)):
        for _, path in numbered(folder, prefix)[-1:]:
            if (status := Status.read(path / "status.json")) is not None:
                yield path, status


def _arrived(claimed: Path) -> float:
    """When the status in `claimed` was put there, by the clock here: no copying program can set that time."""
    try:
        return (claimed / "status.json").stat().st_ctime
    except OSError:
        return 0.0
