"""Finding a run costs its last records, reading it costs all of them, and neither costs those of another run."""

import json
from pathlib import Path

import pytest

from scaling_tui import InputError
from scaling_tui.runs import Writer, create_sweep, find_run, read_run
from scaling_tui.runs.glance import LAST_BYTES

RECORDS = 2_000  # an attempt: about twice LAST_BYTES


def line(step: int) -> str:
    """A record as a line of constant length."""
    return json.dumps({"step": 1_000_000 + step, "tokens": 2_000_000 + step, "loss": 2.0}) + "\n"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two runs: `long` with two attempts of `RECORDS` records, the second of which resumed where the first ended."""
    sweep = create_sweep(tmp_path, "large", {})
    for name, attempts in (("long", 2), ("short", 1)):
        for attempt in range(attempts):
            with Writer.create(sweep / name, {"rung": name, "params": 9, "tokens": 10**7}) as run:
                first = attempt * RECORDS + 1
                (run.attempt / "metrics.jsonl").write_text("".join(map(line, range(first, first + RECORDS))))
    return tmp_path


def test_a_found_run_holds_no_more_than_the_end_of_each_attempt(runs: Path) -> None:
    run = find_run(runs, "large/long")
    # The first line in those bytes is cut, and so left out.
    kept = (LAST_BYTES - 1) // len(line(1))
    assert 2 * len(line(1)) * kept < 2 * LAST_BYTES < 2 * len(line(1)) * RECORDS
    assert run.curve.records == 2 * kept
    assert [run.curve["step"][0], run.curve["step"][kept]] == [
        1_000_001 + RECORDS - kept,
        1_000_001 + 2 * RECORDS - kept,
    ]
    assert run.curve.last("step") == 1_000_000 + 2 * RECORDS
    assert (run.state, run.attempts, run.unread) == ("finished", 2, 0)


def test_a_run_is_found_by_its_path_and_alone_in_the_latest_sweep(runs: Path) -> None:
    assert find_run(runs, "short").path == runs / "large" / "short"
    assert find_run(Path("elsewhere"), str(runs / "large" / "short")).name == "short"
    with pytest.raises(InputError, match="run 'large/tall': not in sweep large; known: large/long, large/short"):
        find_run(runs, "large/tall")


def test_a_read_run_holds_every_record_and_needs_no_sweep(runs: Path) -> None:
    (runs / "large" / "sweep.json").unlink()
    (runs / "large" / "short" / "run.json").write_text("{")
    run = read_run(runs / "large" / "long")
    assert run.curve.records == len(run.curve) == 2 * RECORDS
    assert run.curve["step"].tolist() == list(range(1_000_001, 1_000_001 + 2 * RECORDS))
    with pytest.raises(InputError, match=r"short: run\.json: not JSON at line 1, column 2"):
        read_run(runs / "large" / "short")
