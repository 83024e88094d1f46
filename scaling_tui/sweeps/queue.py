"""What people have asked of the runs that wait: which are held back, and which train next."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from scaling_tui.runs import RunView, SweepView
from scaling_tui.runs.format import WAITING
from scaling_tui.runs.requests import latest_requests, moved_up


@dataclass(frozen=True)
class Asked:
    """What was asked of the runs of a sweep and has not happened yet.

    Args:
        stopping: running runs that were asked to stop.
        held: waiting ones that were asked to stop before they began: they do not begin until they are resumed.
        moved_up: waiting ones that were asked to train next, as `runs.requests.moved_up` tells them.
    """

    stopping: frozenset[str] = frozenset()
    held: frozenset[str] = frozenset()
    moved_up: Mapping[str, int] = field(default_factory=dict)


def asked_of(sweep: SweepView) -> Asked:
    """Reads the requests of a sweep; of one that does not train none is left to be followed."""
    if not sweep.trains:
        return Asked()
    live = {run.name: run.state for run in sweep.runs if run.state in ("running", *WAITING)}
    stopped = {name for name, found in latest_requests(sweep.path, live).items() if found.request == "stop"}
    stopping = frozenset(name for name in stopped if live[name] == "running")
    held = frozenset(stopped - stopping)
    up = {name: n for name, n in moved_up(sweep.path).items() if live.get(name) in WAITING and name not in held}
    return Asked(stopping, held, up)


def why_not_next(sweep: SweepView, run: RunView) -> str:
    """Why a run cannot be asked to train next, in words; empty where it can."""
    if run.state in WAITING and sweep.trains:
        return ""
    what = run.name if sweep.trains else sweep.name
    state = run.state if sweep.trains else sweep.state
    return f"{what} is {state}, want a waiting run of a sweep in training"
