"""IsoFLOP valleys and the envelope of curves, on points of a law whose optimum is known in closed form."""

from typing import Literal

import numpy as np
import pytest

from scaling_tui import InputError
from scaling_tui.laws import Points, coefficient_set, get
from scaling_tui.laws.fitting.envelope import envelope
from scaling_tui.laws.fitting.isoflop import profiles
from scaling_tui.laws.planning.plan import Goal, plan_published
from tests.laws.conftest import Runs

CHOSEN = coefficient_set("chinchilla:besiroglu2024")
SHARE = CHOSEN.coefficients["beta"] / (CHOSEN.coefficients["alpha"] + CHOSEN.coefficients["beta"])


def grid(budgets: int, sizes: int, width: float) -> Points:
    """Each budget at sizes around its optimum, `width` in powers of ten to each side."""
    N, C = [], []
    for c in np.geomspace(1e19, 1e22, budgets):
        best = plan_published(CHOSEN, Goal(flops=c)).params
        N += list(best * 10 ** np.linspace(-width, width * 0.9, sizes))
        C += [c] * sizes
    params, flops = np.array(N), np.array(C)
    loss = get("chinchilla").loss(CHOSEN.coefficients, params=params, tokens=flops / 6 / params)
    return Points.of(loss, params=params, flops=flops)


@pytest.mark.parametrize("shape", ["parabola", "akima"])
@pytest.mark.parametrize("budgets", [2, 4, 9])
def test_valleys_find_the_optimum_of_each_budget(shape: Literal["parabola", "akima"], budgets: int) -> None:
    found = profiles(grid(budgets, 7, 0.4), shape)
    assert len(found.valleys) == budgets and not any(valley.edge for valley in found.valleys)
    for valley in found.valleys:
        best = plan_published(CHOSEN, Goal(flops=valley.flops))
        assert valley.params == pytest.approx(best.params, rel=0.05)
        assert valley.loss == pytest.approx(best.loss, rel=1e-3)
    assert found.params is not None and found.tokens is not None
    assert found.params.exponent == pytest.approx(SHARE, abs=0.01)
    assert found.params.exponent + found.tokens.exponent == pytest.approx(1)


def test_a_budget_without_a_minimum_inside_is_left_out_and_named() -> None:
    points = grid(4, 7, 0.4)
    params, flops = points.column("params"), points.column("flops")
    uphill = flops == flops.max()
    best = plan_published(CHOSEN, Goal(flops=float(flops.max()))).params
    found = profiles(points.take(~uphill | (params > 1.2 * best)))
    assert [valley.edge for valley in found.valleys] == [False, False, False, True]
    assert any("no minimum inside" in warning for warning in found.warnings)


def test_hoffmanns_runs_ask_for_half_and_half(published: Runs) -> None:
    found = profiles(published(0))
    assert found.params is not None
    assert 0.42 < found.params.low < found.params.exponent < found.params.high < 0.55


def test_too_few_sizes_is_an_error() -> None:
    with pytest.raises(InputError, match="three sizes"):
        profiles(Points.of([2.0, 2.1], params=[1e8, 1e9], flops=[1e20, 1e20]))


def test_envelope_of_curves() -> None:
    N, D = (a.ravel() for a in np.meshgrid(np.geomspace(1e7, 1e10, 12), np.geomspace(1e8, 1e13, 300)))
    loss = get("chinchilla").loss(CHOSEN.coefficients, params=N, tokens=D)
    found = envelope(Points.of(loss, params=N, tokens=D))
    assert found.sizes == 12 and found.params_law is not None
    assert found.params_law.exponent == pytest.approx(SHARE, abs=0.01)
    assert np.all(np.diff(found.loss) < 1e-12)


def test_one_curve_has_no_envelope() -> None:
    D = np.geomspace(1e8, 1e10, 9)
    with pytest.raises(InputError, match="1 training curves"):
        envelope(Points.of(2 + 1e3 / D**0.4, params=np.full(9, 1e8), tokens=D))
