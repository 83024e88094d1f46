"""SLURM as an engine: arrays of jobs, each of which runs a worker, submitted and resubmitted by submitit.

A job that reaches its time limit or is preempted gets a signal first. Its worker writes a checkpoint and leaves, and
the job is requeued and starts again with the same mailbox.

submitit pickles what a job runs into a folder of the supervisor's that only its user may enter; nothing is unpickled
here.
"""

import math
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from scaling_tui import InputError
from scaling_tui.runs.format import incarnation_of, process_is
from scaling_tui.sweeps.cluster import usual
from scaling_tui.sweeps.engines import Cause, Order, Where
from scaling_tui.sweeps.engines.remote import Gone, start_worker
from scaling_tui.sweeps.limits import memory
from scaling_tui.sweeps.placement import threads_for
from scaling_tui.sweeps.resources import Resources
from scaling_tui.text.visible import visible

EXTRA = "pip install 'scaling-tui[slurm]'"
MOST_AT_A_TIME = 16  # jobs, without --jobs
TIME_MIN = 60
WARNS_S = 90  # before the time limit
MOST_MIN, MOST_WARNS_S = 525_600, 65_535  # a year; sbatch's own limit
LEAVES_WITHIN_S = 60.0  # once asked to: the time to write a checkpoint
LOOK_S = 5.0  # between queries to the scheduler
POLL_S = 0.2
OWN = ("time", "executor", "signal_delay")  # options that are not passed on to sbatch
# By the last state that SLURM reports of a job; for any other state the worker's exit status decides.
CAUSES: dict[str, Cause] = {
    "NODE_FAIL": "lost node", "BOOT_FAIL": "lost node", "PREEMPTED": "preempted", "TIMEOUT": "timed out",
    "OUT_OF_MEMORY": "out of memory", "CANCELLED": "preempted", "FAILED": "crashed", "INTERRUPTED": "crashed",
}  # fmt: skip
LIVES = ("PENDING", "RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED",
         "RESIZING", "SIGNALING", "STAGE_OUT", "SPECIAL_EXIT", "RESV_DEL_HOLD", "STOPPED")  # fmt: skip


class Slurm:
    """The jobs of one supervisor; `folder` is the supervisor's.

    Raises:
        InputError: submitit is not installed, or there is no SLURM here.
    """

    name = "SLURM"
    alone = False

    def __init__(self, where: Where, device: str, folder: Path, jobs: int | None) -> None:
        self.submitit = check_commands(where)
        self.where, self.device, self.jobs = where, device, jobs
        self.local = where.options.get("executor") == "local"
        self.folder = folder.absolute() / "slurm"
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self._states: dict[str, str] = {}
        self._asked = -LOOK_S

    def complete(self, resources: Resources) -> Resources:
        return whole_gpus(resources.over(usual(self.device.startswith("cuda"))))

    def capacity(self, least: Resources) -> int:
        return MOST_AT_A_TIME

    def start(self, mailboxes: Sequence[Path], resources: Resources) -> list[Any]:
        """Submits an array of jobs, or a single one.

        Raises:
            InputError: SLURM rejects the job.
        """
        executor = self.submitit.AutoExecutor(
            folder=self.folder, cluster="local" if self.local else "slurm", slurm_max_num_timeout=10**6
        )
        cpus, gpus = math.ceil(resources.num_cpus or 1), int(resources.num_gpus or 0)
        further = {key: value for key, value in self.where.options.items() if key not in OWN}
        executor.update_parameters(
            name="scaling-tui",
            timeout_min=minutes(self.where),
            cpus_per_task=cpus,
            **({"gpus_per_node": gpus} if gpus else {}),
            slurm_signal_delay_s=warns(self.where),
            slurm_array_parallelism=self.jobs or MOST_AT_A_TIME,
            **({"slurm_partition": self.where.partition} if self.where.partition else {}),
            **({"slurm_additional_parameters": further} if further else {}),
        )
        try:
            with executor.batch():
                jobs = [executor.submit(Hold(str(mailbox), self.device)) for mailbox in mailboxes]
        except (self.submitit.core.utils.FailedJobError, subprocess.CalledProcessError, RuntimeError) as error:
            said = getattr(error, "stderr", None) or str(error)
            lines = [line for line in str(said).splitlines() if "error" in line.lower()] or [str(error)]
            raise InputError(f"SLURM rejects the job: {visible(lines[0].strip())[:300]}") from error
        self._asked = -LOOK_S
        return jobs

    def began(self, ticket: Any) -> bool:
        return self._state_of(ticket) == "RUNNING"

    def gone(self, tickets: Sequence[Any]) -> dict[int, Gone]:
        self._ask(tickets)
        found = {}
        for place, ticket in enumerate(tickets):
            state = self._state_of(ticket)
            if state in LIVES:
                continue
            if state in ("COMPLETED", "FINISHED"):
                found[place] = Gone()
            elif cause := CAUSES.get(state):
                found[place] = Gone(
                    -1, cause, f"lost its SLURM job {ticket.job_id} ({state.lower().replace('_', ' ')})"
                )
        return found

    def _state_of(self, ticket: Any) -> str:
        if self.local:
            return str(ticket.state)
        return self._states.get(ticket.job_id, "PENDING")

    def _ask(self, tickets: Sequence[Any]) -> None:
        """Asks squeue for the states of the jobs; a job that it has forgotten counts as completed.

        Not sacct, which not every site has: it needs a database.
        """
        if self.local or not tickets or time.monotonic() - self._asked < LOOK_S:
            return
        self._asked = time.monotonic()
        jobs = {ticket.job_id for ticket in tickets}
        arrays = sorted({job.partition("_")[0] for job in jobs})
        command = ["squeue", "--noheader", "--array", "--states=all", "--format=%i %T", f"--jobs={','.join(arrays)}"]
        try:
            told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        except (OSError, subprocess.SubprocessError):
            return  # the scheduler is busy or down: its jobs go on
        if told.returncode and "Invalid job id" not in told.stderr:
            return
        states = dict(re.findall(r"^(\S+) (\S+)$", told.stdout, re.MULTILINE))
        for job in jobs:
            # squeue lists a newly submitted job only after a moment.
            if job in states or job in self._states:
                self._states[job] = states.get(job, "COMPLETED")

    def cancel(self, ticket: Any) -> None:
        with suppress(OSError, subprocess.SubprocessError):
            ticket.cancel(check=False)

    def threads(self, resources: Resources, order: Order) -> int:
        return threads_for(order.size, True, max(1, math.ceil(resources.num_cpus or 1)), 1)

    def queue(self, resources: Resources) -> str:
        return f"queued in partition {self.where.partition}" if self.where.partition else "queued"

    def close(self) -> None:
        """Cancels what is still queued, and deletes the pickles of the jobs; their logs stay."""
        arrays = sorted({job.partition("_")[0] for job in self._states})
        if arrays and not self.local:
            # A job that was cancelled while it was being requeued stays in the queue for minutes.
            with suppress(OSError, subprocess.SubprocessError):
                subprocess.run(["scancel", "--state=PENDING", *arrays], capture_output=True, check=False, timeout=60)
        for pickled in self.folder.glob("*.pkl"):
            pickled.unlink(missing_ok=True)


