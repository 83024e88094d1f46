"""Two of everything at once, and deaths between a claim and its work: one trains, the others yield, nothing is lost."""

import hashlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import psutil
import pytest

from scaling_tui.runs import Status, Writer, create_sweep, latest_request, make_request
from scaling_tui.runs.format import YIELDED, claim_if_alone, numbered
from scaling_tui.runs.heartbeat import beating
from scaling_tui.runs.writer import checkpoints, write_run
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.sweeps.launch import lay_out, start_supervisor
from tests.sweeps import waiting
from tests.sweeps.waiting import over

LADDER = """
[corpus]
name = "words.txt"
[model]
context = 16
layers = 1
[training]
tokens = 4_096
batch = 8
lr = 1e-2
evaluations = 4
held_out_tokens = 512
[[rungs]]
name = "a"
hidden = 8
[[rungs]]
name = "b"
hidden = 12
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ladder of two sizes, each trained in an instant once its worker is up."""
    folder = tmp_path_factory.mktemp("pair")
    (folder / "words.txt").write_text("the cat sat on the mat and the dog sat on the log\n" * 200)
    (folder / "pair.toml").write_text(LADDER)
    return folder / "pair.toml"


@pytest.fixture(scope="module")
def alone(pair: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The weights of `pair`, trained by one supervisor that nobody disturbed."""
    sweep = lay_out(tmp_path_factory.mktemp("alone"), load_ladder(str(pair)), 0, "cpu", 1)
    start_supervisor(sweep, 1, "cpu")
    assert wait_for(sweep, over).state == "finished"
    return weights(sweep)


wait_for = partial(waiting.wait_for, seconds=240)


def weights(sweep: Path) -> dict[str, str]:
    """The hash of each run's last weights."""
    return {
        run.parent.name: hashlib.sha256((checkpoints(run.parent)[0] / "model.safetensors").read_bytes()).hexdigest()
        for run in sorted(sweep.glob("*/run.json"))
    }


def trainers(sweep: Path) -> dict[str, int]:
    """How many attempts of each run have logged a record: more than one would have trained the run twice."""
    return {
        run.parent.name: sum((path / "metrics.jsonl").exists() for _, path in numbered(run.parent, "attempt"))
        for run in sweep.glob("*/run.json")
    }


def resume_process(sweep: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-P", "-m", "scaling_tui", "resume", sweep.name, "--detach", "--runs", str(sweep.parent)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.mark.parametrize("times", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_two_resumes_at_the_same_moment_train_each_run_once(
    pair: Path, alone: dict[str, str], tmp_path: Path, times: int
) -> None:
    for number in range(times):
        sweep = lay_out(tmp_path / f"runs{number}", load_ladder(str(pair)), 0, "cpu", 2)
        both = [resume_process(sweep) for _ in range(2)]
        told = [process.communicate()[0].decode() for process in both]
        assert [process.returncode for process in both] == [0, 0], told
        view = wait_for(sweep, over)
        assert view.state == "finished", view.log
        assert set(trainers(sweep).values()) == {1}, view.log
        assert weights(sweep) == alone


@pytest.mark.parametrize("times", [1, pytest.param(20, marks=pytest.mark.slow)])
def test_a_supervisor_that_dies_before_its_worker_claims_costs_nothing(
    pair: Path, alone: dict[str, str], tmp_path: Path, times: int
) -> None:
    for number in range(times):
        sweep = lay_out(tmp_path / f"runs{number}", load_ladder(str(pair)), 0, "cpu", 2)
        start_supervisor(sweep, 2, "cpu")
        status = Status.read(sweep / "supervisor-1" / "status.json")
        assert status
        supervisor = psutil.Process(status.pid)
        # Its children are there an instant before they have claimed anything.
        while not supervisor.children():
            pass
        supervisor.kill()
        assert resume_process(sweep).wait() == 0
        view = wait_for(sweep, over)
        assert view.state == "finished", view.log
        assert set(trainers(sweep).values()) == {1}, view.log
        assert weights(sweep) == alone


def test_a_second_worker_yields_with_its_own_status(pair: Path, tmp_path: Path) -> None:
    sweep = lay_out(tmp_path / "runs", load_ladder(str(pair)), 0, "cpu")
    assert claim_if_alone(sweep / "a-s0", "attempt")
    command = [sys.executable, "-P", "-m", "scaling_tui.train.worker", str(sweep / "a-s0")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "a-s0 exits: another worker is training it" in done.stdout) == (YIELDED, True)
    assert [path.name for path in (sweep / "a-s0").iterdir()] != []
    assert [path.name for _, path in numbered(sweep / "a-s0", "attempt")] == ["attempt-1"]


def claimed_by(folder: Path) -> str:
    """In a process of its own, which stays alive while the others try."""
    claimed = claim_if_alone(folder, "attempt")
    return claimed.name if claimed else "yielded"


def test_of_eight_processes_that_claim_at_once_one_gets_it(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    for number in range(10):
        (tmp_path / str(number)).mkdir()
        with context.Pool(8) as pool:
            told = pool.map(claimed_by, [tmp_path / str(number)] * 8, chunksize=1)
            # One process of the pool may serve several of the eight: it finds itself alive.
            assert sorted(told) == ["attempt-1", *["yielded"] * 7]
        assert [path.name for path in (tmp_path / str(number)).iterdir()] == ["attempt-1"]


def test_a_worker_that_counted_as_dead_stops_once_another_took_over(pair: Path, tmp_path: Path) -> None:
    sweep = lay_out(tmp_path / "runs", load_ladder(str(pair), ["tokens=20_000_000"]), 0, "cpu")
    command = [sys.executable, "-P", "-m", "scaling_tui.train.worker", str(sweep / "a-s0"), "--device", "cpu"]
    with subprocess.Popen(command) as process:
        wait_for(sweep, lambda view: len(view.runs[0].curve) > 0)
        (sweep / "a-s0" / "attempt-2").mkdir()
        assert process.wait(60) == YIELDED
    status = Status.read(sweep / "a-s0" / "attempt-1" / "status.json")
    assert status is not None
    assert status.derived() == "lost", "it says nothing more in a run that is another's"
    assert checkpoints(sweep / "a-s0") == [], "it would be taken for the other worker's"


def test_a_supervisor_that_says_nothing_is_killed(pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from scaling_tui import InputError
    from scaling_tui.sweeps import launch

    sweep = lay_out(tmp_path / "runs", load_ladder(str(pair)), 0, "cpu")
    dumb = tmp_path / "python"
    dumb.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 600\n")
    dumb.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(dumb))
    monkeypatch.setattr(launch, "STARTS_WITHIN_S", 1.0)
    with pytest.raises(InputError, match=r"supervisor did not start \(no sign of life after 1 s, so it was killed\)"):
        start_supervisor(sweep, 1, "cpu")
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_resume_keeps_the_device_and_the_jobs_of_the_launch(pair: Path, tmp_path: Path) -> None:
    sweep = lay_out(tmp_path / "runs", load_ladder(str(pair), ["tokens=20_000_000"]), 0, "cpu", 1)
    assert resume_process(sweep).wait() == 0
    try:
        view = wait_for(sweep, lambda view: any(len(run.curve) for run in view.runs))
        assert sum(run.state == "running" for run in view.runs) == 1
        assert any("starts on cpu" in line for line in view.log)
        status = Status.read(sweep / "supervisor-1" / "status.json")
        assert status
        assert psutil.Process(status.pid).cmdline()[-4:] == ["--device", "cpu", "--jobs", "1"]
    finally:
        make_request(sweep, "stop")
        wait_for(sweep, over)


def requested(sweep: Path, request: str) -> None:
    make_request(sweep, request)  # type: ignore[arg-type]


def test_requests_at_the_same_moment_are_all_kept(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "mine", {})
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=requested, args=(sweep, "stop")) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    found = sorted(path.name for path in (sweep / "requests").iterdir())
    assert found == [f"{number:020d}.json" for number in range(1, 9)]
    assert latest_request(sweep) == "stop"


def test_a_killed_writer_of_another_trainer_leaves_the_run_to_the_next(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "mine", {})
    write_run(sweep / "small", {"rung": "small", "params": 9})
    code = "import sys, time; from pathlib import Path; from scaling_tui.runs import Writer\n"
    code += "Writer(Path(sys.argv[1])); print('up', flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code, str(sweep / "small")], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        assert claim_if_alone(sweep / "small", "attempt") is None
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    with Writer(sweep / "small", attempt=claim_if_alone(sweep / "small", "attempt")) as writer:
        assert writer.attempt.name == "attempt-2"
    assert json.loads((writer.attempt / "status.json").read_text())["state"] == "finished"


def test_a_worker_that_loads_for_long_shows_that_it_is_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a supervisor on another host takes it for lost after a minute and starts a second one."""
    for module in ("scaling_tui.runs.writer", "scaling_tui.runs.heartbeat"):
        monkeypatch.setattr(f"{module}.HEARTBEAT_S", 0.01)
    sweep = create_sweep(tmp_path, "slow", {"runs": ["a"]})
    with Writer.create(sweep / "a", {"rung": "a", "params": 1, "tokens": 1}) as writer:
        status = writer.attempt / "status.json"

        def heartbeat() -> float:
            written = Status.read(status)
            assert written is not None
            return written.heartbeat

        with beating(writer.heartbeat):
            first = heartbeat()
            while heartbeat() == first:
                threading.Event().wait(0.005)
