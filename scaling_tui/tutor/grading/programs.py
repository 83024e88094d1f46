"""Runs a completed function on a question's cases and compares what it returns with the law code."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from scaling_tui.text.visible import visible
from scaling_tui.tutor.content.questions import Code
from scaling_tui.tutor.content.template import Template
from scaling_tui.tutor.content.variant import Case, called, returned
from scaling_tui.tutor.interpreter.budget import Budget
from scaling_tui.tutor.interpreter.machine import Failure, Outcome, calls
from scaling_tui.tutor.interpreter.operations import written
from scaling_tui.tutor.interpreter.source import Program, read_program

_SHOWN = 300  # characters of what a program printed
_EXACT = 1e-12  # a wanted 0 has no relative error


@dataclass(frozen=True)
class Result:
    """One case: what was returned, None where it is not as many numbers as wanted."""

    case: Case
    outcome: Outcome
    numbers: tuple[float, ...] | None
    right: bool


@dataclass(frozen=True)
class Ran:
    """A program on all its cases. Cases after one that failed with an error are not run."""

    results: tuple[Result, ...]
    cases: int

    @property
    def right(self) -> int:
        return sum(result.right for result in self.results)

    @property
    def passed(self) -> bool:
        return self.right == self.cases

    @property
    def failed(self) -> bool:
        return self._failure is not None

    @property
    def stopped(self) -> bool:
        return self._failure is not None and self._failure.kind == "Stopped"

    @property
    def failure_text(self) -> str:
        """How it failed, as Python would show it; empty where it did not."""
        return "" if self._failure is None else self._failure.text

    @property
    def _failure(self) -> Failure | None:
        return self.results[-1].outcome.failure

    @property
    def nothing(self) -> bool:
        """Whether it ran but returned nothing in some case."""
        return any(result.outcome.failure is None and result.outcome.value in (None, ...) for result in self.results)

    @property
    def ratio(self) -> float | None:
        """By which factor all returned numbers are too large, if by the same."""
        ratios = []
        for result in self.results:
            if result.numbers is None or len(self.results) < self.cases:
                return None
            for got, wanted in zip(result.numbers, result.case.wanted, strict=True):
                if not wanted or not math.isfinite(got):
                    return None
                ratios.append(got / wanted)
        same = ratios and all(math.isclose(ratio, ratios[0], rel_tol=1e-6) for ratio in ratios)
        return ratios[0] if same and ratios[0] not in (0.0, 1.0) else None

    def same(self, other: "Ran") -> bool:
        """Whether both return the same numbers in every case."""
        if len(self.results) != len(other.results) or self.failed or other.failed:
            return False
        for one, two in zip(self.results, other.results, strict=True):
            if one.numbers is None or two.numbers is None:
                return False
            pairs = zip(one.numbers, two.numbers, strict=True)
            if not all(math.isclose(got, as_well, rel_tol=1e-6) for got, as_well in pairs):
                return False
        return True


def report(ran: Ran, program: Program, body: Code, others: Callable[[], Sequence[Case]]) -> str:
    """How a wrong program goes wrong: a call, what came and what was wanted. What a hidden case wants is not told.

    Args:
        ran: the program's results on its cases, at least one of them wrong.
        program: the program.
        body: the question's function.
        others: makes calls that are no case; the first that goes wrong too is told instead of a hidden one.
    """
    number, result = next((n, one) for n, one in enumerate(ran.results, 1) if not one.right)
    head, wanted = f"Case {number}", number == 1  # the example, which the learner knows
    failure = result.outcome.failure
    if failure is None and not wanted:
        elsewhere = (one for one in run_cases(program, body, others()).results if not one.right)
        if (other := next(elsewhere, None)) is not None and other.outcome.failure is None:
            result, head, wanted = other, "Another call", True
    what = called(body.function, result.case)
    if failure is not None:
        lines = [f"{head} of {ran.cases}, {what}:", *(f"    {line}" for line in failure.text.splitlines())]
    else:
        told = f"want {returned(result.case.wanted)}" if wanted else "which is wrong"
        got = visible(written(result.outcome.value, Budget()))
        lines = [f"{ran.right} of {ran.cases} cases are right. {head}:", f"    {what} returned {got}, {told}"]
    if result.outcome.printed:
        lines += ["It printed:", *(f"    {line}" for line in result.outcome.printed[:_SHOWN].splitlines())]
    return "\n".join(lines)


def run_cases(program: Program, body: Code, cases: Sequence[Case]) -> Ran:
    """Runs a program on the cases, all on one budget; ends at the first error."""
    budget = Budget()
    results = []
    outcomes = calls(program, body.function, [case.arguments for case in cases], budget)
    for case, outcome in zip(cases, outcomes, strict=False):
        numbers = None if outcome.failure else _numbers(outcome.value, len(case.wanted))
        right = numbers is not None and all(
            math.isclose(got, wanted, rel_tol=body.tolerance, abs_tol=_EXACT if wanted == 0 else 0.0)
            for got, wanted in zip(numbers, case.wanted, strict=True)
        )
        results.append(Result(case, outcome, numbers, right))
    return Ran(tuple(results), len(cases))


def _numbers(value: object, wanted: int) -> tuple[float, ...] | None:
    items = [value] if wanted == 1 else value
    if not isinstance(items, list | tuple) or len(items) != wanted:
        return None
    if not all(isinstance(item, int | float) and not isinstance(item, bool) for item in items):
        return None
    try:
        return tuple(float(item) for item in items)
    except OverflowError:
        return None


def first_program(text: Template, values: Mapping[str, float]) -> Program:
    """A bank's program with the numbers of a question.

    Raises:
        InputError: it cannot be parsed.
    """
    return _parsed(text.render(values))


@lru_cache(256)
def _parsed(text: str) -> Program:
    return read_program(text)
