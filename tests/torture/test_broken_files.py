"""Broken files: what was done to them → which command → what the user reads. Never a traceback, never a hang."""

import copy
import ctypes
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scaling_tui.cli import app as cli
from scaling_tui.runs import Writer, create_sweep, read_sweep
from scaling_tui.runs.schema import parse_json
from scaling_tui.tui.app import ScalingApp
from tests.conftest import FINISHED, record_sweep
from tests.tui.conftest import until

DEEP = "[" * 100_000
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs `scaling-tui ARGS…` in this process; returns status, stdout and stderr."""

    def call(*args: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["scaling-tui", *map(str, args)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capfd.readouterr()
        assert "Traceback" not in out + err
        assert isinstance(ended.value.code, int)
        return ended.value.code, out, err

    return call


def replaced(path: Path, **fields: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def written(file: str, text: str) -> Callable[[Path], None]:
    def write(sweep: Path) -> None:
        (sweep / file).parent.mkdir(exist_ok=True)
        (sweep / file).write_text(text)

    return write


def appended(file: str, text: str) -> Callable[[Path], None]:
    def append(sweep: Path) -> None:
        with (sweep / file).open("a") as out:
            out.write(text)

    return append


def with_fields(file: str, **fields: Any) -> Callable[[Path], None]:
    return lambda sweep: replaced(sweep / file, **fields)


def a_pipe(file: str) -> Callable[[Path], None]:
    def make(sweep: Path) -> None:
        (sweep / file).unlink(missing_ok=True)
        os.mkfifo(sweep / file)

    return make


# What was done to the folder, and what the user reads of it. The sweep stays in the list and its other runs are shown.
FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "predictions nested": (
        written("predictions.jsonl", DEEP + "\n"), "broken: predictions.jsonl: line 1: nested too deeply, want JSON",
    ),
    "prediction of a text": (
        written("predictions.jsonl", '{"predicted": "x"}\n'),
        "broken: predictions.jsonl: line 1: predicted: found 'x', want a number other than 0",
    ),
    "prediction cut short": (
        written("predictions.jsonl", '{"rung": "r7"}\n'), "broken: predictions.jsonl: line 1: run: missing",
    ),
    "ladder a list": (with_fields("sweep.json", ladder=[3]), "broken: sweep.json: ladder: found [3], want a string"),
    "cases of a number": (
        with_fields("sweep.json", cases={"a": 5}), "broken: sweep.json: cases.'a': found 5, want an object",
    ),
    "runs outside": (
        with_fields("sweep.json", runs=["../other"]),
        "broken: sweep.json: runs[0]: found '../other', want the name of a folder",
    ),
    "training a text": (
        with_fields("r2-s0/run.json", training="x"),
        "broken: r2-s0/run.json: training: found 'x', want an object",
    ),
    "corpus a number": (
        with_fields("r2-s0/run.json", corpus=7), "broken: r2-s0/run.json: corpus: found 7, want an object",
    ),
    "architecture of texts": (
        with_fields("r2-s0/run.json", architecture={"layers": "two"}),
        "broken: r2-s0/run.json: architecture.layers: found 'two', want a whole number from 0 to 1e60",
    ),
    "run.json gone": (lambda sweep: (sweep / "r2-s0" / "run.json").unlink(), "broken: r2-s0/run.json: missing"),
    "run.json nested": (written("r2-s0/run.json", DEEP), "broken: r2-s0/run.json: nested too deeply, want JSON"),
    "run.json a pipe": (
        a_pipe("r2-s0/run.json"), "broken: r2-s0/run.json: a pipe, socket or device, not a regular file",
    ),
    "status nested": (
        written("r2-s0/attempt-1/status.json", DEEP),
        "broken: r2-s0/attempt-1/status.json: nested too deeply, want JSON",
    ),
    "status of no state": (
        with_fields("r2-s0/attempt-1/status.json", state=7),
        "broken: r2-s0/attempt-1/status.json: state: found 7, want one of running",
    ),
    "supervisor empty": (
        written("supervisor-1/status.json", ""), "broken: supervisor-1/status.json: not JSON at line 1, column 1",
    ),
    "records nested": (
        appended("r2-s0/attempt-1/metrics.jsonl", DEEP + "\n"),
        "broken: r2-s0/attempt-1/metrics.jsonl: 1 line is not a record",
    ),
    "records a pipe": (
        a_pipe("r2-s0/attempt-1/metrics.jsonl"),
        "broken: r2-s0/attempt-1/metrics.jsonl: a pipe, socket or device, not a regular file",
    ),
    "request of nothing": (
        written("requests/1.json", "7"), "broken: requests/1.json: found 7, want an object",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_each_command_names_the_fault_and_shows_the_rest(command: Command, tmp_path: Path, fault: str) -> None:
    """`runs`, `attach`, `fit` and `export` name file, field and what was found, beside all that can be read."""
    runs = tmp_path / "runs"
    other = record_sweep(runs, FINISHED, "sound")
    sweep = record_sweep(runs, FINISHED, "hurt")
    do, says = FAULTS[fault]
    do(sweep)
    listed, out, err = command("runs", "--runs", runs)
    assert (listed, other.name in out, sweep.name in out, f"hurt: {says}" in err) == (0, True, True, True)
    status, out, err = command("attach", "hurt", "--runs", runs)
    assert status in (0, 1)
    assert (says in out, "r1-s0" in out, "r7-s0" in out) == (True, True, True)
    assert says in json.dumps(json.loads(command("attach", "hurt", "--json", "--runs", runs)[1])).replace('\\"', '"')
    status, out, err = command("fit", "hurt", "--bootstrap", "0", "--runs", runs)
    assert (status, says in " ".join(err.split())) == (0, True)
    status, out, err = command("export", "hurt", "--runs", runs)
    assert (status, says in err, out.startswith("run,rung,seed")) == (0, True, True)


@pytest.mark.parametrize("text", [DEEP, "", "[]", "7", "\x00", '{"runs": ', "9" * 5000], ids=lambda text: text[:9])
def test_a_sweep_whose_own_file_is_no_object_is_named_and_hides_no_other(
    command: Command, tmp_path: Path, text: str
) -> None:
    runs = tmp_path / "runs"
    record_sweep(runs, FINISHED, "sound")
    (record_sweep(runs, FINISHED, "hurt") / "sweep.json").write_text(text)
    status, out, err = command("runs", "--runs", runs)
    assert (status, "sound" in out, "hurt: broken: sweep.json: " in err) == (0, True, True)
    for name in ("attach", "fit", "export"):
        status, out, err = command(name, "hurt", "--runs", runs)
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert "broken: sweep.json: " in err


def test_a_run_without_run_json_stays_in_the_list_and_enters_no_fit(command: Command, tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path / "runs", FINISHED)
    (sweep / "r2-s0" / "run.json").unlink()
    found = json.loads(command("attach", "--runs", tmp_path / "runs", "--json")[1])
    run = next(run for run in found["runs"] if run["run"] == "r2-s0")
    assert (run["state"], run["reason"]) == ("unreadable", "run.json: missing")
    assert "r2-s0" not in found["fit"]["points"]
    assert len(found["fit"]["points"]) == 5
    err = command("fit", "quickstart", "--bootstrap", "0", "--runs", tmp_path / "runs")[2]
    assert "r2-s0 left out: not finished" in err


def test_a_run_comes_back_with_its_run_json(tmp_path: Path) -> None:
    from scaling_tui.runs import SweepReader

    sweep = record_sweep(tmp_path, FINISHED)
    kept = (sweep / "r2-s0" / "run.json").rename(sweep / "kept.json")
    reader = SweepReader(sweep)
    before = reader.poll().run("r2-s0")
    kept.rename(sweep / "r2-s0" / "run.json")
    after = reader.poll().run("r2-s0")
    assert before is not None and after is not None
    assert (before.state, after.state, after.loss is not None) == ("unreadable", "finished", True)


def bound_by_permissions() -> None:
    """For a child process: root may no longer read what its owner forbade."""
    if os.geteuid() == 0:
        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP; execve applies it


@pytest.mark.skipif(sys.platform != "linux", reason="capabilities are Linux's")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    record_sweep(runs, FINISHED, "sound")
    secret = record_sweep(runs, FINISHED, "secret")

    def call(*args: object) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "scaling_tui", *map(str, args), "--runs", str(runs)],
            capture_output=True, text=True, check=False, preexec_fn=bound_by_permissions,
        )  # fmt: skip
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout, done.stderr

    try:
        (secret / "r2-s0").chmod(0)
        status, out, err = call("attach", "secret")
        assert (status, "r2-s0 " in out, "broken: r2-s0/Permission denied" in out) == (1, True, True)
        secret.chmod(0)
        status, out, err = call("runs")
        assert (status, "sound" in out, "secret: broken: sweep.json: Permission denied" in err) == (0, True, True)
        assert call("attach", "secret")[0] == 2
        runs.chmod(0)
        status, out, err = call("runs")
        assert (status, out, f"'{runs}' is not readable" in err) == (2, "", True)
    finally:
        for path in (runs, secret, secret / "r2-s0"):
            path.chmod(0o700)


async def test_home_and_live_name_the_faults(tmp_path: Path) -> None:
    """Home lists them below "Cannot be read", Live under its law; both show the rest."""
    from tests.tui.conftest import settled

    sweep = record_sweep(tmp_path, FINISHED)
    (sweep / "predictions.jsonl").write_text(DEEP + "\n")
    (sweep / "r2-s0" / "run.json").write_text(DEEP)
    (record_sweep(tmp_path, FINISHED, "torn") / "sweep.json").write_text(DEEP)
    app = ScalingApp(tmp_path, mode="home")
    async with app.run_test(size=(109, 40)) as pilot:  # one column: a panel beside would cut the line
        await until(pilot, lambda: "Cannot be read" in app.export_screenshot().replace("&#160;", " "))
        text = app.export_screenshot().replace("&#160;", " ")
        assert "torn: broken: sweep.json: nested too deeply" in text
        assert "predictions.jsonl: line 1: nested too deeply, want JSON (and 1 more)" in text
        app.sweep = "quickstart"
        await app.visit("live")
        await until(pilot, lambda: "nested too deeply" in app.export_screenshot().replace("&#160;", " "))
        await settled(pilot)
        text = app.export_screenshot().replace("&#160;", " ")
        assert all(f"r{number}" in text for number in range(1, 8))


def test_a_prediction_with_one_end_alone_is_compared_without_an_interval(command: Command, tmp_path: Path) -> None:
    """An infinite end is stored as null."""
    sweep = record_sweep(tmp_path, FINISHED)
    file = sweep / "predictions.jsonl"
    file.write_text(json.dumps({**json.loads(file.read_text()), "high": None}) + "\n")
    status, out, _ = command("attach", "--runs", tmp_path)
    assert (status, "r7 measured: 1.4479, -0.8 % from the prediction; " in out) == (0, True)


# --- any JSON in any field of any file

FILES = ("sweep.json", "r2-s0/run.json", "r2-s0/attempt-1/status.json", "supervisor-1/status.json", "predictions.jsonl",
         "r2-s0/attempt-1/metrics.jsonl", "requests/1.json")  # fmt: skip
NUMBERS = st.one_of(
    st.integers(), st.floats(), st.sampled_from([10**400, -1, 0, 1e308, 1e-320, True, 2**63, 10**18, float("nan")])
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=6) | st.sampled_from(["", "..", "/", "finished", "r2-s0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON document, the whole included."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here, *(place for key, item in items for place in places(item, (*here, key)))]


def put(document: Any, place: tuple[Any, ...], value: Any) -> Any:
    if not place:
        return value
    changed = copy.copy(document)
    changed[place[0]] = put(document[place[0]], place[1:], value)
    return changed


def full_sweep(runs: Path) -> Path:
    """A finished sweep whose files have every field there is, as those of 'scaling-tui run'."""
    from scaling_tui.runs.config import Training

    sweep = record_sweep(runs, FINISHED)
    training = vars(Training(tokens=1000, batch=2, lr=0.1)) | {"unique_tokens": 500}
    corpus = {"name": "stdlib", "tokenizer": "byte", "source": "s", "sha256": "0" * 64, "parameters": {"a": 1}}
    replaced(
        sweep / "r2-s0/run.json", family="gpt", training=training, keep=[3], corpus={**corpus, "entropy": 1.2},
        architecture={"layers": 1, "hidden": 8, "heads": 1, "vocab": 256, "context": 16, "bias": False},
        trunk={"run": "r3-s0", "step": 3, "tokens": 300},
    )  # fmt: skip
    case = {"rung": "r2", "expected": {"val_loss": [1.0, 2.0]}, "claimed": {"val_accuracy": 0.5}}
    replaced(
        sweep / "sweep.json", cases={"r2": case}, machine={"host": "h", "device": "cpu"}, expected="text", source="text"
    )
    (sweep / "requests").mkdir()
    (sweep / "requests" / "1.json").write_text(json.dumps({"request": "stop", "run": "r2-s0"}))
    return sweep


def hurt(sweep: Path, data: st.DataObject) -> None:
    file = sweep / data.draw(st.sampled_from(FILES), label="file")
    lines = file.read_text().splitlines() if file.suffix == ".jsonl" else [file.read_text()]
    number = data.draw(st.integers(0, len(lines) - 1), label="line")
    document = json.loads(lines[number])
    place = data.draw(st.sampled_from(places(document)), label="place")
    value = data.draw(ANYTHING, label="value")
    lines[number] = json.dumps(put(document, place, value))
    file.write_text("\n".join(lines) + "\n")


def restored(sweep: Path, files: dict[Path, bytes]) -> None:
    for path, content in files.items():
        path.write_bytes(content)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_in_any_field_is_shown_by_every_command(
    command: Command, tmp_path: Path, data: st.DataObject
) -> None:
    sweep = tmp_path / "runs" / "quickstart"
    if not sweep.exists():
        full_sweep(tmp_path / "runs")
    files = {sweep / name: (sweep / name).read_bytes() for name in FILES}
    try:
        hurt(sweep, data)
        for args in (("runs",), ("attach", "quickstart"), ("fit", "quickstart", "--bootstrap", "0"), ("export",)):
            status, out, _ = command(*args, "--runs", tmp_path / "runs")
            assert status in (0, 1, 2)
        status, out, _ = command("attach", "quickstart", "--json", "--runs", tmp_path / "runs")
        if out:
            json.loads(out, parse_constant=pytest.fail)
    finally:
        restored(sweep, files)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_app_lives_with_any_value_in_any_field(tmp_path: Path, data: st.DataObject) -> None:
    import asyncio

    sweep = tmp_path / "runs" / "quickstart"
    if not sweep.exists():
        full_sweep(tmp_path / "runs")
    files = {sweep / name: (sweep / name).read_bytes() for name in FILES}

    async def visit() -> None:
        app = ScalingApp(tmp_path / "runs", mode="home")
        async with app.run_test(size=(120, 40)) as pilot:
            home = app.screen
            await until(pilot, lambda: bool(getattr(home, "_sections", ())))
            app.sweep = "quickstart"
            await app.visit("live")
            live = app.screen
            await until(pilot, lambda: getattr(live, "_snapshot", None) is not None)
            await pilot.press("down", "l", "x", "w")
            await pilot.pause()
            assert app.is_running

    try:
        hurt(sweep, data)
        asyncio.run(visit())
    finally:
        restored(sweep, files)


# --- which loss, which C


def logged(runs: Path, metrics: tuple[str, ...], flops: bool = True) -> Path:
    """A sweep of another trainer's with five finished runs; its last run alone logged the last of `metrics`."""
    sweep = create_sweep(runs, "theirs", {"fit": {"law": "chinchilla-n", "params": "all"}})
    for number in range(5):
        size = 1000 * 4**number
        config = {"rung": f"n{number}", "params": size, "tokens": 10**6} | ({"flops": 6e6 * size} if flops else {})
        with Writer.create(sweep / f"n{number}", config) as run:
            for step in range(1, 11):
                loss = 1.5 + 40 / size**0.5 + 1 / step
                names = metrics if number == 4 else metrics[:1]
                run.log(step=step, tokens=10**5 * step, **dict.fromkeys(names, loss))
    return sweep


