"""Clocks that are wrong or set back: requests keep their order, and a heartbeat from the future blocks nothing."""

import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from scaling_tui.runs import Status, SweepView, create_sweep, latest_request, list_sweeps, make_request, read_sweep
from scaling_tui.runs.format import claim, claim_if_alone, incarnation_of, process_is
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.sweeps.launch import lay_out, supervised
from tests.conftest import FINISHED, record_sweep
from tests.sweeps.waiting import over
from tests.torture.test_two_at_once import wait_for

HOURS = 3600.0


def foreign(heartbeat: float) -> Status:
    return Status("running", 1, 0.0, "elsewhere", heartbeat)


def test_a_resume_after_the_clock_went_back_counts(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "mine", {})
    (sweep / "requests").mkdir()
    later = time.time_ns() + 3 * 3600 * 10**9
    (sweep / "requests" / f"{later:020d}.json").write_text('{"request": "stop", "run": null}')
    assert latest_request(sweep) == "stop"
    make_request(sweep, "resume")
    assert latest_request(sweep) == "resume"
    make_request(sweep, "stop", "a-s0")
    assert (latest_request(sweep), latest_request(sweep, "a-s0")) == ("resume", "stop")


@pytest.mark.parametrize(
    ("ahead", "state", "remark"),
    [
        (-2 * HOURS, "lost", ""),
        (0.0, "running", ""),
        (60.0, "running", ""),
        (3 * HOURS, "lost", "its clock is 3:00 h ahead"),
        (1e300, "lost", "days ahead"),
    ],
)
def test_a_heartbeat_of_another_host_counts_by_its_age(ahead: float, state: str, remark: str) -> None:
    now = 1.7e9
    status = foreign(now + ahead)
    assert status.derived(now) == state
    assert remark in status.remark(now)
    assert bool(status.remark(now)) == bool(remark)


def test_a_heartbeat_from_the_future_is_told_and_blocks_neither_resume_nor_rm(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, ["finished", "running", *["queued"] * 5])
    for path in (sweep / "supervisor-1", sweep / "r2-s0" / "attempt-1"):
        foreign(time.time() + 3 * HOURS).write(path / "status.json")
    assert "its clock is 3:00 h ahead" in read_sweep(sweep).reason
    assert not supervised(sweep)
    command = [sys.executable, "-m", "scaling_tui", "rm", "quickstart", "--yes", "--runs", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert list_sweeps(tmp_path) == []


def test_a_live_writer_with_a_wrong_clock_is_seen_by_its_next_heartbeat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What claims watches a status that it cannot date; the writer here is one that writes while it watches."""
    run = tmp_path / "small"
    run.mkdir()
    status = claim(run, "attempt") / "status.json"
    foreign(time.time() + 3 * HOURS).write(status)
    monkeypatch.setattr(time, "sleep", lambda _: foreign(time.time() + 3 * HOURS).write(status))
    assert claim_if_alone(run, "attempt") is None


def test_a_dead_writer_with_a_wrong_clock_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "small"
    run.mkdir()
    foreign(time.time() + 3 * HOURS).write(claim(run, "attempt") / "status.json")
    began = time.monotonic()
    ticks = iter(range(1000))
    monkeypatch.setattr(time, "sleep", lambda _: None)
    monkeypatch.setattr(time, "monotonic", lambda: began + next(ticks))
    claimed = claim_if_alone(run, "attempt")
    assert claimed is not None
    assert claimed.name == "attempt-2"


def test_a_live_process_stays_alive_when_the_clock_is_set() -> None:
    """Its start as a Unix time moves with the clock; its incarnation does not."""
    mine = Status.of_this_process("running")
    if not mine.incarnation:
        pytest.skip("this system tells no incarnation")
    moved = mine.pid_started - 3 * HOURS
    assert process_is(mine.pid, moved, mine.incarnation)
    assert not process_is(mine.pid, mine.pid_started, mine.incarnation + "0")
    assert not process_is(mine.pid, moved)
    assert incarnation_of(2**22 + 1) == ""


def test_a_status_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, FINISHED)
    status = sweep / "r1-s0" / "attempt-1" / "status.json"
    status.write_text('{"state": "running", "pid": 1, "pid_started": 0.0, "host": "elsewhere", "heartbeat": 1.0}')
    assert read_sweep(sweep).runs[0].state == "lost"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("faketime") is None, reason="faketime is not installed")
def test_a_sweep_stopped_in_the_future_is_resumed_now(tiny: Path, tmp_path: Path) -> None:
    sweep = lay_out(tmp_path / "runs", load_ladder(str(tiny), ["tokens=20_000_000"]), 0, "cpu", 1)
    program = [sys.executable, "-P", "-m", "scaling_tui"]
    where = [sweep.name, "--runs", str(sweep.parent)]

    def trains_again(view: SweepView) -> bool:
        return any(run.state == "running" and run.attempts == 2 for run in view.runs)

    ahead = ["faketime", "-f", "+3h"]
    subprocess.run([*ahead, *program, "resume", "--detach", *where], check=True)
    wait_for(sweep, lambda view: any(len(run.curve) for run in view.runs))
    subprocess.run([*ahead, *program, "stop", *where], check=True)
    assert wait_for(sweep, over).state == "stopped"
    subprocess.run([*program, "resume", "--detach", *where], check=True)
    wait_for(sweep, trains_again)
    subprocess.run([*program, "stop", *where], check=True)
    assert wait_for(sweep, over).state == "stopped"


def test_two_machines_of_one_name_are_told_apart_by_their_boot() -> None:
    here = Status.of_this_process("running")
    assert here.is_here
    assert here.derived() == "running"
    # The same name and a pid that runs here, written by another machine: its heartbeat decides.
    other = replace(here, incarnation=here.incarnation.replace(here.incarnation[:8], "00000000", 1), pid=1)
    assert not other.is_here
    assert (other.derived(), replace(other, heartbeat=0.0).derived()) == ("running", "lost")
