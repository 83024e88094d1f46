"""Intervals: coverage on points from a known law, what they do at the edges, agreement with exact cases."""

from dataclasses import replace

import numpy as np
import pytest

from scaling_tui.laws import Points, find_law, fit, get, predict
from scaling_tui.laws.fitting.bootstrap import bootstrap, choose
from scaling_tui.laws.fitting.clusters import clusters_of
from scaling_tui.laws.fitting.noise import NOISE_FLOOR
from scaling_tui.laws.student_t import t_distribution, t_quantile

LADDER = np.array([6.2e3, 2.4e4, 8.3e4, 1.97e5, 4.43e5])
NEXT = 1.18e6
TRUTH = dict(get("chinchilla:besiroglu2024").coefficients)


@pytest.mark.parametrize(
    ("probability", "freedom", "value"),
    [
        (0.95, 1, 6.313751515),
        (0.95, 2, 2.919985580),
        (0.975, 10, 2.228138852),
        (0.995, 3, 5.840909310),
        (0.95, 235, 1.651363),
    ],
)
def test_student_quantiles_of_the_tables(probability: float, freedom: float, value: float) -> None:
    assert t_quantile(probability, freedom) == pytest.approx(value, rel=2e-6)
    assert t_quantile(1 - probability, freedom) == pytest.approx(-value, rel=2e-6)
    assert t_distribution(value, freedom) == pytest.approx(probability, abs=1e-7)


def test_prediction_of_a_straight_line_is_the_textbook_interval() -> None:
    """kaplan-n is linear in logarithms, so the interval must be near that of regression."""
    rng = np.random.default_rng(4)
    N = np.geomspace(1e4, 1e6, 7)
    y = 2.0 - 0.1 * np.log(N) + 0.01 * rng.standard_normal(7)
    found = predict(fit("kaplan-n", Points.of(np.exp(y), params=N)), params=5e6)
    x, at = np.log(N), np.log(5e6)
    slope, offset = np.polyfit(x, y, 1)
    s = np.sqrt(np.sum((y - offset - slope * x) ** 2) / 5)
    lever = 1 + 1 / 7 + (at - x.mean()) ** 2 / np.sum((x - x.mean()) ** 2)
    half = 2.015048373 * s * np.sqrt(lever)
    assert np.log(found.value) == pytest.approx(offset + slope * at, abs=1e-9)
    assert np.log(found.low) == pytest.approx(offset + slope * at - half, abs=0.35 * half)
    assert np.log(found.high) == pytest.approx(offset + slope * at + half, abs=0.35 * half)


@pytest.mark.parametrize("noise", [0.005])
def test_five_points_predict_the_sixth_nine_times_in_ten(noise: float) -> None:
    """60 ladders: the share covered is near 90 %. `benchmarks/laws_coverage.py` has more."""
    rng = np.random.default_rng(11)
    hits, halves = 0, []
    for _ in range(60):
        loss = (1.7 + 40 / LADDER**0.35) * np.exp(noise * rng.standard_normal(5))
        new = (1.7 + 40 / NEXT**0.35) * np.exp(noise * rng.standard_normal())
        found = predict(fit("chinchilla-n", Points.of(loss, params=LADDER)), params=NEXT)
        hits += found.low <= new <= found.high
        halves.append((found.high - found.low) / 2 / found.value)
    assert 0.79 <= hits / 60 <= 0.99
    assert np.median(halves) < 8 * noise and max(halves) < 40 * noise


def test_prediction_stays_finite_where_nothing_is_determined() -> None:
    """Losses that hardly fall: E and alpha are free, the prediction is not."""
    loss = np.array([2.30, 2.31, 2.29, 2.30, 2.295])
    found = predict(fit("chinchilla-n", Points.of(loss, params=LADDER)), params=NEXT)
    assert 2.1 < found.low < found.value < found.high < 2.5


def test_an_interval_is_never_narrower_than_the_stated_noise() -> None:
    exact = fit("chinchilla-n", Points.of(1.7 + 40 / LADDER**0.35, params=LADDER))
    found = predict(exact, params=NEXT)
    assert (found.high - found.low) / 2 / found.value > 2.9 * NOISE_FLOOR
    assert "0.05 % of the loss" in bootstrap(exact, 20).noise_text


def test_the_mean_of_several_new_runs_is_predicted_more_closely_than_one() -> None:
    rng = np.random.default_rng(5)
    loss = (1.7 + 40 / np.repeat(LADDER, 3) ** 0.35) * np.exp(0.005 * rng.standard_normal(15))
    fitted = fit("chinchilla-n", Points.of(loss, params=np.repeat(LADDER, 3)))
    one, three = predict(fitted, params=NEXT), predict(fitted, params=NEXT, runs=3)
    law = predict(fitted, params=NEXT, of="law")
    assert one.value == three.value
    assert one.low < three.low < law.low < law.high < three.high < one.high


def test_clusters_of_one_run_each_share_nothing() -> None:
    """Else the mean of several new runs would be as uncertain as one."""
    rng = np.random.default_rng(0)
    N = np.repeat(np.geomspace(1e5, 2e6, 5), 3)
    points = Points.of((1.5 + 30 / N**0.3) * np.exp(0.01 * rng.standard_normal(N.size)), params=N)
    alone = replace(points, clusters=tuple(str(number) for number in range(N.size)), cluster_name="run")
    draws = bootstrap(fit("chinchilla-n", alone), 2000)
    law = draws.predict(params=6e6)
    one, mean = (draws.predict(params=6e6, of="run", runs=runs) for runs in (1, 4))
    added = [(found.high - found.low) ** 2 - (law.high - law.low) ** 2 for found in (one, mean)]
    assert added[1] < added[0] / 2
    assert "shared" not in draws.noise_text


