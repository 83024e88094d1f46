"""How a supervisor hands runs to a worker on another host: by files in a folder that both see.

    supervisor-K/worker-N/handed.jsonl    the supervisor's: one run a line, finally {"leave": true}
    supervisor-K/worker-N/answers.jsonl   the worker's: a hello, then a line for each run that ended
    supervisor-K/worker-N/status.json     the worker's heartbeat
    supervisor-K/worker-N/worker.log      what the worker prints outside of its runs

Existing files are appended to, and reopened for each read: over NFS that shows what another host wrote. A worker that
its scheduler restarts in the same folder says from which line on it heeds what it is handed.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from scaling_tui import InputError, __version__
from scaling_tui.runs.format import HEARTBEAT_S, Status, append_line, comes_alive, is_running, safe_name
from scaling_tui.runs.schema import parse_json
from scaling_tui.runs.tail import Tail

HANDED, ANSWERS = "handed.jsonl", "answers.jsonl"
POLL_S = 0.1


@dataclass(frozen=True)
class Hello:
    """What a worker says of itself when it begins. `heeds_from` is the first line of `handed.jsonl` that it heeds."""

    host: str
    pid: int
    version: str
    heeds_from: int


@dataclass(frozen=True)
class Answer:
    """How a run ended, by the exit status of a worker that trains it alone."""

    run: str
    status: int


@dataclass
class Mailbox:
    """The supervisor's end."""

    folder: Path
    handed: int = 0
    _answers: Tail = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.folder.mkdir()
        for name in (HANDED, ANSWERS):
            (self.folder / name).touch()
        self._answers = Tail(self.folder / ANSWERS)

    def hand(self, run: str, threads: int, over: int, processes: int = 1) -> int:
        """Hands it `run`, of which the attempts up to `over` count as dead; returns the number of the line.

        It trains in so many processes, with so many threads each.
        """
        line = {"run": run, "threads": threads, "over": over, "processes": processes}
        append_line(self.folder / HANDED, line)
        self.handed += 1
        return self.handed - 1

    def leave(self) -> None:
        append_line(self.folder / HANDED, {"leave": True})

    def answers(self) -> list[Hello | Answer]:
        """What the worker has said since the last call; a line that says nothing is passed over."""
        lines = [line for piece in self._answers.new_lines() for line in piece]
        return [answer for line in lines if (answer := _answer(line)) is not None]

    @property
    def status(self) -> Status | None:
        return Status.read(self.folder / "status.json")


def _answer(line: bytes) -> Hello | Answer | None:
    try:
        said = parse_json(line)
        if not isinstance(said, dict):
            return None
        if "hello" in said:
            hello = said["hello"]
            return Hello(str(hello["host"]), int(hello["pid"]), str(hello["version"]), int(hello["heeds_from"]))
        return Answer(safe_name(str(said["run"])), int(said["status"]))
    except (InputError, KeyError, TypeError, ValueError, OverflowError):
        return None


@dataclass(frozen=True)
class Handed:
    run: Path
    threads: int
    over: int
    processes: int


class WorkersEnd:
    """The worker's end.

    Raises:
        InputError: the folder is not there, because this host does not share the one of the runs.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not (folder / HANDED).exists():
            raise InputError(f"{folder}: not on this host; want RUNS on storage that every host sees under this path")
        self._tail = Tail(folder / HANDED)
        lines = self._lines()
        self._open = [line for line in lines if "leave" in line]
        self._status = Status.of_this_process("running")
        self.beat()
        hello = {"host": self._status.host, "pid": self._status.pid, "version": __version__, "heeds_from": len(lines)}
        append_line(folder / ANSWERS, {"hello": hello})

    def beat(self) -> None:
        """Shows that the worker is alive. Call it every HEARTBEAT_S."""
        replace(self._status, heartbeat=time.time()).write(self.folder / "status.json")

    def commands(self) -> Iterator[Handed]:
        """The runs that it is handed, until it may leave or nobody is left to hand it any."""
        sweep, looked = self.folder.parent.parent, time.monotonic()
        while True:
            for line in self._open or self._lines():
                if "leave" in line:
                    return
                run = sweep / safe_name(str(line["run"]))
                yield Handed(run, int(line["threads"]), int(line["over"]), int(line["processes"]))
            self._open = []
            if time.monotonic() - looked > HEARTBEAT_S:
                looked = time.monotonic()
                if not is_running(self.folder.parent) and not comes_alive(self.folder.parent):
                    return
            time.sleep(POLL_S)

    def answer(self, run: str, status: int) -> None:
        append_line(self.folder / ANSWERS, {"run": run, "status": status})

    def _lines(self) -> list[dict[str, Any]]:
        return [parse_json(line) for piece in self._tail.new_lines() for line in piece]
