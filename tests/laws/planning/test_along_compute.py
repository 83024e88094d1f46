"""The loss of a fit over C: by the best split, by C itself, or along the line of the runs."""

import numpy as np
import pytest

from scaling_tui import InputError
from scaling_tui.laws import Points, find_law, fit, get
from scaling_tui.laws.fitting.bootstrap import bootstrap
from scaling_tui.laws.planning.along_compute import along_compute
from scaling_tui.laws.planning.plan import Goal, plan_law

LAW = find_law("chinchilla")
TRUE = get("chinchilla:besiroglu2024").coefficients
SIZES = np.geomspace(1e7, 1e9, 6)


def plane() -> Points:
    n, d = (axis.ravel() for axis in np.meshgrid(SIZES, np.geomspace(1e9, 4e10, 6)))
    return Points.of(LAW.loss(TRUE, params=n, tokens=d), params=n, tokens=d)


def test_a_law_of_n_and_d_splits_the_budget_as_a_plan_does() -> None:
    fitted = fit("chinchilla", plane())
    along = along_compute(fitted)
    assert along.way == "split"
    planned = plan_law(LAW, fitted.coefficients, Goal(flops=1e21))
    assert along.loss(1e21) == pytest.approx(planned.loss, rel=1e-9)
    run = along.run(1e21)
    assert run["params"] == pytest.approx(planned.params, rel=1e-6)
    assert 6 * run["params"] * run["tokens"] == pytest.approx(1e21, rel=1e-9)
    drawn = along.draws(bootstrap(fitted, 20), 1e21)
    assert drawn.shape == (20,)


def test_runs_at_one_d_are_followed_between_and_beyond() -> None:
    d = np.full(6, 2e9)
    losses = LAW.loss(TRUE, params=SIZES, tokens=d)
    along = along_compute(fit("chinchilla-n", Points.of(losses, params=SIZES, tokens=d)))
    assert along.way == "runs"
    for n in (SIZES[0], 3e7, SIZES[-1], 1e10):
        assert along.run(6 * n * 2e9)["params"] == pytest.approx(n, rel=1e-9)
        expected = float(LAW.loss(TRUE, params=n, tokens=2e9))
        assert along.loss(6 * n * 2e9) == pytest.approx(expected, rel=1e-5)


def test_a_ladder_of_one_ratio_is_followed_along_it() -> None:
    d = 20 * SIZES
    fitted = fit("chinchilla", Points.of(LAW.loss(TRUE, params=SIZES, tokens=d), params=SIZES, tokens=d))
    along = along_compute(fitted)
    assert along.way == "runs"
    run = along.run(120 * 4e9**2)
    assert (run["params"], run["tokens"]) == pytest.approx((4e9, 8e10), rel=1e-9)


def test_a_law_of_c_takes_it() -> None:
    law = find_law("kaplan-c")
    c = np.geomspace(1e18, 1e22, 8)
    true = get("kaplan-c:kaplan2020").coefficients
    along = along_compute(fit("kaplan-c", Points.of(law.loss(true, flops=c), flops=c)))
    assert along.way == "compute"
    assert along.loss(1e24) == pytest.approx(float(law.loss(true, flops=1e24)), rel=1e-6)


def test_c_is_what_was_recorded_or_6nd() -> None:
    d, noted = np.full(6, 2e9), 7.5 * SIZES * 2e9
    fitted = fit("chinchilla-n", Points.of(LAW.loss(TRUE, params=SIZES, tokens=d), params=SIZES, tokens=d, flops=noted))
    own, multiplied = along_compute(fitted), along_compute(fitted, recorded=False)
    assert (own.counts, multiplied.counts) == ("as recorded", "6ND")
    assert own.run(noted[3])["params"] == pytest.approx(SIZES[3], rel=1e-9)
    assert multiplied.run(6 * SIZES[3] * 2e9)["params"] == pytest.approx(SIZES[3], rel=1e-9)
    assert multiplied.compute == pytest.approx(6 * SIZES * 2e9)


def test_runs_on_no_line_and_runs_without_c_say_why() -> None:
    with pytest.raises(InputError, match="a C has several params"):
        n = np.array([1e7, 1e7, 1e8, 1e8, 1e9, 1e9])
        c = [1e18, 2e18, 1e18, 2e18, 1e18, 2e18]
        along_compute(fit("chinchilla-n", Points.of(2 + 100 / n**0.3, params=n, flops=c)))
    with pytest.raises(InputError, match="its runs have no C"):
        along_compute(fit("chinchilla-n", Points.of(2 + 100 / SIZES**0.3, params=SIZES)))
