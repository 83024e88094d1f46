"""A comparison as the command `compare` and the app's Compare tell it: a text, a document, and its plots."""

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from scaling_tui.laws.fitting.difference import Difference
from scaling_tui.laws.fitting.study import Study
from scaling_tui.laws.forms import SYMBOLS
from scaling_tui.laws.planning.along_compute import WAYS
from scaling_tui.plots.compared import ComparedLaw, curves_figure, laws_figure
from scaling_tui.plots.curves import Choice
from scaling_tui.plots.figures import Figure
from scaling_tui.report.comparison.comparing import Apart, Side, SideBySide, compute_of
from scaling_tui.report.comparison.settings import Setting
from scaling_tui.report.run_settings import setting_text
from scaling_tui.text import show
from scaling_tui.text.columns import bullet, cell_len, columns, cut
from scaling_tui.text.show import span

LEAST = 60  # columns of text
LONGEST_CELL = 40
NONE = "–"
KINDS = {"sweep": "sweep", "table": "table", "logs": "logs, not imported"}


def comparison_document(found: SideBySide) -> dict[str, Any]:
    """For JSON: `sources`, `differences` of every two, `settings`, `notes`; `flops` is the budget compared at."""
    return {
        "sources": [_side_document(side) for side in found.sides],
        "flops": found.flops,
        "level": found.level,
        "differences": [
            {
                "first": apart.first,
                "second": apart.second,
                "draws": apart.pairing.how,
                "shared_points": apart.pairing.shared,
                "not_compared": apart.why_not or None,
                "coefficients": {one.name: _difference(one) for one in apart.coefficients},
                "loss": None if apart.loss is None else _difference(apart.loss),
            }
            for apart in found.apart
        ],
        "settings": [{"name": setting.name, "values": list(setting.values)} for setting in found.settings],
        "notes": list(found.notes),
    }


def _side_document(side: Side) -> dict[str, Any]:
    source, made, predicted = side.source, side.study, side.predicted
    document: dict[str, Any] = {"name": side.name, "source": source.where, "kind": source.kind}
    document |= {
        "problem": side.problem or None,
        "notes": [*source.notes, *(source.points.notes if source.points else ())],
    }
    fit = dict.fromkeys(("law", "form", "coefficients", "intervals", "level", "convention", "points", "holdout"))
    if made is not None:
        own = made.document()
        fit = {key: own[key] for key in fit}
    return document | fit | {
        "loss": (source.points.loss or "as given") if source.points else None,
        "flops": None if (ends := _reach(side)) is None else list(ends),
        "flops_count": side.along.counts if side.along else None,
        "prediction": None
        if predicted is None or side.along is None
        else {
            "loss": predicted.loss,
            "interval": [predicted.low, predicted.high],
            "at": side.along.way,
            "inputs": dict(predicted.run),
            "warnings": list(predicted.warnings),
        },
        "unpredicted": side.unpredicted or None,
        "warnings": list(made.warnings) if made else [],
    }  # fmt: skip


def _difference(one: Difference) -> dict[str, Any]:
    return {"difference": one.value, "interval": [one.low, one.high], "real": one.real}


def comparison_text(found: SideBySide, width: int = 100) -> str:
    """The laws side by side, the differences with their intervals, and the settings that differ.

    Sources that do not fit into `width` columns beside the others come below them.
    """
    width = max(LEAST, width)
    parts = [
        _table(_law_rows(found), width),
        "\n\n".join(_apart_text(apart, found, width) for apart in found.apart),
        _settings_text(found, width),
    ]
    return "\n\n".join(part for part in parts if part)


def comparison_notes(found: SideBySide) -> list[str]:
    """What to know before believing it: of all sources together, then of each."""
    notes = list(found.notes)
    for side in found.sides:
        if side.problem:
            notes.append(f"{side.name}: no law: {side.problem}")
        if side.unpredicted:
            notes.append(f"{side.name}: no loss at a budget: {side.unpredicted}")
        own = [*side.source.notes, *(side.study.warnings if side.study else ())]
        own += side.predicted.warnings if side.predicted else ()
        notes += [f"{side.name}: {note}" for note in own]
    return notes


