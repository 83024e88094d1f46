"""Runs whose N and D grow together: what a fit and a plan say of them."""

import numpy as np
import pytest

from scaling_tui import InputError
from scaling_tui.laws import Points, find_law, get
from scaling_tui.laws.fitting.ray import ray_of
from scaling_tui.laws.fitting.restrictions import Restrictions
from scaling_tui.laws.fitting.study import study
from scaling_tui.laws.planning.plan import Goal, Plan, plan_fit

TRUTH = dict(get("chinchilla:besiroglu2024").coefficients)


def ladder(ratio: float = 20.0, power: float = 1.0, jitter: float = 0.0, noise: float = 0.002) -> Points:
    rng = np.random.default_rng(0)
    N = np.geomspace(1e7, 2e9, 9)
    D = ratio * N**power * np.exp(jitter * rng.standard_normal(9))
    loss = find_law("chinchilla").loss(TRUTH, params=N, tokens=D) * np.exp(noise * rng.standard_normal(9))
    return Points.of(loss, params=N, tokens=D)


def planned(points: Points, goal: Goal, draws: int = 40) -> Plan:
    found = study("chinchilla", points, draws=draws)
    return plan_fit(found.fit, found.draws, goal)


def test_a_ray_is_named_and_nothing_else_is() -> None:
    fixed = ray_of(ladder(20))
    assert fixed is not None and fixed.text == "D = 20 N"
    rounded = ray_of(ladder(20, jitter=0.01))
    assert rounded is not None and rounded.slope == 1
    power = ray_of(ladder(3000, 0.8))
    assert power is not None and power.slope == pytest.approx(0.8) and "N^0.80" in power.text
    assert ray_of(ladder(20, jitter=0.3)) is None
    assert ray_of(Points.of([3.0, 2.9], params=[1e6, 1e7], tokens=[1e9, 1e9])) is None


def test_a_fit_to_a_ray_says_what_it_cannot_tell() -> None:
    warnings = study("chinchilla", ladder(), draws=20).warnings
    assert any("all points have D = 20 N" in warning and "chinchilla-n" in warning for warning in warnings)


@pytest.mark.parametrize("goal", [Goal(flops=1e21), Goal(params=2.886751e9), Goal(tokens=5.773503e10)])
def test_a_plan_keeps_to_the_ray(goal: Goal) -> None:
    plan = planned(ladder(), goal)
    assert plan.tokens / plan.params == pytest.approx(20, rel=1e-5)
    assert plan.flops == pytest.approx(1e21, rel=1e-5)
    true = float(find_law("chinchilla").loss(TRUTH, params=plan.params, tokens=plan.tokens))
    low, high = plan.intervals["loss"]
    assert low <= plan.loss <= high and plan.loss == pytest.approx(true, rel=0.01)
    assert plan.run_interval is not None and plan.run_interval[1] - plan.run_interval[0] > 0
    assert "all runs have D = 20 N" in plan.notes[0] and plan.optimal_loss is None


def test_a_plan_for_a_loss_reaches_it_on_the_ray() -> None:
    plan = planned(ladder(), Goal(loss=2.3))
    assert plan.loss == 2.3 and plan.tokens / plan.params == pytest.approx(20)
    true = float(find_law("chinchilla").loss(TRUTH, params=plan.params, tokens=plan.tokens))
    assert true == pytest.approx(2.3, rel=0.01)


@pytest.mark.parametrize(
    "goal",
    [
        Goal(params=1e9, tokens=1e11),
        Goal(flops=1e21, params=1e9),
        Goal(flops=1e21, tokens_per_param=100),
        Goal(flops=1e21, served_tokens=1e12),
        Goal(loss=2.3, params=1e9),
    ],
)
def test_what_the_ray_cannot_carry_is_refused(goal: Goal) -> None:
    with pytest.raises(InputError, match="D = 20 N"):
        planned(ladder(), goal)


def test_the_ratio_of_the_ray_may_be_given() -> None:
    assert planned(ladder(), Goal(flops=1e21, tokens_per_param=20)).flops == 1e21


def test_few_refits_and_none_are_no_error() -> None:
    assert planned(ladder(), Goal(flops=1e21), draws=1).intervals["loss"]
    assert planned(ladder(), Goal(flops=1e21), draws=0).intervals == {}


def test_what_is_known_of_the_floor_is_used_along_the_ray_and_other_restrictions_are_named() -> None:
    known = Restrictions(fixed={"E": 1.2, "alpha": 0.35}, ties=())
    found = study("chinchilla", ladder(), draws=0, restrictions=known)
    plan = plan_fit(found.fit, found.draws, Goal(flops=1e21))
    assert plan.along is not None and plan.along["E"] == pytest.approx(1.2)
    assert any("not used: alpha = 0.35; chinchilla-n" in note for note in plan.notes)
    assert any("no refits were asked for" in note for note in plan.notes)
    tied = study("chinchilla", ladder(), draws=0, restrictions=Restrictions(ties=(("alpha", "beta"),)))
    notes = plan_fit(tied.fit, tied.draws, Goal(flops=1e21)).notes
    assert not any("not used" in note for note in notes), "one exponent is as good as two that are tied"


def test_runs_off_the_ray_are_planned_as_before() -> None:
    plan = planned(ladder(20, jitter=1.0), Goal(flops=1e21))
    assert plan.optimal_loss is not None and "all runs have" not in " ".join(plan.notes)


def test_runs_near_a_ray_are_planned_with_a_word_or_refused_with_one() -> None:
    """The split then rests on the noise."""
    for jitter in (0.1, 0.13):
        points = ladder(jitter=jitter, noise=0.01)
        assert ray_of(points) is None
        try:
            said = " ".join(planned(points, Goal(flops=1e21)).notes)
        except InputError as error:
            said = str(error)
        assert "vary little apart (D/N from" in said
    wide = planned(ladder(jitter=1.0), Goal(flops=1e21))
    assert "vary little apart" not in " ".join(wide.notes)


@pytest.mark.parametrize("draws", [1, 2, 10])
def test_intervals_from_few_refits_hold_the_plan(draws: int) -> None:
    plan = planned(ladder(jitter=1.0), Goal(flops=1e21), draws=draws)
    for name, (low, high) in plan.intervals.items():
        assert low <= getattr(plan, name) <= high and low < high, name
