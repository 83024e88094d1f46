"""Laws compared: each measure against its known answer, and which laws take part."""

import math
from dataclasses import replace

import numpy as np
import pytest

from scaling_tui import InputError
from scaling_tui.laws import LAWS, Fit, Law, Points, fit
from scaling_tui.laws.fitting.clusters import together
from scaling_tui.laws.fitting.compare import Comparison, aicc, compare, deviance
from scaling_tui.laws.fitting.leave_out import leave_out
from tests.laws.conftest import Runs

CHINCHILLA = {"E": 1.8, "A": 480.0, "B": 2080.0, "alpha": 0.35, "beta": 0.37}
KAPLAN = {"Nc": 8.8e13, "alpha_N": 0.076, "Dc": 5.4e13, "alpha_D": 0.095}


def runs_of(law: str, coefficients: dict[str, float], size: int, noise: float, seed: int = 0) -> Points:
    """Runs with C over three decades whose losses follow a law, with normal noise on the log loss."""
    rng = np.random.default_rng(seed)
    params, flops = 10 ** rng.uniform(7.5, 9.5, size), 10 ** rng.uniform(18, 21, size)
    tokens = flops / (6 * params)
    loss = LAWS[law].loss(coefficients, params=params, tokens=tokens) * np.exp(noise * rng.standard_normal(size))
    return Points.of(loss, params=params, tokens=tokens, labels=[f"run{i}" for i in range(size)])


def ladder(size: int = 10, noise: float = 0.01) -> Points:
    """Sizes at one D, by a law that is linear in its coordinates: log L = alpha·log Nc - alpha·log N."""
    params = np.geomspace(1e6, 1e9, size)
    errors = noise * np.random.default_rng(1).standard_normal(size)
    loss = LAWS["kaplan-n"].loss({"Nc": 8.8e13, "alpha_N": 0.076}, params=params)
    return Points.of(loss * np.exp(errors), params=params, tokens=np.full(size, 1e9))


def measures(found: Comparison) -> dict[str, float]:
    return {one.fit.law.name: one.holdout_mape for one in found.contenders}


@pytest.mark.parametrize(("law", "delta"), [("chinchilla", math.inf), ("chinchilla", 1e-3), ("kaplan", 1e-2)])
def test_leaving_a_run_out_is_fitting_the_others(law: str, delta: float) -> None:
    points = runs_of("chinchilla", CHINCHILLA, 24, 0.005)
    refits = leave_out(fit(law, points, delta=delta))
    assert refits.whole
    expected = []
    for index in range(len(points)):
        others = np.arange(len(points)) != index
        alone = fit(law, points.take(others), delta=delta)
        predicted = alone.loss(params=points.column("params")[index], tokens=points.column("tokens")[index])
        expected.append(float(predicted) / points.loss[index] - 1)
    np.testing.assert_allclose(refits.errors(), expected, atol=2e-6)


def test_runs_of_one_configuration_are_left_out_together() -> None:
    params = np.repeat(np.geomspace(1e6, 1e8, 6), 3)
    loss = 9 * params**-0.1 * np.exp(np.random.default_rng(0).normal(0, 0.01, params.size))
    points = Points.of(loss, params=params, tokens=np.full(params.size, 1e9))
    groups = together(["params", "tokens"], points)
    assert (groups.each, len(groups)) == ("configuration", 6)
    refits = leave_out(fit("kaplan-n", points, delta=math.inf))
    alone = fit("kaplan-n", points.take(params != params[0]), delta=math.inf)
    expected = alone.loss(params=params[:3]) / points.loss[:3] - 1
    np.testing.assert_allclose(refits.errors()[:3], expected, atol=1e-7)


def test_thousands_of_runs_are_left_out_in_parts() -> None:
    points = runs_of("kaplan", KAPLAN, 3000, 0.01)
    refits = leave_out(fit("kaplan", points, delta=math.inf))
    assert not refits.whole
    assert refits.theta.shape[0] == 4_000_000 // 3000
    assert float(np.std(refits.errors())) == pytest.approx(0.01, rel=0.1)


def test_aicc_of_a_linear_law_is_the_textbooks() -> None:
    points = ladder()
    x, y = np.log(points.column("params")), np.log(points.loss)
    residual = y - np.polyval(np.polyfit(x, y, 1), x)
    size, variance = len(points), float(np.mean(residual**2))
    expected = size * (math.log(2 * math.pi * variance) + 1) + 2 * 3 + 2 * 3 * 4 / (size - 3 - 1)
    found = fit("kaplan-n", points, delta=math.inf)
    assert aicc(found.objective, math.inf, size, 3) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("size", [1e-4, 1e-3, 1e-2])
