"""The supervisor's workers: processes that each hold a slot and train the runs that they are handed, one by one."""

import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from scaling_tui.sweeps.slots import Holder, Place, Slot, Slots

# Threads that wait for each other must sleep, not spin: on cores that others use too, a spinning thread takes the time
# of the one that it waits for (two threads on a busy two-core machine: 1.3 s a step spinning, 0.023 s sleeping).
_SLEEPING_THREADS = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "KMP_BLOCKTIME": "0"}
MOST_EXTRA = 200  # locks handed over with a run
NO_SIGNAL = getattr(socket, "MSG_NOSIGNAL", 0)  # a worker that died is an error to handle, not our end by SIGPIPE


def environment() -> dict[str, str]:
    """Of a process that trains: one thread until a run is given more, and none that spins."""
    return {**os.environ, **_SLEEPING_THREADS, "OMP_NUM_THREADS": "1"}


@dataclass
class Worker:
    """A process with its end of the socket, the slot that it holds, and the run that it trains, None while it waits."""

    process: "subprocess.Popen[bytes]"
    socket: socket.socket
    slot: Slot
    run: str | None = None
    extra: list[Place] = field(default_factory=list)  # held beside its slot while its run lasts
    leaving: bool = False
    _said: bytes = field(default=b"", repr=False)

    def hand(
        self, run: Path, threads: int, memory: int, extra: Sequence[Slot] = (), beside: Sequence[str] = ()
    ) -> None:
        """Has it train `run` in `memory` bytes of main memory; it holds `extra` slots for as long.

        On the devices `beside` its own, other processes train the run with it, each with `threads` threads.
        """
        self.run, self.extra = run.name, [slot.place for slot in extra]
        descriptors = [descriptor for slot in extra for descriptor in slot.descriptors]
        command = {"run": str(run), "threads": threads, "memory": memory, "beside": list(beside)}
        self._say(command, descriptors)
        for slot in extra:
            slot.release()

    def load(self) -> None:
        """Has it load torch, so that the run that it gets later starts at once."""
        self._say({}, [])

    def _say(self, command: dict[str, object], descriptors: Sequence[int]) -> None:
        line = json.dumps(command).encode() + b"\n"
        with suppress(OSError):  # it died just now: its exit status tells
            if descriptors:
                sent = socket.send_fds(self.socket, [line], descriptors, NO_SIGNAL)
                line = line[sent:]
            self.socket.sendall(line, NO_SIGNAL)

    def leave(self) -> None:
        """Has it exit: it waits for a run, and there is none."""
        self.leaving = True
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def ended(self) -> list[tuple[str, int]]:
        """The runs that have ended since the last call, with the status of each."""
        with suppress(OSError):
            while data := self.socket.recv(1 << 16, socket.MSG_DONTWAIT):
                self._said += data
        *lines, self._said = self._said.split(b"\n")
        answers = [json.loads(line) for line in lines]
        return [(answer["run"], answer["status"]) for answer in answers]


class Workers:
    """All workers of a supervisor, and the slots that they hold."""

    def __init__(self, sweep: Path, places: Sequence[Place]) -> None:
        self.sweep, self.places = sweep, places
        self.slots = Slots()
        self.all: list[Worker] = []

    @property
    def idle(self) -> list[Worker]:
        """Those that wait for a run."""
        return [worker for worker in self.all if worker.run is None and not worker.leaving]

    def let_go(self, but: int = 0) -> None:
        """Has those exit that wait for a run, but so many."""
        for worker in self.idle[but:]:
            worker.leave()

    def who_else(self) -> dict[Holder, list[str]]:
        """Who holds the places that a worker could have, apart from our own workers."""
        own = {worker.process.pid for worker in self.all}
        found = self.slots.holders(self.places)
        return {holder: names for holder, names in found.items() if holder.pid not in own}

    def start(self, load: bool = False, slot: Slot | None = None) -> Worker | None:
        """Starts a worker in a free slot, or in `slot`, which it inherits; None where others hold them all.

        It loads torch when its first run comes, after it has claimed it; with `load` at once.
        """
        slot = slot or self._free_slot()
        if slot is None:
            return None
        ours, theirs = socket.socketpair()
        # -P: a queue.py in the current folder must not shadow the standard library's.
        command = [sys.executable, "-P", "-m", "scaling_tui.train.worker", "--serve", str(theirs.fileno())]
        command += ["--device", slot.place.device]
        with theirs:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), *slot.descriptors),
                env=environment(),
            )
        slot.name_holder(self.sweep.name, process.pid)
        worker = Worker(process, ours, slot)
        self.all.append(worker)
        if load:
            worker.load()
        return worker

    def _free_slot(self) -> Slot | None:
        """A free slot, or one of ours that serves several runs and has room."""
        ours: dict[Place, list[Slot]] = {}
        for worker in self.all:
            ours.setdefault(worker.slot.place, []).append(worker.slot)
        extra = self._extra
        for place in self.places:
            if place not in ours and place not in extra and (slot := self.slots.take(place)):
                return slot
        held = sorted(ours.values(), key=len)
        return next((slots[0] for slots in held if len(slots) < slots[0].place.runs), None)

    @property
    def _extra(self) -> set[Place]:
        return {place for worker in self.all for place in worker.extra}

    def free_slots(self, least: int, most: int, beside: Sequence[Slot] = ()) -> list[Slot]:
        """Takes up to `most` free slots, each on another core or GPU and none on those of `beside`.

        If there are fewer than `least`, takes none: a run that waits for the rest must not hold what others wait for.
        """
        ours = {worker.slot.place for worker in self.all} | self._extra
        named = {slot.place.name for slot in beside}
        found: list[Slot] = []
        for place in self.places:
            if len(found) == min(most, MOST_EXTRA):
                break
            if place not in ours and place.name not in named and (slot := self.slots.take(place)):
                found.append(slot)
                named.add(place.name)
        if len(found) < least:
            for slot in found:
                slot.release()
            return []
        return found

    def reap(self) -> tuple[list[tuple[str, int]], list[tuple[str | None, int]]]:
        """The runs that have ended, with their status, and the workers that have: with the run that each had."""
        ended: list[tuple[str, int]] = []
        crashed: list[tuple[str | None, int]] = []
        for worker in list(self.all):
            exit_status = worker.process.poll()  # before its last words, which then are all there
            for run, status in worker.ended():
                ended.append((run, status))
                worker.run, worker.extra = None, []
            if exit_status is not None:
                self.all.remove(worker)
                worker.socket.close()
                sharing = [other for other in self.all if other.slot is worker.slot]
                if sharing:
                    worker.slot.name_holder(self.sweep.name, sharing[0].process.pid)
                else:
                    worker.slot.release()
                if worker.run is not None or (exit_status and not worker.leaving):
                    crashed.append((worker.run, exit_status))
        return ended, crashed

    def wait(self, seconds: float) -> None:
        """Waits until a worker says something or ends, or for `seconds`."""
        sockets = [worker.socket for worker in self.all]
        try:
            select.select(sockets, [], [], seconds)
        except (OSError, ValueError):  # more descriptors than select can take
            time.sleep(seconds)
