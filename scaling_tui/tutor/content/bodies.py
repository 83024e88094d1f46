"""What each kind of question has of its own, read from its table in a bank: options, formulas, programs, plots."""

import re
from collections.abc import Callable
from dataclasses import replace

from scaling_tui.text.numbers import UNITS
from scaling_tui.tutor.content.faults import Faults, only
from scaling_tui.tutor.content.mistakes import GENERIC, SLIPS
from scaling_tui.tutor.content.questions import (
    Body,
    Choice,
    Code,
    Formula,
    Kind,
    Mistake,
    Numeric,
    Wrong,
    WrongProgram,
)
from scaling_tui.tutor.content.readings import READS, Curve, Read, Reading
from scaling_tui.tutor.content.table import Table
from scaling_tui.tutor.content.template import Template, template
from scaling_tui.tutor.parsing.expressions import Expression, computed, parse
from scaling_tui.tutor.parsing.formulas import formula

CASES = 6  # of a function to complete, unless the bank says otherwise
# The fields of each kind of question, and what they are.
_MISTAKES = "`[[question.mistakes]]`: wrong answers with `slip`, `answer`, `says` and `step`"
_TYPED = "one correct way to type it"
_ANSWER = "a formula from the law code"
OWN = {
    "choice": {
        "right": "the right option",
        "wrong": "two to five `[[question.wrong]]` with `text` and `says`",
    },
    "numeric": {
        "answer": _ANSWER,
        "digits": "significant figures, 1 to 12",
        "tolerance": "relative; by default half a unit of the last figure, and 0 requires the exact whole number",
        "unit": f"of the answer: {', '.join(f'`{unit}`' for unit in sorted(UNITS))}",
        "interval": "two formulas: any answer between them is right",
        "mistakes": _MISTAKES,
    },
    "figure": {
        "answer": _ANSWER,
        "digits": "significant figures, 1 to 12",
        "unit": "as of a `numeric`",
        "figure": "the plot to read: `title`, `x` (`name`, `low`, `high`, `log`), `log_y`, `curve` (`label`, `y`, "
        f"`at`), `reads` (one of {', '.join(f'`{each}`' for each in READS)}), `at`",
        "mistakes": _MISTAKES,
    },
    "expression": {"answer": _ANSWER, "typed": _TYPED, "mistakes": f"{_MISTAKES}; as typed"},
    "fix": {
        "answer": f"{_ANSWER}: what the line should compute",
        "typed": _TYPED,
        "mistakes": f"{_MISTAKES}; as typed",
        "code": "the code with a wrong line",
        "line": "the number of that line, from 1",
    },
    "code": {
        "answer": "what the function should return: a formula, or a list of formulas for a tuple",
        "function": "its name",
        "arguments": "names of the values that it is called with, in order",
        "code": "what the learner begins with",
        "typed": "one right function",
        "cases": f"calls that are compared, {CASES} by default: one is shown, the others are hidden",
        "tolerance": "relative, 1e-6 by default",
        "mistakes": f"{_MISTAKES}; functions",
    },
}
EMPTY = Template(())
_NOTHING = formula("0", frozenset())
_LISTED = [name for name in SLIPS if name not in GENERIC]


def read_body(table: Table, names: frozenset[str], kind: Kind) -> Body:
    """What a question of this kind has of its own.

    Args:
        table: the question.
        names: the names of its values.
        kind: its kind.

    Raises:
        FaultyBank: every field that is missing or wrong.
    """
    match kind:
        case "choice":
            return _choice(table, names)
        case "numeric" | "figure":
            return _numeric(table, names, kind)
        case "code":
            return _code(table, names)
        case "expression" | "fix":
            return _formula(table, names, kind)


def _choice(table: Table, names: frozenset[str]) -> Choice:
    faults = Faults()

    def text(place: Table, field: str) -> Template:
        return faults.of(lambda: place.read(field, lambda text: template(text, names)), EMPTY)

    options: list[Table] = faults.of(lambda: table.tables("wrong", 2), [])
    for option in options:
        faults.of(lambda option=option: only(option, {"text", "says"}), None)  # type: ignore[misc]
    if len(options) > 5:
        faults.found.append(str(table.wrong("wrong", f"found {len(options)}, want at most 5")))
    right = text(table, "right")
    wrong = tuple(Wrong(text(option, "text"), text(option, "says")) for option in options)
    faults.tell()
    return Choice(right, wrong)


def _numeric(table: Table, names: frozenset[str], kind: Kind) -> Numeric:
    faults = Faults()
    digits = faults.of(lambda: _digits(table), 3)
    tolerance = faults.of(lambda: _tolerance(table, digits), 0.0)
    unit = faults.of(lambda: table.get("unit", str, "") and table.one_of("unit", sorted(UNITS)), "")
    answer = faults.of(lambda: table.read("answer", lambda text: formula(text, names)), _NOTHING)
    reading = faults.of(lambda: _reading(table, names), None) if kind == "figure" else None
    interval = faults.of(lambda: _interval(table, names), None)
    numeric = Numeric(answer, digits, tolerance, unit, (), interval, reading)
    least = 0 if "interval" in table.table else 1
    shown = numeric.shown_digits
    mistakes: tuple[Mistake, ...] = faults.of(
        lambda: _mistakes(table, names, shown, lambda text: formula(text, names), least), ()
    )
    faults.tell()
    return replace(numeric, mistakes=mistakes)


