"""Which run trains next: decided by the supervisor from what is on disk, and by a timetable from what it simulates."""

import heapq
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from types import MappingProxyType
from typing import Generic, TypeVar

from scaling_tui.runs import RunView, SweepView
from scaling_tui.runs.writer import checkpoint_at
from scaling_tui.sweeps.sweep_fit import last_runs
from scaling_tui.sweeps.tuning import can_choose, is_probe

ATTEMPTS = 3  # for a run whose worker is killed
AHEAD_S = 15.0  # a worker is started so long before a trunk lets its branches begin

K = TypeVar("K", bound=Hashable)
Key = tuple[int, float, int, str]  # of a run: the smallest begins first


@dataclass(frozen=True)
class Decision:
    """What the supervisor does now: start these runs, the one in `alone` only once the engine is empty; choose rates;
    or end."""

    start: tuple[str, ...] = ()
    alone: str | None = None
    tune: bool = False
    end: bool = False


@dataclass
class Waiting(Generic[K]):
    """The runs that could train now, in the order in which they begin.

    What somebody has moved up first, then the largest, so that nothing idles at the end; but predicted runs after all
    others, each `alone` if that gives it the cores of the others. Runs that ask for the same resources are of one
    `kind`. Adding or taking a run, and finding the next of a kind, needs no search through all.
    """

    alone: bool = True
    _others: dict[K, list[Key]] = field(default_factory=dict)
    _last: list[Key] = field(default_factory=list)
    planned: int = 0  # runs that wait for their learning rate
    probes: int = 0  # runs that probe rates, waiting or training

    def add(self, name: str, flops: float, place: int, kind: K, last: bool = False, moved_up: int = 0) -> None:
        """Adds a run with so many FLOPs, the `place`-th of its sweep; `last` is one of the predicted rung.

        Of the runs that were `moved_up` the one with the highest number begins first.
        """
        if last:
            insort(self._last, (-moved_up, 0.0, place, name))
        else:
            insort(self._others.setdefault(kind, []), (-moved_up, -flops, place, name))

    def take(self, kind: K, free: int) -> str | None:
        """Takes the first of a kind, if it is among the first `free` of all."""
        runs = self._others.get(kind)
        if not runs or self._before(runs[0]) >= free:
            return None
        return runs.pop(0)[-1]

    def last_now(self, working: int, last: int, jobs: int) -> tuple[str, ...]:
        """The predicted runs to start now, while `working` runs train, `last` of them predicted."""
        if self.any_others or working > last or (self.alone and working):
            return ()
        return tuple(name for *_, name in self._last[: 1 if self.alone else max(0, jobs - working)])

    def take_last(self, name: str) -> None:
        """Takes a predicted run."""
        self._last = [key for key in self._last if key[-1] != name]

    @property
    def any_others(self) -> bool:
        return any(self._others.values())

    def kinds(self) -> list[K]:
        """The kinds of the waiting runs, that of the first run first."""
        there = [(runs[0], kind) for kind, runs in self._others.items() if runs]
        return [kind for _, kind in sorted(there, key=lambda item: item[0])]

    def among(self, free: int) -> Counter[K]:
        """How many of each kind are among the first `free`."""
        counts = {kind: len(runs) for kind, runs in self._others.items() if runs}
        if sum(counts.values()) > free:
            counts = (
                {kind: self._within(kind, free) for kind in counts} if len(counts) > 1 else dict.fromkeys(counts, free)
            )
        return Counter({kind: count for kind, count in counts.items() if count})

    def _within(self, kind: K, free: int) -> int:
        runs = self._others[kind]
        low, high = 0, len(runs)
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self._before(runs[middle]) < free else (low, middle)
        return low

    def _before(self, key: Key) -> int:
        return sum(bisect_left(runs, key) for runs in self._others.values())

    def _in_order(self) -> Iterator[str]:
        return (name for *_, name in heapq.merge(*self._others.values()))

    @property
    def tunes(self) -> bool:
        """Whether it is time to choose learning rates, if the probes give any."""
        return self.planned > 0 and self.probes == 0

    def decide(self, working: int, last: int, jobs: int) -> Decision:
        """What to start while `working` runs train, `last` of them predicted, and at most `jobs` may."""
        if self.any_others:
            return Decision(start=tuple(islice(self._in_order(), max(0, jobs - working))))
        start = self.last_now(working, last, jobs)
        return Decision(start, start[0] if start and self.alone else None, end=not start and not working)