def test_a_training_loss_is_not_called_held_out(command: Command, tmp_path: Path) -> None:
    logged(tmp_path, ("loss",))
    out = command("attach", "--runs", tmp_path)[1]
    assert "loss is training loss, the mean of the last tenth of the records" in out
    assert "C is as given in run.json" in out
    assert "loss is held out" not in out
    assert "  warning: fitted to training loss: no run recorded a held-out loss" in out
    out = command("runs", "--runs", tmp_path)[1]
    assert "* training loss: the run recorded no held-out loss" in out
    (sweep,) = json.loads(command("runs", "--runs", tmp_path, "--json")[1])["sweeps"]
    assert {run["loss_is_held_out"] for run in sweep["runs"]} == {False}
    err = command("fit", "theirs", "--bootstrap", "0", "--runs", tmp_path)[2]
    assert "fitted to training loss: no run recorded a held-out loss" in " ".join(err.split())


def test_one_held_out_loss_among_training_losses_is_told_apart(command: Command, tmp_path: Path) -> None:
    sweep = logged(tmp_path, ("loss", "val_loss"), flops=False)
    out = command("attach", "--runs", tmp_path)[1]
    assert "loss is held out; for n0, n1, n2, n3 it is training loss" in out
    assert "no run.json gives C, so a fit uses 6ND" in out
    err = " ".join(command("fit", "theirs", "--bootstrap", "0", "--runs", tmp_path)[2].split())
    assert "n0, n1, n2, n3: training loss, while the other runs have held-out loss" in err
    assert [run.loss_is_held_out for run in read_sweep(sweep).runs] == [False] * 4 + [True]


