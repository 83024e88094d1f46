"""What a run leaves on disk: its format, the writer, the reader.

    RUNS/<sweep>/sweep.json              written once: the ladder as resolved, seeds, versions, machine, corpus hash
    RUNS/<sweep>/predictions.jsonl       appended before the predicted run starts
    RUNS/<sweep>/rates.jsonl             appended once the learning rates are chosen, where a ladder tunes them
    RUNS/<sweep>/requests/               one file a request: stop, resume or next, the whole sweep or one run
    RUNS/<sweep>/supervisor-K/           the K-th supervisor's status.json and log
    RUNS/<sweep>/<run>/run.json          written once: the run's whole configuration
    RUNS/<sweep>/<run>/attempt-K/        claimed by mkdir: metrics.jsonl, status.json, checkpoint-*, worker.log

Your own trainer writes the same folder with `Writer`, and gets the app, fits and plans with it:

    from scaling_tui.runs import Writer

    with Writer.create("runs/mine/small", {"params": 124_000_000}) as run:
        for step, loss in training():
            run.log(step=step, tokens=step * 2**19, loss=loss)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scaling_tui.runs.curve import Curve
    from scaling_tui.runs.find import find_run, find_sweep, list_sweeps
    from scaling_tui.runs.format import RecordedPrediction, State, Status, runs_folder
    from scaling_tui.runs.reader import SweepReader, read_run, read_sweep
    from scaling_tui.runs.requests import latest_request, make_request
    from scaling_tui.runs.views import RunView, SweepView
    from scaling_tui.runs.writer import Writer, append_prediction, create_sweep, join_sweep

__all__ = [
    "Curve",
    "RecordedPrediction",
    "RunView",
    "State",
    "Status",
    "SweepReader",
    "SweepView",
    "Writer",
    "append_prediction",
    "create_sweep",
    "find_run",
    "find_sweep",
    "join_sweep",
    "latest_request",
    "list_sweeps",
    "make_request",
    "read_run",
    "read_sweep",
    "runs_folder",
]

_MODULES = {
    "curve": ("Curve",),
    "find": ("find_run", "find_sweep", "list_sweeps"),
    "format": ("RecordedPrediction", "State", "Status", "runs_folder"),
    "reader": ("SweepReader", "read_run", "read_sweep"),
    "requests": ("latest_request", "make_request"),
    "views": ("RunView", "SweepView"),
    "writer": ("Writer", "append_prediction", "create_sweep", "join_sweep"),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Imports what is asked for: listing sweeps needs no NumPy, which takes longer to import than a list to print."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
