"""Validates a bank: its keys, mistakes, diagnoses and worked steps hold for every seed tried."""

import math
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from scaling_tui import InputError
from scaling_tui.text.numbers import EXACT
from scaling_tui.tutor.content.bank import Bank
from scaling_tui.tutor.content.mistakes import SLIPS, power_of_ten
from scaling_tui.tutor.content.questions import Choice, Code, Formula, Numeric, Question
from scaling_tui.tutor.content.variant import Variant, told_apart, variant
from scaling_tui.tutor.grading.marking import grade
from scaling_tui.tutor.parsing.numbers import close, figures

SEEDS = 200
LARGEST_TOLERANCE = 0.4  # of what is read off a plot, on a logarithmic axis mostly: a coarser one shows nothing


@dataclass(frozen=True)
class DiagnosisRow:
    """A row of the diagnosis table: a mistake, the answer it leads to, and what the learner then reads."""

    question: str
    slip: str
    answer: str
    reads: str


def check_bank(bank: Bank, lessons: Collection[str] = (), seeds: int = SEEDS) -> list[str]:
    """The problems of a bank, one line each with file, question and field; empty if it is sound.

    Args:
        bank: the bank.
        lessons: the known lessons; a question must belong to one of them. Empty skips this check.
        seeds: how many seeds of each question to try.
    """
    problems = []
    for question in bank.questions:
        where = f"{bank.path}: question {question.id!r}"
        if lessons and question.lesson not in lessons:
            problems.append(f"{where}: field 'lesson': found {question.lesson!r}, want one of {', '.join(lessons)}")
        found: dict[str, str] = {}  # one seed is enough to report a fault that many have
        askings = set()
        leaks = question.kind == "choice"
        for seed in range(max(seeds, 1 + len(question.forms))):
            try:
                asked = variant(question, seed)
                # What a figure asks for may stand in its plot alone.
                askings.add((asked.text, asked.values.get("answer")))
                leaks = leaks and _gives_itself_away(asked)
                for field, kind, why in _faults(asked):
                    found.setdefault(f"{field} {kind}", f"{where}: field {field!r}: seed {seed}: {why}")
            except InputError as error:
                found.setdefault("values", f"{where}: field 'values': seed {seed}: {error}")
        problems += found.values()
        if leaks:
            problems.append(f"{where}: field 'right': the only option with so many decimals, which gives it away")
        if question.kind in ("numeric", "figure") and len(askings) == 1 and seeds >= SEEDS:
            problems.append(f"{where}: field 'values': the same numbers at every seed, want some that are drawn")
    return problems


def diagnosis_table(question: Question) -> list[DiagnosisRow]:
    """Every mistake that the question diagnoses in each of its forms, each with the numbers of a seed of its own."""
    rows = []
    for form in range(1 + len(question.forms)):
        asked = variant(question, form)
        for slip, typed in _slips(asked):
            graded = grade(asked, typed)
            joint = "\n" if "\n" in graded.diagnosis else " "
            rows.append(DiagnosisRow(question.id, slip, typed, f"{graded.diagnosis}{joint}{graded.step}".strip()))
    return rows


def _slips(asked: Variant) -> Iterator[tuple[str, str]]:
    match asked.body:
        case Numeric(digits=digits, tolerance=tolerance) as body:
            for mistake, value in asked.wrong:
                yield mistake.slip, figures(value, digits if tolerance else EXACT)
            for common in asked.common:
                yield common.slip, figures(common.answer, max(digits, 4) if tolerance else EXACT)
            taken = [*asked.listed, *(mistake.answer for mistake in asked.common)]
            if asked.interval is None and (tens := power_of_ten(body, asked.values["answer"], taken)) is not None:
                yield tens.slip, figures(tens.answer, digits if tolerance else EXACT)
        case Formula(mistakes=mistakes, line=line):
            for mistake in mistakes:
                yield mistake.slip, f"{line}: {mistake.typed}" if line else mistake.typed
        case Code(mistakes=programs):
            for program in programs:
                yield program.slip, program.program.render(asked.values)
        case Choice():
            for option in asked.options:
                if not option.right:
                    yield "misconception", option.letter


# A field that is wrong, the kind of fault, and the reason with this seed's numbers.
_Fault = tuple[str, str, str]


def _faults(asked: Variant) -> Iterator[_Fault]:
    """All that is wrong at this seed."""
    question = asked.question
    if not math.isfinite(asked.values.get("answer", 0.0)):
        yield "answer", "value", "has no value"
        return
    for name, formula in question.plan:
        if not 0 < formula(asked.values) < math.inf:
            yield "plan", name, f"{name} is {formula(asked.values):g}, want a positive number"
    rendered = {"text": asked.text, "hint": asked.hint, "check": asked.check}
    rendered |= {f"steps {number}": step for number, step in enumerate(asked.steps, 1)}
    for field, text in rendered.items():
        if "undefined" in text:
            yield field, "value", "a number in it has no value"
        if _PADDED.search(text):
            yield field, "padding", f"a number in it ends in padding: {text.strip()[:60]!r}"
    match asked.body:
        case Choice():
            yield from _choice_faults(asked)
        case Code():
            yield from _code_faults(asked)
        case Numeric() as body:
            yield from _numeric_faults(asked, body)
        case Formula() as body:
            yield from _formula_faults(asked, body)
    yield from _diagnosis_faults(asked)


