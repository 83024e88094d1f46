"""Sweeps on Ray: the same law as here, and what happens when nodes and processes go."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from scaling_tui.runs import RunView, SweepView, read_sweep
from scaling_tui.runs.format import numbered
from scaling_tui.runs.writer import checkpoints
from scaling_tui.sweeps.engines import Where
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.sweeps.launch import lay_out, start_supervisor

# Before Ray is imported: it takes the outer address of this machine otherwise.
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_agent_register_timeout_ms"] = "60000"  # on a busy machine # noqa: SIM112
ray = pytest.importorskip("ray", reason="Ray is not installed")
pytestmark = pytest.mark.timeout(1500)  # a busy machine takes half a minute to start a cluster

LADDER = """
[corpus]
name = "words.txt"
[model]
context = 16
layers = 1
[training]
tokens = 256_000
batch = 8
lr = 1e-2
evaluations = 4
checkpoints = 40
held_out_tokens = 512
[resources]
num_gpus = 1
[[rungs]]
name = "a"
hidden = 8
[[rungs]]
name = "b"
hidden = 12
"""


@pytest.fixture(scope="module")
def ladder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ladder")
    (folder / "words.txt").write_text("the cat sat on the mat and the dog sat on the log\n" * 200)
    (folder / "pair.toml").write_text(LADDER)
    return folder / "pair.toml"


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A head that trains nothing, and two nodes with a GPU each that is one by name only."""
    from ray.cluster_utils import Cluster

    lean = {"object_store_memory": 10**8, "include_dashboard": False}
    found = started(lambda: Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **lean}))
    try:
        for _ in range(2):
            started(lambda: found.add_node(num_cpus=1, num_gpus=1, **lean))
        yield found
    finally:
        found.shutdown()


def started(start: Callable[[], Any]) -> Any:
    """What `start` returns at last: a node of Ray gives up where a part of it takes 15 s to come up."""
    for _ in range(10):
        try:
            return start()
        except Exception as error:
            print(f"once more: {str(error).splitlines()[0]}")
    return pytest.fail("Ray does not start on this machine")


