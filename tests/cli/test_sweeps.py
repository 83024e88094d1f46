"""The commands from outside: what they print where, how they end, what they refuse, what they import."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from scaling_tui.report.sweep import report
from scaling_tui.runs import Status, Writer, create_sweep, latest_request, read_sweep
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.sweeps.launch import lay_out
from scaling_tui.sweeps.summary import estimate_summary, summary
from tests.cli.conftest import Command
from tests.conftest import FINISHED, interruptible, record_sweep
from tests.schemas import content


def test_help_is_plain_and_needs_neither_numpy_nor_textual_nor_torch() -> None:
    code = """
import sys
sys.argv = ["scaling-tui", "--help"]
from scaling_tui.cli.app import main
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


@pytest.mark.parametrize(
    "part",
    [
        "text.files",
        "laws",
        "data",
        "runs",
        "sweeps.supervisor",
        "plots.curves",
        "tutor.course",
        "report.sweep",
        "imports.importing",
        "lens.client",
        "tui.app",
        "cli.app",
    ],
)
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
        (["run", "quickstart", "--on", "mars"], "--on 'mars': not known here; want local, ray or slurm"),
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


@pytest.mark.slow
def test_the_estimate_of_a_dry_run_stands_beside_the_truth(
    command: Command, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("scaling_tui.sweeps.probe.LONGEST_S", 250.0)  # however busy this machine is
    options = ("--device", "cpu", "--runs", tmp_path / "runs")
    status, out, err = command("run", tiny, *options, "--dry-run", "--json")
    assert (status, err) == (0, "measuring how fast this machine trains these sizes …\n")
    told = json.loads(out)
    assert told["seconds_from"] == "times from a probe of this machine"
    assert [rung["seconds"] < told["seconds"] for rung in told["rungs"]] == [True] * 4
    assert all(2e8 < rung["memory"] < 4e8 for rung in told["rungs"])
    # What is known is not measured again.
    with monkeypatch.context() as patched:
        patched.setattr(subprocess, "Popen", None)
        status, out, err = command("run", tiny, *options, "--dry-run")
    assert (status, err) == (0, "")
    assert re.search(r"^rung +.* memory +time$", out, re.MULTILINE)
    status, out, err = command("run", tiny, *options, "--json")
    assert status == 0, err
    found = json.loads(out)["estimate"]
    assert found["seconds"] == pytest.approx(told["seconds"], abs=0.5)
    assert found["error"] == pytest.approx(found["took"] / found["seconds"] - 1, abs=0.1)
    assert f"estimated {found['seconds']:.0f} s, took" in command("attach", "tiny", "--runs", tmp_path / "runs")[1]
    assert "estimate" in command("runs", "--runs", tmp_path / "runs")[1].splitlines()[0]
    listed = json.loads(command("runs", "--json", "--runs", tmp_path / "runs")[1])["sweeps"][0]
    assert listed["estimate"] == found


def test_where_nothing_is_known_a_launch_estimates_nothing(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    view = read_sweep(lay_out(tmp_path / "runs", load_ladder(str(tiny)), device="cpu"))
    assert view.document["estimate"] is None
    assert estimate_summary(view) is None
    assert "estimated" not in report(summary(view))


def no_words(folder: Path) -> None:
    (folder / "words.txt").unlink()


def words_of(text: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / "words.txt").write_text(text)

    return change


def a_folder_of_words(folder: Path) -> None:
    no_words(folder)
    (folder / "words.txt").mkdir()


@pytest.mark.parametrize("dry", [True, False], ids=["dry-run", "run"])
@pytest.mark.parametrize(
    ("change", "args", "told"),
    [
        (no_words, [], "corpus '{folder}/words.txt': cannot read"),
        (a_folder_of_words, [], "words.txt: found no file in this folder"),
        (words_of(""), [], "words.txt: found no text"),
        (words_of("cat " * 10), [], "corpus: 4 held-out tokens, too few for a context of 16"),
        (words_of("cat " * 100), ["--set", "tokenizer=bpe-300"], "too few for a context of 16"),
        (None, ["--set", "tokenizer=bpe-10"], "'bpe-10': not known; give 'byte', 'gpt2', 'bpe-K' with K from 257"),
        (None, ["--set", "hidden=10_000_000"], "rung 'a': 1.2e15 parameters in batches of 8 need at least 19,200,0"),
        (None, ["--set", "batch=1e14"], "GB of memory, this machine has"),
        (None, ["--set", "hidden=1" + "0" * 300], "hidden: found 1000"),
        (None, ["--set", "tokens=1" + "0" * 400], "training.tokens: found 1000"),
        (None, ["--set", "corpus=nope"], "corpus.name: found 'nope', want stdlib, tinyshakespeare"),
        (None, ["--device", "nonsense"], "--device 'nonsense': not a device; want auto, cpu, cuda, cuda:1 or mps"),
        (None, ["--seed", "9" * 30], "Invalid value for '--seed'"),
    ],
)
def test_what_cannot_be_trained_here_is_refused_before_anything_is_written(
    command: Command, tiny: Path, tmp_path: Path, dry: bool, change: Callable[[Path], None] | None, args: list[str],
    told: str,
) -> None:  # fmt: skip
    if change is not None:
        change(tmp_path)
    status, out, err = command("run", tiny, "--runs", tmp_path / "runs", *args, *(["--dry-run"] if dry else []))
    assert (status, out) == (2, ""), err
    assert told.format(folder=tmp_path) in err
    assert err.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_a_gpu_that_is_not_there_is_refused(
    command: Command, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scaling_tui.sweeps.devices.GPU_FILES", ())
    status, _, err = command("run", tiny, "--device", "cuda:1", "--runs", tmp_path / "runs")
    assert (status, "this machine has no GPU" in err) == (2, True)
    gpus = tmp_path / "gpus"
    (gpus / "0000:00:04.0").mkdir(parents=True)
    monkeypatch.setattr("scaling_tui.sweeps.devices.GPU_FILES", (str(gpus),))
    monkeypatch.setattr("scaling_tui.sweeps.devices.NVIDIA_GPUS", gpus)
    monkeypatch.setattr("scaling_tui.sweeps.devices.built_for_cpus", lambda: False)
    assert "this machine has 1 GPU; want cuda:0" in command("run", tiny, "--device", "cuda:1", "--dry-run")[2]
    assert command("run", tiny, "--device", "cuda:0", "--dry-run")[0] == 0


def test_a_dry_run_downloads_nothing_and_says_what_it_did_not_see(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("SCALING_TUI_DATA", raising=False)
    status, out, err = command("run", "quickstart", "--set", "corpus=tinyshakespeare", "--dry-run")
    assert (status, "N non-emb" in out) == (0, True)
    assert "tinyshakespeare.txt is not on this machine and would be downloaded first" in err


def test_ladders_are_listed(command: Command) -> None:
    status, out, _ = command("ladders", "--json")
    assert status == 0
    assert "quickstart" in [ladder["ladder"] for ladder in json.loads(out)["ladders"]]
    assert "quickstart" in command("ladders")[1]


def test_a_broken_ladder_of_ones_own_hides_no_other(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    own = tmp_path / "scaling-tui" / "models"
    own.mkdir(parents=True)
    (own / "mine.toml").write_text("corpus = [")
    status, out, err = command("ladders")
    assert (status, "quickstart" in out) == (0, True)
    assert f"{own / 'mine.toml'}: not TOML" in err
    assert [one["path"] for one in json.loads(command("ladders", "--json")[1])["broken"]] == [str(own / "mine.toml")]


def test_a_ladder_is_run_to_one_json_document_in_a_pipe(tiny: Path, tmp_path: Path) -> None:
    arguments = ["run", str(tiny), "--json", "--runs", str(tmp_path / "runs"), "--jobs", "2", "--device", "cpu"]
    done = subprocess.run(
        [sys.executable, "-m", "scaling_tui", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {"sweep", "runs", "fit", "prediction"} <= found.keys()
    assert {"rung", "params", "non_embedding", "tokens", "flops", "loss", "state"} <= found["runs"][0].keys()
    assert {"rung", "predicted", "low", "high", "measured", "error"} <= found["prediction"].keys()
    assert "✓ d-s0" in done.stderr
    assert "predicted before it runs" in done.stderr


def endless(ladder: Path, runs: Path) -> "subprocess.Popen[str]":
    arguments = [
        "run",
        str(ladder),
        "--runs",
        str(runs),
        "--jobs",
        "1",
        "--device",
        "cpu",
        "--set",
        "tokens=20_000_000",
    ]
    return subprocess.Popen(
        [sys.executable, "-m", "scaling_tui", *arguments],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=interruptible,  # noqa: PLW1509 - this process has no thread that holds a lock
    )


def test_ctrl_c_without_a_terminal_stops_the_sweep_and_ends_with_130(tiny: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    process = endless(tiny, runs)
    assert process.stderr
    assert process.stderr.readline().startswith("data: ")
    assert process.stderr.readline().startswith("warning: data repeats: ")
    assert "running" in next(line for line in process.stderr if not line.startswith("warning: "))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "stopping; waiting for checkpoints" in err
    assert "resume tiny" in err
    assert "tiny · stopped" in out
    assert read_sweep(runs / "tiny").state == "stopped"


def test_ctrl_c_while_the_supervisor_starts_is_not_lost(tiny: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    process = endless(tiny, runs)
    while not (runs / "tiny" / "supervisor-1").exists():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopping; waiting for checkpoints" in err
    assert read_sweep(runs / "tiny").state == "stopped"


def test_a_broken_sweep_hides_no_other_and_is_named(command: Command, tmp_path: Path) -> None:
    record_sweep(tmp_path, FINISHED)
    (record_sweep(tmp_path, FINISHED, "torn") / "sweep.json").write_text('{"ladder": ')
    (tmp_path / "gone").mkdir()
    (tmp_path / "gone" / "sweep.json").symlink_to("nowhere")
    status, out, err = command("runs", "--runs", tmp_path)
    assert (status, "✓ quickstart" in out) == (0, True)
    assert f"sweep {tmp_path}/torn: broken: sweep.json: not JSON at line 1, column 12" in err
    found = json.loads(command("runs", "--runs", tmp_path, "--json")[1])
    assert [sweep["name"] for sweep in found["sweeps"]] == ["quickstart"]
    assert str(tmp_path / "torn") in [one["path"] for one in found["broken"]]


def test_runs_tells_ladder_state_losses_and_when(command: Command, tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, ["finished"] * 6 + ["stopped"])
    document = json.loads((sweep / "sweep.json").read_text())
    (sweep / "sweep.json").write_text(json.dumps({**document, "created": time.time() - 7300}))
    _, row, _ = command("runs", "--runs", tmp_path)[1].splitlines()
    assert re.match(r"■ quickstart +quickstart +stopped +\d+ % +1\.\d{4} +1\.\d{4}  20\d\d-\d\d-\d\d ", row)
    assert "2 h ago" in row
    (found,) = json.loads(command("runs", "--runs", tmp_path, "--json")[1])["sweeps"]
    assert (found["ladder"], found["largest"]["run"]) == ("quickstart", "r7-s0")
    assert found["best"]["loss"] == min(run["loss"] for run in found["runs"])


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
        f"no sweep in {tmp_path}; 'scaling-tui run quickstart --runs {tmp_path}' starts one\n",
    )
    assert content(command("runs", "--runs", tmp_path, "--json")[1]) == {"sweeps": [], "broken": []}


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
    assert "'scaling-tui resume quickstart --runs " in err


def test_nobody_is_told_to_resume_what_cannot_be(command: Command, tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "theirs", {"summary": "another trainer's"})
    with pytest.raises(ZeroDivisionError), Writer.create(sweep / "small", {"rung": "small", "params": 9}):
        print(1 // 0)
    status, _, err = command("attach", "--runs", tmp_path)
    assert (status, err) == (1, "")
    status, _, err = command("resume", "--runs", tmp_path)
    assert (status, "nothing to resume, another trainer wrote it" in err) == (2, True)
    record_sweep(tmp_path, ["finished"] * 6 + ["diverged"], "wild")
    assert "resume" not in command("attach", "wild", "--runs", tmp_path)[2]
    assert "r7-s0 diverged and would diverge again; want" in command("resume", "wild", "--runs", tmp_path)[2]
    assert command("resume", "wild", "--device", "nonsense", "--runs", tmp_path)[0] == 2
    broken = record_sweep(tmp_path, ["finished"] * 7, "broken")
    Status("failed", 1, 0.0, "elsewhere", 1.0).write(broken / "supervisor-1" / "status.json")
    (broken / "r7-s0" / "run.json").unlink()
    assert "r7-s0 is unreadable: run.json: missing" in command("resume", "broken", "--runs", tmp_path)[2]
    assert latest_request(sweep) is None


def test_rm_of_a_link_deletes_the_link_alone(command: Command, tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path / "elsewhere", FINISHED)
    (tmp_path / "runs").mkdir()
    link = tmp_path / "runs" / "linked"
    link.symlink_to(sweep)
    status, _, err = command("rm", "linked", "--yes", "--runs", tmp_path / "runs")
    assert (status, err) == (0, f"deleted the link {link}; the sweep is still at {sweep}\n")
    assert not link.is_symlink()
    assert (sweep / "sweep.json").is_file()


def test_stop_leaves_a_request_for_all_runs_or_one(command: Command, tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, ["finished", "running", *["queued"] * 5])
    assert command("stop", "quickstart", "--run", "r2-s0", "--runs", tmp_path)[0] == 0
    assert (latest_request(sweep, "r2-s0"), latest_request(sweep, "r3-s0")) == ("stop", None)
    assert command("stop", "--runs", tmp_path)[0] == 0
    assert latest_request(sweep, "r3-s0") == "stop"
    status, _, err = command("stop", "--run", "r9", "--runs", tmp_path)
    assert (status, "--run 'r9': not in quickstart; known: r1-s0" in err) == (2, True)


def test_nothing_is_stopped_or_resumed_where_all_is_over(command: Command, tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, FINISHED)
    assert "is finished: nothing to stop" in command("stop", "--runs", tmp_path)[2]
    assert "is finished: nothing to resume" in command("resume", "--runs", tmp_path)[2]
    assert latest_request(sweep) is None


def test_rm_deletes_what_is_over_and_asks_first(command: Command, tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, FINISHED)
    status, _, err = command("rm", "quickstart", "--runs", tmp_path)
    assert (status, sweep.exists()) == (2, True)
    assert "add --yes" in err
    assert command("rm", "quickstart", "--yes", "--runs", tmp_path)[0] == 0
    assert not sweep.exists()
    running = record_sweep(tmp_path, ["finished", "running", *["queued"] * 5])
    status, _, err = command("rm", "quickstart", "--yes", "--runs", tmp_path)
    assert (status, running.exists()) == (2, True)
    assert "still training; stop it first with 'scaling-tui stop quickstart --runs " in err


def test_rm_deletes_a_sweep_that_cannot_be_read(command: Command, tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, FINISHED)
    (sweep / "sweep.json").write_text("{")
    assert command("rm", "quickstart", "--yes", "--runs", tmp_path)[0] == 0
    assert not sweep.exists()


def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    record_sweep(tmp_path, FINISHED)
    if shutil.which("head") is None:
        pytest.skip("there is no head")
    line = f"{sys.executable} -m scaling_tui attach --runs {tmp_path} | head -n 1"
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode in (0, 128 + signal.SIGPIPE)
    assert (done.stdout, done.stderr) == ("quickstart · finished\n", "")
