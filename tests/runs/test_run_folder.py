"""The run folder: what one writes another reads, also while it is written, torn, claimed twice or left behind."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_tui import InputError
from scaling_tui.runs import (
    RecordedPrediction,
    Status,
    SweepReader,
    Writer,
    append_prediction,
    create_sweep,
    find_sweep,
    latest_request,
    list_sweeps,
    make_request,
    read_sweep,
)
from scaling_tui.runs.curve import Curve, Records, parse, thinned
from scaling_tui.runs.format import LOST_AFTER_S, append_line, claim, write_json
from scaling_tui.runs.writer import checkpoints, write_run

CONFIG = {"rung": "a", "seed": 3, "params": 1000, "non_embedding": 600, "tokens": 400, "flops": 2.4e6}


def test_a_trainer_of_ones_own_writes_what_the_reader_shows(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "mine", {"summary": "not ours"})
    with Writer.create(sweep / "small", CONFIG) as run:
        for step in range(1, 5):
            run.log(
                step=step, tokens=100 * step, loss=5.0 - step, **({"val_loss": 4.5 - step} if step % 2 == 0 else {})
            )
    view = read_sweep(sweep)
    (small,) = view.runs
    assert (view.state, small.state, small.rung, small.seed, small.progress) == ("finished", "finished", "a", 3, 1.0)
    assert np.array_equal(small.curve.points("tokens", "loss"), ([100, 200, 300, 400], [4, 3, 2, 1]))
    assert np.array_equal(small.curve.points("tokens", "val_loss"), ([200, 400], [2.5, 0.5]))
    assert small.loss == 0.5


def test_a_run_without_held_out_loss_is_judged_by_its_last_training_losses(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "mine", {})
    with Writer.create(sweep / "small", CONFIG) as run:
        for step in range(1, 21):
            run.log(step=step, loss=float(step))
    assert read_sweep(sweep).runs[0].loss == 19.5


def test_an_error_in_the_trainer_is_the_reason_of_the_failed_run(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "mine", {})
    with pytest.raises(ZeroDivisionError), Writer.create(sweep / "small", CONFIG):
        print(1 // 0)
    (small,) = read_sweep(sweep).runs
    assert small.state == "failed"
    assert small.reason.startswith("ZeroDivisionError")


def test_reading_goes_on_where_it_was_and_leaves_a_torn_line_for_later(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "mine", {})
    run = Writer.create(sweep / "small", CONFIG)
    run.log(step=1, loss=3.0)
    reader = SweepReader(sweep)
    assert list(reader.poll().runs[0].curve["loss"]) == [3.0]
    metrics = run.attempt / "metrics.jsonl"
    with metrics.open("a") as file:
        file.write('{"step": 2, "loss": 2.')
    assert list(reader.poll().runs[0].curve["loss"]) == [3.0]
    with metrics.open("a") as file:
        file.write("5}\nnonsense\n[1]\n")
    assert list(reader.poll().runs[0].curve["loss"]) == [3.0, 2.5]


def test_what_is_deleted_while_it_is_followed_is_told(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "mine", {"runs": ["a", "b"]})
    for name in ("a", "b"):
        with Writer.create(sweep / name, {"params": 1, "tokens": 10}) as run:
            run.log(step=1, tokens=10, loss=3.0)
    reader = SweepReader(sweep)
    assert [run.state for run in reader.poll().runs] == ["finished", "finished"]
    shutil.rmtree(sweep / "a" / "attempt-1")
    shutil.rmtree(sweep / "b")
    view = reader.poll()
    assert [(run.state, len(run.curve)) for run in view.runs] == [("queued", 0), ("unreadable", 0)]
    shutil.rmtree(sweep)
    with pytest.raises(InputError, match="mine: it was deleted"):
        reader.poll()


def test_an_earlier_view_does_not_change_when_more_is_read(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "mine", {})
    run = Writer.create(sweep / "small", CONFIG)
    reader = SweepReader(sweep)
    run.log(step=1, loss=3.0)
    before = reader.poll()
    run.log(step=2, loss=2.0)
    after = reader.poll()
    assert (len(before.runs[0].curve), len(after.runs[0].curve)) == (1, 2)


def test_attempts_are_joined_where_the_later_one_took_over(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "mine", {})
    first = Writer.create(sweep / "small", CONFIG)
    for step in (10, 20, 30, 40):
        first.log(step=step, loss=float(step))
    second = Writer(sweep / "small")
    for step in (30, 40, 50):
        second.log(step=step, loss=step + 0.5)
    (small,) = read_sweep(sweep).runs
    assert list(small.curve["step"]) == [10, 20, 30, 40, 50]
    assert list(small.curve["loss"]) == [10, 20, 30.5, 40.5, 50.5]
    assert small.attempts == 2


def test_what_json_cannot_hold_is_left_out(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "mine", {})
    run = Writer.create(sweep / "small", CONFIG)
    run.log(step=1, loss=float("nan"), val_loss=float("inf"), lr=0.1)
    (line,) = (run.attempt / "metrics.jsonl").read_text().splitlines()
    assert json.loads(line).keys() == {"time", "step", "lr"}


def limited_to(size: int, code: str) -> str:
    """What a process prints that may write files of `size` bytes at most: as on a disk that is full."""
    limit = (
        "import resource, signal; from pathlib import Path; from scaling_tui.runs.format import append_line; "
        f"signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))"
    )
    return subprocess.run([sys.executable, "-c", f"{limit}\n{code}"], text=True, capture_output=True, check=True).stdout


def test_a_line_that_the_disk_takes_half_of_is_an_error_and_leaves_no_half(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    code = f"""
written = 0
try:
    while True:
        append_line(Path({str(path)!r}), {{"step": written, "loss": 2.5}})
        written += 1
