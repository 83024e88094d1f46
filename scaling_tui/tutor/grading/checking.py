"""Validates a bank: its keys, mistakes, diagnoses and worked steps hold for every seed tried."""

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from scaling_tui import InputError
from scaling_tui.tutor.content.bank import Bank
from scaling_tui.tutor.content.mistakes import SLIPS, power_of_ten
from scaling_tui.tutor.content.questions import Choice, Code, Formula, Numeric, Question
from scaling_tui.tutor.content.variant import Variant, told_apart, variant
from scaling_tui.tutor.grading.marking import grade
from scaling_tui.tutor.parsing.numbers import figures

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
        for seed in range(seeds):
            try:
                fault = next(_faults(variant(question, seed)), None)
            except InputError as error:
                fault = ("values", str(error))
            if fault:
                problems.append(f"{where}: field {fault[0]!r}: seed {seed}: {fault[1]}")
                break  # one failing seed is enough to report
    return problems


def diagnosis_table(question: Question, seed: int = 0) -> list[DiagnosisRow]:
    """Every mistake that the question diagnoses, with the numbers of `seed`."""
    asked = variant(question, seed)
    rows = []
    for slip, typed in _slips(asked):
        graded = grade(asked, typed)
        joint = "\n" if "\n" in graded.diagnosis else " "
        rows.append(DiagnosisRow(question.id, slip, typed, f"{graded.diagnosis}{joint}{graded.step}".strip()))
    return rows


def _slips(asked: Variant) -> Iterator[tuple[str, str]]:
    match asked.body:
        case Numeric(digits=digits, tolerance=tolerance) as body:
            for mistake, value in asked.wrong:
                yield mistake.slip, figures(value, digits if tolerance else 15)
            for common in asked.common:
                yield common.slip, figures(common.answer, max(digits, 4) if tolerance else 15)
            taken = [*asked.listed, *(mistake.answer for mistake in asked.common)]
            if asked.interval is None and (tens := power_of_ten(body, asked.values["answer"], taken)) is not None:
                yield tens.slip, figures(tens.answer, digits if tolerance else 15)
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


def _faults(asked: Variant) -> Iterator[tuple[str, str]]:
    """Fields that are wrong at this seed, each with the reason."""
    question = asked.question
    if not math.isfinite(asked.values.get("answer", 0.0)):
        yield "answer", "has no value"
    for name, formula in question.plan:
        if not 0 < formula(asked.values) < math.inf:
            yield "plan", f"{name} is {formula(asked.values):g}, want a positive number"
    rendered = {"text": asked.text, "hint": asked.hint, "check": asked.check}
    rendered |= {f"steps {number}": step for number, step in enumerate(asked.steps, 1)}
    for field, text in rendered.items():
        if "undefined" in text:
            yield field, "a number in it has no value"
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


def _choice_faults(asked: Variant) -> Iterator[tuple[str, str]]:
    texts = [option.text for option in asked.options]
    if len(set(texts)) < len(texts):
        yield "wrong", "two options have the same text"
    for option in asked.options:
        if grade(asked, option.letter).correct != option.right:
            yield "right", f"option {option.letter} is graded wrongly"


def _numeric_faults(asked: Variant, body: Numeric) -> Iterator[tuple[str, str]]:
    key = asked.values["answer"]
    if not body.tolerance and key != round(key):
        yield "answer", f"{key!r} is not whole, but tolerance 0 requires a whole number"
    if not grade(asked, asked.expected).correct:
        yield "answer", f"the key {asked.expected!r} is not accepted with {body.digits} digits"
    if asked.expected.removesuffix(body.unit).strip() not in asked.steps[-1]:
        yield "steps", f"the last step does not end in the key {asked.expected!r}: {asked.steps[-1]!r}"
    if body.reading is not None and body.tolerance > LARGEST_TOLERANCE:
        yield "figure", f"the plot can be read to {body.tolerance:.0%} only, want at most {LARGEST_TOLERANCE:.0%}"
    if body.reading is not None and (fault := body.reading.fault(asked.values, key)):
        yield "figure", f"does not show the key {key:.6g}: {fault}"
    if not told_apart(asked):
        named = ", ".join(f"{mistake.slip} {value:.6g}" for mistake, value in asked.wrong)
        yield "mistakes", f"too close to the key {key:.6g} or to each other: {named}"


def _code_faults(asked: Variant) -> Iterator[tuple[str, str]]:
    """The reference passes, in each hidden case too; what the learner begins with does not."""
    graded = grade(asked, asked.expected)
    if not graded.correct:
        yield "typed", f"the reference does not pass: {graded.diagnosis}"
    if grade(asked, asked.code).correct:
        yield "code", "the starting text already passes"
    if len(asked.cases) < 2:
        yield "values", "all cases are the same, want arguments that vary"


def _formula_faults(asked: Variant, body: Formula) -> Iterator[tuple[str, str]]:
    if not grade(asked, asked.expected).correct:
        yield "typed", f"{asked.expected!r} is not the same function as 'answer'"
    if body.typed not in asked.steps[-1]:
        yield "steps", f"the last step does not end in {body.typed!r}"
    if body.code:
        number = body.line
        printed = asked.question.body.code.splitlines()[number - 1]  # type: ignore[union-attr]
        if grade(asked, f"{number}: {printed}").correct:
            yield "line", f"line {number} is already right as printed"


def _diagnosis_faults(asked: Variant) -> Iterator[tuple[str, str]]:
    """Every mistake is graded as wrong and diagnosed correctly, each in its own words."""
    mistakes = list(_slips(asked))
    owners: dict[str, str] = {}
    for slip, given in mistakes:
        graded, typed = grade(asked, given), " ".join(given.split())
        if graded.correct:
            yield "mistakes", f"{slip} ({typed}) is accepted as right"
        elif graded.slip != slip:
            name = SLIPS.get(graded.slip, "no known mistake")
            yield "mistakes", f"{slip} ({typed}) is diagnosed as {graded.slip or 'nothing'}: {name}"
        elif not graded.diagnosis.strip():
            yield "mistakes", f"{slip} ({typed}): no diagnosis"
        elif graded.diagnosis in owners:
            yield "mistakes", f"{slip} ({typed}) and {owners[graded.diagnosis]} have the same diagnosis"
        owners[graded.diagnosis] = f"{slip} ({typed})"
