"""How long a sweep still takes, and how far that may be off: from the speeds so far and a simulation of what is left.

The pace of a run that trains is what its last records took on the clock, evaluations and checkpoints included. A run
that waits gets the pace of its own size where one was seen; else the launch's estimate, corrected by how the runs seen
so far compare with theirs; else a pace by the FLOPs per second of the sizes seen.

The interval supposes that paces go on varying as they have. It moves all runs at once, to the slow end and to the fast
one, since what slows one run of a machine slows the others too; of runs that vary independently it is too wide. What
nobody has seen yet, such as a machine that gets busy later, is in no interval.
"""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scaling_tui.laws.counting import training_flops
from scaling_tui.laws.student_t import t_quantile
from scaling_tui.runs import RunView, SweepView
from scaling_tui.runs.format import WAITING
from scaling_tui.runs.points import case_of
from scaling_tui.sweeps.cluster import MOST_CPUS, Nodes
from scaling_tui.sweeps.estimate import HAND_OVER_S, PREDICT_S
from scaling_tui.sweeps.queue import Asked, asked_of
from scaling_tui.sweeps.resources import Resources, recorded
from scaling_tui.sweeps.simulation import Rules, Task, simulate
from scaling_tui.sweeps.sweep_fit import last_runs
from scaling_tui.sweeps.tuning import is_probe

LEVEL = 0.9
ENOUGH = 5  # records, before a pace counts as steady
RECENT = 0.5  # of a run's records, the share whose pace is that of the rest; 64 at least, if there are so many
BLOCKS = 8  # whose paces tell how much they vary: single records would hide that neighbours are alike
LEAST = 0.02  # of a pace: nobody knows one better
BREAK_S, BREAK = 60.0, 50.0  # a gap so long, and so many times the usual one, is a pause of the run
SAME_SIZE = 0.05  # log: how much two runs of one size differ where nothing tells
CORRECTED = 0.15  # log: how far the launch's estimate is off for one size more than for others, where nothing tells
OWN = 0.1  # log: how far the FLOP/s of a size are off the line through all, at least
# The slope of FLOP/s with FLOPs a token, both in logs, before any is seen, and how far it may be off: a machine that is
# full has none, one that waits for Python has one near 0.5.
SLOPE, SLOPE_OFF = 0.25, 0.25
NORMAL = 1.645  # standard deviations to either side, of LEVEL
FIRST = 1 << 62  # of a run that trains already, in the queue of the simulation


@dataclass(frozen=True)
class TimeLeft:
    """Seconds until the last run that trains or waits has ended, with the interval of `LEVEL`."""

    seconds: float
    low: float
    high: float


@dataclass(frozen=True)
class Pace:
    """Seconds a token, and the half-width of the interval of its logarithm."""

    seconds: float
    off: float


def time_left(sweep: SweepView, asked: Asked | None = None) -> TimeLeft | None:
    """How long `sweep` still takes; None where it does not train, or a pace that it takes is not known yet."""
    if not sweep.trains or (sweep.copy is not None and sweep.copy.stale) or sweep.unread:
        return None
    asked = asked_of(sweep) if asked is None else asked
    working = [run for run in sweep.runs if run.state == "running" and run.name not in asked.stopping]
    # Of another trainer's runs nobody knows when those that wait begin.
    waiting = [run for run in sweep.runs if run.state in WAITING and run.name not in asked.held]
    waiting = waiting if "ladder" in sweep.document else []
    paces = {run.name: pace for run in sweep.runs if (pace := pace_of(run)) is not None}
    expect = _expected(sweep, paces)
    left: dict[str, Pace] = {}  # seconds of the rest of each run
    for run in (*working, *waiting):
        pace = paces.get(run.name) if run in working else expect(run)
        pace = pace or expect(run)
        tokens = _tokens_left(run)
        if pace is None or tokens is None:
            return None
        left[run.name] = replace(pace, seconds=pace.seconds * tokens)
    if not left:
        return None
    central, low, high = (_course(sweep, working, waiting, left, asked, moved) for moved in (0.0, -1.0, 1.0))
    return TimeLeft(central, low, high)


