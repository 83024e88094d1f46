"""How long each rung trains on the nodes of a cluster, from what is given, or was measured there or here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scaling_tui import InputError
from scaling_tui.sweeps.cluster import Cluster, Nodes
from scaling_tui.sweeps.devices import kind_of
from scaling_tui.sweeps.engines import Where
from scaling_tui.sweeps.estimate import START_S, basis_of, complete, seconds_of, speed_of
from scaling_tui.sweeps.ladder import Ladder
from scaling_tui.sweeps.placement import threads_for
from scaling_tui.sweeps.preflight import Checked
from scaling_tui.sweeps.probe import lacking, probe
from scaling_tui.sweeps.resources import Resources
from scaling_tui.sweeps.rung import Rung
from scaling_tui.sweeps.size import Size
from scaling_tui.sweeps.speeds import Evidence, Speed, Trained, evidence, on_clusters, side_by_side
from scaling_tui.text import show

TASK_S = 1.5  # from room for a worker to its process, under Ray
JOB_S = 3.0  # likewise under SLURM, on a cluster that is free


@dataclass(frozen=True)
class Sizes:
    """What each rung asks for, and how many seconds it trains on each kind of nodes; and what that is based on."""

    asks: tuple[Resources, ...]
    seconds: tuple[tuple[float, ...], ...]
    restart: tuple[float, ...]
    start: float
    basis: str


def sizes_of(
    runs: Path,
    ladder: Ladder,
    checked: Checked | None,
    where: Where,
    cluster: Cluster,
    device: str,
    asks: tuple[Resources, ...],
    say: Callable[[str], None],
) -> Sizes:
    trained = [_trained(rung, asked) for rung, asked in zip(ladder.rungs, asks, strict=True)]
    gpu = any(asked.num_gpus for asked in asks)
    unknown = [each for each in cluster.nodes if each.throughput is None]
    if unknown and len(unknown) < len(cluster.nodes):
        raise InputError(
            f"{cluster.source}: throughput given for some nodes, but not for {unknown[0].told}; want it for all or none"
        )
    if not unknown:
        speeds = [
            tuple(_given(one, asked, each, rung) for each in cluster.nodes)
            for rung, one, asked in zip(ladder.rungs, trained, asks, strict=True)
        ]
        rates = {each.throughput or 0 for each in cluster.nodes}
        told = " to ".join(
            show.scientific(rate) for rate in (sorted(rates) if len(rates) < 2 else (min(rates), max(rates)))
        )
        basis = f"times from the given {told} FLOP/s per {'GPU' if gpu else 'CPU'}, for every size"
        known = Evidence()
    else:
        known, whose = _measured(runs, where, trained, "cuda" if gpu else "cpu", device, checked, say)
        found = [speed_of(one, known) for one in trained]
        speeds = [(speed,) * len(cluster.nodes) for speed, _ in found]
        basis = basis_of(ladder, trained, [how for _, how in found], known, whose)
    start = (START_S if known.start is None else known.start) + (checked.seconds if checked else 0.0)
    return Sizes(
        asks=asks,
        seconds=tuple(
            tuple(seconds_of(rung, speed) for speed in each) for rung, each in zip(ladder.rungs, speeds, strict=True)
        ),
        restart=tuple(max(speed.setup or 0.0 for speed in each) for each in speeds),
        start=start + (TASK_S if where.on == "ray" else JOB_S),
        basis=basis,
    )


def _trained(rung: Rung, asked: Resources) -> Trained:
    """How a rung is trained in a slot of its own."""
    size = Size.of_rung(rung)
    return Trained(size, threads_for(size, True, max(1, int(asked.num_cpus or 1)), 1), 1)


def _given(trained: Trained, asked: Resources, nodes: Nodes, rung: Rung) -> Speed:
    """The speed by a throughput that is given of each device."""
    if nodes.gpus and not asked.num_gpus:
        raise InputError(
            f"{rung.case}: asks for no GPU, but the throughput is given per GPU; "
            "want num_gpus in [resources] or --device cuda, or a cluster without GPUs"
        )
    # A process uses one GPU, or the share of one that it asks for, however many it holds.
    devices = trained.size.processes * (min(1.0, asked.num_gpus or 1.0) if nodes.gpus else trained.threads)
    return complete(Speed(trained.size.flops_a_step / ((nodes.throughput or 1.0) * devices)), trained.size)


def _measured(
    runs: Path,
    where: Where,
    trained: Sequence[Trained],
    kind: str,
    device: str,
    checked: Checked | None,
    say: Callable[[str], None],
) -> tuple[Evidence, str]:
    """What earlier runs on such a cluster tell, or this machine where it has such a device; and whose that is."""
    recorded = on_clusters(runs, where.on, kind)
    if recorded:
        here = evidence(runs, device) if kind_of(device) == kind else Evidence()
        return Evidence(recorded=recorded, start=here.start), f"on {'Ray' if where.on == 'ray' else 'SLURM'}"
    own = kind if device == "auto" else device
    if kind_of(device) != kind and (kind != "cpu" or device not in ("auto", "cpu")):
        raise InputError(
            "--throughput: not given, and nothing was measured on a GPU here or on this cluster; want the FLOP/s that "
            "a run reaches on one, such as 4e14 (40 % of an H100's peak)"
        )
    known = side_by_side(evidence(runs, own))
    if lacking(trained, known):
        say("measuring how fast this machine trains these sizes …")
    return side_by_side(probe(trained, known, own, kind, checked.tokens if checked else None)), "on this machine"
