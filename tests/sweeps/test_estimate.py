"""How long a ladder will take and how much memory: the model of a sweep, from measured parts and from nothing."""

from dataclasses import replace
from pathlib import Path

import pytest

from scaling_tui.runs.config import Trunk
from scaling_tui.sweeps import estimate as estimates
from scaling_tui.sweeps.estimate import estimate, makespan, placed
from scaling_tui.sweeps.ladder import Ladder, load_ladder
from scaling_tui.sweeps.rung import Rung
from scaling_tui.sweeps.speeds import Evidence, Speed

MEASURED = Speed(step=1e-3, evaluation=1e-7, setup=0.5, checkpoint=0.25)


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scaling_tui.sweeps.placement.core_numbers", lambda: [0, 1])
    monkeypatch.setattr(estimates, "cores", lambda: 2)
    monkeypatch.setattr(estimates, "memory", lambda: (10**10, False))


def known_of(ladder: Ladder, speed: Speed = MEASURED, count: int | None = None) -> Evidence:
    """What is known of the first `count` rungs."""
    _, trained = placed(ladder, 1, "cpu", 2, None)
    return Evidence(probed=dict.fromkeys(trained[:count], speed), start=2.0)


def lasting(rung: Rung, seconds: float, flops: float, trunk: Trunk | None = None) -> tuple[Rung, float]:
    """A run of so many seconds, with so many FLOPs."""
    training = replace(rung.training, tokens=round(flops))
    return replace(rung, training=training, trunk=trunk), seconds


def test_a_run_is_its_setup_steps_evaluations_and_checkpoints(tiny: Path) -> None:
    ladder = load_ladder(str(tiny))
    time = estimate(ladder, known_of(ladder), seeds=1, device="cpu", jobs=2)
    # 32 steps of 128 tokens; 4 evaluations of 512 tokens; 4 checkpoints.
    a_run = 0.5 + 32 * 1e-3 + 4 * 512 * 1e-7 + 4 * 0.25
    assert time.seconds == pytest.approx([a_run] * 4)
    others = estimates.SUPERVISOR_S + estimates.PREDICT_S + 2 * estimates.HAND_OVER_S
    # Three train two at a time, the largest alone, all in two workers that are started once.
    assert time.total == pytest.approx(others + 2.0 + 3 * a_run)
    assert time.known
    assert time.basis == "times from a probe of this machine"
    assert estimate(ladder, known_of(ladder), seeds=1, jobs=2, corpus_s=3.0).total == pytest.approx(time.total + 3.0)
    twice = time.total + 2 * a_run + 2 * estimates.HAND_OVER_S
    assert estimate(ladder, known_of(ladder), seeds=2, jobs=2).total == pytest.approx(twice)


def test_a_run_that_trains_alone_has_the_speed_of_one_alone(tiny: Path) -> None:
    ladder = load_ladder(str(tiny))
    _, trained = placed(ladder, 1, "cpu", 2, None)
    assert [one.together for one in trained] == [2, 2, 2, 1]
    assert [one.together for one in placed(ladder, 1, "cpu", 8, None)[1]] == [3, 3, 3, 1]
    assert [one.together for one in placed(ladder, 5, "cpu", 8, None)[1]] == [8, 8, 8, 1]


def test_speed_between_and_beyond_what_was_measured() -> None:
    ladder = load_ladder("quickstart")
    _, trained = placed(ladder, 1, "cpu", 2, None)
    ends = {trained[0]: replace(MEASURED, step=1e-3), trained[4]: replace(MEASURED, step=5e-3)}
    time = estimate(ladder, Evidence(probed=ends), seeds=1, jobs=2)
    assert list(time.seconds[:5]) == sorted(time.seconds[:5])
    assert time.known  # of the sixth as well: it is less than four times as large
    assert "extrapolated" not in time.basis
    small = estimate(ladder, known_of(ladder, Speed(1e-3, 1e-15, 1e-9, 1e-9), count=2), seeds=1, jobs=2)
    assert not small.known
    assert small.basis == "times from a probe of this machine; r5, r6 extrapolated"
    # Beyond the largest, the time is in proportion to the FLOPs of a step.
    r2, r6 = (ladder.rungs[index] for index in (1, 5))
    steps = 1563 * 1e-3 * (r6.flops / r2.flops)
    assert small.seconds[5] == pytest.approx(steps, rel=1e-3)


