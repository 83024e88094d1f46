"""The timetable of a ladder on a cluster before anything starts: when each rung trains, what limits it, its cost."""

import math
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scaling_tui import InputError
from scaling_tui.sweeps.bounds import Bound, bound_of, work_of
from scaling_tui.sweeps.cluster import MOST_NODES, Cluster, Nodes, of_sinfo
from scaling_tui.sweeps.cluster_fit import asks_of, capacity, check_fits, device_count, least_bytes_of
from scaling_tui.sweeps.cluster_speeds import sizes_of
from scaling_tui.sweeps.engines import Where
from scaling_tui.sweeps.engines.slurm import MOST_AT_A_TIME, minutes, warns
from scaling_tui.sweeps.estimate import HAND_OVER_S, PREDICT_S
from scaling_tui.sweeps.ladder import Ladder
from scaling_tui.sweeps.preflight import Checked
from scaling_tui.sweeps.resources import Resources
from scaling_tui.sweeps.simulation import Course, Rules, simulate, tasks_of
from scaling_tui.text import show

SINFO = ("sinfo", "--noheader", "--Node", "--format=%N|%P|%T|%c|%m|%G")
SINFO_S = 20.0
# SLURM lets a requeued job start again only after its credential has expired: 120 s, unless the site sets another
# time (AuthInfo=cred_expire).
REQUEUE_S = 121.0


@dataclass(frozen=True)
class Row:
    """A rung in a timetable; of its runs the earliest beginning and the latest end, in seconds from the launch.

    Args:
        case: rung and variant.
        runs: how many.
        asks: of a cluster.
        seconds: how long a run trains, at least and at most.
        memory: bytes that a run needs at least, of each GPU, or of main memory.
        began, ended: as above.
    """

    case: str
    runs: int
    asks: Resources
    seconds: tuple[float, float]
    memory: int
    began: float
    ended: float


@dataclass(frozen=True)
class Timetable:
    """What a sweep will do on a cluster; times in seconds, device-seconds, and money in the unit of the prices.

    Args:
        cluster: where.
        on: the engine.
        device: what counts: `GPU`, or `CPU` where no run asks for a GPU.
        devices: how many the cluster has.
        at_a_time: how many runs may train at a time.
        rows: the rungs.
        makespan: until the last run is done.
        busy: device-seconds in which runs train.
        held: device-seconds in which workers hold devices, also while they start and end.
        peak: the most devices that were held at a time.
        bound: what limits it.
        others: the makespan with other numbers of devices, by their number; None where a run then fits nowhere.
        cost: of what the workers hold, and of the whole cluster as long as the sweep lasts; None without prices.
        basis: where the times come from, in words.
        warnings: what may turn out otherwise.
        course: of the simulation.
    """

    cluster: Cluster
    on: str
    device: str
    devices: float
    at_a_time: int
    rows: tuple[Row, ...]
    makespan: float
    busy: float
    held: float
    peak: float
    bound: Bound
    others: Mapping[float, float | None]
    cost: tuple[float, float] | None
    basis: str
    warnings: tuple[str, ...]
    course: Course

    @property
    def utilisation(self) -> float:
        """The share of the cluster's device-seconds in which runs train."""
        return self.busy / (self.devices * self.makespan) if self.makespan else 0.0


def cluster_of(where: Where, given: Cluster | None) -> Cluster:
    """The described cluster, or else the one that the scheduler reports.

    Raises:
        InputError: none is described, and the scheduler cannot be asked.
    """
    if given is not None:
        return given
    wanted = "want --cluster, such as 64x8x80GB (nodes, GPUs of each, memory of a GPU) or a .toml file"
    if where.on == "ray":
        if not where.address:
            raise InputError(f"--dry-run --on ray: no cluster to plan for; {wanted}, or --address")
        from scaling_tui.sweeps.engines.ray import nodes_at

        return Cluster(tuple(nodes_at(where)), f"the Ray cluster at {where.address}")
    try:
        told = subprocess.run(
            SINFO,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SINFO_S,
            check=True,
        ).stdout
    except FileNotFoundError:
        raise InputError(f"--dry-run --on slurm: sinfo not found here; {wanted}") from None
    except (OSError, subprocess.SubprocessError) as error:
        raise InputError(f"--dry-run --on slurm: sinfo fails ({show.fault(error)[:200]}); {wanted}") from None
    nodes = of_sinfo(told, where.partition)
    if not nodes:
        what = f"partition {where.partition!r}" if where.partition else "SLURM"
        raise InputError(f"--dry-run --on slurm: sinfo shows no node of {what} that takes jobs; {wanted}")
    return Cluster(tuple(nodes), "sinfo")


