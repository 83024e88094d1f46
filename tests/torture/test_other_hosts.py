"""Sweeps of other hosts, read in a folder that is shared or in a copy of it, with clocks that are right and wrong."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scaling_tui import InputError
from scaling_tui.runs import Status, SweepReader, SweepView, make_request, read_sweep
from scaling_tui.runs import liveness as lively
from scaling_tui.runs.format import claim, claim_if_alone, write_json
from scaling_tui.runs.glance import decided, trains
from scaling_tui.runs.liveness import copy_of
from scaling_tui.runs.writer import write_run
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.sweeps.launch import lay_out, resume
from scaling_tui.sweeps.time_left import time_left
from tests.conftest import FINISHED, record_sweep

HOUR = 3600.0
TWO_RUNNING = ["finished", "running", "running", *["queued"] * 4]


def box(heartbeat: float, state: str = "running") -> Status:
    return Status(state, 4711, 0.0, "box", heartbeat, incarnation="another boot:1")  # type: ignore[arg-type]


def on_box(runs: Path, heartbeat: float, states: list[str] = TWO_RUNNING) -> Path:
    """A sweep that a box trains, its supervisor and its runs last heard of at `heartbeat`."""
    sweep = record_sweep(runs, states)
    beat(sweep, heartbeat)
    return sweep


def beat(sweep: Path, heartbeat: float) -> None:
    for path in [*sweep.glob("supervisor-*/status.json"), *sweep.glob("*/attempt-*/status.json")]:
        if json.loads(path.read_text())["state"] == "running":
            box(heartbeat).write(path)


def copy(sweep: Path, to: Path) -> Path:
    """As `rsync -a` does it: each file that differs gets its name by a rename, with the times of the original."""
    for path in [sweep, *sorted(sweep.rglob("*"))]:
        there = to / path.relative_to(sweep.parent)
        if path.is_dir():
            there.mkdir(parents=True, exist_ok=True)
        elif not there.exists() or (there.stat().st_mtime_ns, there.stat().st_size) != (
            path.stat().st_mtime_ns, path.stat().st_size,
        ):  # fmt: skip
            shutil.copy2(path, there.with_name(f".{there.name}.part"))
            there.with_name(f".{there.name}.part").replace(there)
    return to / sweep.name


@pytest.fixture
def needs_steady_inodes(tmp_path: Path) -> None:
    status = tmp_path / "look" / "status.json"
    status.parent.mkdir()
    box(1.0).write(status)
    moved = tmp_path / "moved"
    shutil.copytree(status.parent, moved)
    written = Status.read(moved / "status.json")
    assert written is not None
    if not lively.copied(moved, written):
        pytest.skip("this file system does not keep its inodes")


def states(view: SweepView) -> list[str]:
    return [view.state, *(run.state for run in view.runs[:3])]


def scaling_tui(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-P", "-m", "scaling_tui", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


@pytest.fixture
def in_passing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Time passes only where somebody sleeps, and then `what` happens."""
    begun, slept = time.monotonic(), [0.0]
    happens: list[Callable[[], None]] = []

    def sleep(seconds: float) -> None:
        slept[0] += seconds
        for what in happens:
            what()

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(time, "monotonic", lambda: begun + slept[0])
    return happens.append


# --- a shared folder


@pytest.mark.parametrize("wrong_by", [-3 * HOUR, -120.0, 0.0, 3 * HOUR])
def test_who_beats_under_the_readers_eyes_is_running_whatever_the_clock(
    tmp_path: Path, wrong_by: float, in_passing: Callable[[Callable[[], None]], None]
) -> None:
    sweep = on_box(tmp_path, time.time() + wrong_by)
    begun = time.monotonic()
    in_passing(lambda: beat(sweep, time.time() + wrong_by + time.monotonic() - begun))
    assert states(decided(SweepReader(sweep))) == ["running", "finished", "running", "running"]
    assert trains(sweep, watch=True)
    assert copy_of(sweep) is None


def test_who_beats_no_more_is_lost_and_comes_back(
    tmp_path: Path, in_passing: Callable[[Callable[[], None]], None]
) -> None:
    sweep = on_box(tmp_path, time.time() - 3 * HOUR)
    reader = SweepReader(sweep, patient=True)
    assert states(decided(reader)) == ["lost", "finished", "lost", "lost"]
    assert not trains(sweep, watch=True)
    box(time.time() - 3 * HOUR + 4).write(sweep / "r2-s0" / "attempt-1" / "status.json")
    assert states(reader.poll()) == ["lost", "finished", "running", "lost"]
    time.sleep(61)
    assert states(reader.poll()) == ["lost", "finished", "lost", "lost"], "a minute later it has not beaten again"