def test_the_likelihood_of_a_huber_loss_is_that_of_its_density(size: float) -> None:
    delta, mean = 1e-3, 0.7e-3 * size
    grid = np.linspace(-0.3, 0.3, 60_001)
    loss = np.where(np.abs(grid) <= delta, grid**2 / 2, delta * (np.abs(grid) - delta / 2))

    def minus_log(tau: float) -> float:
        return math.log(float(np.exp(-loss / tau).sum() * (grid[1] - grid[0]))) + mean / tau

    best = deviance(mean, delta)
    taus = mean * np.geomspace(0.5, 4, 40)
    lowest = min(minus_log(float(tau)) for tau in taus)
    assert best <= lowest + 1e-6
    assert best == pytest.approx(lowest, abs=2e-3)


def test_its_limits_are_the_normal_and_the_laplace_distribution() -> None:
    assert deviance(0.5e-4, 10.0) == pytest.approx(deviance(0.5e-4, math.inf), rel=1e-9)
    assert deviance(1e-9 * 0.01, 1e-9) == pytest.approx(math.log(2 * 0.01) + 1, abs=1e-5)  # mean |r| = 0.01


@pytest.mark.parametrize(("law", "coefficients"), [("chinchilla", CHINCHILLA), ("kaplan", KAPLAN)])
def test_the_true_law_wins_within_and_beyond(law: str, coefficients: dict[str, float]) -> None:
    found = compare(fit("chinchilla", runs_of(law, coefficients, 60, 0.002)))
    assert found.best_beyond is not None
    assert (found.best_within.fit.law.name, found.best_beyond.fit.law.name) == (law, law)
    assert found.best_beyond.holdout_mape < 0.01


def test_origins_fit_the_smaller_runs_and_predict_all_larger_ones() -> None:
    points = runs_of("chinchilla", CHINCHILLA, 40, 0.003)
    found = compare(fit("kaplan", points, delta=math.inf))
    assert [(origin.fitted, origin.predicted) for origin in found.origins] == [
        (20, 20), (24, 16), (28, 12), (32, 8), (36, 4)
    ]  # fmt: skip
    flops = points.compute()
    assert flops is not None
    one = next(one for one in found.contenders if one.fit.law.name == "kaplan")
    for origin, error in zip(found.origins, one.errors, strict=True):
        small, large = points.take(flops <= origin.largest_fitted), points.take(flops > origin.largest_fitted)
        alone = fit("kaplan", small, delta=math.inf)
        predicted = alone.loss(params=large.column("params"), tokens=large.column("tokens"))
        assert error == pytest.approx(float(np.mean(np.abs(predicted / large.loss - 1))), rel=1e-6)
        assert origin.reach == pytest.approx(flops.max() / flops[flops <= origin.largest_fitted].max())
    assert one.holdout_mape == pytest.approx(np.mean(one.errors))


def test_runs_of_equal_size_stay_on_one_side_of_an_origin() -> None:
    params = np.tile(np.geomspace(1e7, 1e9, 7), 4)
    flops = np.repeat([1e18, 1e19, 1e20, 1e21], 7)
    loss = LAWS["chinchilla"].loss(CHINCHILLA, params=params, tokens=flops / 6 / params)
    noise = np.exp(np.random.default_rng(0).normal(0, 0.002, params.size))
    found = compare(fit("chinchilla", Points.of(loss * noise, params=params, tokens=flops / 6 / params)))
    assert [origin.fitted for origin in found.origins] == [14, 21]