except OSError as error:
    print(written, error.strerror)
"""
    written, _, reason = limited_to(1000, code).partition(" ")
    lines = path.read_bytes().splitlines(keepends=True)
    assert reason.strip() == "File too large"
    assert [json.loads(line)["step"] for line in lines] == list(range(int(written)))
    assert lines[-1].endswith(b"\n")
    assert 1000 - len(lines[-1]) <= path.stat().st_size <= 1000


def test_a_short_write_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:7]))
    for step in range(3):
        append_line(tmp_path / "metrics.jsonl", {"step": step, "loss": 2.5})
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [{"step": step, "loss": 2.5} for step in range(3)]


def test_a_torn_line_swallows_no_later_prediction(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "mine", {})
    prediction = RecordedPrediction("r", "r", "kaplan-n", {"Nc": 1e13}, ["a"], 2.0, None, None, 0.9, 1.7e9)
    append_prediction(sweep, prediction)
    whole = (sweep / "predictions.jsonl").read_bytes()
    (sweep / "predictions.jsonl").write_bytes(whole + whole[:40])
    append_prediction(sweep, prediction)
    assert read_sweep(sweep).predictions == (prediction, prediction)


def test_a_torn_record_swallows_no_later_one(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "mine", {})
    run = Writer.create(sweep / "small", CONFIG)
    run.log(step=1, loss=3.0)
    with (run.attempt / "metrics.jsonl").open("a") as file:
        file.write('{"step": 2, "lo')
    run.log(step=3, loss=2.0)
    assert list(read_sweep(sweep).runs[0].curve["step"]) == [1, 3]


LOG = (
    {"step": 10, "tokens": 100, "loss": 3.0},
    {"step": 20, "tokens": 200, "loss": 2.5, "val_loss": 2.6},
    {"step": 30, "tokens": 300, "loss": 2.2},
    {"step": 40, "tokens": 400, "loss": 2.0, "val_loss": 2.1},
)


@pytest.mark.parametrize(
    ("records", "lacks"),
    [
        (LOG, False),
        (LOG[:3], True),
        (LOG[:1], False),  # no held-out loss at all is another matter
        ((*LOG[:3], {"step": 30, "tokens": 300, "val_loss": 2.3}), False),
        ((*LOG[:3], {"step": 30, "val_loss": 2.3}, {"step": 30, "loss": 2.2}), False),
    ],
)
def test_a_final_evaluation_that_is_missing_is_told(tmp_path: Path, records: tuple[Any, ...], lacks: bool) -> None:
    from scaling_tui.report.fit import sweep_source
    from scaling_tui.report.sweep import report
    from scaling_tui.report.sweeps import sweeps_table
    from scaling_tui.sweeps.summary import summary, sweep_summary

    sweep = create_sweep(tmp_path, "mine", {})
    with Writer.create(sweep / "small", CONFIG) as run:
        for record in records:
            run.log(**record)
        assert not read_sweep(sweep).runs[0].lacks_final_evaluation, "the run is not over"
    view = read_sweep(sweep)
    assert view.runs[0].lacks_final_evaluation == lacks
    assert ("no final evaluation, the loss is from before the end" in report(summary(view))) == lacks
    assert ("(1 without a final evaluation)" in sweeps_table([sweep_summary(view)], 1.8e9)) == lacks
    assert ("small: no final evaluation; the loss is from before the end" in sweep_source(view).warnings) == lacks


def test_a_torn_last_line_of_our_own_run_is_a_missing_final_evaluation(tmp_path: Path) -> None:
    """Also where every record has a held-out loss: our trainer always evaluates at D."""
    sweep = create_sweep(tmp_path, "mine", {})
    with Writer.create(sweep / "small", {**CONFIG, "family": "decoder"}) as run:
        for record in LOG[1::2]:
            run.log(**record)
    assert not read_sweep(sweep).runs[0].lacks_final_evaluation
    metrics = run.attempt / "metrics.jsonl"
    os.truncate(metrics, metrics.stat().st_size - 9)
    (small,) = read_sweep(sweep).runs
    assert (small.loss, small.lacks_final_evaluation) == (2.6, True)


def test_the_last_record_is_never_thinned_out() -> None:
    lines = [f'{{"step": {n}, "loss": {n % 2}, "val_loss": {n % 2}}}' for n in range(3000)]
    records = Records()
    records.append(parse([line.encode() for line in [*lines, '{"step": 3000, "loss": 0.5, "val_loss": 0.5}']]))
    few = Curve.of(thinned(records.table, bucket=64))
    assert len(few) < 1200
    assert (few.last("step"), few.last("val_loss")) == (3000, 0.5)
    assert few.records == 3001


def test_many_who_claim_at_once_each_get_their_own(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        claimed = list(pool.map(lambda _: claim(tmp_path, "attempt"), range(64)))
    assert sorted(int(path.name.removeprefix("attempt-")) for path in claimed) == list(range(1, 65))


def test_two_sweeps_of_one_name_do_not_meet(tmp_path: Path) -> None:
    assert [create_sweep(tmp_path, "tiny", {}).name for _ in range(3)] == ["tiny", "tiny-2", "tiny-3"]


def test_a_killed_writer_on_this_host_is_lost_at_once(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "mine", {})
    write_run(sweep / "small", CONFIG)
    code = f"""
