"""How long a ladder will take on this machine and how much memory: a model of the whole sweep from measured parts.

All estimates come from here.
"""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scaling_tui.laws.memory import ACTIVATIONS_SHARE, activation_bytes, micro_batches_for
from scaling_tui.sweeps.devices import kind_of
from scaling_tui.sweeps.ladder import Ladder
from scaling_tui.sweeps.limits import cores, memory
from scaling_tui.sweeps.placement import at_a_time, gpu_memory, main_memory, threads_for
from scaling_tui.sweeps.rung import Rung
from scaling_tui.sweeps.size import Size
from scaling_tui.sweeps.speeds import Evidence, Speed, Trained
from scaling_tui.text import show

# FLOPs per step, and FLOP/s, of the rungs of quickstart, two at a time on two cores of an x86 server; for a machine of
# which nothing is known. The speed grows with size because small models wait for Python.
REFERENCE = ((4.4e7, 2.2e10), (1.3e8, 4.1e10), (2.4e8, 5.7e10), (4e8, 6.7e10), (6e8, 7.8e10), (1.4e9, 1.1e11))
NEAR = 4.0  # times more or less FLOPs per step than a measured size: its speed tells that of a run

START_S = 2.5  # of a worker, where it was not measured
SUPERVISOR_S = 0.7  # its start, and what it does at the end
PREDICT_S = 0.5  # fitting the law, before the predicted run
HAND_OVER_S = 0.1  # from the end of a run to the next
FORWARD = 0.4  # of a training step's time per token, an evaluation
SETUP_S = 0.3
TRIALS = 4  # steps that a run tries out before it starts
WRITTEN_A_SECOND = 3e8  # bytes of a checkpoint
CHECKPOINTED = 12  # bytes a parameter
LIKELY = 0.4  # share of the peak that a model reaches which nobody measured
NAMED = 3  # rungs, in words
PROCESS_BYTES = 290_000_000  # resident memory of a worker with torch 2.13 for CPUs, without its model


@dataclass(frozen=True)
class Estimate:
    """What a sweep will take.

    Args:
        seconds: of each rung at one seed, in a worker that is ready.
        memory: of each rung in bytes.
        memory_of: what that is the memory of: `process` or `GPU`.
        total: seconds of the whole sweep.
        at_a_time: how many runs train at a time.
        basis: where the times come from, in words.
        known: whether each comes from a measurement of this machine, of its size or one near it.
    """

    seconds: tuple[float, ...]
    memory: tuple[int, ...]
    memory_of: str
    total: float
    at_a_time: int
    basis: str
    known: bool


def estimate(
    ladder: Ladder,
    known: Evidence,
    *,
    seeds: int,
    device: str = "auto",
    jobs: int | None = None,
    per_gpu: int | None = None,
    corpus_s: float = 0.0,
) -> Estimate:
    """What `ladder` takes with so many seeds.

    Args:
        ladder: what is trained.
        known: of the speed of this machine.
        seeds: of each rung.
        device: as for a launch.
        jobs: likewise.
        per_gpu: likewise.
        corpus_s: seconds that a worker needs to load the corpus.
    """
    together, trained = placed(ladder, seeds, device, jobs, per_gpu, known.gpu_free)
    speeds = [_speed(one, known) for one in trained]
    seconds = tuple(_seconds(rung, speed) for rung, (speed, _) in zip(ladder.rungs, speeds, strict=True))
    start = (START_S if known.start is None else known.start) + corpus_s
    gpu = kind_of(device) == "cuda"
    return Estimate(
        seconds=seconds,
        memory=tuple(_memory(one, together, gpu) for one in trained),
        memory_of="GPU" if gpu else "process",
        total=SUPERVISOR_S + _whole(ladder, seconds, seeds, together, start),
        at_a_time=together,
        basis=_basis(ladder, trained, [how for _, how in speeds], known),
        known=all(how in ("run", "probe", "between") for _, how in speeds),
    )