def pace_of(run: RunView) -> Pace | None:
    """The pace of a run by its own records; None before there are enough."""
    tokens, moments, speeds = run.curve["tokens"], run.curve["time"], run.curve["tokens_per_s"]
    if np.isfinite(moments).sum() > ENOUGH:
        there = np.isfinite(tokens) & np.isfinite(moments)
        took, done = np.diff(moments[there]), np.diff(tokens[there])
        sound = (took > 0) & (done > 0)
        took, done = took[sound], done[sound]
        usual = float(np.median(took)) if len(took) else 0.0
        kept = took <= max(BREAK_S, BREAK * usual)
        took, done = took[kept], done[kept]
    else:
        there = np.isfinite(tokens) & (speeds > 0)
        done = np.diff(tokens[there], prepend=0.0)
        took = done / speeds[there]
        took, done = took[done > 0], done[done > 0]
    if len(took) < ENOUGH:
        return None
    # The first steps are slow, and what was long ago tells little.
    recent = max(ENOUGH - 1, min(len(took) - 1, max(64, math.ceil(RECENT * len(took)))))
    took, done = took[-recent:], done[-recent:]
    blocks = min(BLOCKS, len(took))
    paces = [
        math.log(float(a.sum() / b.sum()))
        for a, b in zip(np.array_split(took, blocks), np.array_split(done, blocks), strict=True)
    ]
    rest = (_tokens_left(run) or 0.0) * blocks / float(done.sum())  # in blocks
    spread = statistics.stdev(paces) * math.sqrt(1 / blocks + 1 / max(rest, 1.0))
    return Pace(float(took.sum() / done.sum()), _at_level(math.hypot(spread, LEAST), blocks - 1))


def _at_level(spread: float, freedom: float) -> float:
    return t_quantile((1 + LEVEL) / 2, freedom) * spread


def _tokens_left(run: RunView) -> float | None:
    if run.tokens is None:
        return None
    start = run.trunk.tokens if run.trunk else 0
    return max(0.0, run.tokens - max(start, run.curve.last("tokens") or 0.0))


def _expected(sweep: SweepView, paces: Mapping[str, Pace]) -> Callable[[RunView], Pace | None]:
    """The pace that a run will have which has none of its own yet."""
    by_case: dict[str, list[Pace]] = {}
    for run in sweep.runs:
        if run.name in paces:
            by_case.setdefault(case_of(run), []).append(paces[run.name])
    seen = {case: statistics.fmean(math.log(pace.seconds) for pace in found) for case, found in by_case.items()}
    runs = {case_of(run): run for run in sweep.runs}
    estimated = {
        case: math.log(seconds / tokens)
        for case, seconds in ((sweep.document.get("estimate") or {}).get("cases") or {}).items()
        if case in runs and seconds > 0 and (tokens := _own_tokens(runs[case]))
    }
    ratios = [seen[case] - estimated[case] for case in seen if case in estimated]
    rates = _Rates.through(
        [
            (math.log(per_token), math.log(per_token) - seen[case])
            for case, run in runs.items()
            if case in seen and (per_token := _flops_a_token(run))
        ]
    )
    alone = last_runs(sweep) if _together(sweep) > 1 and _is_local(sweep) else ()

    def expect(run: RunView) -> Pace | None:
        case = case_of(run)
        if case in seen:
            return Pace(math.exp(seen[case]), _spread([math.log(pace.seconds) for pace in by_case[case]], SAME_SIZE))
        if ratios and case in estimated:
            return Pace(math.exp(estimated[case] + statistics.median(ratios)), _spread(ratios, CORRECTED))
        per_token = _flops_a_token(run)
        if rates is None or per_token is None:
            return None
        rate, spread = rates.at(math.log(per_token))
        off = NORMAL * spread
        if run.name in alone:
            # It gets the cores of the others, of which it makes something between nothing and everything.
            rate += 0.5 * math.log(_together(sweep))
            off = math.hypot(off, 0.5 * math.log(_together(sweep)))
        return Pace(math.exp(math.log(per_token) - rate), off)

    return expect


