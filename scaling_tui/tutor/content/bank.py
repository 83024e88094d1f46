"""Banks: TOML files of questions. Every error names the file, question and field."""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from scaling_tui import InputError
from scaling_tui.text import resources
from scaling_tui.text.files import read_toml
from scaling_tui.text.numbers import UNITS
from scaling_tui.tutor.content.mistakes import GENERIC, SLIPS
from scaling_tui.tutor.content.questions import (
    DIFFICULTIES,
    KINDS,
    PLANNED,
    Body,
    Choice,
    Code,
    Draw,
    Formula,
    Mistake,
    Numeric,
    Question,
    Wrong,
    WrongProgram,
)  # fmt: skip
from scaling_tui.tutor.content.readings import READS, Curve, Reading
from scaling_tui.tutor.content.table import Table
from scaling_tui.tutor.content.template import Template, template
from scaling_tui.tutor.parsing.expressions import Expression, parse
from scaling_tui.tutor.parsing.formulas import formula

T = TypeVar("T")
CASES = 6  # of a function to complete, unless the bank says otherwise
_SHARED = {"id", "kind", "lesson", "difficulty", "skill"}
_COMMON = _SHARED | {"text", "values", "hint", "steps", "check", "plan"}
_OWN = {
    "choice": {"right", "wrong"},
    "numeric": {"answer", "digits", "tolerance", "unit", "interval", "mistakes"},
    "figure": {"answer", "digits", "unit", "figure", "mistakes"},
    "expression": {"answer", "typed", "mistakes"},
    "fix": {"answer", "typed", "mistakes", "code", "line"},
    "code": {"answer", "function", "arguments", "code", "typed", "cases", "tolerance", "mistakes"},
}


class FaultyBank(InputError):  # noqa: N818 - a bank with faults, as `Unreadable` is a formula that is unreadable
    """Everything that is wrong in a bank or a question; as text the first fault and how many more there are."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        more = f" (and {len(faults) - 1} more; 'scaling-tui quiz check FILE' lists them)" if len(faults) > 1 else ""
        super().__init__(faults[0] + more)


class _Faults:
    """Collects the faults of a question, so that all of them are reported at once."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def of(self, read: Callable[[], T], instead: T) -> T:
        """What `read` returns; `instead`, if it finds a fault."""
        try:
            return read()
        except FaultyBank as error:
            self.found += error.faults
        except InputError as error:
            self.found.append(str(error))
        return instead

    def tell(self) -> None:
        """Raises what was found."""
        if self.found:
            raise FaultyBank(self.found)


def _only(table: Table, allowed: Iterable[str]) -> None:
    """Raises every field that is not allowed."""
    if unknown := table.unknown(allowed):
        raise FaultyBank([str(error) for error in unknown])


@dataclass(frozen=True)
class Bank:
    """The questions of one file, in its order."""

    path: Path
    title: str
    questions: tuple[Question, ...]


def load_bank(path: Path) -> Bank:
    """Reads a bank.

    Raises:
        InputError: no such file, not TOML, or an invalid field; names file, question and field.
    """
    bank, faults = read_bank(path)
    if faults:
        raise FaultyBank(faults)
    return bank


def read_bank(path: Path) -> tuple[Bank, list[str]]:
    """The sound questions of a bank, and all faults of the others, each with file, question and field.

    Raises:
        InputError: no such file, or not TOML.
    """
    top = Table(str(path), read_toml(path, "a bank of questions (.toml)"))
    faults = _Faults()
    faults.of(lambda: _only(top, {"title", "lesson", "question"}), None)
    title, lesson = faults.of(lambda: top.get("title", str), ""), faults.of(lambda: top.get("lesson", str, ""), "")
    tables = top.table.get("question")
    if not isinstance(tables, list) or not tables:
        faults.found.append(str(top.wrong("question", "missing, want at least one [[question]]")))
        return Bank(path, title, ()), faults.found
    questions: list[Question] = []
    taken: set[str] = set()
    for number, table in enumerate(tables, 1):
        if not isinstance(table, dict):
            faults.found.append(f"{path}: question {number}: found {table!r}, want a table [[question]]")
            continue
        name = table.get("id")
        where = f"{path}: question {name!r}" if name else f"{path}: question {number}"
        if isinstance(name, str) and name in taken:
            faults.found.append(f"{where}: field 'id': used twice")
        taken.add(str(name))
        question = faults.of(lambda where=where, table=table: _with_forms(where, table, lesson, path), None)  # type: ignore[misc]
        if question is not None:
            questions.append(question)
    return Bank(path, title, tuple(questions)), faults.found


