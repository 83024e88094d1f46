"""Sweeps on Ray: the same law as here, and what happens when nodes and processes go."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from scaling_tui.runs import RunView, SweepView
from scaling_tui.runs.format import numbered
from scaling_tui.sweeps.engines import Where
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.sweeps.launch import lay_out, start_supervisor
from tests.sweeps import waiting
from tests.sweeps.gate import Gates
from tests.sweeps.waiting import over

# Before Ray is imported: it takes the outer address of this machine otherwise.
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_agent_register_timeout_ms"] = "60000"  # on a busy machine # noqa: SIM112
os.environ["RAY_raylet_start_wait_time_s"] = "240"  # noqa: SIM112
# A node that falls silent counts as lost after 18 s; by default it takes Ray more than a minute.
os.environ["RAY_health_check_period_ms"] = "1000"  # noqa: SIM112
os.environ["RAY_health_check_timeout_ms"] = "5000"  # noqa: SIM112
os.environ["RAY_health_check_failure_threshold"] = "3"  # noqa: SIM112
ray = pytest.importorskip("ray", reason="Ray is not installed")
pytestmark = pytest.mark.timeout(1800)  # a busy machine takes half a minute to start a cluster

LADDER = """
[corpus]
name = "words.txt"
[model]
context = 16
layers = 1
[training]
tokens = 64_000
batch = 8
lr = 1e-2
evaluations = 4
checkpoints = 8
held_out_tokens = 512
[resources]
num_gpus = 1
[[rungs]]
name = "a"
hidden = 8
[[rungs]]
name = "b"
hidden = 12
[[rungs]]
name = "half"
hidden = 8
num_cpus = 0.5
num_gpus = 0.5
"""
LEAN = {"object_store_memory": 10**8, "include_dashboard": False}


@pytest.fixture(scope="module")
def ladder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ladder")
    (folder / "words.txt").write_text("the cat sat on the mat and the dog sat on the log\n" * 200)
    (folder / "pair.toml").write_text(LADDER)
    return folder / "pair.toml"


@pytest.fixture(scope="module")
def head(hooked: None) -> Iterator[Any]:
    """A cluster with a head that trains nothing, and no other node yet."""
    from ray.cluster_utils import Cluster

    found = started(lambda: Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **LEAN}))
    try:
        yield found
    finally:
        found.shutdown()


@pytest.fixture
def cluster(head: Any) -> Any:
    """With two nodes that have a CPU and a GPU each, which is one by name only."""
    while len(head.worker_nodes) < 2:
        started(lambda: head.add_node(num_cpus=1, num_gpus=1, **LEAN))
    return head


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


def launch(cluster: Any, ladder: Path, runs: Path, *options: object) -> Path:
    """The folder of a sweep on `cluster`, whose supervisor goes on alone."""
    where = ["--on", "ray", "--address", cluster.address, "--device", "cpu", "--runs", runs]
    told = cli("run", ladder, *where, "--detach", *options)
    assert (told.returncode, told.stdout) == (0, "pair\n"), told.stderr
    return runs / "pair"


wait_for = partial(waiting.wait_for, seconds=900)


def log_of(sweep: Path) -> str:
    return (numbered(sweep, "supervisor")[-1][1] / "supervisor.log").read_text()


def retries_of(sweep: Path) -> Any:
    return json.loads((numbered(sweep, "supervisor")[-1][1] / "retries.json").read_text())


def run_of(view: SweepView, name: str) -> RunView:
    run = view.run(name)
    assert run is not None
    return run


def worker_of(run: Path) -> psutil.Process:
    """The process that trains `run`."""
    return psutil.Process(json.loads((numbered(run, "attempt")[-1][1] / "status.json").read_text())["pid"])


def node_of(cluster: Any, worker: psutil.Process) -> tuple[Any, list[psutil.Process]]:
    """The node on which `worker` is, and its raylet with all that it started: the worker's task, the worker, agents."""
    raylet = next(process for process in worker.parents() if process.name() == "raylet")
    node = next(
        node
        for node in cluster.worker_nodes
        if any(info.process.pid == raylet.pid for infos in node.all_processes.values() for info in infos)
    )
    return node, [raylet, *raylet.children(recursive=True)]


