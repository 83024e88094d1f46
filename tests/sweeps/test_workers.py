"""Workers that train one run after the other, in real processes: bits, crashes, deaths, and two sweeps on one box."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import psutil
import pytest

from scaling_tui.runs import Status, make_request, read_sweep
from scaling_tui.runs.format import claim_if_alone, numbered
from scaling_tui.runs.writer import checkpoints
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.sweeps.launch import launch, lay_out, resume, start_supervisor
from scaling_tui.sweeps.placement import cpu_places
from scaling_tui.sweeps.slots import Slots
from scaling_tui.sweeps.workers import Worker, Workers
from tests.sweeps import waiting
from tests.sweeps.waiting import over

LONG = ["tokens=20_000_000"]
PLACES = cpu_places(range(2))
until = partial(waiting.until, seconds=240)
wait_for = partial(waiting.wait_for, seconds=240)


def end(sweep: Path) -> None:
    make_request(sweep, "stop")
    wait_for(sweep, over)


def status_of(run: Path, attempt: int = 1) -> Status:
    status = Status.read(run / f"attempt-{attempt}" / "status.json")
    assert status is not None
    return status


def losses(run: Path) -> list[tuple[float, ...]]:
    names = ("step", "loss", "val_loss", "grad_norm")
    lines = (run / "attempt-1" / "metrics.jsonl").read_text().splitlines()
    return [tuple(record.get(name) for name in names) for record in map(json.loads, lines)]


def weights(run: Path) -> str:
    return hashlib.sha256((checkpoints(run)[0] / "model.safetensors").read_bytes()).hexdigest()


def test_what_a_worker_trained_before_changes_no_bit(tiny: Path, tmp_path: Path) -> None:
    """Dropout draws from the random state; sizes and seeds differ, so a leftover of any kind would show."""
    ladder = load_ladder(str(tiny), ["dropout=0.1", "seeds=[0, 1]"])
    served = launch(tmp_path / "served", ladder, jobs=1, device="cpu")
    assert wait_for(served, over).state == "finished"
    names = [run.parent.name for run in sorted(served.glob("*/run.json"))]
    assert len(names) == 8
    assert len({status_of(served / name).pid for name in names}) == 1, "one worker for all"
    fresh = lay_out(tmp_path / "fresh", ladder, device="cpu")
    for name in ("a-s0", "d-s1"):  # of the last that the worker trained
        threads = json.loads((served / name / "attempt-1" / "engine.json").read_text())["threads"]
        command = [sys.executable, "-P", "-m", "scaling_tui.train.worker", str(fresh / name), "--device", "cpu"]
        subprocess.run([*command, "--threads", str(threads)], check=True)
        assert losses(fresh / name) == losses(served / name)
        assert weights(fresh / name) == weights(served / name)
    for name in names:
        log = (served / name / "attempt-1" / "worker.log").read_text()
        assert {line.split()[2] for line in log.splitlines()} == {name}, "each attempt has its own log"


def test_a_run_that_fails_takes_its_worker_along_and_no_other_run(tiny: Path, tmp_path: Path) -> None:
    sweep = lay_out(tmp_path / "runs", load_ladder(str(tiny)), 0, "cpu", 1)
    config = json.loads((sweep / "b-s0" / "run.json").read_text())
    config["params"] += 1
    (sweep / "b-s0" / "run.json").write_text(json.dumps(config))
    start_supervisor(sweep, 1, "cpu")
    view = wait_for(sweep, over)
    assert {run.name: run.state for run in view.runs} == {
        "a-s0": "finished", "b-s0": "failed", "c-s0": "finished", "d-s0": "finished",
    }  # fmt: skip
    pids = {run.name: status_of(run.path).pid for run in view.runs}
    assert pids["c-s0"] == pids["b-s0"] != pids["a-s0"] == pids["d-s0"]
    assert "built" in (sweep / "b-s0" / "attempt-1" / "worker.log").read_text()
    assert any("b-s0 worker failed with status 1; see b-s0/attempt-*/worker.log" in line for line in view.log)


def first_news(workers: Workers) -> tuple[list[tuple[str, int]], list[tuple[str | None, int]]]:
    """The runs that ended and the workers that died, once there is one of either."""
    found = workers.reap()
    while not any(found):
        workers.wait(0.1)
        found = workers.reap()
    return found


def start_worker(workers: Workers) -> Worker:
    worker = workers.start(load=True)
    assert worker is not None
    return worker


def test_a_worker_that_dies_between_two_runs_frees_its_slot_and_is_replaced(tiny: Path, tmp_path: Path) -> None:
    sweep = lay_out(tmp_path / "runs", load_ladder(str(tiny)), 0, "cpu", 1)
    workers = Workers(sweep, PLACES[:1])
    first = start_worker(workers)
    first.hand(sweep / "a-s0", 1, 1 << 32)
    assert first_news(workers) == ([("a-s0", 0)], [])
    assert workers.idle == [first]
    os.kill(first.process.pid, signal.SIGKILL)
    assert first_news(workers) == ([], [(None, -signal.SIGKILL)])
    second = start_worker(workers)
    second.hand(sweep / "b-s0", 1, 1 << 32)
    assert first_news(workers) == ([("b-s0", 0)], [])
    workers.let_go()
    until(lambda: not (workers.reap() and workers.all))
    assert read_sweep(sweep).runs[1].state == "finished"


def test_a_worker_that_dies_as_it_is_handed_a_run_costs_one_attempt(tiny: Path, tmp_path: Path) -> None:
    sweep = lay_out(tmp_path / "runs", load_ladder(str(tiny)), 0, "cpu", 1)
    workers = Workers(sweep, PLACES[:1])
    worker = start_worker(workers)
    os.kill(worker.process.pid, signal.SIGKILL)
    worker.process.wait()
    before = signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # as the commands have it
    worker.hand(sweep / "a-s0", 1, 1 << 32)
    signal.signal(signal.SIGPIPE, before)
    assert workers.reap() == ([], [("a-s0", -signal.SIGKILL)])
    assert workers.all == []


def test_two_workers_that_share_a_core_hold_it_until_both_are_gone(tiny: Path, tmp_path: Path) -> None:
    sweep = lay_out(tmp_path / "runs", load_ladder(str(tiny)), 0, "cpu", 2)
    workers, others = Workers(sweep, cpu_places([0], runs=2)), Slots()
    both = [start_worker(workers) for _ in range(2)]
    assert workers.start() is None
    for worker in both:
        assert others.take(PLACES[0]) is None
        worker.leave()
        until(lambda worker=worker: workers.reap() and worker not in workers.all)  # type: ignore[misc]
    assert others.take(PLACES[0]) is not None


def free(place_of: int) -> bool:
    slot = Slots().take(cpu_places([place_of])[0])
    if slot:
        slot.release()
    return slot is not None


def test_a_slot_outlives_a_killed_supervisor_and_dies_with_its_worker(tiny: Path, tmp_path: Path) -> None:
    number = min(os.sched_getaffinity(0))
    sweep = launch(tmp_path / "runs", load_ladder(str(tiny), LONG), jobs=1, device="cpu")
    view = wait_for(sweep, lambda view: any(run.state == "running" and len(run.curve) for run in view.runs))
    (name,) = [run.name for run in view.runs if run.state == "running"]
    supervisor = Status.read(sweep / "supervisor-1" / "status.json")
    assert supervisor is not None
    psutil.Process(supervisor.pid).kill()
    wait_for(sweep, lambda view: view.state == "lost")
    assert not free(number)
    (holder,) = Slots().holders(cpu_places([number]))
    worker = status_of(sweep / name).pid
    assert (holder.sweep, holder.pid) == (sweep.name, worker)
    os.kill(worker, signal.SIGKILL)
    until(lambda: free(number))
    assert [run.state for run in read_sweep(sweep).runs if run.name == name] == ["lost"]


def test_a_worker_without_a_supervisor_finishes_its_run_and_takes_no_other(tiny: Path, tmp_path: Path) -> None:
    ladder = load_ladder(str(tiny), ["rungs.c.tokens=150_000"])
    sweep = launch(tmp_path / "runs", ladder, jobs=1, device="cpu")
    wait_for(sweep, lambda view: any(run.state == "running" and len(run.curve) for run in view.runs))
    supervisor = Status.read(sweep / "supervisor-1" / "status.json")
    assert supervisor is not None
    psutil.Process(supervisor.pid).kill()
    view = wait_for(sweep, lambda view: not view.trains)
    assert sorted(run.state for run in view.runs) == ["finished", "queued", "queued", "queued"]
    resume(sweep)
    assert wait_for(sweep, over).state == "finished"
    assert [run.attempts for run in read_sweep(sweep).runs] == [1, 1, 1, 1]


@pytest.mark.slow
def test_two_sweeps_share_the_machine_and_who_waits_says_for_whom(tiny: Path, tmp_path: Path, two_cores: int) -> None:
    """The first takes every core; the second trains as soon as one is free, and both come to their end."""
    ladder = load_ladder(str(tiny), LONG)
    first = launch(tmp_path / "runs", ladder, device="cpu")
    wait_for(first, lambda view: sum(run.state == "running" and len(run.curve) > 0 for run in view.runs) == two_cores)
    second = launch(tmp_path / "runs", load_ladder(str(tiny)), seed=0, device="cpu")
    waiting = wait_for(second, lambda view: view.reason.startswith("waits for a slot: tiny (pid "))
    assert waiting.state == "running"
    assert " holds cpu " in waiting.reason
    assert all(run.state == "queued" for run in waiting.runs)
    wait_for(second, lambda view: any("waits for a slot: tiny (pid " in line for line in view.log))
    listed = [sys.executable, "-m", "scaling_tui", "runs", "--runs", str(first.parent)]
    told = subprocess.run(listed, capture_output=True, text=True, check=True)
    assert f"{second.name}: waits for a slot: tiny (pid " in told.stderr
    make_request(first, "stop")
    done = wait_for(second, over)
    assert (done.state, done.reason) == ("finished", "")
    assert wait_for(first, over).state == "stopped"


def test_a_resumed_run_keeps_the_number_of_threads_that_it_began_with(tiny: Path, tmp_path: Path) -> None:
    """Sums are taken in another order by another number of threads: the resumed run would end with other bits."""
    sweep = lay_out(tmp_path / "runs", load_ladder(str(tiny), LONG), 0, "cpu", 1)
    run = sweep / "a-s0"

    def train(threads: int) -> None:
        command = [sys.executable, "-P", "-m", "scaling_tui.train.worker", str(run), "--device", "cpu"]
        with subprocess.Popen([*command, "--threads", str(threads)]) as process:
            attempt = len(numbered(run, "attempt")) + 1
            until((run / f"attempt-{attempt}" / "metrics.jsonl").exists)
            process.terminate()
            assert process.wait() == 0

    for threads in (1, 2):
        train(threads)
    noted = [json.loads((path / "engine.json").read_text())["threads"] for _, path in numbered(run, "attempt")]
    assert noted == [1, 1]


def test_workers_are_less_urgent_than_who_started_them(tiny: Path, tmp_path: Path) -> None:
    sweep = lay_out(tmp_path / "runs", load_ladder(str(tiny)), 0, "cpu", 1)
    workers = Workers(sweep, PLACES[:1])
    worker = start_worker(workers)
    process = psutil.Process(worker.process.pid)
    until(lambda: process.nice() == min(19, psutil.Process().nice() + 5))
    assert process.environ()["GOMP_SPINCOUNT"] == "0"
    worker.leave()
    until(lambda: not (workers.reap() and workers.all))


def test_what_died_while_it_claimed_is_cleaned_up(tmp_path: Path) -> None:
    run = tmp_path / "run"
    for name in ("attempt-1", "attempt-2", "attempt-3", ".attempt-dead", ".attempt-new"):
        (run / name).mkdir(parents=True)
    (run / "attempt-2" / "metrics.jsonl").write_text("{}\n")
    for path in run.iterdir():
        if path.name != ".attempt-new":
            os.utime(path, (1e9, 1e9))
    claimed = claim_if_alone(run, "attempt")
    assert claimed is not None
    assert sorted(path.name for path in run.iterdir()) == [".attempt-new", "attempt-2", "attempt-4"]
