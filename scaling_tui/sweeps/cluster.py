"""The description of a cluster: its nodes, from a short form, a TOML file, or what a scheduler reports."""

import math
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scaling_tui import InputError
from scaling_tui.runs.config import known_keys
from scaling_tui.sweeps.resources import Resources
from scaling_tui.text import show
from scaling_tui.text.files import read_toml
from scaling_tui.text.numbers import read_quantity

MOST_NODES = 100_000
MOST_GPUS = 1_024  # of a node
MOST_CPUS = 100_000.0
LARGEST = 1e30  # of any amount
LEAST_BYTES = 1e6  # less is an amount whose unit was left out
SHORT = re.compile(r"([0-9]{1,6})x([0-9]{1,4})(?:x(.+))?")
WANTED = "want NODESxGPUS such as 64x8, 64x8x80GB with the memory of a GPU, or a .toml file"
BYTES = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
# States of a SLURM node that takes jobs, now or once its current ones are over.
TAKES_JOBS = ("idle", "mixed", "allocated", "completing", "reserved", "planned", "powering_up", "powered_down")


@dataclass(frozen=True)
class Nodes:
    """Nodes that are alike; None is unknown.

    Args:
        count: of them.
        gpus: of each.
        cpus: of each; None means as many as its runs ask for.
        gpu_memory: bytes of each GPU.
        memory: bytes of main memory of each node.
        throughput: FLOP/s that a run reaches on a GPU, or on a CPU of nodes without GPUs; C as the ladders count it.
        price: of an hour of a GPU, or of a CPU of nodes without GPUs.
    """

    count: int = 1
    gpus: int = 0
    cpus: float | None = None
    gpu_memory: float | None = None
    memory: float | None = None
    throughput: float | None = None
    price: float | None = None

    def __post_init__(self) -> None:
        _amount("count", self.count, 1, MOST_NODES, whole=True)
        _amount("gpus", self.gpus, 0, MOST_GPUS, whole=True)
        if self.cpus is not None:
            _amount("cpus", self.cpus, 1, MOST_CPUS)
        if not self.gpus and self.cpus is None:
            raise InputError("cpus: missing, want a number for nodes without GPUs")
        if self.gpu_memory is not None and not self.gpus:
            raise InputError("gpu_memory: found for nodes without GPUs")
        for name, least in (("gpu_memory", LEAST_BYTES), ("memory", LEAST_BYTES), ("throughput", 1)):
            if (value := getattr(self, name)) is not None:
                _amount(name, value, least, LARGEST)
        if self.price is not None:
            _amount("price", self.price, 0, LARGEST)

    @property
    def told(self) -> str:
        """Such as `64 nodes of 8 GPUs (80 GB), 96 CPUs`."""
        each = show.counted(self.gpus, "GPU") if self.gpus else ""
        if each and self.gpu_memory:
            each += f" ({self.gpu_memory / 1e9:,.3g} GB)"
        cpus = f"{self.cpus:g} CPU{'' if self.cpus == 1 else 's'}" if self.cpus else ""
        return f"{show.counted(self.count, 'node')} of {', '.join(filter(None, [each, cpus]))}"


@dataclass(frozen=True)
class Cluster:
    """What runs could train on. `source` says who describes it."""

    nodes: tuple[Nodes, ...]
    source: str

    def __post_init__(self) -> None:
        if not self.nodes:
            raise InputError(f"{self.source}: found no node, want at least one")
        if (count := sum(each.count for each in self.nodes)) > MOST_NODES:
            raise InputError(f"{self.source}: found {count:,} nodes, want at most {MOST_NODES:,}")

    @property
    def has_gpus(self) -> bool:
        return any(each.gpus for each in self.nodes)

    @property
    def told(self) -> str:
        return " and ".join(each.told for each in self.nodes)

    def given(self, throughput: float | None, price: float | None) -> "Cluster":
        """The same, with what the options of a command set for all its nodes."""
        known = {name: value for name, value in (("throughput", throughput), ("price", price)) if value is not None}
        return replace(self, nodes=tuple(replace(each, **known) for each in self.nodes))  # type: ignore[arg-type]

    def scaled(self, factor: float) -> tuple[Nodes, ...]:
        """`factor` times the nodes of each kind, rounded down; where that is none, one with less of everything."""
        return tuple(scaled for each in self.nodes if (scaled := _scaled(each, factor)) is not None)


def _scaled(nodes: Nodes, factor: float) -> Nodes | None:
    count = math.floor(nodes.count * factor)
    if count:
        return replace(nodes, count=count)
    gpus, cpus = math.floor(nodes.gpus * factor), nodes.cpus
    if cpus is not None:
        cpus = math.floor(cpus * factor) or None
    return replace(nodes, gpus=gpus, cpus=cpus) if gpus or (cpus and not nodes.gpus) else None


def _amount(name: str, value: Any, least: float, most: float, whole: bool = False) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not number or not least <= value <= most or (whole and value != int(value)):
        what = "a whole number" if whole else "a number"
        raise InputError(f"{name}: found {value!r}, want {what} from {least:g} to {most:,.6g}")


