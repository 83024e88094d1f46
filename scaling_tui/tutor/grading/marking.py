"""Grades an answer: how it was parsed, whether it is right and, if not, which mistake it shows."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scaling_tui import InputError
from scaling_tui.text import show
from scaling_tui.text.numbers import Number, read_number
from scaling_tui.tutor.content.bank import computed
from scaling_tui.tutor.content.questions import Choice, Code, Formula, Numeric
from scaling_tui.tutor.content.variant import Variant
from scaling_tui.tutor.grading.programs import Ran, first_program, run_cases
from scaling_tui.tutor.interpreter.source import Program, read_program
from scaling_tui.tutor.parsing.expressions import Expression, parse
from scaling_tui.tutor.parsing.numbers import close, figures, plain

_NEAR = 0.03
_EQUAL = 1e-7
_SURE = 0.01
_NAMED = re.compile(r"^\s*[A-Za-z]\w*\s*(\([^()]*\))?\s*=(?!=)")  # the L(N, D) = before a formula


@dataclass(frozen=True)
class Grade:
    """A graded answer. `read_as` is the answer as parsed; `slip` is the mistake's name in `SLIPS`, or empty."""

    correct: bool
    read_as: str
    expected: str
    slip: str = ""
    diagnosis: str = ""
    step: str = ""


@dataclass(frozen=True)
class _ParsedAnswer:
    """An answer before it is graded."""

    shown: str
    option: int = -1
    number: Number | None = None
    line: int = 0
    formula: Expression | None = None
    program: Program | None = None


def read_as(variant: Variant, answer: str) -> str:
    """The answer as parsed, for the learner to check.

    Raises:
        InputError: it cannot be parsed; that does not count as a try.
    """
    return _parse_answer(variant, answer).shown


def grade(variant: Variant, answer: str) -> Grade:
    """Grades an answer.

    Raises:
        InputError: it cannot be parsed; that does not count as a try.
    """
    parsed = _parse_answer(variant, answer)
    match variant.body:
        case Choice():
            return _grade_choice(variant, parsed)
        case Numeric() as body:
            return _grade_number(variant, body, parsed)
        case Formula() as body:
            return _grade_formula(variant, body, parsed)
        case Code() as body:
            return _grade_program(variant, body, parsed)


def _parse_answer(variant: Variant, answer: str) -> _ParsedAnswer:
    match variant.question.body:
        case Choice():
            return _parse_choice(variant, answer)
        case Numeric(unit=unit):
            number = read_number(answer, unit)
            return _ParsedAnswer(f"{plain(number.value)} {unit}".strip(), number=number)
        case Code(function=function, arguments=arguments):
            program = read_program(answer)
            taken = program.parameters(function)
            if taken is None:
                raise InputError(f"answer: found no function {function}, want def {function}({', '.join(arguments)}):")
            shown = f"{function}({', '.join(taken)}), {show.counted(len(program.lines), 'line')}"
            return _ParsedAnswer(shown, program=program)
        case Formula(line=0, names=names):
            shown = " ".join(_NAMED.sub("", answer).split())
            return _ParsedAnswer(shown, formula=parse(shown, names))
        case Formula(names=names, code=code):
            match = re.fullmatch(r"\s*(?:line\s*)?(\d{1,3})(?:\s*[:.)]|\s)\s*(.+)", answer, re.IGNORECASE | re.DOTALL)
            if not match:
                raise InputError(f"answer: want {variant.answer_format}")
            lines, line = len(code.splitlines()), int(match[1])
            if not 1 <= line <= lines:
                raise InputError(f"answer: found line {line}, want a line from 1 to {lines}")
            fixed = computed(match[2])
            return _ParsedAnswer(f"line {line}: {fixed}", line=line, formula=parse(fixed, names))


def _parse_choice(variant: Variant, answer: str) -> _ParsedAnswer:
    given = " ".join(answer.split()).casefold()
    for number, option in enumerate(variant.options):
        text = " ".join(option.text.split()).casefold()
        if given.rstrip(".)") == option.letter or given in (text, f"{option.letter}) {text}"):
            return _ParsedAnswer(f"{option.letter}) {option.text}", option=number)
    letters = ", ".join(option.letter for option in variant.options)
    raise InputError(f"answer: found {answer.strip()[:40]!r}, want one of {letters}")


