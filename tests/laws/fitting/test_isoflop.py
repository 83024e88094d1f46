"""IsoFLOP valleys and the envelope of curves, on points of a law whose optimum is known in closed form."""

from pathlib import Path

import numpy as np
import pytest

from scaling_tui import InputError
from scaling_tui.laws import Points, find_law, get
from scaling_tui.laws.fitting.envelope import envelope
from scaling_tui.laws.fitting.isoflop import profiles
from scaling_tui.laws.fitting.tables import read_points
from scaling_tui.laws.fitting.valleys import SHAPES, Shape
from scaling_tui.laws.planning.plan import Goal, plan_published
from tests.laws.conftest import Runs

CHOSEN = get("chinchilla:besiroglu2024")
SHARE = CHOSEN.coefficients["beta"] / (CHOSEN.coefficients["alpha"] + CHOSEN.coefficients["beta"])


def grid(budgets: int, sizes: int, width: float) -> Points:
    """Each budget at sizes around its optimum, `width` in powers of ten to each side."""
    N, C = [], []
    for c in np.geomspace(1e19, 1e22, budgets):
        best = plan_published(CHOSEN, Goal(flops=c)).params
        N += list(best * 10 ** np.linspace(-width, width * 0.9, sizes))
        C += [c] * sizes
    params, flops = np.array(N), np.array(C)
    loss = find_law("chinchilla").loss(CHOSEN.coefficients, params=params, tokens=flops / 6 / params)
    return Points.of(loss, params=params, flops=flops)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("budgets", [2, 4, 9])
def test_valleys_find_the_optimum_of_each_budget(shape: Shape, budgets: int) -> None:
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


def drifting(law: dict[str, float], sizes: int, half: float, drift: float, budgets: int = 6) -> tuple[Points, float]:
    """Points of a law on grids whose centres move away from the optimum, and its exponent of N."""
    alpha, beta = law["alpha"], law["beta"]
    C = np.geomspace(1e18, 1e21, budgets)
    best = (alpha * law["A"] / beta / law["B"]) ** (1 / (alpha + beta)) * (C / 6) ** (beta / (alpha + beta))
    centre = best * drift ** np.linspace(-1, 1, budgets)
    N, flops = (centre[:, None] * np.geomspace(1 / half, half, sizes)).ravel(), np.repeat(C, sizes)
    return Points.of(find_law("chinchilla").loss(law, params=N, tokens=flops / 6 / N), params=N, flops=flops), beta / (
        alpha + beta
    )


UNEQUAL = {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.465, "beta": 0.155}


def test_without_noise_the_parabola_through_all_sizes_is_biased_and_the_default_is_not() -> None:
    points, truth = drifting(UNEQUAL, 9, 30.0, 2.0)
    exponents = {shape: profiles(points, shape).params for shape in SHAPES}
    errors = {shape: abs(law.exponent - truth) for shape, law in exponents.items() if law}
    assert errors["parabola"] > 0.01
    assert errors["near"] < 0.001 and errors["akima"] < 0.001


def test_with_noise_the_default_beats_a_curve_through_every_point() -> None:
    points, truth = drifting(UNEQUAL, 9, 10.0, 2.0)
    errors: dict[Shape, list[float]] = {shape: [] for shape in SHAPES}
    for seed in range(20):
        noisy = points.loss * np.exp(0.005 * np.random.default_rng(seed).standard_normal(len(points)))
        for shape in SHAPES:
            law = profiles(Points.of(noisy, params=points.params, flops=points.flops), shape).params
            assert law is not None
            errors[shape].append(law.exponent - truth)
    rms = {shape: float(np.sqrt(np.mean(np.square(found)))) for shape, found in errors.items()}
    assert rms["near"] < 0.3 * rms["akima"] and rms["near"] < rms["parabola"]


def test_the_interval_holds_the_exponent_about_as_often_as_it_says() -> None:
    points, truth = drifting(UNEQUAL, 7, 5.0, 1.5)
    held = 0
    for seed in range(60):
        noisy = points.loss * np.exp(0.005 * np.random.default_rng(seed).standard_normal(len(points)))
        law = profiles(Points.of(noisy, params=points.params, flops=points.flops)).params
        assert law is not None
        held += law.low <= truth <= law.high
    assert 47 <= held <= 60


