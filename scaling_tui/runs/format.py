"""The vocabulary and small records of the run folder, and how to write them so that no file is ever half-written."""

import errno
import json
import math
import os
import shutil
import socket
import stat
import time
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

from scaling_tui import InputError
from scaling_tui.text import show
from scaling_tui.text.files import MOST_BYTES, as_path, read_bytes
from scaling_tui.text.json_documents import finite
from scaling_tui.text.run_states import state_of

FORMAT = 1

# A live worker writes a heartbeat at least every HEARTBEAT_S; after LOST_AFTER_S without one it counts as lost.
HEARTBEAT_S = 2.0
LOST_AFTER_S = 60.0
A_DAY_S = 86_400.0  # a clock that far behind is unlikely; a dead writer is not
AHEAD_S = 120.0  # a heartbeat further in the future tells of a wrong clock, not of a live writer
# How long a status must stay the same before its writer counts as dead, where its age cannot tell: it was written by a
# clock that may be wrong, or is not there yet.
WATCH_S = 3 * HEARTBEAT_S

LARGEST = 1e60  # of any count: beyond all counts, and squares of it are still finite
LONGEST_NAME = 255  # bytes of a folder's name, on every system

STARTS_OVER = "starts_over"  # in the fence of an attempt before which nothing counts, and in which nobody writes

YIELDED = 75  # exit status of a worker or supervisor whose work another process does; EX_TEMPFAIL of sysexits(3)

# `queued`, `lost`, `unreadable` (run.json is missing or broken) and `empty` (a sweep without runs) are derived by the
# reader, never stored.
State = Literal["queued", "running", "finished", "stopped", "failed", "diverged", "lost", "unreadable", "empty"]
WAITING: tuple[State, ...] = ("queued", "lost")  # a supervisor starts them by itself
STORED_STATES: tuple[State, ...] = ("running", "finished", "stopped", "failed", "diverged")


def runs_path(option: Path | None = None) -> Path:
    """Where the sweeps are: the `--runs` option, else `$SCALING_TUI_RUNS`, else `./runs`, whatever is there."""
    return as_path("runs folder", option if option is not None else os.environ.get("SCALING_TUI_RUNS") or "runs")


def runs_folder(option: Path | None = None) -> Path:
    """The folder of all sweeps, at `runs_path`; it need not be there.

    Raises:
        InputError: something else is there, such as a file.
    """
    folder = runs_path(option)
    for path in (folder, *folder.parents):
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:
            continue
        except NotADirectoryError:
            continue  # a parent tells which
        except OSError as error:
            raise InputError(f"runs folder {folder}: {error.strerror}") from None
        if not stat.S_ISDIR(mode):
            within = f" lies within {path}, which is" if path != folder else ":"
            raise InputError(f"runs folder {folder}{within} not a folder, want one, or a new name")
        break
    return folder


@dataclass(frozen=True)
class Status:
    """The process that writes an attempt or supervises a sweep, and its state.

    Args:
        state: as stored; `queued` and `lost` are derived by the reader.
        pid: of the process.
        pid_started: when it began, Unix time in seconds.
        host: the machine it runs on.
        heartbeat: when it last said that it lives, Unix time in seconds.
        reason: why it is in this state; may be empty.
        incarnation: the boot and the clock ticks from it to the process's start, which tell it from a later one with
            its pid where the clock was set in between; empty where the system has neither.
        folder: where the status was written, by which a copy is told from it.
        inode: of that folder.
    """

    state: State
    pid: int
    pid_started: float
    host: str
    heartbeat: float
    reason: str = ""
    incarnation: str = ""
    folder: str = ""
    inode: int = 0

    @classmethod
    def of_this_process(cls, state: State, reason: str = "") -> Self:
        import psutil

        pid, started = os.getpid(), psutil.Process().create_time()
        return cls(state, pid, started, socket.gethostname(), time.time(), reason, incarnation_of(pid))

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """The status at `path`; None where it is missing or invalid."""
        document = read_json(path)
        state = state_of(document.get("state")) if isinstance(document, dict) else None
        if state not in STORED_STATES:
            return None
        try:
            return cls(
                state,
                int(document.get("pid", 0)),
                float(document.get("pid_started", 0)),
                str(document.get("host", "")),
                float(document.get("heartbeat", 0)),
                str(document.get("reason", "")),
                str(document.get("incarnation", "")),
                str(document.get("folder", "")),
                int(document.get("inode", 0)),
            )
        except (TypeError, ValueError, OverflowError):
            return None

    def write(self, path: Path) -> None:
        """Writes the status atomically; on a full disk into the space of the one before, so that the end is told."""
        folder = path.parent
        document = asdict(replace(self, folder=os.path.abspath(folder), inode=folder.stat().st_ino))  # noqa: PTH100
        try:
            write_json(path, document)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            try:
                _overwrite_json(path, document)
            except FileNotFoundError:
                raise error from None

    @property
    def is_here(self) -> bool:
        """Whether the writer is on this host, so that the process table tells whether it is alive.

        Hosts on a shared disk may bear one name; the boot tells them apart. After a reboot the heartbeat decides.
        """
        boot = self.incarnation.partition(":")[0]
        return bool(self.pid) and self.host == socket.gethostname() and boot in ("", _boot_id())

    def derived(self, now: float | None = None) -> State:
        """The state to show: `running` becomes `lost` once the writer is gone.

        On the writer's host the process table tells, so a killed worker shows at once; elsewhere only its heartbeat
        does.
        """
        if self.state != "running":
            return self.state
        if self.is_here:
            return "running" if process_is(self.pid, self.pid_started, self.incarnation) else "lost"
        age = (time.time() if now is None else now) - self.heartbeat
        return "running" if -AHEAD_S <= age < LOST_AFTER_S else "lost"

    def remark(self, now: float | None = None) -> str:
        """The reason; of a heartbeat from the future, how far the writer's clock is ahead."""
        ahead = self.heartbeat - (time.time() if now is None else now)
        if self.state != "running" or not ahead > AHEAD_S:
            return self.reason
        return f"its clock is {show.duration(ahead)} ahead"