import time
from pathlib import Path
from scaling_tui.runs import Writer
writer = Writer(Path({str(sweep / "small")!r}))
writer.log(step=1, loss=2.0)
print("written", flush=True)
time.sleep(600)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"written\n"
    assert read_sweep(sweep).runs[0].state == "running"
    process.kill()
    process.wait()
    process.stdout.close()
    (small,) = read_sweep(sweep).runs
    assert small.state == "lost"
    assert small.loss == 2.0


def test_a_reused_pid_is_not_taken_for_the_worker() -> None:
    ours = Status.of_this_process("running")
    assert ours.derived() == "running"
    assert Status("running", os.getpid(), ours.pid_started - 500, ours.host, time.time()).derived() == "lost"


def test_on_another_host_the_heartbeat_decides_and_a_lost_run_comes_back() -> None:
    now = 1e9
    status = Status("running", 1, 0.0, socket.gethostname() + "-not", now - LOST_AFTER_S - 1)
    assert status.derived(now) == "lost"
    assert Status("running", 1, 0.0, status.host, now - 1).derived(now) == "running"
    assert Status("finished", 1, 0.0, status.host, 0.0).derived(now) == "finished"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"state": "queued"}', '{"state": "running", "pid": "x"}'])
def test_a_status_that_is_none_reads_as_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "status.json"
    path.write_text(content)
    assert Status.read(path) is None


