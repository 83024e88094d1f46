"""What the runs of a ladder ask a cluster for, and whether its nodes have it."""

import math
from collections.abc import Sequence
from dataclasses import replace

from scaling_tui import InputError
from scaling_tui.laws.memory import least_bytes
from scaling_tui.sweeps.cluster import Cluster, Nodes, usual, workers_on
from scaling_tui.sweeps.engines import Where
from scaling_tui.sweeps.engines.slurm import whole_gpus
from scaling_tui.sweeps.ladder import Ladder
from scaling_tui.sweeps.placement import CONTEXT_BYTES, WORKER_BYTES, least_memory
from scaling_tui.sweeps.resources import Resources
from scaling_tui.sweeps.rung import Rung
from scaling_tui.sweeps.size import Size
from scaling_tui.text import show

NAMED = 3  # rungs, in words


def asks_of(rung: Rung, where: Where, cluster: Cluster, device: str) -> Resources:
    """What a worker of the rung is asked for, as the engine completes it."""
    if where.on == "slurm":
        asked = whole_gpus(rung.resources.over(usual(device.startswith("cuda")))).in_all()
        return replace(asked, num_cpus=float(math.ceil(asked.num_cpus or 1)))
    gpu = device.startswith("cuda") or (device == "auto" and cluster.has_gpus)
    return rung.resources.over(usual(gpu)).in_all()


def device_count(asked: Resources, gpu: bool) -> float:
    return (asked.num_gpus if gpu else asked.num_cpus) or 0.0


def capacity(asks: Sequence[Resources], nodes: Sequence[Nodes]) -> int:
    """How many runs train at a time on Ray: as many as there is room for of those that ask for least."""
    least = min(asks, key=lambda one: (one.num_gpus or 0, one.num_cpus or 0))
    return max(1, sum(each.count * workers_on(least, each.cpus, each.gpus) for each in nodes))


def least_bytes_of(rung: Rung, asked: Resources) -> int:
    """Bytes that a run needs at least: of each of its GPUs, or of main memory."""
    size = Size.of_rung(rung)
    if asked.num_gpus:
        return CONTEXT_BYTES + least_bytes(size.architecture, gpu=True)
    return WORKER_BYTES + least_memory(size, False)


def check_fits(ladder: Ladder, asks: Sequence[Resources], memory: Sequence[int], cluster: Cluster) -> list[str]:
    """What may go wrong with the memory.

    Raises:
        InputError: rungs that fit on no node, by name.
    """
    too_large: list[str] = []
    warnings: list[str] = []
    unknown = False
    for rung, asked, need in zip(ladder.rungs, asks, memory, strict=True):
        rooms = [each for each in cluster.nodes if workers_on(asked, each.cpus, each.gpus)]
        if not rooms:
            too_large.append(f"{rung.case} asks for {asked_told(asked)}, more than any node has")
            continue
        available = [_memory_for(asked, each) for each in rooms]
        unknown = unknown or None in available
        known = [found for found in available if found is not None]
        if len(known) == len(available) and need > max(known):
            what = "on each GPU" if asked.num_gpus else "of main memory"
            too_large.append(f"{rung.case} needs at least {show.memory(need)} {what}, found {show.memory(max(known))}")
        elif known and need > min(known):
            warnings.append(
                f"{rung.case} needs at least {show.memory(need)}, but some nodes that it may be placed on have less"
            )
    if too_large:
        more = f"; and {len(too_large) - NAMED} more rungs fit on no node" if len(too_large) > NAMED else ""
        raise InputError(f"{ladder.path}: {'; '.join(too_large[:NAMED])}{more}; {cluster.source} has {cluster.told}")
    if unknown:
        whose = "a GPU" if any(asked.num_gpus for asked in asks) else "a node"
        warnings.append(f"the memory of {whose} is not described, so whether the models fit was not checked")
    return warnings


def _memory_for(asked: Resources, nodes: Nodes) -> float | None:
    """Bytes that a run has on such a node: its share of a GPU, or of main memory."""
    if asked.num_gpus:
        return nodes.gpu_memory and nodes.gpu_memory * min(1.0, asked.num_gpus)
    return nodes.memory and nodes.memory / max(1, workers_on(asked, nodes.cpus, nodes.gpus))


def asked_told(asked: Resources) -> str:
    """Such as `2 CPUs, 0.5 GPU`."""
    amounts = ((asked.num_cpus, "CPU"), (asked.num_gpus, "GPU"))
    return ", ".join(f"{amount:g} {name}{'s' * (amount > 1)}" for amount, name in amounts if amount)