def comparison_figure(found: SideBySide, log: tuple[bool, bool] = (True, True)) -> Figure:
    """The points and laws of all sources over C."""
    laws = []
    for side in found.sides:
        if side.study is not None:
            laws.append(ComparedLaw(side.name, side.study.fit.points, side.along))
        elif side.source.points is not None:
            laws.append(ComparedLaw(side.name, side.source.points.points, None))
    return laws_figure(laws, found.flops, log)


def comparison_curves(found: SideBySide, choice: Choice) -> Figure:
    """The curves of all sources that have any."""
    return curves_figure([(side.name, view) for side in found.sides if (view := side.source.view) is not None], choice)


# --- the laws


def _law_rows(found: SideBySide) -> list[list[str]]:
    """A row a fact, a column a source, under a row of names."""
    sides = found.sides
    rows = [
        [f"{show.percent(found.level)} intervals", *(side.name for side in sides)],
        ["kind", *(KINDS[side.source.kind] for side in sides)],
    ]

    def row(name: str, cells: Iterable[str]) -> None:
        texts = list(cells)
        if any(text not in ("", NONE) for text in texts):
            rows.append([name, *(text or NONE for text in texts)])

    row("law", (side.study.fit.law.name if side.study else "none, see below" for side in sides))
    row("N counts", (_counts(side.study) for side in sides))
    row("points", (str(len(side.study.fit.points)) if side.study else "" for side in sides))
    row("C counts", (side.along.counts if side.along else "" for side in sides))
    row("C of the runs", (_reach_text(side) for side in sides))
    for name in dict.fromkeys(name for side in sides if side.study for name in side.study.fit.coefficients):
        row(name, (_coefficient(side.study, name) for side in sides))
    row("held-out error", (_held_out(side.study) for side in sides))
    row("held-out runs", (_held_out_runs(side.study) for side in sides))
    if found.flops is not None:
        row(f"L at C {show.scientific(found.flops)}", (_predicted(side) for side in sides))
        row("  N there", (_at(side, "params") for side in sides))
        row("  D there", (_at(side, "tokens") for side in sides))
        row("  basis", (WAYS[side.along.way] if side.along and side.predicted else "" for side in sides))
    return rows


def _table(rows: Sequence[Sequence[str]], width: int) -> str:
    """Rows as columns; those that do not fit into `width` follow in a table of their own below."""
    rows = [[row[0], *(cut(cell, LONGEST_CELL) for cell in row[1:])] for row in rows]
    widths = [max(cell_len(row[k]) for row in rows) for k in range(len(rows[0]))]
    tables, chosen, used = [], [0], widths[0]
    for column in range(1, len(widths)):
        if used + 2 + widths[column] > width and len(chosen) > 1:
            tables.append(chosen)
            chosen, used = [0], widths[0]
        chosen.append(column)
        used += 2 + widths[column]
    tables.append(chosen)
    return "\n\n".join(columns([[row[k] for k in table] for row in rows]) for table in tables)


def _counts(made: Study | None) -> str:
    return made.fit.convention if made is not None and "params" in made.fit.law.inputs else ""


def _reach(side: Side) -> tuple[float, float] | None:
    compute = compute_of(side)
    return None if compute is None else (float(np.min(compute)), float(np.max(compute)))


def _reach_text(side: Side) -> str:
    ends = _reach(side)
    return "" if ends is None else f"{show.scientific(ends[0])} to {show.scientific(ends[1])}"


def _coefficient(made: Study | None, name: str) -> str:
    if made is None or name not in made.fit.coefficients:
        return ""
    value, ends = made.fit.coefficients[name], made.intervals.get(name)
    text = show.coefficient(value)
    return text if ends is None or span(*ends) == NONE else f"{text} {span(*ends)}"