def _digits(table: Table) -> int:
    digits = table.get("digits", int)
    if not 1 <= digits <= 12:
        raise table.wrong("digits", f"found {digits}, want 1 to 12 significant figures")
    return digits


def _tolerance(table: Table, digits: int) -> float:
    # Half a unit of the last figure, where that is relatively largest: less would reject correctly rounded answers.
    least = 0.5 * 10.0 ** (1 - digits)
    tolerance = table.get("tolerance", float, least)
    if tolerance != 0 and not least <= tolerance < 0.5:
        wanted = f"0 for a whole number, or {least:g} (for {digits} figures) to 0.5"
        raise table.wrong("tolerance", f"found {tolerance:g}, want {wanted}")
    return tolerance


def _interval(table: Table, names: frozenset[str]) -> tuple[Expression, Expression] | None:
    ends = table.get("interval", list, [])
    if not ends:
        return None
    if len(ends) != 2 or not all(isinstance(end, str) for end in ends):
        raise table.wrong("interval", f"found {ends!r}, want two formulas, the lower end and the upper")
    low, high = (
        Table(table.where, {"interval": end}).read("interval", lambda text: formula(text, names)) for end in ends
    )
    return low, high


def _reading(table: Table, names: frozenset[str]) -> Reading:
    faults = Faults()
    spec = Table(f"{table.where}: field 'figure'", table.get("figure", dict))
    faults.of(lambda: only(spec, {"title", "x", "log_y", "curve", "reads", "at"}), None)
    axis = Table(f"{spec.where}: field 'x'", spec.get("x", dict))
    faults.of(lambda: only(axis, {"name", "low", "high", "log"}), None)
    name = faults.of(lambda: _axis_name(axis), "x")
    reads: Read = faults.of(lambda: spec.one_of("reads", READS), "value")
    log_x, log_y = (
        faults.of(lambda: axis.get("log", bool, False), True),
        faults.of(lambda: spec.get("log_y", bool, False), True),
    )
    if reads == "slope" and not (log_x and log_y):
        faults.found.append(
            str(spec.wrong("reads", "a slope is read where both axes are logarithmic: want x.log and log_y"))
        )

    def number(place: Table, field: str) -> Expression:
        return faults.of(lambda: place.read(field, lambda text: formula(text, names)), _NOTHING)

    given: list[Table] = faults.of(lambda: spec.tables("curve", 1), [])
    curves = tuple(
        curve
        for each in given
        if (curve := faults.of(lambda each=each: _curve(each, names, name), None)) is not None  # type: ignore[misc]
    )
    if curves and curves[0].at:
        faults.found.append(str(spec.wrong("curve", "the first curve is the one to read, and a line: without `at`")))
    reading = Reading(
        title=faults.of(lambda: spec.read("title", lambda text: template(text, names)), EMPTY),
        name=name,
        low=number(axis, "low"),
        high=number(axis, "high"),
        log_x=log_x,
        log_y=log_y,
        curves=curves,
        reads=reads,
        at=number(spec, "at") if reads in ("value", "size") else None,
    )
    faults.tell()
    return reading


def _axis_name(axis: Table) -> str:
    name = axis.get("name", str)
    if not name.isidentifier() or not name.isascii():
        raise axis.wrong("name", f"found {name!r}, want a name of letters, digits and _")
    return name


def _curve(table: Table, names: frozenset[str], variable: str) -> Curve:
    only(table, {"label", "y", "at"})
    places = [
        Table(table.where, {"at": place}).read("at", lambda text: formula(text, names))
        for place in table.get("at", list, [])
    ]
    y = table.read("y", lambda text: formula(text, names | {variable}))
    return Curve(table.get("label", str, ""), y, tuple(places))


def _code(table: Table, names: frozenset[str]) -> Code:
    faults = Faults()

    def program(field: str) -> Template:
        return faults.of(lambda: table.read(field, lambda text: template(text.strip("\n"), names)), EMPTY)

    mistakes: tuple[WrongProgram, ...] = faults.of(lambda: _wrong_programs(table, names), ())
    code = Code(
        function=faults.of(lambda: _function(table), ""),
        arguments=faults.of(lambda: _arguments(table, names), ()),
        answers=faults.of(lambda: _answers(table, names), ()),
        start=program("code"),
        typed=program("typed"),
        mistakes=mistakes,
        cases=faults.of(lambda: _number_of_cases(table), CASES),
        tolerance=faults.of(lambda: _program_tolerance(table), 1e-6),
    )
    faults.tell()
    return code


def _function(table: Table) -> str:
    function = table.get("function", str)
    if not function.isidentifier():
        raise table.wrong("function", f"found {function!r}, want the name of the function")
    return function


