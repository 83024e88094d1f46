"""What another program answers: within a time and a size, and nothing of it is left behind.

A command may be a script that starts others. They share its output, so waiting for the end of that would outlast the
command itself; and they would go on after it. So each command gets a session of its own, which is ended as a whole.
"""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

MOST_BYTES = 1 << 20
PIECE = 1 << 16
ENDS_WITHIN_S = 1.0  # after it was killed; one that the kernel holds is left to the kernel


class NoAnswerError(OSError):
    """A command took too long, said too much, or failed; the message says which."""


def answer(command: Sequence[str], seconds: float, environment: Mapping[str, str] | None = None) -> str:
    """What `command` prints on stdout.

    Raises:
        NoAnswerError: it took longer than `seconds`, or ended with a status other than 0.
        OSError: it could not be started.
    """
    name = os.path.basename(command[0])  # noqa: PTH119
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        env=None if environment is None else dict(environment), bufsize=0,
    )  # fmt: skip
    try:
        said, complained = _read(process, seconds, name)
        status = process.wait(seconds)
    except subprocess.TimeoutExpired:
        raise NoAnswerError(f"{name} took longer than {seconds:g} s") from None
    finally:
        _end(process)
    if status:
        lines = complained.decode(errors="replace").strip().splitlines()
        raise NoAnswerError(lines[0] if lines else f"{name} ended with status {status}")
    return said.decode(errors="replace")


def _read(process: "subprocess.Popen[bytes]", seconds: float, name: str) -> tuple[bytes, bytes]:
    """Stdout and stderr up to their ends, or what had come once the command itself has ended."""
    assert process.stdout is not None
    assert process.stderr is not None
    streams = (process.stdout, process.stderr)
    said = {stream.fileno(): b"" for stream in streams}
    until = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for stream in streams:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            if time.monotonic() > until:
                raise NoAnswerError(f"{name} took longer than {seconds:g} s")
            ready = selector.select(0.1)
            if not ready and process.poll() is not None:
                break  # what it started holds the streams open
            for key, _ in ready:
                piece = os.read(key.fd, PIECE)
                said[key.fd] += piece
                if not piece:
                    selector.unregister(key.fileobj)
                if len(said[key.fd]) > MOST_BYTES:
                    raise NoAnswerError(f"{name} says more than {MOST_BYTES >> 20} MiB")
    return said[streams[0].fileno()], said[streams[1].fileno()]


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