def _held_out(made: Study | None) -> str:
    held = made.holdout if made is not None else None
    if held is None:
        return "too few points" if made is not None else ""
    return f"{show.percent(held.mape, 2)}, bias {show.percent(held.bias, 2, sign=True)}"


def _held_out_runs(made: Study | None) -> str:
    held = made.holdout if made is not None else None
    return "" if held is None else f"{held.points} of largest {SYMBOLS[held.by]}"


def _predicted(side: Side) -> str:
    if side.predicted is None:
        return ""
    at = side.predicted
    ends = span(at.low, at.high, show.loss)
    return show.loss(at.loss) if ends == NONE else f"{show.loss(at.loss)} {ends}"


def _at(side: Side, name: str) -> str:
    return (
        next((show.count(value) for key, value in side.predicted.run.items() if key == name), "")
        if (side.predicted)
        else ""
    )


# --- the differences


def _apart_text(apart: Apart, found: SideBySide, width: int) -> str:
    """What of two sources differs beyond their noise."""
    rows = [(f"{apart.second} minus {apart.first}", "difference", f"{show.percent(found.level)} interval", "")]
    rows += [(one.name, _signed(one.value), span(one.low, one.high), _verdict(one)) for one in apart.coefficients]
    if apart.loss is not None and found.flops is not None:
        ends = span(apart.loss.low, apart.loss.high, lambda value: f"{value:+.4f}")
        name = f"L at C {show.scientific(found.flops)}"
        rows.append((name, f"{apart.loss.value:+.4f}", ends, _verdict(apart.loss)))
    lines = [columns(rows, numeric=(1,))] if len(rows) > 1 else [rows[0][0]]
    if apart.why_not:
        told = f"coefficients are not subtracted: {apart.why_not}; {_remedy(apart.why_not)}"
        lines.append(textwrap.fill(told, width))
    if len(rows) > 1:
        lines.append(textwrap.fill(_covers(apart), width))
    return "\n".join(lines)


def _signed(value: float) -> str:
    text = show.coefficient(value)
    return text if text.startswith(("-", NONE)) or value == 0 else f"+{text}"


def _verdict(one: Difference) -> str:
    if one.real is None:
        return "no interval"
    return "differs" if one.real else "no difference seen"


def _remedy(why: str) -> str:
    if why.startswith("their laws"):
        return "--law fits one law to all"
    alike = "a law of N or D can be compared all the same"
    return alike if why.startswith("they count C") else "--params-as all counts N the same way, if known"


def _covers(apart: Apart) -> str:
    paired = (
        "refits to the same runs, paired one by one"
        if apart.pairing.how == "paired"
        else "every refit of one paired with every refit of the other"
    )
    return (
        f"intervals: {paired}; each covers the noise of these runs, for one difference, if both laws are "
        "right, and does not say why they differ"
    )


# --- the settings


def _settings_text(found: SideBySide, width: int) -> str:
    told = [side for side in found.sides if side.source.view is not None]
    if len(told) < 2:
        return ""
    if not found.settings:
        return "no recorded setting differs"
    head = "settings that differ"
    places = [k for k, side in enumerate(found.sides) if side.source.view is not None]
    rows = [[head, *(found.sides[k].name for k in places)]]
    rows += [[cut(setting.name, LONGEST_CELL), *(_value(setting, k) for k in places)] for setting in found.settings]
    return _table(rows, width)


def _value(setting: Setting, place: int) -> str:
    value = setting.values[place]
    if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        return show.listed([str(item) if isinstance(item, int) else setting_text(item) for item in value], 4)
    return setting_text(value)


def notes_text(found: SideBySide) -> str:
    """`comparison_notes` one a line, behind a sign."""
    return bullet(comparison_notes(found))
