"""A sweep at a glance: its states and the last records of each run, without reading whole curves.

A sweep of many runs holds gigabytes; what is running and how far it has come takes a few kilobytes of them.
"""

import time
from pathlib import Path

from scaling_tui.runs.format import WATCH_S
from scaling_tui.runs.liveness import Liveness, last_statuses
from scaling_tui.runs.reader import SweepReader
from scaling_tui.runs.views import SweepView

LAST_BYTES = 1 << 16


LOOK_AGAIN_S = 0.5


def trains(path: Path, watch: bool = False) -> bool:
    """Whether a supervisor or a worker of the sweep at `path` is alive, by their status files alone.

    With `watch` a writer whose clock is wrong is watched for a few seconds.
    """
    liveness, began = Liveness(patient=True), time.monotonic()
    while True:
        runs = [run.parent for run in path.glob("*/run.json")]
        liveness.look(path, runs)
        states = [liveness.state(*found)[0] for found in last_statuses(path, runs)]
        if "running" in states:
            return True
        if not (watch and liveness.undecided and time.monotonic() - began < WATCH_S):
            return False
        time.sleep(LOOK_AGAIN_S)


def decided(reader: SweepReader) -> SweepView:
    """The sweep as it stands; where a writer's clock is wrong it is watched, for a few seconds, to see who is alive."""
    view, began = reader.poll(), time.monotonic()
    while view.undecided and time.monotonic() - began < WATCH_S:
        time.sleep(LOOK_AGAIN_S)
        view = reader.poll()
    return view


def glance(path: Path) -> SweepView:
    """The sweep at `path` with curves that hold no more than the last `LAST_BYTES` of each attempt's records."""
    return SweepReader(path, last_bytes=LAST_BYTES).poll()


def watched(path: Path) -> SweepView:
    """As `glance`, for who is about to steer the sweep: watched as `decided` does."""
    return decided(SweepReader(path, last_bytes=LAST_BYTES, patient=True))
