"""Usual slips that no bank needs to list: each is the question's own formula, worked as people work it wrongly.

The formula is read again with one thing changed (two names in each other's place, an exponent's sign, a function of the
law code, a number rounded on the way) and evaluated with the same numbers, so the slip leads to the very answer that a
learner who makes it types. Where a change does nothing, or leads too near to another answer to be told from it, the
slip is not known of that question.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from scaling_tui import InputError
from scaling_tui.tutor.expressions import Function
from scaling_tui.tutor.formulas import FUNCTIONS, formula, rounded
from scaling_tui.tutor.numbers import plain
from scaling_tui.tutor.questions import Numeric
from scaling_tui.tutor.variants import Variant, apart

EXPONENTS = ("alpha", "beta", "b", "d")
LOSSES = ("loss(", "plan_loss(", "term(")  # functions whose value is in nats
ROUNDED_TO = (2, 3)
TENS = (3, -3, 6, -6, 1, -1, 2, -2)


@dataclass(frozen=True)
class Usual:
    """A slip of `SLIPS`, the answer that it leads to, and what to tell."""

    slip: str
    answer: float
    says: str


def usual_slips(asked: Variant) -> list[Usual]:
    """The slips that can be told from the key, from the bank's own mistakes and from each other; likely ones first."""
    body = asked.question.body
    if not isinstance(body, Numeric):
        return []
    taken = [asked.values["answer"], *(value for _, value in asked.wrong)]
    found = []
    for one in _candidates(asked, body):
        if one.answer and apart([*taken, one.answer], body.tolerance):
            taken.append(one.answer)
            found.append(one)
    return found


def _candidates(asked: Variant, body: Numeric) -> Iterator[Usual]:
    key, text, names = asked.values["answer"], body.answer.text, body.answer.names
    if body.unit in ("nats", "bits") or any(name in text for name in LOSSES):
        yield Usual("nats-bits", key / math.log(2), "This is 1/ln 2 times the answer: bits where nats are asked for.")
        yield Usual("nats-bits", key * math.log(2), "This is ln 2 times the answer: nats where bits are asked for.")
    if {"N", "D"} <= names:
        swapped = {**asked.values, "N": asked.values["D"], "D": asked.values["N"]}
        yield from _worked(asked, swapped, "swapped", "N and D have changed places.")
    if turned := [name for name in EXPONENTS if name in names]:
        values = {**asked.values, **{name: -asked.values[name] for name in turned}}
        says = f"So it comes out with the wrong sign of {' and '.join(turned)}: these terms fall as the size grows."
        yield from _worked(asked, values, "sign-of-exponent", says)
    for slip, says, changed in _FUNCTIONS:
        if any(f"{name}(" in text for name in changed):
            yield from _worked(asked, asked.values, slip, says, functions=changed)
    for digits in ROUNDED_TO:
        if digits < body.digits:
            says = f"So it comes out if every number on the way is rounded to {digits} figures: round at the end alone."
            yield from _worked(asked, asked.values, "rounded-early", says, after=_rounder(digits))


def _worked(
    asked: Variant,
    values: Mapping[str, float],
    slip: str,
    says: str,
    functions: Mapping[str, Function] | None = None,
    after: Callable[[float], float] | None = None,
) -> Iterator[Usual]:
    """The question's formula with other values, other functions, or with `after` applied to every number on the way."""
    body = asked.question.body
    assert isinstance(body, Numeric)
    known = {name: (changed, *FUNCTIONS[name][1:]) for name, changed in (functions or {}).items()}
    try:
        answer = formula(body.answer.text, frozenset(asked.values), {**FUNCTIONS, **known}, after)(values)
    except (InputError, ArithmeticError):
        return  # the law code takes no such numbers
    if math.isfinite(answer):
        yield Usual(slip, answer, says)


def _rounder(digits: int) -> Callable[[float], float]:
    return lambda value: rounded(value, digits) if math.isfinite(value) else value


def _forward_only(params: float, tokens: float) -> float:
    return 2 * params * tokens


def _no_embedding(layers: float, hidden: float, ffn: float, vocab: float) -> float:
    return FUNCTIONS["total_params"][0](layers, hidden, ffn, 0.0)


_FUNCTIONS: tuple[tuple[str, str, dict[str, Function]], ...] = (
    ("forward-only", "This is with 2ND: training costs 6ND, the backward pass twice the forward one.",
     {"training_flops": _forward_only}),
    ("embeddings", "This leaves the embedding out; every trainable parameter is asked for.",
     {"total_params": _no_embedding}),
    ("log-base", "This is with the logarithm to base 10; the natural one is meant.",
     {"log": lambda value, base=10.0: math.log(value, base), "ln": math.log10}),
)  # fmt: skip


def power_of_ten(asked: Variant) -> Usual | None:
    """An answer with the right digits and the wrong size that no listed mistake leads to; for `quiz check`."""
    body = asked.question.body
    assert isinstance(body, Numeric)
    key = asked.values["answer"]
    taken = [key, *(value for _, value in asked.wrong), *(one.answer for one in asked.usual)]
    for tens in TENS:
        answer = key * 10.0**tens
        if apart([*taken, answer], body.tolerance):
            return Usual("power-of-ten", answer, f"Off by a factor 10^{plain(tens)}.")
    return None
