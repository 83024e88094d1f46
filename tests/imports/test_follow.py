"""`import --follow` as a process of its own, while another one writes the log."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from textual.widgets import Static

from scaling_tui.runs import RunView, SweepReader, make_request, read_sweep
from scaling_tui.tui.app import ScalingApp
from scaling_tui.tui.widgets.run_table import RunTable
from tests.conftest import interruptible
from tests.imports import logs
from tests.imports.conftest import wait_for
from tests.imports.test_sources import written
from tests.tui.conftest import until


@contextmanager
def following(runs: Path, *args: object) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "scaling_tui", "--runs", str(runs), "import", "--follow", *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=interruptible,  # noqa: PLW1509
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def appended(path: Path, lines: list[str]) -> None:
    """Another process writes the lines, each in two halves."""
    code = """
import sys
path, *lines = sys.argv[1:]
for line in lines:
    for part in (line[:7], line[7:] + "\\n"):
        with open(path, "a") as file:
            file.write(part)
"""
    subprocess.run([sys.executable, "-c", code, str(path), *lines], check=True)


def only_run(sweep: Path) -> RunView | None:
    runs = read_sweep(sweep).runs if (sweep / "sweep.json").exists() else ()
    return runs[0] if runs else None


def reached(sweep: Path, step: int) -> bool:
    run = only_run(sweep)
    return run is not None and run.curve.last("step") == step


def interrupted(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_a_growing_log_is_a_live_run_and_a_restart_doubles_nothing(tmp_path: Path) -> None:
    lines, runs = list(logs.nanogpt()), tmp_path / "runs"
    path, sweep = tmp_path / "theirs.log", runs / "theirs"
    appended(path, lines[:20])
    with following(runs, path) as process:
        wait_for(lambda: only_run(sweep) is not None, "the sweep")
        view = SweepReader(sweep)
        assert view.poll().runs[0].state == "running"
        first = [line.startswith("iter 60:") for line in lines].index(True)
        appended(path, lines[20 : first + 1])
        step = 60
        wait_for(lambda: reached(sweep, step), "the lines that came since")
        assert view.poll().runs[0].curve.last("step") == step
        assert process.poll() is None
        status, out, err = interrupted(process)
    assert status == 130
    assert "Traceback" not in err
    assert "imported theirs: 1 run" in out
    run = only_run(sweep)
    assert run is not None
    assert (run.state, run.reason) == ("stopped", "nobody follows its log any more")
    appended(path, lines[first + 1 : first + 3])
    with following(runs, path) as process:
        appended(path, lines[first + 3 :])
        out, err = process.communicate(timeout=90)
    assert process.returncode == 0, "the log says that it has finished, so there is nothing more to follow"
    run = only_run(sweep)
    assert run is not None
    assert (run.state, run.attempts) == ("finished", 1)
    assert run.curve.points("step", "loss")[0].tolist() == list(range(0, 201, 10))
    assert len(run.curve) == 24


def test_it_follows_through_rotation_and_truncation(tmp_path: Path) -> None:
    runs, path = tmp_path / "runs", tmp_path / "theirs.log"
    sweep = runs / "theirs"
    lines = list(logs.nanogpt(400))
    text = [line for line in lines if line.startswith("iter")]
    appended(path, lines[:16])
    with following(runs, path) as process:
        wait_for(lambda: only_run(sweep) is not None, "the sweep")
        path.rename(tmp_path / "theirs.log.1")
        appended(tmp_path / "theirs.log.1", [text[3]])
        appended(path, text[4:8])
        wait_for(lambda: reached(sweep, 70), "the new file")
        path.write_text("")
        appended(path, text[8:10])
        wait_for(lambda: reached(sweep, 90), "the file that was cut")
        # The trainer starts again from a checkpoint.
        appended(path, text[6:12])
        wait_for(lambda: reached(sweep, 110), "the training that was resumed")
        interrupted(process)
    run = only_run(sweep)
    assert run is not None
    steps = run.curve.points("step", "loss")[0].tolist()
    assert steps == sorted(set(steps))
    assert set(range(30, 111, 10)) <= set(steps)
    assert run.params == 10_745_088


def test_it_waits_for_a_log_that_is_not_there_yet_and_sees_new_runs(tmp_path: Path) -> None:
    runs, folder = tmp_path / "runs", tmp_path / "logs"
    folder.mkdir()
    with following(runs, folder, "--name", "all") as process:
        wait_for((runs / "all" / "sweep.json").exists, "the sweep")
        written(folder / "a.log", logs.text(logs.nanogpt(50)))
        wait_for(lambda: len(read_sweep(runs / "all").runs) == 1, "the first run")
        written(folder / "b.log", logs.text(logs.nanogpt(70)))
        wait_for(lambda: len(read_sweep(runs / "all").runs) == 2, "the second run")
        assert process.poll() is None, "a folder may get more"
        status, _, err = interrupted(process)
    assert (status, "waiting" in err) == (130, True)
    assert {run.name: run.curve.last("step") for run in read_sweep(runs / "all").runs} == {"a": 50, "b": 70}


def test_a_table_of_results_may_get_more_runs(tmp_path: Path) -> None:
    runs, path = tmp_path / "runs", tmp_path / "jan26" / "results.csv"
    rows = list(logs.nanochat_results())
    written(path, logs.text(iter(rows[:3])))
    with following(runs, path) as process:
        wait_for((runs / "jan26" / "sweep.json").exists, "the sweep")
        appended(path, rows[3:5])
        wait_for(
            lambda: [run.curve.last("bpb") is None for run in read_sweep(runs / "jan26").runs] == [False] * 4,
            "the rows that came since",
        )
        assert process.poll() is None


def test_two_do_not_follow_into_one_sweep(tmp_path: Path) -> None:
    runs, path = tmp_path / "runs", tmp_path / "theirs.log"
    written(path, logs.text(iter(list(logs.nanogpt())[:30])))
    with following(runs, path):
        wait_for(lambda: only_run(runs / "theirs") is not None, "the sweep")
        with following(runs, path) as second:
            _, err = second.communicate(timeout=60)
    assert second.returncode == 2
    assert "is following its logs" in err


def test_a_request_to_stop_ends_it(tmp_path: Path) -> None:
    runs, path = tmp_path / "runs", tmp_path / "theirs.log"
    written(path, logs.text(iter(list(logs.nanogpt())[:30])))
    with following(runs, path) as process:
        wait_for(lambda: only_run(runs / "theirs") is not None, "the sweep")
        make_request(runs / "theirs", "stop")
        _, err = process.communicate(timeout=60)
    assert (process.returncode, "asked to stop" in err) == (0, True)
    with following(runs, path) as process:
        appended(path, ["iter 7000: loss 1.9000, time 24.37ms, mfu 17.29%"])
        wait_for(lambda: reached(runs / "theirs", 7000), "a later import heeds no earlier request")


async def test_the_app_shows_somebodys_live_run(tmp_path: Path) -> None:
    runs, path = tmp_path / "runs", tmp_path / "theirs.log"
    lines = list(logs.nanogpt())
    written(path, "")
    with following(runs, path):
        wait_for((runs / "theirs" / "sweep.json").exists, "the sweep")
        app = ScalingApp(runs, "theirs", mode="live")
        async with app.run_test(size=(120, 40)) as pilot:

            def row() -> list[str]:
                rows = app.screen.query_one(RunTable).rows
                return " ".join([rows[0].signs, rows[0].label, *rows[0].cells]).split() if rows else []

            appended(path, lines[:20])
            await until(pilot, lambda: row()[:3] == ["▶", "theirs", "10.7M"])
            appended(path, lines[20:])
            await until(pilot, lambda: row()[:1] == ["✓"])
            await until(pilot, lambda: "theirs · finished" in str(app.screen.query_one("#where", Static).render()))
