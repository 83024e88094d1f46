"""What another program prints, within limits of time and size; nothing of it is left running.

A command may be a script that starts others. They share its output, so waiting for its end could outlast the command
itself, and they could keep running. So each command gets a session of its own, which is ended as a whole.
"""

import errno
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, cast

MOST_BYTES = 1 << 20
PIECE = 1 << 16
LOOK_S = 0.1
MOST_SHOWN = 200  # characters of a complaint
ENDS_WITHIN_S = 1.0  # after it was killed; a process stuck in the kernel is left to the kernel


class NoAnswerError(OSError):
    """A command took too long, said too much, or failed.

    `told` is how it ended, to be put after its name; `said` what it had printed by then.
    """

    def __init__(self, command: str, told: str, said: str = "", complaint: str = "") -> None:
        super().__init__(errno.EIO, complaint or f"{command} {told}")
        self.told, self.said = told, said


def answer(
    command: Sequence[str],
    seconds: float,
    environment: Mapping[str, str] | None = None,
    stalled: float | None = None,
) -> str:
    """What `command` prints on stdout, without blanks around it.

    With `stalled` one that has neither computed nor read nor printed anything for so many seconds is given up, too: it
    hangs, where another is merely slow.

    Raises:
        NoAnswerError: it took longer than `seconds`, or ended with a status other than 0.
        OSError: it could not be started.
    """
    name = os.path.basename(command[0])  # noqa: PTH119
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        env=None if environment is None else dict(environment), bufsize=0,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    said = {process.stdout: b"", process.stderr: b""}
    try:
        why = _read(process, said, seconds, stalled)
    finally:
        _end(process)
    text, complained = (said[stream].decode(errors="replace").strip() for stream in said)
    if why:
        raise NoAnswerError(name, why, text)
    if process.returncode:
        complaint = next(iter(complained.splitlines()), "")[:MOST_SHOWN]
        raise NoAnswerError(name, f"ended with status {process.returncode}", text, complaint)
    return text


def _read(
    process: "subprocess.Popen[bytes]", said: dict[IO[bytes], bytes], seconds: float, stalled: float | None
) -> str:
    """Reads the streams in `said` until the command has ended; returns why it was given up, or ""."""
    now = time.monotonic()
    until, moved, before = now + seconds, now, _spent(process.pid)
    with selectors.DefaultSelector() as selector:
        for stream in said:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map() or process.poll() is None:
            ready = selector.select(LOOK_S)
            if not ready and process.poll() is not None:
                break  # what it started holds the streams open
            now = time.monotonic()
            if stalled is not None and (ready or (spent := _spent(process.pid)) != before):
                moved, before = now, before if ready else spent
            if now > until:
                return f"took longer than {seconds:g} s"
            if stalled is not None and now - moved > stalled:
                return f"did nothing for {stalled:g} s"
            for key, _ in ready:
                stream = cast("IO[bytes]", key.fileobj)
                piece = os.read(key.fd, PIECE)
                said[stream] += piece
                if not piece:
                    selector.unregister(stream)
                if len(said[stream]) > MOST_BYTES:
                    return f"printed more than {MOST_BYTES >> 20} MiB"
    return ""


def _spent(pid: int) -> tuple[float, ...]:
    """What a process has computed and read so far; it changes as long as that gets on."""
    import psutil

    try:
        process = psutil.Process(pid)
        times = process.cpu_times()
        read = process.io_counters().read_bytes if hasattr(process, "io_counters") else 0
    except psutil.Error:
        return ()
    return times.user, times.system, float(read)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ends the command and all that it started in its session."""
    with suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(ENDS_WITHIN_S)