def test_a_sweep_of_ours_says_held_out_and_how_c_was_counted(command: Command, tmp_path: Path) -> None:
    sweep = full_sweep(tmp_path)
    out = command("attach", "--runs", tmp_path)[1]
    assert "loss is held out, in nats per token; N is every parameter; C counts matmuls and attention; for" in out
    assert read_sweep(sweep).runs[1].flops_basis == "counted"


# --- bounds

LADDER = (
    '[corpus]\nname = "stdlib"\n[model]\ncontext = 16\nlayers = 1\nhidden = 8\n[training]\ntokens = 1000\nbatch = 2\n'
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"seeds = {list(range(1_000_000))}\n{LADDER}lr = 0.1\n[[rungs]]\nname = 'a'\n",
         "seeds: found 1,000,000, want at most 10,000"),
        (f"{LADDER}lr = 0.1\n" + "".join(f"[[rungs]]\nname = 'r{n}'\n" for n in range(20_000)),
         "rungs: found 20,000, want at most 1,000"),
        (f"{LADDER}lr = {[n / 1e6 for n in range(1, 100_001)]}\n[[rungs]]\nname = 'a'\n",
         "training: found 100,000 combinations (lr 100,000), want at most 10,000"),
        (f"seeds = {list(range(101))}\n{LADDER}lr = {[n / 1e3 for n in range(1, 101)]}\n[[rungs]]\nname = 'a'\n",
         "rungs: 100 runs or more at 101 seeds each, want at most 10,000 runs"),
    ],
    ids=["a million seeds", "20,000 rungs", "100,000 learning rates", "101 seeds of 100 learning rates"],
)  # fmt: skip
def test_a_ladder_of_too_many_runs_is_refused_at_once(command: Command, tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "large.toml"
    path.write_text(text)
    status, out, err = command("run", path, "--dry-run")
    assert (status, out, err.count("\n"), says in err) == (2, "", 1, True)


def test_the_largest_ladder_there_may_be_is_resolved_in_seconds(tmp_path: Path) -> None:
    """10,000 variants took a comparison of each with each, minutes; now each is made once."""
    from scaling_tui.sweeps.ladder import load_ladder

    path = tmp_path / "large.toml"
    path.write_text(f"{LADDER}lr = {[n / 1e5 for n in range(1, 5001)]}\n[[rungs]]\nname = 'a'\n")
    began = time.process_time()
    assert len(load_ladder(str(path)).rungs) == 5000
    assert time.process_time() - began < 20


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("deep.jsonl", '{"params": 1, "tokens": 2, "loss": 3}\n{"a": ' + DEEP + "\n", "row 2 is not a row of values"),
        ("deep.json", DEEP, "not a row of values: nested too deeply"),
        ("digits.jsonl", '{"params": ' + "9" * 5000 + "}\n", "row 1 is not JSON"),
        ("field.csv", f"params,tokens,loss,run\n1,2,3,{'x' * 200_000}\n", "not CSV near row 2: field larger"),
        ("nul.csv", "params,tokens,loss,run\n1,2,3,a\x00b\n1,2,x,y\n", "row 3, column loss: found 'x'"),
    ],
    ids=lambda value: value[:12],
)  # fmt: skip
def test_a_table_that_no_reader_should_choke_on(
    command: Command, tmp_path: Path, name: str, text: str, says: str
) -> None:
    (tmp_path / name).write_text(text)
    status, out, err = command("fit", tmp_path / name)
    assert (status, out, err.count("\n"), says in err) == (2, "", 1, True), err


