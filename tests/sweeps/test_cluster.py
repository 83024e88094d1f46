"""Clusters as people and schedulers describe them."""

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_tui import InputError
from scaling_tui.sweeps.cluster import Cluster, Nodes, described, of_ray, of_sinfo, workers_on
from scaling_tui.sweeps.resources import Resources
from scaling_tui.sweeps.simulation import Room

FILE = """
[[nodes]]
count = 4
gpus = 8
cpus = 96
gpu_memory = "80 GB"
memory = "1 TiB"
throughput = 4e14
price = 2.5
[[nodes]]
count = 16
cpus = 32
"""


def test_a_cluster_in_a_few_signs_or_in_a_file(tmp_path: Path) -> None:
    assert described("64x8").nodes == (Nodes(64, 8),)
    assert described("64x8x80GB").nodes == (Nodes(64, 8, gpu_memory=80e9),)
    path = tmp_path / "cluster.toml"
    path.write_text(FILE)
    found = described(str(path))
    assert found.nodes == (Nodes(4, 8, 96, 80e9, 2**40, 4e14, 2.5), Nodes(16, 0, 32))
    assert found.told == "4 nodes of 8 GPUs (80 GB), 96 CPUs and 16 nodes of 32 CPUs"
    assert [each.price for each in found.given(None, 3.0).nodes] == [3.0, 3.0]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("64", "--cluster '64': not a cluster; want NODESxGPUS such as 64x8"),
        ("9" * 400 + "x1", "--cluster '9+': not a cluster; want NODESxGPUS such as 64x8"),
        ("4x8x80", r"--cluster '4x8x80': gpu_memory: found 80.0, want a number from 1e\+06"),
        ("0x8", "--cluster '0x8': count: found 0, want a whole number from 1 to 100,000"),
        ("4x0", "--cluster '4x0': cpus: missing, want a number for nodes without GPUs"),
        ("4x8xmuch", "--cluster '4x8xmuch': memory: cannot read 'much' as a number"),
        ("missing.toml", "missing.toml: no such file, want a cluster"),
        ("[[nodes]]\ngpus = true", r"nodes\[1\].gpus: found True, want a whole number from 0 to 1,024"),
        ("[[nodes]]\ngpu = 8", r"nodes\[1\].gpu: not a key here; did you mean 'gpus'"),
        ("[[nodes]]\ngpus = 8\nmemory = 'x'", r"nodes\[1\].memory: cannot read 'x'"),
        ("[[nodes]]\ngpus = 8\nprice = nan", r"nodes\[1\].price: found nan, want a number"),
        ("[[nodes]]\ngpus = 8\nthroughput = [1]", r"nodes\[1\].throughput: found \[1\], want a number"),
        ("[[nodes]]\ncpus = 8\ngpu_memory = 1", r"nodes\[1\].gpu_memory: found for nodes without GPUs"),
        ("nodes = 3", "nodes: missing, want at least one"),
        ("gpus = 3", "gpus: not a key here, want"),
    ],
)
def test_what_describes_no_cluster_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=fault):
        described(str(path) if "=" in text else text)


def test_half_and_twice_a_cluster() -> None:
    nodes = Cluster((Nodes(3, 8), Nodes(1, 0, 5.0)), "x")
    assert nodes.scaled(2) == (Nodes(6, 8), Nodes(2, 0, 5.0))
    assert nodes.scaled(0.5) == (Nodes(1, 8), Nodes(1, 0, 2.0))
    assert Cluster((Nodes(1, 1, 8.0),), "x").scaled(0.5) == ()


SINFO = """\
n1|short*|idle|32|128000|gpu:a100:4(S:0,1)
n1|long|idle|32|128000|gpu:a100:4(S:0,1)
n2|short*|mixed-|32|128000|gpu:a100:4(S:0,1)
n3|long|allocated|64|256000|gpu:tesla:2,gpu:kepler:1(IDX:0)
n4|short*|down*|32|128000|gpu:a100:4
n5|short*|drained|32|128000|gpu:a100:4
n6|short*|idle~|8|16000|(null)
n7|short*|idle|0|16000|(null)
no such line
"""


def test_what_sinfo_tells_counts_as_data() -> None:
    big = Nodes(2, 4, 32.0, memory=128000 * 2**20)
    assert of_sinfo(SINFO) == [big, Nodes(1, 0, 8.0, memory=16000 * 2**20)], "the default partition"
    three = Nodes(1, 3, 64.0, memory=256000 * 2**20)
    assert of_sinfo(SINFO, "long") == [Nodes(1, 4, 32.0, memory=128000 * 2**20), three]
    assert of_sinfo(SINFO, "none") == []
    assert of_sinfo("n1|a|idle|4|0|gpu") == [Nodes(1, 1, 4.0)]


@given(st.text(alphabet="n1|*gpu:a,()~ -idle0\n\x1b", max_size=200))
def test_no_text_of_sinfo_is_an_error(text: str) -> None:
    assert all(each.count >= 1 for each in of_sinfo(text))


def test_the_nodes_of_ray_that_live_and_compute() -> None:
    def node(alive: bool, **has: float) -> dict[str, Any]:
        return {"Alive": alive, "Resources": has}

    two = node(True, CPU=16.0, GPU=2.0, memory=1e11)
    assert of_ray([two, node(True, **{"node:1": 1.0}), two, node(False, CPU=64.0)]) == [Nodes(2, 2, 16.0, memory=1e11)]


@given(
    st.sampled_from([None, 0.5, 1.0, 1.5, 3.0]),
    st.sampled_from([None, 0.0, 0.25, 0.3, 0.4, 0.6, 1.0, 2.0, 3.0]),
    st.sampled_from([1.0, 4.0, 7.5]),
    st.integers(0, 5),
)
def test_as_many_workers_fit_as_can_be_placed(cpus: float | None, gpus: float | None, has: float, count: int) -> None:
    asked = Resources(cpus, gpus)
    room, placed = Room([Nodes(1, count, has)], [asked]), 0
    if cpus or gpus:
        while room.take(0) is not None:
            placed += 1
    assert workers_on(asked, has, count) == placed
    assert workers_on(Resources(), 4.0, 4) == 0
    assert workers_on(Resources(1.0, 1.0), None, 8) == 8
    assert math.isfinite(placed)
