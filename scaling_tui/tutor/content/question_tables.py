"""A question read from its `[[question]]` table in a bank, with its other forms."""

import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from scaling_tui.tutor.content.bodies import EMPTY, OWN, read_body
from scaling_tui.tutor.content.faults import Faults, only
from scaling_tui.tutor.content.questions import (
    DIFFICULTIES,
    KINDS,
    PLANNED,
    Body,
    Choice,
    Draw,
    Numeric,
    Question,
)
from scaling_tui.tutor.content.table import Table
from scaling_tui.tutor.content.template import Template, flowed, template
from scaling_tui.tutor.parsing.expressions import Expression
from scaling_tui.tutor.parsing.formulas import formula

# The fields of every question and what they are; the first ones are shared by all its forms.
SHARED = {
    "id": "lower-case words joined by hyphens; unique over all banks",
    "kind": f"one of {', '.join(f'`{kind}`' for kind in KINDS)}",
    "lesson": "the lesson it belongs to; by default that of the bank",
    "difficulty": f"one of {', '.join(f'`{each}`' for each in DIFFICULTIES)}",
    "skill": "what it practises with fresh numbers; by default the lesson. A `choice` has none and repeats unchanged",
}
COMMON = SHARED | {
    "text": "the question; `{…}` is a formula",
    "values": "its numbers, in order; each may use those above it",
    "hint": "shown when asked for",
    "steps": "the worked solution, a list of texts; they end in the answer",
    "check": "a quick way to see that an answer is plausible",
    "plan": f"which values a plan can use: one or two of {', '.join(f'`{each}`' for each in PLANNED)}",
}
# How a value of a question comes about.
DRAWN = {
    "choose": "a list of numbers to choose from; a bare number is a list of one",
    "low": "lowest of a random number",
    "high": "highest of it",
    "log": "whether it is drawn evenly in its logarithm",
    "digits": "significant figures it is drawn with, 2 by default",
    "whole": "whether it is rounded to a whole number",
    "is": "a formula of the values above it",
}


def question_with_forms(where: str, table: dict[str, Any], lesson: str, path: Path) -> Question:
    """A question, with its other forms: each has what it does not state itself from the question."""
    faults = Faults()
    own = {field: value for field, value in table.items() if field != "form"}
    question = faults.of(lambda: _question(Table(where, own), lesson, path), None)
    given = Table(where, table)
    forms = []
    other: list[Table] = faults.of(lambda: given.tables("form", 0), [])
    for number, form in enumerate(other, 1):
        inside = Table(f"{where}: form {number}", form.table)
        for field in SHARED.keys() & set(form.table):
            faults.found.append(str(inside.wrong(field, "the same for all forms of a question, state it there")))
        merged = Table(inside.where, {**own, **{k: v for k, v in form.table.items() if k not in SHARED}})
        # What is wrong in the question itself is told once.
        read = Faults() if question is None else faults
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


def _question(table: Table, lesson: str, path: Path) -> Question:
    kind = table.one_of("kind", KINDS)
    faults = Faults()
    faults.of(lambda: only(table, COMMON | OWN[kind]), None)
    identity = faults.of(lambda: _identity(table), "")
    values: tuple[Draw, ...] = faults.of(lambda: _draws(table), ())
    names = frozenset(value.name for value in values) | frozenset(map(str, _as_table(table.table.get("values"))))
    unread: Body = Choice(EMPTY, ())
    body = faults.of(lambda: read_body(table, names, kind), unread)
    digits = body.shown_digits if isinstance(body, Numeric) else 1 if kind in ("numeric", "figure") else 0
    known = names | {"answer"} if digits else names

    def reader(text: str) -> Template:
        return template(text.strip("\n"), known, digits)

    def text(field: str, read: Callable[[str], Template]) -> Template:
        return faults.of(lambda: table.read(field, read), EMPTY)

    steps: list[str] = faults.of(lambda: _steps(table), [])
    question = Question(
        id=identity,
        kind=kind,
        lesson=faults.of(lambda: table.get("lesson", str, lesson or None), ""),
        difficulty=faults.of(lambda: table.one_of("difficulty", DIFFICULTIES), "easy"),
        skill="" if kind == "choice" else faults.of(lambda: table.get("skill", str, lesson or identity), ""),
        text=text("text", lambda text: template(flowed(text.strip("\n")), names)),
        values=values,
        body=body,
        hint=text("hint", lambda text: template(text, names)),
        steps=tuple(
            faults.of(lambda step=step: Table(table.where, {"steps": step}).read("steps", reader), EMPTY)  # type: ignore[misc]
            for step in steps
        ),
        check=text("check", reader),
        plan=faults.of(lambda: _plan(table, names), ()),
        bank=path,
    )
    faults.tell()
    return question


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
    faults = Faults()
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
    only(spec, DRAWN)
    if "is" in given:
        earlier = frozenset(draw.name for draw in before)
        return Draw(name, formula=spec.read("is", lambda text: formula(text, earlier)))
    if "choose" in given:
        choices = spec.get("choose", list)
        numbers = [c for c in choices if isinstance(c, int | float) and not isinstance(c, bool)]
        if not choices or len(numbers) < len(choices) or not all(abs(number) < 1e300 for number in numbers):
            raise spec.wrong("choose", "want a list of numbers")
        return Draw(name, choose=tuple(float(c) for c in choices))
    low, high, log = spec.get("low", float), spec.get("high", float), spec.get("log", bool, False)
    if not (math.isfinite(low) and low < high < math.inf) or (log and low <= 0):
        raise spec.wrong("low", f"found {low:g} with high {high:g}, want low below high" + (", above 0" * log))
    digits, whole = spec.get("digits", int, 2), spec.get("whole", bool, False)
    return Draw(name, low=low, high=high, log=log, digits=digits, whole=whole)


def _plan(table: Table, names: frozenset[str]) -> tuple[tuple[str, Expression], ...]:
    given = Table(f"{table.where}: field 'plan'", table.get("plan", dict, {}))
    only(given, PLANNED)
    if len(given.table) > 2:
        raise table.wrong("plan", f"found {len(given.table)} fields, want one, or two for a run off the optimum")
    return tuple((field, given.read(field, lambda text: formula(text, names))) for field in given.table)
