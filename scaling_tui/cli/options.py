"""What the commands share: options, and where words and data go."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from scaling_tui.text.json_documents import dumps

AsJson = Annotated[bool, typer.Option("--json", help="Print exactly one JSON document on stdout.")]
Runs = Annotated[Path | None, typer.Option("--runs", help="Folder of the sweeps; else $SCALING_TUI_RUNS, else ./runs.")]
SweepName = Annotated[str | None, typer.Argument(metavar="[SWEEP]", help="Name of a sweep; the latest if not given.")]


def say(text: str) -> None:
    """Words go to stderr; stdout carries data."""
    print(text, file=sys.stderr)


def print_json(document: Any) -> None:
    """Prints one JSON document. A number that JSON cannot hold (nan, inf) becomes null."""
    print(dumps(document, indent=2))


@contextmanager
def ctrl_c_waits() -> Iterator[Callable[[], bool]]:
    """Has a ctrl+c wait for the end of the block: half-started, a sweep would run on without a word to anybody.

    Gives a function that tells whether one came.
    """
    came = False

    def note(number: int, frame: object) -> None:
        nonlocal came
        came = True

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: came
    finally:
        signal.signal(signal.SIGINT, before)
