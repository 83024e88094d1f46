"""Plans: the published figures, optimality, off the optimum, serving, repeated data, intervals."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling_tui import InputError
from scaling_tui.laws import Points, find_law, fit, get
from scaling_tui.laws.fitting.bootstrap import bootstrap
from scaling_tui.laws.planning.devices import Device
from scaling_tui.laws.planning.plan import HOFFMANN_NOTE, Goal, Plan, plan_fit, plan_law, plan_published

BESIROGLU = get("chinchilla:besiroglu2024")
PLANNABLE = ["chinchilla:besiroglu2024", "kaplan", "muennighoff"]


@pytest.mark.parametrize(
    ("name", "N", "D", "ratio"),
    [("besiroglu2024", "7.22e+10", "1.33e+12", 18.4), ("hoffmann2022", "3.22e+10", "2.98e+12", 92.6)],
)
def test_gophers_budget(name: str, N: str, D: str, ratio: float) -> None:
    made = plan_published(get(f"chinchilla:{name}"), Goal(flops=5.76e23))
    assert (f"{made.params:.2e}", f"{made.tokens:.2e}") == (N, D)
    assert made.tokens_per_param == pytest.approx(ratio, abs=0.05)
    assert (HOFFMANN_NOTE in made.notes) == (name == "hoffmann2022")


def test_the_note_on_rounding_holds() -> None:
    """59 and 93 tokens per parameter: the unrounded exponents against those as printed."""
    unrounded = {
        "E": math.exp(0.5267228),
        "A": math.exp(6.0073404),
        "B": math.exp(6.0179186),
        "alpha": 0.33917084,
        "beta": 0.2849083,
    }
    made = plan_law(find_law("chinchilla"), unrounded, Goal(flops=5.76e23))
    assert round(made.tokens_per_param) == 59
    assert "from 59 to 93" in HOFFMANN_NOTE


@settings(max_examples=20, deadline=None)
@given(
    name=st.sampled_from(PLANNABLE), log_c=st.floats(17, 26), away=st.floats(0.5, 2).filter(lambda f: abs(f - 1) > 0.05)
)
def test_no_other_split_of_the_budget_is_better(name: str, log_c: float, away: float) -> None:
    chosen = get(name)
    best = plan_published(chosen, Goal(flops=10**log_c))
    assert best.flops == pytest.approx(10**log_c, rel=1e-9)
    other = plan_published(chosen, Goal(flops=10**log_c, params=best.params * away))
    assert other.loss > best.loss * (1 - 1e-12)
    assert other.overhead >= 0 and other.optimal_loss == pytest.approx(best.loss, rel=1e-9)


@settings(max_examples=20, deadline=None)
@given(name=st.sampled_from(PLANNABLE), log_c=st.floats(18, 25))
def test_budget_loss_size_and_tokens_ask_for_the_same_run(name: str, log_c: float) -> None:
    chosen = get(name)
    best = plan_published(chosen, Goal(flops=10**log_c))
    for goal in (Goal(loss=best.loss), Goal(params=best.params), Goal(tokens=best.tokens)):
        again = plan_published(chosen, goal)
        assert again.params == pytest.approx(best.params, rel=1e-5)
        assert again.tokens == pytest.approx(best.tokens, rel=1e-5)


def test_over_training_costs_loss_or_compute() -> None:
    made = plan_published(BESIROGLU, Goal(flops=1e22, tokens_per_param=200))
    assert made.tokens_per_param == pytest.approx(200)
    same_loss = plan_published(BESIROGLU, Goal(loss=made.loss))
    assert made.overhead == pytest.approx(1e22 / same_loss.flops - 1, rel=1e-6)
    assert made.excess == pytest.approx(made.loss / plan_published(BESIROGLU, Goal(flops=1e22)).loss - 1)


def test_serving_asks_for_a_smaller_model_and_no_other_is_cheaper() -> None:
    alone = plan_published(BESIROGLU, Goal(loss=2.1))
    served = plan_published(BESIROGLU, Goal(loss=2.1, served_tokens=1e12))
    assert served.params < 0.6 * alone.params and served.loss == pytest.approx(2.1)
    total = served.flops + served.serving_flops
    for share in (0.7, 0.95, 1.05, 1.4):
        other = plan_published(BESIROGLU, Goal(loss=2.1, params=served.params * share))
        assert other.flops + 2 * other.params * 1e12 > total
    by_budget = plan_published(BESIROGLU, Goal(flops=total, served_tokens=1e12))
    assert by_budget.params == pytest.approx(served.params, rel=1e-3)


def test_few_unique_tokens_ask_for_epochs_and_cost_loss() -> None:
    chosen = get("muennighoff")
    fresh = plan_published(chosen, Goal(flops=1e22))
    scarce = plan_published(chosen, Goal(flops=1e22, unique_tokens=2e10))
    assert scarce.epochs is not None and scarce.epochs > 2
    assert scarce.loss > fresh.loss


def test_hours_and_price() -> None:
    device = Device(1e15, utilisation=0.5, count=4, price_per_hour=2.0)
    assert device.hours(7.2e21) == pytest.approx(1000)
    assert device.cost(7.2e21) == pytest.approx(8000)
    assert Device(1e15).cost(1e20) is None


def runs(size: int, tokens: float | None = None) -> Points:
    rng = np.random.default_rng(3)
    N = 10 ** rng.uniform(7.5, 10, size)
    D = 10 ** rng.uniform(8.5, 11.5, size) if tokens is None else np.full(size, tokens)
    loss = find_law("chinchilla").loss(BESIROGLU.coefficients, params=N, tokens=D) * np.exp(
        0.003 * rng.standard_normal(size)
    )
    return Points.of(loss, params=N, tokens=D)


def planned(points: Points, law: str, goal: Goal) -> Plan:
    found = fit(law, points)
    return plan_fit(found, bootstrap(found, 200) if found.freedom else None, goal)


def test_intervals_come_from_the_bootstrap_and_hold_the_truth() -> None:
    made = planned(runs(120), "chinchilla", Goal(flops=1e23))
    truth = plan_published(BESIROGLU, Goal(flops=1e23))
    assert set(made.intervals) == {"params", "tokens", "loss", "tokens_per_param"}
    for key, (low, high) in made.intervals.items():
        assert low < getattr(made, key) < high
        assert low / 1.2 < getattr(truth, key) < high * 1.2
    far = planned(runs(120), "chinchilla", Goal(flops=1e26))
    assert any("extrapolation" in note for note in far.notes)


def test_a_loss_that_some_refits_never_reach_has_an_open_end() -> None:
    """E lies between 1.78 and 1.85 or so: half of the refits say that 1.82 cannot be had."""
    found = fit("chinchilla", runs(120))
    made = planned(runs(120), "chinchilla", Goal(loss=found.coefficients["E"] + 0.001))
    assert math.isinf(made.intervals["flops"][1]) and math.isfinite(made.intervals["flops"][0])
    assert any("open-ended" in note for note in made.notes)


def test_without_a_degree_of_freedom_there_is_no_interval() -> None:
    made = planned(runs(5), "chinchilla", Goal(flops=1e21))
    assert made.intervals == {} and any("no degrees of freedom" in note for note in made.notes)


@pytest.mark.parametrize("law", ["chinchilla-n", "chinchilla"])
def test_a_sweep_at_one_d_cannot_carry_a_plan(law: str) -> None:
    with pytest.raises(InputError, match=r"no D term|same tokens"):
        planned(runs(30, tokens=1e10), law, Goal(flops=1e21))


@pytest.mark.parametrize(
    ("goal", "says"),
    [
        (Goal(), "nothing given"),
        (Goal(loss=1.5), "below E = 1.817"),
        (Goal(loss=1.9, params=1e6), "not reachable with params"),
        (Goal(flops=1e20, loss=2.0), "flops and loss"),
        (Goal(flops=1e20, params=1e8, tokens=1e9), "flops, params, tokens given"),
        (Goal(flops=-1.0), "flops: found -1"),
        (Goal(flops=1e20, unique_tokens=1e9), "muennighoff"),
        (Goal(params=1e9, tokens_per_param=20.0), "tokens_per_param"),
    ],
)
def test_goals_that_cannot_be_met_say_why(goal: Goal, says: str) -> None:
    with pytest.raises(InputError, match=says):
        plan_published(BESIROGLU, goal)


EXPERTS = get("moe")


def test_a_mixture_of_experts_is_planned_at_its_share_or_at_its_size() -> None:
    """The optimum against a fine grid of runs, and C counts the active parameters."""
    law = find_law("moe")
    for goal in (Goal(flops=1e21, active_share=0.1), Goal(flops=1e21, total_params=1e10)):
        made = plan_published(EXPERTS, goal)
        assert 6 * made.params * made.tokens == pytest.approx(1e21)
        assert made.total_params == pytest.approx(made.params / 0.1 if goal.active_share else 1e10)
        N = np.geomspace(1e7, 1e10, 20_001)
        total = N / 0.1 if goal.active_share else np.full_like(N, 1e10)
        loss = law.loss(EXPERTS.coefficients, params=N, total_params=total, tokens=1e21 / (6 * N))
        assert made.params == pytest.approx(float(N[np.argmin(loss)]), rel=1e-3)
        assert made.loss == pytest.approx(float(loss.min()), rel=1e-9)


def test_more_experts_lower_the_loss_of_a_budget_and_a_budget_undoes_a_loss() -> None:
    """What the paper finds: at a fixed budget the optimal total grows with sparsity, and the active size falls."""
    made = [plan_published(EXPERTS, Goal(flops=1e21, active_share=share)) for share in (1.0, 0.5, 0.1, 0.05)]
    for dense, sparse in itertools.pairwise(made):
        assert sparse.loss < dense.loss and sparse.params < dense.params
        assert (sparse.total_params or 0) > (dense.total_params or 0)
    back = plan_published(EXPERTS, Goal(loss=made[2].loss, active_share=0.1))
    assert back.flops == pytest.approx(1e21, rel=1e-6) and back.params == pytest.approx(made[2].params, rel=1e-3)


@pytest.mark.parametrize(
    ("law", "goal", "says"),
    [
        ("moe", Goal(flops=1e21), "wants either total_params or active_share, found neither"),
        ("moe", Goal(flops=1e21, total_params=1e10, active_share=0.1), "found both"),
        ("moe", Goal(flops=1e21, active_share=2.0), "active_share: found 2"),
        ("moe", Goal(params=1e10, tokens=1e11, total_params=1e9), "params: found more than total_params"),
        ("chinchilla", Goal(flops=1e21, active_share=0.1), "active_share: not an input of chinchilla"),
    ],
)
def test_plans_for_experts_say_what_they_lack(law: str, goal: Goal, says: str) -> None:
    with pytest.raises(InputError, match=says):
        plan_published(get(law), goal)


def test_a_product_of_powers_has_no_compute_optimal_run() -> None:
    with pytest.raises(InputError, match="multiplicative: has no compute-optimal run"):
        plan_law(find_law("multiplicative"), {"E": 1.0, "A": 10.0, "alpha": 0.1, "beta": 0.2}, Goal(flops=1e20))
