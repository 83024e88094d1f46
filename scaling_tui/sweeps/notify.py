"""Runs a command of the user's for each event of a sweep. Whatever the command does, it hurts nobody.

It gets the facts as environment variables and the sentence as its last argument. No shell sees them: a reason in a
status file may hold anything.
"""

import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread

from scaling_tui import InputError
from scaling_tui.runs import SweepView
from scaling_tui.sweeps.events import SweepEvent, events
from scaling_tui.text.visible import visible

LIMIT_S = 30.0  # for one command; then it is killed with its children
AT_THE_END_S = 35.0  # that the last ones are waited for


class Notifier:
    """Runs `command` for one event after the other, in a thread. `complain` is told of the first failure.

    Raises:
        InputError: `command` is not one: nothing, an open quote, or a program that is not there.
    """

    def __init__(self, command: str, complain: Callable[[str], None], limit_s: float = LIMIT_S) -> None:
        try:
            self._command = shlex.split(command)
        except ValueError as error:
            raise InputError(f"--notify {command!r}: {error}; want a command, such as notify-send") from None
        if not self._command:
            raise InputError("--notify: found nothing, want a command, such as notify-send")
        if shutil.which(self._command[0]) is None:
            raise InputError(f"--notify {self._command[0]!r}: no such program; want a command, such as notify-send")
        self._complain, self._limit_s = complain, limit_s
        self._complained = False
        self._before: SweepView | None = None
        self._waiting: SimpleQueue[SweepEvent | None] = SimpleQueue()
        self._thread = Thread(target=self._work, name="notify", daemon=True)
        self._thread.start()

    def since(self, before: SweepView) -> None:
        """What has happened since the view `before` is news; without one, what happens after the first look."""
        self._before = before

    def look(self, view: SweepView) -> None:
        """Has the command told of what has happened since the last look; returns at once."""
        for event in events(self._before or view, view):
            self.tell(event)
        self._before = view

    def tell(self, event: SweepEvent) -> None:
        """Has the command told of an event; returns at once."""
        self._waiting.put(event)

    def close(self, most_s: float = AT_THE_END_S) -> None:
        """Waits until the command was told of everything, `most_s` seconds at most."""
        self._waiting.put(None)
        self._thread.join(most_s)

    def _work(self) -> None:
        while (event := self._waiting.get()) is not None:
            try:
                wrong = self._run(event)
            except (OSError, ValueError) as error:
                wrong = str(getattr(error, "strerror", None) or error)
            if wrong and not self._complained:
                self._complained = True
                self._complain(f"--notify: {self._command[0]}: {wrong}; later failures are not reported")

    def _run(self, event: SweepEvent) -> str:
        """Runs the command; returns what went wrong, if anything."""
        text = visible(event.text).replace("\n", " ").replace("\t", " ")
        facts = {"EVENT": event.kind, "SWEEP": event.sweep, "RUN": event.run or "", "TEXT": text}
        environment = os.environb | {
            f"SCALING_TUI_{name}".encode(): visible(value).encode() for name, value in facts.items()
        }
        process = subprocess.Popen(
            [*(word.encode(errors="surrogateescape") for word in self._command), text.encode()],
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        try:
            status = process.wait(self._limit_s)
        except subprocess.TimeoutExpired:
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return f"killed, it took more than {self._limit_s:g} s"
        return f"exit status {status}" if status else ""
