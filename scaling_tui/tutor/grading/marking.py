"""Marks an answer: how it was read, whether it is right, and if not, which slip it shows."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scaling_tui import InputError
from scaling_tui.text import show
from scaling_tui.tutor.content.bank import computed
from scaling_tui.tutor.content.questions import Choice, Formula, Numeric
from scaling_tui.tutor.content.variant import Variant
from scaling_tui.tutor.parsing.expressions import Expression, parse
from scaling_tui.tutor.parsing.numbers import Number, close, plain, read_number

_NEAR = 0.03
_EQUAL = 1e-7
_SURE = 0.01
_NAMED = re.compile(r"^\s*[A-Za-z]\w*\s*(\([^()]*\))?\s*=(?!=)")  # the L(N, D) = before a formula


@dataclass(frozen=True)
class Mark:
    """What came of an answer. `read_as` is how it was understood; `slip` is a name of `SLIPS`, or empty."""

    correct: bool
    read_as: str
    expected: str
    slip: str = ""
    diagnosis: str = ""
    step: str = ""


@dataclass(frozen=True)
class _Read:
    """An answer as read, before it is marked."""

    shown: str
    option: int = -1
    number: Number | None = None
    line: int = 0
    formula: Expression | None = None


def read(variant: Variant, answer: str) -> str:
    """How the answer is understood.

    Raises:
        InputError: it cannot be; that costs nothing.
    """
    return _read(variant, answer).shown


def mark(variant: Variant, answer: str) -> Mark:
    """Marks an answer.

    Raises:
        InputError: it cannot be read; that costs nothing.
    """
    understood = _read(variant, answer)
    match variant.question.body:
        case Choice():
            return _mark_choice(variant, understood)
        case Numeric() as body:
            return _mark_number(variant, body, understood)
        case Formula() as body:
            return _mark_formula(variant, body, understood)


def _read(variant: Variant, answer: str) -> _Read:
    match variant.question.body:
        case Choice():
            return _read_choice(variant, answer)
        case Numeric(unit=unit):
            number = read_number(answer, unit)
            return _Read(f"{plain(number.value)} {unit}".strip(), number=number)
        case Formula(line=0, names=names):
            shown = " ".join(_NAMED.sub("", answer).split())
            return _Read(shown, formula=parse(shown, names))
        case Formula(names=names, code=code):
            found = re.fullmatch(r"\s*(?:line\s*)?(\d{1,3})(?:\s*[:.)]|\s)\s*(.+)", answer, re.IGNORECASE | re.DOTALL)
            if not found:
                raise InputError(f"answer: want {variant.asks}")
            lines, line = len(code.splitlines()), int(found[1])
            if not 1 <= line <= lines:
                raise InputError(f"answer: found line {line}, the program has lines 1 to {lines}")
            mended = computed(found[2])
            return _Read(f"line {line}: {mended}", line=line, formula=parse(mended, names))


def _read_choice(variant: Variant, answer: str) -> _Read:
    given = " ".join(answer.split()).casefold()
    for number, option in enumerate(variant.options):
        text = " ".join(option.text.split()).casefold()
        if given.rstrip(".)") == option.letter or given in (text, f"{option.letter}) {text}"):
            return _Read(f"{option.letter}) {option.text}", option=number)
    letters = ", ".join(option.letter for option in variant.options)
    raise InputError(f"answer: found {answer.strip()[:40]!r}, want one of {letters}")


def _mark_choice(variant: Variant, understood: _Read) -> Mark:
    option = variant.options[understood.option]
    if option.right:
        return Mark(True, understood.shown, variant.expected)
    return Mark(False, understood.shown, variant.expected, "misconception", option.says, variant.steps[0])


def _mark_number(variant: Variant, body: Numeric, understood: _Read) -> Mark:
    assert understood.number is not None
    value, key = understood.number.value, variant.values["answer"]
    if close(value, key, body.tolerance):
        return Mark(True, understood.shown, variant.expected)
    for mistake, wrong in variant.wrong:
        if close(value, wrong, body.tolerance):
            says, step = mistake.says.render(variant.values), mistake.step.render(variant.values)
            return Mark(False, understood.shown, variant.expected, mistake.slip, says, step)
    for one in variant.common:
        # Nobody said that people make this slip here: with a wide tolerance many a wrong number would be taken for it.
        if close(value, one.answer, min(body.tolerance, _SURE)):
            return Mark(False, understood.shown, variant.expected, one.slip, one.says, variant.steps[0])
    slip, says = _unlisted(understood.number, key, body)
    return Mark(False, understood.shown, variant.expected, slip, says, variant.steps[0])


def _unlisted(number: Number, key: float, body: Numeric) -> tuple[str, str]:
    """What can be told of a wrong number without knowing the question."""
    value = number.value
    if value * key > 0:
        tens = round(math.log10(value / key))
        if tens and close(value / 10.0**tens, key, body.tolerance):
            return "power-of-ten", f"The digits are right, the size is not: off by a factor 10^{tens}."
    if close(-value, key, body.tolerance):
        return "sign", "The size is right, the sign is not."
    if body.tolerance and number.figures < body.digits and close(value, float(figures_of(key, number.figures)), 1e-9):
        return "few-figures", f"Right as far as it goes; {body.digits} significant figures are asked for."
    if not body.tolerance and close(value, key, _NEAR):
        return "near", f"Near, {plain(value - key)} off: the exact number is asked for."
    if close(value, key, max(_NEAR, 5 * body.tolerance)):
        return "near", f"Near, {show.percent(abs(value / key - 1), 1)} off: keep all digits until the last step."
    return "", "This is none of the usual slips. The solution begins so:"


def figures_of(value: float, digits: int) -> str:
    """`value` in so many figures, for `float`."""
    return f"{value:.{digits - 1}e}"


def _mark_formula(variant: Variant, body: Formula, understood: _Read) -> Mark:
    formula = understood.formula
    assert formula is not None
    here, wanted = variant.points, variant.wanted
    given = _values(formula, here)
    if understood.line != body.line:
        says = f"Line {understood.line} does what it should; the fault is in another line."
        return Mark(False, understood.shown, variant.expected, "wrong-line", says, variant.hint)
    if _agree(given, wanted):
        return Mark(True, understood.shown, variant.expected)
    for mistake in body.mistakes:
        if _agree(given, _values(mistake.answer, here)):
            says, step = mistake.says.render(variant.values), mistake.step.render(variant.values)
            return Mark(False, understood.shown, variant.expected, mistake.slip, says, step)
    if body.line and _agree(given, _values(faulty(body), here)):
        says = f"This is what line {body.line} computes already."
        return Mark(False, understood.shown, variant.expected, "unchanged", says, variant.steps[0])
    slip, says = _unlisted_formula(formula, given, wanted, body)
    return Mark(False, understood.shown, variant.expected, slip, says, variant.steps[0])


def _unlisted_formula(
    formula: Expression, given: Sequence[float], wanted: Sequence[float], body: Formula
) -> tuple[str, str]:
    if not all(map(math.isfinite, given)):
        return "", "The formula has no value at some of the points tried (a division by zero, or an overflow)."
    ratios = [one / other if other else math.nan for one, other in zip(given, wanted, strict=True)]
    if _agree(ratios, [ratios[0]] * len(ratios)) and ratios[0] not in (0.0, 1.0):
        return "factor", f"The shape is right, but everything is {plain(float(f'{ratios[0]:.4g}'))} times too large."
    unused = sorted(parse(body.typed, body.names).names - formula.names)
    if unused:
        return "unused", f"The result depends on {', '.join(unused)} too; the formula does not."
    return "", "As a function this differs from the right one. The solution begins so:"


def faulty(body: Formula) -> Expression:
    """What the line at fault of a program computes as it is printed."""
    return parse(computed(body.code.splitlines()[body.line - 1]), body.names)


def _values(formula: Callable[[dict[str, float]], float], here: list[dict[str, float]]) -> list[float]:
    return [formula(values) for values in here]


def _agree(given: Sequence[float], wanted: Sequence[float]) -> bool:
    return all(math.isfinite(one) and close(one, other, _EQUAL) for one, other in zip(given, wanted, strict=True))