def test_a_status_or_request_of_a_terabyte_is_not_read(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "mine", {})
    with Writer.create(sweep / "a", {"params": 1, "tokens": 10}) as run:
        pass
    make_request(sweep, "stop")
    (request,) = (sweep / "requests").iterdir()
    status = run.attempt / "status.json"
    for path in (request, status):
        os.truncate(path, 1 << 40)  # sparse: it takes no space
    assert Status.read(status) is None
    assert latest_request(sweep) is None
    assert all("found 1,099,511,627,776 bytes" in fault for fault in read_sweep(sweep).all_faults)


def test_requests_concern_all_runs_or_one_and_the_latest_counts(tmp_path: Path) -> None:
    assert latest_request(tmp_path) is None
    make_request(tmp_path, "stop", "a")
    assert [latest_request(tmp_path, run) for run in (None, "a", "b")] == [None, "stop", None]
    make_request(tmp_path, "stop")
    make_request(tmp_path, "resume", "a")
    assert (latest_request(tmp_path, "a"), latest_request(tmp_path, "b")) == ("resume", "stop")


def test_a_request_that_is_read_before_it_is_written_is_not_broken_for_ever(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "mine", {})
    make_request(sweep, "stop")
    (path,) = (sweep / "requests").iterdir()
    content = path.read_bytes()
    path.write_bytes(b"")
    reader = SweepReader(sweep)
    assert reader.poll().faults
    path.write_bytes(content)
    assert not reader.poll().faults


def test_a_checkpoint_is_whole_or_absent_and_the_last_two_stay(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "mine", {})
    run = Writer.create(sweep / "small", CONFIG)

    def fill(folder: Path) -> None:
        (folder / "model").write_text("whole")

    for step in (1, 2, 10):
        run.checkpoint(step, fill)
    assert sorted(path.name for path in run.attempt.glob("*checkpoint*")) == ["checkpoint-10", "checkpoint-2"]

    def fails_half_way(folder: Path) -> None:
        (folder / "model").write_text("ha")
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        run.checkpoint(11, fails_half_way)
    assert sorted(path.name for path in run.attempt.glob("*checkpoint*")) == ["checkpoint-10", "checkpoint-2"]
    assert checkpoints(sweep / "small") == [run.attempt / "checkpoint-10", run.attempt / "checkpoint-2"]


def test_a_removal_cut_short_leaves_no_checkpoint_without_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = create_sweep(tmp_path, "mine", {})
    run = Writer.create(sweep / "small", CONFIG)

    def fill(folder: Path) -> None:
        (folder / "model").write_text("whole")

    def dies_half_way(folder: Path, **_: object) -> None:
        if folder.exists():
            (folder / "model").unlink()
            raise KeyboardInterrupt

    for step in (1, 2):
        run.checkpoint(step, fill)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(shutil, "rmtree", dies_half_way)
        run.checkpoint(3, fill)
    left = [path.name for path in checkpoints(run.run)]
    assert left == ["checkpoint-3", "checkpoint-2"]
    run.status("stopped")
    Writer(run.run).take_over()
    assert sorted(path.name for path in run.attempt.glob("*checkpoint*")) == left[::-1]


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["status.json"]


