"""How long a ladder will take, from the speeds of earlier runs on this machine. All estimates come from here."""

import heapq
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from scaling_tui import InputError
from scaling_tui.runs import SweepView, list_sweeps
from scaling_tui.runs.glance import glance
from scaling_tui.sweeps.devices import kind_of
from scaling_tui.sweeps.ladder import Ladder
from scaling_tui.sweeps.limits import cores
from scaling_tui.text import show

Speed = tuple[float, float]
"""FLOPs per token of a run, and the FLOP/s that it reached."""

LATEST = 12  # sweeps to read; older ones add nothing
PAUSE = 20.0  # times the median interval between records: longer is a stop, not an evaluation
START_S = 3.0  # a worker's imports and its corpus
# Measured on the rungs of quickstart, two workers at a time on two cores of an x86 server; used before anything was
# trained here. The speed grows with size because small models wait for Python.
REFERENCE = ((8.6e4, 5.5e9), (2.5e5, 9.3e9), (4.8e5, 1.7e10), (7.9e5, 2.0e10), (1.2e6, 2.1e10), (2.75e6, 3.2e10))


@dataclass(frozen=True)
class Estimate:
    """Seconds of each rung at one seed and of the whole sweep; `basis` says where the speeds come from."""

    seconds: tuple[float, ...]
    total: float
    basis: str


def estimate(ladder: Ladder, recorded: Sequence[Speed], jobs: int, seeds: int) -> Estimate:
    """How long `ladder` takes with `jobs` runs at a time and `seeds` seeds.

    FLOP/s is interpolated over FLOPs per token between the sizes that ran here, and constant beyond them.
    """
    basis = f"times from the speed of {show.counted(len(recorded), 'run')} on this machine"
    if not recorded:
        basis = "times from a two-core machine: nothing was trained on this device yet"
    speeds = speed_curve(recorded or REFERENCE)
    seconds = [START_S + rung.cost / _interpolated(speeds, rung.flops / rung.tokens) for rung in ladder.rungs]
    last = ladder.fit.predict if ladder.fit else None
    first = [second for rung, second in zip(ladder.rungs, seconds, strict=True) if rung.name != last] * seeds
    alone = [second for rung, second in zip(ladder.rungs, seconds, strict=True) if rung.name == last] * seeds
    # More runs than cores are no faster together.
    return Estimate(tuple(seconds), makespan(first, min(jobs, max(1, cores()))) + sum(alone), basis)


def recorded_speeds(runs: Path, device: str = "auto") -> list[Speed]:
    """The speeds of the runs in the latest sweeps that this machine trained on a device of the same kind."""
    speeds, here = [], (platform.node(), kind_of(device))
    try:
        latest = list_sweeps(runs)[:LATEST]
    except InputError:
        latest = []
    for path in latest:
        try:
            view = glance(path)
        except (InputError, OSError):
            continue
        machine = view.document.get("machine")
        if isinstance(machine, dict) and (machine.get("host"), machine.get("device", "cpu")) == here:
            speeds += list(_speeds(view))
    return speeds


def _speeds(view: SweepView) -> Iterable[Speed]:
    for run in view.runs:
        tokens, times = run.curve.points("tokens", "time")
        took, done = np.diff(times), np.diff(tokens)
        # The interval across a stop is not training time.
        at_work = (took > 0) & (done > 0)
        at_work &= took <= PAUSE * np.median(took[at_work]) if at_work.any() else False
        if run.flops and run.tokens and at_work.any():
            per_token = run.flops / run.tokens
            yield per_token, per_token * float(done[at_work].sum() / took[at_work].sum())


def speed_curve(speeds: Iterable[Speed]) -> list[Speed]:
    """One speed per size, the median of its runs, in order of size."""
    sizes: dict[float, list[float]] = {}
    for per_token, speed in speeds:
        sizes.setdefault(float(f"{per_token:.2g}"), []).append(speed)
    return [(size, median(measured)) for size, measured in sorted(sizes.items())]


def _interpolated(speeds: Sequence[Speed], per_token: float) -> float:
    sizes, rates = zip(*speeds, strict=True)
    return float(np.exp(np.interp(np.log(per_token), np.log(sizes), np.log(rates))))


def makespan(seconds: Sequence[float], jobs: int) -> float:
    """Seconds until all are done, `jobs` at a time and the longest first."""
    ends = [0.0] * max(1, jobs)
    for second in sorted(seconds, reverse=True):
        heapq.heapreplace(ends, ends[0] + second)
    return max(ends)
