"""Trains a run again from the start, with the settings and the seed that it had."""

from pathlib import Path

from scaling_tui import InputError
from scaling_tui.runs import RunView, SweepView
from scaling_tui.runs.commands import suggested
from scaling_tui.runs.fence import start_over, take_back
from scaling_tui.runs.glance import watched
from scaling_tui.sweeps.launch import check_copy, resume


def rerun(sweep: Path, run: str, *, address: str = "", take_over: bool = False) -> SweepView:
    """Puts a run back into the queue as if it had never begun, and starts a supervisor where none is alive.

    Its earlier attempts stay on disk with all of their files; nothing reads them any more. `address` and `take_over`
    are as in `resume`.

    Raises:
        InputError: it cannot be trained again, or not here; then it is as it was.
    """
    view = watched(sweep)
    found = view.run(run)
    if found is None:
        raise InputError(f"run {run!r}: not in sweep {view.name}; known: {', '.join(one.name for one in view.runs)}")
    if why := why_not_again(view, found):
        raise InputError(f"run {run}: {why}")
    check_copy(view, take_over)
    attempt = start_over(found.path)
    try:
        return resume(sweep, run=run, address=address, take_over=take_over)
    except (InputError, OSError):
        take_back(attempt)
        raise


def why_not_again(sweep: SweepView, run: RunView) -> str:
    """Why a run cannot be trained again from the start, in words; empty where it can."""
    if "ladder" not in sweep.document:
        return "another trainer wrote it; want a run of 'scaling-tui run'"
    if run.state == "running":
        stop = suggested(sweep.path.parent, "stop", sweep.name, options=("--run", run.name))
        return f"still training; stop it first with {stop}"
    if run.state == "unreadable":
        return f"unreadable: {run.reason}"
    if run.state == "queued":
        return "has not begun, so there is nothing to train again"
    return ""
