"""Plans side by side, by the user's own fit and by the published laws, for the Plan screen."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws import Points, get
from scaling_tui.laws.fitting.study import Study
from scaling_tui.laws.planning.plan import Goal, Plan, plan_published
from scaling_tui.laws.planning.published_runs import PublishedRun
from scaling_tui.plots.plans import PlanCurve
from scaling_tui.report.fit import FitSource, sweep_source
from scaling_tui.report.plan import plan_study, plan_text, planning_study
from scaling_tui.report.standing import measured_text, ratio, runs_for, runs_table, runs_text
from scaling_tui.runs import SweepView
from scaling_tui.text import show
from scaling_tui.text.columns import bullet, cell_len, cut, flush_left
from scaling_tui.text.numbers import read_quantity
from scaling_tui.text.show import span

ROOMY = 72  # columns needed to show the full table
MOST_GIVEN = 2  # a third quantity would follow from the others
# The published laws with a row of their own: the refit that plans usually start from, and the two that it corrects.
MAIN = ("chinchilla:besiroglu2024", "chinchilla:hoffmann2022", "kaplan:kaplan2020")


@dataclass(frozen=True)
class Field:
    """A quantity that the user can give. `unit` may follow the number."""

    symbol: str
    unit: str
    example: str
    text: str


FIELDS: dict[str, Field] = {
    "flops": Field("C", "flops", "1e21", "FLOPs"),
    "loss": Field("L", "nats", "2.1", "nats per token"),
    "params": Field("N", "params", "70B", "parameters"),
    "tokens": Field("D", "tokens", "1.4T", "tokens"),
}


@dataclass(frozen=True)
class Basis:
    """The sweep's fit, for plans by the user's own runs; or the `problem` that there is none."""

    name: str = ""
    source: FitSource | None = None
    study: Study | None = None
    problem: str = "no sweep yet: 2 opens the Lab"

    @property
    def largest_flops(self) -> float | None:
        """The largest budget of the fitted runs."""
        compute = self.study.fit.points.compute() if self.study else None
        return None if compute is None else float(np.nanmax(compute))


@dataclass(frozen=True)
class PlanRow:
    """The plan by one law, or the problem that prevents it."""

    name: str
    plan: Plan | None
    problem: str = ""


@dataclass(frozen=True)
class Plans:
    """The plans for one goal. `problem` is what is wrong with the goal itself, `read` how it was parsed.

    `published` are the optimal runs by all entries of the atlas that plan, at the budget of the first plan.
    """

    goal: Goal
    rows: tuple[PlanRow, ...]
    basis: Basis
    read: str
    problem: str = ""
    published: tuple[PublishedRun, ...] = ()


def basis_of(sweep: SweepView | None) -> Basis:
    """The fit to a sweep's finished runs."""
    if sweep is None:
        return Basis()
    try:
        source = sweep_source(sweep)
    except InputError as error:
        return Basis(sweep.name, None, None, str(error))
    return basis_of_source(sweep.name, source)


def basis_of_source(name: str, source: FitSource) -> Basis:
    """The fit to the points of a sweep or a table."""
    try:
        fitted = planning_study(source)
        plan_study(source, fitted, Goal(flops=float(np.nanmax(source.points.column("flops")))))
    except InputError as error:
        return Basis(name, source, None, str(error).removeprefix("plan: "))
    return Basis(name, source, fitted, "")


def goal_of(texts: Mapping[str, str]) -> Goal | None:
    """The goal typed in the fields; None if all are blank.

    Raises:
        InputError: a text is not a number in range, or both C and L are given.
    """
    given: dict[str, float] = {}
    for name, text in texts.items():
        if text.strip():
            field = FIELDS[name]
            given[name] = read_quantity(text, field.unit, field.symbol)
            if name != "loss" and not 1 <= given[name] <= 1e40:
                raise InputError(f"{field.symbol}: found {given[name]:g}, want from 1 to 1e40 {field.text}")
    if {"flops", "loss"} <= given.keys():
        raise InputError("C and L: each determines the other, give one of them")
    return Goal(**given) if given else None


def standing(given: Sequence[str]) -> tuple[str, ...]:
    """The fields of `given`, the newest first, that stand beside it: two at most, and not both C and L."""
    kept: list[str] = []
    for name in given:
        if len(kept) < MOST_GIVEN and {*kept, name} != {"flops", "loss"}:
            kept.append(name)
    return tuple(kept)


