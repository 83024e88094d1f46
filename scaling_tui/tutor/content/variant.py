"""A question with the numbers that a seed gives it, the same on every machine."""

import math
import random
from dataclasses import dataclass, replace
from functools import cached_property

from scaling_tui import InputError
from scaling_tui.tutor.content.mistakes import CommonMistake, common_mistakes
from scaling_tui.tutor.content.questions import Body, Choice, Code, Formula, Mistake, Numeric, Question
from scaling_tui.tutor.parsing.expressions import Expression, parse
from scaling_tui.tutor.parsing.numbers import apart, figures

LETTERS = "abcdef"
_DRAWS = 60  # tries to find numbers that keep the mistakes apart from the answer and from each other
# Two formulas are compared at so many points of the question's own numbers, at so many with sizes far from them, and at
# so many with sizes of about one, where exp(-N) and 1/N^200 show.
POINTS, WIDE_POINTS, SMALL_POINTS = 6, 4, 2
_WIDE = 3.0  # powers of ten


@dataclass(frozen=True)
class Option:
    """An option of a choice question; `diagnosis` is the misconception behind a wrong one."""

    letter: str
    text: str
    right: bool
    diagnosis: str


@dataclass(frozen=True)
class Case:
    """A call of a function to complete, and what the law code returns: one number, or the items of a tuple."""

    arguments: tuple[float, ...]
    wanted: tuple[float, ...]


