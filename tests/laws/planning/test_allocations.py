"""Published allocations: N and D as powers of C."""

import numpy as np
import pytest

from scaling_tui import InputError
from scaling_tui.laws import get
from scaling_tui.laws.atlas import ALLOCATIONS, Allocation, Power, Scope, allocation
from scaling_tui.laws.planning.allocated import allocate
from scaling_tui.laws.planning.plan import Goal, plan_published


def test_kaplans_table_6_gives_the_papers_own_sizes() -> None:
    kaplan = allocation("kaplan2020")
    assert kaplan.params(8.64e19) == pytest.approx(1.3e9)
    assert kaplan.tokens(8.64e19) == pytest.approx(2e10)
    assert kaplan.params([1e21, 1e23]) == pytest.approx([7.77e9, 224e9], rel=2e-3)


def test_an_allocation_of_d_alone_gets_n_from_the_budget() -> None:
    given = Allocation("d", "", Scope(), None, Power(0.29, 0.53), ALLOCATIONS[0].stated)
    flops = np.array([1e20, 3.8e25])
    assert given.tokens(flops) == pytest.approx(0.29 * flops**0.53)
    assert 6 * given.params(flops) * given.tokens(flops) == pytest.approx(flops)
    assert given.params_exponent == pytest.approx(0.47)


@pytest.mark.parametrize("given", ALLOCATIONS, ids=lambda item: item.name)
def test_budgets_for_n_and_for_d_invert_the_allocation(given: Allocation) -> None:
    for flops in (1e18, 1e21, 1e25):
        assert given.budget_for_params(float(given.params(flops))) == pytest.approx(flops)
        assert given.budget_for_tokens(float(given.tokens(flops))) == pytest.approx(flops)


def test_an_unknown_allocation_is_named_with_those_there_are() -> None:
    with pytest.raises(InputError, match="allocation: found 'x', want one of kaplan2020"):
        allocation("x")


def test_kaplans_law_and_kaplans_allocation_each_tell_of_the_other() -> None:
    for flops, own, joint in ((1e21, 7.8e9, 6.2e9), (1e23, 224e9, 88e9)):
        run = allocate(allocation("kaplan2020"), Goal(flops=flops))
        planned = plan_published(get("kaplan"), Goal(flops=flops))
        assert run.params == pytest.approx(own, rel=6e-3) and planned.params == pytest.approx(joint, rel=6e-3)
        assert run.training_flops == pytest.approx(1.806 * flops, rel=1e-3)  # table 6: 6·1.3e9·2e10 a PF-day
    assert any("N 224B" in note and "C_min" in note for note in planned.notes)
    assert any("N 88.2B" in note and "C_min" in note for note in run.notes)


def test_an_allocation_answers_for_what_it_knows() -> None:
    kaplan = allocation("kaplan2020")
    run = allocate(kaplan, Goal(flops=1e21))
    assert run.loss == pytest.approx((3.1e8 / (1e21 / 8.64e19)) ** 0.05)
    assert run.loss is not None
    for goal in (Goal(params=run.params), Goal(tokens=run.tokens), Goal(loss=run.loss)):
        assert allocate(kaplan, goal).flops == pytest.approx(1e21)
    bare = Allocation("bare", "", Scope(), Power(0.1, 0.5), None, ALLOCATIONS[0].stated)
    assert allocate(bare, Goal(flops=1e21)).loss is None and not allocate(bare, Goal(flops=1e21)).notes
    assert allocate(bare, Goal(flops=1e21)).training_flops == pytest.approx(1e21)


@pytest.mark.parametrize(
    ("goal", "says"),
    [
        (Goal(), "wants one of flops, params, tokens, loss, found nothing"),
        (Goal(flops=1e21, params=1e9), "found flops, params"),
        (Goal(flops=1e21, tokens_per_param=20.0), "found flops, tokens_per_param"),
        (Goal(flops=-1.0), "flops: found -1"),
        (Goal(flops=1.0), "gives no run"),
    ],
)
def test_goals_beyond_an_allocation_say_why(goal: Goal, says: str) -> None:
    with pytest.raises(InputError, match=says):
        allocate(allocation("kaplan2020"), goal)
