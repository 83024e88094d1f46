"""The laws as formulas: published figures, gradients, inverses, monotonicity, stability."""

import math

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from scaling_tui import InputError
from scaling_tui.laws import LAWS, Law, find_law, get

EXAMPLES: dict[str, dict[str, float]] = {
    "sum-of-powers": {"a": 757.0, "b": 0.375, "c": 9.47, "d": 0.061},
    "kaplan": {"Nc": 6.4e13, "alpha_N": 0.076, "Dc": 1.8e13, "alpha_D": 0.103},
    "kaplan-n": {"Nc": 8.8e13, "alpha_N": 0.076},
    "kaplan-d": {"Dc": 5.4e13, "alpha_D": 0.095},
    "kaplan-c": {"Cc": 3.1e8, "alpha_C": 0.05},
    "chinchilla": {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658},
    "chinchilla-n": {"E": 1.8, "A": 482.0, "alpha": 0.35},
    "chinchilla-d": {"E": 1.8, "B": 2085.0, "beta": 0.37},
    "muennighoff": dict(get("muennighoff").coefficients),
    "bnsl-n": {"a": 1.7, "b": 60.0, "c0": 0.1, "c1": 0.25, "d1": 3e9, "f1": 0.4},
    "bnsl-d": {"a": 1.7, "b": 60.0, "c0": 0.1, "c1": 0.25, "d1": 3e9, "f1": 0.4},
    "bnsl-c": {"a": 1.7, "b": 200.0, "c0": 0.1, "c1": -0.07, "d1": 3e19, "f1": 1.5},
    "multiplicative": {"E": 1.1, "A": 40.0, "alpha": 0.12, "beta": 0.07},
    "moe": dict(get("moe").coefficients),
}
RISING = {("moe", "params"), ("moe", "total_params")}  # where the loss may rise with an input
names = st.sampled_from(sorted(LAWS))
sizes = st.floats(0.0, 15.0).map(lambda log10: 10.0**log10)


def inputs(law: Law, params: float, tokens: float, repeat: float) -> dict[str, object]:
    every = {
        "params": params,
        "tokens": tokens,
        "flops": params * tokens,
        "unique_tokens": tokens / repeat,
        "total_params": params * repeat,
    }
    return {name: every[name] for name in law.inputs}


def test_every_law_has_an_example_and_its_words() -> None:
    assert set(EXAMPLES) == set(LAWS)
    for law in LAWS.values():
        assert law.text.startswith("L = ") and law.latex.startswith("L") and law.source
        assert law.signed <= law.exponents <= set(law.coefficients)
        assert law.floor is None or (law.floor in law.coefficients and law.floor not in law.exponents)


def test_sum_of_powers_as_taught() -> None:
    value = find_law("sum-of-powers").loss({"a": 1, "b": 0.5, "c": 1, "d": 0.3}, params=1000, tokens=10000)
    assert float(value) == pytest.approx(1000**-0.5 + 10000**-0.3)
    assert round(float(value), 4) == 0.0947


@pytest.mark.parametrize(
    ("name", "given", "by_hand"),
    [
        ("kaplan-n", {"params": 1e9}, (8.8e13 / 1e9) ** 0.076),
        ("kaplan-d", {"tokens": 1e10}, (5.4e13 / 1e10) ** 0.095),
        ("kaplan-c", {"flops": 8.64e19 * 1e3}, (3.1e8 / 1e3) ** 0.05),
        ("kaplan", {"params": 1e9, "tokens": 1e10}, ((6.4e13 / 1e9) ** (0.076 / 0.103) + 1.8e13 / 1e10) ** 0.103),
        (
            "chinchilla:hoffmann2022",
            {"params": 7e10, "tokens": 1.4e12},
            1.69 + 406.4 / 7e10**0.34 + 410.7 / 1.4e12**0.28,
        ),
    ],
)
def test_published_sets_by_hand(name: str, given: dict[str, float], by_hand: float) -> None:
    assert float(find_law(name).loss(get(name).coefficients, **given)) == pytest.approx(by_hand, rel=1e-12)


