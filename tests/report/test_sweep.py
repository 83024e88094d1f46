"""Tables of sweeps stay aligned whatever their runs are called."""

from pathlib import Path

import pytest

from scaling_tui.report.sweep import report
from scaling_tui.report.sweeps import sweeps_table
from scaling_tui.runs import Writer, create_sweep, read_sweep
from scaling_tui.sweeps.summary import summary, sweep_summary

EXPECTED = {"a": {"rung": "a", "expected": {"val_loss": [1, 2]}, "claimed": {"val_loss": 1.5}}}


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """A short and a long name, the long one beyond every width that a table once had."""
    path = create_sweep(tmp_path, "a-sweep-named-at-some-length", {"cases": EXPECTED})
    for name in ("a", "a-rung-with-a-long-name"):
        with Writer.create(path / f"{name}-s0", {"rung": name, "seed": 0, "params": 1000, "tokens": 5000}) as run:
            run.log(step=1, tokens=5000, loss=2.0, val_loss=1.5)
    return path


def test_the_columns_of_attach_end_below_their_heads(sweep: Path) -> None:
    lines = report(summary(read_sweep(sweep))).splitlines()
    (head,) = [line for line in lines if line.startswith("  run ")]
    rows = [line for line in lines if line.startswith("✓ a") and "1.00k" in line]
    assert len(rows) == 2
    for name, value in (("N ", "1.00k"), ("D ", "5.00k"), ("loss", "1.5000")):
        end = head.index(name) + len(name.rstrip())
        assert [row[:end].endswith(value) for row in rows] == [True, True], name


def test_the_lines_of_runs_begin_their_columns_below_the_heads(sweep: Path) -> None:
    head, row, _ = sweeps_table([sweep_summary(read_sweep(sweep))], now=0.0).splitlines()
    assert row.index("finished") == head.index("state")
    assert row.index("2 finished") == head.index("runs")


def test_what_is_done_of_an_unknown_number_of_tokens_is_unknown(tmp_path: Path) -> None:
    run = Writer.create(tmp_path / "theirs" / "a", {"params": 1000})
    run.log(step=1, tokens=100, loss=3.0)
    listed = sweep_summary(read_sweep(tmp_path / "theirs"))
    assert listed["state"] == "running" and listed["progress"] is None
    assert sweeps_table([listed], now=0.0).splitlines()[1].split()[4] == "–"
    run.status("finished")
    assert sweep_summary(read_sweep(tmp_path / "theirs"))["progress"] == 1.0


def test_a_prediction_without_interval_or_rung_below_says_nothing_of_them(sweep: Path) -> None:
    prediction = {
        "rung": "a", "law": "chinchilla-n", "predicted": 1.25, "low": None, "high": None, "level": 0.9,
        "measured": 1.5, "error": 0.2, "below": None, "begun": True, "sd": None, "seeds": 1, "of_seeds": 1,
        "setting": {},
    }  # fmt: skip
    lines = report({**summary(read_sweep(sweep)), "prediction": prediction}).splitlines()
    assert "a predicted before it ran: 1.2500 (too few points for an interval)" in lines
    assert "a measured: 1.5000, +20.0 % from the prediction" in lines
