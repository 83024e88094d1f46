"""A gate in front of a run's second checkpoint: its worker waits there until the test opens it or asks it to stop.

So a test meets a run in the middle of its training, with a checkpoint behind it, on any machine and however busy it is.
Python loads HOOK in every process that inherits PYTHONPATH; it does nothing but in a worker whose gate is closed.
"""

import time
from pathlib import Path

HOOK = """
import os, re, signal, sys, time
from pathlib import Path

def wait(event, arguments):
    if event != "os.rename":
        return
    checkpoint = Path(os.path.abspath(os.fsdecode(arguments[1])))
    if not re.fullmatch("checkpoint-[0-9]+", checkpoint.name):
        return
    attempt = checkpoint.parent
    runs = attempt.parents[2]
    closed = runs.with_name(runs.name + ".gates") / attempt.parent.name
    if closed.exists() and any(attempt.glob("checkpoint-*")):
        closed.with_suffix(".waits").touch()
        while closed.exists() and not asked_to_stop():
            time.sleep(0.05)

def asked_to_stop():
    return getattr(getattr(signal.getsignal(signal.SIGTERM), "__self__", None), "asked", False)

if "scaling_tui.train.worker" in sys.orig_argv:
    sys.addaudithook(wait)
"""


class Gates:
    """The gates of the runs of all sweeps in the folder `runs`."""

    def __init__(self, runs: Path) -> None:
        self.folder = runs.with_name(runs.name + ".gates")
        self.folder.mkdir()

    def close(self, *runs: str) -> None:
        for run in runs:
            (self.folder / run).touch()

    def open(self, *runs: str) -> None:
        for run in runs:
            (self.folder / run).unlink()

    def waiting(self) -> set[str]:
        """The runs whose worker has come to its gate."""
        return {path.stem for path in self.folder.glob("*.waits")}

    def wait_for(self, *runs: str, seconds: float = 900) -> None:
        deadline = time.monotonic() + seconds
        while not self.waiting() >= set(runs):
            assert time.monotonic() < deadline, f"at their gates: {self.waiting()}; want {runs}"
            time.sleep(0.05)
