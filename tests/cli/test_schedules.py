"""`fit --law multi-power` and `--law tissue` as a user meets them: folders, patterns, sweeps, words; text and JSON."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scaling_tui.laws.schedules.curves import Falls
from scaling_tui.laws.schedules.forms import TISSUE
from scaling_tui.laws.schedules.words import Defaults, planned
from scaling_tui.runs import Writer
from tests.cli.conftest import Command

KNOWN = {"L0": 2.0, "A": 1.2, "alpha": 0.6, "C": 0.05, "lambda": 0.98}
DEFAULTS = Defaults(0.01, 50, 0.1)


def records(words: str) -> list[tuple[int, float, float]]:
    """Step, rate, loss: each tenth step of a training that follows the law."""
    curve, _ = planned(words, DEFAULTS)
    steps = np.arange(10.0, curve.schedule.last + 1, 10)
    loss = TISSUE.loss(TISSUE.pack(KNOWN), Falls.before(steps, curve.schedule))
    return list(zip(steps.astype(int).tolist(), curve.schedule.at(steps).tolist(), loss.tolist(), strict=True))


SCHEDULES = {"constant": "constant:1000", "cosine": "cosine:1000", "wsd": "wsd:800:1000", "long": "cosine:2000"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, words in SCHEDULES.items():
        rows = [f"{step},{rate},{loss}" for step, rate, loss in records(words)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["step,lr,loss", *rows]))
    return tmp_path


def sweep(runs: Path, sizes: tuple[int, ...] = (1000,)) -> None:
    for size in sizes:
        for name, words in SCHEDULES.items():
            config = {"rung": name, "params": size, "tokens": 512 * 1000}
            with Writer.create(runs / "recorded" / f"{name}-{size}", config) as writer:
                for step, rate, loss in records(words):
                    held_out = {"val_loss": loss} if step % 50 == 0 else {}
                    writer.log(step=step, tokens=512 * step, loss=loss * 1.1, lr=rate, **held_out)


def found(answer: tuple[int, str, str]) -> Any:
    status, out, err = answer
    assert status == 0, err
    return json.loads(out)


def test_a_curve_that_is_there_and_one_that_is_not_are_predicted(command: Command, folder: Path) -> None:
    answer = found(command("fit", folder, "--law", "tissue", "--predict", "long,cosine:2000,constant:1500", "--json"))
    assert answer["coefficients"] == pytest.approx(KNOWN, rel=5e-2)
    assert [one["name"] for one in answer["curves"]] == ["constant", "cosine", "wsd"]
    there, words, constant = answer["predictions"]
    assert there["name"] == "long" and there["mape"] < 1e-3 and there["records"] > 150
    assert there["final"]["measured"] == pytest.approx(records("cosine:2000")[-1][2])
    assert words["mape"] is None and words["final"]["measured"] is None
    assert words["final"]["predicted"] == pytest.approx(there["final"]["predicted"], rel=1e-4)
    assert constant["final"] | {"predicted": 0} == {"step": 1500, "predicted": 0, "measured": None, "error": None}
    assert len(words["curve"]["step"]) == len(words["curve"]["predicted"]) <= 200
    assert answer["intervals"] is None and answer["warnings"] == []
    assert all(one["left_out"]["mape"] < 2e-3 for one in answer["curves"])
    assert any(
        "cosine:2000: warm-up 50 steps to 0.01, cosine to 0.001 at step 2,000" in note for note in answer["notes"]
    )


def test_text_and_plot(command: Command, folder: Path) -> None:
    status, out, _ = command("fit", folder, "--law", "multi-power", "--predict", "long", "--plot")
    assert status == 0
    text, _, plots = out.partition("\n\nloss, nats/token")
    assert "3 curves" in text and "no intervals" in text and "left out" in text
    (row,) = [line for line in text.splitlines() if line.startswith("long ")]
    assert row.split()[1] == "2,000" and row.endswith("%")
    assert "learning rate · x step" in plots and "┤" in plots
    assert max(map(len, text.splitlines())) <= 120


def test_a_table_with_rates_alone_is_a_schedule_to_predict(command: Command, folder: Path, tmp_path: Path) -> None:
    rows = [f"{step},{rate}" for step, rate, _ in records("cosine:2000")]
    path = tmp_path / "elsewhere" / "plan.csv"
    path.parent.mkdir()
    path.write_text("\n".join(["step,lr", *rows]))
    answer = found(command("fit", folder, "--law", "tissue", "--predict", f"long,{path}", "--json"))
    there, plan = answer["predictions"]
    assert plan["name"] == "plan" and plan["mape"] is None
    assert plan["final"]["predicted"] == pytest.approx(there["final"]["predicted"])


def test_patterns_choose_curves_and_what_to_predict(command: Command, folder: Path) -> None:
    answer = found(command("fit", folder / "[cw]*.csv", "--law", "tissue", "--predict", "co*", "--json"))
    assert [one["name"] for one in answer["curves"]] == ["wsd"]
    assert [one["name"] for one in answer["predictions"]] == ["constant", "cosine"]
    assert any("only one schedule" in line for line in answer["warnings"])


def test_the_runs_of_a_sweep_are_curves(command: Command, tmp_path: Path) -> None:
    sweep(tmp_path)
    arguments = ("fit", "recorded", "--runs", tmp_path, "--law", "tissue", "--predict", "long-1000", "--json")
    answer = found(command(*arguments))
    assert answer["loss"] == "held-out loss" and answer["coefficients"] == pytest.approx(KNOWN, rel=6e-2)
    assert answer["predictions"][0]["mape"] < 1e-3


def test_a_sweep_of_several_sizes_asks_for_one(command: Command, tmp_path: Path) -> None:
    sweep(tmp_path, (1000, 3000))
    status, _, err = command("fit", "recorded", "--runs", tmp_path, "--law", "tissue")
    assert status == 2 and "curves of several sizes (N 1.00k, 3.00k), want those of one: --where params=1000" in err
    arguments = ("fit", "recorded", "--runs", tmp_path, "--law", "tissue", "--where", "params=3000", "--json")
    assert {one["name"] for one in found(command(*arguments))["curves"]} == {f"{name}-3000" for name in SCHEDULES}
    status, _, err = command("fit", "recorded", "--runs", tmp_path, "--law", "tissue", "--where", "params=7")
    assert status == 2 and "no run of sweep recorded meets params=7" in err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--law", "tissue", "--predict", "lng"), "did you mean 'long'?"),
        (("--law", "tissue", "--predict", "cosine:x"), "schedule cosine:x"),
        (("--law", "tissue", "--predict", "cosine:900:lr=9:warmup=1"), "the law gives a loss of"),
        (("--law", "tissue", "--predict", "*"), "no curve with a loss is left to fit"),
        (("--law", "tissue", "--points", "all"), "--points: found with --law tissue"),
        (("--law", "tissue", "--tie", "alpha=beta"), "--tie: found with --law tissue"),
        (("--law", "tissue", "--fix", "beta=1"), "found 'beta' to be fixed"),
        (("--law", "tissue", "--best-of", "lr"), "--best-of: found with --law tissue"),
        (("--law", "tissue", "--method", "isoflop"), "--method: found with --law tissue"),
        (("--law", "tissue", "--holdout-flops", "1e20"), "--holdout-flops: found with --law tissue"),
        (("--law", "tissue", "--delta", "-1"), "--delta: found -1"),
        (("--law", "multi-power", "--where", "zebra=1"), "no column 'zebra'"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    command: Command, folder: Path, arguments: tuple[str, ...], told: str
) -> None:
    status, out, err = command("fit", folder, *arguments)
    assert (status, out) == (2, "") and told in err and err.count("\n") == 1


def test_constant_rates_predict_constant_rates_only(command: Command, folder: Path) -> None:
    source = folder / "constant.csv"
    answer = found(command("fit", source, "--law", "multi-power", "--predict", "constant:1500", "--json"))
    assert answer["coefficients"]["B"] is None and "gamma" in answer["undetermined"]
    assert any("the rate never falls" in line for line in answer["warnings"])
    status, _, err = command("fit", source, "--law", "multi-power", "--predict", "cosine:1500")
    assert status == 2 and "its rate falls, but that of no fitted curve does" in err


def test_a_curve_without_a_law_is_told_of_these(command: Command, folder: Path) -> None:
    status, _, err = command("fit", folder / "long.csv")
    assert status == 2 and "--law multi-power or tissue" in err


def test_both_published_sizes_in_one_folder_are_told_apart(command: Command, shared_data: Path) -> None:
    curves = shared_data / "tables" / "lr_curves"
    answer = found(command("fit", curves, "--law", "tissue", "--json"))
    assert any("not of one model" in line for line in answer["warnings"])
    arguments = ("fit", curves / "25M_*.csv", "--law", "tissue", "--predict", "cosine_72000,wsd_20000_24000", "--json")
    answer = found(command(*arguments))
    assert [round(one["mape"], 4) for one in answer["predictions"]] == [0.0011, 0.0012]
    assert any("until the first record, at step 2,176, the rate is assumed to rise" in note for note in answer["notes"])
