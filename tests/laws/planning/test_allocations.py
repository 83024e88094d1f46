"""Published allocations: N and D as powers of C."""

import numpy as np
import pytest

from scaling_tui import InputError
from scaling_tui.laws.planning.allocations import ALLOCATIONS, Allocation, Power, allocation


def test_kaplans_table_6_gives_the_papers_own_sizes() -> None:
    kaplan = allocation("kaplan2020")
    assert kaplan.params(8.64e19) == pytest.approx(1.3e9)
    assert kaplan.tokens(8.64e19) == pytest.approx(2e10)
    assert kaplan.params([1e21, 1e23]) == pytest.approx([7.77e9, 224e9], rel=2e-3)


def test_an_allocation_of_d_alone_gets_n_from_the_budget() -> None:
    given = Allocation("d", "", "", None, Power(0.29, 0.53))
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