def test_repeated_data_as_the_paper_computes_it() -> None:
    chosen = get("muennighoff")
    for N, D, value in ((6.34e9, 242e9, 2.2256440889984477), (8.67e9, 178e9, 2.2269634075087867)):
        found = find_law("muennighoff").loss(chosen.coefficients, params=N, tokens=D, unique_tokens=25e9)
        assert float(found) == pytest.approx(value, rel=1e-14)


def test_repeats_are_worth_less_than_fresh_tokens_and_more_than_none() -> None:
    law, c = find_law("muennighoff"), EXAMPLES["muennighoff"]
    once, again, fresh = (
        float(law.loss(c, params=1e9, tokens=D, unique_tokens=U)) for D, U in ((2e10, 2e10), (8e10, 2e10), (8e10, 8e10))
    )
    assert fresh < again < once


@given(name=names, params=sizes, tokens=sizes, repeat=st.floats(1, 50))
def test_loss_is_finite_and_falls_with_every_input(name: str, params: float, tokens: float, repeat: float) -> None:
    law, c = LAWS[name], EXAMPLES[name]
    at = inputs(law, params, tokens, repeat)
    here = float(law.loss(c, **at))
    assert math.isfinite(here) and here > 0
    for key in at:
        if key == "unique_tokens" or (name, key) in RISING:
            continue  # more unique tokens than tokens is not a thing
        more = at | {key: at[key] * 1.5}  # type: ignore[operator]
        assert float(law.loss(c, **more)) <= here * (1 + 1e-12)


@given(name=names, params=sizes, tokens=sizes, repeat=st.floats(1.01, 50), key=st.integers(0, 9))
def test_gradient_is_the_difference_quotient(name: str, params: float, tokens: float, repeat: float, key: int) -> None:
    law, c = LAWS[name], EXAMPLES[name]
    at = inputs(law, params, tokens, repeat)
    coefficient = law.coefficients[key % len(law.coefficients)]
    step = 1e-5 * abs(c[coefficient])
    up, down = (float(law.loss(c | {coefficient: c[coefficient] + s}, **at)) for s in (step, -step))
    exact = float(law.gradient(c, **at)[coefficient])
    # A difference of two losses carries their rounding; the quotient is compared as far as it has digits.
    rounding = 8 * np.finfo(float).eps * (abs(up) + abs(down)) / (2 * step)
    assert (up - down) / (2 * step) == pytest.approx(exact, rel=1e-5, abs=4 * rounding + 1e-300)


@example(name="moe", params=3.0, tokens=3.0, repeat=1.0, which=1)  # every expert is active: at the end of its range
@given(name=names, params=st.floats(3, 13), tokens=st.floats(3, 13), repeat=st.floats(1, 20), which=st.integers(0, 1))
def test_inverse_undoes_loss(name: str, params: float, tokens: float, repeat: float, which: int) -> None:
    law, c = LAWS[name], EXAMPLES[name]
    at = inputs(law, 10.0**params, 10.0**tokens, repeat)
    unknown = law.inputs[which % len(law.inputs)]
    target = float(law.loss(c, **at))
    # Where the unknown's own term is lost in the others' last bits, the loss does not determine it.
    aside = 0.99 if unknown == "params" else 1.01  # to where it still is a part or the whole of another input
    slope = float(law.loss(c, **(at | {unknown: at[unknown] * aside}))) / target - 1  # type: ignore[operator]
    assume(abs(slope) > 1e-9)
    known = {key: value for key, value in at.items() if key != unknown}
    found = law.inverse(c, target, unknown, **known)
    if (name, unknown) in RISING:  # several values may give one loss
        assert float(law.loss(c, **{**at, unknown: found})) == pytest.approx(target, rel=1e-9)
    else:
        assert found == pytest.approx(at[unknown], rel=max(1e-9, 1e-16 / abs(slope) * 1e2))