def timetable(
    runs: Path,
    ladder: Ladder,
    checked: Checked | None,
    seeds: Sequence[int],
    where: Where,
    cluster: Cluster,
    device: str = "auto",
    jobs: int | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Timetable:
    """The timetable of a launch.

    Args:
        runs: the folder of earlier sweeps.
        ladder: what would be trained.
        checked: its corpus; None if that is not on this machine.
        seeds: that would be trained.
        where: the engine and its options.
        cluster: on which nodes.
        device: as for a launch.
        jobs: likewise.
        say: is called before a probe, which takes seconds.

    Raises:
        InputError: runs that fit on no node, or whose speed is unknown.
    """
    asks = tuple(asks_of(rung, where, cluster, device) for rung in ladder.rungs)
    memory = [least_bytes_of(rung, each) for rung, each in zip(ladder.rungs, asks, strict=True)]
    warnings = check_fits(ladder, asks, memory, cluster)
    sizes = sizes_of(runs, ladder, checked, where, cluster, device, asks, say)
    tasks = tasks_of(ladder, seeds, asks, sizes.seconds, sizes.restart)
    rules = rules_of(where, cluster.nodes, asks, jobs, sizes.start)
    course = simulate(tasks, cluster.nodes, rules)
    gpu = any(each.num_gpus for each in asks)
    devices = _devices(cluster.nodes, gpu)
    held = sum(_weight(one.gpus, one.cpus, gpu) * (one.ended - one.began) for one in course.holdings)
    by_name = {task.name: task for task in tasks}
    busy = sum(device_count(by_name[one.run].asks, gpu) * (one.ended - one.began) for one in course.stints)
    work = work_of(tasks, gpu) / devices
    if gpu and not all(each.gpus for each in cluster.nodes):
        warnings.append("nodes without GPUs count neither as devices nor in the utilisation")
    bound = bound_of(tasks, cluster, rules, course.makespan, work, jobs, asks)
    others: dict[float, float | None] = {}
    for factor in (0.5, 2.0):
        if factor * sum(each.count for each in cluster.nodes) > MOST_NODES:
            continue
        other = cluster.scaled(factor)
        count = _devices(other, gpu)
        if count in (0, devices):
            continue
        try:
            others[count] = simulate(tasks, other, rules_of(where, other, asks, jobs, sizes.start)).makespan
        except InputError:
            others[count] = None
    return Timetable(
        cluster=cluster,
        on=where.on,
        device="GPU" if gpu else "CPU",
        devices=devices,
        at_a_time=rules.at_a_time,
        rows=_rows(ladder, asks, memory, course),
        makespan=course.makespan,
        busy=busy,
        held=held,
        peak=_peak(course, gpu),
        bound=bound,
        others=others,
        cost=_cost(cluster, course),
        basis=sizes.basis,
        warnings=tuple(warnings),
        course=course,
    )


def _devices(nodes: Sequence[Nodes], gpu: bool) -> float:
    return sum(each.count * (each.gpus if gpu else each.cpus or 0) for each in nodes)


def _weight(gpus: Sequence[tuple[int, float]], cpus: float, gpu: bool) -> float:
    return sum(share for _, share in gpus) if gpu else cpus


def rules_of(where: Where, nodes: Sequence[Nodes], asks: Sequence[Resources], jobs: int | None, start: float) -> Rules:
    if where.on == "slurm":
        limit = minutes(where) * 60.0 - warns(where)
        if limit <= start:
            raise InputError(f"--slurm time: found {minutes(where)}, which leaves no time to train; want more minutes")
        return Rules(jobs or MOST_AT_A_TIME, start, HAND_OVER_S, PREDICT_S, limit, REQUEUE_S, alone=False)
    return Rules(jobs or capacity(asks, nodes), start, HAND_OVER_S, PREDICT_S, alone=False)


def _cost(cluster: Cluster, course: Course) -> tuple[float, float] | None:
    prices = [each.price for each in cluster.nodes if each.price is not None]
    if len(prices) < len(cluster.nodes):
        return None
    kinds = [index for index, each in enumerate(cluster.nodes) for _ in range(each.count)]
    held = [
        _weight(one.gpus, one.cpus, bool(cluster.nodes[kinds[one.node]].gpus)) * (one.ended - one.began)
        * prices[kinds[one.node]]
        for one in course.holdings
    ]  # fmt: skip
    whole = [
        each.count * (each.gpus or each.cpus or 0) * price for each, price in zip(cluster.nodes, prices, strict=True)
    ]
    return sum(held) / 3600, sum(whole) * course.makespan / 3600


def _rows(ladder: Ladder, asks: Sequence[Resources], memory: Sequence[int], course: Course) -> tuple[Row, ...]:
    took: dict[str, dict[str, float]] = {}
    began: dict[str, float] = {}
    ended: dict[str, float] = {}
    for one in course.stints:
        by_run = took.setdefault(one.case, {})
        by_run[one.run] = by_run.get(one.run, 0.0) + one.ended - one.began
        began[one.case] = min(began.get(one.case, math.inf), one.began)
        ended[one.case] = max(ended.get(one.case, 0.0), one.ended)
    return tuple(
        Row(
            rung.case, len(took[rung.case]), asked, (min(took[rung.case].values()), max(took[rung.case].values())),
            need, began[rung.case], ended[rung.case],
        )
        for rung, asked, need in zip(ladder.rungs, asks, memory, strict=True)
    )  # fmt: skip


def in_use(course: Course, gpu: bool) -> list[tuple[float, float]]:
    """How many devices workers hold from each moment on."""
    changes: dict[float, float] = {0.0: 0.0}
    for one in course.holdings:
        amount = _weight(one.gpus, one.cpus, gpu)
        changes[one.began] = changes.get(one.began, 0.0) + amount
        changes[one.ended] = changes.get(one.ended, 0.0) - amount
    found, now = [], 0.0
    for moment in sorted(changes):
        now += changes[moment]
        found.append((moment, now))
    return found


def _peak(course: Course, gpu: bool) -> float:
    return max((amount for _, amount in in_use(course, gpu)), default=0.0)