def decide(
    sweep: SweepView,
    requests: Mapping[str, str | None],
    started: Mapping[str, int],
    working: Sequence[str],
    jobs: int,
    early: Collection[str] = (),
    alone: bool = True,
    moved_up: Mapping[str, int] = MappingProxyType({}),
) -> Decision:
    """Decides from what is on disk.

    Args:
        sweep: its current view.
        requests: the latest request to each run.
        started: attempts that this supervisor has started, by run.
        working: runs with a live worker.
        jobs: how many workers may run at a time.
        early: branches whose trunk has not reached their first step.
        alone: whether each predicted run trains alone.
        moved_up: the runs that were asked to train next, as `runs.requests.moved_up` tells them.
    """
    waiting: Waiting[None] = Waiting(alone)
    last, at_work = last_runs(sweep), set(working)
    for place, run in enumerate(sweep.runs):
        could = run.name not in at_work and can_start(run, requests, started)
        waits = could and not run.planned and run.name not in early
        waiting.planned += could and run.planned
        waiting.probes += (waits or run.name in at_work) and is_probe(sweep, run)
        if waits:
            waiting.add(run.name, run.flops or 0, place, None, run.name in last, moved_up.get(run.name, 0))
    if waiting.tunes and can_choose(sweep):
        return Decision(tune=True)
    return waiting.decide(len(working), len(at_work.intersection(last)), jobs)


def can_start(run: RunView, requests: Mapping[str, str | None], started: Mapping[str, int]) -> bool:
    """Whether to start a worker for `run`.

    A failed run gets one attempt for each request to resume; a diverged one none, as it would diverge again.
    """
    request, tried = requests.get(run.name), started.get(run.name, 0)
    if request == "stop" or run.state in ("running", "finished", "diverged", "unreadable"):
        return False
    return tried < (ATTEMPTS if run.state != "failed" else 1 if request == "resume" else 0)


def early_branches(sweep: SweepView) -> list[str]:
    """Runs that wait for their trunk's checkpoint."""
    return [
        run.name
        for run in sweep.runs
        if run.state == "queued" and (trunk := run.trunk) and not checkpoint_at(sweep.path / trunk.run, trunk.step)
    ]


def soon(sweep: SweepView, early: Collection[str]) -> int:
    """How many of the `early` branches can start within AHEAD_S, at the speed of their trunks."""
    count = 0
    for name in early:
        run = sweep.run(name)
        if run is None or run.trunk is None or (trunk := sweep.run(run.trunk.run)) is None:
            continue
        done, speed = trunk.curve.last("tokens"), trunk.steady_speed
        if trunk.state == "running" and done is not None and speed:
            count += (run.trunk.tokens - done) / speed < AHEAD_S
    return count


@dataclass(frozen=True)
class Settlement(Generic[K]):
    """What an engine does with its workers once the idle ones have been offered every run that could train.

    Args:
        ask: by kind, how many more workers to ask for; if negative, how many to cancel in the queue.
        leave: how many of the idle ones leave.
    """

    ask: Mapping[K, int]
    leave: int


def settlement(wanted: Mapping[K, int], queued: Mapping[K, int], idle: int, ready: int, usual: K) -> Settlement[K]:
    """Which idle workers leave, and which workers are asked for or cancelled.

    Args:
        wanted: workers for runs that could train now, by kind.
        queued: workers asked for that have not started yet, by kind.
        idle: workers that have started and have no run.
        ready: how many to keep ready for runs that come soon.
        usual: the kind of worker for these.
    """
    wants: Counter[K] = Counter(wanted)
    missing = max(0, ready - idle - wants.total())
    if missing:
        wants[usual] += missing
    kinds = dict.fromkeys((*wants, *queued))
    return Settlement(
        {kind: change for kind in kinds if (change := wants[kind] - queued.get(kind, 0))}, max(0, idle - ready)
    )
