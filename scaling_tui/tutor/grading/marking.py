"""Grades an answer: how it was parsed, whether it is right and, if not, which mistake it shows."""

import math
import re
from dataclasses import dataclass

from scaling_tui import InputError
from scaling_tui.text import show
from scaling_tui.text.numbers import Number
from scaling_tui.tutor.content.formula_mistakes import formula_mistakes
from scaling_tui.tutor.content.questions import Choice, Code, Formula, Numeric
from scaling_tui.tutor.content.variant import POINTS, Variant
from scaling_tui.tutor.grading.programs import Ran, first_program, report, run_cases
from scaling_tui.tutor.interpreter.source import Program, read_program
from scaling_tui.tutor.parsing.answers import read_answer, unnamed
from scaling_tui.tutor.parsing.expressions import Expression, computed, parse
from scaling_tui.tutor.parsing.numbers import close, figures, plain
from scaling_tui.tutor.parsing.precise import AGREED, AS_FLOATS, same

_NEAR = 0.03
_EQUAL = 1e-7
_SURE = 0.01
_SIGN = ("sign", "The magnitude is right but the sign is wrong.")
# `3: …`, `line 3 …`, `3, …`, `3 - …`: a dash with space on both sides, or none, parts; else it is a minus.
_LINE = re.compile(
    r"[\s`]*(?:in\s+)?(?:line|l\.?)?\s*(?:no\.?|number|#|\()?\s*(\d{1,3})"
    r"(?:\s*(?:[-=]>|[→⇒])\s*|\s*[:,;)|=]\s*|\s*\.\s*(?!\d)|\.\s+|\s+[-–—]\s+|[-–—](?!\s)|\s+)"
    r"(?:(?:it\s+)?(?:should|must|ought\s+to)\s+(?:be|read|compute|say)\s*:?\s+)?(\S.*)",
    re.IGNORECASE | re.DOTALL,
)


_TARGET = re.compile(r"\s*(return(?=\s)|[A-Za-z_]\w*(?=\s*=(?!=)))")


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


def wants_figures(variant: Variant, answer: str) -> str:
    """What to say of a number with fewer figures than the question asks for, right or wrong; else empty.

    Raises:
        InputError: it cannot be parsed.
    """
    body = variant.question.body
    parsed = _parse_answer(variant, answer)
    if not isinstance(body, Numeric) or not _counts_figures(body) or parsed.number is None:
        return ""
    if not parsed.number.value or parsed.number.written >= body.digits:
        return ""
    noun = "figure" if parsed.number.written == 1 else "figures"
    return f"found {parsed.number.written} significant {noun}, want {body.digits}, such as {figures(1.0, body.digits)}"


def _parse_answer(variant: Variant, answer: str) -> _ParsedAnswer:
    match variant.question.body:
        case Choice():
            return _parse_choice(variant, answer)
        case Numeric(unit=unit):
            number = read_answer(answer, unit)
            return _ParsedAnswer(f"{plain(number.value)} {unit}".strip(), number=number)
        case Code(function=function, arguments=arguments):
            program = read_program(answer)
            taken = program.parameters(function)
            if taken is None:
                raise InputError(f"answer: found no function {function}, want def {function}({', '.join(arguments)}):")
            shown = f"{function}({', '.join(taken)}), {show.counted(len(program.lines), 'line')}"
            return _ParsedAnswer(shown, program=program)
        case Formula(line=0, names=names):
            formula = parse(computed(unnamed(answer)), names)
            return _ParsedAnswer(_shown(formula), formula=formula)
        case Formula(names=names, code=code):
            match = _LINE.fullmatch(answer)
            lines, line = len(code.splitlines()), int(match[1]) if match else _line_of(answer, code)
            if not match and not line:
                raise InputError(f"answer: want {variant.answer_format}")
            if not 1 <= line <= lines:
                raise InputError(f"answer: found line {line}, want a line from 1 to {lines}")
            formula = parse(computed((match[2] if match else answer).strip("`$ ")), names)
            return _ParsedAnswer(f"line {line}: {_shown(formula)}", line=line, formula=formula)


