"""The commands from outside: what they print where, how they end, what they refuse, what they import."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scaling_tui import cli
from scaling_tui.runs import latest_request, read_sweep
from tests.conftest import interruptible, record_sweep

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs `scaling-tui ARGS…` in this process; returns status, stdout and stderr."""

    def run(*args: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["scaling-tui", *map(str, args)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return code, captured.out, captured.err

    return run


FINISHED = ["finished"] * 7


def test_help_is_plain_and_needs_neither_numpy_nor_textual_nor_torch() -> None:
    code = """
import sys
sys.argv = ["scaling-tui", "--help"]
from scaling_tui.cli import main
try:
    main()
except SystemExit as ended:
    assert not ended.code
heavy = {"torch", "numpy", "textual", "plotext", "rich"} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for name in ("run", "runs", "attach", "stop", "resume", "ladders"):
        assert f"  {name} " in done.stdout


@pytest.mark.parametrize("part", ["laws", "data", "runs", "sweep", "tui.app", "train.worker", "cli"])
def test_each_part_can_be_imported_alone_and_none_but_the_trainer_brings_torch(part: str) -> None:
    code = f"import sys, scaling_tui.{part}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_a_terminal_it_prints_help(command: Command) -> None:
    status, out, _ = command()
    assert status == 0
    assert out.startswith("Usage: scaling-tui")


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--nope"], "No such option: --nope"),
        (["rnus"], "No such command 'rnus'"),
        (["run"], "Missing argument 'ladder'"),
        (["run", "quikstart"], "ladder 'quikstart': not found; did you mean 'quickstart'?"),
        (["run", "quickstart", "--jobs", "0"], "Invalid value for '--jobs'"),
        (["run", "quickstart", "--seed", "x"], "Invalid value for '--seed'"),
        (["run", "quickstart", "--on", "mars"], "--on 'mars': not known here; want 'local'"),
        (["run", "quickstart", "--set", "lrr=1"], "--set lrr: not a key of a ladder; did you mean 'lr'?"),
        (["attach"], "no sweep there"),
        (["stop", "nope"], "sweep 'nope': not in"),
        (["rm", "nope"], "sweep 'nope': not in"),
    ],
)
def test_wrong_input_is_one_line_and_status_2(
    command: Command, args: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCALING_TUI_RUNS", str(tmp_path))
    status, out, err = command(*args)
    assert (status, out) == (2, "")
    assert err.startswith("scaling-tui: ")
    assert told in err
    assert err.count("\n") == 1


def test_a_dry_run_shows_the_rungs_and_writes_nothing(command: Command, tmp_path: Path) -> None:
    status, out, _ = command("run", "quickstart", "--dry-run", "--json", "--runs", tmp_path / "runs")
    assert status == 0
    rungs = json.loads(out)["rungs"]
    assert rungs[0]["rung"] == "r1"
    assert rungs[0]["flops"] > 6 * rungs[0]["non_embedding"] * rungs[0]["tokens"]
    assert not (tmp_path / "runs").exists()
    assert "N non-emb" in command("run", "quickstart", "--dry-run")[1]


def test_ladders_are_listed(command: Command) -> None:
    status, out, _ = command("ladders", "--json")
    assert status == 0
    assert "quickstart" in [ladder["ladder"] for ladder in json.loads(out)["ladders"]]
    assert "quickstart" in command("ladders")[1]


def test_a_ladder_is_run_to_one_json_document_in_a_pipe(tiny: Path, tmp_path: Path) -> None:
    arguments = ["run", str(tiny), "--json", "--runs", str(tmp_path / "runs"), "--jobs", "2", "--device", "cpu"]
    done = subprocess.run(
        [sys.executable, "-m", "scaling_tui.cli", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {"sweep", "runs", "fit", "prediction"} <= found.keys()
    assert {"rung", "params", "non_embedding", "tokens", "flops", "loss", "state"} <= found["runs"][0].keys()
    assert {"rung", "predicted", "low", "high", "measured", "error"} <= found["prediction"].keys()
    assert "✓ d-s0" in done.stderr
    assert "predicted before it runs" in done.stderr


def test_ctrl_c_without_a_terminal_stops_the_sweep_and_ends_with_130(tiny: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    arguments = ["run", str(tiny), "--runs", str(runs), "--jobs", "1", "--device", "cpu", "--set", "tokens=20_000_000"]
    process = subprocess.Popen(
        [sys.executable, "-m", "scaling_tui.cli", *arguments],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=interruptible,  # noqa: PLW1509 - this process has no thread that holds a lock
    )
    assert process.stderr
    assert "running" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "asked to stop" in err
    assert "resume tiny" in err
    assert "tiny · stopped" in out
    assert read_sweep(runs / "tiny").state == "stopped"


def test_runs_lists_what_is_there(command: Command, tmp_path: Path) -> None:
    record_sweep(tmp_path, FINISHED)
    record_sweep(tmp_path, ["finished", "running", *["queued"] * 5], "other")
    status, out, _ = command("runs", "--runs", tmp_path, "--json")
    assert status == 0
    found = {sweep["name"]: sweep for sweep in json.loads(out)["sweeps"]}
    assert (found["quickstart"]["state"], found["other"]["state"]) == ("finished", "running")
    assert [run["state"] for run in found["other"]["runs"]][:3] == ["finished", "running", "queued"]
    text = command("runs", "--runs", tmp_path)[1]
    assert "1 queued" not in text
    assert "5 queued, 1 running, 1 finished" in text


def test_the_runs_folder_may_stand_before_the_command_too(command: Command, tmp_path: Path) -> None:
    record_sweep(tmp_path / "here", FINISHED)
    record_sweep(tmp_path / "there", FINISHED, "other")
    assert "quickstart" in command("--runs", tmp_path / "here", "runs")[1]
    both = command("--runs", tmp_path / "here", "runs", "--runs", tmp_path / "there")[1]
    assert "other" in both
    assert "quickstart" not in both


def test_no_sweep_is_no_error(command: Command, tmp_path: Path) -> None:
    assert command("runs", "--runs", tmp_path) == (
        0,
        "",
        f"no sweep in {tmp_path}; 'scaling-tui run quickstart' starts one\n",
    )
    assert json.loads(command("runs", "--runs", tmp_path, "--json")[1]) == {"sweeps": []}


def test_attach_to_a_finished_sweep_prints_what_it_came_to(command: Command, tmp_path: Path) -> None:
    record_sweep(tmp_path, FINISHED)
    status, out, _ = command("attach", "--runs", tmp_path)
    assert status == 0
    assert "r7 predicted before it ran: 1.4590 [1.3846, 1.5224] at 90 %" in out
    assert (
        "r7 measured: 1.4479, -0.8 % from the prediction, inside the interval; -5.3 % from the loss of the rung" in out
    )
    assert "sha256 8b2856895fc2" in out


def test_a_sweep_that_did_not_finish_is_status_1_and_says_how_to_go_on(command: Command, tmp_path: Path) -> None:
    record_sweep(tmp_path, ["finished"] * 5 + ["failed", "queued"])
    status, out, err = command("attach", "--runs", tmp_path)
    assert status == 1
    assert "failed" in out
    assert "'scaling-tui resume quickstart' goes on with it" in err


def test_stop_leaves_a_request_for_all_runs_or_one(command: Command, tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, ["finished", "running", *["queued"] * 5])
    assert command("stop", "quickstart", "--run", "r2-s0", "--runs", tmp_path)[0] == 0
    assert (latest_request(sweep, "r2-s0"), latest_request(sweep, "r3-s0")) == ("stop", None)
    assert command("stop", "--runs", tmp_path)[0] == 0
    assert latest_request(sweep, "r3-s0") == "stop"
    status, _, err = command("stop", "--run", "r9", "--runs", tmp_path)
    assert (status, "--run 'r9': not in quickstart; there: r1-s0" in err) == (2, True)


def test_nothing_is_stopped_or_resumed_where_all_is_over(command: Command, tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, FINISHED)
    assert "is finished: nothing to stop" in command("stop", "--runs", tmp_path)[2]
    assert "is finished: nothing to resume" in command("resume", "--runs", tmp_path)[2]
    assert latest_request(sweep) is None


def test_rm_deletes_what_is_over_and_asks_first(command: Command, tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, FINISHED)
    status, _, err = command("rm", "quickstart", "--runs", tmp_path)
    assert (status, sweep.exists()) == (2, True)
    assert "give --yes" in err
    assert command("rm", "quickstart", "--yes", "--runs", tmp_path)[0] == 0
    assert not sweep.exists()
    running = record_sweep(tmp_path, ["finished", "running", *["queued"] * 5])
    status, _, err = command("rm", "quickstart", "--yes", "--runs", tmp_path)
    assert (status, running.exists()) == (2, True)
    assert "is running; 'scaling-tui stop quickstart' first" in err


def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    record_sweep(tmp_path, FINISHED)
    if shutil.which("head") is None:
        pytest.skip("there is no head")
    line = f"{sys.executable} -m scaling_tui.cli attach --runs {tmp_path} | head -n 1"
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode in (0, 128 + signal.SIGPIPE)
    assert (done.stdout, done.stderr) == ("quickstart · finished\n", "")
