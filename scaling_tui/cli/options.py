"""What the commands share: options, and where words and data go."""

import json
import math
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print exactly one JSON document on stdout.")]
Runs = Annotated[Path | None, typer.Option("--runs", help="Folder of the sweeps; else $SCALING_TUI_RUNS, else ./runs.")]
SweepName = Annotated[str | None, typer.Argument(metavar="[SWEEP]", help="Name of a sweep; the latest if not given.")]


def say(text: str) -> None:
    """Words go to stderr; stdout carries data."""
    print(text, file=sys.stderr)


def print_json(document: Any) -> None:
    """Prints one JSON document. A number that JSON cannot hold (nan, inf) becomes null."""
    print(json.dumps(_finite(document), ensure_ascii=False, indent=2))


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


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
