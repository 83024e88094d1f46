"""`run --dry-run` for a cluster: what it tells, in text and JSON, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command

RAY = ("--dry-run", "--on", "ray")
H100S = ("--cluster", "64x8x80GB", "--throughput", "4e14", "--price", "2.5")


@pytest.fixture
def command(command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)

    def run(*arguments: object) -> tuple[int, str, str]:
        found = command(*arguments, "--runs", tmp_path / "runs")
        assert not (tmp_path / "runs").exists(), "nothing is written"
        return found

    return run


def told(command: Command, *arguments: object) -> Any:
    status, out, err = command("run", *arguments, "--json")
    assert (status, err) == (0, "")
    return json.loads(out)


def test_a_thousand_runs_on_512_gpus(command: Command, tiny: Path) -> None:
    ladder = ("--set", "layers=12", "--set", "runs=25", "--set", f"seeds={list(range(10))}", "--set", "tokens=3e8")
    found = told(command, tiny, *RAY, *H100S, *ladder)
    names = [one["run"] for one in found["schedule"]]
    assert (len(names), len(set(names)), found["devices"], found["device"]) == (1000, 1000, 512, "GPU")
    assert found["at_a_time"] == 512
    # C over the throughput, and a little for setting up, evaluations and checkpoints.
    for rung in found["rungs"]:
        assert rung["flops"] / 4e14 < rung["seconds"][0] < rung["flops"] / 4e14 + 2
        assert rung["seconds"][1] == pytest.approx(rung["seconds"][0])
        assert rung["asks"] == {"num_cpus": 1.0, "num_gpus": 1.0}
    assert found["busy"] == pytest.approx(sum(250 * rung["seconds"][0] for rung in found["rungs"]))
    assert found["utilisation"] == pytest.approx(found["busy"] / (512 * found["seconds"]))
    assert found["held"] > found["busy"]
    assert found["cost"]["held"] == pytest.approx(2.5 * found["held"] / 3600)
    assert found["cost"]["whole"] == pytest.approx(2.5 * 512 * found["seconds"] / 3600)
    assert found["seconds"] == max(one["ended"] for one in found["schedule"])
    # The predicted rung has 250 runs, which train beside each other once all others are over.
    assert found["bound"]["by"] == "both"
    assert "d (after all others" in found["bound"]["told"]
    *others, last = (
        [one for one in found["schedule"] if one["run"].startswith(f"{rung['rung']}-")] for rung in found["rungs"]
    )
    assert min(one["began"] for one in last) >= max(one["ended"] for rung in others for one in rung)
    assert [one["devices"] for one in found["with_devices"]] == [256, 1024]


def test_text_and_plot_fit_80_columns(command: Command, tiny: Path) -> None:
    status, out, err = command("run", tiny, *RAY, *H100S, "--set", "layers=12", "--set", "tokens=3e8", "--plot")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert max(map(len, lines[lines.index("") :])) <= 80
    assert sum("█" in line for line in lines) == 4
    assert "on Ray: 64 nodes of 8 GPUs (80 GB), from --cluster" in out
    assert "each run asks for 1 CPU, 1 GPU" in out
    assert "times from the given 4.0e14 FLOP/s per GPU, for every size" in out
    assert "GPUs held, of 512" in out
    assert "nan" not in out


def test_devices_bound_it_where_many_runs_share_few(command: Command, tiny: Path, tmp_path: Path) -> None:
    few = tmp_path / "few.toml"
    few.write_text("[[nodes]]\ngpus = 2\ngpu_memory = 8e10\nthroughput = 1e13\n")
    ladder = ("--set", "layers=12", "--set", "runs=20", "--set", "tokens=3e8", "--set", "fit.predict=a")
    found = told(command, tiny, *RAY, "--cluster", few, *ladder)
    assert (found["bound"]["by"], found["devices"], found["cost"]) == ("devices", 2, None)
    half, twice = found["with_devices"]
    assert (half["devices"], twice["devices"]) == (1, 4)
    assert half["seconds"] == pytest.approx(2 * found["seconds"], rel=0.25)
    assert twice["seconds"] == pytest.approx(found["seconds"] / 2, rel=0.25)
    limited = told(command, tiny, *RAY, "--cluster", few, *ladder, "--jobs", 1)
    assert (limited["bound"]["by"], limited["at_a_time"]) == ("jobs", 1)
    assert limited["bound"]["told"].startswith("--jobs 1; with --jobs 2 it would take ")


def test_slurm_requeues_at_the_time_limit(command: Command, tiny: Path) -> None:
    ladder = ("--set", "layers=12", "--set", "tokens=3e8", "--device", "cuda")
    slow = ("--dry-run", "--on", "slurm", "--cluster", "4x1x80GB", "--throughput", "5e10")
    found = told(command, tiny, *slow, *ladder, "--slurm", "time=30")
    longest = max(found["rungs"], key=lambda rung: rung["seconds"][0])
    assert longest["seconds"][0] > 1800
    stints = [one for one in found["schedule"] if one["case"] == longest["rung"]]
    assert len(stints) > 1
    assert all(one["ended"] - one["began"] <= 1800 - 90 for one in stints)
    assert found["at_a_time"] == 16
    fractional = command("run", tiny, *slow, *ladder, "--set", "num_gpus=0.5")
    assert fractional[0] == 2
    assert "num_gpus: found 0.5, want whole GPUs from SLURM" in fractional[2]


def test_a_cluster_of_cpus_is_measured_here(command: Command, tiny: Path, tmp_path: Path, monkeypatch: Any) -> None:
    from scaling_tui.sweeps import cluster_speeds
    from scaling_tui.sweeps.speeds import Evidence, Speed

    monkeypatch.setattr(
        cluster_speeds, "probe", lambda wanted, *_: Evidence(probed=dict.fromkeys(wanted, Speed(0.01)), start=2.0)
    )
    cpus = tmp_path / "cpus.toml"
    cpus.write_text("[[nodes]]\ncount = 2\ncpus = 1\n")
    status, out, err = command("run", tiny, *RAY, "--cluster", cpus, "--json")
    assert (status, err) == (0, "measuring how fast this machine trains these sizes …\n")
    found = json.loads(out)
    assert (found["device"], found["devices"], found["at_a_time"]) == ("CPU", 2, 2)
    assert found["seconds_from"] == "times from a probe of this machine"
    assert found["warnings"] == ["the memory of a node is not described, so whether the models fit was not checked"]


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (RAY, "--dry-run --on ray: no cluster to plan for; want --cluster, such as 64x8x80GB"),
        ((*RAY, "--cluster", "64x8"), "--throughput: not given, and nothing was measured on a GPU here"),
        ((*RAY, *H100S, "--set", "hidden=40000", "--set", "layers=99"), "a needs at least "),
        ((*RAY, *H100S, "--set", "num_gpus=16"), "a asks for 1 CPU, 16 GPUs, more than any node has; "),
        ((*RAY, *H100S, "--set", "num_gpus=0"), "a: asks for no GPU, but the throughput is given per GPU"),
        (("--on", "ray", "--cluster", "64x8"), "--cluster: found without --dry-run --on ray or slurm"),
        ((*RAY, *H100S, "--device", "cuda:1"), "--device 'cuda:1': found with --on ray, want auto, cpu, cuda, mps"),
        (("--on", "ray", "--device", "foo"), "--device 'foo': found with --on ray, want auto, cpu, cuda, mps"),
        (("--dry-run", "--price", "2"), "--price: found without --dry-run --on ray or slurm"),
        ((*RAY, "--cluster", "64"), "--cluster '64': not a cluster; want NODESxGPUS"),
        (("--dry-run", "--on", "slurm", *H100S, "--device", "cuda", "--slurm", "time=1"), "--slurm time: "),
    ],
)
def test_what_cannot_be_planned_is_refused(
    command: Command, tiny: Path, arguments: tuple[str, ...], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scaling_tui.sweeps.cluster_speeds.kind_of", lambda device: "cpu")
    status, out, err = command("run", tiny, *arguments)
    assert (status, out) == (2, "")
    assert fault in err
    assert err.count("\n") == 1


def test_parts_of_a_cpu_and_the_largest_cluster_are_planned(command: Command, tiny: Path) -> None:
    found = told(command, tiny, *RAY, "--cluster", "60000x1", "--throughput", "1e13", "--set", "num_cpus=0.5")
    # Twice as many nodes are more than can be planned.
    assert [each["devices"] for each in found["with_devices"]] == [30_000]


def test_parts_of_a_gpu_are_refused_by_slurm_before_anything_is_written(
    command: Command, tiny: Path, tmp_path: Path
) -> None:
    local = ("--on", "slurm", "--slurm", "executor=local", "--runs", tmp_path / "none")
    status, out, err = command("run", tiny, *local, "--set", "num_gpus=0.5")
    assert (status, out) == (2, "")
    assert err == "scaling-tui: num_gpus: found 0.5, want whole GPUs from SLURM, or --on ray\n"
    assert not (tmp_path / "none").exists()


def test_a_throughput_of_some_nodes_is_refused(command: Command, tiny: Path, tmp_path: Path) -> None:
    mixed = tmp_path / "mixed.toml"
    mixed.write_text("[[nodes]]\ngpus = 2\nthroughput = 1e13\n[[nodes]]\ncount = 3\ngpus = 1\n")
    status, _, err = command("run", tiny, *RAY, "--cluster", mixed)
    assert (status, "not for 3 nodes of 1 GPU; want it for all or none" in err) == (2, True)
    found = told(command, tiny, *RAY, "--cluster", mixed, "--throughput", "1e13", "--price", "1")
    assert [each["throughput"] for each in found["cluster"]["nodes"]] == [1e13, 1e13]


def test_slurm_is_asked_with_sinfo(
    command: Command, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--dry-run", "--on", "slurm", "--throughput", "1e13", "--device", "cuda")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    status, _, err = command("run", tiny, *options)
    assert (status, "sinfo not found here; want --cluster" in err) == (2, True)
    (tmp_path / "bin").mkdir()
    sinfo = tmp_path / "bin" / "sinfo"
    sinfo.write_text("#!/bin/sh\necho 'n1|gpu*|idle|32|128000|gpu:a100:4'\necho 'n2|gpu*|mixed|32|128000|gpu:a100:4'\n")
    sinfo.chmod(0o755)
    found = told(command, tiny, *options)
    assert (found["devices"], found["cluster"]["source"]) == (8, "sinfo")
    status, _, err = command("run", tiny, *options, "--partition", "big")
    assert (status, "sinfo shows no node of partition 'big' that takes jobs" in err) == (2, True)
    sinfo.write_text("#!/bin/sh\nexit 3\n")
    status, _, err = command("run", tiny, *options)
    assert (status, "sinfo fails" in err) == (2, True)
