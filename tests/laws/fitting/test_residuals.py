"""Patterns of residuals: a wrong law leaves one, the right law does not."""

import math

import numpy as np
import pytest

from scaling_tui.laws import fit
from scaling_tui.laws.fitting.residuals import patterns
from tests.laws.fitting.test_compare import CHINCHILLA, ladder, runs_of


def test_a_law_without_the_floor_that_there_is_leaves_a_bend() -> None:
    wrong = patterns(fit("sum-of-powers", runs_of("chinchilla", CHINCHILLA, 60, 0.003)))
    assert {pattern.over for pattern in wrong} == {"params", "tokens", "flops"}
    assert max(pattern.bend for pattern in wrong) > wrong[0].limit  # the runs lie above it at both ends


@pytest.mark.parametrize("delta", [1e-3, math.inf])
def test_the_right_law_leaves_none(delta: float) -> None:
    clear = 0
    for seed in range(20):
        own = fit("chinchilla", runs_of("chinchilla", CHINCHILLA, 60, 0.005, seed), delta=delta)
        clear += any(max(abs(one.bend), abs(one.trend)) > one.limit for one in patterns(own))
    assert clear == 0


def test_slope_and_curvature_are_those_of_a_parabola() -> None:
    own = fit("kaplan-n", ladder(9), delta=math.inf)
    found = {pattern.over: pattern for pattern in patterns(own)}
    assert set(found) == {"params", "flops"}  # D is the same for all
    assert found["params"].trend == pytest.approx(0.0, abs=1e-5)  # least squares leaves no slope
    x = np.log(own.points.column("params"))
    design = np.stack([np.ones_like(x), x - x.mean(), (x - x.mean()) ** 2], axis=1)
    slopes, (squares,), *_ = np.linalg.lstsq(design, own.residuals, rcond=None)
    error = math.sqrt(squares / 6 * np.linalg.inv(design.T @ design)[2, 2])
    assert found["params"].bend == pytest.approx(slopes[2] / error, rel=1e-6)


def test_a_handful_of_points_tells_nothing() -> None:
    assert patterns(fit("kaplan-n", ladder(6))) == ()