def test_without_a_sign_of_a_wrong_clock_a_list_of_sweeps_does_not_wait(
    tmp_path: Path, in_passing: Callable[[Callable[[], None]], None]
) -> None:
    died = time.time() - 3 * HOUR
    sweep = on_box(tmp_path, died)
    for path in sweep.rglob("status.json"):
        os.utime(path, (died, died))
    waited: list[str] = []
    in_passing(lambda: waited.append("once"))
    assert decided(SweepReader(sweep)).state == "lost"
    assert not waited
    decided(SweepReader(sweep, patient=True))
    assert waited, "before it is deleted or stopped"


def test_a_stop_reaches_another_host_through_a_shared_folder_and_a_dead_one_is_no_copy(tmp_path: Path) -> None:
    sweep = on_box(tmp_path, time.time() + 100)  # so that it is of this minute however slow this machine is
    done = scaling_tui("stop", "quickstart", "--runs", tmp_path)
    assert (done.returncode, "was asked to stop" in done.stderr) == (0, True)
    assert len(list((sweep / "requests").iterdir())) == 1
    refused = scaling_tui("rm", "quickstart", "--yes", "--runs", tmp_path)
    assert (refused.returncode, "still training" in refused.stderr) == (2, True)
    beat(sweep, time.time() - 48 * HOUR)
    assert scaling_tui("rm", "quickstart", "--yes", "--runs", tmp_path).returncode == 0


def test_a_box_that_booted_again_is_lost_by_its_heartbeat(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, TWO_RUNNING)
    here = Status.of_this_process("running")
    before = Status("running", here.pid, here.pid_started, here.host, time.time() - 90, "", "an earlier boot:1")
    for path in (sweep / "supervisor-1", sweep / "r2-s0" / "attempt-1", sweep / "r3-s0" / "attempt-1"):
        before.write(path / "status.json")
    assert states(read_sweep(sweep)) == ["lost", "finished", "lost", "lost"]
    assert copy_of(sweep) is None


# --- a copy


@pytest.mark.usefixtures("needs_steady_inodes")
def test_a_copy_that_is_old_is_running_as_of_its_end_and_not_lost(tmp_path: Path) -> None:
    heartbeat = time.time() - 40 * 60
    there = copy(on_box(tmp_path / "box", heartbeat), tmp_path / "here")
    view = read_sweep(there)
    assert states(view) == ["running", "finished", "running", "running"]
    assert view.copy is not None
    assert (view.copy.host, view.copy.as_of, view.copy.stale) == ("box", heartbeat, True)
    assert view.copy.folder == str(tmp_path / "box" / "quickstart")
    assert "running on box as of " in view.reason
    assert time_left(view) is None
    listed = scaling_tui("runs", "--json", "--runs", tmp_path / "here")
    (found,) = json.loads(listed.stdout)["sweeps"]
    assert (found["state"], found["copy"]["host"]) == ("running", "box")
    assert "running on box as of " in listed.stderr


@pytest.mark.usefixtures("needs_steady_inodes")
@pytest.mark.parametrize("wrong_by", [-3 * HOUR, 0.0, 3 * HOUR])
def test_in_a_copy_heartbeats_count_beside_each_other(tmp_path: Path, wrong_by: float) -> None:
    now = time.time() + wrong_by
    sweep = on_box(tmp_path / "box", now)
    box(now - 70).write(sweep / "r2-s0" / "attempt-1" / "status.json")
    view = read_sweep(copy(sweep, tmp_path / "here"))
    assert states(view) == ["running", "finished", "lost", "running"], "the supervisor beat on without this worker"
    assert view.copy is not None
    assert view.copy.as_of <= time.time()
    box(now - 70).write(sweep / "supervisor-1" / "status.json")
    view = read_sweep(copy(sweep, tmp_path / "here"))
    assert states(view) == ["lost", "finished", "lost", "running"], "a worker beat on without its supervisor"


@pytest.mark.usefixtures("needs_steady_inodes")
def test_a_copy_is_followed_to_its_end(tmp_path: Path) -> None:
    sweep = on_box(tmp_path / "box", time.time())
    there = copy(sweep, tmp_path / "here")
    reader = SweepReader(there)
    assert reader.poll().state == "running"
    beat(sweep, time.time() + 2)
    with (sweep / "r2-s0" / "attempt-1" / "metrics.jsonl").open("a") as file:
        file.write('{"step": 41, "tokens": 460000, "loss": 1.9}\n{"step": 42, "tok')
    copy(sweep, tmp_path / "here")
    view = reader.poll()
    assert view.runs[1].curve.last("step") == 41, "half a line is not read"
    assert (view.copy is not None, view.copy and view.copy.stale) == (True, False)
    for path in sweep.rglob("status.json"):
        box(time.time() - 3 * HOUR, "finished").write(path)
    copy(sweep, tmp_path / "here")
    assert reader.poll().runs[1].state == "finished"


