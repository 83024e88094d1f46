"""Two fits of one law: what is subtracted, how their draws go together, and what the interval holds."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling_tui.laws import Points, find_law, get
from scaling_tui.laws.fitting.difference import differences, interval_of, pairing, why_not
from scaling_tui.laws.fitting.restrictions import Restrictions
from scaling_tui.laws.fitting.study import Study, study

LAW = find_law("chinchilla")
TRUE = get("chinchilla:besiroglu2024").coefficients


def points(seed: int, **changed: float) -> Points:
    n, d = (axis.ravel() for axis in np.meshgrid(np.geomspace(1e7, 1e9, 5), np.geomspace(1e9, 4e10, 5)))
    losses = LAW.loss({**TRUE, **changed}, params=n, tokens=d)
    return Points.of(losses * np.exp(0.004 * np.random.default_rng(seed).standard_normal(n.size)), params=n, tokens=d)


def fitted(seed: int, draws: int = 100, fixed: dict[str, float] | None = None, **changed: float) -> Study:
    return study("chinchilla", points(seed, **changed), draws=draws, restrictions=Restrictions(fixed or {}))


def test_one_seed_of_the_bootstrap_does_not_pair_runs_that_are_not_shared() -> None:
    first, second = fitted(1), fitted(2)
    assert first.draws is not None
    assert second.draws is not None
    assert first.draws.seed == second.draws.seed
    assert pairing(first, second).how == "independent"
    ours, theirs = first.draws.coefficients()["E"], second.draws.coefficients()["E"]
    (found,) = [one for one in differences(first, second, 0.9) if one.name == "E"]
    # As wide as two independent estimates, whose variances add.
    spread = 1.645 * math.hypot(float(np.std(ours)), float(np.std(theirs)))
    assert (found.high - found.low) / 2 == pytest.approx(spread, rel=0.35)
    assert found.low <= found.value <= found.high


def test_a_shift_of_the_floor_is_found_and_nothing_else() -> None:
    found = {one.name: one for one in differences(fitted(1), fitted(2, E=2.0), 0.9)}
    assert set(found) == {"E", "A", "B", "alpha", "beta"}
    assert [name for name, one in found.items() if one.real] == ["E"]


def test_the_same_points_are_paired_and_a_subset_is_counted() -> None:
    whole = points(1)
    again = pairing(study("chinchilla", whole, draws=50), study("chinchilla", whole, draws=50))
    assert (again.how, again.shared) == ("paired", 25)
    part = whole.take(np.arange(20))
    some = pairing(study("chinchilla", whole, draws=50), study("chinchilla", part, draws=50))
    assert (some.how, some.shared) == ("independent", 20)


def test_what_is_given_or_has_no_draws_has_no_interval() -> None:
    both = differences(fitted(1, fixed={"E": 1.8}), fitted(2, fixed={"E": 1.8}), 0.9)
    assert "E" not in {one.name for one in both}
    one_sided = {one.name: one for one in differences(fitted(1, fixed={"E": 1.8}), fitted(2), 0.9)}
    assert one_sided["E"].low < one_sided["E"].high
    for one in differences(fitted(1, draws=0), fitted(2), 0.9):
        assert math.isnan(one.low)
        assert one.real is None


def test_other_laws_and_other_counts_of_n_are_not_subtracted() -> None:
    whole, other = study("chinchilla", points(1), draws=0), study("sum-of-powers", points(1), draws=0)
    assert "laws differ" in why_not(whole.fit, other.fit)
    n = points(1)
    counted = Points.of(n.loss, params=n.params, tokens=n.tokens, non_embedding=n.column("params") * 0.9)
    less = study("chinchilla", counted, draws=0, convention="non-embedding")
    assert "count N differently" in why_not(whole.fit, less.fit)
    assert why_not(whole.fit, study("chinchilla", counted, draws=0).fit) == ""


@settings(max_examples=100, deadline=None)
@given(
    first=st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=50),
    second=st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=50),
    level=st.sampled_from([0.5, 0.9, 0.99]),
)
def test_an_interval_turns_with_its_sources_and_holds_the_difference(
    first: list[float], second: list[float], level: float
) -> None:
    a, b = np.array(first), np.array(second)
    value = float(b.mean() - a.mean())
    low, high = interval_of(a, b, value, level, "independent")
    back = interval_of(b, a, -value, level, "independent")
    assert low <= value <= high
    assert back == pytest.approx((-high, -low), abs=1e-6)
    assert all(map(math.isnan, interval_of(np.array([1.0, math.inf]), b, 0.0, level, "independent")))
