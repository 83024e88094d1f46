"""Watches sweeps in threads: reads, fits, and gives the screens one immutable snapshot at a time."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

from scaling_tui import InputError
from scaling_tui.runs import SweepReader, SweepView, find_sweep
from scaling_tui.sweeps.queue import Asked, asked_of
from scaling_tui.sweeps.sweep_fit import SweepFit, fit_beforehand
from scaling_tui.sweeps.time_left import TimeLeft, time_left

POLL_S = 0.5
KEPT = 4096  # records of an attempt in memory: more than any terminal has columns for
PIECE = 1 << 24  # bytes of records read in one poll, run after run, so that few curves change and are redrawn
READING_S = 2.0  # between two snapshots while a large sweep is read: drawing its curves takes time too
LEFT_SHARE = 50  # times as long as it took until the time left is computed again
COURTESY_S = 0.1  # that reading waits after a screen began to draw
IDLE_KEPT = 2  # watches kept without a listener, so that returning to a sweep reads nothing twice


@dataclass(frozen=True)
class SweepSnapshot:
    """A sweep as read, and the law through its finished runs. `problem` says why there is no sweep.

    `asked` is what was asked of its runs and has not happened yet; `left` is how long it still takes; `unread` is the
    share of records not yet read, 0 to 1: while it is above 0, the curves are samples.
    """

    sweep: SweepView | None = None
    fit: SweepFit | None = None
    asked: Asked = field(default_factory=Asked)
    left: TimeLeft | None = None
    unread: float = 0.0
    problem: str = ""


Listener = Callable[[SweepSnapshot], None]


class Watch(Thread):
    """Sends its listeners a new `SweepSnapshot` whenever something on disk changed; pauses while it has none."""

    def __init__(self, runs: Path, name: str | None, period: float = POLL_S) -> None:
        super().__init__(name="watch", daemon=True)
        self._runs, self._sweep, self._period = runs, name, period
        self._latest_name: str | None = None
        self._listeners: tuple[Listener, ...] = ()
        self._has_listeners, self._stopped = Event(), Event()
        self._last: SweepSnapshot | None = None
        self._total = 0
        self._time_left: TimeLeft | None = None
        self._left_due = 0.0
        self._held_until = 0.0

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    def serves(self, sweep: str | None) -> bool:
        """Whether this watches `sweep`. The watch of the latest sweep also serves that sweep by name."""
        return self._sweep == sweep or (self._sweep is None and self._latest_name == sweep)

    def add(self, listener: Listener) -> None:
        """`listener` gets the last snapshot at once and every one that follows, from another thread."""
        self._listeners += (listener,)
        if self._last is not None:
            listener(self._last)
        self._has_listeners.set()

    def remove(self, listener: Listener) -> None:
        self._listeners = tuple(other for other in self._listeners if other != listener)
        if not self._listeners:
            self._has_listeners.clear()

    def hold(self) -> None:
        """Pauses reading for a moment: two threads that both need Python slow each other."""
        self._held_until = time.monotonic() + COURTESY_S

    def _yield_to_screen(self) -> None:
        time.sleep(0)
        while (left := self._held_until - time.monotonic()) > 0:
            time.sleep(min(left, COURTESY_S))

    def stop(self) -> None:
        self._stopped.set()
        self._has_listeners.set()

    def run(self) -> None:
        reader: SweepReader | None = None
        shown: object = None
        fitted: tuple[object, SweepFit | None] = (None, None)
        posted = 0.0
        while not self._stopped.is_set():
            self._has_listeners.wait()
            if self._stopped.is_set():
                return
            try:
                most = PIECE if reader else 0
                reader = reader or SweepReader(find_sweep(self._runs, self._sweep), KEPT, breathe=self._yield_to_screen)
                sweep = reader.poll(most)
                self._latest_name = sweep.name
                finished = tuple((run.name, run.loss) for run in sweep.runs if run.state == "finished")
                # While a large sweep is read, one run after another turns out finished: a fit for each is too many.
                if finished != fitted[0] and not sweep.unread:
                    fitted = (finished, fit_beforehand(sweep))
                asked = asked_of(sweep)
                snapshot = SweepSnapshot(sweep, fitted[1], asked, self._left(sweep, asked), self._share(sweep))
                now = _fingerprint(snapshot)
            except (InputError, OSError) as error:
                reader, snapshot, now = None, SweepSnapshot(problem=str(error)), str(error)
            except Exception as error:
                # A folder that others wrote may hold anything, and a dead thread would leave a blank screen.
                problem = f"cannot be read: {type(error).__name__}: {error}"
                reader, snapshot, now = None, SweepSnapshot(problem=problem), problem
            reading = snapshot.unread > 0
            if now != shown and (not reading or time.monotonic() - posted >= READING_S):
                shown, posted, self._last = now, time.monotonic(), snapshot
                for listener in self._listeners:
                    listener(snapshot)
            if not reading:
                self._stopped.wait(self._period)

    def _left(self, sweep: SweepView, asked: Asked) -> TimeLeft | None:
        """How long the sweep still takes. Of a large one that is told less often than its files are read."""
        began = time.monotonic()
        if began >= self._left_due:
            self._time_left = time_left(sweep, asked)
            self._left_due = began + LEFT_SHARE * (time.monotonic() - began)
        return self._time_left

    def _share(self, sweep: SweepView) -> float:
        self._total = max(self._total, sweep.unread)
        return sweep.unread / self._total if self._total else 0.0


class Watches:
    """The app's watches, one per sweep, shared by its screens."""

    def __init__(self, runs: Path, period: float = POLL_S) -> None:
        self._runs, self._period = runs, period
        self._watches: list[Watch] = []
        # The longest that a key waits for a reading thread, each of the few times that it needs Python.
        sys.setswitchinterval(1e-3)

    def hold(self) -> None:
        """Pauses all reading for a moment."""
        for watch in self._watches:
            watch.hold()

    def listen(self, sweep: str | None, listener: Listener) -> Callable[[], None]:
        """Sends snapshots of the sweep (None: the latest) until the returned function is called."""
        watch = next((watch for watch in self._watches if watch.serves(sweep)), None)
        if watch is None:
            watch = Watch(self._runs, sweep, self._period)
            watch.start()
        else:
            self._watches.remove(watch)
        self._watches.append(watch)  # most recently used last
        watch.add(listener)
        for idle in [watch for watch in self._watches if not watch.listeners][:-IDLE_KEPT]:
            self._watches.remove(idle)
            idle.stop()
        return lambda: watch.remove(listener)


def _fingerprint(snapshot: SweepSnapshot) -> object:
    """Equal for two snapshots that look the same."""
    sweep = snapshot.sweep
    if sweep is None:
        return snapshot.problem
    runs = tuple((run.name, run.state, run.curve.records, run.attempts, run.unread) for run in sweep.runs)
    return sweep.state, sweep.reason, runs, len(sweep.predictions), sweep.log[-1:], snapshot.asked
