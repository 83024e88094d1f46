"""Several processes train one run together: the same losses, one death for all, and slots taken all at once."""

import json
import math
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
import pytest

from scaling_tui import InputError
from scaling_tui.runs import Status, read_sweep
from scaling_tui.runs.format import numbered, write_json
from scaling_tui.sweeps.engines.local import Local
from scaling_tui.sweeps.estimate import estimate, makespan
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.sweeps.launch import launch, lay_out, resume
from scaling_tui.sweeps.placement import at_a_time, cpu_places, gpu_places, least_memory, threads_for
from scaling_tui.sweeps.resources import Resources
from scaling_tui.sweeps.size import Size
from scaling_tui.sweeps.slots import Slots
from scaling_tui.sweeps.speeds import Evidence, Speed, Trained, recorded
from scaling_tui.sweeps.workers import Workers
from tests.sweeps import waiting
from tests.sweeps.waiting import over

pytestmark = pytest.mark.timeout(1500)  # on a machine that is busy

LONG = ["tokens=40_000_000", "records=20_000"]


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """A ladder of two sizes with all that an evaluation reads; the larger is predicted."""
    words = "the cat sat on the mat and the dog sat on the log while the bird sang of fog\n"
    (tmp_path / "words.txt").write_text(words * 100)
    text = """
[corpus]
name = "words.txt"
[model]
context = 16
layers = 1
[training]
tokens = 6144
batch = 8
lr = 1e-2
evaluations = 4
records = 12
exact_match = 4
gap = true
held_out_tokens = 304
[fit]
law = "kaplan-n"
predict = "large"
[[rungs]]
name = "small"
hidden = 8
[[rungs]]
name = "middle"
hidden = 12
gpus = 1
[[rungs]]
name = "large"
hidden = 24
"""
    (tmp_path / "pair.toml").write_text(text)
    return tmp_path / "pair.toml"


@pytest.fixture
def two_cores(two_cores: int) -> int:
    if two_cores < 2:
        pytest.skip("wants two cores to pin processes to")
    return two_cores


until = partial(waiting.until, seconds=1200)
wait_for = partial(waiting.wait_for, seconds=1200)


def records(run: Path) -> list[dict[str, float]]:
    """The run's records over all attempts; of a step that two attempts made the later one's."""
    found: dict[float, dict[str, float]] = {}
    for _, attempt in numbered(run, "attempt"):
        if (attempt / "metrics.jsonl").exists():
            lines = (attempt / "metrics.jsonl").read_text().splitlines(keepends=True)
            found |= {(one := json.loads(line))["step"]: one for line in lines if line.endswith("\n")}
    return [found[step] for step in sorted(found)]


def assert_same(run: Path, other: Path, up_to: float = math.inf) -> None:
    ones, others = ([one for one in records(path) if one["step"] <= up_to] for path in (run, other))
    assert len(ones) == len(others) > 0
    for one, two in zip(ones, others, strict=True):
        for name in ("step", "tokens", "loss", "val_loss", "lr", "val_accuracy", "exact_match", "gap"):
            assert one.get(name) == pytest.approx(two.get(name), abs=1e-4), (one["step"], name)
        assert one["grad_norm"] == pytest.approx(two["grad_norm"], rel=1e-3)


def train(run: Path, processes: int) -> "subprocess.Popen[bytes]":
    """A worker that trains the run in so many processes."""
    command = [sys.executable, "-P", "-m", "scaling_tui.train.worker", str(run), "--device", "cpu"]
    return subprocess.Popen([*command, "--processes", str(processes)])


def stop(process: "subprocess.Popen[bytes]", reached: Callable[[], bool]) -> None:
    """Asks a worker by SIGTERM to stop once `reached`."""
    until(lambda: reached() or process.poll() is not None)
    process.terminate()
    assert process.wait() == 0


