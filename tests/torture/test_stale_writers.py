"""Writers that were stopped or cut off and come back after another has taken their run: they write nothing into it."""

import hashlib
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from scaling_tui.runs import SweepReader, Writer, create_sweep, read_run, read_sweep
from scaling_tui.runs.fence import SupersededError
from scaling_tui.runs.format import YIELDED, Status, append_line, claim_if_alone
from scaling_tui.runs.writer import checkpoints, write_run
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.sweeps.launch import lay_out
from scaling_tui.train.worker import work

LADDER = """
[corpus]
name = "words.txt"
[model]
context = 16
layers = 1
[training]
tokens = 20_000_000
batch = 8
lr = 1e-2
evaluations = 4
checkpoints = 2_000
records = 2_000
held_out_tokens = 512
[[rungs]]
name = "a"
hidden = 8
"""


def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 240
    while not reached():
        assert time.monotonic() < deadline
        threading.Event().wait(0.05)


def files(folder: Path) -> dict[str, str]:
    """What lies in a folder, each file by its hash."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_worker_that_was_stopped_and_wakes_writes_nothing_into_the_run_of_another(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("the cat sat on the mat and the dog sat on the log\n" * 200)
    (tmp_path / "one.toml").write_text(LADDER)
    sweep = lay_out(tmp_path / "runs", load_ladder(str(tmp_path / "one.toml")), 0, "cpu")
    run = sweep / "a-s0"
    command = [sys.executable, "-P", "-m", "scaling_tui.train.worker", str(run), "--device", "cpu"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as stale:
        until(lambda: len(checkpoints(run)) == 2)
        stale.send_signal(signal.SIGSTOP)
        until(lambda: psutil.Process(stale.pid).status() == psutil.STATUS_STOPPED)
        # Its process lives, so nobody but a scheduler that has cut it off may take its run.
        assert claim_if_alone(run, "attempt") is None
        before = read_run(run)
        with Writer(run, attempt=claim_if_alone(run, "attempt", over=1)) as owner:
            owner.take_over()
            owned = files(run)
            stale.send_signal(signal.SIGCONT)
            assert stale.wait(60) == YIELDED
            assert files(run) == owned
            assert stale.stdout is not None
            assert "a-s0 exits: another worker took over" in stale.stdout.read()
            step = int(before.curve.last("step") or 0)
            owner.log(step=step + 1, tokens=128 * (step + 1), loss=1.0)
        after = read_run(run)
        assert (after.state, after.attempts, len(after.curve)) == ("finished", 2, len(before.curve) + 1)


def test_a_run_that_was_taken_over_goes_on_from_what_counts(tmp_path: Path) -> None:
    """The second attempt trains; a checkpoint that the first one writes too late is none of the run's."""
    (tmp_path / "words.txt").write_text("the cat sat on the mat and the dog sat on the log\n" * 200)
    (tmp_path / "one.toml").write_text(LADDER.replace("20_000_000", "12_800").replace("2_000", "10"))
    ladder = load_ladder(str(tmp_path / "one.toml"))
    undisturbed = lay_out(tmp_path / "undisturbed", ladder, 0, "cpu") / "a-s0"
    assert work(undisturbed, "cpu", 1) == 0
    run = lay_out(tmp_path / "runs", ladder, 0, "cpu") / "a-s0"
    stale = Writer(run, attempt=claim_if_alone(run, "attempt"))
    second = claim_if_alone(run, "attempt", over=1)
    assert second is not None
    with Writer(run, attempt=second):
        # Between its look and its write it was stopped: what it still writes, nobody heeds.
        (stale.attempt / "checkpoint-95").mkdir()
        (stale.attempt / "checkpoint-95" / "state.json").write_text("{}")
        append_line(stale.attempt / "metrics.jsonl", {"step": 90, "tokens": 11520, "loss": 9.0, "time": 2.0})
        assert checkpoints(run) == []
    assert work(run, "cpu", 1, over=2) == 0
    assert not (stale.attempt / "checkpoint-95").exists(), "else it would count among those to keep"
    assert read_run(run).loss == read_run(undisturbed).loss
    assert [path.name for path in checkpoints(run)] == [path.name for path in checkpoints(undisturbed)]
    assert read_run(run).curve["loss"].tolist() == read_run(undisturbed).curve["loss"].tolist()


