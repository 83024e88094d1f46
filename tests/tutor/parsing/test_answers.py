"""Numbers as learners type them, and none of the ways to read something that was not meant."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_tui import InputError
from scaling_tui.tutor.parsing.answers import read_answer


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("L = 0.05853", "", 0.05853),
        ("L(N, D) = 2.5 nats", "nats", 2.5),
        ("0.05853 nats", "nats", 0.05853),
        ("2.1 nats / token", "nats", 2.1),
        ("3.13 hrs", "hours", 3.13),
        ("3.13 hr.", "hours", 3.13),
        ("5.74 b", "bits", 5.74),
        ("26b", "tokens", 26e9),
        ("1.3B params", "params", 1.3e9),
        ("20.3 tokens per parameter", "tokens/param", 20.3),
        ("3.4 ZFLOPs", "flops", 3.4e21),
        ("5 PF days", "pf-days", 5.0),
        ("446 steps", "steps", 446.0),
        ("3.2 times", "", 3.2),
        ("3.2×", "", 3.2),
        ("12 per cent", "", 0.12),
        ("6*1.3e9*2.6e10", "flops", 2.028e20),
        ("6 × 1.3B × 26B FLOPs", "flops", 2.028e20),
        ("6 x 1.3e9 x 2.6e10", "flops", 2.028e20),
        ("1,000*3", "", 3000.0),
        ("40 000/4*2", "", 20000.0),
        ("1000^-0.5 + 10000^-0.3", "", 0.0947185110497),
        ("log(100,10)", "", 2.0),
        ("ln(8192) nats", "nats", 9.010913347),
        ("4*768² + 2*768*3072", "params", 7077888.0),
        ("C = 6*7e9*1.4e11 = 5.88e21", "flops", 5.88e21),
        (r"$5.88 \times 10^{21}$", "flops", 5.88e21),
        ("1.8 exaflops", "flops", 1.8e18),
        ("D/N ≈ 21.6 to 1", "tokens/param", 21.6),
        ("α = 0.1", "", 0.1),
        ("a factor of 7.6", "", 7.6),
        ("×7.6", "", 7.6),
        ("about 3.134 nats.", "nats", 3.134),
        ("３.134", "nats", 3.134),
        ("ln 5", "nats", 1.6094379124),
        ("2.83/ln2 bits", "bits", 4.0828269627),
        ("3.39/(4.1 ln 2)", "bits", 1.192862485),
        ("ln 2.66 - ln 2.86", "", -0.072495502),
        ("ln(30 522)", "nats", 10.3262),
        ("10% of 525000", "tokens", 52500.0),
        ("6e22/(256*989e12*50%)/3600", "hours", 131.6565554),
        ("914432//1024", "steps", 893.0),
        ("floor(914432/1024)", "steps", 893.0),
        ("1.54M tok/s", "tokens/s", 1.54e6),
        ("1.54e6 tokens per second", "tokens/s", 1.54e6),
        ("12.8Bn", "tokens", 12.8e9),
        ("730 Gtokens", "tokens", 730e9),
        ("20,000 tokens", "tokens", 20000.0),
        ("pow(0.75, 10)", "", 0.0563135),
    ],
)
def test_natural_answers_are_read(text: str, unit: str, value: float) -> None:
    assert read_answer(text, unit).value == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize(
    ("text", "unit", "says"),
    [
        ("5.74 B", "bits", "not clear what 'B' means"),
        ("5.74b", "nats", "not clear what 'b' means"),
        ("5 m", "hours", "not clear what 'm' means"),
        ("8 b", "bytes", "not clear what 'b' means"),
        ("5 days", "hours", "found days, want a number in hours"),
        ("90 min", "hours", "found min, want a number in hours"),
        ("2.5 bits", "nats", "found bits"),
        ("0,5", "", "two different numbers"),
        ("3,134", "nats", "two different numbers"),
        ("5,853e-2", "nats", "two different numbers"),
        ("1,474M", "params", "two different numbers"),
        ("67,2 %", "", "two different numbers"),
        ("ln(30,522)", "nats", "unclear comma"),
        ("1.54e6 tokens/s", "tokens", "found tokens/s, want a number in tokens"),
        ("ln 2^3", "", "write ln(…)"),
        (r"\frac{1}", "", "wants two parts"),
        ("seven", "", "cannot read 'seven'"),
        ("7 eggs", "", "cannot parse 'eggs'"),
        ("2e3*tokens", "tokens", "cannot parse"),
        ("1/0*2", "", "has no value"),
        ("9**9**9**9", "", "has no value"),
        ("6*", "", "missing"),
        ("__import__('os')", "", "cannot read"),
    ],
)
def test_what_is_unclear_is_refused_and_said(text: str, unit: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        read_answer(text, unit)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=70), st.sampled_from(["", "bits", "nats", "flops", "hours"]))
def test_any_text_is_a_finite_number_or_refused(text: str, unit: str) -> None:
    with suppress(InputError):
        assert abs(read_answer(text, unit).value) < float("inf")


@given(st.floats(1e-6, 1e12), st.floats(1e-6, 1e12), st.sampled_from("+-*/"))
def test_arithmetic_comes_to_what_python_makes_of_it(one: float, other: float, sign: str) -> None:
    wanted = {"+": one + other, "-": one - other, "*": one * other, "/": one / other}[sign]
    assert read_answer(f"{one!r} {sign} ({other!r})").value == pytest.approx(wanted, rel=1e-9, abs=1e-300)