def state_of(run: Path) -> str:
    status = Status.read(numbered(run, "attempt")[-1][1] / "status.json")
    assert status is not None
    return status.state


def family(pid: int) -> list[psutil.Process]:
    """A worker, its torchrun and the processes of the run, once they are all there."""
    found: list[psutil.Process] = []

    def complete() -> bool:
        nonlocal found
        worker = psutil.Process(pid)
        found = [worker, *worker.children(recursive=True)]
        return len(found) == 4

    until(complete)
    assert [process.parent() for process in found[1:]] == [found[0], found[1], found[1]]
    return found


def gone(processes: list[psutil.Process]) -> bool:
    return not psutil.wait_procs(processes, timeout=300)[1]


@pytest.mark.slow
def test_two_processes_reach_the_losses_of_one(pair: Path, tmp_path: Path) -> None:
    alone = launch(tmp_path / "alone", load_ladder(str(pair)), jobs=1, device="cpu")
    assert wait_for(alone, over).state == "finished"
    both = launch(tmp_path / "both", load_ladder(str(pair), ["rungs.small.gpus=2", "rungs.large.gpus=2"]), device="cpu")
    view = wait_for(both, over)
    assert view.state == "finished", view.log
    for run in view.runs:
        assert_same(run.path, alone / run.name)
        log = (run.path / "attempt-1" / "worker.log").read_text()
        engine = json.loads((run.path / "attempt-1" / "engine.json").read_text())
        processes = 1 if run.rung == "middle" else 2
        assert engine["processes"] == processes
        assert f"{run.name} starts on cpu{' × 2' if processes == 2 else ''} with 1 thread, " in log
    assert view.document["resources"] == {"small": {"gpus": 2}, "middle": {"gpus": 1}, "large": {"gpus": 2}}
    assert view.predictions, "the last was predicted before it ran"
    # What ran in two processes is no evidence of how fast one is.
    found = {trained.size.processes for trained in recorded(both.parent, "cpu") if trained.size.count.total > 3000}
    assert found == {1, 2}


def test_resumed_by_another_number_of_processes_a_run_goes_on_as_if_nothing_had_changed(
    pair: Path, tmp_path: Path
) -> None:
    long = load_ladder(str(pair), [*LONG, "evaluations=8"])
    run, straight = (lay_out(tmp_path / name, long, 0, "cpu") / "small-s0" for name in ("runs", "straight"))
    ends = []
    for processes in (1, 2, 1):
        before = len(records(run))
        stop(train(run, processes), lambda before=before: len(records(run)) > before + 2)  # type: ignore[misc]
        assert state_of(run) == "stopped"
        ends.append(records(run)[-1]["step"])
    stop(train(straight, 1), lambda: any(one["step"] >= ends[-1] for one in records(straight)))
    logs = [(path / "worker.log").read_text() for _, path in numbered(run, "attempt")]
    assert "starts on cpu × 2 with 1 thread, from step" in logs[1]
    assert "checkpoint written" in logs[1]
    assert "starts on cpu with 1 thread, from step" in logs[2]
    assert ends[0] < ends[1] < ends[2]
    assert_same(run, straight, up_to=ends[-1])


def test_parts_of_a_batch_add_up_in_several_processes_too(pair: Path, tmp_path: Path) -> None:
    sweep = lay_out(tmp_path / "runs", load_ladder(str(pair), ["tokens=2048"]), 0, "cpu")
    for number in (1, 2):
        run = sweep / ("small-s0" if number == 1 else "twin-s0")
        if number == 2:
            run.mkdir()
            write_json(run / "run.json", json.loads((sweep / "small-s0" / "run.json").read_text()))
            (run / "attempt-1").mkdir()
            Status("stopped", 1, 0.0, "elsewhere", 1.0).write(run / "attempt-1" / "status.json")
            engine = {"device": "cpu", "threads": 1, "micro_batches": 3, "captured": False, "compiled": False}
            write_json(run / "attempt-1" / "engine.json", {**engine, "host": platform.node(), "processes": 2})
        assert train(run, number).wait() == 0
    assert "3 micro-batches" in (sweep / "twin-s0" / "attempt-2" / "worker.log").read_text()
    assert_same(sweep / "twin-s0", sweep / "small-s0")