def _grade_choice(variant: Variant, parsed: _ParsedAnswer) -> Grade:
    option = variant.options[parsed.option]
    if option.right:
        return Grade(True, parsed.shown, variant.expected)
    return Grade(False, parsed.shown, variant.expected, "misconception", option.diagnosis, variant.steps[0])


def _grade_number(variant: Variant, body: Numeric, parsed: _ParsedAnswer) -> Grade:
    assert parsed.number is not None
    value, key = parsed.number.value, variant.values["answer"]
    if variant.interval is not None:
        return _grade_within(variant, *variant.interval, value, parsed.shown)
    if close(value, key, body.tolerance):
        return Grade(True, parsed.shown, variant.expected)
    for mistake, wrong in variant.wrong:
        if close(value, wrong, body.tolerance):
            diagnosis, step = mistake.diagnosis.render(variant.values), mistake.step.render(variant.values)
            return Grade(False, parsed.shown, variant.expected, mistake.slip, diagnosis, step)
    for common in variant.common:
        # The bank does not list it, so hold it to at most 1 %: a wide tolerance would match many wrong numbers.
        if close(value, common.answer, min(body.tolerance, _SURE)):
            return Grade(False, parsed.shown, variant.expected, common.slip, common.diagnosis, variant.steps[0])
    slip, diagnosis = _unlisted(parsed.number, key, body)
    return Grade(False, parsed.shown, variant.expected, slip, diagnosis, variant.steps[0])


def _grade_within(variant: Variant, low: float, high: float, value: float, shown: str) -> Grade:
    """An answer to a number known within an interval: right inside it."""
    expected = f"{variant.expected}, and any answer from {figures(low, 4)} to {figures(high, 4)}"
    if low <= value <= high:
        return Grade(True, shown, expected)
    for mistake, wrong in variant.wrong:
        if close(value, wrong, _NEAR):
            diagnosis, step = mistake.diagnosis.render(variant.values), mistake.step.render(variant.values)
            return Grade(False, shown, expected, mistake.slip, diagnosis, step)
    if low <= -value <= high:
        return Grade(False, shown, expected, "sign", "The magnitude is right but the sign is wrong.", variant.steps[0])
    side, end = ("below", low) if value < low else ("above", high)
    diagnosis = f"This lies {side} the interval, which {'begins' if value < low else 'ends'} at {figures(end, 4)}."
    return Grade(False, shown, expected, "outside", diagnosis, variant.steps[0])


def _grade_program(variant: Variant, body: Code, parsed: _ParsedAnswer) -> Grade:
    assert parsed.program is not None
    ran = run_cases(parsed.program, body, variant.cases)
    if ran.passed:
        return Grade(True, parsed.shown, variant.expected)
    for mistake in body.mistakes:
        if ran.same(run_cases(first_program(mistake.program, variant.values), body, variant.cases)):
            diagnosis, step = mistake.diagnosis.render(variant.values), mistake.step.render(variant.values)
            return Grade(False, parsed.shown, variant.expected, mistake.slip, f"{diagnosis}\n{ran.report}", step)
    slip, diagnosis = _unlisted_program(ran, parsed.program, body, variant)
    return Grade(False, parsed.shown, variant.expected, slip, f"{diagnosis}\n{ran.report}".strip(), variant.steps[0])


def _unlisted_program(  # noqa: PLR0911 - a mistake each
    ran: Ran, program: Program, body: Code, variant: Variant
) -> tuple[str, str]:
    if program.same(first_program(body.start, variant.values)):
        return "unchanged", "This is the function as it was given."
    if ran.stopped:
        return "endless", "It did not end in time."
    if ran.failed:
        power = " In Python a power is written **; ^ is another operator." if "for ^:" in ran.report else ""
        return "raises", f"It ends with an error.{power}"
    if ran.nothing:
        return "returns-nothing", "It returns nothing: does every way through it end in return?"
    if ran.ratio is not None:
        times = f"{plain(float(f'{ran.ratio:.4g}'))} times too large"
        return "factor", f"The shape is right, but every value is {times}."
    if 0 < ran.right < len(ran.results):
        return "some-cases", "It is right for some cases only."
    return "", "It computes something else."


