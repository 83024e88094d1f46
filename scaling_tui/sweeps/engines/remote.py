"""An engine whose workers run on other hosts: a scheduler starts and ends them, files on shared storage do the rest.

A worker is handed a run only after its hello, which also shows that its host sees the run folders and that this one
sees what it writes. Until then it waits in the scheduler's queue, and any other worker may get the run.
"""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from scaling_tui import InputError, __version__
from scaling_tui.runs import SweepView
from scaling_tui.runs.format import YIELDED, numbered
from scaling_tui.runs.liveness import Liveness
from scaling_tui.runs.mailbox import Answer, Hello, Mailbox
from scaling_tui.sweeps.engines import NOT_THE_RUNS, Cause, Ended, Order
from scaling_tui.sweeps.policy import settlement
from scaling_tui.sweeps.resources import Resources, recorded
from scaling_tui.sweeps.workers import environment
from scaling_tui.text import show
from scaling_tui.text.visible import visible

LOOK_S = 2.0  # between checks of the heartbeats and of the scheduler's capacity
SHOWS_WITHIN_S = 120.0  # from the start of a worker to its hello
TOLD_WITHIN_S = 30.0  # from the end of a worker to its scheduler's report
MOST_STILLBORN = 3
MOST_KILLED = 20  # before they were handed a run: memory may be short only for a moment


@dataclass(frozen=True)
class Gone:
    """A worker that its scheduler saw end: its exit status, and the cause if it did not end by itself."""

    status: int = 0
    cause: Cause | None = None
    how: str = ""


def start_worker(mailbox: Path, device: str, share: int) -> subprocess.Popen[bytes]:
    """Starts a worker on this host that dies with this process; each run of its has `share` bytes of main memory."""
    # -P: a queue.py in the current folder must not shadow the standard library's.
    command = [sys.executable, "-P", "-m", "scaling_tui.train.worker", "--mailbox", str(mailbox), "--device", device]
    command += ["--memory", str(share), "--die-with", str(os.getpid())]
    with (mailbox / "worker.log").open("ab") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment())


class Scheduler(Protocol):
    """Starts workers somewhere. A ticket is its own handle on a worker that it was asked to start."""

    name: str

    def complete(self, resources: Resources) -> Resources:
        """Fills in what the ladder leaves open, for each process of a run."""

    @property
    def alone(self) -> bool:
        """Whether a run that trains alone gets the cores of the others."""

    def capacity(self, least: Resources) -> int:
        """How many workers of this size it can have at a time, at least 1."""

    def start(self, mailboxes: Sequence[Path], resources: Resources) -> list[Any]:
        """Asks for a worker for each mailbox; returns their tickets."""

    def began(self, ticket: Any) -> bool:
        """Whether the worker has left the queue."""

    def gone(self, tickets: Sequence[Any]) -> dict[int, Gone]:
        """Those that have ended, by their place in `tickets`."""

    def cancel(self, ticket: Any) -> None:
        """Removes a worker from the queue, or ends one that no longer responds."""

    def threads(self, resources: Resources, order: Order) -> int:
        """How many CPU threads each process of a run gets."""

    def queue(self, resources: Resources) -> str:
        """What a queued worker of this size is waiting for, in words."""

    def close(self) -> None:
        """Leaves the cluster."""


@dataclass
class Worker:
    mailbox: Mailbox
    resources: Resources
    ticket: Any
    hello: Hello | None = None
    run: str | None = None
    line: int = -1  # of its mailbox, with which it was handed the run
    leaving: bool = False
    began: float | None = None  # when it left the queue, in which it may be more than once, by the monotonic clock
    silent: float | None = None  # when its heartbeat was first missed

    @property
    def is_idle(self) -> bool:
        return self.hello is not None and self.run is None and not self.leaving

    @property
    def is_queued(self) -> bool:
        return self.hello is None and not self.leaving


