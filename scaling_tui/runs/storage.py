"""The disk that holds the runs: its kind, free space and write speed. Measuring leaves nothing behind."""

import os
import shutil
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

# As the system names them; what FUSE serves is called fuse.NAME.
NETWORK = {
    "9p", "afs", "beegfs", "ceph", "cifs", "davfs", "gfs2", "glusterfs", "gpfs", "juicefs", "lustre", "ncpfs", "nfs",
    "nfs4", "ocfs2", "orangefs", "panfs", "pvfs2", "s3fs", "smb3", "smbfs", "sshfs", "webdav", "wekafs",
}  # fmt: skip
MEMORY = {"ramfs", "tmpfs"}
CONTAINER = {"overlay", "overlayfs", "aufs"}

BLOCK = 4 << 20  # bytes; a checkpoint of a small model
MOST_BLOCKS = 16
LONGEST_S = 2.0
RECORD = 256  # bytes; a line of metrics.jsonl
RECORDS = 5
SPARE = 4 * MOST_BLOCKS * BLOCK  # bytes that must be free to measure

Kind = Literal["local", "network", "memory", "container", "unknown"]


@dataclass(frozen=True)
class Storage:
    """Where the runs are or would be.

    Args:
        folder: that of the runs, without symbolic links.
        exists: whether it is there.
        writable: whether runs can be written there, or the folder be made.
        nearest: itself, or the nearest folder above it that exists.
        file_system: as the system calls it, such as ext4 or nfs4; "" where it does not tell.
        kind: what that is.
        mount: where it is mounted.
        free: bytes that this user may still write.
        total: bytes of the file system.
    """

    folder: Path
    exists: bool
    writable: bool
    nearest: Path
    file_system: str
    kind: Kind
    mount: str
    free: int
    total: int


def storage(folder: Path) -> Storage:
    """The storage of `folder`, which need not exist.

    Raises:
        OSError: it cannot be reached, or is no folder.
    """
    full = folder.resolve()
    nearest = next(path for path in (full, *full.parents) if path.exists())
    if not nearest.is_dir():
        raise NotADirectoryError(20, "a file, not a folder", str(nearest))
    mount, file_system = mounted(nearest)
    usage = shutil.disk_usage(nearest)
    writable = os.access(nearest, os.W_OK | os.X_OK)
    return Storage(
        full, nearest == full, writable, nearest, file_system, kind_of(file_system), mount, usage.free, usage.total
    )


def mounted(folder: Path) -> tuple[str, str]:
    """Where the file system of `folder` is mounted and what it is; both "" where the system does not tell."""
    import psutil

    found = ("", "")
    for _ in range(3):  # a list that is read while somebody mounts or unmounts can lack entries, even the root's
        for part in psutil.disk_partitions(all=True):
            # Of equal matches the last one is mounted over the others.
            if len(part.mountpoint) >= len(found[0]) and folder.is_relative_to(part.mountpoint):
                found = (part.mountpoint, part.fstype)
        if found[1]:
            break
    return found


def kind_of(file_system: str) -> Kind:
    name = file_system.lower()
    own = name.removeprefix("fuse.")
    if own in NETWORK:
        return "network"
    if name in MEMORY:
        return "memory"
    if name in CONTAINER or own == "fuse-overlayfs":
        return "container"
    # Other FUSE file systems may be anywhere.
    return "unknown" if not name or name.startswith("fuse") else "local"


@dataclass(frozen=True)
class WriteSpeed:
    """How fast a disk takes what a run writes: `bytes_per_s` of checkpoints, and the seconds until a `record` is safe.

    Both with fsync, so that no cache flatters them.
    """

    bytes_per_s: float
    record: float


def write_speed(folder: Path) -> WriteSpeed | None:
    """Measured on an unnamed file in `folder`, so that nothing is left, however this process ends.

    None if too little space is free to try.

    Raises:
        OSError: the folder cannot be written to.
    """
    block = os.urandom(BLOCK)  # random, so that no file system can compress it
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        if shutil.disk_usage(folder).free < SPARE:
            return None
        written, began = 0, time.perf_counter()
        while written < MOST_BLOCKS * BLOCK and time.perf_counter() - began < LONGEST_S:
            written += file.write(block)
            os.fsync(file.fileno())
        seconds = time.perf_counter() - began
        records = []
        for _ in range(RECORDS):
            before = time.perf_counter()
            file.write(block[:RECORD])
            os.fsync(file.fileno())
            records.append(time.perf_counter() - before)
            if time.perf_counter() - began > 2 * LONGEST_S:
                break
    return WriteSpeed(written / seconds, statistics.median(records))