def _with_forms(where: str, table: dict[str, Any], lesson: str, path: Path) -> Question:
    """A question, with its other forms: each has what it does not state itself from the question."""
    faults = _Faults()
    own = {field: value for field, value in table.items() if field != "form"}
    question = faults.of(lambda: _question(Table(where, own), lesson, path), None)
    given = Table(where, table)
    forms = []
    other: list[Table] = faults.of(lambda: given.tables("form", 0), [])
    for number, form in enumerate(other, 1):
        inside = Table(f"{where}: form {number}", form.table)
        for field in _SHARED & set(form.table):
            faults.found.append(str(inside.wrong(field, "the same for all forms of a question, state it there")))
        merged = Table(inside.where, {**own, **{k: v for k, v in form.table.items() if k not in _SHARED}})
        # What is wrong in the question itself is told once.
        read = _Faults() if question is None else faults
        forms.append(read.of(lambda merged=merged: _question(merged, lesson, path), None))  # type: ignore[misc]
    faults.tell()
    assert question is not None
    return replace(question, forms=tuple(form for form in forms if form is not None))


def question_of(table: dict[str, Any], path: Path) -> Question:
    """A question from what a `[[question]]` of a bank holds.

    Raises:
        InputError: an invalid field.
    """
    return _question(Table(f"{path}: question {table.get('id')!r}", table), "", path)


def bank_files() -> list[Path]:
    """The packaged banks and the user's in the configuration folder."""
    return sorted(resources.found("quizzes"), key=lambda path: path.stem)


def load_banks(only: Collection[Path] | None = None) -> list[Bank]:
    """The packaged banks and the user's in the configuration folder; or only those given by path.

    Raises:
        InputError: as `load_bank`; or two banks use the same question id.
    """
    banks = [load_bank(path) for path in only or bank_files()]
    if twice := used_twice(banks):
        raise FaultyBank(twice)
    return banks


def used_twice(banks: Iterable[Bank], with_others: bool = False) -> list[str]:
    """Question ids that two banks use, one line each; `with_others` counts the banks of `bank_files` too."""
    banks = list(banks)
    owner: dict[str, Path] = {}
    if with_others:
        given = {bank.path.resolve() for bank in banks}
        for path in bank_files():
            if path.resolve() not in given:
                owner |= {question.id: path for question in read_bank(path)[0].questions}
    faults = []
    for bank in banks:
        for question in bank.questions:
            if question.id in owner:
                faults.append(f"{bank.path}: question {question.id!r}: field 'id': also in {owner[question.id]}")
            owner[question.id] = bank.path
    return faults


def _question(table: Table, lesson: str, path: Path) -> Question:
    kind = table.one_of("kind", KINDS)
    faults = _Faults()
    faults.of(lambda: _only(table, _COMMON | _OWN[kind]), None)
    identity = faults.of(lambda: _identity(table), "")
    values: tuple[Draw, ...] = faults.of(lambda: _draws(table), ())
    names = frozenset(value.name for value in values) | frozenset(map(str, _as_table(table.table.get("values"))))
    body: Body
    unread: Body = Choice(_EMPTY, ())
    if kind == "choice":
        body = faults.of(lambda: _choice(table, names), unread)
    elif kind in ("numeric", "figure"):
        body = faults.of(lambda: _numeric(table, names, kind), unread)
    elif kind == "code":
        body = faults.of(lambda: _code(table, names), unread)
    else:
        body = faults.of(lambda: _formula(table, names, kind), unread)
    digits = body.shown_digits if isinstance(body, Numeric) else 1 if kind in ("numeric", "figure") else 0
    known = names | {"answer"} if digits else names

    def reader(text: str) -> Template:
        return template(text.strip("\n"), known, digits)

    def text(field: str, read: Callable[[str], Template]) -> Template:
        return faults.of(lambda: table.read(field, read), _EMPTY)

    steps: list[str] = faults.of(lambda: _steps(table), [])
    question = Question(
        id=identity,
        kind=kind,  # type: ignore[arg-type]
        lesson=faults.of(lambda: table.get("lesson", str, lesson or None), ""),
        difficulty=faults.of(lambda: table.one_of("difficulty", DIFFICULTIES), "easy"),  # type: ignore[arg-type, return-value]
        skill="" if kind == "choice" else faults.of(lambda: table.get("skill", str, lesson or identity), ""),
        text=text("text", lambda text: template(flowed(text.strip("\n")), names)),
        values=values,
        body=body,
        hint=text("hint", lambda text: template(text, names)),
        steps=tuple(
            faults.of(lambda step=step: Table(table.where, {"steps": step}).read("steps", reader), _EMPTY)  # type: ignore[misc]
            for step in steps
        ),
        check=text("check", reader),
        plan=faults.of(lambda: _plan(table, names), ()),
        bank=path,
    )
    faults.tell()
    return question