@pytest.mark.usefixtures("needs_steady_inodes")
def test_what_steers_is_refused_in_a_copy_with_the_command_to_give_there(tmp_path: Path) -> None:
    box_runs, here = tmp_path / "box", tmp_path / "here"
    there = copy(on_box(box_runs, time.time() + 100), here)
    before = {path: path.stat().st_mtime_ns for path in there.rglob("*")}
    for words, told in (
        (("stop", "quickstart"), f"want 'ssh box scaling-tui stop quickstart --runs {box_runs}'"),
        (("stop", "quickstart", "--run", "r2-s0"), "ssh box scaling-tui stop quickstart"),
        (("resume", "quickstart"), f"want 'ssh box scaling-tui resume quickstart --runs {box_runs}'"),
        (("resume", "quickstart", "--take-over"), "box was training it less than a minute ago"),
        (("rm", "quickstart", "--yes"), "a copy of a sweep running on box as of "),
    ):
        done = scaling_tui(*words, "--runs", here)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1), done.stderr
        assert told in done.stderr
    assert {path: path.stat().st_mtime_ns for path in there.rglob("*")} == before
    with pytest.raises(InputError, match="a copy"):
        make_request(there, "stop")


@pytest.mark.usefixtures("needs_steady_inodes")
def test_what_a_file_says_of_its_host_and_folder_is_no_part_of_a_command(tmp_path: Path) -> None:
    sweep = on_box(tmp_path / "box", time.time())
    there = copy(sweep, tmp_path / "here")
    path = there / "supervisor-1" / "status.json"
    written = json.loads(path.read_text())
    write_json(path, {**written, "host": "-oProxyCommand=touch x", "folder": "/runs/$(touch x)/q/supervisor-1"})
    found = copy_of(there)
    assert found is not None
    assert found.command("stop") == "ssh HOST scaling-tui stop SWEEP"
    write_json(path, {**written, "host": "a\nb" * 1000, "folder": "/runs/--take-over/supervisor-1"})
    found = copy_of(there)
    assert found is not None
    assert found.command("resume") == "ssh HOST scaling-tui resume SWEEP", "a name is no option"
    assert found.says.startswith("running on a b")
    assert len(found.host) < 300


@pytest.mark.usefixtures("needs_steady_inodes")
@pytest.mark.usefixtures("needs_steady_inodes")
def test_a_folder_of_very_many_levels_is_read_at_once(tmp_path: Path) -> None:
    """Each level would be a copy of all those above it: gigabytes."""
    sweep = copy(on_box(tmp_path / "box", time.time() - 600), tmp_path / "here")
    path = sweep / "supervisor-1" / "status.json"
    write_json(path, {**json.loads(path.read_text()), "folder": "/a" * 100_000})
    view = read_sweep(sweep)
    assert view.copy is not None
    assert view.copy.folder == "/a" * 99_999


def test_a_copy_of_what_is_over_is_a_sweep_like_any_other(tmp_path: Path) -> None:
    there = copy(on_box(tmp_path / "box", time.time(), FINISHED), tmp_path / "here")
    assert states(read_sweep(there)) == ["finished"] * 4
    assert "nothing to stop" in scaling_tui("stop", "quickstart", "--runs", tmp_path / "here").stderr
    assert scaling_tui("rm", "quickstart", "--yes", "--runs", tmp_path / "here").returncode == 0
    assert (tmp_path / "box" / "quickstart" / "sweep.json").exists()


@pytest.mark.usefixtures("needs_steady_inodes")
def test_the_run_of_another_trainer_is_copied_too(tmp_path: Path) -> None:
    run = tmp_path / "box" / "mine" / "small"
    run.parent.mkdir(parents=True)
    write_json(run.parent / "sweep.json", {})
    write_run(run, {"params": 9})
    box(time.time() - HOUR).write(claim(run, "attempt") / "status.json")
    assert read_sweep(run.parent).runs[0].state == "lost"
    view = read_sweep(copy(run.parent, tmp_path / "here"))
    assert (view.state, view.runs[0].state) == ("running", "running")
    assert view.copy is not None
    assert view.copy.folder == str(run.parent)