def plans_for(basis: Basis, goal: Goal) -> Plans:
    """The user's own plan first, then those of the main published laws, and the spread of all of them."""
    rows = [_own(basis, goal)]
    for name in MAIN:
        try:
            rows.append(PlanRow(name, plan_published(get(name), goal)))
        except InputError as error:
            rows.append(PlanRow(name, None, str(error)))
    given = {name: value for name in FIELDS if (value := getattr(goal, name)) is not None}
    read = "read as " + ", ".join(
        f"{FIELDS[key].symbol} = {_number(key, value)} {FIELDS[key].text}" for key, value in given.items()
    )
    problem = rows[1].problem if all(row.plan is None for row in rows) else ""
    first = next((row.plan for row in rows if row.plan is not None), None)
    return Plans(goal, tuple(rows), basis, read, problem, () if first is None else runs_for(goal, first))


def _own(basis: Basis, goal: Goal) -> PlanRow:
    name = basis.name or "your own runs"
    if basis.source is None or basis.study is None:
        return PlanRow(name, None, basis.problem)
    try:
        return PlanRow(name, plan_study(basis.source, basis.study, goal))
    except InputError as error:
        return PlanRow(name, None, str(error).removeprefix("plan: "))


def _number(name: str, value: float) -> str:
    return {"flops": show.scientific, "loss": show.loss}.get(name, show.count)(value)


def plans_text(plans: Plans, width: int) -> str:
    """A table with a row per law, or its problem in place of the row. A narrow table has fewer columns."""
    wide = width >= ROOMY
    heads = ("N", "D", "D/N", "C", "L", "off") if wide else ("N", "D", "D/N", "L")
    cells = {row.name: [_cell(head, row.plan) for head in heads] for row in plans.rows if row.plan}
    called = {row.name: row.name if wide else row.name.partition(":")[2] or row.name for row in plans.rows}
    names = max([12, *(cell_len(called[name]) for name in cells)])
    sizes = [max(len(head), *(row[i] for row in _lengths(cells.values()))) for i, head in enumerate(heads)]

    def line(name: str, values: Iterable[str]) -> str:
        numbers = "  ".join(value.rjust(size) for value, size in zip(values, sizes, strict=True))
        return f"{flush_left(name, names)}  {numbers}"

    lines = [line("", heads)]
    for row in plans.rows:
        if row.plan is None:
            lines += textwrap.wrap(f"{called[row.name]}: {row.problem}", width, subsequent_indent="  ")
            continue
        lines.append(line(called[row.name], cells[row.name]))
        if row.plan.intervals and wide:
            lines.append(f"  {_intervals(row.plan)}")
    if plans.published:
        lines += textwrap.wrap(runs_text(plans.published), width, subsequent_indent="  ")
    return "\n".join(cut(text, width) for text in lines)


def _lengths(rows: Iterable[list[str]]) -> list[list[int]]:
    return [[len(cell) for cell in row] for row in rows] or [[0] * 6]


def _cell(head: str, plan: Plan) -> str:
    match head:
        case "N":
            return show.count(plan.params)
        case "D":
            return show.count(plan.tokens)
        case "D/N":
            return ratio(plan.tokens_per_param)
        case "C":
            return show.scientific(plan.flops)
        case "L":
            return show.loss(plan.loss)
        case _:
            return show.percent(plan.excess, 1, sign=True) if plan.excess > 1e-6 else "–"


def _intervals(plan: Plan) -> str:
    texts = {
        "params": ("N", show.count),
        "tokens": ("D", show.count),
        "loss": ("L", show.loss),
        "flops": ("C", show.scientific),
    }
    parts = [f"{texts[key][0]} {span(*ends, texts[key][1])}" for key, ends in plan.intervals.items() if key in texts]
    return f"{show.percent(plan.level)} " + "  ".join(parts)


def plans_words(plans: Plans) -> str:
    """Every plan as the command `plan` prints it, with its notes."""
    parts = []
    for row in plans.rows:
        if row.plan is None:
            parts.append(f"{row.name}: {row.problem}")
        else:
            notes = bullet(row.plan.notes)
            parts.append(f"{row.name}\n{plan_text(row.plan, None)}" + (f"\n{notes}" if notes else ""))
    if plans.published:
        parts.append(f"{runs_table(plans.published)}\n{measured_text(plans.published)}")
    return "\n\n".join(parts)


def plan_curves(plans: Plans) -> list[PlanCurve]:
    """The laws that reach the goal, for `plots.plans`."""
    curves = []
    for row in plans.rows:
        if row.plan is None:
            continue
        if row.name in MAIN:
            chosen = get(row.name)
            curves.append(PlanCurve(row.name, chosen.law, chosen.coefficients, row.plan, own=False))
        elif plans.basis.study is not None:
            fit = plans.basis.study.fit
            curves.append(PlanCurve(row.name, row.plan.law, row.plan.along or fit.coefficients, row.plan, own=True))
    return curves


def fitted_runs(plans: Plans) -> Points | None:
    """The runs of the user's own fit; None if there is no such fit."""
    return plans.basis.source.points if plans.basis.source and plans.basis.study else None