@pytest.mark.slow
def test_where_one_process_is_killed_all_end_and_the_run_resumes(pair: Path, tmp_path: Path) -> None:
    # At a high rate the last digits, which differ, would grow into others within so many steps.
    settings = ["tokens=4096", "rungs.small.tokens=1_280_000", "lr=1e-5", "checkpoints=40", "rungs.small.gpus=2"]
    ladder = load_ladder(str(pair), settings)
    sweep = launch(tmp_path / "runs", ladder, device="cpu")
    run = sweep / "small-s0"
    wait_for(sweep, lambda view: bool(list(run.glob("attempt-1/checkpoint-*"))))
    status = Status.read(run / "attempt-1" / "status.json")
    assert status is not None
    everybody = family(status.pid)
    everybody[3].kill()
    assert gone(everybody)
    view = wait_for(sweep, over)
    assert (view.state, next(one.attempts for one in view.runs if one.name == "small-s0")) == ("finished", 2), view.log
    assert "small-s0 worker was killed by SIGKILL: resumes from its last checkpoint, 2 more attempts" in str(view.log)
    assert json.loads((sweep / "supervisor-1" / "retries.json").read_text()) == {"small-s0": {"crashed": 1}}
    assert "from step" in (run / "attempt-2" / "worker.log").read_text()
    assert " was killed by SIGKILL" in (run / "attempt-1" / "worker.log").read_text()
    straight = lay_out(tmp_path / "straight", ladder, 0, "cpu")
    assert train(straight / "small-s0", 1).wait() == 0
    assert_same(run, straight / "small-s0")


@pytest.mark.slow
@pytest.mark.parametrize("who", ["worker", "torchrun", "first", "second"])
def test_nobody_outlives_the_others(pair: Path, tmp_path: Path, who: str) -> None:
    sweep = lay_out(tmp_path / "runs", load_ladder(str(pair), LONG), 0, "cpu")
    process = train(sweep / "small-s0", 2)
    until((sweep / "small-s0" / "attempt-1" / "metrics.jsonl").exists)
    everybody = family(process.pid)
    everybody[["worker", "torchrun", "first", "second"].index(who)].kill()
    assert process.wait() == -signal.SIGKILL
    assert gone(everybody)
    (run,) = [run for run in read_sweep(sweep).runs if run.name == "small-s0"]
    assert run.state == "lost"


@pytest.mark.slow
def test_a_scheduler_that_signals_every_process_gets_a_checkpoint(pair: Path, tmp_path: Path) -> None:
    sweep = lay_out(tmp_path / "runs", load_ladder(str(pair), LONG), 0, "cpu")
    process = train(sweep / "small-s0", 2)
    until((sweep / "small-s0" / "attempt-1" / "metrics.jsonl").exists)
    for one in reversed(family(process.pid)):
        one.terminate()
    assert process.wait() == 0
    assert state_of(sweep / "small-s0") == "stopped"
    assert list((sweep / "small-s0").glob("attempt-1/checkpoint-*"))


@pytest.mark.slow
def test_a_fault_of_a_process_fails_the_run_with_its_reason(pair: Path, tmp_path: Path) -> None:
    sweep = lay_out(tmp_path / "runs", load_ladder(str(pair)), 0, "cpu")
    config = json.loads((sweep / "small-s0" / "run.json").read_text())
    write_json(sweep / "small-s0" / "run.json", {**config, "params": config["params"] + 1})
    assert train(sweep / "small-s0", 2).wait() == 1
    status = Status.read(sweep / "small-s0" / "attempt-1" / "status.json")
    assert status is not None
    assert (status.state, status.reason[:29]) == ("failed", "model.family: 'gpt' built 2,8")
    assert train(sweep / "middle-s0", 3).wait() == 1
    status = Status.read(sweep / "middle-s0" / "attempt-1" / "status.json")
    assert status is not None
    assert (status.state, status.reason) == ("failed", "batch: found 8 with gpus 3, want a multiple of 3")


