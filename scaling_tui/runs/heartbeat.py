"""Signs of life of a process that is busy with something that takes longer than a heartbeat."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

from scaling_tui.runs.fence import SupersededError
from scaling_tui.runs.format import HEARTBEAT_S


@contextmanager
def beating(beat_once: Callable[[], None]) -> Iterator[None]:
    """Shows a sign of life while the block lasts: a large corpus, a slow disk or a cluster can take a minute."""
    over = Event()

    def beat() -> None:
        while not over.wait(HEARTBEAT_S):
            # A full disk fails the run where it writes, with its reason; another owner ends it there.
            with suppress(OSError, SupersededError):
                beat_once()

    thread = Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