def send(number: signal.Signals, processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def of(sweep: Path) -> list[psutil.Process]:
    """The workers of the sweep that are alive."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if "scaling_tui.train.worker" in (line := process.info["cmdline"] or [])
        and any(str(sweep) in word for word in line)
    ]


def has_left(process: psutil.Process) -> bool:
    """Whether it has ended, even if the one that started it stands still and has not taken note."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def files_of(attempt: Path) -> dict[str, bytes]:
    """What an attempt has written, by name; not the checkpoint that it was about to write, which has no name yet."""
    return {
        str(path.relative_to(attempt)): path.read_bytes()
        for path in attempt.rglob("*")
        if path.is_file() and not path.relative_to(attempt).parts[0].startswith(".")
    }


def assert_as_undisturbed(run: RunView, undisturbed: RunView) -> None:
    """One writer, no step twice or missing, and the same loss as without the disturbance."""
    steps = run.curve["step"]
    assert (np.diff(steps) > 0).all()
    assert list(steps) == list(undisturbed.curve["step"])
    assert list(run.curve["loss"]) == list(undisturbed.curve["loss"])
    assert run.loss == undisturbed.loss


@pytest.fixture(scope="module")
def undisturbed(ladder: Path, tmp_path_factory: pytest.TempPathFactory) -> SweepView:
    """The same ladder trained on this machine."""
    sweep = lay_out(tmp_path_factory.mktemp("local"), load_ladder(str(ladder)), 0, "cpu", 2)
    start_supervisor(sweep, 2, "cpu")
    view = wait_for(sweep, over)
    assert view.state == "finished", log_of(sweep)
    return view


@pytest.mark.slow
def test_a_run_whose_node_loses_power_resumes_on_the_other_and_ends_with_the_same_loss(
    cluster: Any, ladder: Path, tmp_path: Path, gates: Gates, undisturbed: SweepView
) -> None:
    gates.close("b-s0")
    sweep = launch(cluster, ladder, tmp_path / "runs")
    gates.wait_for("b-s0")
    node, processes = node_of(cluster, worker_of(sweep / "b-s0"))
    # At once: stopped first, so that none of them sees another one die and tidies up.
    send(signal.SIGSTOP, processes)
    send(signal.SIGKILL, processes)
    cluster.remove_node(node, allow_graceful=False)
    gates.open("b-s0")
    view = wait_for(sweep, over)
    log = log_of(sweep)
    print(log, (sweep / "b-s0" / "attempt-2" / "worker.log").read_text())
    assert view.state == "finished", log
    assert "b-s0 worker lost its node: resumes from its last checkpoint (lost node, 1st time)" in log
    assert retries_of(sweep)["b-s0"] == {"lost node": 1}
    run = run_of(view, "b-s0")
    assert run.attempts == 2, log
    second = run.path / "attempt-2"
    assert "from step" in (second / "worker.log").read_text()
    assert json.loads((second / "fence.json").read_text())["attempts"]["attempt-1"]["checkpoints"]
    for run in view.runs:
        assert_as_undisturbed(run, run_of(undisturbed, run.name))
    # What Ray prints of its nodes is not the story of the sweep.
    assert all(line.startswith("20") for line in log.splitlines()), log
    psutil.wait_procs(of(sweep), timeout=120)
    assert of(sweep) == []


@pytest.mark.slow
def test_a_node_that_is_cut_off_and_comes_back_writes_nothing_into_the_run_that_another_owns(
    cluster: Any, ladder: Path, tmp_path: Path, gates: Gates, undisturbed: SweepView
) -> None:
    gates.close("b-s0")
    sweep = launch(cluster, ladder, tmp_path / "runs")
    gates.wait_for("b-s0")
    worker = worker_of(sweep / "b-s0")
    node, processes = node_of(cluster, worker)
    send(signal.SIGSTOP, processes)
    gates.open("b-s0")
    before = files_of(sweep / "b-s0" / "attempt-1").items()
    try:
        # Ray itself would tell of the task only after seven minutes.
        wait_for(sweep, lambda view: run_of(view, "b-s0").attempts == 2, seconds=300)
        # The worker alone, so that it and not the end of its node decides what it does.
        worker.resume()
        wait_for(sweep, lambda view: has_left(worker))
        view = wait_for(sweep, over)
        # Only the owner tidies up: checkpoints that nobody needs any more.
        assert files_of(sweep / "b-s0" / "attempt-1").items() <= before
        # Its node hears that it counts as dead.
        send(signal.SIGCONT, processes)
        assert psutil.wait_procs(processes, timeout=300)[1] == []
    finally:
        send(signal.SIGCONT, processes)
        cluster.remove_node(node, allow_graceful=False)
    log = log_of(sweep)
    assert view.state == "finished", log
    assert "b-s0 worker lost its node: resumes from its last checkpoint (lost node, 1st time)" in log
    assert any("b-s0 exits: another worker took over" in path.read_text() for path in sweep.glob("*/worker-*/*.log"))
    assert files_of(sweep / "b-s0" / "attempt-1").items() <= before
    for run in view.runs:
        assert_as_undisturbed(run, run_of(undisturbed, run.name))


def test_runs_that_share_gpus_die_with_their_supervisor_and_resume(
    cluster: Any, ladder: Path, tmp_path: Path, gates: Gates
) -> None:
    """Four at a time on two GPUs, by fractions."""
    runs = [f"half-s{seed}" for seed in range(4)]
    whole = 'name = "a"\nhidden = 8\n[[rungs]]\nname = "b"\nhidden = 12\n[[rungs]]\n'
    (tmp_path / "words.txt").write_bytes(ladder.with_name("words.txt").read_bytes())
    (tmp_path / "pair.toml").write_text(LADDER.replace(whole, ""))
    gates.close(*runs)
    sweep = launch(cluster, tmp_path / "pair.toml", tmp_path / "runs", "--set", "seeds=0,1,2,3")
    gates.wait_for(*runs)
    workers = [worker_of(sweep / run) for run in runs]
    assert all(worker.is_running() for worker in workers)
    supervisor = json.loads((sweep / "supervisor-1" / "status.json").read_text())["pid"]
    tasks = [task for worker in workers if (task := worker.parent())]
    os.kill(supervisor, signal.SIGKILL)
    assert psutil.wait_procs([*workers, *tasks], timeout=300)[1] == []
    assert cli("attach", "pair", "--runs", tmp_path / "runs", "--json").returncode == 1
    gates.open(*runs)
    told = cli("resume", "pair", "--runs", tmp_path / "runs", "--detach")
    assert told.returncode == 2
    assert f"trains on a Ray cluster; want --address, such as --address {cluster.address}" in told.stderr
    told = cli("resume", "pair", "--runs", tmp_path / "runs", "--address", cluster.address, "--detach")
    assert told.returncode == 0, told.stderr
    view = wait_for(sweep, over)
    assert [(run.name, run.state, run.attempts) for run in view.runs] == [(run, "finished", 2) for run in runs]
    for run in view.runs:
        assert (np.diff(run.curve["step"]) > 0).all()
        assert "from step" in (run.path / "attempt-2" / "worker.log").read_text()


def test_a_run_that_fails_or_diverges_stops_no_other_and_killed_workers_are_counted_by_cause(
    ladder: Path, tmp_path: Path, gates: Gates
) -> None:
    """On a cluster of this machine alone, which ends with the sweep."""
    sweep = lay_out(tmp_path / "runs", load_ladder(str(ladder), ["num_gpus=0"]), 0, "cpu", 2, where=Where("ray"))
    changes = (
        ("b-s0", "corpus", {"sha256": "0" * 64}),
        ("half-s0", "training", {"lr": 10.0, "weight_decay": 1.0, "warmup": 0.0}),
    )
    for name, part, change in changes:
        config = json.loads((sweep / name / "run.json").read_text())
        config[part] |= change
        (sweep / name / "run.json").write_text(json.dumps(config))
    gates.close("a-s0")
    start_supervisor(sweep, 2, "cpu", where=Where("ray"))
    gates.wait_for("a-s0")
    supervisor = psutil.Process(json.loads((sweep / "supervisor-1" / "status.json").read_text())["pid"])
    cluster = supervisor.children(recursive=True)
    listens = set[str]()
    for process in cluster:
        with contextlib.suppress(psutil.NoSuchProcess):  # some of Ray's helpers are short-lived
            listens |= {at.laddr.ip for at in process.net_connections() if at.status == "LISTEN"}
    worker_of(sweep / "a-s0").kill()
    gates.open("a-s0")
    view = wait_for(sweep, over)
    log = log_of(sweep)
    states = {run.name: (run.state, run.attempts) for run in view.runs}
    assert states == {"a-s0": ("finished", 2), "b-s0": ("failed", 1), "half-s0": ("diverged", 1)}, log
    assert "a-s0 worker was killed by SIGKILL: resumes from its last checkpoint, 2 more attempts" in log
    assert retries_of(sweep) == {"a-s0": {"crashed": 1}}
    assert listens and listens <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}, "nobody else can reach it"
    assert psutil.wait_procs([supervisor, *cluster], timeout=300)[1] == [], "it ends with the sweep"