class Remote:
    def __init__(self, scheduler: Scheduler, folder: Path, view: SweepView, jobs: int | None) -> None:
        self.scheduler, self.folder, self.jobs = scheduler, folder.absolute(), jobs
        self.all: list[Worker] = []
        self.wanted: Counter[Resources] = Counter()  # by the orders of this round that no worker could take
        self.made = len(numbered(folder, "worker"))
        asked = {self._held(recorded(view.document, run.rung)) for run in view.runs}
        self.least = min(asked, key=lambda one: (one.num_gpus or 0, one.num_cpus or 0), default=Resources())
        self._liveness = Liveness()
        self._looked = time.monotonic()
        self._capacity = scheduler.capacity(self.least)
        # Workers in a row that ended badly before they were handed a run: by themselves, and killed.
        self._stillborn, self._killed = 0, 0

    @property
    def at_a_time(self) -> int:
        return self.jobs or self._capacity

    @property
    def alone(self) -> bool:
        return self.scheduler.alone

    @property
    def training(self) -> set[str]:
        return {worker.run for worker in self.all if worker.run}

    @property
    def is_empty(self) -> bool:
        return all(worker.is_idle or worker.is_queued for worker in self.all)

    def order(self, order: Order) -> bool:
        resources = self._held(order.resources)
        worker = next((one for one in self.all if one.is_idle and one.resources == resources), None)
        if worker is None:
            self.wanted[resources] += 1
            return False
        worker.run = order.run.name
        threads, processes = self.scheduler.threads(resources, order), resources.processes
        worker.line = worker.mailbox.hand(worker.run, threads, order.over, processes)
        return True

    def _held(self, resources: Resources) -> Resources:
        """What the slot of a worker for such a run holds."""
        return self.scheduler.complete(resources).in_all()

    def settle(self, ready: int) -> None:
        wanted, self.wanted = self.wanted, Counter()
        idle = [worker for worker in self.all if worker.is_idle]
        queued = Counter(worker.resources for worker in self.all if worker.is_queued)
        usual = next((worker.resources for worker in self.all if not worker.leaving), self.least)
        settled = settlement(wanted, queued, len(idle), ready, usual)
        for worker in idle[len(idle) - settled.leave :]:
            self._leave(worker)
        for resources, change in settled.ask.items():
            asked = [worker for worker in self.all if worker.is_queued and worker.resources == resources]
            for worker in asked[change:] if change < 0 else []:
                self._take_back(worker)
            self._start(change, resources)

    def _start(self, count: int, resources: Resources) -> None:
        if count <= 0:
            return
        mailboxes = []
        for _ in range(count):
            self.made += 1
            mailboxes.append(Mailbox(self.folder / f"worker-{self.made}"))
        tickets = self.scheduler.start([mailbox.folder for mailbox in mailboxes], resources)
        self.all += [Worker(mailbox, resources, ticket) for mailbox, ticket in zip(mailboxes, tickets, strict=True)]

    def _take_back(self, worker: Worker) -> None:
        """Cancels a queued worker; if its job is requeued meanwhile, the worker leaves as soon as it starts."""
        self._leave(worker)
        self.scheduler.cancel(worker.ticket)

    def _leave(self, worker: Worker) -> None:
        worker.leaving = True
        worker.mailbox.leave()

    def ended(self) -> list[Ended]:
        """What has ended since the last call.

        Raises:
            InputError: worker after worker ends before it can train anything.
        """
        found = [ended for worker in self.all for ended in self._heard(worker)]
        gone = self.scheduler.gone([worker.ticket for worker in self.all])
        for place in sorted(gone, reverse=True):
            worker = self.all.pop(place)
            found += self._heard(worker)  # its last answers may have come in between
            never_began = worker.is_queued
            found += self._told(worker, gone[place])
            if gone[place].cause == "lost node" or never_began:
                self._leave(worker)  # or, if it came back, it would hold its slot until the sweep is over
        found += self._silent()
        dead = [ended for ended in found if ended.run is None and ended.cause not in NOT_THE_RUNS]
        self._stillborn += sum(ended.cause is None for ended in dead)
        self._killed += sum(ended.cause is not None for ended in dead)
        if dead and (self._stillborn >= MOST_STILLBORN or self._killed >= MOST_KILLED):
            last = dead[-1]
            raise InputError(f"{self.scheduler.name}: {'worker after worker ' if last.cause else ''}{last.how}")
        return found

    def _heard(self, worker: Worker) -> list[Ended]:
        """The runs that have ended, as the worker says."""
        found = []
        for said in worker.mailbox.answers():
            if isinstance(said, Answer):
                if said.run == worker.run:
                    asked = Gone(said.status, "preempted", "was asked to leave and wrote a checkpoint")
                    found.append(self._lost(worker, asked) if said.status < 0 else Ended(said.run, said.status))
                    worker.run = None
                    if said.status < 0:
                        worker.hello = worker.began = None  # its scheduler ends it, or queues it again
                    elif said.status not in (0, YIELDED):
                        worker.leaving = True  # a run that fails ends its worker, which must not be handed another
                continue
            if worker.run is not None and worker.hello is not None and worker.line < said.heeds_from:
                # Its scheduler has restarted it, and it no longer knows what it was training.
                found.append(self._lost(worker, Gone(-1, "preempted", "was restarted by its scheduler")))
                worker.run = None
            worker.hello = said
            if said.version == __version__:
                self._stillborn, self._killed = 0, 0
            else:
                self._leave(worker)
                how = f"has scaling-tui {visible(said.version)[:40]}, want {__version__}, as here"
                found.append(Ended(None, 1, None, f"on {visible(said.host)[:100]} {how}"))
        return found

    def _told(self, worker: Worker, gone: Gone) -> list[Ended]:
        if worker.run is not None:
            return [self._lost(worker, gone)]
        if worker.leaving or (gone.cause is None and gone.status == 0):
            return []
        return [Ended(None, gone.status or 1, gone.cause, gone.how or self._last_line(worker))]

    def _last_line(self, worker: Worker) -> str:
        """The last line of a worker that ended without training anything."""
        log = worker.mailbox.folder / "worker.log"
        try:
            lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        except OSError:
            lines = []
        return visible(lines[-1])[:300] if lines else f"ended at once; see {log}"

    def _lost(self, worker: Worker, gone: Gone) -> Ended:
        host, pid = (worker.hello.host, worker.hello.pid) if worker.hello else ("", 0)
        cause = gone.cause or ("crashed" if gone.status <= 0 else None)
        return Ended(worker.run, gone.status or -1, cause, gone.how or "ended without saying why", host, pid)

    def _silent(self) -> list[Ended]:
        """Workers whose heartbeat stopped without a report of their scheduler, and those that never said hello."""
        if time.monotonic() - self._looked < LOOK_S:
            return []
        self._looked = time.monotonic()
        self._capacity = self.scheduler.capacity(self.least)
        found = []
        for worker in list(self.all):
            if worker.hello is None:
                if not self.scheduler.began(worker.ticket):
                    worker.began = None
                elif worker.began is None:
                    worker.began = time.monotonic()
                if worker.leaving or worker.began is None or time.monotonic() - worker.began < SHOWS_WITHIN_S:
                    continue
                how = f"wrote nothing into {worker.mailbox.folder} within {SHOWS_WITHIN_S:.0f} s; want RUNS on storage "
                found.append(Ended(None, 1, None, f"{how}that every host of the cluster shares"))
            else:
                status = worker.mailbox.status
                if status is None or self._liveness.state(worker.mailbox.folder, status)[0] == "running":
                    worker.silent = None
                    continue
                # Its scheduler knows better why, so it gets some time to say so.
                worker.silent = worker.silent or time.monotonic()
                if time.monotonic() - worker.silent < TOLD_WITHIN_S:
                    continue
                if worker.run is not None:
                    found.append(self._lost(worker, Gone(-1, "lost node", "fell silent")))
            self.all.remove(worker)
            self.scheduler.cancel(worker.ticket)
        return found

    def waits(self) -> str:
        queued = Counter(worker.resources for worker in self.all if worker.is_queued)
        if not queued:
            return ""
        resources, count = queued.most_common(1)[0]
        return f"waits for {self.scheduler.name}: {show.counted(count, 'worker')} {self.scheduler.queue(resources)}"

    def wait(self, seconds: float) -> None:
        time.sleep(min(seconds, 0.1))

    def close(self) -> None:
        for worker in self.all:
            if worker.is_queued:
                self._take_back(worker)
            elif not worker.leaving:
                self._leave(worker)
        self.scheduler.close()