def described(text: str) -> Cluster:
    """The cluster of `--cluster`: a short form or a file.

    Raises:
        InputError: it is neither, or the file describes no cluster.
    """
    if found := SHORT.fullmatch(text):
        count, gpus, memory = found.groups()
        try:
            nodes = Nodes(int(count), int(gpus), gpu_memory=read_bytes_of(memory) if memory else None)
        except InputError as error:
            raise InputError(f"--cluster {text[:60]!r}: {error}; {WANTED}") from error
        return Cluster((nodes,), "--cluster")
    path = Path(text)
    if path.suffix != ".toml" and not os.path.isfile(path):  # noqa: PTH113 - False of names that are too long
        raise InputError(f"--cluster {text[:60]!r}: not a cluster; {WANTED}")
    document = read_toml(path, "a cluster (.toml)")
    try:
        return Cluster(tuple(_nodes_of(document)), str(path))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _nodes_of(document: Mapping[str, Any]) -> Iterable[Nodes]:
    for key in document:
        if key != "nodes":
            raise InputError(f"{key}: not a key here, want [[nodes]]")
    tables = document.get("nodes")
    if not isinstance(tables, list) or not tables:
        raise InputError("nodes: missing, want at least one [[nodes]] table")
    for number, table in enumerate(tables, 1):
        where = f"nodes[{number}]"
        given = dict(known_keys(table, Nodes, where))
        try:
            for key in ("gpu_memory", "memory"):
                if isinstance(given.get(key), str):
                    given[key] = read_bytes_of(given[key])
            yield Nodes(**given)
        except InputError as error:
            raise InputError(f"{where}.{error}") from error


def read_bytes_of(text: str) -> float:
    """Bytes: 80GB, 80 GiB, 1.5 TB, 8e10.

    Raises:
        InputError: it is no such amount.
    """
    number = re.fullmatch(r"\s*(.+?)\s*([kKMGT]i?B)?\s*", text, re.DOTALL)
    if number is None:
        raise InputError("memory: found nothing, want an amount such as 80GB")
    return read_quantity(number[1], what="memory") * BYTES.get((number[2] or "").upper(), 1)


def of_ray(nodes: Iterable[Mapping[str, Any]]) -> list[Nodes]:
    """The live nodes in `ray.nodes()` that have a CPU or a GPU."""
    found: Counter[Nodes] = Counter()
    for node in nodes:
        has = node["Resources"]
        cpus, gpus = float(has.get("CPU", 0)), int(has.get("GPU", 0))
        if node["Alive"] and (cpus >= 1 or gpus):
            # Each reports what it had free when it started.
            memory = float(f"{has['memory']:.1e}") if has.get("memory") else None
            found[Nodes(1, gpus, cpus if cpus >= 1 else None, memory=memory)] += 1
    return _counted(found)


def of_sinfo(text: str, partition: str = "") -> list[Nodes]:
    """The nodes that `sinfo --noheader --Node --format=%N|%P|%T|%c|%m|%G` lists for a partition, by default SLURM's.

    Lines of another form are ignored.
    """
    rows: dict[str, tuple[bool, Nodes]] = {}
    for line in text.splitlines():
        cells = line.strip().split("|")
        if len(cells) != 6 or not (cells[3].isdecimal() and cells[4].isdecimal()) or int(cells[3]) < 1:
            continue
        name, part, state, cpus, megabytes, gres = cells
        if (partition and part.rstrip("*") != partition) or state.endswith("*"):  # it does not answer
            continue
        if state.lower().rstrip("~#!%$@+^-") not in TAKES_JOBS:
            continue
        entries = [entry.split(":") for entry in re.sub(r"\([^)]*\)", "", gres).split(",")]
        gpus = sum(int(last) if (last := entry[-1]).isdecimal() else 1 for entry in entries if entry[0] == "gpu")
        try:
            nodes = Nodes(1, gpus, float(cpus), memory=int(megabytes) * 2.0**20 or None)
        except InputError:
            continue
        is_default = part.endswith("*") or (name in rows and rows[name][0])
        rows[name] = (is_default, nodes)
    chosen = [nodes for is_default, nodes in rows.values() if is_default and not partition]
    return _counted(Counter(chosen or [nodes for _, nodes in rows.values()]))


def _counted(found: Mapping[Nodes, int]) -> list[Nodes]:
    return [replace(nodes, count=count) for nodes, count in found.items()]


def workers_on(asked: Resources, cpus: float | None, gpus: float) -> int:
    """How many workers of this size fit on an empty node; 0 if they ask for nothing.

    Several share a GPU, but none takes parts of two.
    """
    most = []
    if asked.num_gpus:
        share = asked.num_gpus
        most.append(int(1 / share + 1e-9) * int(gpus) if share < 1 else int(gpus / share + 1e-9))
    if asked.num_cpus and cpus is not None:
        most.append(int(cpus / asked.num_cpus + 1e-9))
    return min(most, default=int(MOST_CPUS) if asked.num_cpus else 0)


def usual(gpu: bool) -> Resources:
    """What a run gets by default: a CPU, and a GPU if there are any."""
    return Resources(1.0, 1.0 if gpu else 0.0)