def test_from_nothing_or_the_peak_alone_it_says_so() -> None:
    ladder = load_ladder("quickstart")
    nothing = estimate(ladder, Evidence(), seeds=1, jobs=2)
    assert (nothing.known, "nothing was measured on this device yet" in nothing.basis) == (False, True)
    fast, slow = (estimate(ladder, Evidence(peak={1: peak, 2: peak}), seeds=1, jobs=2) for peak in (2e11, 1e11))
    assert slow.seconds[5] - estimates.SETUP_S == pytest.approx(2 * (fast.seconds[5] - estimates.SETUP_S), rel=0.05)
    assert "the speed of plain matrix products; r1, r2, r3 and 3 more extrapolated" in slow.basis


def test_what_runs_have_shown_counts_before_a_probe(tiny: Path) -> None:
    ladder = load_ladder(str(tiny))
    probed = known_of(ladder)
    known = replace(probed, recorded={one: Speed(step=1.0) for one in list(probed.probed)[:1]})
    time = estimate(ladder, known, seeds=1, jobs=2)
    assert [seconds > 32 for seconds in time.seconds] == [True, False, False, False]
    assert time.basis == "times from 1 earlier run on this machine and a probe of this machine"


def test_the_memory_of_a_batch_that_is_split_is_that_of_a_part(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ladder = load_ladder(str(tiny), ["batch=4096", "hidden=64", "tokens=262144"])
    whole = estimate(ladder, Evidence(), seeds=1, device="cpu", jobs=1).memory[0]
    monkeypatch.setattr(estimates, "memory", lambda: (10**8, True))
    split = estimate(ladder, Evidence(), seeds=1, device="cpu", jobs=1).memory[0]
    process = estimates.PROCESS_BYTES
    assert split - process < 0.6 * 10**8 + 1e7 < whole - process
    time = estimate(ladder, Evidence(), seeds=1, device="cpu", jobs=1)
    assert time.memory_of == "process"


def taking(tiny: Path, runs: list[tuple[Rung, float]], together: int, start: float) -> float:
    """The makespan of runs of a rung each, none of which is predicted."""
    names = [f"r{number}" for number in range(len(runs))]
    rungs = tuple(replace(rung, name=name) for name, (rung, _) in zip(names, runs, strict=True))
    ladder = replace(load_ladder(str(tiny)), rungs=rungs, fit=None)
    return makespan(ladder, [seconds for _, seconds in runs], 1, together, start)


def test_the_longest_run_first(tiny: Path) -> None:
    rung = load_ladder(str(tiny)).rungs[0]
    pause = estimates.HAND_OVER_S
    four = [lasting(rung, 1, 1e6), lasting(rung, 1, 1e6), lasting(rung, 1, 1e6), lasting(rung, 4, 1e8)]
    assert taking(tiny, four, 2, 3.0) == pytest.approx(3.0 + 4.0)
    assert taking(tiny, [lasting(rung, 3, 1e6)] * 3, 2, 0.0) == pytest.approx(6.0 + pause)


def test_a_branch_waits_for_its_trunk(tiny: Path) -> None:
    rung = load_ladder(str(tiny)).rungs[0]
    steps = rung.training.steps(16)
    trunk = lasting(rung, 10, rung.training.tokens)
    branch = lasting(rung, 2, rung.training.tokens // 2, Trunk("r0", steps * 3 // 4, 0))
    assert taking(tiny, [trunk, branch], 2, 1.0) == pytest.approx(1 + 10)
    late = lasting(rung, 6, rung.training.tokens // 2, Trunk("r0", steps * 3 // 4, 0))
    assert taking(tiny, [trunk, late], 2, 1.0) == pytest.approx(1 + 7.5 + 6)


def test_many_seeds_of_several_runs_share_none(tiny: Path) -> None:
    ladder = load_ladder(str(tiny), ["runs=2"])
    one, many = (makespan(ladder, [10.0] * 4, seeds, 1, 0.0) for seeds in (1, 1001))
    assert many > 990 * one