# 446.000000 and 0.900000: more noughts than any number of figures asked for would need.
_PADDED = re.compile(r"\d\.\d{0,3}0{5,}(?!\d)")


def _choice_faults(asked: Variant) -> Iterator[_Fault]:
    texts = [option.text for option in asked.options]
    if len(set(texts)) < len(texts):
        yield "wrong", "same", "two options have the same text"
    for option in asked.options:
        if grade(asked, option.letter).correct != option.right:
            yield "right", "graded", f"option {option.letter} is graded wrongly"


def _gives_itself_away(asked: Variant) -> bool:
    """Whether all options are numbers, and the right one can be told by its decimals alone."""
    right = [_decimals(option.text) for option in asked.options if option.right]
    wrong = [_decimals(option.text) for option in asked.options if not option.right]
    return None not in right + wrong and right[0] not in wrong


def _decimals(text: str) -> int | None:
    """Decimals of an option that is a number; None for any other."""
    match = re.fullmatch(r"[\d\u00a0 ]+(?:\.(\d+))?(?:\s?[A-Za-z%][\w/ -]*)?", text)
    return len(match[1] or "") if match else None


def _numeric_faults(asked: Variant, body: Numeric) -> Iterator[_Fault]:
    key = asked.values["answer"]
    if not body.tolerance and key != round(key):
        yield "answer", "whole", f"{key!r} is not whole, but tolerance 0 requires a whole number"
    if not grade(asked, asked.expected).correct:
        yield "answer", "key", f"the key {asked.expected!r} is not accepted with {body.digits} digits"
    if asked.expected.removesuffix(body.unit).strip() not in asked.steps[-1]:
        yield "steps", "last", f"the last step does not end in the key {asked.expected!r}: {asked.steps[-1]!r}"
    if body.reading is not None and body.tolerance > LARGEST_TOLERANCE:
        coarse = f"the plot can be read to {body.tolerance:.0%} only, want at most {LARGEST_TOLERANCE:.0%}"
        yield "figure", "coarse", coarse
    if body.reading is not None and (fault := body.reading.fault(asked.values, key)):
        yield "figure", "key", f"does not show the key {key:.6g}: {fault}"
    if not told_apart(asked):
        named = ", ".join(f"{mistake.slip} {value:.6g}" for mistake, value in asked.wrong)
        yield "mistakes", "apart", f"too close to the key {key:.6g} or to each other: {named}"


def _code_faults(asked: Variant) -> Iterator[_Fault]:
    """The reference passes, in each hidden case too; what the learner begins with does not."""
    graded = grade(asked, asked.expected)
    if not graded.correct:
        yield "typed", "wrong", f"the reference does not pass: {graded.diagnosis}"
    if grade(asked, asked.code).correct:
        yield "code", "right", "the starting text already passes"
    if len(asked.cases) < 2:
        yield "values", "same", "all cases are the same, want arguments that vary"


def _formula_faults(asked: Variant, body: Formula) -> Iterator[_Fault]:
    if not grade(asked, asked.expected).correct or not _agrees_with_the_law(asked, body):
        yield "typed", "other", f"{asked.expected!r} is not the same function as 'answer'"
    if body.typed not in asked.steps[-1]:
        yield "steps", "last", f"the last step does not end in {body.typed!r}"
    if body.code:
        number = body.line
        printed = asked.question.body.code.splitlines()[number - 1]  # type: ignore[union-attr]
        if grade(asked, f"{number}: {printed}").correct:
            yield "line", "right", f"line {number} is already right as printed"


def _agrees_with_the_law(asked: Variant, body: Formula) -> bool:
    """Whether the formula to type is what the law code computes, wherever that has a value."""
    compared = 0
    for values in asked.points:
        try:
            key = body.answer(values)
        except InputError:
            continue  # out of the law's range
        if math.isfinite(key) and abs(key) < 1e300:
            compared += 1
            if not close(asked.right(values), key, 1e-7):
                return False
    return compared > 0


def _diagnosis_faults(asked: Variant) -> Iterator[_Fault]:
    """Every mistake is graded as wrong and diagnosed correctly, each in its own words."""
    mistakes = list(_slips(asked))
    owners: dict[str, str] = {}
    for slip, given in mistakes:
        graded, typed = grade(asked, given), " ".join(given.split())
        if graded.correct:
            yield "mistakes", f"right {slip}", f"{slip} ({typed}) is accepted as right"
        elif graded.slip != slip:
            name = SLIPS.get(graded.slip, "no known mistake")
            yield "mistakes", f"other {slip}", f"{slip} ({typed}) is diagnosed as {graded.slip or 'nothing'}: {name}"
        elif not graded.diagnosis.strip():
            yield "mistakes", f"none {slip}", f"{slip} ({typed}): no diagnosis"
        elif graded.diagnosis in owners:
            yield "mistakes", f"same {slip}", f"{slip} ({typed}) and {owners[graded.diagnosis]} have the same diagnosis"
        owners[graded.diagnosis] = f"{slip} ({typed})"