_EMPTY = Template(())


def _as_table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _identity(table: Table) -> str:
    identity = table.get("id", str)
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", identity):
        raise table.wrong("id", f"found {identity!r}, want lower-case words joined by '-'")
    return identity


def _steps(table: Table) -> list[str]:
    steps = table.get("steps", list)
    if not steps or not all(isinstance(step, str) for step in steps):
        raise table.wrong("steps", "want a list with at least one string")
    return steps


def _draws(table: Table) -> tuple[Draw, ...]:
    draws: list[Draw] = []
    faults = _Faults()
    for name, given in table.get("values", dict, {}).items():
        draw = faults.of(lambda name=name, given=given: _draw(table, name, given, draws), None)  # type: ignore[misc]
        # Whatever is wrong with it, other fields may use its name.
        draws.append(draw or Draw(name, choose=(1.0,)))
    faults.tell()
    return tuple(draws)


def _draw(table: Table, name: str, given: Any, before: list[Draw]) -> Draw:
    where = f"values.{name}"
    if not name.isidentifier() or not name.isascii():
        raise table.wrong(where, "want a name of letters, digits and _")
    if isinstance(given, int | float) and not isinstance(given, bool):
        given = {"choose": [given]}
    if not isinstance(given, dict):
        raise table.wrong(where, f"found {given!r}, want a number or a table")
    spec = Table(f"{table.where}: field {where!r}", given)
    _only(spec, {"choose", "low", "high", "log", "digits", "whole", "is"})
    if "is" in given:
        earlier = frozenset(draw.name for draw in before)
        return Draw(name, formula=spec.read("is", lambda text: formula(text, earlier)))
    if "choose" in given:
        choices = spec.get("choose", list)
        if not choices or not all(isinstance(c, int | float) and not isinstance(c, bool) for c in choices):
            raise spec.wrong("choose", "want a list of numbers")
        return Draw(name, choose=tuple(float(c) for c in choices))
    low, high, log = spec.get("low", float), spec.get("high", float), spec.get("log", bool, False)
    if not low < high or (log and low <= 0):
        raise spec.wrong("low", f"found {low:g} with high {high:g}, want low below high" + (", above 0" * log))
    digits, whole = spec.get("digits", int, 2), spec.get("whole", bool, False)
    return Draw(name, low=low, high=high, log=log, digits=digits, whole=whole)


def _plan(table: Table, names: frozenset[str]) -> tuple[tuple[str, Expression], ...]:
    given = Table(f"{table.where}: field 'plan'", table.get("plan", dict, {}))
    _only(given, PLANNED)
    if len(given.table) > 2:
        raise table.wrong("plan", f"found {len(given.table)} fields, want one, or two for a run off the optimum")
    return tuple((field, given.read(field, lambda text: formula(text, names))) for field in given.table)


def _choice(table: Table, names: frozenset[str]) -> Choice:
    faults = _Faults()

    def text(place: Table, field: str) -> Template:
        return faults.of(lambda: place.read(field, lambda text: template(text, names)), _EMPTY)

    options: list[Table] = faults.of(lambda: table.tables("wrong", 2), [])
    for option in options:
        faults.of(lambda option=option: _only(option, {"text", "says"}), None)  # type: ignore[misc]
    if len(options) > 5:
        faults.found.append(str(table.wrong("wrong", f"found {len(options)}, want at most 5")))
    right = text(table, "right")
    wrong = tuple(Wrong(text(option, "text"), text(option, "says")) for option in options)
    faults.tell()
    return Choice(right, wrong)


def _numeric(table: Table, names: frozenset[str], kind: str) -> Numeric:
    faults = _Faults()
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