@pytest.mark.parametrize(
    ("loss", "says"), [(1.5, "below E"), (1.8172, "below E"), (1.82, "not reachable by any N"), (-1.0, "positive")]
)
def test_losses_out_of_reach_say_why(loss: float, says: str) -> None:
    with pytest.raises(InputError, match=says):
        find_law("chinchilla").inverse(EXAMPLES["chinchilla"], loss, "params", tokens=1e9)


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("chinchilla", {"params": 1e9}, "tokens: missing"),
        ("kaplan-n", {"params": 1e9, "tokens": 1e9}, "tokens: not an input of"),
        ("kaplan-n", {"params": -1.0}, "params: found -1"),
        ("kaplan-n", {"params": float("nan")}, "params: found nan"),
        ("muennighoff", {"params": 1e9, "tokens": 1e9, "unique_tokens": 1e10}, "unique_tokens"),
        ("moe", {"params": 2e9, "total_params": 1e9, "tokens": 1e9}, "params: found more than total_params"),
    ],
)
def test_wrong_inputs_are_named(name: str, given: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        LAWS[name].loss(EXAMPLES[name], **given)


def test_the_broken_power_law_is_a_power_law_on_each_side_of_its_break() -> None:
    law, c = LAWS["bnsl-d"], {"a": 0.0, "b": 60.0, "c0": 0.1, "c1": 0.25, "d1": 1e9, "f1": 0.1}
    before, after = law.loss(c, tokens=[1e5, 1e6]), law.loss(c, tokens=[1e12, 1e13])
    assert np.log10(before[0] / before[1]) == pytest.approx(0.1)
    assert np.log10(after[0] / after[1]) == pytest.approx(0.35)
    assert before[0] == pytest.approx(60 * 1e5**-0.1)
    assert after[0] == pytest.approx(60 * 1e12**-0.1 * (1e12 / 1e9) ** -0.25)


def test_the_broken_power_law_of_figure_1_of_its_paper() -> None:
    """Caballero et al. draw three breaks: their script's formula against the kernel with three."""
    from scaling_tui.laws.kernels import Broken

    a, b, c0 = 1e-3, 4.66e3, 0.05
    breaks = [(0.49, 3e6, 1.1), (-0.811, 1e14, 1.425), (2.1, 2e20, 0.05)]
    theta = [np.log(a), np.log(b), c0, *(v for c, d, f in breaks for v in (c, np.log(d), np.log(f)))]
    x = np.logspace(-1, 26, 60)
    by_hand = b * x**-c0
    for c, d, f in breaks:
        with np.errstate(over="ignore"):
            by_hand = by_hand * (1 + (x / d) ** (1 / f)) ** (-c * f)
    kernel = Broken(3)
    value, _ = kernel.evaluate(np.array([theta]), np.log(x)[None])
    finite = by_hand > 0  # the script's own power overflows past the last break
    assert finite.sum() > 45
    assert np.exp(value[0][finite]) == pytest.approx((a + by_hand)[finite], rel=1e-9)
    assert np.isfinite(value).all()


def _law_and_points(name: str, seed: int) -> tuple[Law, np.ndarray, np.ndarray]:
    law, rng = LAWS[name], np.random.default_rng(seed)
    at = {"params": 10 ** rng.uniform(3, 11, 9), "tokens": 10 ** rng.uniform(3, 12, 9)}
    at |= {"flops": 10 ** rng.uniform(12, 24, 9), "unique_tokens": at["tokens"] / rng.uniform(1, 30, 9)}
    at["total_params"] = at["params"] * rng.uniform(1, 30, 9)
    x, _ = law.logs({key: at[key] for key in law.inputs})
    return law, law.pack(law.values(EXAMPLES[name]))[None], x


@pytest.mark.parametrize("name", sorted(set(LAWS) - {"muennighoff"}))
@pytest.mark.parametrize("seed", range(3))
def test_curvature_is_the_difference_quotient_of_the_jacobian(name: str, seed: int) -> None:
    """Newton's method depends on it."""
    law, theta, x = _law_and_points(name, seed)
    weight = np.random.default_rng(seed).standard_normal((1, x.shape[1]))

    def slope(at: np.ndarray) -> np.ndarray:
        _, state = law.kernel.evaluate(at, x)
        return np.asarray(np.einsum("kn,kpn->kp", weight, law.kernel.jacobian(at, x, state))[0])

    _, state = law.kernel.evaluate(theta, x)
    exact = law.kernel.curvature(theta, x, state, weight)[0]
    for place in range(theta.shape[1]):
        step = np.zeros_like(theta)
        step[0, place] = 1e-6 * max(1.0, abs(theta[0, place]))
        quotient = (slope(theta + step) - slope(theta - step)) / (2 * step[0, place])
        assert exact[place] == pytest.approx(quotient, rel=1e-4, abs=1e-6 * np.abs(exact).max() + 1e-9)


@pytest.mark.parametrize("name", sorted(name for name, law in LAWS.items() if law.floor))
def test_without_its_floor_a_law_stays_finite(name: str) -> None:
    law, theta, x = _law_and_points(name, 0)
    assert law.floor is not None
    place = law.coefficients.index(law.floor)
    theta[0, place] = -np.inf
    value, state = law.kernel.evaluate(theta, x)
    jacobian = law.kernel.jacobian(theta, x, state)
    curvature = law.kernel.curvature(theta, x, state, np.ones_like(value))
    for array in (value, jacobian, curvature):
        assert np.isfinite(array).all()
    assert not jacobian[:, place].any() and not curvature[:, place].any()


def test_experts_that_are_all_active_are_a_dense_model() -> None:
    c = EXAMPLES["moe"]
    N, D = 1e9, 2e10
    by_hand = 16612.5 / N**0.5962 + 5455.67 / D**0.3954 + 0.4598 + 17.26 / N**0.1595 + 0.94
    assert float(LAWS["moe"].loss(c, params=N, total_params=N, tokens=D)) == pytest.approx(by_hand, rel=1e-12)
    share = 0.125
    sparse = 16612.5 / (8 * N) ** 0.5962 + 5455.67 / D**0.3954 + 0.4598 * share**0.1666
    sparse += 17.26 / (share**0.1603 * (8 * N) ** 0.1595) + 0.94
    found = float(LAWS["moe"].loss(c, params=N, total_params=8 * N, tokens=D))
    assert found == pytest.approx(sparse, rel=1e-12) and found < by_hand


def test_a_loss_that_falls_and_rises_is_undone_where_it_falls() -> None:
    law, c = LAWS["bnsl-n"], {"a": 1.0, "b": 30.0, "c0": 0.2, "c1": -0.5, "d1": 1e7, "f1": 0.3}
    bottom = float(np.min(law.loss(c, params=np.geomspace(1e5, 1e10, 2000))))
    found = law.inverse(c, bottom + 0.1, "params")
    assert found < 1e7 and float(law.loss(c, params=found)) == pytest.approx(bottom + 0.1)
    with pytest.raises(InputError, match="not reachable by any N"):
        law.inverse(c, bottom - 0.01, "params")


def test_wrong_names_say_what_there_is() -> None:
    with pytest.raises(InputError, match="did you mean 'chinchilla'"):
        find_law("chinchila")
    with pytest.raises(InputError, match="hoffmann2022"):
        get("chinchilla:hofmann")
    with pytest.raises(InputError, match="missing E"):
        find_law("chinchilla-n").loss({"A": 1.0, "alpha": 0.3}, params=1)