@dataclass(frozen=True)
class Variant:
    """A question as asked. `values` holds its numbers by name, including `answer` for a numeric question.

    Args:
        wrong: for a numeric question, each mistake the bank lists with the number it leads to.
        cases: for a function to complete; the first is shown as an example, the others are never shown.
    """

    question: Question
    seed: int
    values: dict[str, float]
    text: str
    options: tuple[Option, ...] = ()
    wrong: tuple[tuple[Mistake, float], ...] = ()
    cases: tuple[Case, ...] = ()

    @cached_property
    def body(self) -> Body:
        """The question's body; where a number is read off a plot, with the tolerance of this plot."""
        match self.question.body:
            case Numeric(reading=reading, tolerance=least) as body if reading is not None:
                return replace(body, tolerance=max(least, reading.tolerance(self.values, self.values["answer"])))
            case body:
                return body

    @property
    def interval(self) -> tuple[float, float] | None:
        """Between which numbers any answer is right; None where one number is."""
        match self.question.body:
            case Numeric(interval=(low, high)):
                return low(self.values), high(self.values)
        return None

    @property
    def code(self) -> str:
        """The code that the question shows: with a bug, or to be completed."""
        match self.question.body:
            case Formula(code=code):
                return code
            case Code(start=start):
                return start.render(self.values)
        return ""

    @property
    def example(self) -> str:
        """A call of the function to complete, and what it should return."""
        match self.question.body:
            case Code(function=function):
                case = self.cases[0]
                return f"{called(function, case)} returns {returned(case.wanted)}"
        return ""

    def other_cases(self, program: str) -> tuple[Case, ...]:
        """Calls that are none of `cases`, drawn anew for each program: what may be shown of how it goes wrong.

        Hidden cases shown one by one could be copied into a program that knows their values and computes nothing.
        """
        body = self.question.body
        assert isinstance(body, Code)
        rng = random.Random(f"{self.question.id}:{self.seed}:cases:{program}")
        taken = {case.arguments for case in self.cases}
        found = []
        for _ in range(2 * body.cases):
            try:
                case = _fresh_case(self.question, body, self.values, rng)
            except InputError:
                continue  # the law code has no value for these numbers
            if case.arguments not in taken and all(map(math.isfinite, case.wanted)):
                found.append(case)
        return tuple(found)

    @property
    def expected(self) -> str:
        """The right answer, in the form a learner would type it."""
        match self.question.body:
            case Choice():
                right = next(option for option in self.options if option.right)
                return f"{right.letter}) {right.text}"
            case Numeric(shown_digits=digits, unit=unit):
                return f"{figures(self.values['answer'], digits)} {unit}".strip()
            case Formula(typed=typed, line=line):
                return f"{line}: {typed}" if line else typed
            case Code(typed=program):
                return program.render(self.values)

    @property
    def steps(self) -> tuple[str, ...]:
        """The worked solution."""
        return tuple(step.render(self.values) for step in self.question.steps)

    @property
    def hint(self) -> str:
        return self.question.hint.render(self.values)

    @property
    def check(self) -> str:
        """A quick check of whether an answer can be right."""
        return self.question.check.render(self.values)

    @property
    def plan(self) -> str:
        """Options for the command `plan` with the question's numbers; empty if there is nothing to plan."""
        return " ".join(f"--{name} {_shortest(formula(self.values))}" for name, formula in self.question.plan)

    @cached_property
    def points(self) -> list[dict[str, float]]:
        """Values of the names at which a formula is compared with the right one; the question's own numbers first."""
        rng = random.Random(f"{self.question.id}:{self.seed}:points")
        return [draw_values(self.question, rng) for _ in range(POINTS)] + _wide_points(self.question, rng)

    @cached_property
    def right(self) -> Expression:
        """The right formula, as a learner would type it."""
        body = self.question.body
        assert isinstance(body, Formula)
        return parse(body.typed, body.names)

    @property
    def exact(self) -> bool:
        """Whether the names of a formula are independent; one computed from others is only as exact as a float."""
        body = self.question.body
        assert isinstance(body, Formula)
        return not any(draw.formula for draw in self.question.values if draw.name in body.names)

    @cached_property
    def common(self) -> list[CommonMistake]:
        """The common mistakes that apply to this question."""
        body = self.body
        if not isinstance(body, Numeric) or self.interval is not None:
            return []
        return common_mistakes(body, self.values, self.listed)

    @property
    def listed(self) -> list[float]:
        """Answers that the mistakes listed in the bank lead to."""
        return [value for _, value in self.wrong]

    @property
    def answer_format(self) -> str:  # noqa: PLR0911 - a kind each
        """The form that the answer should take."""
        match self.question.body:
            case Choice():
                return f"one letter, {self.options[0].letter} to {self.options[-1].letter}"
            case Numeric(digits=digits, unit=unit, reading=reading) if reading is not None:
                return f"what the plot shows, to about {digits} figures{', ' * bool(unit)}{unit}"
            case Numeric(unit=unit, interval=interval) if interval is not None:
                return f"a number within the law's interval{', ' * bool(unit)}{unit}"
            case Code(function=function):
                return f"the whole function {function}"
            case Numeric(digits=digits, unit=unit, tolerance=tolerance):
                wanted = f"{digits} significant figures" if tolerance else "the exact whole number"
                return f"{wanted}, {unit}" if unit else wanted
            case Formula(line=0, names=names):
                return f"a formula in {', '.join(sorted(names, key=lambda name: (name.lower(), name)))}"
            case Formula(line=line):
                return f"the line and what it should compute, such as {1 if line != 1 else 2}: 2*x"


def _shortest(value: float) -> str:
    """The shortest text for `value`, such as 1.2e+08 for 120000000."""
    short = f"{value:g}"
    return short if float(short) == value else f"{value:.10g}"


def variant(question: Question, seed: int) -> Variant:
    """The question with the numbers of `seed`, and in the form that it has at this seed.

    Raises:
        InputError: its formulas have no value for any of the numbers tried.
    """
    forms = (question, *question.forms)
    question = forms[seed % len(forms)]
    problem: InputError | None = None
    last: Variant | None = None
    for attempt in range(_DRAWS):
        rng = random.Random(f"{question.id}:{seed}:{attempt}")
        try:
            last, good = _draw(question, seed, rng)
        except InputError as error:
            problem = error
            continue
        if good:
            return last
    if last is None:
        raise InputError(f"{question.bank}: question {question.id!r}: found no usable numbers: {problem}")
    return last