def test_a_folder_that_the_nodes_do_not_share_is_refused_before_anything_is_written(
    cluster: Any, ladder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scaling_tui.sweeps.engines import ray as engine

    monkeypatch.setattr(engine, "_token", lambda path: "")
    with pytest.raises(Exception, match=r"--runs .*: not shared with Ray node .* \(what it writes does not arr"):
        engine.check_storage(Where("ray", address=cluster.address), tmp_path / "runs")
    assert list((tmp_path / "runs").iterdir()) == []


def test_an_address_at_which_nobody_listens_is_told_at_once(ladder: Path, tmp_path: Path) -> None:
    told = cli("run", ladder, "--on", "ray", "--address", "127.0.0.1:9", "--runs", tmp_path / "runs")
    assert (told.returncode, told.stdout) == (2, "")
    assert "--address 127.0.0.1:9: nothing answers there" in told.stderr
    assert not (tmp_path / "runs").exists()


def test_a_worker_that_may_wait_on_a_silent_node_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray itself would leave it there until the connection times out, seven minutes later."""
    from scaling_tui.sweeps.engines.ray import BEGAN, RayCluster
    from scaling_tui.sweeps.engines.remote import Gone

    monkeypatch.setattr("scaling_tui.sweeps.engines.ray.connect", lambda where: ray)
    cluster = RayCluster(Where("ray", "127.0.0.1:1"), "cpu")
    nodes = [{"NodeID": name, "Alive": True, "Resources": {"CPU": 1.0}} for name in ("here", "silent")]
    cancelled: list[str] = []
    monkeypatch.setattr(ray, "nodes", lambda: nodes)
    monkeypatch.setattr(ray, "wait", lambda tickets, **options: ([], tickets))
    monkeypatch.setattr(ray, "cancel", lambda ticket, force: cancelled.append(ticket))
    for name in ("trains", "lost", "queued"):
        (tmp_path / name).mkdir()
    (tmp_path / "trains" / BEGAN).write_text("here\n")
    (tmp_path / "lost" / BEGAN).write_text("silent\n")
    tickets = ["trains", "lost", "queued"]
    cluster._at = {name: tmp_path / name for name in tickets}
    cluster._sizes()
    assert cluster.gone(tickets) == {}
    nodes[1]["Alive"] = False
    cluster._sizes()
    assert cluster.gone(tickets) == {1: Gone(-9, "lost node", "lost its node"), 2: Gone()}
    assert cancelled == ["queued"]
    cluster._at["again"] = tmp_path / "queued"
    assert cluster.gone(["trains", "again"]) == {}, "one that was asked for since then goes to another node"
