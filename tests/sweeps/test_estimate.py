"""How long a ladder will take: from runs of this machine on a device of the same kind, and from nothing."""

import json
import platform
from pathlib import Path

import pytest

from scaling_tui.sweeps.estimate import estimate, makespan, recorded_speeds
from scaling_tui.sweeps.ladder import load_ladder
from tests.conftest import FINISHED, record_sweep


def put_on(sweep: Path, **machine: str) -> None:
    document = json.loads((sweep / "sweep.json").read_text())
    (sweep / "sweep.json").write_text(json.dumps(document | {"machine": machine}))


def test_only_runs_of_this_machine_and_kind_of_device_tell_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scaling_tui.sweeps.devices.has_gpu", lambda: False)
    here = platform.node()
    put_on(record_sweep(tmp_path, FINISHED, "cpu"), host=here, device="cpu")
    put_on(record_sweep(tmp_path, FINISHED, "old"), host=here)
    put_on(record_sweep(tmp_path, FINISHED, "gpu"), host=here, device="cuda")
    put_on(record_sweep(tmp_path, FINISHED, "elsewhere"), host="elsewhere", device="cpu")
    assert len(recorded_speeds(tmp_path)) == 14
    assert len(recorded_speeds(tmp_path, "cuda:1")) == 7


def test_a_pause_between_two_attempts_is_no_training(tmp_path: Path) -> None:
    put_on(record_sweep(tmp_path, FINISHED), host=platform.node())
    before = recorded_speeds(tmp_path, "cpu")
    for run in range(1, 8):
        path = tmp_path / "quickstart" / f"r{run}-s0" / "attempt-1" / "metrics.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        for line in lines[20:]:
            line["time"] += 3600
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    after = recorded_speeds(tmp_path, "cpu")
    assert [speed for _, speed in after] == pytest.approx([speed for _, speed in before], rel=0.05)


def test_twice_the_speed_takes_half_the_time_beyond_the_start() -> None:
    ladder = load_ladder("quickstart")
    slow, fast = (estimate(ladder, [(1e5, speed), (3e6, speed)], 1, 1) for speed in (1e10, 2e10))
    assert sum(slow.seconds) - 18 == pytest.approx(2 * (sum(fast.seconds) - 18))
    assert slow.total == pytest.approx(sum(slow.seconds))
    assert "2 runs on this machine" in slow.basis
    assert "nothing was trained on this device yet" in estimate(ladder, [], 2, 1).basis


def test_the_longest_run_first() -> None:
    assert makespan([1, 1, 1, 1, 4], 2) == 4
    assert makespan([3, 3, 3], 2) == 6
