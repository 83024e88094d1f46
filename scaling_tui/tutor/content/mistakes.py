"""Common mistakes: a name for each, and those that any numeric question can be checked for.

A bank lists the mistakes of its own questions. The common ones need no listing: each is the question's own formula,
evaluated the way people get it wrong.

The formula is parsed again with one change (two names swapped, an exponent's sign flipped, a function of the law code
replaced, intermediate results rounded) and evaluated with the same numbers, so it gives exactly the answer of a
learner who makes that mistake. A change that has no effect, or whose answer is too close to another one to tell them
apart, is not diagnosed for that question.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from scaling_tui import InputError
from scaling_tui.tutor.content.questions import Numeric
from scaling_tui.tutor.parsing.formulas import FUNCTIONS, formula, rounded
from scaling_tui.tutor.parsing.numbers import apart, plain
from scaling_tui.tutor.parsing.spelling import Function

Values = Mapping[str, float]

SLIPS: dict[str, str] = {
    "sign": "the answer has the wrong sign",
    "sign-of-term": "a term has the wrong sign",
    "sign-of-exponent": "the exponent has the wrong sign",
    "one-term": "a term is missing",
    "swapped": "two quantities were swapped",
    "floor-forgotten": "the irreducible loss E is missing",
    "floor-counted": "the irreducible loss E is counted where it does not belong",
    "product": "an exponent was used as a factor",
    "ratio-upside-down": "a ratio is upside down",
    "coefficient": "a coefficient was left out or mistaken for another",
    "forward-only": "2ND instead of 6ND: the backward pass is missing",
    "backward-only": "4ND instead of 6ND: the forward pass is missing",
    "factor-six": "the factor 6 is missing",
    "embeddings": "parameters with and without embeddings were mixed up",
    "layers": "the layers were counted wrongly",
    "matrices": "a weight matrix is missing or counted twice",
    "log-base": "the wrong base of the logarithm",
    "nats-bits": "nats and bits were mixed up",
    "units": "the wrong unit",
    "rounded-early": "a number was rounded too early",
    "linear": "a power law was treated as a straight line",
    "inverse": "the equation was solved for the wrong variable",
    "share": "a share and its complement were mixed up",
    "average": "the wrong kind of average",
    "independence": "probabilities were added, or one was used for all",
    "epochs": "epochs and fresh tokens were mixed up",
    "exponent": "the wrong exponent",
    "difference": "a difference where a ratio was asked for",
    "logarithm": "a logarithm was left out",
    # Diagnosed by grading itself, in any numeric question:
    "power-of-ten": "off by a power of ten",
    "few-figures": "too few significant figures",
    "near": "close, but not within the tolerance",
    # and in any formula:
    "unchanged": "the line was not changed",
    "wrong-line": "the bug is in another line",
    "unused": "something that matters is not in the formula",
    "factor": "right except for a constant factor",
    # and in any function to complete:
    "raises": "the program ends with an error",
    "endless": "the program does not end in time",
    "returns-nothing": "the function returns nothing",
    "some-cases": "right for some cases only",
    # and in any number known within an interval:
    "outside": "outside the interval",
}

GENERIC = frozenset(
    (
        "power-of-ten", "few-figures", "near", "unchanged", "wrong-line", "unused", "factor", "raises", "endless",
        "returns-nothing", "some-cases", "outside",
    )
)  # fmt: skip

EXPONENTS = ("alpha", "beta", "b", "d")
LOSSES = ("loss(", "plan_loss(", "term(")  # functions whose value is in nats
ROUNDED_TO = (2, 3)
TENS = (3, -3, 6, -6, 1, -1, 2, -2)


@dataclass(frozen=True)
class CommonMistake:
    """A mistake of `SLIPS`, the answer it leads to, and the diagnosis to show."""

    slip: str
    answer: float
    diagnosis: str


def common_mistakes(body: Numeric, values: Values, listed: Sequence[float]) -> list[CommonMistake]:
    """The mistakes distinguishable from the key, the bank's own mistakes and each other; likely ones first."""
    taken = [values["answer"], *listed]
    distinct = []
    for mistake in _candidates(body, values):
        if mistake.answer and apart([*taken, mistake.answer], body.tolerance):
            taken.append(mistake.answer)
            distinct.append(mistake)
    return distinct