def process_is(pid: int, started: float, incarnation: str = "") -> bool:
    """Whether process `pid` is alive and started at that time, rather than a later one that reuses its number."""
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        if incarnation and (now := incarnation_of(pid)):
            return now == incarnation
        # The clock behind the start time may be stepped by a fraction of a second after boot.
        return abs(process.create_time() - started) < 2
    except (psutil.NoSuchProcess, ValueError, OverflowError):
        return False
    except psutil.AccessDenied:
        return True


@cache
def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def incarnation_of(pid: int) -> str:
    """The boot and the clock ticks from it to the start of process `pid`; "" where the system does not tell them.

    The start as a Unix time, which psutil gives, moves with every step of the clock.
    """
    try:
        # Field 22 of proc(5); the second, the name, may hold blanks and brackets.
        ticks = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19]
        return f"{_boot_id()}:{int(ticks)}" if _boot_id() else ""
    except (OSError, ValueError, IndexError):
        return ""


@dataclass(frozen=True)
class RecordedPrediction:
    """A loss predicted before its run started, in nats per token.

    Args:
        rung: the rung predicted.
        run: the run of it that waits for the prediction.
        law: name of the law.
        coefficients: of the law.
        points: what the law goes through: runs, or means over the runs that `averaged` lists.
        predicted: the loss.
        low: lower end of its interval; null where the points were too few for one.
        high: upper end.
        level: of the interval, from 0 to 1.
        time: when it was made, Unix time in seconds.
        losses: what the law was fitted to, by point; empty in older records.
        averaged: the runs of each point that is a mean; empty in older records, whose points are all runs.
    """

    rung: str
    run: str
    law: str
    coefficients: dict[str, float]
    points: list[str]
    predicted: float
    low: float | None
    high: float | None
    level: float
    time: float
    losses: dict[str, float] = field(default_factory=dict)
    averaged: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class RecordedRates:
    """The learning rates of rungs that waited for the probes of smaller ones.

    Args:
        rates: the rate of each rung that waited.
        probes: the best rate of each rung that probed.
        how: the rule that transfers them, with its source.
        time: when they were chosen, Unix time in seconds.
    """

    rates: dict[str, float]
    probes: dict[str, float]
    how: str
    time: float


