"""A sweep at a glance: its states and the last records of each run, without reading whole curves.

A sweep of many runs holds gigabytes; what is running and how far it has come takes a few kilobytes of them.
"""

from pathlib import Path

from scaling_tui.runs.format import is_running, numbered
from scaling_tui.runs.reader import SweepReader
from scaling_tui.runs.views import SweepView

LAST_BYTES = 1 << 16


def trains(path: Path) -> bool:
    """Whether a supervisor or a worker of the sweep at `path` is alive, by their status files alone."""
    claimed = [numbered(path, "supervisor"), *(numbered(run.parent, "attempt") for run in path.glob("*/run.json"))]
    return any(is_running(folders[-1][1]) for folders in claimed if folders)


def glance(path: Path) -> SweepView:
    """The sweep at `path` with curves that hold no more than the last `LAST_BYTES` of each attempt's records."""
    return SweepReader(path, last_bytes=LAST_BYTES).poll()