def _draw(question: Question, seed: int, rng: random.Random) -> tuple[Variant, bool]:
    values = draw_values(question, rng)
    match question.body:
        case Numeric(answer=answer, mistakes=mistakes):
            values["answer"] = answer(values)
            wrong = tuple((mistake, mistake.answer(values)) for mistake in mistakes)
            drawn = Variant(question, seed, values, question.text.render(values), wrong=wrong)
            return drawn, told_apart(drawn)
        case Choice(right=right, wrong=others):
            texts = [(right.render(values), True, "")]
            texts += [(other.text.render(values), False, other.diagnosis.render(values)) for other in others]
            rng.shuffle(texts)
            options = tuple(Option(letter, *text) for letter, text in zip(LETTERS, texts, strict=False))
            distinct = len({option.text for option in options}) == len(options)
            return Variant(question, seed, values, question.text.render(values), options=options), distinct
        case Code() as body:
            cases = _cases(question, body, values, rng)
            finite = all(math.isfinite(number) for case in cases for number in case.wanted)
            return Variant(question, seed, values, question.text.render(values), cases=cases), finite
        case _:
            return Variant(question, seed, values, question.text.render(values)), True


def told_apart(asked: Variant) -> bool:
    """Whether the mistakes of a numeric question lie apart from its answer and from each other."""
    assert isinstance(asked.body, Numeric)
    wrong = asked.listed
    if asked.interval is None:
        return apart([asked.values["answer"], *wrong], asked.body.tolerance)
    low, high = asked.interval
    return low <= asked.values["answer"] <= high and not any(low <= value <= high for value in wrong)


def _cases(question: Question, body: Code, values: dict[str, float], rng: random.Random) -> tuple[Case, ...]:
    """Calls with the question's own numbers first, then with fresh arguments; what is no argument stays the same."""
    first = _case(body, values)
    cases = {first.arguments: first}
    for _ in range(20 * body.cases):
        if len(cases) == body.cases:
            break
        case = _fresh_case(question, body, values, rng)
        cases.setdefault(case.arguments, case)
    return tuple(cases.values())


def _fresh_case(question: Question, body: Code, values: dict[str, float], rng: random.Random) -> Case:
    drawn: dict[str, float] = {}
    for draw in question.values:
        fresh = draw.formula is not None or draw.name in body.arguments
        drawn[draw.name] = draw.draw(rng, drawn) if fresh else values[draw.name]
    return _case(body, drawn)


def _case(body: Code, values: dict[str, float]) -> Case:
    arguments = tuple(_typed(values[name]) for name in body.arguments)
    return Case(arguments, tuple(answer(values) for answer in body.answers))


def _typed(value: float) -> float:
    """A number as a learner would write it: whole ones without a point."""
    return int(value) if value == int(value) and abs(value) < 1e15 else value


def called(function: str, case: Case) -> str:
    """A case as code: `loss(1000000, 2.5)`."""
    return f"{function}({', '.join(map(repr, case.arguments))})"


def returned(values: tuple[float, ...]) -> str:
    """What a case should return, in six figures."""
    texts = [f"{value:.6g}" for value in values]
    return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"


def _wide_points(question: Question, rng: random.Random) -> list[dict[str, float]]:
    """Points at which what is drawn on a log scale, the sizes, is far smaller or larger, in the same order of size; and
    some at which each of them is about one."""
    drawn = [draw for draw in question.values if draw.log]
    ordered = [(one.name, other.name) for one in drawn for other in drawn if one.high <= other.low]
    points: list[dict[str, float]] = []
    for wide, wanted in ((_WIDE, WIDE_POINTS), (0.0, WIDE_POINTS + SMALL_POINTS)):
        for _ in range(20 * WIDE_POINTS * bool(drawn)):
            try:
                values = draw_values(question, rng, wide, small=not wide)
            except InputError:
                continue  # the law code has no value out there
            if all(values[one] < values[other] for one, other in ordered):
                points.append(values)
            if len(points) >= wanted:
                break
    return points


def draw_values(question: Question, rng: random.Random, wide: float = 0.0, *, small: bool = False) -> dict[str, float]:
    """Draws the numbers of a question, in its order; those on a log scale up to `wide` powers of ten out of range, or
    `small`, about one."""
    values: dict[str, float] = {}
    for draw in question.values:
        value = draw.draw(rng, values)
        if small and draw.log:
            value = float(rng.randint(1, 4)) if draw.whole else rng.uniform(0.5, 3)
        if wide and draw.log:
            value *= 10 ** rng.uniform(-wide, wide)
            value = max(1.0, float(round(value))) if draw.whole else value
        values[draw.name] = value
    return values