@pytest.fixture
def two(tmp_path: Path) -> tuple[Writer, Writer]:
    """Two attempts of a run that is not trained here, each with a record of its own."""
    sweep = create_sweep(tmp_path, "mine", {})
    write_run(sweep / "small", {"rung": "small", "params": 9})
    first = Writer(sweep / "small", attempt=claim_if_alone(sweep / "small", "attempt"))
    first.log(step=1, loss=3.0)
    second = Writer(sweep / "small", attempt=claim_if_alone(sweep / "small", "attempt", over=1))
    second.log(step=2, loss=2.0)
    return first, second


def with_state(checkpoint: Path) -> None:
    (checkpoint / "state.json").write_text("{}")


def test_nothing_of_a_writer_goes_through_once_a_later_attempt_is_there(two: tuple[Writer, Writer]) -> None:
    first, second = two
    before = files(first.attempt)
    for write in (
        lambda: first.log(step=5, loss=1.0),
        lambda: first.status("finished"),
        lambda: first.checkpoint(5, with_state),
        first.take_over,
    ):
        with pytest.raises(SupersededError, match="another process has taken over the run"):
            write()
    first.end()
    first.end(RuntimeError("too late"))
    assert files(first.attempt) == before
    second.end()
    assert read_run(first.run).curve["step"].tolist() == [1, 2]


def test_a_checkpoint_that_was_being_written_gets_no_name(two: tuple[Writer, Writer]) -> None:
    _, second = two

    def overtaken(folder: Path) -> None:
        (folder / "state.json").write_text("{}")
        assert claim_if_alone(second.run, "attempt", over=2)

    with pytest.raises(SupersededError):
        second.checkpoint(7, overtaken)
    assert [path.name for path in second.attempt.iterdir() if "checkpoint" in path.name] == []


def test_a_logger_of_another_trainer_warns_once_and_goes_on(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "mine", {})
    first = Writer.create(sweep / "small", {"params": 9})
    first.log(step=1, loss=3.0)
    with Writer.create(sweep / "small", {"params": 9}) as second:
        second.log(step=2, loss=2.0)
        with pytest.warns(RuntimeWarning, match="has taken over the run; nothing more of it is") as told:
            first.log(step=3, loss=9.0)
            first.log(step=4, loss=9.0)
            first.end()
    assert len(told) == 1
    run = read_run(sweep / "small")
    assert (run.state, run.curve["step"].tolist()) == ("finished", [1, 2])


@pytest.mark.parametrize("last_bytes", [None, 1 << 16, 60])
@pytest.mark.parametrize("seen", [False, True])
def test_the_reader_ends_an_attempt_at_its_fence(
    two: tuple[Writer, Writer], seen: bool, last_bytes: int | None
) -> None:
    """Also one that had read further before it saw the fence."""
    first, second = two
    fence = second.attempt / "fence.json"
    assert json.loads(fence.read_text())["attempts"]["attempt-1"]["checkpoints"] == []
    hidden = fence.rename(fence.with_name("later"))
    reader = SweepReader(first.run.parent, last_bytes=last_bytes)
    if seen:
        reader.poll()
    for step in range(3, 9):
        append_line(first.attempt / "metrics.jsonl", {"step": step, "tokens": step, "loss": 9.0, "time": 1.0})
    if seen:
        reader.poll()
    hidden.rename(fence)
    second.log(step=10, loss=1.0)
    steps = reader.poll().runs[0].curve["step"].tolist()
    assert set(steps) <= {1, 2, 10}
    assert steps == [1, 2, 10] or last_bytes == 60
    assert (np.diff(read_sweep(first.run.parent).runs[0].curve["step"]) > 0).all()


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"attempts": 3}', '{"attempts": {"attempt-1": {"bytes": -1, "checkpoints": []}}}',
             '{"attempts": {"attempt-1": {"bytes": true, "checkpoints": [1]}}}', '{"attempts": {"attempt-1": 3}}']
)  # fmt: skip
def test_a_broken_fence_keeps_nothing_out(two: tuple[Writer, Writer], text: str) -> None:
    first, second = two
    (second.attempt / "fence.json").write_text(text)
    assert read_run(first.run).curve["step"].tolist() == [1, 2]


def test_who_is_cut_off_is_taken_for_dead_only_where_a_scheduler_says_so(tmp_path: Path) -> None:
    assert claim_if_alone(tmp_path, "attempt")
    Status("running", 1, 0.0, "elsewhere", time.time()).write(tmp_path / "attempt-1" / "status.json")
    assert claim_if_alone(tmp_path, "attempt") is None
    taken = claim_if_alone(tmp_path, "attempt", over=1)
    assert taken is not None
    assert taken.name == "attempt-2"
    assert claim_if_alone(tmp_path, "attempt", over=1) is None, "the second one lives"