def _line_of(answer: str, code: str) -> int:
    """The line that an answer without a number replaces: the only one that sets the same name, or returns; else 0."""

    def target(line: str) -> str:
        found = _TARGET.match(line)
        return found[1] if found else ""

    wanted = target(answer.lstrip("`"))
    lines = [number for number, line in enumerate(code.splitlines(), 1) if wanted and target(line) == wanted]
    return lines[0] if len(lines) == 1 else 0


def _shown(formula: Expression) -> str:
    """A formula as typed or, if signs of multiplication were left out, with them."""
    typed = " ".join(formula.text.split())
    written = re.sub(r"\s*(\*\*|[*/])\s*", r"\1", " ".join(formula.written.split()))
    return (
        typed if typed.count("*") + sum(map(typed.count, "×·⋅∙")) >= written.replace("**", "^").count("*") else written
    )


def _parse_choice(variant: Variant, answer: str) -> _ParsedAnswer:
    given = " ".join(answer.split()).casefold().removeprefix("option ").removeprefix("answer ")
    for number, option in enumerate(variant.options):
        text = " ".join(option.text.split()).casefold()
        if given.strip("().:") == option.letter or given in (text, f"{option.letter}) {text}"):
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
    if not math.isfinite(key):
        raise InputError(f"{variant.question.bank}: question {variant.question.id!r}: its answer has no value")
    if variant.interval is not None:
        return _grade_within(variant, *variant.interval, value, parsed.shown)
    if close(value, key, body.tolerance) and not _rounded_more(parsed.number, key, body):
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
        return Grade(False, shown, expected, *_SIGN, variant.steps[0])
    side, end = ("below", low) if value < low else ("above", high)
    diagnosis = f"This lies {side} the interval, which {'starts' if value < low else 'ends'} at {figures(end, 4)}."
    return Grade(False, shown, expected, "outside", diagnosis, variant.steps[0])


def _grade_program(variant: Variant, body: Code, parsed: _ParsedAnswer) -> Grade:
    program = parsed.program
    assert program is not None
    ran = run_cases(program, body, variant.cases)
    if ran.passed:
        return Grade(True, parsed.shown, variant.expected)
    told = report(ran, program, body, lambda: variant.other_cases("\n".join(program.lines)))
    for mistake in body.mistakes:
        if ran.same(run_cases(first_program(mistake.program, variant.values), body, variant.cases)):
            diagnosis, step = mistake.diagnosis.render(variant.values), mistake.step.render(variant.values)
            return Grade(False, parsed.shown, variant.expected, mistake.slip, f"{diagnosis}\n{told}", step)
    slip, diagnosis = _unlisted_program(ran, program, body, variant)
    return Grade(False, parsed.shown, variant.expected, slip, f"{diagnosis}\n{told}".strip(), variant.steps[0])


def _unlisted_program(  # noqa: PLR0911 - a mistake each
    ran: Ran, program: Program, body: Code, variant: Variant
) -> tuple[str, str]:
    if program.same(first_program(body.start, variant.values)):
        return "unchanged", "This is the function as it was given."
    if ran.stopped:
        return "endless", "It did not end in time."
    if ran.failed:
        power = " In Python a power is written **; ^ is another operator." if "for ^:" in ran.failure_text else ""
        return "raises", f"It ends with an error.{power}"
    if ran.nothing:
        return "returns-nothing", "It returns nothing: does every branch end in return?"
    if ran.ratio is not None:
        if close(ran.ratio, -1.0, _EQUAL):
            return _SIGN
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
        return _SIGN
    if _is_rounded_key(number, key, body):
        return "few-figures", f"Right so far, but the question asks for {body.digits} significant figures."
    if not body.tolerance and close(value, key, _NEAR):
        return "near", f"Close, {plain(value - key)} off: the question asks for the exact number."
    if close(value, key, max(_NEAR, 5 * body.tolerance)):
        return "near", f"Close, {show.percent(abs(value / key - 1), 1)} off: keep all digits until the last step."
    return "", "This is not one of the common mistakes. The solution starts like this:"


def _counts_figures(body: Numeric) -> bool:
    """Whether the figures of an answer count: not where it is a whole number, read off a plot, or in an interval."""
    return bool(body.tolerance) and body.interval is None and body.reading is None