def _unlisted(number: Number, key: float, body: Numeric) -> tuple[str, str]:
    """The mistake and the diagnosis for a wrong number that no mistake of the question leads to."""
    value = number.value
    if value * key > 0:
        tens = round(math.log10(value / key))
        if tens and close(value / 10.0**tens, key, body.tolerance):
            return "power-of-ten", f"The digits are right but the magnitude is not: off by a factor of 10^{tens}."
    if close(-value, key, body.tolerance):
        return "sign", "The magnitude is right but the sign is wrong."
    if body.tolerance and number.figures < body.digits and close(value, float(figures_of(key, number.figures)), 1e-9):
        return "few-figures", f"Right so far, but the question asks for {body.digits} significant figures."
    if not body.tolerance and close(value, key, _NEAR):
        return "near", f"Close, {plain(value - key)} off: the question asks for the exact number."
    if close(value, key, max(_NEAR, 5 * body.tolerance)):
        return "near", f"Close, {show.percent(abs(value / key - 1), 1)} off: keep all digits until the last step."
    return "", "This is not one of the common mistakes. The solution starts like this:"


def figures_of(value: float, digits: int) -> str:
    """`value` rounded to `digits` significant figures, as text for `float`."""
    return f"{value:.{digits - 1}e}"


def _grade_formula(variant: Variant, body: Formula, parsed: _ParsedAnswer) -> Grade:
    formula = parsed.formula
    assert formula is not None
    points, wanted = variant.points, variant.wanted
    given = _values(formula, points)
    if parsed.line != body.line:
        diagnosis = f"Line {parsed.line} is correct; the bug is in another line."
        return Grade(False, parsed.shown, variant.expected, "wrong-line", diagnosis, variant.hint)
    if _agree(given, wanted):
        return Grade(True, parsed.shown, variant.expected)
    for mistake in body.mistakes:
        if _agree(given, _values(mistake.answer, points)):
            diagnosis, step = mistake.diagnosis.render(variant.values), mistake.step.render(variant.values)
            return Grade(False, parsed.shown, variant.expected, mistake.slip, diagnosis, step)
    if body.line and _agree(given, _values(faulty(body), points)):
        diagnosis = f"Line {body.line} already computes this."
        return Grade(False, parsed.shown, variant.expected, "unchanged", diagnosis, variant.steps[0])
    slip, diagnosis = _unlisted_formula(formula, given, wanted, body)
    return Grade(False, parsed.shown, variant.expected, slip, diagnosis, variant.steps[0])


def _unlisted_formula(
    formula: Expression, given: Sequence[float], wanted: Sequence[float], body: Formula
) -> tuple[str, str]:
    if not all(map(math.isfinite, given)):
        return "", "The formula has no value at some of the points tried (a division by zero or an overflow)."
    ratios = [got / want if want else math.nan for got, want in zip(given, wanted, strict=True)]
    if _agree(ratios, [ratios[0]] * len(ratios)) and ratios[0] not in (0.0, 1.0):
        return "factor", f"The shape is right, but every value is {plain(float(f'{ratios[0]:.4g}'))} times too large."
    unused = sorted(parse(body.typed, body.names).names - formula.names)
    if unused:
        return "unused", f"The result also depends on {', '.join(unused)}, but the formula does not."
    return "", "This is a different function from the right one. The solution starts like this:"


def faulty(body: Formula) -> Expression:
    """What the buggy line of a program computes as printed."""
    return parse(computed(body.code.splitlines()[body.line - 1]), body.names)


def _values(formula: Callable[[dict[str, float]], float], points: list[dict[str, float]]) -> list[float]:
    return [formula(values) for values in points]


def _agree(given: Sequence[float], wanted: Sequence[float]) -> bool:
    return all(math.isfinite(got) and close(got, want, _EQUAL) for got, want in zip(given, wanted, strict=True))
