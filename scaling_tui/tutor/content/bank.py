"""Banks: TOML files of questions. Every error names the file, question and field."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
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
from scaling_tui.tutor.content.template import Template, template
from scaling_tui.tutor.parsing.expressions import Expression, parse
from scaling_tui.tutor.parsing.formulas import formula

T = TypeVar("T")
CASES = 6  # of a function to complete, unless the bank says otherwise
_COMMON = {"id", "kind", "lesson", "difficulty", "skill", "text", "values", "hint", "steps", "check", "plan"}
_OWN = {
    "choice": {"right", "wrong"},
    "numeric": {"answer", "digits", "tolerance", "unit", "interval", "mistakes"},
    "figure": {"answer", "digits", "unit", "figure", "mistakes"},
    "expression": {"answer", "typed", "mistakes"},
    "fix": {"answer", "typed", "mistakes", "code", "line"},
    "code": {"answer", "function", "arguments", "code", "typed", "cases", "tolerance", "mistakes"},
}


@dataclass(frozen=True)
class Bank:
    """The questions of one file, in its order."""

    path: Path
    title: str
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class _Table:
    """A TOML table, with its place in the file for error messages."""

    where: str
    table: dict[str, Any]

    def wrong(self, field: str, why: str) -> InputError:
        return InputError(f"{self.where}: field {field!r}: {why}")

    def only(self, allowed: Iterable[str]) -> None:
        for field in self.table:
            if field not in allowed:
                raise self.wrong(field, f"unknown, want one of {', '.join(sorted(allowed))}")

    def get(self, field: str, kind: type[T], default: T | None = None) -> T:
        value = self.table.get(field, default)
        if value is None:
            raise self.wrong(field, "missing")
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.wrong(field, f"found {value!r}, want {_KINDS[kind]}")
        if isinstance(value, str) and not value.strip() and default is None:
            raise self.wrong(field, "empty")
        return value

    def one_of(self, field: str, allowed: Iterable[str], default: str | None = None) -> str:
        value = self.get(field, str, default)
        if value not in allowed:
            raise self.wrong(field, f"found {value!r}, want one of {', '.join(allowed)}")
        return value

    def tables(self, field: str, least: int) -> list["_Table"]:
        tables = self.get(field, list, [])
        if len(tables) < least or not all(isinstance(item, dict) for item in tables):
            raise self.wrong(field, f"found {len(tables)}, want at least {least} tables [[question.{field}]]")
        return [_Table(f"{self.where}: {field} {number}", item) for number, item in enumerate(tables, 1)]

    def read(self, field: str, reader: Callable[[str], T], default: str | None = None) -> T:
        """A text field parsed by `reader`, whose error is raised again with the place."""
        text = self.get(field, str, default)
        try:
            return reader(text)
        except InputError as error:
            raise self.wrong(field, str(error)) from None
        except RecursionError:
            raise self.wrong(field, "nested too deeply") from None


_KINDS: dict[type, str] = {str: "a string", float: "a number", int: "a whole number", list: "a list", dict: "a table",
                           bool: "true or false"}  # fmt: skip


def load_bank(path: Path) -> Bank:
    """Reads a bank.

    Raises:
        InputError: no such file, not TOML, or an invalid field; names file, question and field.
    """
    top = _Table(str(path), read_toml(path, "a bank of questions (.toml)"))
    top.only({"title", "lesson", "question"})
    title, lesson = top.get("title", str), top.get("lesson", str, "")
    tables = top.table.get("question")
    if not isinstance(tables, list) or not tables:
        raise top.wrong("question", "missing, want at least one [[question]]")
    questions: list[Question] = []
    for number, table in enumerate(tables, 1):
        name = table.get("id") if isinstance(table, dict) else None
        where = f"{path}: question {name!r}" if name else f"{path}: question {number}"
        question = _question(_Table(where, table), lesson, path)
        if any(question.id == other.id for other in questions):
            raise InputError(f"{path}: question {question.id!r}: field 'id': used twice")
        questions.append(question)
    return Bank(path, title, tuple(questions))


def question_of(table: dict[str, Any], path: Path) -> Question:
    """A question from what a `[[question]]` of a bank holds.

    Raises:
        InputError: an invalid field.
    """
    return _question(_Table(f"{path}: question {table.get('id')!r}", table), "", path)


def load_banks(extra: Iterable[Path] = ()) -> list[Bank]:
    """The packaged banks, the user's in the configuration folder, and those given by path.

    Raises:
        InputError: as `load_bank`; or two banks use the same question id.
    """
    banks = [load_bank(path) for path in (*sorted(resources.found("quizzes"), key=lambda p: p.stem), *extra)]
    owner: dict[str, Path] = {}
    for bank in banks:
        for question in bank.questions:
            if question.id in owner:
                raise InputError(f"{bank.path}: question {question.id!r}: field 'id': also in {owner[question.id]}")
            owner[question.id] = bank.path
    return banks


def _question(table: _Table, lesson: str, path: Path) -> Question:
    kind = table.one_of("kind", KINDS)
    table.only(_COMMON | _OWN[kind])
    identity = table.get("id", str)
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", identity):
        raise table.wrong("id", f"found {identity!r}, want lower-case words joined by '-'")
    values = _draws(table)
    names = frozenset(value.name for value in values)
    body: Body
    digits = 0
    if kind == "choice":
        body = _choice(table, names)
    elif kind in ("numeric", "figure"):
        body = _numeric(table, names, kind)
        digits = body.digits
    elif kind == "code":
        body = _code(table, names)
    else:
        body = _formula(table, names, kind)
    known = names | {"answer"} if digits else names

    def reader(text: str) -> Template:
        return template(text.strip("\n"), known, digits)

    steps = table.get("steps", list)
    if not steps or not all(isinstance(step, str) for step in steps):
        raise table.wrong("steps", "want a list with at least one string")
    skill = "" if kind == "choice" else table.get("skill", str, lesson or identity)
    return Question(
        id=identity,
        kind=kind,  # type: ignore[arg-type]
        lesson=table.get("lesson", str, lesson or None),
        difficulty=table.one_of("difficulty", DIFFICULTIES),  # type: ignore[arg-type]
        skill=skill,
        text=table.read("text", lambda text: template(flowed(text.strip("\n")), names)),
        values=values,
        body=body,
        hint=table.read("hint", lambda text: template(text, names)),
        steps=tuple(_Table(table.where, {"steps": step}).read("steps", reader) for step in steps),
        check=table.read("check", reader),
        plan=_plan(table, names),
        bank=path,
    )


def _draws(table: _Table) -> tuple[Draw, ...]:
    draws: list[Draw] = []
    for name, given in table.get("values", dict, {}).items():
        where = f"values.{name}"
        if not name.isidentifier() or not name.isascii():
            raise table.wrong(where, "want a name of letters, digits and _")
        if isinstance(given, int | float) and not isinstance(given, bool):
            given = {"choose": [given]}  # noqa: PLW2901
        if not isinstance(given, dict):
            raise table.wrong(where, f"found {given!r}, want a number or a table")
        spec = _Table(f"{table.where}: field {where!r}", given)
        spec.only({"choose", "low", "high", "log", "digits", "whole", "is"})
        if "is" in given:
            earlier = frozenset(draw.name for draw in draws)
            draws.append(Draw(name, formula=spec.read("is", lambda text, known=earlier: formula(text, known))))  # type: ignore[misc]
        elif "choose" in given:
            choices = spec.get("choose", list)
            if not choices or not all(isinstance(c, int | float) and not isinstance(c, bool) for c in choices):
                raise spec.wrong("choose", "want a list of numbers")
            draws.append(Draw(name, choose=tuple(float(c) for c in choices)))
        else:
            low, high, log = spec.get("low", float), spec.get("high", float), spec.get("log", bool, False)
            if not low < high or (log and low <= 0):
                raise spec.wrong("low", f"found {low:g} with high {high:g}, want low below high" + (", above 0" * log))
            digits, whole = spec.get("digits", int, 2), spec.get("whole", bool, False)
            draws.append(Draw(name, low=low, high=high, log=log, digits=digits, whole=whole))
    return tuple(draws)


def _plan(table: _Table, names: frozenset[str]) -> tuple[tuple[str, Expression], ...]:
    given = _Table(f"{table.where}: field 'plan'", table.get("plan", dict, {}))
    given.only(PLANNED)
    if len(given.table) > 2:
        raise table.wrong("plan", f"found {len(given.table)} fields, want one, or two for a run off the optimum")
    return tuple((field, given.read(field, lambda text: formula(text, names))) for field in given.table)


def _choice(table: _Table, names: frozenset[str]) -> Choice:
    def reader(text: str) -> Template:
        return template(text, names)

    wrong = []
    for option in table.tables("wrong", 2):
        option.only({"text", "says"})
        wrong.append(Wrong(option.read("text", reader), option.read("says", reader)))
    if len(wrong) > 5:
        raise table.wrong("wrong", f"found {len(wrong)}, want at most 5")
    return Choice(table.read("right", reader), tuple(wrong))


def _numeric(table: _Table, names: frozenset[str], kind: str) -> Numeric:
    digits = table.get("digits", int)
    if not 1 <= digits <= 12:
        raise table.wrong("digits", f"found {digits}, want 1 to 12 significant figures")
    # Half a unit of the last figure, where that is relatively largest: less would reject correctly rounded answers.
    least = 0.5 * 10.0 ** (1 - digits)
    tolerance = table.get("tolerance", float, least)
    if tolerance != 0 and not least <= tolerance < 0.5:
        wanted = f"0 for a whole number, or {least:g} (for {digits} figures) to 0.5"
        raise table.wrong("tolerance", f"found {tolerance:g}, want {wanted}")
    unit = table.get("unit", str, "") and table.one_of("unit", sorted(UNITS))
    answer = table.read("answer", lambda text: formula(text, names))
    reading = _reading(table, names) if kind == "figure" else None
    interval = _interval(table, names)
    least_mistakes = 1 if interval is None else 0
    mistakes = _mistakes(table, names, digits, lambda text: formula(text, names), least_mistakes)
    return Numeric(answer, digits, tolerance, unit, mistakes, interval, reading)


def _interval(table: _Table, names: frozenset[str]) -> tuple[Expression, Expression] | None:
    ends = table.get("interval", list, [])
    if not ends:
        return None
    if len(ends) != 2 or not all(isinstance(end, str) for end in ends):
        raise table.wrong("interval", f"found {ends!r}, want two formulas, the lower end and the upper")
    low, high = (
        _Table(table.where, {"interval": end}).read("interval", lambda text: formula(text, names)) for end in ends
    )
    return low, high


def _reading(table: _Table, names: frozenset[str]) -> Reading:
    spec = _Table(f"{table.where}: field 'figure'", table.get("figure", dict))
    spec.only({"title", "x", "log_y", "curve", "reads", "at"})
    axis = _Table(f"{spec.where}: field 'x'", spec.get("x", dict))
    axis.only({"name", "low", "high", "log"})
    name = axis.get("name", str)
    if not name.isidentifier() or not name.isascii():
        raise axis.wrong("name", f"found {name!r}, want a name of letters, digits and _")
    reads = spec.one_of("reads", READS)
    at = spec.read("at", lambda text: formula(text, names)) if reads in ("value", "size") else None
    log_x, log_y = axis.get("log", bool, False), spec.get("log_y", bool, False)
    if reads == "slope" and not (log_x and log_y):
        raise spec.wrong("reads", "a slope is read where both axes are logarithmic: want x.log and log_y")
    curves = []
    for curve in spec.tables("curve", 1):
        curve.only({"label", "y", "at"})
        places = [_Table(curve.where, {"at": place}).read("at", lambda text: formula(text, names))
                  for place in curve.get("at", list, [])]  # fmt: skip
        y = curve.read("y", lambda text: formula(text, names | {name}))
        curves.append(Curve(curve.get("label", str, ""), y, tuple(places)))
    if curves[0].at:
        raise spec.wrong("curve", "the first curve is the one to read, and a line: without `at`")
    return Reading(
        title=spec.read("title", lambda text: template(text, names)),
        name=name,
        low=axis.read("low", lambda text: formula(text, names)),
        high=axis.read("high", lambda text: formula(text, names)),
        log_x=log_x,
        log_y=log_y,
        curves=tuple(curves),
        reads=reads,  # type: ignore[arg-type]
        at=at,
    )


def _code(table: _Table, names: frozenset[str]) -> Code:
    def reader(text: str) -> Template:
        return template(text.strip("\n"), names)

    function = table.get("function", str)
    if not function.isidentifier():
        raise table.wrong("function", f"found {function!r}, want the name of the function")
    arguments = table.get("arguments", list)
    if not arguments or not all(argument in names for argument in arguments):
        raise table.wrong("arguments", f"found {arguments!r}, want a list of names from values")
    answers = table.table.get("answer")
    answers = [answers] if isinstance(answers, str) else answers
    if not isinstance(answers, list) or not answers or not all(isinstance(answer, str) for answer in answers):
        raise table.wrong("answer", "want a formula, or a list of formulas for a tuple")
    cases = table.get("cases", int, CASES)
    if not 2 <= cases <= 20:
        raise table.wrong("cases", f"found {cases}, want 2 to 20")
    tolerance = table.get("tolerance", float, 1e-6)
    if not 0 < tolerance <= 0.01:
        raise table.wrong("tolerance", f"found {tolerance:g}, want above 0 and at most 0.01")
    wrong = []
    for entry in table.tables("mistakes", 1):
        entry.only({"slip", "answer", "says", "step"})
        slip = entry.one_of("slip", [name for name in SLIPS if name not in GENERIC])
        says, step = (entry.read(field, lambda text: template(text, names)) for field in ("says", "step"))
        wrong.append(WrongProgram(slip, entry.read("answer", reader), says, step))
    return Code(
        function=function,
        arguments=tuple(arguments),
        answers=tuple(
            _Table(table.where, {"answer": answer}).read("answer", lambda text: formula(text, names))
            for answer in answers
        ),
        start=table.read("code", reader),
        typed=table.read("typed", reader),
        mistakes=tuple(wrong),
        cases=cases,
        tolerance=tolerance,
    )


def _formula(table: _Table, names: frozenset[str], kind: str) -> Formula:
    if not names:
        raise table.wrong("values", "missing: a formula needs the names it is a function of")
    answer = table.read("answer", lambda text: formula(text, names))
    typed = table.get("typed", str)
    asked = table.read("typed", lambda text: parse(text, names))
    mistakes = _mistakes(table, names, 0, lambda text: parse(text, names))
    # A value that only serves to compute others is not offered to the learner: it may be the answer.
    shown = asked.names.union(*(mistake.answer.names for mistake in mistakes))
    if kind == "expression":
        return Formula(answer, typed, shown, mistakes)
    code, line = table.get("code", str).strip("\n"), table.get("line", int)
    if not 1 <= line <= len(code.splitlines()):
        raise table.wrong("line", f"found {line}, the code has lines 1 to {len(code.splitlines())}")
    table.read("code", lambda text: parse(computed(text.strip("\n").splitlines()[line - 1]), names))
    shown |= names & set(re.findall(r"[A-Za-z_]\w*", code))
    return Formula(answer, typed, shown, mistakes, code, line)


def _mistakes(
    table: _Table, names: frozenset[str], digits: int, reader: Callable[[str], Expression], least: int = 1
) -> tuple[Mistake, ...]:
    mistakes = []
    for entry in table.tables("mistakes", least):
        entry.only({"slip", "answer", "says", "step"})
        slip = entry.one_of("slip", [name for name in SLIPS if name not in GENERIC])
        known = names | {"answer"} if digits else names
        mistakes.append(
            Mistake(
                slip,
                entry.read("answer", reader),
                entry.read("says", lambda text: template(text, names)),
                entry.read("step", lambda text, known=known: template(text, known, digits)),  # type: ignore[misc]
                typed=entry.get("answer", str),
            )
        )
    return tuple(mistakes)


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