def cli(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-P", "-m", "scaling_tui", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def wait_for(sweep: Path, reached: Callable[[SweepView], bool], seconds: float = 600) -> SweepView:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        view = read_sweep(sweep)
        if reached(view):
            return view
        time.sleep(0.1)
    log = (sweep / "supervisor-1" / "supervisor.log").read_text()
    pytest.fail(f"not reached; {view.state} {view.reason}\n{log}\n" + "\n".join(view.log))


def has_ended(view: SweepView) -> bool:
    return not view.trains and view.state not in ("queued", "running")


def no_worker_of(sweep: Path) -> bool:
    """Whether the workers of the sweep leave, within a minute."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        lines = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
        if not any("scaling_tui.train.worker" in line and str(sweep) in line for line in lines):
            return True
        time.sleep(0.5)
    return False


def run_of(view: SweepView, name: str) -> RunView:
    run = view.run(name)
    assert run is not None
    return run


def mailbox_of(sweep: Path, run: str) -> Path:
    """The mailbox of the worker that was handed `run` last."""
    handed = [
        path.parent
        for path in sweep.glob("supervisor-*/worker-*/handed.jsonl")
        if any(json.loads(line).get("run") == run for line in path.read_text().splitlines())
    ]
    return max(handed, key=lambda path: (path / "handed.jsonl").stat().st_mtime)


def test_a_run_whose_node_is_lost_resumes_on_the_other_and_ends_with_the_same_loss(
    cluster: Any, ladder: Path, tmp_path: Path
) -> None:
    undisturbed = lay_out(tmp_path / "local", load_ladder(str(ladder)), 0, "cpu", 2)
    start_supervisor(undisturbed, 2, "cpu")
    told = cli(
        "run", ladder, "--on", "ray", "--address", cluster.address, "--device", "cpu",
        "--runs", tmp_path / "runs", "--detach",
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    sweep = tmp_path / "runs" / "pair"
    wait_for(sweep, lambda view: any(run.state == "running" and checkpoints(run.path) for run in view.runs))
    name = next(run.name for run in read_sweep(sweep).runs if run.state == "running" and checkpoints(run.path))
    node_id = (mailbox_of(sweep, name) / "began").read_text().strip()
    node = next(node for node in cluster.worker_nodes if node.node_id == node_id)
    cluster.remove_node(node, allow_graceful=False)
    view = wait_for(sweep, has_ended)
    log = (sweep / "supervisor-1" / "supervisor.log").read_text()
    print(log)
    assert view.state == "finished", log
    run = run_of(view, name)
    assert run.attempts == 2, log
    assert f"{name} worker lost its node: resumes from its last checkpoint (lost node, 1st time)" in log
    assert json.loads((sweep / "supervisor-1" / "retries.json").read_text()) == {name: {"lost node": 1}}
    second = numbered(run.path, "attempt")[1][1]
    assert "from step" in (second / "worker.log").read_text()
    assert json.loads((second / "fence.json").read_text())["attempts"]["attempt-1"]["checkpoints"]
    steps = run.curve["step"]
    assert (np.diff(steps) > 0).all(), "one writer: no step twice"
    local = wait_for(undisturbed, has_ended)
    assert [run.loss for run in view.runs] == [run.loss for run in local.runs]
    assert len(steps) == len(run_of(local, name).curve)
    assert no_worker_of(sweep)


def test_a_failed_run_stops_no_other_and_killed_workers_are_counted_by_cause(ladder: Path, tmp_path: Path) -> None:
    """On a cluster of this machine alone, which ends with the sweep."""
    chosen = load_ladder(str(ladder), ["num_gpus=0"])
    sweep = lay_out(tmp_path / "runs", chosen, 0, "cpu", 2, where=Where("ray"))
    config = json.loads((sweep / "b-s0" / "run.json").read_text())
    config["corpus"]["sha256"] = "0" * 64
    (sweep / "b-s0" / "run.json").write_text(json.dumps(config))
    start_supervisor(sweep, 2, "cpu", where=Where("ray"))
    wait_for(sweep, lambda view: bool(checkpoints(sweep / "a-s0")))
    status = json.loads((sweep / "a-s0" / "attempt-1" / "status.json").read_text())
    os.kill(status["pid"], signal.SIGKILL)
    view = wait_for(sweep, has_ended)
    log = (sweep / "supervisor-1" / "supervisor.log").read_text()
    assert [(run.name, run.state, run.attempts) for run in view.runs] == [
        ("a-s0", "finished", 2),
        ("b-s0", "failed", 1),
    ], log
    assert "a-s0 worker was killed by signal 9: resumes from its last checkpoint, 2 more attempts" in log
    assert json.loads((sweep / "supervisor-1" / "retries.json").read_text()) == {"a-s0": {"crashed": 1}}


def test_a_worker_dies_with_its_ray_task(cluster: Any, ladder: Path, tmp_path: Path) -> None:
    where = Where("ray", address=cluster.address)
    sweep = lay_out(tmp_path / "runs", load_ladder(str(ladder), ["tokens=40_000_000"]), 0, "cpu", 1, where=where)
    start_supervisor(sweep, 1, "cpu", where=where)
    view = wait_for(sweep, lambda view: any(len(run.curve) for run in view.runs))
    run = next(run for run in view.runs if len(run.curve))
    worker = psutil.Process(json.loads((run.path / "attempt-1" / "status.json").read_text())["pid"])
    task = worker.parent()
    assert task is not None
    supervisor = json.loads((sweep / "supervisor-1" / "status.json").read_text())["pid"]
    os.kill(supervisor, signal.SIGKILL)
    assert psutil.wait_procs([worker, task], timeout=120)[1] == []
    assert cli("attach", "pair", "--runs", tmp_path / "runs", "--json").returncode == 1


def test_a_folder_that_the_nodes_do_not_share_is_refused_before_anything_is_written(
    cluster: Any, ladder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scaling_tui.sweeps.engines import ray as engine

    monkeypatch.setattr(engine, "_token", lambda path: "")
    with pytest.raises(Exception, match=r"--runs .*: not shared with the node .* of Ray \(what it writes does not arr"):
        engine.check_storage(Where("ray", address=cluster.address), tmp_path / "runs")
    assert list((tmp_path / "runs").iterdir()) == []


def test_an_address_at_which_nobody_listens_is_told_at_once(ladder: Path, tmp_path: Path) -> None:
    told = cli("run", ladder, "--on", "ray", "--address", "127.0.0.1:9", "--runs", tmp_path / "runs")
    assert (told.returncode, told.stdout) == (2, "")
    assert "--address 127.0.0.1:9: nobody answers there" in told.stderr
    assert not (tmp_path / "runs").exists()