def placed(
    ladder: Ladder, seeds: int, device: str, jobs: int | None, per_gpu: int | None, gpu_free: int | None = None
) -> tuple[int, list[Trained]]:
    """How many runs train at a time, and how each rung is trained."""
    sizes = [Size.of_rung(rung) for rung in ladder.rungs]
    alone = [bool(ladder.fit and ladder.fit.predict == rung.name) for rung in ladder.rungs]
    runs = [rung.runs * seeds for rung in ladder.rungs]
    beside = [size for size, single, each in zip(sizes, alone, runs, strict=True) if not single for _ in range(each)]
    together = at_a_time(jobs, device, per_gpu, beside, gpu_free)
    shared = max(1, min(together, len(beside)))
    return together, [
        Trained(size, threads_for(size, single, cores(), together), 1 if single else shared)
        for size, single in zip(sizes, alone, strict=True)
    ]


def _speed(trained: Trained, known: Evidence) -> tuple[Speed, str]:
    """Its speed, complete, and how that is known: by a run, a probe, from sizes `between`, `beyond` them or nothing."""
    found, how = known.of(trained), "run" if trained in known.recorded else "probe"
    if found is None:
        found, how = _interpolated(trained, known)
    size = trained.size
    per_token = found.step / size.tokens_a_step
    written = size.params * CHECKPOINTED / WRITTEN_A_SECOND
    complete = replace(
        found,
        evaluation=FORWARD * per_token if found.evaluation is None else found.evaluation,
        setup=SETUP_S + TRIALS * found.step if found.setup is None else found.setup,
        checkpoint=0.02 + written if found.checkpoint is None else found.checkpoint,
    )
    return complete, how


def _interpolated(trained: Trained, known: Evidence) -> tuple[Speed, str]:
    """From the sizes that were measured with as many runs at a time; where there are none, with any number."""
    every = {**known.probed, **known.recorded}
    similar = [one for one in every if one.together == trained.together] or list(every)
    size, measured = trained.size, [(one.size, known.of(one)) for one in similar]
    if not measured:
        if peak := known.peak.get(trained.threads):
            return Speed(size.flops_a_step / (LIKELY * peak)), "peak"
        flops, rates = np.log(REFERENCE).T
        return Speed(size.flops_a_step / float(np.exp(np.interp(np.log(size.flops_a_step), flops, rates)))), "nothing"

    def between(by: Callable[[Size], float], value: Callable[[Speed], float | None]) -> float | None:
        points = sorted((by(one), found) for one, speed in measured if speed and (found := value(speed)) is not None)
        if not points:
            return None
        places, values = np.log(points).T
        own = np.log(by(size))
        # Beyond the largest, in proportion to its size.
        return float(np.exp(np.interp(own, places, values) + max(0.0, own - places[-1])))

    step = between(lambda one: one.flops_a_step, lambda speed: speed.step)
    assert step is not None
    distances = [abs(np.log(one.flops_a_step / size.flops_a_step)) for one, _ in measured]
    sizes = [one.flops_a_step for one, _ in measured]
    within = min(sizes) <= size.flops_a_step <= max(sizes) and trained.together == similar[0].together
    return Speed(
        step,
        between(lambda one: one.flops_a_token, lambda speed: speed.evaluation),
        between(lambda one: one.params, lambda speed: speed.setup),
        between(lambda one: one.params, lambda speed: speed.checkpoint),
    ), "between" if within or min(distances) < np.log(NEAR) else "beyond"


def _seconds(rung: Rung, speed: Speed) -> float:
    """Of one run of `rung`, in a worker that is ready."""
    assert speed.setup is not None
    assert speed.evaluation is not None
    assert speed.checkpoint is not None
    training, every = rung.training, rung.training.steps(rung.architecture.context)
    steps = every - (rung.trunk.step if rung.trunk else 0)
    share = steps / every
    evaluated = training.held_out_tokens * (2 if training.gap else 1)
    return (
        speed.setup
        + steps * speed.step
        + min(training.evaluations * share, steps) * evaluated * speed.evaluation
        + (min(training.checkpoints * share, steps) + len(rung.keep)) * speed.checkpoint
    )