@dataclass(frozen=True)
class _Rates:
    """FLOP/s by FLOPs a token, in logs: a line with a prior on its slope; `scatter` is that of a size around it."""

    mean: tuple[float, float]
    covariance: tuple[tuple[float, float], tuple[float, float]]
    scatter: float

    @classmethod
    def through(cls, points: Sequence[tuple[float, float]]) -> "_Rates | None":
        if not points:
            return None
        x, y = np.array(points).T
        design = np.stack([np.ones_like(x), x])
        scatter = OWN
        for _ in range(2):  # once to see how the sizes scatter
            inverse = np.linalg.inv(design @ design.T / scatter**2 + np.diag([1e-6, 1 / SLOPE_OFF**2]))
            mean = inverse @ (design @ y / scatter**2 + np.array([0.0, SLOPE / SLOPE_OFF**2]))
            if len(x) > 3:
                scatter = max(OWN, float(np.sqrt(((y - mean @ design) ** 2).sum() / (len(x) - 2))))
        (a, b), (c, d) = inverse.tolist()
        return cls((float(mean[0]), float(mean[1])), ((a, b), (c, d)), scatter)

    def at(self, x: float) -> tuple[float, float]:
        """The rate, and the standard deviation of that of one more size."""
        (a, b), (_, d) = self.covariance
        return self.mean[0] + self.mean[1] * x, math.sqrt(self.scatter**2 + a + 2 * b * x + d * x * x)


def _spread(logs: Sequence[float], assumed: float) -> float:
    """The half-width for one more of the same kind."""
    if len(logs) < 3:
        return NORMAL * assumed
    spread = max(statistics.stdev(logs), LEAST) * math.sqrt(1 + 1 / len(logs))
    return _at_level(spread, len(logs) - 1)


def _own_tokens(run: RunView) -> float | None:
    return None if run.tokens is None else run.tokens - (run.trunk.tokens if run.trunk else 0)


def _flops_a_token(run: RunView) -> float | None:
    if run.flops and run.tokens:
        return run.flops / run.tokens
    return training_flops(run.params, 1) if run.params else None


def _is_local(sweep: SweepView) -> bool:
    return bool((sweep.document.get("launch") or {}).get("on", "local") == "local")


def _together(sweep: SweepView) -> int:
    """How many runs train at a time: as many as do now, or as the launch on this machine foresaw."""
    working = sum(run.state == "running" for run in sweep.runs)
    foreseen = (sweep.document.get("launch") or {}).get("at_a_time")
    if isinstance(foreseen, int) and 0 < foreseen <= MOST_CPUS and not sweep.reason:
        return max(foreseen, working)
    return max(1, working)


def _course(
    sweep: SweepView,
    working: Sequence[RunView],
    waiting: Sequence[RunView],
    left: Mapping[str, Pace],
    asked: Asked,
    moved: float,
) -> float:
    """Seconds of the rest, with every pace `moved` so many half-widths."""
    together = max(_together(sweep), len(working))
    processes = {run.name: recorded(sweep.document, run.rung).processes for run in (*working, *waiting)}
    narrowest, last = min(processes.values()), last_runs(sweep)
    known = {run.name: run for run in (*working, *waiting)}
    tasks = []
    for place, run in enumerate((*working, *waiting)):
        trains = place < len(working)
        seconds = left[run.name].seconds * math.exp(moved * left[run.name].off)
        trunk = None
        if run.trunk is not None and (on := known.get(run.trunk.run)) is not None and not trains:
            rest, reached = _tokens_left(on) or 0.0, on.curve.last("tokens") or 0.0
            if rest > 0 and run.trunk.tokens > reached:
                trunk = (on.name, min(1.0, (run.trunk.tokens - reached) / rest))
        tasks.append(
            Task(
                name=run.name,
                case=case_of(run),
                asks=Resources(float(min(together, -(-processes[run.name] // narrowest))), 0.0),
                seconds=(seconds,),
                flops=run.flops or 0.0,
                trunk=trunk,
                last=run.name in last and not trains,
                probe=is_probe(sweep, run),
                planned=run.planned,
                moved_up=FIRST if trains else asked.moved_up.get(run.name, 0),
            )
        )
    rules = Rules(together, 0.0, HAND_OVER_S, PREDICT_S, alone=_is_local(sweep))
    return simulate(tasks, [Nodes(cpus=together)], rules).makespan