def test_sweeps_are_found_by_name_or_path_and_a_wrong_name_lists_them(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no sweep there; start one"):
        find_sweep(tmp_path)
    one = create_sweep(tmp_path, "one", {})
    assert find_sweep(tmp_path) == find_sweep(tmp_path, "one") == find_sweep(Path("elsewhere"), str(one)) == one
    with pytest.raises(InputError, match=r"sweep 'two': not in .*; known: one"):
        find_sweep(tmp_path, "two")
    assert list_sweeps(tmp_path) == [one]


@given(st.text())
def test_no_name_escapes_the_runs_folder(name: str) -> None:
    from scaling_tui.runs.format import safe_name

    try:
        safe = safe_name(name)
    except InputError:
        return
    assert (Path("runs") / safe).parent == Path("runs")
    assert safe not in ("", ".", "..")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("sweep.json", {"runs": 5, "fit": "x", "corpus": "text"}),
        ("sweep.json", {"corpus": {"name": "x"}}),
        ("small/run.json", {"params": "124M", "flops": "1e9", "seed": None, "tokens": [1]}),
        ("small/attempt-1/status.json", {"state": "running", "pid": -1}),
        ("small/attempt-1/status.json", {"state": ["running"]}),
        ("predictions.jsonl", {"rung": "r", "run": "r", "law": "l", "coefficients": {}, "points": 5, "predicted": "x"}),
    ],
)
def test_whatever_another_program_wrote_the_sweep_is_shown(tmp_path: Path, name: str, content: object) -> None:
    from scaling_tui.report.sweep import report
    from scaling_tui.report.sweeps import sweeps_table
    from scaling_tui.sweeps.summary import summary, sweep_summary

    sweep = create_sweep(tmp_path, "mine", {})
    with Writer.create(sweep / "small", CONFIG) as run:
        run.log(step=1, loss=2.0)
    (sweep / name).write_text(json.dumps(content) + "\n")
    view = read_sweep(sweep)
    assert "mine" in report(summary(view))
    assert "mine" in sweeps_table([sweep_summary(view)], 1.8e9)


def written(attempt: Path, records: int) -> None:
    """Many records, with a spike and a dip in places that no even sample meets."""
    attempt.mkdir(parents=True)
    with (attempt / "metrics.jsonl").open("w") as file:
        for step in range(1, records + 1):
            loss = 99.0 if step == records // 3 + 1 else 0.5 if step == records // 2 + 1 else 3.0 + 1 / step
            held_out = f', "val_loss": {4 - step / records}' if step % 500 == 0 else ""
            file.write(f'{{"step": {step}, "tokens": {10 * step}, "loss": {loss}, "time": {step}{held_out}}}\n')


def test_a_reader_that_keeps_few_records_loses_no_extreme_and_no_mean(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "many", {})
    write_run(sweep / "one", CONFIG)
    written(sweep / "one" / "attempt-1", 30_000)
    whole, few = (SweepReader(sweep, keep).poll().runs[0] for keep in (None, 4096))
    assert len(whole.curve) == whole.curve.records == few.curve.records == 30_000
    assert len(few.curve) <= 4096
    for metric in ("loss", "val_loss"):
        assert np.nanmax(few.curve[metric]) == np.nanmax(whole.curve[metric])
        assert np.nanmin(few.curve[metric]) == np.nanmin(whole.curve[metric])
    assert np.array_equal(few.curve.points("step", "val_loss"), whole.curve.points("step", "val_loss"))
    assert np.array_equal(few.curve["step"][:1000], whole.curve["step"][:1000])
    assert few.curve.tail_mean == pytest.approx(whole.curve.tail_mean, rel=1e-6)
    weights = few.curve["stands_for"]
    assert np.average(few.curve["mean_loss"], weights=weights) == pytest.approx(whole.curve["loss"].mean(), rel=1e-9)


def test_a_large_sweep_is_sampled_first_and_then_read_piece_by_piece(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "many", {})
    write_run(sweep / "one", CONFIG)
    written(sweep / "one" / "attempt-1", 30_000)
    reader = SweepReader(sweep, 4096)
    first = reader.poll(1 << 16).runs[0]
    assert first.unread > 0
    steps = first.curve["step"]
    assert steps[0] == 1
    assert steps[-1] > 29_900
    assert np.diff(steps).max() < 600
    assert (np.diff(steps) > 0).all()
    looks = 1
    while (view := reader.poll(1 << 18).runs[0]).unread:
        looks += 1
        assert view.curve["step"][-1] > 29_900
    assert looks > 3
    whole = SweepReader(sweep, 4096).poll().runs[0]
    assert view.curve.records == whole.curve.records == 30_000


