"""The laws as formulas: published figures, gradients, inverses, monotonicity, stability."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scaling_tui import InputError
from scaling_tui.laws import LAWS, Law, coefficient_set, get

EXAMPLES: dict[str, dict[str, float]] = {
    "sum-of-powers": {"a": 757.0, "b": 0.375, "c": 9.47, "d": 0.061},
    "kaplan": {"Nc": 6.4e13, "alpha_N": 0.076, "Dc": 1.8e13, "alpha_D": 0.103},
    "kaplan-n": {"Nc": 8.8e13, "alpha_N": 0.076},
    "kaplan-d": {"Dc": 5.4e13, "alpha_D": 0.095},
    "kaplan-c": {"Cc": 3.1e8, "alpha_C": 0.05},
    "chinchilla": {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658},
    "chinchilla-n": {"E": 1.8, "A": 482.0, "alpha": 0.35},
    "chinchilla-d": {"E": 1.8, "B": 2085.0, "beta": 0.37},
    "muennighoff": dict(coefficient_set("muennighoff").coefficients),
}
names = st.sampled_from(sorted(LAWS))
sizes = st.floats(0.0, 15.0).map(lambda log10: 10.0**log10)


def inputs(law: Law, params: float, tokens: float, repeat: float) -> dict[str, object]:
    every = {"params": params, "tokens": tokens, "flops": params * tokens, "unique_tokens": tokens / repeat}
    return {name: every[name] for name in law.inputs}


def test_every_law_has_an_example_and_its_words() -> None:
    assert set(EXAMPLES) == set(LAWS)
    for law in LAWS.values():
        assert law.text.startswith("L = ") and law.latex.startswith("L") and law.source
        assert law.exponents <= set(law.coefficients)


def test_sum_of_powers_as_taught() -> None:
    value = get("sum-of-powers").loss({"a": 1, "b": 0.5, "c": 1, "d": 0.3}, params=1000, tokens=10000)
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
    assert float(get(name).loss(coefficient_set(name).coefficients, **given)) == pytest.approx(by_hand, rel=1e-12)


def test_repeated_data_as_the_paper_computes_it() -> None:
    chosen = coefficient_set("muennighoff")
    for N, D, value in ((6.34e9, 242e9, 2.2256440889984477), (8.67e9, 178e9, 2.2269634075087867)):
        found = get("muennighoff").loss(chosen.coefficients, params=N, tokens=D, unique_tokens=25e9)
        assert float(found) == pytest.approx(value, rel=1e-14)


def test_repeats_are_worth_less_than_fresh_tokens_and_more_than_none() -> None:
    law, c = get("muennighoff"), EXAMPLES["muennighoff"]
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
        if key == "unique_tokens":
            continue  # more unique tokens than tokens is not a thing
        more = at | {key: at[key] * 1.5}  # type: ignore[operator]
        assert float(law.loss(c, **more)) <= here * (1 + 1e-12)


@given(name=names, params=sizes, tokens=sizes, repeat=st.floats(1.01, 50), key=st.integers(0, 6))
def test_gradient_is_the_difference_quotient(name: str, params: float, tokens: float, repeat: float, key: int) -> None:
    law, c = LAWS[name], EXAMPLES[name]
    at = inputs(law, params, tokens, repeat)
    coefficient = law.coefficients[key % len(law.coefficients)]
    step = 1e-5 * c[coefficient]
    up, down = (float(law.loss(c | {coefficient: c[coefficient] + s}, **at)) for s in (step, -step))
    exact = float(law.gradient(c, **at)[coefficient])
    # A difference of two losses carries their rounding; the quotient is compared as far as it has digits.
    rounding = 8 * np.finfo(float).eps * (abs(up) + abs(down)) / (2 * step)
    assert (up - down) / (2 * step) == pytest.approx(exact, rel=1e-5, abs=4 * rounding + 1e-300)


@given(name=names, params=st.floats(3, 13), tokens=st.floats(3, 13), repeat=st.floats(1, 20), which=st.integers(0, 1))
def test_inverse_undoes_loss(name: str, params: float, tokens: float, repeat: float, which: int) -> None:
    law, c = LAWS[name], EXAMPLES[name]
    at = inputs(law, 10.0**params, 10.0**tokens, repeat)
    unknown = law.inputs[which % len(law.inputs)]
    target = float(law.loss(c, **at))
    # Where the unknown's own term is lost in the others' last bits, the loss does not determine it.
    slope = float(law.loss(c, **(at | {unknown: at[unknown] * 1.01}))) / target - 1  # type: ignore[operator]
    assume(abs(slope) > 1e-9)
    known = {key: value for key, value in at.items() if key != unknown}
    found = law.inverse(c, target, unknown, **known)
    assert found == pytest.approx(at[unknown], rel=max(1e-9, 1e-16 / abs(slope) * 1e2))


@pytest.mark.parametrize(
    ("loss", "says"), [(1.5, "below E"), (1.8172, "below E"), (1.82, "not reachable by any N"), (-1.0, "positive")]
)
def test_losses_out_of_reach_say_why(loss: float, says: str) -> None:
    with pytest.raises(InputError, match=says):
        get("chinchilla").inverse(EXAMPLES["chinchilla"], loss, "params", tokens=1e9)


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("chinchilla", {"params": 1e9}, "tokens: missing"),
        ("kaplan-n", {"params": 1e9, "tokens": 1e9}, "tokens: not an input of"),
        ("kaplan-n", {"params": -1.0}, "params: found -1"),
        ("kaplan-n", {"params": float("nan")}, "params: found nan"),
        ("muennighoff", {"params": 1e9, "tokens": 1e9, "unique_tokens": 1e10}, "unique_tokens"),
    ],
)
def test_wrong_inputs_are_named(name: str, given: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        LAWS[name].loss(EXAMPLES[name], **given)


def test_wrong_names_say_what_there_is() -> None:
    with pytest.raises(InputError, match="chinchilla-n"):
        get("chinchila")
    with pytest.raises(InputError, match="hoffmann2022"):
        coefficient_set("chinchilla:hofmann")
    with pytest.raises(InputError, match="missing E"):
        get("chinchilla-n").loss({"A": 1.0, "alpha": 0.3}, params=1)
