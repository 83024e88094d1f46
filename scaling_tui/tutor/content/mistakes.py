"""The mistakes that people make: a name for each, and those that lead to a number in any numeric question.

A bank lists the mistakes of its own questions. The common ones need no listing: each is the question's own formula,
worked as people work it wrongly.

The formula is read again with one thing changed (two names in each other's place, an exponent's sign, a function of the
law code, a number rounded on the way) and evaluated with the same numbers, so the slip leads to the very answer that a
learner who makes it types. Where a change does nothing, or leads too near to another answer to be told from it, the
slip is not known of that question.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from scaling_tui import InputError
from scaling_tui.tutor.content.questions import Numeric
from scaling_tui.tutor.parsing.expressions import Function
from scaling_tui.tutor.parsing.formulas import FUNCTIONS, formula, rounded
from scaling_tui.tutor.parsing.numbers import apart, plain

Values = Mapping[str, float]

SLIPS: dict[str, str] = {
    "sign-of-exponent": "the exponent has the wrong sign",
    "one-term": "a term is missing",
    "swapped": "N and D changed places",
    "floor-forgotten": "the irreducible loss E is missing",
    "floor-counted": "the irreducible loss E is counted where it does not belong",
    "product": "an exponent was taken for a factor",
    "ratio-upside-down": "a ratio is upside down",
    "coefficient": "a coefficient was left out, or taken for another",
    "forward-only": "2ND for 6ND: the backward pass is missing",
    "backward-only": "4ND for 6ND: the forward pass is missing",
    "factor-six": "the factor 6 is missing",
    "embeddings": "parameters with and without embeddings were mixed up",
    "layers": "the layers were counted wrongly",
    "matrices": "a weight matrix is missing or counted twice",
    "log-base": "another base of the logarithm",
    "nats-bits": "nats for bits",
    "units": "another unit",
    "rounded-early": "a number was rounded too early",
    "linear": "a power law was read as if it were a straight line",
    "inverse": "the equation was solved for something else",
    "share": "a share and what is left of it were mixed up",
    "average": "an average of the wrong kind",
    "independence": "probabilities were added, or one was taken for all",
    "epochs": "epochs and fresh tokens were mixed up",
    "exponent": "the wrong exponent",
    # What marking notices by itself, in any numeric question:
    "power-of-ten": "off by a power of ten",
    "sign": "the wrong sign",
    "few-figures": "too few significant figures",
    "near": "near, but not within the tolerance",
    # and in any formula:
    "unchanged": "the line is as it was",
    "wrong-line": "another line is at fault",
    "unused": "something that matters is not in the formula",
    "factor": "right but for a constant factor",
}

GENERIC = frozenset(("power-of-ten", "sign", "few-figures", "near", "unchanged", "wrong-line", "unused", "factor"))

EXPONENTS = ("alpha", "beta", "b", "d")
LOSSES = ("loss(", "plan_loss(", "term(")  # functions whose value is in nats
ROUNDED_TO = (2, 3)
TENS = (3, -3, 6, -6, 1, -1, 2, -2)


@dataclass(frozen=True)
class CommonMistake:
    """A slip of `SLIPS`, the answer that it leads to, and what to tell."""

    slip: str
    answer: float
    says: str


def common_mistakes(body: Numeric, values: Values, listed: Sequence[float]) -> list[CommonMistake]:
    """The slips that can be told from the key, from the bank's own mistakes and from each other; likely ones first."""
    taken = [values["answer"], *listed]
    told_apart = []
    for mistake in _candidates(body, values):
        if mistake.answer and apart([*taken, mistake.answer], body.tolerance):
            taken.append(mistake.answer)
            told_apart.append(mistake)
    return told_apart


def _candidates(body: Numeric, values: Values) -> Iterator[CommonMistake]:
    key, text, names = values["answer"], body.answer.text, body.answer.names
    if body.unit in ("nats", "bits") or any(name in text for name in LOSSES):
        yield CommonMistake(
            "nats-bits", key / math.log(2), "This is 1/ln 2 times the answer: bits where nats are asked for."
        )
        yield CommonMistake(
            "nats-bits", key * math.log(2), "This is ln 2 times the answer: nats where bits are asked for."
        )
    if {"N", "D"} <= names:
        swapped = {**values, "N": values["D"], "D": values["N"]}
        yield from _worked(body, swapped, "swapped", "N and D have changed places.")
    if turned := [name for name in EXPONENTS if name in names]:
        flipped = {**values, **{name: -values[name] for name in turned}}
        says = f"So it comes out with the wrong sign of {' and '.join(turned)}: these terms fall as the size grows."
        yield from _worked(body, flipped, "sign-of-exponent", says)
    for slip, says, changed in _FUNCTIONS:
        if any(f"{name}(" in text for name in changed):
            yield from _worked(body, values, slip, says, functions=changed)
    for digits in ROUNDED_TO:
        if digits < body.digits:
            says = f"So it comes out if every number on the way is rounded to {digits} figures: round at the end alone."
            yield from _worked(body, values, "rounded-early", says, after=_rounder(digits))


def _worked(
    body: Numeric,
    values: Values,
    slip: str,
    says: str,
    functions: Mapping[str, Function] | None = None,
    after: Callable[[float], float] | None = None,
) -> Iterator[CommonMistake]:
    """The question's formula with other values, other functions, or with `after` applied to every number on the way."""
    known = {name: (changed, *FUNCTIONS[name][1:]) for name, changed in (functions or {}).items()}
    try:
        answer = formula(body.answer.text, frozenset(values), {**FUNCTIONS, **known}, after)(values)
    except (InputError, ArithmeticError):
        return  # the law code takes no such numbers
    if math.isfinite(answer):
        yield CommonMistake(slip, answer, says)


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


def power_of_ten(body: Numeric, key: float, taken: Sequence[float]) -> CommonMistake | None:
    """An answer with the right digits and the wrong size that no listed mistake leads to; for `quiz check`."""
    for tens in TENS:
        answer = key * 10.0**tens
        if apart([key, *taken, answer], body.tolerance):
            return CommonMistake("power-of-ten", answer, f"Off by a factor 10^{plain(tens)}.")
    return None
