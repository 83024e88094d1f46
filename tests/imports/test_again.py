"""Importing again: updated, never doubled, and never over anybody else's sweep."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scaling_tui.runs import SweepView, create_sweep, read_sweep
from tests.imports import logs
from tests.imports.conftest import Command
from tests.imports.test_sources import CSV, written

Imported = Callable[..., tuple[SweepView, dict[str, Any]]]


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_same_log_again_adds_what_is_new(imported: Imported, tmp_path: Path) -> None:
    lines = list(logs.nanogpt())
    path = written(tmp_path / "a.log", logs.text(iter(lines[:30])))
    first, document = imported(path)
    assert (document["is_update"], first.runs[0].state) == (False, "stopped")
    again, document = imported(path)
    assert (document["is_update"], document["added"]) == (True, 0)
    written(path, logs.text(iter(lines)))
    grown, document = imported(path)
    assert document["added"] == 24 - len(again.runs[0].curve)
    assert grown.name == first.name
    whole, _ = imported(path, "--name", "other")
    assert (
        everything(grown.path / "a" / "attempt-1")["metrics.jsonl"]
        == everything(whole.path / "a" / "attempt-1")["metrics.jsonl"]
    )
    assert grown.runs[0].state == "finished"


def test_a_line_that_a_crash_tore_is_mended(imported: Imported, tmp_path: Path) -> None:
    path = written(tmp_path / "a.log", logs.text(logs.nanogpt(100)))
    sweep, _ = imported(path)
    metrics = sweep.path / "a" / "attempt-1" / "metrics.jsonl"
    whole = metrics.read_bytes()
    metrics.write_bytes(whole[:-20])
    again, document = imported(path)
    assert (metrics.read_bytes(), document["added"]) == (whole, 1)
    assert not again.all_faults


def test_a_log_that_is_another_one_now_changes_nothing(command: Command, imported: Imported, tmp_path: Path) -> None:
    path = written(tmp_path / "a.log", logs.text(logs.nanogpt(50)))
    sweep, _ = imported(path)
    before = everything(sweep.path)
    written(path, logs.text(logs.nanogpt(200)).replace("loss 2.", "loss 3."))
    status, _, err = command("import", path)
    assert (status, err.count("\n")) == (2, 1)
    assert "no longer holds the records imported before" in err
    assert everything(sweep.path) == before
    assert [entry.name for entry in sweep.path.parent.iterdir()] == ["a"], "nothing is left behind"


def test_a_log_that_was_rotated_goes_on_in_a_new_attempt(imported: Imported, tmp_path: Path) -> None:
    path = written(tmp_path / "a.log", logs.text(logs.nanogpt(100)))
    imported(path)
    written(path, logs.text(logs.nanogpt(200, begin=101, head=False)))
    sweep, _ = imported(path)
    (run,) = sweep.runs
    assert run.curve.points("step", "loss")[0].tolist() == list(range(0, 201, 10))
    assert run.params == 10_745_088, "said before the rotation"
    assert run.curve.last("tokens") == 200 * 16_384
    again, document = imported(path)
    assert document["added"] == 0
    assert len(again.runs[0].curve) == len(run.curve)


def test_rows_that_come_later_in_a_table_are_put_in_their_place(imported: Imported, tmp_path: Path) -> None:
    path = written(tmp_path / "history.csv", CSV)
    imported(path)
    head, *rows = CSV.splitlines()
    rows += ["small,5,3.45,,0.001,10M", "new,0,4.0,,0.001,1M"]
    written(path, "\n".join([head, *rows[::-1]]) + "\n")
    sweep, document = imported(path)
    assert document["added"] == 2
    small = sweep.run("small")
    assert small is not None
    assert small.curve["step"].tolist() == [0, 5, *range(10, 101, 10)]
    assert sweep.run("new") is not None


def test_no_other_sweep_is_written_over(command: Command, imported: Imported, tmp_path: Path, runs: Path) -> None:
    mine = create_sweep(runs, "mine", {"summary": "trained here"})
    path, other = (written(tmp_path / f"{name}.log", logs.text(logs.nanogpt(50))) for name in ("mine", "other"))
    before = everything(mine)
    status, _, err = command("import", path, "--name", "mine")
    assert (status, "exists already and is no import" in err) == (2, True)
    sweep, _ = imported(path)
    assert sweep.name == "mine-2", "without a name the next free one is taken"
    again, document = imported(path)
    assert (again.name, document["is_update"]) == ("mine-2", True)
    status, _, err = command("import", other, "--name", "mine-2")
    assert (status, "is an import of" in err) == (2, True)
    assert everything(mine) == before


def test_finished_stays_finished_while_nothing_new_comes(imported: Imported, tmp_path: Path) -> None:
    path = written(tmp_path / "m" / "main.log", logs.text(logs.llmc_main(100)))
    imported(path, "--finished")
    sweep, _ = imported(path)
    assert sweep.runs[0].state == "finished"
    written(path, logs.text(logs.llmc_main(100)) + "s:101 trl:2.4 lr:0.0006 norm:1.00\n")
    sweep, document = imported(path)
    assert (document["added"], sweep.runs[0].state) == (1, "stopped")


HOSTILE = (
    "../../etc/passwd", "a/b", "..", ".hidden", "-rf", "supervisor-1", "requests", "A", "a", "x" * 300, "模型 α", "  ",
    "\x1b]0;PWNED\x07", "con\u202ename", "attempt-1",
)  # fmt: skip


def test_names_of_runs_are_safe_folders_each_of_its_own(imported: Imported, tmp_path: Path, runs: Path) -> None:
    lines = [{"run": name, "step": 1, "loss": 2.5 + place} for place, name in enumerate(HOSTILE)]
    sweep, _ = imported(written(tmp_path / "a.jsonl", "".join(json.dumps(line) + "\n" for line in lines)))
    assert sorted(run.curve["loss"][0] for run in sweep.runs) == [2.5 + place for place in range(len(HOSTILE))]
    assert {path.parent for path in sweep.path.glob("*/run.json")} == {run.path for run in sweep.runs}
    for run in sweep.runs:
        assert run.path.resolve().parent == sweep.path.resolve()
        assert run.name.isprintable()
        assert not run.name.startswith((".", "-"))
        assert run.name not in ("requests", "supervisor-1")
    assert len({run.name.lower() for run in sweep.runs}) == len(HOSTILE)
    assert [entry.name for entry in runs.iterdir()] == ["a"]
    again, document = imported(tmp_path / "a.jsonl")
    assert (document["added"], len(again.runs)) == (0, len(HOSTILE))


def test_text_of_logs_reaches_the_terminal_as_text(command: Command, tmp_path: Path) -> None:
    line = json.dumps(
        {"run": "\x1b[31mred", "step": 1, "loss": 3.0, "no\x1b[2Jte": 1.0, "config": {"a\x07": "\x1b]0;t\x07"}}
    )
    status, out, err = command("import", written(tmp_path / "a.jsonl", line + "\n"))
    assert status == 0
    assert "\x1b" not in out + err
    status, out, err = command("import", written(tmp_path / "b.txt", "\x1b]0;PWNED\x07\n"))
    assert (status, "\x1b" in err, "PWNED" in err) == (2, False, True)


@pytest.mark.parametrize(
    "content",
    [
        b'{"loss": 1, "step": ' + b"[" * 100_000 + b"}\n",
        b'{"loss": 1e999, "step": 1}\n{"loss": ' + b"9" * 5000 + b', "step": 2}\n',
        b'{"loss": 2, "step": 1, "a": "\\ud800", "\\ud800": 1}\n',
        b'{"loss": 2, "step": 1}\n' + b'{"x": "' + b"y" * 3_000_000 + b'"}\n{"loss": 1, "step": 2}\n',
        b"step,loss\n" + b'"' * 1_000_000 + b"\n1,2\n",
        b"step,loss\n1,2\n1,2,3\n\x00,\x00\n2,1.5\n",
        b"iter 1: loss 2.0, time 1.00ms, mfu 1.00%\niter 99999999999999999999999: loss 1e400, time 1.00ms, mfu 2.00%\n",
    ],
    ids=["deep", "large", "surrogate", "long line", "quotes", "ragged", "numbers"],
)  # fmt: skip
def test_hostile_logs_end_as_runs_or_as_one_line(command: Command, tmp_path: Path, runs: Path, content: bytes) -> None:
    path = tmp_path / "log"
    path.write_bytes(content)
    status, out, err = command("import", path)
    assert "Traceback" not in out + err
    assert status in (0, 2)
    if status == 0:
        sweep = read_sweep(runs / "log") if (runs / "log").exists() else read_sweep(next(runs.iterdir()))
        assert not sweep.all_faults
    else:
        assert err.count("\n") == 1
        assert not runs.exists()


def test_too_many_runs_are_a_column_mistaken_for_their_names(command: Command, tmp_path: Path, runs: Path) -> None:
    rows = "".join(f"r{row},1,2.5\n" for row in range(10_001))
    status, _, err = command("import", written(tmp_path / "a.csv", "run,step,loss\n" + rows))
    assert (status, "more than 10,000 runs" in err) == (2, True)
    assert not runs.exists()
