"""Runs a completed function on a question's cases and compares what it returns with the law code."""

import math
from collections.abc import Mapping, Sequence
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

    function: str
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

    @property
    def report(self) -> str:
        """The first case that is not right: its inputs, what came and what was wanted. The others stay hidden."""
        number, result = next((n, one) for n, one in enumerate(self.results, 1) if not one.right)
        what = called(self.function, result.case)
        failure = result.outcome.failure
        if failure is not None:
            lines = [f"Case {number} of {self.cases}, {what}:", *(f"    {line}" for line in failure.text.splitlines())]
        else:
            got = visible(written(result.outcome.value, Budget()))
            lines = [
                f"{self.right} of {self.cases} cases are right. Case {number}:",
                f"    {what} returned {got}, want {returned(result.case.wanted)}",
            ]
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
    return Ran(body.function, tuple(results), len(cases))


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
