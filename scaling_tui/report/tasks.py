"""What `fit --task` prints: both steps from size and data to a task's accuracy, and predictions through them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws.fitting.column_names import find_column, shown
from scaling_tui.laws.fitting.tables import TableOptions, points_of_table
from scaling_tui.laws.fitting.task_columns import TaskColumns, find_task
from scaling_tui.laws.fitting.tasks import COEFFICIENTS, TaskFit, TaskPrediction, fit_task
from scaling_tui.laws.published import find_law
from scaling_tui.report.inputs import read_inputs
from scaling_tui.tables import Table
from scaling_tui.tables.read import is_table, read_table
from scaling_tui.text import show
from scaling_tui.text.columns import columns
from scaling_tui.text.show import span

if TYPE_CHECKING:
    from scaling_tui.laws.kernels import Array
    from scaling_tui.plots.figures import Figure


def fit_task_source(
    source: str,
    task: str,
    *,
    law: str | None,
    draws: int,
    level: float,
    delta: float | None,
    predict: str | None,
    table: TableOptions,
    others: Mapping[str, object] = MappingProxyType({}),
) -> "tuple[dict[str, Any], str, Callable[[], Figure]]":
    """The document and the text that `fit --task` prints, and a function that makes its plot.

    `others` is what was given by options of laws alone, by option; all must be empty.

    Raises:
        InputError: an option, the table or its points are invalid, or it has no such task.
    """
    if option := next((name for name, value in others.items() if value), ""):
        raise InputError(f"{option}: found with --task, want one of them")
    if not is_table(source):
        raise InputError(f"--task: found with {source!r}, want it with a table (CSV, TSV, JSONL or Parquet)")
    inputs = None if predict is None else read_inputs(predict, find_law(law or "chinchilla"))
    read = read_table(source)
    found = find_task(list(read.columns), task, table.columns, read.where)
    bits, name = (find_column(read, column, "--columns") for column in (found.bits, found.accuracy))
    given = {role: column for role, column in table.columns.items() if role not in ("task_loss", "accuracy")}
    rows = points_of_table(read, replace(table, columns={**given, "loss": bits}))
    out = {item.row for item in rows.left_out}
    kept = [place for place, row in enumerate(read.rows) if row not in out]
    accuracy, notes = _accuracies(read, name, kept)
    made = fit_task(
        rows.points, accuracy, law=law or "chinchilla", draws=draws, chance=found.chance, level=level, delta=delta
    )
    predictions = [] if inputs is None else [made.predict(**inputs)]
    warnings = [*rows.warnings, *notes, *made.warnings, *_far(made, predictions)]
    found = TaskColumns(found.name, bits, name, found.chance)
    document = _document(source, found, made, predictions, warnings) | {
        "left_out": [asdict(item) for item in rows.left_out],
        "derived": list(rows.derived),
    }

    def figure() -> "Figure":
        from scaling_tui.plots.tasks import task_view

        return task_view(made, found.name, predictions)

    return document, task_text(found, made, predictions), figure


def _accuracies(table: Table, name: str, kept: Sequence[int]) -> "tuple[Array, list[str]]":
    """Accuracies of the rows kept, as shares; nan where there is none."""
    values = np.full(len(kept), np.nan)
    for place, row in enumerate(kept):
        cell = table.columns[name][row]
        try:
            values[place] = float(str(cell).strip().removesuffix("%")) if cell not in (None, "") else np.nan
        except ValueError:
            raise InputError(
                f"{table.where}: row {table.rows[row]}, column {shown(name)}: found {str(cell)[:60]!r}, "
                "want an accuracy"
            ) from None
    notes = []
    seen = np.isfinite(values)
    if seen.any() and values[seen].max() > 1:
        values = values / 100
        notes.append(f"column {shown(name)}: read as per cent")
    bad = seen & ((values < 0) | (values > 1))
    if bad.any():
        row = kept[int(np.flatnonzero(bad)[0])]
        raise InputError(
            f"{table.where}: row {table.rows[row]}, column {shown(name)}: found {table.columns[name][row]}, "
            "want an accuracy from 0 to 1, or to 100 per cent"
        )
    if not seen.all():
        notes.append(f"{int((~seen).sum())} of {seen.size} runs have no accuracy: they are used for bits per byte only")
    return values, notes


def _far(made: TaskFit, predictions: Sequence[TaskPrediction]) -> list[str]:
    lowest = float(made.bpb.min())
    return [
        f"{prediction.bpb:.3f} bits per byte are below the {lowest:.3f} of the best run: the accuracy there depends on "
        "the form of the sigmoid and on accuracy 1 at 0 bits per byte"
        for prediction in predictions
        if prediction.bpb < lowest
    ]


def _document(
    source: str, task: TaskColumns, made: TaskFit, predictions: Sequence[TaskPrediction], warnings: Sequence[str]
) -> dict[str, Any]:
    law = made.law
    return {
        "source": source,
        "task": task.name,
        "columns": {"task_loss": task.bits, "accuracy": task.accuracy},
        "chance": task.chance,
        "law": law.law.name,
        "coefficients": law.coefficients,
        "sigmoid": dict(zip(COEFFICIENTS, made.sigmoid.row.tolist(), strict=True)),
        "intervals": {name: list(ends) for name, ends in made.intervals().items()},
        "level": made.level,
        "objective": law.objective,
        "points": len(law.points),
        "residual_sd": {"bpb": _sd(made), "accuracy": made.accuracy_sd},
        "holdout": None if made.holdout is None else asdict(made.holdout),
        "predictions": [asdict(prediction) for prediction in predictions],
        "warnings": list(warnings),
    }


def _sd(made: TaskFit) -> float | None:
    freedom = made.law.freedom
    return float(np.sqrt((made.law.residuals**2).sum() / freedom)) if freedom > 0 else None


def task_text(task: TaskColumns, made: TaskFit, predictions: Sequence[TaskPrediction]) -> str:
    """Both steps with their intervals, the held-out error, and predictions."""
    intervals = made.intervals()
    law = made.law
    values = law.coefficients | dict(zip(COEFFICIENTS, made.sigmoid.row.tolist(), strict=True))
    sd = _sd(made)
    spread = "" if sd is None else f"; residual s.d. {show.percent(sd, 2)}"
    rows = [("", "estimate", f"{show.percent(made.level)} interval")]
    rows += [
        (name, show.coefficient(value), span(*intervals[name]) if name in intervals else "")
        for name, value in values.items()
    ]
    table = columns(rows, numeric=(1,)).splitlines()
    steps = len(law.coefficients) + 1
    guess = "" if task.chance is None else f"; guessing gives {task.chance:.3g}"
    lines = [
        f"{shown(task.name)} in two steps, {len(law.points)} runs",
        "",
        f"bits per byte of the right answers, {law.law.text}{spread}",
        *table[:steps],
        "",
        "accuracy = floor + (ceiling - floor)/(1 + exp(steepness·(bpb - midpoint))), "
        "fitted with accuracy 1 at 0 bits per byte; "
        f"residual s.d. {made.accuracy_sd:.4f}{guess}",
        *table[steps:],
    ]
    if made.holdout is not None:
        held = made.holdout
        lines += [
            "",
            f"held out: the {held.points} runs of N {show.count(held.params)}, predicted by the other {held.fitted}: "
            f"mean error {show.percent(held.bpb_error, 2)} of bits per byte, {held.accuracy_error:.4f} of accuracy "
            f"(bias {held.accuracy_bias:+.4f})",
        ]
    if predictions:
        lines += ["", columns(_predicted(made, predictions), numeric=(1, 3))]
    return "\n".join(lines)


def _predicted(made: TaskFit, predictions: Sequence[TaskPrediction]) -> list[tuple[str, ...]]:
    symbols = {"params": "N", "tokens": "D", "flops": "C", "unique_tokens": "U"}
    head = f"{show.percent(made.level)} of one run"
    rows: list[tuple[str, ...]] = [("predicted", "bits per byte", head, "accuracy", head)]
    for one in predictions:
        given = " ".join(f"{symbols[name]} {show.count(value)}" for name, value in one.inputs.items())
        ends = [
            "" if np.isnan(low) else f"[{low:.4f}, {high:.4f}]"
            for low, high in ((one.bpb_low, one.bpb_high), (one.low, one.high))
        ]
        rows.append((given, f"{one.bpb:.4f}", ends[0], f"{one.accuracy:.4f}", ends[1]))
    return rows
