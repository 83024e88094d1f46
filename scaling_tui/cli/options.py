"""What the commands share: options, and where messages and data go."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from scaling_tui.text.json_documents import dumps

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
Runs = Annotated[
    Path | None, typer.Option("--runs", help="Folder of the sweeps; default: $SCALING_TUI_RUNS, then ./runs.")
]
SweepName = Annotated[str | None, typer.Argument(metavar="SWEEP", help="Name of a sweep; default: the latest.")]


def say(text: str) -> None:
    """Prints a message on stderr; stdout is for data."""
    print(text, file=sys.stderr)


def print_json(document: Any) -> None:
    """Prints one JSON document. Numbers that JSON cannot hold (nan, inf) become null."""
    print(dumps(document, indent=2))


@contextmanager
def ctrl_c_deferred() -> Iterator[Callable[[], bool]]:
    """Defers ctrl+c to the end of the block: a half-started sweep would run on without anyone knowing.

    Yields a function that returns whether ctrl+c was pressed.
    """
    pressed = False

    def note(number: int, frame: object) -> None:
        nonlocal pressed
        pressed = True

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)
