"""The command `why`, and `plan --why`: a number in full, several as a list, one JSON document, one line for errors."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.conftest import FINISHED, record_sweep


def test_a_number_of_a_sweep_in_full_as_a_list_and_as_json(command: Command, tmp_path: Path) -> None:
    record_sweep(tmp_path, FINISHED)
    status, out, err = command("why", "quickstart", "r5", "loss", "--runs", str(tmp_path))
    assert status == 0
    assert out.startswith("loss of r5-s0 = 1.5759 nats per token\n")
    assert "r5-s0/attempt-1/metrics.jsonl, field val_loss" in out
    assert "honest-study" in out
    status, out, err = command("why", "quickstart", "--runs", str(tmp_path))
    assert status == 0
    assert {line.split()[0] for line in out.splitlines()[1:]} >= {"law", "prediction", "sweep", "r1-s0", "r7-s0"}
    assert "To explain one, add words" in err
    status, out, _ = command("why", "quickstart", "error", "--runs", str(tmp_path), "--json")
    (figure,) = json.loads(out)["figures"]
    assert figure["steps"][0]["filled"] == "1.4479/1.459 - 1"
    assert figure["shown"] == "-0.8 %"


def test_a_number_of_a_plan_and_of_a_table(command: Command, tmp_path: Path) -> None:
    status, out, _ = command("plan", "--flops", "1e21", "--why", "N")
    assert status == 0
    assert "0.11963·(1e21/6)^(0.3658/(0.3478 + 0.3658)) = 2.78B" in out
    table = tmp_path / "mine.csv"
    rows = [
        f"{n},1e9,{2 + 30 / n**0.3 + 0.001 * (k % 3):.5f}" for k, n in enumerate((1e5, 3e5, 1e6, 3e6, 1e7, 3e7, 1e8))
    ]
    table.write_text("params,tokens,loss\n" + "\n".join(rows) + "\n")
    status, out, _ = command("why", str(table), "residual", "s.d.")
    assert status == 0
    assert "sqrt(squares/n)" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("why", "quickstart", "r5", "losss"), "no number 'losss'; did you mean 'loss'?"),
        (("why", "quickstart", "--columns", "loss=a"), "--columns: found with the sweep 'quickstart'"),
        (("plan", "--flops", "1e21", "--why", "Q"), "no number 'Q'"),
        (("plan", "--flops", "1e21", "--allocation", "hoffmann2022-1", "--why", "N"), "--why: found with --allocation"),
    ],
)
def test_what_cannot_be_asked_is_one_line(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], says: str
) -> None:
    record_sweep(tmp_path, FINISHED)
    monkeypatch.setenv("SCALING_TUI_RUNS", str(tmp_path))
    status, out, err = command(*arguments)
    assert status == 2
    assert out == ""
    assert says in err
    assert len(err.strip().splitlines()) == 1