@pytest.mark.parametrize("args", [("quiz", "check"), ("fit",), ("run",), ("plan", "--flops", "1e20", "--fit")])
def test_a_device_or_a_pipe_is_no_file(command: Command, tmp_path: Path, args: tuple[str, ...]) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    for path in ("/dev/zero", tmp_path / "pipe.csv"):
        status, out, err = command(*args, path)
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert str(path) in err


@pytest.mark.slow
def test_more_draws_than_a_table_can_bear_are_capped_and_it_is_said(command: Command, tmp_path: Path) -> None:
    """A million draws of 15,000 points would fill 120 GB."""
    rows = [
        f"{10 ** (6 + n % 7 / 3)},{10 ** (8 + n // 7 % 11 / 4)},{3 - n % 7 / 9 - n // 7 % 11 / 19}"
        for n in range(15_000)
    ]
    (tmp_path / "many.csv").write_text("params,tokens,loss\n" + "\n".join(rows) + "\n")
    status, out, err = command("fit", tmp_path / "many.csv", "--law", "kaplan-n", "--bootstrap", "1000000")
    assert (status, "2,666 draws" in out.replace("2666", "2,666")) == (0, True)
    assert "1,000,000 bootstrap draws of 15,000 points would take too long: reduced to 2,666" in " ".join(err.split())