def test_shapes_that_disagree_are_named_with_what_each_finds() -> None:
    points, _ = drifting(UNEQUAL, 9, 10.0, 2.0)
    assert not any("N grows" in warning or "best N differs" in warning for warning in profiles(points).warnings)
    noisy = Points.of(
        points.loss * np.exp(0.02 * np.random.default_rng(1).standard_normal(len(points))),
        params=points.params,
        flops=points.flops,
    )
    found = profiles(noisy)
    akima = next(other for other in found.disagreement if other.shape == "akima")
    assert found.params is not None and akima.exponent is not None
    assert abs(akima.exponent - found.params.exponent) > 0.03 and akima.apart
    assert any(f"C^{akima.exponent:.3f} by Akima's curve" in warning for warning in found.warnings)
    assert any("best N differs by more than 25 %" in warning and "Akima's" in warning for warning in found.warnings)


def test_a_valley_that_one_size_bears_alone_is_named() -> None:
    points = grid(4, 7, 0.4)
    params, flops = points.column("params"), points.column("flops")
    best = plan_published(CHOSEN, Goal(flops=float(flops.max()))).params
    found = profiles(points.take((flops < flops.max()) | (params > 0.75 * best)))
    assert [valley.beyond for valley in found.valleys][-1] == 1
    assert any("1e+22: only one size lies beyond" in warning for warning in found.warnings)
    assert not any("only one size" in warning for warning in profiles(points).warnings)


def test_two_budgets_have_an_exponent_without_an_interval_and_say_so() -> None:
    found = profiles(grid(2, 7, 0.4))
    assert found.params is not None and np.isnan(found.params.low)
    assert any("no interval, a third budget would give one" in warning for warning in found.warnings)
    assert not any("no interval" in warning for warning in profiles(grid(3, 7, 0.4)).warnings)


@pytest.mark.parametrize("shape", SHAPES)
def test_three_sizes_at_a_budget_are_enough(shape: Shape) -> None:
    points, truth = drifting(UNEQUAL, 3, 2.0, 1.0)
    found = profiles(points, shape)
    assert found.params is not None and found.params.exponent == pytest.approx(truth, abs=0.005)


def test_repeated_sizes_count_as_one_with_more_weight() -> None:
    points = grid(4, 7, 0.4)
    twice = points.take(np.r_[np.arange(len(points)), np.arange(len(points))])
    one, two = profiles(points), profiles(twice)
    assert [valley.points for valley in two.valleys] == [2 * valley.points for valley in one.valleys]
    assert [valley.params for valley in two.valleys] == pytest.approx([valley.params for valley in one.valleys])


@pytest.mark.parametrize(
    ("stage", "shape", "exponent", "published"),
    [("head", "near", 0.698, 0.707), ("head", "akima", 0.714, 0.707), ("head", "parabola", 0.780, 0.707),
     ("decay", "near", 0.554, 0.572), ("decay", "akima", 0.572, 0.572), ("decay", "parabola", 0.563, 0.572)],
)  # fmt: skip
def test_public_stages(shared_data: Path, stage: str, shape: Shape, exponent: float, published: float) -> None:
    points = read_points(shared_data / "tables" / f"isoflop_{stage}.csv")
    found = profiles(points, shape)
    assert found.params is not None and found.params.exponent == pytest.approx(exponent, abs=0.001)
    if shape != "parabola":
        assert found.params.exponent == pytest.approx(published, abs=0.02)
    told = any("N grows as C^" in warning for warning in found.warnings)
    assert told == (stage == "head")


def test_hoffmanns_runs_ask_for_half_and_half(published: Runs) -> None:
    found = profiles(published(0))
    assert found.params is not None
    assert 0.42 < found.params.low < found.params.exponent < found.params.high < 0.55


def test_too_few_sizes_is_an_error() -> None:
    with pytest.raises(InputError, match="three sizes"):
        profiles(Points.of([2.0, 2.1], params=[1e8, 1e9], flops=[1e20, 1e20]))


def test_envelope_of_curves() -> None:
    N, D = (a.ravel() for a in np.meshgrid(np.geomspace(1e7, 1e10, 12), np.geomspace(1e8, 1e13, 300)))
    loss = find_law("chinchilla").loss(CHOSEN.coefficients, params=N, tokens=D)
    found = envelope(Points.of(loss, params=N, tokens=D))
    assert found.sizes == 12 and found.params_law is not None
    assert found.params_law.exponent == pytest.approx(SHARE, abs=0.01)
    assert np.all(np.diff(found.loss) < 1e-12)


def test_one_curve_has_no_envelope() -> None:
    D = np.geomspace(1e8, 1e10, 9)
    with pytest.raises(InputError, match="1 training curves"):
        envelope(Points.of(2 + 1e3 / D**0.4, params=np.full(9, 1e8), tokens=D))
