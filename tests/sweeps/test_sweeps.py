"""Whole sweeps of a tiny ladder in real processes: trained, predicted, stopped, resumed, killed."""

import json
import os
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil
import pytest

from scaling_tui import InputError
from scaling_tui.runs import SweepView, make_request
from scaling_tui.runs.format import Status
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.sweeps.launch import launch, lay_out, resume, start_supervisor
from scaling_tui.sweeps.summary import summary
from tests.sweeps import waiting

LONG = ["tokens=20_000_000", "rungs.d.tokens=4096"]


wait_for = partial(waiting.wait_for, seconds=120)


def over(view: SweepView) -> bool:
    return view.state not in ("running", "queued")


def training(view: SweepView) -> bool:
    """Both workers are past their first records."""
    return sum(run.state == "running" and len(run.curve) > 0 for run in view.runs) == 2


def test_a_ladder_is_trained_fitted_foretold_and_checked(tiny: Path, tmp_path: Path) -> None:
    sweep = launch(tmp_path / "runs", load_ladder(str(tiny)), seed=7, jobs=2, device="cpu")
    view = wait_for(sweep, over)
    assert view.state == "finished", view.log
    found = summary(view)
    assert [run["state"] for run in found["runs"]] == ["finished"] * 4
    assert all(run["seed"] == 7 and 0 < run["loss"] < 5.55 for run in found["runs"])
    assert found["fit"]["points"] == ["a-s7", "b-s7", "c-s7"]
    prediction = found["prediction"]
    assert prediction["rung"] == "d"
    assert prediction["low"] < prediction["predicted"] < prediction["high"]
    assert prediction["error"] == prediction["measured"] / prediction["predicted"] - 1
    (record,) = (sweep / "predictions.jsonl").read_text().splitlines()
    began = min(path.stat().st_mtime for path in (sweep / "d-s7" / "attempt-1").glob("checkpoint-*"))
    assert json.loads(record)["time"] < began
    document = json.loads((sweep / "sweep.json").read_text())
    assert len(document["corpus"]["sha256"]) == 64
    assert document["versions"]["torch"]


def records_of(attempt: Path) -> list[dict[str, float]]:
    path = attempt / "metrics.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_stopped_runs_leave_checkpoints_and_resumed_ones_go_on(tiny: Path, tmp_path: Path) -> None:
    sweep = launch(tmp_path / "runs", load_ladder(str(tiny), LONG), jobs=2, device="cpu")
    wait_for(sweep, training)
    make_request(sweep, "stop")
    stopped = wait_for(sweep, over)
    assert stopped.state == "stopped"
    assert sorted(run.state for run in stopped.runs) == ["queued", "queued", "stopped", "stopped"]
    reached = {run.name: run.curve.last("step") for run in stopped.runs if run.state == "stopped"}
    assert all(list((sweep / name / "attempt-1").glob("checkpoint-*")) for name in reached)

    resume(sweep, jobs=2, device="cpu")
    resumed = wait_for(sweep, lambda _: all(records_of(sweep / name / "attempt-2") for name in reached))
    for name, step in reached.items():
        run = resumed.run(name)
        assert run is not None
        assert run.attempts == 2
        first = records_of(run.path / "attempt-2")[0]
        assert first["step"] >= (step or 0), "it began again from the start"
    make_request(sweep, "stop")
    wait_for(sweep, over)


def test_a_killed_worker_costs_no_record_and_is_started_again(tiny: Path, tmp_path: Path) -> None:
    sweep = launch(tmp_path / "runs", load_ladder(str(tiny), LONG), jobs=2, device="cpu")
    view = wait_for(sweep, training)
    victim = next(run for run in view.runs if run.state == "running")
    status = Status.read(victim.path / "attempt-1" / "status.json")
    assert status
    os.kill(status.pid, signal.SIGKILL)

    def back(view: SweepView) -> bool:
        run = view.run(victim.name)
        return run is not None and run.attempts == 2 and run.state == "running"

    later = wait_for(sweep, back)
    run = later.run(victim.name)
    assert run is not None
    assert list(run.curve["loss"])[: len(victim.curve)] == list(victim.curve["loss"])
    assert any(f"{victim.name} worker was killed by SIGKILL" in line for line in later.log)
    make_request(sweep, "stop")
    wait_for(sweep, over)


def test_workers_outlive_a_killed_supervisor_and_the_next_one_waits_for_them(tiny: Path, tmp_path: Path) -> None:
    sweep = launch(tmp_path / "runs", load_ladder(str(tiny), LONG), jobs=2, device="cpu")
    view = wait_for(sweep, training)
    status = Status.read(sweep / "supervisor-1" / "status.json")
    assert status
    psutil.Process(status.pid).kill()
    orphaned = wait_for(sweep, lambda view: view.state == "lost")
    assert [run.state for run in orphaned.runs] == [run.state for run in view.runs]
    resume(sweep, jobs=2, device="cpu")
    wait_for(sweep, lambda view: view.state == "running")
    make_request(sweep, "stop")
    ended = wait_for(sweep, over)
    assert [run.attempts for run in ended.runs] == [run.attempts for run in view.runs]


def test_a_corpus_that_changed_fails_the_run_with_its_reason(tiny: Path, tmp_path: Path) -> None:
    sweep = lay_out(tmp_path / "runs", load_ladder(str(tiny)), 0)
    (tmp_path / "words.txt").write_text("other words\n" * 1000)
    start_supervisor(sweep, jobs=4, device="cpu")
    view = wait_for(sweep, over)
    assert view.state == "failed"
    assert {run.reason for run in view.runs} == {"corpus 'words.txt': its content has changed since the sweep began"}


def test_of_two_supervisors_started_at_once_one_stays(tiny: Path, tmp_path: Path) -> None:
    sweep = lay_out(tmp_path / "runs", load_ladder(str(tiny), ["rungs.d.tokens=8"]), 0)
    make_request(sweep, "stop")
    make_request(sweep, "resume", "a-s0")
    for _ in range(2):
        start_supervisor(sweep, jobs=1, device="cpu")
    view = wait_for(sweep, over)
    assert [path.name for path in sweep.glob("supervisor-*")] == ["supervisor-1"]
    assert [run.attempts for run in view.runs] == [1, 0, 0, 0]


def test_a_broken_last_checkpoint_costs_only_what_came_after_the_one_before(tiny: Path, tmp_path: Path) -> None:
    sweep = launch(tmp_path / "runs", load_ladder(str(tiny)), jobs=2, device="cpu")
    wait_for(sweep, over)
    attempt = sweep / "a-s0" / "attempt-1"
    last = max(attempt.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    (last / "model.safetensors").write_bytes(b"")
    status = Status.read(attempt / "status.json")
    assert status
    replace(status, state="failed").write(attempt / "status.json")
    resume(sweep, jobs=1, device="cpu")
    view = wait_for(sweep, over)
    assert view.state == "finished"
    log = (sweep / "a-s0" / "attempt-2" / "worker.log").read_text()
    assert "trying the one before" in log
    assert "from step 24" in log


def test_a_folder_that_cannot_be_written_is_told(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(InputError, match=r"runs folder .*: cannot be written to"):
        launch(tmp_path / "runs", load_ladder(str(tiny)))