def test_any_bytes_as_json_are_a_value_or_one_line() -> None:
    for text in (DEEP.encode(), b"\xff\xfe", b"9" * 5000, b"", b'{"a":' * 5000, b"\x00"):
        with pytest.raises(Exception, match=r"not JSON|nested too deeply") as raised:
            parse_json(text)
        assert "\n" not in str(raised.value)


# --- the tutor


BANK = """
title = "t"
[[question]]
id = "q"
kind = "numeric"
lesson = "power-laws"
difficulty = "easy"
text = "What?"
answer = ANSWER
digits = 3
hint = "h"
steps = ["s"]
check = "c"
[[question.mistakes]]
slip = "linear"
answer = "2"
says = "s"
step = "s"
"""


@pytest.mark.parametrize(
    ("formula", "says"),
    [
        ("sqrt('x')", "field 'answer': formula: this is not allowed in a formula"),
        ("loss('chinchilla:hoffmann2022', 'x', 'y')", "want a number"),
        ("layer_params('x', 'y')", "has no value"),
        ("plan_excess('chinchilla:hoffmann2022', 'x', 'y')", "want a number"),
        ("pf_days('x')", "want a number"),
        ("(" * 99 + "1", "field 'answer': formula:"),
    ],
)
def test_a_text_where_a_number_belongs_in_a_bank(command: Command, tmp_path: Path, formula: str, says: str) -> None:
    (tmp_path / "b.toml").write_text(BANK.replace("ANSWER", json.dumps(formula)))
    status, out, err = command("quiz", "check", tmp_path / "b.toml")
    assert status in (1, 2)
    assert says in out + err


