"""How long a ladder will take on this machine and how much memory: a model of the whole sweep from measured parts.

All estimates come from here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scaling_tui.laws.memory import ACTIVATIONS_SHARE, activation_bytes, micro_batches_for
from scaling_tui.sweeps.cluster import MOST_CPUS, Nodes
from scaling_tui.sweeps.devices import kind_of
from scaling_tui.sweeps.ladder import Ladder
from scaling_tui.sweeps.limits import cores, memory
from scaling_tui.sweeps.placement import at_a_time, gpu_memory, main_memory, threads_for
from scaling_tui.sweeps.resources import Resources
from scaling_tui.sweeps.rung import MOST_RUNS_OF_A_RUNG, SEEDS_APART, Rung
from scaling_tui.sweeps.simulation import Rules, simulate, tasks_of
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
# Of a run in several processes, where no run has told: their start, and what exchanging gradients adds to a step.
TOGETHER_S = 6.0
EXCHANGE = 0.25
FORWARD = 0.4  # of a training step's time per token, an evaluation
SETUP_S = 0.3
TRIALS = 4  # steps that a run tries out before it starts
WRITTEN_A_SECOND = 3e8  # bytes of a checkpoint
CHECKPOINTED = 12  # bytes a parameter
LIKELY = 0.4  # share of the peak that a model reaches which nobody measured
NAMED = 3  # rungs, in words
APART = SEEDS_APART * MOST_RUNS_OF_A_RUNG  # so that no two seeds share a run
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
    speeds = [speed_of(one, known) for one in trained]
    seconds = tuple(seconds_of(rung, speed) for rung, (speed, _) in zip(ladder.rungs, speeds, strict=True))
    start = (START_S if known.start is None else known.start) + corpus_s
    gpu = kind_of(device) == "cuda"
    return Estimate(
        seconds=seconds,
        memory=tuple(_memory(one, together, gpu) for one in trained),
        memory_of="GPU" if gpu else "process",
        total=SUPERVISOR_S + makespan(ladder, seconds, seeds, together, start),
        at_a_time=together,
        basis=basis_of(ladder, trained, [how for _, how in speeds], known),
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


def speed_of(trained: Trained, known: Evidence) -> tuple[Speed, str]:
    """Its speed, complete, and how that is known: by a run, a probe, from sizes `between`, `beyond` them or nothing."""
    size, found = trained.size, known.of(trained)
    if size.processes > 1:
        share, how = speed_of(trained.share, known)
        step = share.step * (1 + EXCHANGE) if found is None else found.step
        evaluation, setup = (share.evaluation or 0.0) / size.processes, (share.setup or 0.0) + TOGETHER_S
        if found is not None:
            evaluation, how = found.evaluation or evaluation, "run"
        return replace(share, step=step, evaluation=evaluation, setup=setup), how
    how = "run" if trained in known.recorded else "probe"
    if found is None:
        found, how = _interpolated(trained, known)
    return complete(found, trained.size), how


def complete(speed: Speed, size: Size) -> Speed:
    """The speed with what nobody measured of it, by its steps and its size."""
    per_token = speed.step / size.tokens_a_step
    written = size.params * CHECKPOINTED / WRITTEN_A_SECOND
    return replace(
        speed,
        evaluation=FORWARD * per_token if speed.evaluation is None else speed.evaluation,
        setup=SETUP_S + TRIALS * speed.step if speed.setup is None else speed.setup,
        checkpoint=0.02 + written if speed.checkpoint is None else speed.checkpoint,
    )


def _interpolated(trained: Trained, known: Evidence) -> tuple[Speed, str]:
    """From the sizes that were measured with as many runs at a time; where there are none, with any number."""
    every = [one for one in {**known.probed, **known.recorded} if one.size.processes == 1]
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


def seconds_of(rung: Rung, speed: Speed) -> float:
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
    batch, processes = size.share.batch, size.processes
    activations = activation_bytes(size.architecture, batch, size.recomputed)
    share = memory()[0] / (1 if trained.together == 1 else together) / processes  # as the supervisor grants it
    parts = micro_batches_for(activations, ACTIVATIONS_SHARE * share, batch)
    return PROCESS_BYTES + main_memory(size, gpu) + processes * (activations // parts - activations)


def makespan(ladder: Ladder, seconds: Sequence[float], seeds: int, together: int, start: float) -> float:
    """Seconds until every run is done, `together` at a time by workers that each take `start` to be ready."""
    # Here a slot is not what a ladder asks of a cluster; `together` of the narrowest train at a time.
    predicted = ladder.fit.predict if ladder.fit else None
    beside = [rung.resources.processes for rung in ladder.rungs if rung.name != predicted]
    narrowest = min(beside, default=1)
    widths = [min(together, -(-rung.resources.processes // narrowest)) for rung in ladder.rungs]
    slots = [Resources(float(min(width, MOST_CPUS)), 0.0) for width in widths]
    apart = [seed * APART for seed in range(seeds)]
    tasks = tasks_of(ladder, apart, slots, [(each,) for each in seconds])
    rules = Rules(together, start, HAND_OVER_S, PREDICT_S)
    return simulate(tasks, [Nodes(cpus=min(together, MOST_CPUS))], rules).makespan


def basis_of(
    ladder: Ladder, trained: Sequence[Trained], known_by: Sequence[str], known: Evidence, where: str = "on this machine"
) -> str:
    """Where the times come from, in words."""
    runs = sum(1 for one in set(trained) if one in known.recorded)
    if all(how == "nothing" for how in known_by):
        return "times from a two-core machine: nothing was measured on this device yet" + _assumed(
            ladder, trained, known
        )
    sources = []
    if runs or not known.probed:
        sources.append(f"{show.counted(runs or len(known.recorded), 'earlier run')} {where}")
    if any(how == "probe" or (how in ("between", "beyond") and known.probed) for how in known_by):
        sources.append("a probe of this machine")
    if "peak" in known_by:
        sources.append("the speed of plain matrix products")
    text = f"times from {' and '.join(sources)}"
    beyond = [rung.case for rung, how in zip(ladder.rungs, known_by, strict=True) if how in ("beyond", "peak")]
    if beyond:
        text += f"; {show.listed(beyond, NAMED)} extrapolated"
    return text + _assumed(ladder, trained, known)


def _assumed(ladder: Ladder, trained: Sequence[Trained], known: Evidence) -> str:
    """What was assumed of runs in several processes, in words; "" where runs have told."""
    named = [
        rung.case
        for rung, one in zip(ladder.rungs, trained, strict=True)
        if one.size.processes > 1 and one not in known.recorded
    ]
    if not named:
        return ""
    return (
        f"; exchanging gradients is assumed to add {show.percent(EXCHANGE)} to the steps of "
        f"{show.listed(named, NAMED)}, which no run has measured"
    )
