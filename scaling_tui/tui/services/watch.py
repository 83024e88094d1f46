"""Watches sweeps from threads: reads, fits, and hands the screens one immutable state at a time."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from scaling_tui import InputError
from scaling_tui.runs import SweepReader, SweepView, find_sweep, latest_request
from scaling_tui.sweeps.sweep_fit import SweepFit, fit_beforehand

LOOK_S = 0.5
KEPT = 4096  # records of an attempt in memory: more than any terminal has columns for
PIECE = 1 << 24  # bytes of records read at a look, run after run: few curves change, and few are drawn anew
READING_S = 2.0  # between two states while a large sweep is read: drawing its curves is work too
COURTESY_S = 0.1  # after a screen began to draw, for which reading waits
RESTING = 2  # watches without a listener that are kept, so that coming back to a sweep reads nothing twice


@dataclass(frozen=True)
class Watched:
    """A sweep as read, and the law through what has finished. `problem` says why there is no sweep.

    `stopping` are the runs that were asked to stop and have not yet; `unread` is the share of the records of which
    the curves are samples so far.
    """

    sweep: SweepView | None = None
    fit: SweepFit | None = None
    stopping: frozenset[str] = frozenset()
    unread: float = 0.0
    problem: str = ""


Tell = Callable[[Watched], None]


class Watch(Thread):
    """Tells its listeners a new `Watched` whenever something on disk changed; rests while it has none."""

    def __init__(self, runs: Path, name: str | None, period: float = LOOK_S) -> None:
        super().__init__(name="watch", daemon=True)
        self._runs, self._sweep, self._period = runs, name, period
        self._found: str | None = None
        self._listeners: tuple[Tell, ...] = ()
        self._wanted, self._stopped = Event(), Event()
        self._last: Watched | None = None
        self._total = 0
        self._held = 0.0

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    def serves(self, sweep: str | None) -> bool:
        """Whether this is the watch for `sweep`; that of the latest serves the one that it found to be it, too."""
        return self._sweep == sweep or (self._sweep is None and self._found == sweep)

    def add(self, tell: Tell) -> None:
        """`tell` hears what is known now, at once, and all that follows; it is called from another thread."""
        self._listeners += (tell,)
        if self._last is not None:
            tell(self._last)
        self._wanted.set()

    def remove(self, tell: Tell) -> None:
        self._listeners = tuple(other for other in self._listeners if other != tell)
        if not self._listeners:
            self._wanted.clear()

    def hold(self) -> None:
        """Reading waits a moment: two threads that both want Python get in each other's way."""
        self._held = time.monotonic() + COURTESY_S

    def _breathe(self) -> None:
        time.sleep(0)
        while (left := self._held - time.monotonic()) > 0:
            time.sleep(min(left, COURTESY_S))

    def stop(self) -> None:
        self._stopped.set()
        self._wanted.set()

    def run(self) -> None:
        reader: SweepReader | None = None
        shown: object = None
        fitted: tuple[object, SweepFit | None] = (None, None)
        told = 0.0
        while not self._stopped.is_set():
            self._wanted.wait()
            if self._stopped.is_set():
                return
            try:
                most = PIECE if reader else 0
                reader = reader or SweepReader(find_sweep(self._runs, self._sweep), KEPT, breathe=self._breathe)
                sweep = reader.poll(most)
                self._found = sweep.name
                finished = tuple((run.name, run.loss) for run in sweep.runs if run.state == "finished")
                # While a large sweep is read one run after the other comes to its end: a fit for each is too many.
                if finished != fitted[0] and not sweep.unread:
                    fitted = (finished, fit_beforehand(sweep))
                found = Watched(sweep, fitted[1], stopping(sweep), self._share(sweep))
                now = _fingerprint(found)
            except (InputError, OSError) as error:
                reader, found, now = None, Watched(problem=str(error)), str(error)
            except Exception as error:
                # A folder that others wrote may hold anything; a thread that died would leave a blank screen.
                problem = f"cannot be read: {type(error).__name__}: {error}"
                reader, found, now = None, Watched(problem=problem), problem
            reading = found.unread > 0
            if now != shown and (not reading or time.monotonic() - told >= READING_S):
                shown, told, self._last = now, time.monotonic(), found
                for tell in self._listeners:
                    tell(found)
            if not reading:
                self._stopped.wait(self._period)

    def _share(self, sweep: SweepView) -> float:
        self._total = max(self._total, sweep.unread)
        return sweep.unread / self._total if self._total else 0.0


class Watches:
    """The watches of one app, one a sweep, shared by its screens."""

    def __init__(self, runs: Path, period: float = LOOK_S) -> None:
        self._runs, self._period = runs, period
        self._watches: list[Watch] = []
        # A key waits at most so long for a thread that reads, at each of the few times that it needs Python.
        sys.setswitchinterval(1e-3)

    def hold(self) -> None:
        """Whoever reads waits a moment."""
        for watch in self._watches:
            watch.hold()

    def listen(self, sweep: str | None, tell: Tell) -> Callable[[], None]:
        """Tells of the sweep (None: the latest) until the returned function is called."""
        watch = next((one for one in self._watches if one.serves(sweep)), None)
        if watch is None:
            watch = Watch(self._runs, sweep, self._period)
            watch.start()
        else:
            self._watches.remove(watch)
        self._watches.append(watch)  # the latest used last
        watch.add(tell)
        for rests in [one for one in self._watches if not one.listeners][:-RESTING]:
            self._watches.remove(rests)
            rests.stop()
        return lambda: watch.remove(tell)


def stopping(sweep: SweepView) -> frozenset[str]:
    """The running runs that were asked to stop."""
    running = [run.name for run in sweep.runs if run.state == "running"]
    return frozenset(name for name in running if latest_request(sweep.path, name) == "stop")


def _fingerprint(found: Watched) -> object:
    """Equal for two states that look the same."""
    sweep = found.sweep
    if sweep is None:
        return found.problem
    runs = tuple((run.name, run.state, run.curve.records, run.attempts, run.unread) for run in sweep.runs)
    return sweep.state, runs, len(sweep.predictions), sweep.log[-1:], found.stopping