@pytest.mark.slow
def test_laws_take_part_whose_inputs_decide_the_loss() -> None:
    one_d = compare(fit("kaplan-n", ladder()))
    assert {"kaplan-n", "chinchilla-n", "kaplan-c"} <= {one.fit.law.name for one in one_d.contenders}
    assert one_d.excluded["chinchilla"] == "D is the same for all runs"
    params = np.geomspace(1e6, 1e9, 10)
    ratio = Points.of(ladder().loss, params=params, tokens=20 * params)
    in_ratio = compare(fit("chinchilla-n", ratio))
    assert {"kaplan-n", "kaplan-d", "kaplan-c", "chinchilla-n", "chinchilla-d"} <= {
        one.fit.law.name for one in in_ratio.contenders
    }
    assert in_ratio.excluded["chinchilla"] == "N and D vary together"
    many = runs_of("chinchilla", CHINCHILLA, 30, 0.003)
    unrepeated = compare(fit("chinchilla", replace(many, unique_tokens=many.tokens)))
    assert unrepeated.excluded["kaplan-n"] == "D varies too"
    assert unrepeated.excluded["muennighoff"] == "D and U vary together"
    repeated = replace(many, unique_tokens=many.column("tokens") / np.repeat([1.0, 4.0], 15))
    carried = compare(fit("chinchilla", repeated))
    assert "muennighoff" in {one.fit.law.name for one in carried.contenders}
    assert carried.excluded["sum-of-powers"] == "U varies too"
    grid = compare(fit("chinchilla", many))
    assert grid.excluded["kaplan-n"] == "D varies too"
    assert grid.excluded["kaplan-c"] == "N and D vary too"
    assert grid.excluded["muennighoff"] == "no column unique_tokens"


def test_the_law_that_was_asked_for_takes_part_as_a_baseline() -> None:
    found = compare(fit("kaplan-n", runs_of("chinchilla", CHINCHILLA, 30, 0.003)))
    assert "kaplan-n" in {one.fit.law.name for one in found.contenders}
    assert found.best_within.fit.law.name == "chinchilla"


def test_a_law_of_ones_own_can_be_among_them() -> None:
    found = compare(fit("chinchilla", runs_of("kaplan", KAPLAN, 30, 0.003)), laws=[LAWS["kaplan"]])
    assert [one.fit.law.name for one in found.contenders] == ["kaplan", "chinchilla"]


def test_too_few_runs_are_an_error_and_too_few_sizes_give_no_error_beyond() -> None:
    with pytest.raises(InputError, match="4 runs for 2 coefficients, want at least 5, to compare kaplan-n"):
        compare(fit("kaplan-n", ladder(4)))
    params = np.geomspace(1e6, 1e9, 9)
    one_budget = Points.of(ladder(9).loss, params=params, tokens=1e18 / params, flops=np.full(9, 1e18))
    found = compare(fit("chinchilla-n", one_budget))
    assert found.origins == ()
    assert found.best_beyond is None


def test_points_that_a_law_passes_through_exactly_compare_without_infinities() -> None:
    found = compare(fit("kaplan-n", ladder(noise=0.0)))
    assert all(math.isfinite(one.aicc) for one in found.contenders)


def test_the_published_runs_choose_chinchilla(published: Runs) -> None:
    found = compare(fit("chinchilla", published(5)))
    objectives = {one.fit.law.name: one.fit.objective for one in found.contenders}
    assert objectives["chinchilla"] == pytest.approx(1.0182740178e-3, rel=1e-6)
    assert objectives["kaplan"] == pytest.approx(2.6631015e-3, rel=1e-6)
    assert found.best_beyond is found.best_within
    assert measures(found)["chinchilla"] < 0.5 * measures(found)["kaplan"]
    # the last origin is the reference's division at C = 1e21: 217 fitted, 23 predicted
    last = {one.fit.law.name: one.errors[-1] for one in found.contenders}
    assert found.origins[-1].fitted == 217
    assert last["chinchilla"] == pytest.approx(0.01051, abs=5e-5)
    assert last["kaplan"] == pytest.approx(0.02132, abs=5e-5)
    assert last["sum-of-powers"] == pytest.approx(0.03157, abs=5e-5)


def test_many_runs_are_sampled_and_still_rolled_forwards() -> None:
    found = compare(fit("kaplan", runs_of("kaplan", KAPLAN, 21_000, 0.01)), laws=[LAWS["sum-of-powers"]])
    assert (len(found.points), found.given) == (20_000, 21_000)
    assert found.folds == 200
    shares = [origin.fitted / 20_000 for origin in found.origins]
    assert shares == pytest.approx([0.5, 0.6, 0.7, 0.8, 0.9], abs=0.02)
    assert found.best_within.fit.law.name == "kaplan"


def test_a_law_that_cannot_be_fitted_is_listed_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(law: Law, points: Points, **given: object) -> Fit:
        if law.name == "kaplan":
            raise InputError("points: N and D in fixed ratio")
        return fit(law, points)

    monkeypatch.setattr("scaling_tui.laws.fitting.compare.fit_law", refuse)
    found = compare(fit("chinchilla", runs_of("chinchilla", CHINCHILLA, 30, 0.003)))
    assert found.excluded["kaplan"] == "N and D in fixed ratio"
