"""`export` of points and of curves: the same law, the same curves again."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from scaling_tui.report.fit import load
from scaling_tui.runs import SweepView, create_sweep, read_sweep
from scaling_tui.runs.format import append_lines, claim
from scaling_tui.runs.writer import write_run
from tests.conftest import FINISHED, record_grid, record_sweep


def command(*args: object, runs: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "scaling_tui", "--runs", str(runs), *map(str, args)], check=False, capture_output=True
    )


def output_of(*args: object, runs: Path) -> bytes:
    done = command(*args, runs=runs)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def recorded(runs: Path) -> Path:
    return record_sweep(runs, FINISHED)


def partial(runs: Path) -> Path:
    return record_sweep(runs, [*FINISHED[:5], "failed", "stopped"], "partial")


SWEEPS: dict[str, Callable[[Path], Path]] = {"finished": recorded, "partial": partial, "grid": record_grid}


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("sweep", SWEEPS)
def test_the_points_give_the_law_of_the_sweep_to_the_last_digit(tmp_path: Path, sweep: str, kind: str) -> None:
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    name = SWEEPS[sweep](tmp_path).name
    file = tmp_path / f"x.{kind}"
    file.write_bytes(output_of("export", name, "--format", kind, runs=tmp_path))
    ours = json.loads(output_of("fit", name, "--json", "--bootstrap", "10", runs=tmp_path))
    theirs = json.loads(output_of("fit", file, "--json", "--bootstrap", "10", runs=tmp_path))
    for key in ("law", "coefficients", "intervals", "objective", "points", "convention"):
        assert theirs[key] == ours[key], key
    assert theirs["left_out"] == []


def test_the_points_are_a_row_per_finished_run_and_say_so(tmp_path: Path) -> None:
    record_sweep(tmp_path, [*FINISHED[:5], "failed", "stopped"])
    done = command("export", runs=tmp_path)
    rows = list(csv.DictReader(io.StringIO(done.stdout.decode())))
    assert [row["run"] for row in rows] == ["r1-s0", "r2-s0", "r3-s0", "r4-s0", "r5-s0"]
    assert (rows[0]["params"], rows[0]["non_embedding"], rows[0]["tokens"]) == ("10320", "6224", "1000448")
    assert {(row["state"], row["law"], row["params_as"]) for row in rows} == {
        ("finished", "chinchilla-n", "non-embedding")
    }
    assert b"--curves writes all 280 records" in done.stderr
    assert load(str(record_grid(tmp_path / "other"))).law == "chinchilla"


def test_another_law_may_be_fitted_to_the_points(tmp_path: Path) -> None:
    record_sweep(tmp_path, FINISHED)
    file = tmp_path / "x.csv"
    file.write_bytes(output_of("export", runs=tmp_path))
    document = json.loads(
        output_of("fit", file, "--law", "kaplan-n", "--params-as", "all", "--json", "--bootstrap", "0", runs=tmp_path)
    )
    assert (document["law"], document["convention"]["params"]) == ("kaplan-n", "all")


def curves_of(sweep: SweepView) -> dict[str, dict[str, list[list[float]]]]:
    return {
        run.name: {metric: np.array(run.curve.points("step", metric)).tolist() for metric in run.curve.metrics}
        for run in sweep.runs
    }


def peculiar(runs: Path) -> Path:
    """A sweep with metrics and times of its own, records that hold one loss alone, and an unfinished run."""
    sweep = create_sweep(runs, "peculiar", {})
    for name, params, last in (("a", 1_000_000, 30), ("b", 2_000_000, 17)):
        write_run(sweep / name, {"params": params, "tokens": 30_000})
        attempt = claim(sweep / name, "attempt")
        state = {"state": "finished" if last == 30 else "stopped", "pid": 1, "host": "elsewhere", "heartbeat": 1.0}
        (attempt / "status.json").write_text(json.dumps(state))
        records = [
            {
                "step": step,
                "tokens": step * 1000,
                "loss": 3 - step / 97,
                "eval/mmlu": step / 7,
                "time": 1.7e9 + step / 3,
            }
            for step in range(1, last + 1)
        ]
        append_lines(attempt / "metrics.jsonl", records)
        append_lines(attempt / "metrics.jsonl", [{"step": last, "tokens": last * 1000, "val_loss": 2.9, "bpb": 1.1}])
    return sweep


@pytest.mark.parametrize("kind", ["csv", "jsonl", "tensorboard"])
@pytest.mark.parametrize("make", [recorded, record_grid, peculiar])
def test_curves_that_are_exported_and_imported_are_the_same(
    tmp_path: Path, make: Callable[[Path], Path], kind: str
) -> None:
    if kind == "tensorboard":
        pytest.importorskip("tensorboard")
    sweep = make(tmp_path)
    target = tmp_path / f"exported-{kind}"
    option = () if kind == "tensorboard" else ("--curves",)
    output_of("export", sweep.name, "--format", kind, *option, "--output", target, runs=tmp_path)
    output_of("import", target, "--name", "again", runs=tmp_path)
    before, after = read_sweep(sweep), read_sweep(tmp_path / "again")
    assert curves_of(after) == curves_of(before)
    assert {run.name: (run.params, run.rung, run.seed) for run in after.runs} == {
        run.name: (run.params, run.rung, run.seed) for run in before.runs
    }
    if kind == "tensorboard":
        assert {run.name: (run.state, run.tokens) for run in after.runs} == {
            run.name: (run.state, run.tokens) for run in before.runs
        }


def test_points_that_are_imported_give_the_law_again(tmp_path: Path) -> None:
    record_grid(tmp_path)
    file = tmp_path / "points.csv"
    output_of("export", "grid", "--output", file, runs=tmp_path)
    output_of("import", file, "--name", "again", runs=tmp_path)
    ours, theirs = (
        json.loads(output_of("fit", name, "--json", "--bootstrap", "0", "--law", "chinchilla", runs=tmp_path))
        for name in ("grid", "again")
    )
    assert theirs["points"] == ours["points"] == 16
    assert theirs["coefficients"] == pytest.approx(ours["coefficients"], rel=1e-6)


def test_what_tensorboard_itself_reads(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    record_grid(tmp_path)
    output_of("export", "grid", "--format", "tensorboard", "--output", tmp_path / "tb", runs=tmp_path)
    events = accumulator.EventAccumulator(str(tmp_path / "tb" / "n0-c0-s0"))
    events.Reload()
    assert {"loss", "val_loss", "tokens"} <= set(events.Tags()["tensors"])


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (("--format", "svg", "--curves"), "--curves: found with svg, want it with csv, jsonl, parquet"),
        (("--format", "json", "--points"), "--points: found with json"),
        (("--format", "tensorboard"), "--output: missing; tensorboard takes a folder"),
        (("--format", "tensorboard", "--points", "--output", "x"), "--points: found with tensorboard"),
        (("--format", "gif"), "--format: found 'gif', want one of csv, jsonl, parquet, tensorboard"),
    ],
)
def test_options_that_do_not_go_together(tmp_path: Path, options: tuple[str, ...], fault: str) -> None:
    record_sweep(tmp_path, FINISHED)
    done = command("export", *options, runs=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
    assert fault in done.stderr.decode()


def test_without_a_finished_run_there_are_no_points(tmp_path: Path) -> None:
    record_sweep(tmp_path, ["failed"] * 7)
    done = command("export", runs=tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"no finished run yet" in done.stderr
    assert b"--curves exports the records" in done.stderr
    assert command("export", "--curves", runs=tmp_path).stdout.count(b"\n") == 281


@pytest.mark.parametrize(("module", "kind"), [("pyarrow", "parquet"), ("tensorboard", "tensorboard")])
def test_without_an_extra_one_line_says_what_to_install(tmp_path: Path, module: str, kind: str) -> None:
    record_sweep(tmp_path, FINISHED)
    blocked = f"import sys; sys.modules[{module!r}] = None; from scaling_tui.cli.app import main; main()"
    options = ["export", "quickstart", "--runs", str(tmp_path), "--format", kind, "--output", str(tmp_path / "out")]
    done = subprocess.run([sys.executable, "-c", blocked, *options], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert f"pip install 'scaling-tui[{kind}]'" in done.stderr
    assert not (tmp_path / "out").exists()
