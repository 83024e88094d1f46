"""Where a fit stands among the published: only where it can be compared, and under its own convention."""

import numpy as np
import pytest

from scaling_tui.laws import Points, find_law, fit, get
from scaling_tui.laws.atlas import SETS
from scaling_tui.laws.fitting.fitted import Fit
from scaling_tui.laws.planning.plan import Goal, plan_fit
from scaling_tui.laws.planning.standing import standing
from scaling_tui.report.standing import standing_document, standing_text

TRUE = get("chinchilla:besiroglu2024").coefficients


def points(params: list[float], tokens: list[float], noise: float = 1e-4) -> Points:
    """Runs that follow Besiroglu et al., with a little noise."""
    n, d = np.array(params), np.array(tokens)
    loss = find_law("chinchilla").loss(TRUE, params=n, tokens=d)
    return Points.of(loss * np.exp(noise * np.random.default_rng(0).standard_normal(n.size)), params=n, tokens=d)


def grid(least: float, most: float, ratios: tuple[float, ...] = (5.0, 20.0, 80.0)) -> Points:
    sizes = np.geomspace(least, most, 6)
    return points([n for n in sizes for _ in ratios], [n * ratio for n in sizes for ratio in ratios])


@pytest.fixture(scope="module")
def large() -> Fit:
    return fit("chinchilla", grid(1e8, 1e10))


def test_exponents_allocation_and_ratio_stand_among_the_published(large: Fit) -> None:
    found = standing(large)
    assert found is not None and found.allocation and found.ratio and found.flops
    same = [item.coefficients["alpha"] for item in SETS if item.law in ("chinchilla", "muennighoff")]
    alpha = found.exponents["alpha"]
    assert alpha.own == large.coefficients["alpha"]
    assert alpha.published[0] > min(same), "those of the other convention are not compared"
    assert list(found.exponents) == ["alpha", "beta"]
    assert found.allocation.own == pytest.approx(0.5126, abs=0.02)
    assert found.measured_from is None
    assert found.ratio.own == pytest.approx(plan_fit(large, None, Goal(flops=found.flops)).tokens_per_param)
    assert not found.ratio.outside


def test_the_convention_of_the_fit_chooses_the_sets(large: Fit) -> None:
    other = standing(fit("chinchilla", large.points, convention="non-embedding"))
    assert other is not None and other.exponents["alpha"].published[0] < 0.2
    assert other.allocation is not None and other.allocation.published[1] == pytest.approx(0.73)


def test_small_ladders_are_told_that_none_is_so_small() -> None:
    found = standing(fit("chinchilla", grid(1e4, 1e6)))
    assert found is not None and found.measured_from and found.flops and found.flops < found.measured_from / 10
    assert "models this small need not agree" in standing_text(fit("chinchilla", grid(1e4, 1e6)))[-1]


def test_n_and_d_on_one_ray_give_no_allocation() -> None:
    found = standing(fit("chinchilla", grid(1e8, 1e10, (20.0,))))
    assert found is None or (found.allocation is None and found.ratio is None)


def test_one_d_leaves_the_exponent_of_n_alone() -> None:
    sizes = list(np.geomspace(1e8, 1e10, 8))
    found = standing(fit("chinchilla-n", points(sizes, [2e10] * 8)))
    assert found is not None and list(found.exponents) == ["alpha"]
    assert found.allocation is None


def test_a_law_of_another_family_has_its_allocation_compared_and_no_exponent(large: Fit) -> None:
    found = standing(fit("sum-of-powers", large.points))
    assert found is not None and not found.exponents and found.allocation is not None


def test_the_document_holds_what_the_text_says(large: Fit) -> None:
    document, text = standing_document(large), "\n".join(standing_text(large))
    assert document is not None
    own = document["tokens_per_param"]["own"]
    assert f"{own:.1f}, published" in text
    assert f"alpha {document['exponents']['alpha']['published'][0]:.2f} to" in text
