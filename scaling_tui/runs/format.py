"""The vocabulary and small records of the run folder, and how to write them so that no file is ever half-written."""

import json
import math
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, Self

from scaling_tui import InputError
from scaling_tui.text.files import read_bytes
from scaling_tui.text.json_documents import finite

FORMAT = 1

# A live worker writes a heartbeat at least every HEARTBEAT_S; after LOST_AFTER_S without one it counts as lost.
HEARTBEAT_S = 2.0
LOST_AFTER_S = 60.0

State = Literal["queued", "running", "finished", "stopped", "failed", "diverged", "lost"]
STORED_STATES: tuple[State, ...] = ("running", "finished", "stopped", "failed", "diverged")

METRICS = (
    "step",
    "epoch",
    "tokens",
    "flops",
    "loss",
    "val_loss",
    "bpb",
    "val_accuracy",
    "exact_match",
    "gap",
    "lr",
    "grad_norm",
    "tokens_per_s",
    "mfu",
    "cpu_s",
    "time",
)


def runs_folder(option: Path | None = None) -> Path:
    """The folder of all sweeps: the `--runs` option, else `$SCALING_TUI_RUNS`, else `./runs`."""
    return option or Path(os.environ.get("SCALING_TUI_RUNS") or "runs")


@dataclass(frozen=True)
class Status:
    """The process that writes an attempt or supervises a sweep, and its state. `heartbeat`, `pid_started`: Unix s."""

    state: State
    pid: int
    pid_started: float
    host: str
    heartbeat: float
    reason: str = ""

    @classmethod
    def of_this_process(cls, state: State, reason: str = "") -> Self:
        import psutil

        started = psutil.Process().create_time()
        return cls(state, os.getpid(), started, socket.gethostname(), time.time(), reason)

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """The status at `path`; None where it is missing or invalid."""
        document = read_json(path)
        if not isinstance(document, dict) or str(document.get("state")) not in STORED_STATES:
            return None
        try:
            return cls(
                document["state"],
                int(document.get("pid", 0)),
                float(document.get("pid_started", 0)),
                str(document.get("host", "")),
                float(document.get("heartbeat", 0)),
                str(document.get("reason", "")),
            )
        except (TypeError, ValueError, OverflowError):
            return None

    def write(self, path: Path) -> None:
        write_json(path, asdict(self))

    def derived(self, now: float | None = None) -> State:
        """The state to show: `running` becomes `lost` once the writer is gone.

        On the writer's host the process table tells, so a killed worker shows at once; elsewhere only its heartbeat
        does.
        """
        if self.state != "running":
            return self.state
        if self.host == socket.gethostname() and self.pid:
            return "running" if process_is(self.pid, self.pid_started) else "lost"
        return "running" if (now or time.time()) - self.heartbeat < LOST_AFTER_S else "lost"


def process_is(pid: int, started: float) -> bool:
    """Whether process `pid` is alive and started at that time, rather than a later one that reuses its number."""
    import psutil

    try:
        process = psutil.Process(pid)
        # The clock behind the start time may be stepped by a fraction of a second after boot.
        return process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - started) < 2
    except (psutil.NoSuchProcess, ValueError, OverflowError):
        return False
    except psutil.AccessDenied:
        return True


@dataclass(frozen=True)
class RecordedPrediction:
    """A loss predicted before its run started, in nats per token.

    `low` and `high` bound it at confidence `level`; None where the points were too few for an interval.
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

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self | None:
        """The prediction in `document`; None where it is incomplete or not made of finite numbers."""
        try:
            prediction = cls(**{field.name: document[field.name] for field in fields(cls)})
        except KeyError:
            return None
        numbers = [prediction.predicted, prediction.level, prediction.low or 0, prediction.high or 0]
        coefficients = prediction.coefficients
        typed = isinstance(prediction.points, list) and isinstance(prediction.run, str)
        typed = typed and isinstance(coefficients, dict)
        numbers += coefficients.values() if typed else []
        return prediction if typed and all(_is_number(number) for number in numbers) and prediction.predicted else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def read_json(path: Path) -> Any:
    """The JSON document at `path`; None where it is missing, unreadable or not JSON."""
    try:
        return json.loads(read_bytes(path))
    except (OSError, ValueError, RecursionError):
        return None


def write_json(path: Path, document: Any) -> None:
    """Writes `document` atomically: a reader sees the old file or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def append_line(path: Path, record: Mapping[str, Any]) -> None:
    """Appends one record as one line in one write, so that a crash tears at most the last line.

    A line that an earlier writer left torn gets its newline first, so that it swallows no other.

    Raises:
        OSError: the line could not be written as a whole; then none of it is.
    """
    line = (json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n").encode()
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
        raise InputError(f"name {name!r}: not usable as a folder's name; use letters, digits, - and _")
    return name