def _candidates(body: Numeric, values: Values) -> Iterator[CommonMistake]:
    key, text, names = values["answer"], body.answer.text, body.answer.names
    if body.unit in ("nats", "bits") or any(name in text for name in LOSSES):
        yield CommonMistake(
            "nats-bits", key / math.log(2), "This is 1/ln 2 times the answer: bits, where the question asks for nats."
        )
        yield CommonMistake(
            "nats-bits", key * math.log(2), "This is ln 2 times the answer: nats, where the question asks for bits."
        )
    if {"N", "D"} <= names:
        swapped = {**values, "N": values["D"], "D": values["N"]}
        yield from _worked(body, swapped, "swapped", "This has N and D swapped.")
    if turned := [name for name in EXPONENTS if name in names]:
        flipped = {**values, **{name: -values[name] for name in turned}}
        diagnosis = (
            f"This is the result with the wrong sign of {' and '.join(turned)}: these terms fall as the size grows."
        )
        yield from _worked(body, flipped, "sign-of-exponent", diagnosis)
    for slip, diagnosis, changed in _FUNCTIONS:
        if any(f"{name}(" in text for name in changed):
            yield from _worked(body, values, slip, diagnosis, functions=changed)
    for digits in ROUNDED_TO:
        if digits < body.digits:
            diagnosis = (
                f"This is the result of rounding every intermediate number to {digits} figures: round only at the end."
            )
            yield from _worked(body, values, "rounded-early", diagnosis, after=_rounder(digits))


def _worked(
    body: Numeric,
    values: Values,
    slip: str,
    diagnosis: str,
    functions: Mapping[str, Function] | None = None,
    after: Callable[[float], float] | None = None,
) -> Iterator[CommonMistake]:
    """The question's formula with other values or functions, or with `after` applied to every intermediate result."""
    known = {name: (changed, *FUNCTIONS[name][1:]) for name, changed in (functions or {}).items()}
    try:
        answer = formula(body.answer.text, frozenset(values), {**FUNCTIONS, **known}, after)(values)
    except (InputError, ArithmeticError):
        return  # the law code rejects such numbers
    if math.isfinite(answer):
        yield CommonMistake(slip, answer, diagnosis)


def _rounder(digits: int) -> Callable[[float], float]:
    return lambda value: rounded(value, digits) if math.isfinite(value) else value


def _forward_only(params: float, tokens: float) -> float:
    return 2 * params * tokens


def _no_embedding(layers: float, hidden: float, ffn: float, vocab: float) -> float:
    return FUNCTIONS["total_params"][0](layers, hidden, ffn, 0.0)


_FUNCTIONS: tuple[tuple[str, str, dict[str, Function]], ...] = (
    ("forward-only", "This uses 2ND, but training costs 6ND: the backward pass takes twice the forward one.",
     {"training_flops": _forward_only}),
    ("embeddings", "This leaves out the embedding; the question asks for every trainable parameter.",
     {"total_params": _no_embedding}),
    ("log-base", "This uses the logarithm to base 10 instead of the natural one.",
     {"log": lambda value, base=10.0: math.log(value, base), "ln": math.log10}),
)  # fmt: skip


def power_of_ten(body: Numeric, key: float, taken: Sequence[float]) -> CommonMistake | None:
    """An answer off by a power of ten that coincides with no other mistake; for `quiz check`."""
    for tens in TENS:
        answer = key * 10.0**tens
        if apart([key, *taken, answer], body.tolerance):
            return CommonMistake("power-of-ten", answer, f"Off by a factor of 10^{plain(tens)}.")
    return None