def test_without_a_home_answers_are_graded_and_it_is_said_once(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    import io

    monkeypatch.setenv("XDG_DATA_HOME", "/dev/null/nowhere")
    monkeypatch.setattr(sys, "stdin", io.StringIO("a\n1.234\nskip\n" * 6 + "quit\n"))
    status, out, err = command("quiz", "take", "--seed", "1")
    assert status == 0
    assert (out + err).count("your answers are graded but not saved") == 1
    assert "✗" in out or "✓" in out


def test_a_new_day_begins_at_the_learners_midnight(monkeypatch: pytest.MonkeyPatch) -> None:
    """At 10:00 on 2 March in Auckland an answer of 09:00 is today's and one of 23:00 yesterday's, whatever UTC says."""
    from datetime import UTC, datetime

    from scaling_tui.tutor.progress import Answer
    from scaling_tui.tutor.review import review_state

    monkeypatch.setenv("TZ", "NZDT-13")
    time.tzset()
    try:
        now = datetime(2026, 3, 1, 21, 0, tzinfo=UTC)
        answers = [
            Answer(datetime(2026, 3, 1, hour, 0, tzinfo=UTC), "l", f"q{hour}", "skill", "easy", 0, True)
            for hour in (10, 20)
        ]
        assert review_state([], answers, now).today == 1
    finally:
        monkeypatch.undo()
        time.tzset()