def test_a_large_sweep_is_read_run_after_run_while_live_runs_stay_up_to_date(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "many", {})
    for name in ("a", "b", "live"):
        write_run(sweep / name, CONFIG)
    written(sweep / "a" / "attempt-1", 20_000)
    written(sweep / "b" / "attempt-1", 20_000)
    written(sweep / "live" / "attempt-1", 500)
    reader = SweepReader(sweep, 4096)
    a, b, live = reader.poll(0).runs
    assert a.unread == b.unread > 0
    assert a.curve["step"][-1] == b.curve["step"][-1] > 19_900
    assert live.unread == 0
    assert live.curve.records == 500
    with (sweep / "live" / "attempt-1" / "metrics.jsonl").open("a") as file:
        file.write('{"step": 501, "loss": 2.0}\n')
    later_a, later_b, later_live = reader.poll(1 << 18).runs
    assert 0 < later_a.unread < a.unread
    assert later_b.curve is b.curve
    assert later_live.curve.records == 501


def test_every_attempt_of_a_run_is_read_at_the_first_look(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "resumed", {})
    write_run(sweep / "one", CONFIG)
    for number in range(1, 5):
        attempt = sweep / "one" / f"attempt-{number}"
        attempt.mkdir()
        steps = range(10 * number, 10 * number + 15)
        (attempt / "metrics.jsonl").write_text("".join(f'{{"step": {step}, "loss": 3}}\n' for step in steps))
    reader = SweepReader(sweep)
    assert reader.poll().runs[0].curve["step"].tolist() == list(range(10, 55))
    with (sweep / "one" / "attempt-3" / "metrics.jsonl").open("a") as file:
        file.write('{"step": 45, "loss": 3}\n')
    assert reader.poll().runs[0].curve["step"].tolist() == list(range(10, 55))


def test_a_pipe_or_a_device_in_place_of_a_file_stops_no_reader(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "odd", {})
    for name in ("pipe", "device", "status", "run"):
        write_run(sweep / name, CONFIG)
        (sweep / name / "attempt-1").mkdir()
    os.mkfifo(sweep / "pipe" / "attempt-1" / "metrics.jsonl")
    (sweep / "device" / "attempt-1" / "metrics.jsonl").symlink_to("/dev/zero")
    os.mkfifo(sweep / "status" / "attempt-1" / "status.json")
    (sweep / "run" / "run.json").unlink()
    os.mkfifo(sweep / "run" / "run.json")
    view = read_sweep(sweep)
    assert [(run.name, len(run.curve), run.state) for run in view.runs] == [
        ("device", 0, "queued"), ("pipe", 0, "queued"), ("status", 0, "lost"), ("run", 0, "unreadable"),
    ]  # fmt: skip
    assert [fault.rpartition(": ")[0] for fault in view.all_faults] == [
        "broken: device/attempt-1/metrics.jsonl", "broken: pipe/attempt-1/metrics.jsonl",
        "broken: status/attempt-1/status.json", "broken: run/run.json",
    ]  # fmt: skip
    assert all("not a regular file" in fault for fault in view.all_faults)


def test_lines_that_are_no_records_are_left_out_wherever_they_stand(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "torn", {})
    write_run(sweep / "one", CONFIG)
    attempt = sweep / "one" / "attempt-1"
    attempt.mkdir()
    lines = ['{"step": 1, "loss": 3}', "[]", '{"step": 2, "lo', "7", '{"step": "x"}', '{"step": 2, "loss": 2}', "", "{"]
    (attempt / "metrics.jsonl").write_text("\n".join(lines) + "\n" + "y" * (3 << 20) + '\n{"step": 3, "loss": 1}\n')
    assert list(read_sweep(sweep).runs[0].curve["step"]) == [1, 2, 3]


def test_a_sweep_that_cannot_be_written_to_says_so_when_it_is_asked_to_stop(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "words", {})
    (sweep / "requests").write_bytes(b"")  # where the folder of requests should be
    with pytest.raises(InputError, match="sweep words: cannot be written to"):
        make_request(sweep, "stop")