def test_thousands_of_points_in_few_clusters_get_intervals() -> None:
    rng = np.random.default_rng(0)
    N, D = (grid.ravel() for grid in np.meshgrid(np.geomspace(1e7, 1e9, 12), np.geomspace(1e8, 2e10, 200)))
    size = 0.01 * rng.standard_normal(12)[np.unique(N, return_inverse=True)[1]]
    loss = find_law("chinchilla").loss(TRUTH, params=N, tokens=D) * np.exp(size + 0.005 * rng.standard_normal(N.size))
    found = bootstrap(fit("chinchilla", Points.of(loss, params=N, tokens=D)), 50)
    assert found.resample == "noise" and "of equal N" in found.noise_text
    low, high = found.intervals()["alpha"]
    assert low < TRUTH["alpha"] < high


def test_no_degree_of_freedom_no_interval() -> None:
    found = predict(fit("chinchilla-n", Points.of([3.0, 2.5, 2.2], params=[1e4, 1e5, 1e6])), params=NEXT)
    assert np.isnan(found.low) and np.isnan(found.high) and "no interval" in found.how


def drawn(size: int, noise: float, seed: int) -> Points:
    rng = np.random.default_rng(seed)
    N, D = 10 ** rng.uniform(7.5, 10, size), 10 ** rng.uniform(8.5, 11.5, size)
    loss = find_law("chinchilla").loss(TRUTH, params=N, tokens=D) * np.exp(noise * rng.standard_normal(size))
    return Points.of(loss, params=N, tokens=D)


def test_bootstrap_refits_reach_their_minima() -> None:
    """Each draw, refitted alone from a global start, has no lower objective."""
    from scaling_tui.laws.fitting.fitted import box_for, observations
    from scaling_tui.laws.fitting.minimize import minimize

    points = drawn(150, 0.005, 1)
    found = fit("chinchilla", points)
    law, (x, y) = found.law, observations(found.law, points)
    weights = np.random.default_rng(0).multinomial(150, np.full(150, 1 / 150), size=12).astype(float)
    together = minimize(
        law.kernel, x, y, np.tile(found.theta, (12, 1)), delta=1e-3, weights=weights, box=box_for(law, y)
    )
    assert together.converged.all()
    for row, objective in zip(weights, together.objective, strict=True):
        times = np.repeat(np.arange(150), row.astype(int))
        assert fit(law, points.take(times)).objective == pytest.approx(objective, rel=1e-9)


def resampling(points: Points) -> str:
    found = fit("chinchilla", points)
    return choose(found, clusters_of(found.law, points))


def test_what_is_resampled_follows_from_the_points() -> None:
    many, few = drawn(150, 0.005, 1), drawn(30, 0.005, 1)
    assert resampling(many) == "pairs"
    assert resampling(few) == "noise"
    assert resampling(seeds_of(few, 4)) == "noise"
    assert resampling(seeds_of(many, 2)) == "clusters"
    assert "clusters: 150 of equal configuration" in bootstrap(fit("chinchilla", seeds_of(many, 2)), 30).how


def seeds_of(points: Points, seeds: int) -> Points:
    """Each point `seeds` times, with noise of its own."""
    taken = points.take(np.repeat(np.arange(len(points)), seeds))
    noise = 0.003 * np.random.default_rng(0).standard_normal(len(taken))
    return Points.of(taken.loss * np.exp(noise), params=taken.params, tokens=taken.tokens)


def test_the_same_seed_gives_the_same_intervals() -> None:
    found = fit("chinchilla", drawn(120, 0.005, 2))
    once, again = (bootstrap(found, 60, seed=5).intervals() for _ in range(2))
    assert once == again
    assert bootstrap(found, 60, seed=6).intervals() != once


def test_normal_limit_agrees_with_refits() -> None:
    found = fit("chinchilla", drawn(3000, 0.005, 3))
    refits, normal = (bootstrap(found, 400, resample=way).intervals() for way in ("pairs", "sandwich"))
    for name, (low, high) in refits.items():
        assert (normal[name][1] - normal[name][0]) == pytest.approx(high - low, rel=0.35), name


@pytest.mark.slow
@pytest.mark.parametrize("size", [60, 240])
def test_coverage_of_coefficients_and_prediction(size: int) -> None:
    hits = dict.fromkeys([*TRUTH, "prediction"], 0)
    N, D = 1e11, 2e12
    true = float(find_law("chinchilla").loss(TRUTH, params=N, tokens=D))
    for seed in range(200):
        draws = bootstrap(fit("chinchilla", drawn(size, 0.005, seed)), 400, seed=seed)
        for name, (low, high) in draws.intervals().items():
            hits[name] += low <= TRUTH[name] <= high
        found = draws.predict(params=N, tokens=D)
        hits["prediction"] += found.low <= true <= found.high
    assert all(0.84 <= count / 200 <= 0.96 for count in hits.values()), hits