_NOTHING = formula("0", frozenset())


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
    faults = _Faults()
    spec = Table(f"{table.where}: field 'figure'", table.get("figure", dict))
    faults.of(lambda: _only(spec, {"title", "x", "log_y", "curve", "reads", "at"}), None)
    axis = Table(f"{spec.where}: field 'x'", spec.get("x", dict))
    faults.of(lambda: _only(axis, {"name", "low", "high", "log"}), None)
    name = faults.of(lambda: _axis_name(axis), "x")
    reads = faults.of(lambda: spec.one_of("reads", READS), "value")
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
        title=faults.of(lambda: spec.read("title", lambda text: template(text, names)), _EMPTY),
        name=name,
        low=number(axis, "low"),
        high=number(axis, "high"),
        log_x=log_x,
        log_y=log_y,
        curves=curves,
        reads=reads,  # type: ignore[arg-type]
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
    _only(table, {"label", "y", "at"})
    places = [
        Table(table.where, {"at": place}).read("at", lambda text: formula(text, names))
        for place in table.get("at", list, [])
    ]
    y = table.read("y", lambda text: formula(text, names | {variable}))
    return Curve(table.get("label", str, ""), y, tuple(places))


def _code(table: Table, names: frozenset[str]) -> Code:
    faults = _Faults()

    def program(field: str) -> Template:
        return faults.of(lambda: table.read(field, lambda text: template(text.strip("\n"), names)), _EMPTY)

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
    faults = _Faults()
    wrong = [
        faults.of(lambda entry=entry: _wrong_program(entry, names), None)  # type: ignore[misc]
        for entry in table.tables("mistakes", 1)
    ]
    faults.tell()
    return tuple(each for each in wrong if each is not None)


def _wrong_program(entry: Table, names: frozenset[str]) -> WrongProgram:
    faults = _Faults()
    faults.of(lambda: _only(entry, {"slip", "answer", "says", "step"}), None)

    def text(field: str) -> Template:
        return faults.of(lambda: entry.read(field, lambda text: template(text.strip("\n"), names)), _EMPTY)

    wrong = WrongProgram(
        faults.of(lambda: entry.one_of("slip", [name for name in SLIPS if name not in GENERIC]), ""),
        text("answer"),
        text("says"),
        text("step"),
    )
    faults.tell()
    return wrong


def _formula(table: Table, names: frozenset[str], kind: str) -> Formula:
    if not names:
        raise table.wrong("values", "missing: a formula needs the names it is a function of")
    faults = _Faults()
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
    faults = _Faults()
    entries = table.tables("mistakes", least)
    mistakes = [
        faults.of(lambda entry=entry: _mistake(entry, names, digits, reader), None)  # type: ignore[misc]
        for entry in entries
    ]
    faults.tell()
    return tuple(mistake for mistake in mistakes if mistake is not None)


def _mistake(entry: Table, names: frozenset[str], digits: int, reader: Callable[[str], Expression]) -> Mistake:
    faults = _Faults()
    faults.of(lambda: _only(entry, {"slip", "answer", "says", "step"}), None)
    known = names | {"answer"} if digits else names
    mistake = Mistake(
        faults.of(lambda: entry.one_of("slip", [name for name in SLIPS if name not in GENERIC]), ""),
        faults.of(lambda: entry.read("answer", reader), _NOTHING),
        faults.of(lambda: entry.read("says", lambda text: template(text, names)), _EMPTY),
        faults.of(lambda: entry.read("step", lambda text: template(text, known, digits)), _EMPTY),
        typed=faults.of(lambda: entry.get("answer", str), ""),
    )
    faults.tell()
    return mistake


def computed(line: str) -> str:
    """The expression that a line of code computes: what follows `return` or `name =`, without the comment."""
    line = line.split("#", maxsplit=1)[0].strip().rstrip(";")
    if line.startswith("return "):
        return line[7:].strip()
    name, equals, rest = line.partition("=")
    return rest.strip() if equals and name.strip().isidentifier() else line


def flowed(text: str) -> str:
    """Joins lines that break within a sentence; keeps code, and lines that follow a full stop."""
    lines: list[str] = []
    for line in text.splitlines():
        ends = not lines or not lines[-1].strip() or lines[-1].startswith("    ") or lines[-1].rstrip()[-1] in ".:?)"
        if ends or not line.strip() or line.startswith("    "):
            lines.append(line)
        else:
            lines[-1] += " " + line
    return "\n".join(lines)
