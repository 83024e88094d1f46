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

In a notebook, a sweep is read as arrays or data frames:

    from scaling_tui import laws, runs

    sweep = runs.read_sweep("quickstart")
    sweep.curves().to_pandas()
    laws.fit("chinchilla-n", sweep.points())

`__all__` is public: it changes as docs/library.md promises. What else can be imported is for the packages of
scaling-tui and may change at any time.
"""

from typing import TYPE_CHECKING

from scaling_tui.text.lazy_names import lazy_names

if TYPE_CHECKING:
    from scaling_tui.runs.curve import Curve
    from scaling_tui.runs.find import find_run, find_sweep, list_sweeps
    from scaling_tui.runs.format import RecordedPrediction as RecordedPrediction
    from scaling_tui.runs.format import State, runs_folder
    from scaling_tui.runs.format import Status as Status
    from scaling_tui.runs.reader import SweepReader as SweepReader
    from scaling_tui.runs.reader import read_run
    from scaling_tui.runs.requests import latest_request as latest_request
    from scaling_tui.runs.requests import make_request as make_request
    from scaling_tui.runs.sweep import Sweep, read_sweep
    from scaling_tui.runs.views import RunView
    from scaling_tui.runs.views import SweepView as SweepView
    from scaling_tui.runs.writer import Writer
    from scaling_tui.runs.writer import append_prediction as append_prediction
    from scaling_tui.runs.writer import create_sweep as create_sweep
    from scaling_tui.runs.writer import join_sweep as join_sweep

__all__ = [
    "Curve",
    "RunView",
    "State",
    "Sweep",
    "Writer",
    "find_run",
    "find_sweep",
    "list_sweeps",
    "read_run",
    "read_sweep",
    "runs_folder",
]

_MODULES = {
    "curve": ("Curve",),
    "find": ("find_run", "find_sweep", "list_sweeps"),
    "format": ("RecordedPrediction", "State", "Status", "runs_folder"),
    "reader": ("SweepReader", "read_run"),
    "requests": ("latest_request", "make_request"),
    "sweep": ("Sweep", "read_sweep"),
    "views": ("RunView", "SweepView"),
    "writer": ("Writer", "append_prediction", "create_sweep", "join_sweep"),
}

if not TYPE_CHECKING:  # a type checker is to say which names there are not
    # A list of sweeps needs no NumPy, which takes longer to import than it to print.
    __getattr__ = lazy_names(__name__, _MODULES)


def __dir__() -> list[str]:
    return sorted(__all__)
