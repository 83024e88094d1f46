"""Shows how far the reading and encoding of a corpus is: a bar on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from scaling_tui.data import Progress
from scaling_tui.text import show
from scaling_tui.text.visible import terminal_of

WORTH_SHOWING_S = 1.0  # most corpora are there before one has read that they are being read
LINE_EVERY_S = 10.0


@contextmanager
def preparing() -> Iterator[Progress]:
    """A function to call with what is being done, how much of it is done and how much there is, in bytes."""
    if sys.stderr.isatty():
        with _bar() as update:
            yield update
    else:
        yield _lines()


@contextmanager
def _bar() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    bars = Bars(*columns, console=Console(file=terminal_of(sys.stderr)), transient=True)
    tasks = {}
    began = time.monotonic()

    def update(doing: str, done: int, total: int) -> None:
        if done and time.monotonic() - began < WORTH_SHOWING_S:
            return
        if doing not in tasks:
            bars.start()
            tasks[doing] = bars.add_task(f"{doing} the corpus", total=total)
        bars.update(tasks[doing], completed=done)

    try:
        yield update
    finally:
        bars.stop()


def _lines() -> Progress:
    said = time.monotonic()

    def update(doing: str, done: int, total: int) -> None:
        nonlocal said
        if not done:
            print(f"{doing} the corpus", file=sys.stderr)
        elif time.monotonic() - said > LINE_EVERY_S:
            said = time.monotonic()
            print(f"{doing} the corpus: {show.percent(done / max(1, total))}", file=sys.stderr)

    return update
