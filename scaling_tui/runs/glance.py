"""A sweep at a glance: its states and the last records of each run, without reading the curves.

A sweep of many runs is gigabytes; who only asks what runs and how far it is needs a few kilobytes of them.
"""

from pathlib import Path

from scaling_tui.runs.format import Status, numbered
from scaling_tui.runs.reader import SweepReader, SweepView

LAST_BYTES = 1 << 16


def trains(path: Path) -> bool:
    """Whether a supervisor or a worker of the sweep at `path` is alive, by their status files alone."""
    claims = [numbered(path, "supervisor"), *(numbered(run.parent, "attempt") for run in path.glob("*/run.json"))]
    for found in claims:
        status = Status.read(found[-1][1] / "status.json") if found else None
        if status is not None and status.derived() == "running":
            return True
    return False


def glance(path: Path) -> SweepView:
    """The sweep at `path` with curves that hold no more than the last `LAST_BYTES` of each attempt's records."""
    return SweepReader(path, last_bytes=LAST_BYTES).poll()
