"""Sweeps, tables and logs compared: each law as `fit` prints it, which differences are real, what was set otherwise."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pexpect
import pytest

from scaling_tui.laws import find_law, get
from scaling_tui.runs import Writer, find_sweep
from scaling_tui.runs.format import read_json, write_json
from tests.cli.conftest import Command
from tests.conftest import FINISHED, record_grid, record_sweep


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "runs"
    monkeypatch.setenv("SCALING_TUI_RUNS", str(folder))
    record_sweep(folder, FINISHED)
    record_grid(folder, "grid")
    return folder


def table(path: Path, seed: int, **changed: float) -> Path:
    """49 runs of a known law with 0.4 % of noise."""
    law = find_law("chinchilla")
    coefficients = dict(get("chinchilla:besiroglu2024").coefficients) | changed
    n, d = (side.ravel() for side in np.meshgrid(np.geomspace(1e7, 1e9, 7), np.geomspace(1e9, 4e10, 7)))
    losses = law.loss(coefficients, params=n, tokens=d) * np.exp(
        0.004 * np.random.default_rng(seed).standard_normal(49)
    )
    path.write_text("N,D,loss\n" + "".join(f"{a},{b},{y}\n" for a, b, y in zip(n, d, losses, strict=True)))
    return path


def compared(command: Command, *args: object) -> dict[str, Any]:
    status, out, err = command("compare", *args, "--json")
    assert status == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def fitted(command: Command, *args: object) -> dict[str, Any]:
    status, out, err = command("fit", *args, "--json")
    assert status == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def test_each_law_stands_as_fit_prints_it(command: Command, runs: Path, tmp_path: Path) -> None:
    mine = table(tmp_path / "mine.csv", 1)
    found = compared(command, "quickstart", "grid", mine)
    assert [one["name"] for one in found["sources"]] == ["quickstart", "grid", "mine.csv"]
    assert [one["kind"] for one in found["sources"]] == ["sweep", "sweep", "table"]
    for one, source in zip(found["sources"], ("quickstart", "grid", mine), strict=True):
        alone = fitted(command, source)
        for key in ("law", "coefficients", "intervals", "points", "holdout", "convention"):
            assert one[key] == alone[key], key
    assert len(found["differences"]) == 3
    status, out, err = command("compare", "quickstart", "grid", mine)
    assert status == 0
    for name, value in fitted(command, "grid")["coefficients"].items():
        assert f"{value:.4g}" in out, name
    assert "coefficients are not subtracted: their laws differ" in out
    assert "mine.csv: a table records no settings" in err


def test_a_difference_is_real_only_where_there_is_one(command: Command, runs: Path, tmp_path: Path) -> None:
    first, other = table(tmp_path / "a.csv", 1), table(tmp_path / "b.csv", 2)
    higher = table(tmp_path / "c.csv", 3, E=2.0)
    found = compared(command, first, other, higher)
    noise, shift, _ = found["differences"]
    assert noise["draws"] == "independent"
    assert noise["shared_points"] == 0
    assert not any(one["real"] for one in noise["coefficients"].values())
    assert [name for name, one in shift["coefficients"].items() if one["real"]] == ["E"]
    low, high = shift["coefficients"]["E"]["interval"]
    assert low < 2.0 - get("chinchilla:besiroglu2024").coefficients["E"] < high
    assert shift["loss"]["real"]
    _, out, _ = command("compare", first, higher)
    line = next(line for line in out.splitlines() if line.startswith("E ") and "differs" in line)
    assert "+0." in line


def test_the_same_runs_twice_differ_in_nothing(command: Command, runs: Path, tmp_path: Path) -> None:
    mine = table(tmp_path / "mine.csv", 1)
    copy = tmp_path / "copy.csv"
    copy.write_text(mine.read_text())
    found = compared(command, mine, copy)
    (same,) = found["differences"]
    assert same["draws"] == "paired"
    assert same["shared_points"] == 49
    for one in [*same["coefficients"].values(), same["loss"]]:
        assert one == {"difference": 0.0, "interval": [0.0, 0.0], "real": False}
    assert any("share the same runs" in note for note in found["notes"])


def test_a_table_of_the_same_runs_without_c_differs_in_nothing(command: Command, runs: Path, tmp_path: Path) -> None:
    status, out, _ = command("export", "quickstart", "--format", "jsonl")
    assert status == 0
    rows = [json.loads(line) for line in out.splitlines()]
    assert all(row["flops"] != pytest.approx(6 * row["params"] * row["tokens"], rel=0.02) for row in rows)
    bare = tmp_path / "bare.csv"
    bare.write_text("params,tokens,loss\n" + "".join(f"{r['params']},{r['tokens']},{r['loss']!r}\n" for r in rows))
    found = compared(command, "quickstart", bare, "--law", "chinchilla-n", "--params-as", "all")
    assert [one["flops_count"] for one in found["sources"]] == ["6ND", "6ND"]
    (same,) = found["differences"]
    for one in [*same["coefficients"].values(), same["loss"]]:
        assert one["difference"] == pytest.approx(0.0, abs=1e-9)
        assert not one["real"]
    # With N counted differently, 6ND is another C too; a law of C cannot be counted anew.
    found = compared(command, "quickstart", bare, "--law", "chinchilla-n")
    assert found["differences"][0]["loss"] is None
    found = compared(command, "quickstart", bare, "--law", "kaplan-c")
    (apart,) = found["differences"]
    assert apart["loss"] is None
    assert apart["coefficients"] == {}
    assert apart["not_compared"] == "they count C differently, as recorded and 6ND"
    assert any("they count C differently" in note for note in found["notes"])


def test_part_of_the_runs_in_common_is_said(command: Command, runs: Path, tmp_path: Path) -> None:
    mine = table(tmp_path / "mine.csv", 1)
    part = tmp_path / "part.csv"
    part.write_text("\n".join(mine.read_text().splitlines()[:31]) + "\n")
    found = compared(command, mine, part)
    assert found["differences"][0]["shared_points"] == 30
    assert found["differences"][0]["draws"] == "independent"
    assert any("share 30 runs" in note and "too wide" in note for note in found["notes"])


def test_laws_are_compared_at_one_budget(command: Command, runs: Path, tmp_path: Path) -> None:
    mine = table(tmp_path / "mine.csv", 1)
    found = compared(command, "quickstart", mine, "--flops", "1e19")
    assert found["flops"] == 1e19
    ladder, plane = (one["prediction"] for one in found["sources"])
    assert (ladder["at"], plane["at"]) == ("runs", "split")
    n, d = plane["inputs"]["params"], plane["inputs"]["tokens"]
    assert 6 * n * d == pytest.approx(1e19, rel=1e-6)
    status, out, _ = command("plan", "--fit", mine, "--flops", "1e19", "--json")
    assert status == 0
    assert plane["loss"] == pytest.approx(json.loads(out)["loss"], rel=1e-6)
    assert any("extrapolation" in warning for warning in ladder["warnings"])
    # Without --flops, at the largest budget of all; a ladder's own law there is its law at its own largest run.
    own = compared(command, "quickstart", "quickstart")
    assert own["flops"] == 3.1e12
    alone = fitted(command, "quickstart")["coefficients"]
    expected = alone["E"] + alone["A"] / 443_232 ** alone["alpha"]
    assert own["sources"][0]["prediction"]["loss"] == pytest.approx(expected, rel=1e-6)
    assert [one["name"] for one in own["sources"]] == ["quickstart", "runs/quickstart"] or own["sources"][1]["name"]
    assert own["sources"][0]["name"] != own["sources"][1]["name"]


def test_one_law_and_one_count_of_n_can_be_asked_for(command: Command, runs: Path) -> None:
    found = compared(command, "quickstart", "grid", "--law", "chinchilla-n")
    assert "count N differently" in found["differences"][0]["not_compared"]
    found = compared(command, "quickstart", "grid", "--law", "chinchilla-n", "--params-as", "all")
    assert found["differences"][0]["not_compared"] is None
    assert set(found["differences"][0]["coefficients"]) == {"E", "A", "alpha"}
    assert {one["convention"]["params"] for one in found["sources"]} == {"all"}


def test_the_settings_that_differ_stand_a_line_each(command: Command, runs: Path) -> None:
    other = record_sweep(runs, FINISHED, "other")
    for sweep, lr, torch in ((find_sweep(runs, "quickstart"), 0.01, "2.1"), (other, 0.02, "2.2")):
        document = read_json(sweep / "sweep.json")
        document |= {
            "ladder": "quickstart",
            "document": {"training": {"lr": lr, "batch": 8}, "rungs": [{"name": "r1", "hidden": 16, "lr": lr}]},
            "versions": {"torch": torch},
            "machine": {"host": "box", "cores": 2},
        }
        write_json(sweep / "sweep.json", document)
    found = compared(command, "quickstart", "other")
    assert {one["name"]: one["values"] for one in found["settings"]} == {
        "training.lr": [0.01, 0.02],
        "r1.lr": [0.01, 0.02],
        "version of torch": ["2.1", "2.2"],
    }
    assert not any("tokenizer" in note for note in found["notes"])
    _, out, _ = command("compare", "quickstart", "other")
    assert ["training.lr", "0.01", "0.02"] in [line.split() for line in out.splitlines()]
    document = read_json(other / "sweep.json")
    document["corpus"] |= {"tokenizer": "bpe-512", "sha256": "f" * 64, "name": "books"}
    write_json(other / "sweep.json", document)
    notes = compared(command, "quickstart", "other")["notes"]
    assert any("tokenizers differ (byte, bpe-512)" in note for note in notes)
    assert any("corpora differ (stdlib, books)" in note for note in notes)


def test_logs_are_compared_without_being_imported(command: Command, runs: Path, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    for k, size in enumerate((1e6, 4e6, 1.6e7, 6.4e7)):
        folder = logs / f"n{k}"
        folder.mkdir()
        (folder / "run.json").write_text(json.dumps({"params": size, "tokens": 1e8}))
        rows = [f"{step},{step * 1e6},{2 + 100 / size**0.3 + 3 / step}" for step in range(10, 101, 10)]
        (folder / "log.csv").write_text("step,tokens,val_loss\n" + "\n".join(rows) + "\n")
    before = sorted(path.name for path in runs.iterdir())
    found = compared(command, "quickstart", logs, "--law", "chinchilla-n")
    theirs = found["sources"][1]
    assert (theirs["name"], theirs["kind"], theirs["points"]) == ("logs", "logs", 4)
    assert any("not imported" in note for note in theirs["notes"])
    assert sorted(path.name for path in runs.iterdir()) == before
    _, out, _ = command("compare", "quickstart", logs, "--plot")
    assert "● quickstart" in out
    assert "▲ logs" in out


def test_a_source_without_a_law_says_why_and_the_others_are_compared(
    command: Command, runs: Path, tmp_path: Path
) -> None:
    with Writer.create(runs / "begun" / "n0", {"params": 1000, "tokens": 500}) as run:
        run.log(step=1, tokens=500, loss=2.0)
    few = tmp_path / "few.csv"
    few.write_text("N,D,loss\n1e7,1e9,4\n1e8,1e9,3\n")
    found = compared(command, "quickstart", "begun", few)
    assert found["sources"][0]["coefficients"]
    assert "want at least" in found["sources"][2]["problem"]
    assert found["sources"][2]["coefficients"] is None
    assert found["differences"] == []
    status, _, err = command("compare", "quickstart", "begun", few)
    assert status == 0
    assert "few.csv: no law:" in err


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("quickstart",), "found one source, 'quickstart', want at least two"),
        (("quickstart", "nope"), "nor is 'nope' a table or a folder of logs"),
        (("quickstart", "no.csv"), "no.csv: no such file"),
        (("quickstart", "."), "none of them CSV"),
        (("quickstart", "grid", "--params-as", "some"), "want all or non-embedding"),
        (("quickstart", "grid", "--flops", "0"), "want a positive number"),
        (("quickstart", "grid", "--law", "nope"), "nope"),
        (("quickstart", "grid", "--columns", "loss=x"), "found without a table"),
        (("quickstart", "grid", "--json", "--plot"), "want one of them"),
        (("-", "-"), "want one table from standard input"),
    ],
)
def test_wrong_input_is_one_line(
    command: Command, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...], says: str
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    status, out, err = command("compare", *args)
    assert (status, out) == (2, "")
    assert says in err
    assert len(err.splitlines()) == 1


def test_on_a_narrow_terminal_nothing_is_wider_than_it(runs: Path) -> None:
    known = {key: value for key, value in os.environ.items() if key != "COLUMNS"} | {
        "TERM": "xterm",
        "LC_ALL": "C.UTF-8",
    }
    words = ["-m", "scaling_tui", "compare", "quickstart", "grid", "--no-plot", "--bootstrap", "0"]
    child = pexpect.spawn(sys.executable, words, dimensions=(40, 72), env=known, encoding="utf-8", timeout=120)
    lines = str(child.read()).splitlines()
    table = lines[: next(place for place, line in enumerate(lines) if line.startswith("! "))]  # notes follow
    assert any(line.startswith("coefficients are not subtracted") for line in table)
    assert max(map(len, table)) <= 72
