"""The time left of a sweep: whether its interval contains the truth, for paces that vary in several ways."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scaling_tui.runs import RunView, SweepView
from scaling_tui.runs.curve import COLUMNS, Curve
from scaling_tui.sweeps.cluster import Nodes
from scaling_tui.sweeps.queue import Asked
from scaling_tui.sweeps.resources import Resources
from scaling_tui.sweeps.simulation import Rules, Task, simulate
from scaling_tui.sweeps.time_left import TimeLeft, pace_of, time_left
from scaling_tui.text import show

RECORDS, D = 120, 1_200_000
SIZES = [3e4 * 2.0**n for n in range(7)]  # FLOPs a token
Array = np.ndarray[Any, Any]


def curve(took: Array, with_times: bool = True) -> Curve:
    """Records after so many seconds each, of a run of RECORDS in all."""
    table = np.full((len(COLUMNS), len(took)), np.nan)
    rows = dict(zip(COLUMNS, table, strict=True))
    rows["step"][:] = np.arange(1, len(took) + 1)
    rows["tokens"][:] = rows["step"] * (D / RECORDS)
    rows["tokens_per_s"][:] = (D / RECORDS) / took
    rows["stands_for"][:] = 1
    if with_times:
        rows["time"][:] = 1.7e9 + np.cumsum(took)
    return Curve.of(table)


def run_view(number: int, seed: int, took: Array, state: str, with_times: bool = True) -> RunView:
    flops = SIZES[number] * D
    name = f"r{number}-s{seed}"
    config = {"rung": f"r{number}", "seed": seed, "params": 1, "tokens": D, "flops": flops}
    attempts = int(state != "queued")
    return RunView(name, Path("/nowhere") / name, config, state, "", attempts, curve(took, with_times))  # type: ignore[arg-type]


def sweep_view(runs: list[RunView], document: Mapping[str, Any], at_a_time: int = 2) -> SweepView:
    launch = {"launch": {"at_a_time": at_a_time}, "ladder": "made", **document}
    return SweepView("made", Path("/nowhere"), launch, "running", "", tuple(runs), ())


def noises(kind: str, count: int, rng: np.random.Generator) -> Array:
    """Factors on the seconds of each record, (runs, RECORDS)."""
    white = rng.normal(size=(count, RECORDS))
    if kind == "steady":
        return np.exp(0.05 * white)
    if kind == "rough":
        return np.exp(0.5 * white)
    alike = np.zeros_like(white)  # neighbours are alike
    for at in range(RECORDS):
        alike[:, at] = 0.9 * alike[:, at - 1] + math.sqrt(1 - 0.81) * white[:, at] if at else white[:, at]
    return np.exp(0.15 * alike)


def played(kind: str, known: str, rng: np.random.Generator) -> tuple[TimeLeft | None, float]:
    """What is told at some moment of a sweep, and the truth."""
    seeds = (0, 1) if known == "seeds" else (0,)
    names = [(number, seed) for number in range(len(SIZES)) for seed in seeds]
    # FLOP/s grow with size, and each size has something of its own.
    own = rng.normal(scale=0.08, size=len(SIZES))
    per_token = np.array([size / (2e8 * (size / 3e4) ** 0.3) for size in SIZES]) * np.exp(own)
    factors = noises(kind, len(names), rng)
    took = {
        f"r{number}-s{seed}": per_token[number] * (D / RECORDS) * factors[at] for at, (number, seed) in enumerate(names)
    }
    tasks = [
        Task(
            f"r{number}-s{seed}", f"r{number}", Resources(1.0, 0.0), (took[f"r{number}-s{seed}"].sum(),), SIZES[number]
        )
        for number, seed in names
    ]
    course = simulate(tasks, [Nodes(cpus=2)], Rules(2))
    now = course.makespan * rng.uniform(0.15, 0.9)
    stints = {stint.run: stint for stint in course.stints}
    runs = []
    for number, seed in names:
        stint, ended = stints[f"r{number}-s{seed}"], np.cumsum(took[f"r{number}-s{seed}"])
        done = ended <= now - stint.began
        state = "finished" if stint.ended <= now else "running" if stint.began <= now else "queued"
        done = np.ones_like(done) if state == "finished" else done
        runs.append(run_view(number, seed, took[f"r{number}-s{seed}"][done], state))
    document: dict[str, Any] = {}
    if known == "estimate":
        off = math.exp(rng.normal(scale=0.4))  # the launch was wrong for the whole machine
        document = {
            "estimate": {
                "cases": {
                    f"r{n}": float(per_token[n] * D * off * math.exp(rng.normal(scale=0.05))) for n in range(len(SIZES))
                }
            }
        }
    return time_left(sweep_view(runs, document), Asked()), course.makespan - now


@pytest.mark.parametrize("known", ["nothing", "seeds", "estimate"])
@pytest.mark.parametrize("kind", ["steady", "rough", "alike"])
def test_the_interval_contains_the_truth_and_is_no_wider_than_it_need_be(kind: str, known: str) -> None:
    rng = np.random.default_rng(17)
    found = [played(kind, known, rng) for _ in range(60)]
    told = [(left, truth) for left, truth in found if left is not None]
    assert len(told) > 50, "at a moment of which a run has too few records nothing is told"
    inside = sum(left.low <= truth <= left.high for left, truth in told) / len(told)
    assert inside >= 0.88
    widths = [(left.high - left.low) / left.seconds for left, _ in told]
    assert np.median(widths) < {"nothing": 1.0, "seeds": 1.3, "estimate": 0.7}[known]
    errors = [abs(left.seconds / truth - 1) for left, truth in told]
    assert np.median(errors) < 0.15


def test_by_hand_two_runs_and_one_that_waits() -> None:
    even = np.ones(RECORDS)
    runs = [
        run_view(1, 0, even[:60], "running"),
        run_view(2, 0, even[:90], "running"),
        run_view(2, 1, even[:0], "queued"),
    ]
    left = time_left(sweep_view(runs, {}), Asked())
    assert left is not None
    assert left.seconds == pytest.approx(30 + 120, rel=0.01), "r2-s1 begins when r2-s0 has ended"
    assert left.low < left.seconds < left.high
    held = time_left(sweep_view(runs, {}), Asked(held=frozenset({"r2-s1"})))
    assert held is not None
    assert held.seconds == pytest.approx(60, rel=0.01)
    stopping = time_left(sweep_view(runs, {}), Asked(frozenset({"r1-s0"}), frozenset({"r2-s1"})))
    assert stopping is not None
    assert stopping.seconds == pytest.approx(30, rel=0.01)


def test_a_run_that_was_moved_up_changes_the_time_left() -> None:
    even = np.ones(RECORDS)
    runs = [run_view(0, seed, even[:60], "running") for seed in (0, 1)]
    runs += [run_view(0, 2, even[:0], "queued"), run_view(0, 3, even[:0], "queued"), run_view(3, 0, even[:0], "queued")]
    runs += [run_view(3, 1, np.ones(RECORDS) * 3, "finished")]
    largest_first = time_left(sweep_view(runs, {}), Asked())
    moved = time_left(sweep_view(runs, {}), Asked(moved_up={"r0-s2": 1, "r0-s3": 2}))
    assert largest_first is not None
    assert moved is not None
    assert moved.seconds == pytest.approx(largest_first.seconds + 120, rel=0.01)


def test_pauses_and_slow_first_steps_are_no_pace() -> None:
    took = np.ones(100)
    took[0], took[50] = 90.0, 5 * 3600.0
    pace = pace_of(run_view(0, 0, took, "running"))
    assert pace is not None
    assert pace.seconds == pytest.approx(RECORDS / D, rel=0.01)
    without_times = pace_of(run_view(0, 0, np.ones(100), "running", with_times=False))
    assert without_times is not None
    assert without_times.seconds == pytest.approx(RECORDS / D, rel=0.01)


def test_nothing_is_told_where_nothing_is_known() -> None:
    even = np.ones(RECORDS)
    early = [run_view(0, 0, even[:4], "running"), run_view(1, 0, even[:0], "queued")]
    assert time_left(sweep_view(early, {}), Asked()) is None
    runs = [run_view(0, 0, even[:60], "running")]
    view = sweep_view(runs, {})
    assert time_left(replace(view, state="stopped", runs=()), Asked()) is None
    nameless = [replace(run, config={"rung": "a"}) for run in runs]
    assert time_left(replace(view, runs=tuple(nameless)), Asked()) is None


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        ((40.0, 30.0, 61.0), "about 40 s left (30 to 61)"),
        ((720.0, 600.0, 900.0), "about 12 min left (10 to 15)"),
        ((270.0, 246.0, 300.0), "about 4.5 min left (4.1 to 5.0)"),
        ((3.2 * 86400, 3.0 * 86400, 3.5 * 86400), "about 3.2 days left (3.0 to 3.5)"),
        ((10 * 3600.0, 9.99 * 3600, 10.01 * 3600), "about 10 h left"),
        ((math.inf, 1.0, 2.0), ""),
    ],
)
def test_it_is_told_with_no_more_digits_than_it_deserves(seconds: tuple[float, float, float], told: str) -> None:
    assert show.time_left(*seconds) == told