class Hold:
    """What a job runs: a worker, until it leaves. On a warning it stops the worker, and the job is requeued."""

    def __init__(self, mailbox: str, device: str) -> None:
        self.mailbox, self.device = mailbox, device
        self._worker: tuple[int, float, str] | None = None

    def __call__(self) -> int:
        folder = Path(self.mailbox)
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder} is not there; want RUNS on storage that every host sees under this path")
        process = start_worker(folder, self.device, memory()[0])
        self._worker = (process.pid, time.time(), incarnation_of(process.pid))
        # Not wait(): it holds a lock that the warning's handler needs.
        while process.poll() is None:
            time.sleep(POLL_S)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, "the worker")
        return 0

    def checkpoint(self) -> Any:
        """Called by submitit on the warning, before it requeues the job with what this returns."""
        import submitit

        if self._worker is not None:
            pid, started, incarnation = self._worker
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + LEAVES_WITHIN_S
            while process_is(pid, started, incarnation) and time.monotonic() < deadline:
                time.sleep(POLL_S)
        return submitit.helpers.DelayedSubmission(Hold(self.mailbox, self.device))


def check_commands(where: Where) -> Any:
    """Returns submitit, if it and SLURM's commands are there and the options are valid.

    Raises:
        InputError: something is missing.
    """
    minutes(where)
    warns(where)
    if where.options.get("executor", "local") != "local":
        raise InputError(f"--slurm executor: found {where.options['executor']!r}, want local")
    try:
        import submitit
    except ImportError as error:
        raise InputError(f"--on slurm: submitit is not installed; want {EXTRA}") from error
    missing = [name for name in ("sbatch", "squeue", "scancel", "srun") if shutil.which(name) is None]
    if missing and "executor" not in where.options:
        raise InputError(f"--on slurm: {missing[0]} not found; want a host that can submit to SLURM")
    return submitit


def whole_gpus(resources: Resources) -> Resources:
    """The same, if it asks for what SLURM can give.

    Raises:
        InputError: it asks for a part of a GPU.
    """
    if (resources.num_gpus or 0) % 1:
        raise InputError(f"num_gpus: found {resources.num_gpus:g}, want whole GPUs from SLURM, or --on ray")
    return resources


def minutes(where: Where) -> int:
    """The time limit of a job in minutes."""
    return _whole(where, "time", TIME_MIN, MOST_MIN)


def warns(where: Where) -> int:
    """Seconds before the time limit at which a job is warned.

    Raises:
        InputError: it would be warned before it begins, and go back into the queue for ever.
    """
    found = _whole(where, "signal_delay", WARNS_S, MOST_WARNS_S)
    if found >= 60 * (limit := minutes(where)):
        raise InputError(f"--slurm time: found {limit} with signal_delay {found}, want more minutes than {found} s")
    return found


def _whole(where: Where, key: str, default: int, most: int) -> int:
    text = where.options.get(key, str(default))
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= most):
        unit = {"time": "minutes", "signal_delay": "seconds"}[key]
        raise InputError(f"--slurm {key}: found {text!r}, want {unit} up to {most}, such as {default}")
    return int(text)
