"""Coefficients that are fixed, tied or measured elsewhere; the floor at zero; points that share an error."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_tui import InputError
from scaling_tui.laws import LAWS, Points, find_law, fit, get
from scaling_tui.laws.fitting.bootstrap import bootstrap
from scaling_tui.laws.fitting.clusters import clusters_of
from scaling_tui.laws.fitting.restrictions import Prior, Restrictions
from scaling_tui.laws.fitting.study import study

TRUTH = dict(get("chinchilla:besiroglu2024").coefficients)


def drawn(size: int, noise: float = 0.005, seed: int = 0, **truth: float) -> Points:
    rng = np.random.default_rng(seed)
    N, D = 10 ** rng.uniform(7.5, 10, size), 10 ** rng.uniform(8.5, 11.5, size)
    loss = find_law("chinchilla").loss(TRUTH | truth, params=N, tokens=D) * np.exp(noise * rng.standard_normal(size))
    return Points.of(loss, params=N, tokens=D)


# --- the floor


def test_a_law_that_wants_no_floor_is_the_law_without_one() -> None:
    """Powers that add up exactly: chinchilla ends at E = 0, at the minimum of sum-of-powers, which is nested in it."""
    rng = np.random.default_rng(3)
    N, D = 10 ** rng.uniform(7, 10, 40), 10 ** rng.uniform(9, 12, 40)
    noise = np.exp(0.01 * rng.standard_normal(40))
    loss = find_law("sum-of-powers").loss({"a": 30, "b": 0.12, "c": 60, "d": 0.2}, params=N, tokens=D)
    points = Points.of(loss * noise, params=N, tokens=D)
    whole, nested = fit("chinchilla", points, delta=1e-3), fit("sum-of-powers", points, delta=1e-3)
    assert whole.objective <= nested.objective * (1 + 1e-9) and whole.converged
    if whole.coefficients["E"] == 0:
        assert whole.coefficients["alpha"] == pytest.approx(nested.coefficients["b"], rel=1e-6)


@pytest.mark.parametrize("delta", [1e-3, math.inf])
def test_no_refit_is_lost_and_no_interval_is_a_point(delta: float) -> None:
    for seed in range(4):
        found = study("chinchilla", drawn(24, seed=seed, E=0.0), draws=60, delta=delta)
        assert found.draws is not None and len(found.draws) == 60
        for name, (low, high) in found.intervals.items():
            assert low <= found.fit.coefficients[name] <= high and low < high, name
    assert study("chinchilla", drawn(24, E=0.0), draws=1).intervals["A"]


def test_a_floor_that_every_refit_denies_has_one_sided_interval() -> None:
    """Losses that fall faster than any power: all refits end at E = 0, and the interval is what the points allow."""
    N = np.geomspace(1e6, 1e9, 12)
    found = study("chinchilla-n", Points.of(5 - 0.15 * np.log(N), params=N), draws=40)
    low, high = found.intervals["E"]
    assert found.fit.coefficients["E"] == 0 and low == 0 and 0 < high < 2.5
    assert "E is at its bound 0: the points show no irreducible loss" in found.warnings


# --- fixed, tied, measured


@given(st.sampled_from(["E", "A", "B", "alpha", "beta"]), st.floats(0.5, 2.0))
def test_a_fixed_coefficient_keeps_its_value_and_the_rest_is_no_better(name: str, factor: float) -> None:
    points = drawn(30)
    free = fit("chinchilla", points)
    value = free.coefficients[name] * (1 + 0.02 * (factor - 1))
    held = fit("chinchilla", points, restrictions=Restrictions(fixed={name: value}))
    assert held.coefficients[name] == pytest.approx(value, rel=1e-12)
    assert held.objective >= free.objective * (1 - 1e-9) and held.freedom == free.freedom + 1


def test_tied_exponents_are_equal_and_recover_a_law_that_has_them() -> None:
    rng = np.random.default_rng(1)
    N, D = 10 ** rng.uniform(7, 10, 30), 10 ** rng.uniform(9, 12, 30)
    truth = {"E": 1.8, "A": 400.0, "B": 900.0, "alpha": 0.34, "beta": 0.34}
    found = fit("chinchilla", Points.of(find_law("chinchilla").loss(truth, params=N, tokens=D), params=N, tokens=D),
                restrictions=Restrictions(ties=(("alpha", "beta"),)))  # fmt: skip
    assert found.coefficients["alpha"] == found.coefficients["beta"] == pytest.approx(0.34, abs=1e-6)
    assert found.coefficients == pytest.approx(truth, rel=1e-4)
    assert found.size == 4


def test_kaplan_can_be_tied_and_held_where_its_coordinates_allow() -> None:
    points = drawn(40)
    tied = fit("kaplan", points, restrictions=Restrictions(ties=(("alpha_N", "alpha_D"),)))
    assert tied.coefficients["alpha_N"] == pytest.approx(tied.coefficients["alpha_D"])
    held = fit("kaplan", points, restrictions=Restrictions(fixed={"Nc": 8.8e13}))
    assert held.coefficients["Nc"] == pytest.approx(8.8e13)
    one = fit("kaplan-n", points, restrictions=Restrictions(fixed={"Nc": 8.8e13}))
    assert one.coefficients["Nc"] == pytest.approx(8.8e13)
    with pytest.raises(InputError, match="alpha_N"):
        fit("kaplan", points, restrictions=Restrictions(fixed={"alpha_N": 0.07}))


def test_a_prior_pulls_as_much_as_its_sd_says() -> None:
    """Between a prior of no doubt, which fixes E, and one that says nothing."""
    points = drawn(24)
    free = fit("chinchilla", points).coefficients["E"]
    wanted = free - 0.2
    by_sd = [
        fit("chinchilla", points, restrictions=Restrictions(priors={"E": Prior(wanted, sd)})).coefficients["E"]
        for sd in (1e-4, 0.03, 10.0)
    ]
    assert by_sd[0] == pytest.approx(wanted, abs=1e-3) and by_sd[2] == pytest.approx(free, abs=1e-2)
    assert by_sd[0] < by_sd[1] < by_sd[2]


def test_a_good_prior_narrows_the_interval() -> None:
    points = drawn(15)
    prior = Restrictions(priors={"E": Prior(TRUTH["E"], 0.02)})
    wide, narrow = (
        bootstrap(fit("chinchilla", points, restrictions=given), 200).intervals()["alpha"]
        for given in (Restrictions(), prior)
    )
    assert narrow[1] - narrow[0] < 0.8 * (wide[1] - wide[0])


@pytest.mark.parametrize(
    ("restrictions", "named"),
    [
        (Restrictions(fixed={"gamma": 1}), "gamma"),
        (Restrictions(fixed={"E": -1}), "E"),
        (Restrictions(ties=(("alpha", "A"),)), "alpha and A"),
        (Restrictions(ties=(("alpha", "beta"), ("beta", "alpha"))), "left out"),
        (Restrictions(fixed={"E": 1.0}, priors={"E": Prior(1, 0.1)}), "E"),
        (Restrictions(priors={"E": Prior(1, 0)}), "positive"),
        (Restrictions(fixed=TRUTH), "at least one to fit"),
    ],
)
def test_restrictions_that_make_no_sense_are_refused(restrictions: Restrictions, named: str) -> None:
    with pytest.raises(InputError, match=named):
        fit("chinchilla", drawn(20), restrictions=restrictions)


def test_what_is_held_stays_as_given() -> None:
    found = study("chinchilla", drawn(24), draws=4, restrictions=Restrictions(fixed={"E": 1.7, "A": 1e3}))
    for name, value in (("E", 1.7), ("A", 1e3)):
        assert found.fit.coefficients[name] == value and np.isnan(found.intervals[name]).all()


def test_points_that_contradict_what_was_given_say_so() -> None:
    points = drawn(24)
    held = fit("chinchilla", points, restrictions=Restrictions(fixed={"E": 50.0}))
    assert any("E is held at 50, above the lowest loss" in warning for warning in held.warnings)
    far = fit("chinchilla", points, restrictions=Restrictions(priors={"alpha": Prior(0.9, 0.01)}))
    assert any("from its prior, 0.9 ± 0.01" in warning for warning in far.warnings)
    near = fit("chinchilla", points, restrictions=Restrictions(priors={"alpha": Prior(0.35, 0.05)}))
    assert not any("prior" in warning for warning in near.warnings)


@pytest.mark.parametrize("name", ["chinchilla", "chinchilla-n", "chinchilla-d", "muennighoff"])
def test_every_law_with_a_floor_can_do_without(name: str) -> None:
    found = fit(name, drawn(30), restrictions=Restrictions(fixed={"E": 0.0}))
    inputs = {"params": 1e9, "tokens": 1e10, "unique_tokens": 1e10}
    at = {key: inputs[key] for key in LAWS[name].inputs}
    assert found.coefficients["E"] == 0 and np.isfinite(found.loss(**at)) and np.isfinite(found.objective)


# --- points that share an error


def seeds(configurations: int, each: int, seed: int, shared: float = 0.005) -> Points:
    base = drawn(configurations, 0.0, seed)
    rng = np.random.default_rng(seed)
    which = np.repeat(np.arange(configurations), each)
    errors = shared * rng.standard_normal(configurations)[which] + 0.002 * rng.standard_normal(which.size)
    points = base.take(which)
    return Points.of(points.loss * np.exp(errors), params=points.params, tokens=points.tokens)


def test_seeds_of_a_configuration_are_one_observation_and_a_little() -> None:
    """Five seeds that share their error narrow nothing: the interval is nearly that of the configurations' means."""
    points = seeds(15, 5, 2)
    means = points.take(np.arange(0, 75, 5))
    means = Points.of(points.loss.reshape(15, 5).mean(axis=1), params=means.params, tokens=means.tokens)
    wide, of_means = (bootstrap(fit("chinchilla", each, delta=math.inf), 400).intervals()["alpha"]
                      for each in (points, means))  # fmt: skip
    assert 0.6 < (wide[1] - wide[0]) / (of_means[1] - of_means[0]) < 1.6
    assert clusters_of(find_law("chinchilla"), points).of == "configuration"


def test_clusters_by_name_come_before_those_that_are_found() -> None:
    points = drawn(40)
    assert clusters_of(find_law("chinchilla"), points).of == ""
    named = Points(points.loss, points.params, points.tokens, clusters=tuple("ab" * 20), cluster_name="machine")
    found = clusters_of(find_law("chinchilla"), named)
    assert found.of == "machine" and len(found) == 2
    assert clusters_of(find_law("chinchilla"), named.take(np.arange(10))).number.size == 10


@pytest.mark.slow
def test_intervals_cover_where_seeds_share_an_error() -> None:
    hits = 0
    for seed in range(100):
        low, high = bootstrap(fit("chinchilla", seeds(12, 5, seed)), 200, seed=seed).intervals()["alpha"]
        hits += low <= TRUTH["alpha"] <= high
    assert 82 <= hits <= 97