@pytest.mark.usefixtures("needs_steady_inodes")
def test_a_copy_of_a_box_that_is_gone_goes_on_here(tiny: Path, tmp_path: Path) -> None:
    sweep = lay_out(tmp_path / "box", load_ladder(str(tiny)), 0, "cpu", 1)
    for claimed in (claim(sweep, "supervisor"), claim(sweep / "a-s0", "attempt")):
        box(time.time() - 2 * HOUR).write(claimed / "status.json")
    there = copy(sweep, tmp_path / "here")
    with pytest.raises(InputError, match="--take-over once box is gone for good"):
        resume(there)
    done = scaling_tui("resume", "tiny", "--take-over", "--json", "--runs", tmp_path / "here")
    assert done.returncode == 0, done.stderr
    assert "from now on it trains here" in done.stderr
    summary = json.loads(done.stdout)
    assert (summary["state"], summary["copy"]) == ("finished", None)
    # What comes back in a pass that overwrites nothing takes nothing away from either side.
    before = (sweep / "a-s0" / "attempt-1" / "status.json").read_bytes()
    for path in sorted(there.rglob("*")):
        back = sweep / path.relative_to(there)
        if path.is_dir():
            back.mkdir(exist_ok=True)
        elif not back.exists():
            shutil.copy2(path, back)
    assert (sweep / "a-s0" / "attempt-1" / "status.json").read_bytes() == before
    assert read_sweep(sweep).state == "finished"


@pytest.mark.usefixtures("needs_steady_inodes")
def test_a_copy_beside_the_original_is_a_copy_too(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, TWO_RUNNING)
    there = copy(sweep, tmp_path / "backup")
    assert (copy_of(sweep), read_sweep(sweep).state) == (None, "running")
    found = copy_of(there)
    assert found is not None
    assert found.command("stop").startswith("scaling-tui stop quickstart --runs ")
    sweep.rename(tmp_path / "renamed")
    assert copy_of(tmp_path / "renamed") is None


def test_a_file_system_whose_inodes_say_nothing_has_no_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = copy(on_box(tmp_path / "box", time.time() - HOUR), tmp_path / "here")
    monkeypatch.setattr(lively, "mounted", lambda folder: ("/", "fuse.sshfs"))
    monkeypatch.setattr(lively, "_steady", {})
    assert copy_of(there) is None
    assert read_sweep(there).state == "lost"


# --- real processes on a host of another name


def another_host() -> list[str]:
    """The beginning of a command that runs on a host called box; empty where this system makes none."""
    if shutil.which("unshare") is None:
        return []
    words = ["unshare", "--uts", *([] if os.getuid() == 0 else ["--map-root-user"]), "sh", "-c"]
    done = subprocess.run([*words, "hostname box && hostname"], capture_output=True, text=True, check=False)
    return [*words, 'hostname box; exec "$@"', "sh"] if done.stdout.strip() == "box" else []


@pytest.fixture
def box_command() -> list[str]:
    return another_host() or pytest.skip("no host of another name can be made here")


@pytest.fixture
def trained_on_box(tiny: Path, tmp_path: Path, box_command: list[str]) -> Iterator[Path]:
    """A sweep that is trained by processes of box, longer than any test lasts."""
    tiny.write_text(tiny.read_text().replace("tokens = 4096", "tokens = 400_000_000").replace("evaluations = 4", ""))
    runs = tmp_path / "box-runs"
    options = ["--detach", "--jobs", "1", "--device", "cpu", "--runs", str(runs)]
    subprocess.run(
        [*box_command, sys.executable, "-P", "-m", "scaling_tui", "run", str(tiny), *options], check=True,
        capture_output=True,
    )  # fmt: skip
    yield runs / "tiny"
    make_request(runs / "tiny", "stop")
    reached(runs / "tiny", lambda view: not view.trains)


def reached(sweep: Path, there: Callable[[SweepView], bool]) -> SweepView:
    reader, until = SweepReader(sweep), time.monotonic() + 240
    while not there(view := reader.poll()):
        assert time.monotonic() < until, view
        time.sleep(0.2)
    return view


@pytest.mark.usefixtures("needs_steady_inodes")
@pytest.mark.slow
def test_a_sweep_of_another_host_in_a_shared_folder_and_in_a_copy(trained_on_box: Path, tmp_path: Path) -> None:
    view = reached(trained_on_box, lambda view: any(len(run.curve) for run in view.runs))
    assert (view.state, view.copy) == ("running", None)
    status = Status.read(trained_on_box / "supervisor-1" / "status.json")
    assert status is not None
    assert (status.host, status.is_here) == ("box", False)
    there = copy(trained_on_box, tmp_path / "here")
    view = read_sweep(there)
    assert (view.state, view.copy and view.copy.host, view.copy and view.copy.stale) == ("running", "box", False)
    assert any(len(run.curve) for run in view.runs)
    done = scaling_tui("stop", "--runs", tmp_path / "here")
    assert (done.returncode, f"ssh box scaling-tui stop tiny --runs {trained_on_box.parent}" in done.stderr) == (
        2,
        True,
    )
    assert claim_if_alone(trained_on_box, "supervisor") is None
    assert scaling_tui("stop", "--runs", trained_on_box.parent).returncode == 0
    reached(trained_on_box, lambda view: view.state == "stopped")
    assert read_sweep(copy(trained_on_box, tmp_path / "here")).state == "stopped"
