"""Influence of runs against textbook formulas and a planted outlier; rank correlation of draws."""

import math
from dataclasses import replace

import numpy as np
import pytest

from scaling_tui.laws import LAWS, Points, fit
from scaling_tui.laws.fitting.bootstrap import bootstrap
from scaling_tui.laws.fitting.influence import correlations, influence
from tests.laws.fitting.test_compare import CHINCHILLA, ladder, runs_of


def test_cooks_distance_of_a_linear_law_is_the_textbooks() -> None:
    points = ladder(8)
    x, y = np.log(points.column("params")), np.log(points.loss)
    design = np.stack([np.ones_like(x), x - x.mean()], axis=1)
    hat = design @ np.linalg.inv(design.T @ design) @ design.T
    residual, leverage = y - hat @ y, np.diag(hat)
    variance = residual @ residual / (8 - 2)
    expected = residual**2 * leverage / (2 * variance * (1 - leverage) ** 2)
    found = influence(fit("kaplan-n", points, delta=math.inf))
    assert found is not None
    np.testing.assert_allclose(found.cook, expected, rtol=1e-5)
    # DFFIT at the last and largest run, by the same formula
    change = -hat[-1] * residual / (1 - leverage)
    np.testing.assert_allclose(np.log1p(found.prediction), change, atol=1e-8)


def test_a_planted_outlier_is_the_most_influential_run() -> None:
    points = runs_of("chinchilla", CHINCHILLA, 30, 0.002)
    largest = int(np.argmax(points.column("params") * points.column("tokens")))
    spoilt = points.loss.copy()
    spoilt[largest] *= 1.05
    found = influence(fit("chinchilla", replace(points, loss=spoilt), delta=math.inf))
    assert found is not None
    assert found.groups[found.order()[0]].tolist() == [largest]
    assert found.cook[found.order()[0]] > 10 * np.median(found.cook)
    assert found.prediction[found.order()[0]] < 0  # without it the law falls there
    assert found.at["params"] == pytest.approx(points.column("params")[largest])


def test_seeds_of_one_size_leave_together() -> None:
    params = np.repeat(np.geomspace(1e6, 1e8, 5), 2)
    loss = 9 * params**-0.1 * np.exp(np.random.default_rng(0).normal(0, 0.01, params.size))
    found = influence(fit("kaplan-n", Points.of(loss, params=params), delta=math.inf))
    assert found is not None
    assert found.kind == "configuration"
    assert [group.tolist() for group in found.groups] == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]


def test_as_many_runs_as_coefficients_have_no_influence_to_tell() -> None:
    assert influence(fit("kaplan-n", ladder(2))) is None


def test_correlations_are_of_ranks() -> None:
    own = fit("chinchilla-n", ladder())
    alpha = np.linspace(0.1, 0.5, 101)
    draws = bootstrap(own, 20)
    theta = np.stack([np.full(101, -1.0), np.exp(9 * alpha), alpha], axis=1)  # log E, log A, alpha
    found = correlations(replace(draws, theta=theta))
    assert found["A", "alpha"] == pytest.approx(1.0)  # however curved
    assert math.isnan(found["E", "A"])  # E is the same in all
    theta[:, 0] = np.where(alpha < 0.3, -np.inf, -alpha)  # half of the draws without a floor
    assert -1 < correlations(replace(draws, theta=theta))["E", "alpha"] < 0.99


def test_a_scale_and_its_exponent_move_together() -> None:
    draws = bootstrap(fit("chinchilla", runs_of("chinchilla", CHINCHILLA, 60, 0.005)), 200)
    found = correlations(draws)
    assert found["A", "alpha"] > 0.95
    assert found["B", "beta"] > 0.95
    assert set(found) == {
        (a, b) for i, a in enumerate(LAWS["chinchilla"].coefficients) for b in LAWS["chinchilla"].coefficients[i + 1 :]
    }