def _arguments(table: Table, names: frozenset[str]) -> tuple[str, ...]:
    arguments = table.get("arguments", list)
    if not arguments or not all(isinstance(argument, str) and argument in names for argument in arguments):
        raise table.wrong("arguments", f"found {arguments!r}, want a list of names from values")
    return tuple(arguments)


def _answers(table: Table, names: frozenset[str]) -> tuple[Expression, ...]:
    given = table.table.get("answer")
    answers = [given] if isinstance(given, str) else given
    if not isinstance(answers, list) or not answers or not all(isinstance(answer, str) for answer in answers):
        raise table.wrong("answer", "want a formula, or a list of formulas for a tuple")
    return tuple(
        Table(table.where, {"answer": answer}).read("answer", lambda text: formula(text, names)) for answer in answers
    )


def _number_of_cases(table: Table) -> int:
    cases = table.get("cases", int, CASES)
    if not 2 <= cases <= 20:
        raise table.wrong("cases", f"found {cases}, want 2 to 20")
    return cases


def _program_tolerance(table: Table) -> float:
    tolerance = table.get("tolerance", float, 1e-6)
    if not 0 < tolerance <= 0.01:
        raise table.wrong("tolerance", f"found {tolerance:g}, want above 0 and at most 0.01")
    return tolerance


def _wrong_programs(table: Table, names: frozenset[str]) -> tuple[WrongProgram, ...]:
    faults = Faults()
    wrong = [
        faults.of(lambda entry=entry: _wrong_program(entry, names), None)  # type: ignore[misc]
        for entry in table.tables("mistakes", 1)
    ]
    faults.tell()
    return tuple(each for each in wrong if each is not None)


def _wrong_program(entry: Table, names: frozenset[str]) -> WrongProgram:
    faults = Faults()
    faults.of(lambda: only(entry, {"slip", "answer", "says", "step"}), None)

    def text(field: str) -> Template:
        return faults.of(lambda: entry.read(field, lambda text: template(text.strip("\n"), names)), EMPTY)

    wrong = WrongProgram(
        faults.of(lambda: entry.one_of("slip", _LISTED), ""),
        text("answer"),
        text("says"),
        text("step"),
    )
    faults.tell()
    return wrong


def _formula(table: Table, names: frozenset[str], kind: Kind) -> Formula:
    if not names:
        raise table.wrong("values", "missing: a formula needs the names it is a function of")
    faults = Faults()
    answer = faults.of(lambda: table.read("answer", lambda text: formula(text, names)), _NOTHING)
    typed = faults.of(lambda: table.get("typed", str), "0")
    asked = faults.of(lambda: table.read("typed", lambda text: parse(text, names)), _NOTHING)
    mistakes: tuple[Mistake, ...] = faults.of(lambda: _mistakes(table, names, 0, lambda text: parse(text, names)), ())
    # A value that only serves to compute others is not offered to the learner: it may be the answer.
    shown = asked.names.union(*(mistake.answer.names for mistake in mistakes))
    code, line = "", 0
    if kind == "fix":
        code = faults.of(lambda: table.get("code", str).strip("\n"), "")
        line = faults.of(lambda: _line(table, code, names), 0)
        shown |= names & set(re.findall(r"[A-Za-z_]\w*", code))
    faults.tell()
    return Formula(answer, typed, shown, mistakes, code, line)


def _line(table: Table, code: str, names: frozenset[str]) -> int:
    line = table.get("line", int)
    if not code:
        return line
    if not 1 <= line <= len(code.splitlines()):
        raise table.wrong("line", f"found {line}, the code has lines 1 to {len(code.splitlines())}")
    table.read("code", lambda text: parse(computed(code.splitlines()[line - 1]), names))
    return line


def _mistakes(
    table: Table, names: frozenset[str], digits: int, reader: Callable[[str], Expression], least: int = 1
) -> tuple[Mistake, ...]:
    faults = Faults()
    entries = table.tables("mistakes", least)
    mistakes = [
        faults.of(lambda entry=entry: _mistake(entry, names, digits, reader), None)  # type: ignore[misc]
        for entry in entries
    ]
    faults.tell()
    return tuple(mistake for mistake in mistakes if mistake is not None)


def _mistake(entry: Table, names: frozenset[str], digits: int, reader: Callable[[str], Expression]) -> Mistake:
    faults = Faults()
    faults.of(lambda: only(entry, {"slip", "answer", "says", "step"}), None)
    known = names | {"answer"} if digits else names
    mistake = Mistake(
        faults.of(lambda: entry.one_of("slip", _LISTED), ""),
        faults.of(lambda: entry.read("answer", reader), _NOTHING),
        faults.of(lambda: entry.read("says", lambda text: template(text, names)), EMPTY),
        faults.of(lambda: entry.read("step", lambda text: template(text, known, digits)), EMPTY),
        typed=faults.of(lambda: entry.get("answer", str), ""),
    )
    faults.tell()
    return mistake