def _memory(trained: Trained, together: int, gpu: bool) -> int:
    size = trained.size
    if gpu:
        return gpu_memory(size)
    whole = main_memory(size, gpu)
    activations = activation_bytes(size.architecture, size.batch, size.recomputed)
    share = memory()[0] / (1 if trained.together == 1 else together)  # as the supervisor grants it
    parts = micro_batches_for(activations, ACTIVATIONS_SHARE * share, size.batch)
    return PROCESS_BYTES + whole - activations + activations // parts


def _whole(ladder: Ladder, seconds: Sequence[float], seeds: int, together: int, start: float) -> float:
    """Seconds of the whole sweep: the others first, the largest first, then each predicted run alone."""
    predicted = ladder.fit.predict if ladder.fit else None
    rungs = list(zip(ladder.rungs, seconds, strict=True))
    alone = [took for rung, took in rungs if rung.name == predicted for _ in range(rung.runs * seeds)]
    beside = [(rung, took) for rung, took in rungs if rung.name != predicted for _ in range(rung.runs * seeds)]
    total = makespan(beside, together, start)
    if alone:
        total += (0.0 if beside else start) + PREDICT_S * bool(beside) + sum(alone) + HAND_OVER_S * len(alone)
    return total


def makespan(runs: Sequence[tuple[Rung, float]], together: int, start: float) -> float:
    """Seconds until these runs are done, `together` at a time by workers that each take `start` to be ready.

    The run with the most FLOPs comes first; a branch waits until its trunk has come to where it begins.
    """
    workers = [start] * min(together, len(runs))
    waiting = sorted(runs, key=lambda run: run[0].flops, reverse=True)
    begun: dict[str, tuple[float, float, int]] = {}  # of each trunk: when, for how long, its steps
    end = 0.0
    while waiting:
        now = heapq.heappop(workers)
        ready = [_ready(rung, begun) for rung, _ in waiting]
        index = next((place for place, moment in enumerate(ready) if moment <= now), None)
        if index is None:
            index = min(range(len(ready)), key=ready.__getitem__)
            now = max(now, ready[index])
        rung, took = waiting.pop(index)
        begun[rung.case] = (now, took, rung.training.steps(rung.architecture.context))
        end = max(end, now + took)
        heapq.heappush(workers, now + took + HAND_OVER_S)
    return end


def _ready(rung: Rung, begun: dict[str, tuple[float, float, int]]) -> float:
    if rung.trunk is None:
        return 0.0
    if rung.trunk.run not in begun:
        return float("inf")
    began, took, steps = begun[rung.trunk.run]
    return began + took * rung.trunk.step / steps


def _basis(ladder: Ladder, trained: Sequence[Trained], known_by: Sequence[str], known: Evidence) -> str:
    """Where the times come from, in words."""
    runs = sum(1 for one in set(trained) if one in known.recorded)
    if all(how == "nothing" for how in known_by):
        return "times from a two-core machine: nothing was measured on this device yet"
    sources = []
    if runs or not known.probed:
        sources.append(f"{show.counted(runs or len(known.recorded), 'earlier run')} on this machine")
    if any(how == "probe" or (how in ("between", "beyond") and known.probed) for how in known_by):
        sources.append("a probe of this machine")
    if "peak" in known_by:
        sources.append("the speed of plain matrix products")
    text = f"times from {' and '.join(sources)}"
    beyond = [rung.case for rung, how in zip(ladder.rungs, known_by, strict=True) if how in ("beyond", "peak")]
    if beyond:
        text += f"; {show.listed(beyond, NAMED)} extrapolated"
    return text
