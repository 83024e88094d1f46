"""Waiting for what the processes of a sweep do."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from scaling_tui.runs import SweepView, read_sweep
from scaling_tui.runs.format import numbered


def until(reached: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "not reached"
        time.sleep(0.02)


def wait_for(sweep: Path, reached: Callable[[SweepView], bool], seconds: float) -> SweepView:
    """Reads on until `reached`; fails with the logs if that takes longer."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        view = read_sweep(sweep)
        if reached(view):
            return view
        time.sleep(0.05)
    logs = [(path / "supervisor.log").read_text() for _, path in numbered(sweep, "supervisor")]
    pytest.fail("\n".join([f"not reached; {view.state} {view.reason}", *logs, *view.log]))


def over(view: SweepView) -> bool:
    return not view.trains and view.state not in ("queued", "running")
