"""Watches a sweep from a thread: reads, fits, and hands the app one immutable state at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from scaling_tui import InputError
from scaling_tui.runs import SweepReader, SweepView, find_sweep
from scaling_tui.sweep import fit_sweep
from scaling_tui.sweep.points import SweepFit

LOOK_S = 0.5


@dataclass(frozen=True)
class Watched:
    """A sweep as read, and the law through what has finished. `problem` says why there is no sweep."""

    sweep: SweepView | None = None
    fit: SweepFit | None = None
    problem: str = ""


class Watch(Thread):
    """Calls `tell` with a new `Watched` whenever something on disk changed; ends after `stop`."""

    def __init__(self, runs: Path, name: str | None, tell: Callable[[Watched], None], period: float = LOOK_S) -> None:
        super().__init__(name="watch", daemon=True)
        self._runs, self._name, self._tell, self._period = runs, name, tell, period
        self._stopped = Event()

    def stop(self) -> None:
        self._stopped.set()

    def run(self) -> None:
        reader: SweepReader | None = None
        shown: object = None
        fitted: tuple[object, SweepFit | None] = (None, None)
        while not self._stopped.is_set():
            try:
                reader = reader or SweepReader(find_sweep(self._runs, self._name))
                sweep = reader.poll()
                finished = tuple((run.name, run.loss) for run in sweep.runs if run.state == "finished")
                if finished != fitted[0]:
                    predicted = [prediction.run for prediction in sweep.predictions]
                    fitted = (finished, fit_sweep(sweep, leave_out=predicted))
                found, now = Watched(sweep, fitted[1]), _fingerprint(sweep)
            except (InputError, OSError) as error:
                reader, found, now = None, Watched(problem=str(error)), str(error)
            except Exception as error:
                # A folder that others wrote may hold anything; a thread that died would leave a blank screen.
                problem = f"cannot be read: {type(error).__name__}: {error}"
                reader, found, now = None, Watched(problem=problem), problem
            if now != shown and not self._stopped.is_set():
                shown = now
                self._tell(found)
            self._stopped.wait(self._period)


def _fingerprint(sweep: SweepView) -> object:
    """Equal for two views that look the same."""
    runs = tuple((run.name, run.state, len(run.curve), run.attempts) for run in sweep.runs)
    return sweep.state, runs, len(sweep.predictions), sweep.log[-1:]
