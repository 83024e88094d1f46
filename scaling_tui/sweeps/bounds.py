"""What keeps a sweep on a cluster from being done sooner: its devices, runs that follow each other, or a limit."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from scaling_tui.sweeps.cluster import Cluster, Nodes
from scaling_tui.sweeps.cluster_fit import capacity, device_count
from scaling_tui.sweeps.resources import Resources
from scaling_tui.sweeps.simulation import Rules, Task, simulate
from scaling_tui.text import show

NEAR = 0.9  # of the makespan: what takes so much of it limits it
FULL = 0.75


@dataclass(frozen=True)
class Bound:
    """What keeps a sweep from being done sooner.

    Args:
        by: `devices`, `runs` that follow each other or are too long, `jobs`: the limit at a time, or `both`: devices
            in the first part, long runs in the last.
        told: in words.
        path: seconds that it would take with as many devices as it can use.
        work: seconds that it would take if no device idled.
    """

    by: str
    told: str
    path: float
    work: float


def work_of(tasks: Sequence[Task], gpu: bool) -> float:
    """Device-seconds of all runs, each on the nodes on which it is fastest."""
    return sum(device_count(task.asks, gpu) * min(task.seconds) for task in tasks)


def bound_of(
    tasks: Sequence[Task],
    cluster: Cluster,
    rules: Rules,
    makespan: float,
    work: float,
    jobs: int | None,
    asks: Sequence[Resources],
) -> Bound:
    best = [replace(task, seconds=(min(task.seconds),)) for task in tasks]
    fullest = max(cluster.nodes, key=lambda each: (each.gpus, each.cpus or 0))
    wide = Nodes(
        min(len(tasks), 10_000),
        max(fullest.gpus, math.ceil(max(task.asks.num_gpus or 0 for task in tasks))),
        max(1.0, *(task.asks.num_cpus or 1.0 for task in tasks)),
    )
    path = simulate(best, [wide], replace(rules, at_a_time=len(tasks))).makespan
    room = capacity(asks, cluster.nodes)
    chain = _chain(tasks, makespan, rules)
    if path >= NEAR * makespan:
        return Bound("runs", f"{chain}; more devices would not help", path, work)
    if rules.at_a_time < room:
        more = simulate(tasks, cluster.nodes, replace(rules, at_a_time=room)).makespan
        if more < NEAR * makespan:
            limit = f"--jobs {jobs}" if jobs else f"the default of {rules.at_a_time} jobs at a time"
            told = f"{limit}; with --jobs {room} it would take {show.duration(more)}"
            return Bound("jobs", told, path, work)
    if work >= FULL * makespan:
        return Bound(
            "devices", f"the devices, which idle for {show.percent(1 - work / makespan)} of the time", path, work
        )
    told = f"the devices at first, then {chain}"
    return Bound("both", told, path, work)


def _chain(tasks: Sequence[Task], makespan: float, rules: Rules) -> str:
    """The parts that have to follow each other, in words, without those that take less than a tenth of the time."""
    little = (1 - NEAR) * makespan
    probes = max((min(task.seconds) for task in tasks if task.probe), default=0.0)
    longest = max((task for task in tasks if not task.last), key=lambda task: min(task.seconds), default=None)
    last = [task for task in tasks if task.last]
    parts = []
    if rules.start > little:
        parts.append(f"starting a worker ({show.duration(rules.start)})")
    if probes > little and any(task.planned for task in tasks):
        parts.append(f"the longest probe of a learning rate ({show.duration(probes)})")
    if longest is not None and min(longest.seconds) > little and not (longest.probe and probes > little):
        parts.append(f"the longest run of {longest.case} ({show.duration(min(longest.seconds))})")
    takes = [min(task.seconds) for task in last]
    after = sum(takes) if rules.alone else max(takes, default=0.0)
    if after > little:
        cases = show.listed(list(dict.fromkeys(task.case for task in last)), 3)
        how = f"{len(last)} runs after all others, one by one" if len(last) > 1 and rules.alone else "after all others"
        parts.append(f"{cases} ({how}, {show.duration(after)})")
    return ", then ".join(parts) or "many short runs, one after another"