def read_json(path: Path) -> Any:
    """The JSON document at `path`; None where it is missing, unreadable, too large or not JSON."""
    try:
        return json.loads(read_bytes(path, MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return None


def write_json(path: Path, document: Any) -> None:
    """Writes `document` atomically: a reader sees the old file or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        text = json.dumps(finite(document), ensure_ascii=False, indent=1, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _overwrite_json(path: Path, document: Any) -> None:
    """Writes `document` over what the file at `path` holds, which takes no new space on most file systems."""
    descriptor = os.open(path, os.O_WRONLY)
    try:
        # Blanks cover the rest of the old document: truncating first could give the space away.
        line = (json.dumps(document, ensure_ascii=False) + "\n").encode()
        line = line[:-1].ljust(os.fstat(descriptor).st_size - 1) + b"\n"
        if os.pwrite(descriptor, line, 0) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    finally:
        os.close(descriptor)


def append_line(path: Path, record: Mapping[str, Any]) -> None:
    """Appends one record as one line in one write, so that a crash tears at most the last line.

    A line that an earlier writer left torn gets its newline first, so that it swallows no other.

    Raises:
        OSError: the line could not be written as a whole; then none of it is.
    """
    append_lines(path, [record])


def append_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Appends records as lines, as `append_line` does, in as few writes as the system takes."""
    line = "".join(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n" for record in records).encode()
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            line = b"\n" + line
        written = 0
        try:
            while written < len(line):
                written += os.write(descriptor, line[written:])
        except OSError:
            # Nobody else writes this file; where somebody did, what they wrote stays.
            if written and os.fstat(descriptor).st_size == size + written:
                os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)


def only_finite(record: Mapping[str, Any]) -> dict[str, Any]:
    """`record` without fields that are None, NaN or infinite."""
    return {key: value for key, value in record.items() if finite(value) is not None}


def claim(folder: Path, prefix: str) -> Path:
    """Makes and returns the next `prefix-K` in `folder`; mkdir decides between two processes that try at once."""
    number = 1 + max((k for k, _ in numbered(folder, prefix)), default=0)
    while True:
        claimed = folder / f"{prefix}-{number}"
        try:
            claimed.mkdir()
        except FileExistsError:
            number += 1
        else:
            return claimed


def claim_if_alone(folder: Path, prefix: str, over: int = 0) -> Path | None:
    """Makes and returns the next `prefix-K` in `folder`, unless the writer of another one is alive; then None.

    The new folder holds the status of this process from its first instant: it gets its name by a rename, which decides
    between processes that try at once, and who comes second finds it alive. Up to number `over` the writers count as
    dead whatever their heartbeat says: a scheduler has told so, or has cut them off.

    Raises:
        OSError: the folder cannot be written to.
    """
    prepared = folder / f".{prefix}-{uuid.uuid4().hex}"
    try:
        while True:
            claimed = numbered(folder, prefix)
            others = [path for number, path in claimed if number > over]
            if any(is_running(path) for path in others) or (others and comes_alive(others[-1])):
                return None
            prepared.mkdir(exist_ok=True)
            Status.of_this_process("running").write(prepared / "status.json")
            number = 1 + max((k for k, _ in claimed), default=0)
            try:
                own = prepared.rename(folder / f"{prefix}-{number}")
            except OSError as error:
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                    raise
            else:
                _remove_stillborn(folder, prefix)
                return own
    finally:
        shutil.rmtree(prepared, ignore_errors=True)


def _remove_stillborn(folder: Path, prefix: str) -> None:
    """Removes what processes left that died while they claimed: empty folders, and those without their name yet."""

    def is_old(path: Path) -> bool:
        return time.time() - path.stat().st_mtime > WATCH_S

    with suppress(OSError):
        for path in folder.iterdir():
            if path.name.startswith(f".{prefix}-") and is_old(path) and not is_running(path):
                shutil.rmtree(path, ignore_errors=True)
    for _, path in numbered(folder, prefix):
        # One that holds anything stays, whoever wrote it.
        with suppress(OSError):
            if is_old(path):
                path.rmdir()


def is_running(claimed: Path) -> bool:
    """Whether the writer of an attempt, or the supervisor, of that folder is alive."""
    status = Status.read(claimed / "status.json")
    return status is not None and status.derived() == "running"


def supervised_seconds(sweep: Path) -> float | None:
    """Seconds that supervisors of the sweep have lived, up to their last heartbeat; None where no status tells."""
    statuses = [Status.read(path / "status.json") for _, path in numbered(sweep, "supervisor")]
    lived = [status.heartbeat - status.pid_started for status in statuses if status is not None]
    sound = [seconds for seconds in lived if 0 <= seconds < math.inf]
    return sum(sound) if sound and len(sound) == len(lived) else None


def comes_alive(claimed: Path) -> bool:
    """Watches a status whose age cannot tell whether its writer is alive; a change shows that it is."""
    status = Status.read(claimed / "status.json")
    if status is None:
        fence = read_json(claimed / "fence.json")
        if isinstance(fence, dict) and fence.get(STARTS_OVER):
            return False  # nobody writes in it
        try:
            undecided = time.time() - claimed.stat().st_mtime < WATCH_S
        except OSError:
            return False
    else:
        undecided = status.derived() == "lost" and not status.is_here and time.time() - status.heartbeat < A_DAY_S
    deadline = time.monotonic() + WATCH_S
    while undecided and time.monotonic() < deadline:
        time.sleep(0.1)
        now = Status.read(claimed / "status.json")
        if now is not None and now != status:
            return now.state == "running"
    return False


def superseded(claimed: Path) -> bool:
    """Whether a later folder than `claimed`, `prefix-K`, was claimed: its writer took this one for dead."""
    prefix, _, number = claimed.name.rpartition("-")
    return any(k > int(number) for k, _ in numbered(claimed.parent, prefix))


def numbered(folder: Path, prefix: str) -> list[tuple[int, Path]]:
    """The `prefix-K` folders in `folder`, in the order of K."""
    folders = []
    for path in folder.glob(f"{prefix}-*"):
        number = path.name.removeprefix(f"{prefix}-")
        if number.isascii() and number.isdecimal():
            folders.append((int(number), path))
    return sorted(folders)


def safe_name(name: str) -> str:
    """`name`, if every system accepts it as the name of a folder.

    Raises:
        InputError: it does not.
    """
    if not name or name != Path(name).name or name.startswith((".", "-")) or not name.isprintable():
        raise InputError(f"name {name!r}: not usable as a folder name, want letters, digits, - and _")
    if len(name.encode()) > LONGEST_NAME:
        raise InputError(f"name {name[:20]!r}…: found {len(name.encode())} bytes, want at most {LONGEST_NAME}")
    return name