def _rounded_more(number: Number, key: float, body: Numeric) -> bool:
    """Whether a number has fewer figures than asked for and they are not enough: 1 for 0.998, but not 2 for 2.000."""
    if not _counts_figures(body) or number.written >= body.digits:
        return False
    return not close(number.value, float(figures_of(key, body.digits)), 1e-9)


def _is_rounded_key(number: Number, key: float, body: Numeric) -> bool:
    """Whether a number is the key in fewer figures; one figure says something of a key of two only."""
    few = number.figures
    if (
        not _counts_figures(body)
        or number.written >= body.digits
        or few < min(2, body.digits - 1)
        or number.value * key <= 0
    ):
        return False
    same_size = math.floor(math.log10(abs(number.value))) == math.floor(math.log10(abs(key)))
    return same_size and close(number.value, float(figures_of(key, few)), 1e-9)


def figures_of(value: float, digits: int) -> str:
    """`value` rounded to `digits` significant figures, as text for `float`."""
    return f"{value:.{digits - 1}e}"


def is_same(variant: Variant, formula: Expression, wanted: Expression) -> bool:
    """Whether two formulas are the same function of the question's names."""
    return same(formula, wanted, variant.points, AGREED if variant.exact else AS_FLOATS)


def _grade_formula(variant: Variant, body: Formula, parsed: _ParsedAnswer) -> Grade:
    formula = parsed.formula
    assert formula is not None
    if parsed.line != body.line:
        diagnosis = f"Line {parsed.line} is correct; the bug is in another line."
        return Grade(False, parsed.shown, variant.expected, "wrong-line", diagnosis, variant.hint)
    if is_same(variant, formula, variant.right):
        return Grade(True, parsed.shown, variant.expected)
    for mistake in body.mistakes:
        if is_same(variant, formula, mistake.answer):
            diagnosis, step = mistake.diagnosis.render(variant.values), mistake.step.render(variant.values)
            return Grade(False, parsed.shown, variant.expected, mistake.slip, diagnosis, step)
    if body.line and is_same(variant, formula, faulty(body)):
        diagnosis = f"Line {body.line} already computes this."
        return Grade(False, parsed.shown, variant.expected, "unchanged", diagnosis, variant.steps[0])
    slip, diagnosis = _unlisted_formula(formula, variant, body)
    return Grade(False, parsed.shown, variant.expected, slip, diagnosis, variant.steps[0])


def _unlisted_formula(formula: Expression, variant: Variant, body: Formula) -> tuple[str, str]:
    """The mistake and the diagnosis for a wrong formula that no mistake of the question is."""
    given, wanted = ([one(values) for values in variant.points[:POINTS]] for one in (formula, variant.right))
    if not all(map(math.isfinite, given)):
        return "", "The formula has no value at some of the points tried (a division by zero or an overflow)."
    ratios = [got / want if want else math.nan for got, want in zip(given, wanted, strict=True)]
    ratio = ratios[0]
    if ratio and not close(ratio, 1.0, _NEAR) and all(close(other, ratio, _EQUAL) for other in ratios):
        if close(ratio, -1.0, _EQUAL):
            return _SIGN
        return "factor", f"The shape is right, but every value is {plain(float(f'{ratio:.4g}'))} times the right one."
    for mistake in formula_mistakes(variant.right, body.names):
        if is_same(variant, formula, mistake.answer) and not is_same(variant, mistake.answer, variant.right):
            return mistake.slip, mistake.diagnosis
    if all(close(got, want, _NEAR) for got, want in zip(given, wanted, strict=True)):
        return (
            "near",
            "This comes close but is another function: something is added to it, or a number in it is rounded.",
        )
    unused = sorted(variant.right.names - formula.names)
    missing = f"The result also depends on {', '.join(unused)}, but the formula does not."
    other = "This is a different function from the right one. The solution starts like this:"
    return ("unused", missing) if unused else ("", other)


def faulty(body: Formula) -> Expression:
    """What the buggy line of a program computes as printed."""
    return parse(computed(body.code.splitlines()[body.line - 1]), body.names)
