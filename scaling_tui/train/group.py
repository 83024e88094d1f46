"""Several processes train one run together: the worker's side.

The worker that was handed the run, and has claimed an attempt of it, starts torchrun (`scaling_tui.train.rank`), which
starts a process for each device. The first of them writes the run's folder in the worker's name. All of them die with
the worker, and if one dies, all do; then the worker ends as if killed by a signal, and the run resumes as after any
crash.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from scaling_tui import InputError
from scaling_tui.runs.fence import SupersededError
from scaling_tui.runs.format import HEARTBEAT_S, State, Status, superseded

POLL_S = 0.1
# By which a scheduler warns every process of a job, although the worker alone heeds them.
HELD = {signal.SIGTERM, signal.SIGINT, signal.SIGUSR2}
# The processes are all on this machine, so no other interface is needed.
LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"


def devices_of(device: str, processes: int) -> list[str]:
    """A device for each process: of `cuda` and `auto` the first, the second and so on.

    Raises:
        InputError: they would share a GPU.
    """
    kind, _, number = device.partition(":")
    if processes == 1 or kind not in ("auto", "cuda"):
        return [device] * processes
    if number:
        raise InputError(f"--device {device!r}: found with gpus {processes}, want {kind}")
    return [f"{kind}:{rank}" for rank in range(processes)]


@dataclass(frozen=True)
class Notes:
    """What the worker and the processes tell each other, in a folder that is deleted with the attempt."""

    folder: Path

    @property
    def began(self) -> bool:
        """Whether the first process has taken over the heartbeat."""
        return (self.folder / "began").exists()

    def begin(self) -> None:
        (self.folder / "began").touch()

    @property
    def stops(self) -> bool:
        """Whether to write a checkpoint and leave."""
        return (self.folder / "stop").exists()

    def stop(self) -> None:
        (self.folder / "stop").touch()

    def fail(self, rank: int, fault: str) -> None:
        (self.folder / f"failed-{rank}").write_text(fault, encoding="utf-8")

    def doubt(self, rank: int, fault: str) -> None:
        """As `fail`, of a fault that the death of another process would explain."""
        (self.folder / f"doubtful-{rank}").write_text(fault, encoding="utf-8")

    def nobody_died(self) -> None:
        """No process was killed, so the doubtful faults are their own."""
        for path in self.folder.glob("doubtful-*"):
            path.replace(path.with_name(path.name.replace("doubtful", "failed")))

    @property
    def failure(self) -> str:
        """The fault of the first process that has failed by itself; "" without any."""
        return next((path.read_text(encoding="utf-8") for path in sorted(self.folder.glob("failed-*"))), "")


@dataclass
class Claim:
    """The worker's hold on the attempt before the first process starts and after it ends."""

    attempt: Path
    beaten: float = 0.0

    def beat(self) -> None:
        if time.monotonic() - self.beaten >= HEARTBEAT_S:
            self.beaten = time.monotonic()
            self.write("running")

    def write(self, state: State, reason: str = "") -> None:
        status = self.status
        if status is not None and not superseded(self.attempt):
            replace(status, state=state, reason=reason, heartbeat=time.time()).write(self.attempt / "status.json")

    @property
    def status(self) -> Status | None:
        return Status.read(self.attempt / "status.json")


def train_together(
    run: Path, claim: Claim, devices: Sequence[str], threads: int, memory: int | None, stops: Callable[[], bool]
) -> None:
    """Has a process on each of `devices` train `run`, and waits for their end; `memory` bytes are for all of them.

    If they were killed, this process kills itself too.

    Raises:
        InputError: they have failed; it says with what.
        SupersededError: another worker has taken over.
    """
    # Processes that are killed write into it to their last instant.
    with tempfile.TemporaryDirectory(prefix="scaling-tui-", ignore_cleanup_errors=True) as folder:
        notes = Notes(Path(folder))
        # -P: a queue.py in the current folder must not shadow the standard library's.
        command = [sys.executable, "-P", "-m", "scaling_tui.train.rank", str(run), "--attempt", str(claim.attempt)]
        command += ["--notes", folder, "--devices", ",".join(devices), "--threads", str(threads)]
        command += ["--worker", str(os.getpid())]
        if memory is not None:
            command += ["--memory", str(memory // len(devices))]
        own = {"PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}
        chosen = {"GLOO_SOCKET_IFNAME": LOOPBACK, "NCCL_SOCKET_IFNAME": LOOPBACK}
        # Held back until torchrun ignores them: they would kill it, and a preemption would count as a crash.
        held = signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, env={**chosen, **os.environ, **own})
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)
        try:
            while process.poll() is None:
                if stops():
                    notes.stop()
                if not notes.began:
                    claim.beat()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(POLL_S)
        finally:
            process.kill()
            process.wait()
        failure = notes.failure
    if superseded(claim.attempt):
        raise SupersededError("another process has taken over the run")
    status = claim.status
    if status is not None and status.state != "running":
        return
    if failure:
        raise InputError(failure)
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGKILL)