@pytest.mark.slow
def test_two_runs_and_two_sweeps_that_need_every_core_take_turns(pair: Path, tmp_path: Path, two_cores: int) -> None:
    ladder = load_ladder(str(pair), ["gpus=2", "tokens=20_000"])
    sweeps = [launch(tmp_path / name, ladder, jobs=2, device="cpu") for name in ("one", "two")]
    most = 0
    while not all(over(read_sweep(sweep)) for sweep in sweeps):
        held = Slots().holders(cpu_places(sorted(os.sched_getaffinity(0))))
        most = max(most, len(held))
        time.sleep(0.1)
    for sweep in sweeps:
        assert read_sweep(sweep).state == "finished", read_sweep(sweep).log
    assert most == 1, "one worker at a time held both"


def free_slots(workers: Workers, count: int) -> list[str]:
    found = workers.free_slots(count, count)
    for slot in found:
        slot.release()
    return [slot.place.name for slot in found]


def test_slots_of_a_run_are_taken_all_or_none(tmp_path: Path) -> None:
    one, two = (Workers(tmp_path / name, cpu_places(range(4))) for name in ("one", "two"))
    held = one.free_slots(3, 3)
    assert [slot.place.name for slot in held] == ["cpu 0", "cpu 1", "cpu 2"]
    assert free_slots(two, 2) == []
    assert free_slots(two, 1) == ["cpu 3"], "none of them is kept"
    for slot in held[:1]:
        slot.release()
    assert free_slots(two, 2) == ["cpu 0", "cpu 3"]
    shared = Workers(tmp_path / "gpus", gpu_places([(0, "0"), (1, "1")], per_gpu=2, torch_name="cuda"))
    assert free_slots(shared, 2) == ["cuda 0", "cuda 1"], "shares of different GPUs"
    assert free_slots(shared, 3) == []


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        (["gpus=3"], "rung 'small': batch: found 8 with gpus 3, want a multiple of 3"),
        (["rungs.large.gpus=16"], "rung 'large': batch: found 8 with gpus 16, want a multiple of 16"),
        (["gpus=2", "num_gpus=1"], "rung 'small': num_gpus: found 1 with gpus 2, want 2, or only one of the two keys"),
        (["rungs.small.gpus=2", "rungs.small.num_gpus=0.5"], "num_gpus: found 0.5 with gpus 2, want 2"),
        (["gpus=0"], "gpus: found 0, want a whole number from 1 to 128"),
        (["gpus=1.5"], "gpus: found 1.5, want a whole number from 1 to 128"),
        (["gpus=true"], "gpus: found True, want a whole number from 1 to 128"),
        (["batch=[8, 9]", "gpus=2"], "batch: found 9 with gpus 2, want a multiple of 2"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(pair: Path, settings: list[str], fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        load_ladder(str(pair), settings)


def test_more_than_the_machine_has_is_refused_before_the_start(pair: Path, tmp_path: Path, two_cores: int) -> None:
    command = [sys.executable, "-m", "scaling_tui", "run", str(pair), "--device", "cpu", "--set", "gpus=4"]
    command += ["--runs", str(tmp_path / "runs")]
    for further in ([], ["--dry-run"]):
        said = subprocess.run([*command, *further], capture_output=True, text=True, check=False)
        assert said.returncode == 2
        assert said.stderr.endswith(f"{pair}: rung 'small': gpus: found 4, this machine has 2 cores; want at most 2\n")
    assert not (tmp_path / "runs").exists()


def test_a_resume_on_fewer_or_more_checks_before_it_starts(pair: Path, tmp_path: Path, two_cores: int) -> None:
    sweep = lay_out(tmp_path / "runs", load_ladder(str(pair), ["gpus=2"]), 0, "cpu")
    for gpus, fault in (
        (4, "gpus: found 4, this machine has 2 cores; want at most 2"),
        (3, "batch: found 8 with gpus 3"),
    ):
        with pytest.raises(InputError, match=f"run small-s0: {fault}"):
            resume(sweep, gpus=gpus)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    with pytest.raises(InputError, match="run small-s0: gpus: found 2, this machine has 1 core; want gpus 1"):
        resume(sweep)
    with pytest.raises(InputError, match="gpus: found 2, this machine has 1 core; want gpus 1"):
        Local(read_sweep(sweep), "cpu", None, None)
    assert numbered(sweep, "supervisor") == []


def test_a_cluster_is_asked_for_a_slot_that_holds_all_processes() -> None:
    each = Resources(1.0, 1.0)
    assert Resources(gpus=4).over(each).in_all() == Resources(4.0, 4.0, 4)
    assert Resources(num_cpus=2, gpus=4, num_gpus=4).over(each).in_all() == Resources(8.0, 4.0, 4)
    assert Resources(gpus=2).over(Resources(1.0, 0.0)).in_all() == Resources(2.0, 0.0, 2), "on CPUs"
    assert Resources(num_gpus=0.5).over(each).in_all() == Resources(1.0, 0.5)


def test_processes_share_cores_and_memory_and_count_as_one_run(pair: Path, two_cores: int) -> None:
    sizes = [Size.of_rung(rung) for rung in load_ladder(str(pair), ["gpus=2"]).rungs]
    assert [size.processes for size in sizes] == [2, 2, 2]
    assert at_a_time(None, "cpu", None, sizes) == 1
    large = Size.of_rung(load_ladder("quickstart", ["batch=64", "gpus=2"]).rungs[-1])
    assert threads_for(large, True, 8, 1) <= 4
    assert least_memory(large, gpu=False) > 2 * least_memory(large.share, gpu=False)


def test_an_estimate_says_what_it_assumes_of_several_processes(pair: Path, two_cores: int) -> None:
    ladder = load_ladder(str(pair), ["rungs.large.gpus=2"])
    *_, large = (Size.of_rung(rung) for rung in ladder.rungs)
    share, alone = Trained(large.share, 1, 2), Trained(Size.of_rung(load_ladder(str(pair)).rungs[-1]), 1, 1)
    parts = {"evaluation": 1e-6, "setup": 0.1, "checkpoint": 0.1}
    probed = Evidence(probed={share: Speed(1.0, **parts), alone: Speed(100.0, **parts)})
    guessed = estimate(ladder, probed, seeds=1, device="cpu")
    assert (
        "exchanging gradients is assumed to add 25 % to the steps of large, which no run has measured" in guessed.basis
    )
    assert guessed.seconds[-1] == pytest.approx(48 * 1.25, rel=0.2)
    told = Evidence(recorded={Trained(large, 1, 1): Speed(0.5)}, probed=probed.probed)
    known = estimate(ladder, told, seeds=1, device="cpu")
    assert "assumed" not in known.basis
    assert known.seconds[-1] == pytest.approx(48 * 0.5, rel=0.5)


def test_a_run_in_two_processes_takes_two_of_the_machine(pair: Path) -> None:
    narrow, wide, all_wide = (
        makespan(load_ladder(str(pair), settings), [10.0, 4.0, 1.0], 1, together, 0.0)
        for settings, together in (([], 2), (["rungs.small.gpus=2"], 2), (["gpus=2"], 1))
    )
    assert narrow == pytest.approx(11, abs=1)
    assert wide == pytest.approx(15, abs=1)
    assert all_wide == pytest.approx(15, abs=1)
