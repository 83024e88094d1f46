"""What is shown of a sweep while it runs: bars on a terminal, lines elsewhere, with the same news."""

import io
import json
from pathlib import Path

import pytest

from scaling_tui.report.progress import bars, lines
from scaling_tui.runs import Status, Writer, create_sweep, read_sweep
from scaling_tui.sweeps.time_left import time_left
from scaling_tui.text.show import ago
from tests.conftest import record_sweep


@pytest.mark.parametrize("shown", [bars, lines])
def test_the_law_the_prediction_and_the_reason_of_a_failure_are_said_once(
    tmp_path: Path, shown: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    sweep = record_sweep(tmp_path, [*["finished"] * 5, "failed", "running"])
    status = sweep / "r6-s0" / "attempt-1" / "status.json"
    status.write_text(json.dumps({**json.loads(status.read_text()), "reason": "no space left [on] device"}))
    out = io.StringIO()
    with shown(out) as update:  # type: ignore[operator]
        for _ in range(3):
            update(read_sweep(sweep))
    text = out.getvalue()
    assert text.count("law chinchilla-n through 6 runs: E 1.298, A 11.12, alpha 0.3257") == 1
    assert text.count("r7-s0 predicted before it runs: 1.4590 [1.3846, 1.5224] nats per token") == 1
    assert text.count("no space left [on] device") == 1


def test_a_time_left_is_not_told_before_the_speed_is_steady(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "mine", {})
    run = Writer.create(sweep / "small", {"rung": "a", "params": 9, "tokens": 10_000, "flops": 1e6})
    told = []
    for step, speed in enumerate((3.0, 90.0, 100.0, 110.0, 100.0, 20.0), 1):
        run.log(step=step, tokens=step * 1000, loss=2.0, tokens_per_s=speed)
        view = read_sweep(sweep)
        left = time_left(view)
        told.append((view.runs[0].seconds_left, left and left.seconds))
    assert told[:4] == [(None, None)] * 4
    assert told[4][0] == pytest.approx(50.0)
    assert told[4][1] == pytest.approx(50.0, rel=0.05)
    assert told[5][0] == pytest.approx(40.0), "one slow record is not the speed"
    Status.of_this_process("finished").write(run.attempt / "status.json")
    assert read_sweep(sweep).runs[0].seconds_left is None


@pytest.mark.parametrize(
    ("past", "told"),
    [
        (-5, "0 s ago"),
        (59, "59 s ago"),
        (61, "1 min ago"),
        (7300, "2 h ago"),
        (86400, "1 day ago"),
        (3e5, "3 days ago"),
    ],
)
def test_how_long_ago(past: float, told: str) -> None:
    assert ago(1e9 - past, 1e9) == told
    assert ago(None, 1e9) == "–"
