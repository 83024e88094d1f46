"""Training curves with their learning rates from tables: a folder of them, some by a pattern, or one with all runs."""

import glob
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws.fitting.column_names import TRAINING_LOSS, Column, curve_columns, plain_name, shown
from scaling_tui.laws.fitting.tables import OUR_CURVES, TableOptions, cell_value, rows_that_meet
from scaling_tui.laws.kernels import Array
from scaling_tui.laws.schedules.curves import Curve, Schedule
from scaling_tui.tables import Table, read_table
from scaling_tui.tables.read import SUFFIXES
from scaling_tui.text import show

FEWEST_EVALUATIONS = 10  # of a run, from which its held-out losses make a curve
_MOST_FILES = 1000


@dataclass(frozen=True)
class Curves:
    """Curves as read: `loss` says which loss they are of, `notes` what was taken for granted, `warnings` what to mind.

    `params` are the sizes of the models, where they are known.
    """

    curves: tuple[Curve, ...]
    loss: str
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    params: tuple[float, ...] = ()


def is_pattern(source: str) -> bool:
    """Whether `source` stands for several files: `curves/25M_*.csv`."""
    return any(sign in source for sign in "*?[") and not Path(source).exists()


def curve_tables(source: str) -> list[Path]:
    """The tables of a folder, or those that a pattern matches, by name.

    Raises:
        InputError: none, or too many.
    """
    if is_pattern(source):
        paths = [path for path in map(Path, sorted(glob.glob(source))) if path.is_file()]  # noqa: PTH207 - absolute too
        nothing = f"{source}: matches no file, want tables of curves"
    else:
        try:
            found = sorted(Path(source).iterdir())
        except OSError as error:
            raise InputError(f"{source}: {error.strerror}") from None
        paths = [path for path in found if path.name.endswith(SUFFIXES) and path.is_file()]
        nothing = f"{source}: holds neither sweep.json nor a table, want one table (CSV, JSONL …) for each curve"
    if not paths:
        raise InputError(nothing)
    if len(paths) > _MOST_FILES:
        raise InputError(f"{source}: {len(paths):,} tables, want at most {_MOST_FILES:,}")
    return paths


def read_curves(sources: Sequence[str | Path], options: TableOptions) -> Curves:
    """The curves of some tables: one for each run by the column of runs, else one for each table.

    Raises:
        InputError: a table that cannot be read, or without steps or learning rates; two curves of one name.
    """
    curves: list[Curve] = []
    notes: list[str] = []
    params: list[float] = []
    losses: dict[str, None] = {}
    for source in sources:
        table = read_table(source)
        given = dict(options.columns)
        if {plain_name(name) for name in table.columns} >= OUR_CURVES and "loss" not in given:
            given["loss"] = "val_loss" if _evaluated(table) else "loss"
        columns = curve_columns(table, given)
        name = "standard input" if str(source) == "-" else _stem(Path(source))
        found = _curves_of(table, columns, name, options.where)
        clash = {curve.name for curve in curves} & {curve.name for curve in found}
        if clash:
            raise InputError(f"{table.where}: a second curve is called {min(clash)[:60]!r}, want names that differ")
        curves += found
        if "loss" in columns:
            column = columns["loss"].name
            losses.setdefault(f"{column} (training loss)" if plain_name(column) in TRAINING_LOSS else column)
        params += _sizes(table)
    notes += assumed_warmups(curves)
    return Curves(tuple(curves), ", ".join(losses) or "none", tuple(notes), (), tuple(dict.fromkeys(params)))


def curve_of(name: str, rates: tuple[Array, Array], losses: tuple[Array, Array]) -> Curve:
    """A curve from records of the rate (steps, rates) and of the loss (steps, losses); nan where a record lacks it.

    Losses from before the end of the warm-up are left out: no law is meant to hold there. Without a loss, the points
    are those of the rates. A step that was recorded again, after a restart, counts as recorded last.

    Raises:
        InputError: fewer than two learning rates, or one that is negative; or steps that are no whole numbers.
    """
    steps, values = _in_order(*rates, name)
    if steps.size < 2:
        raise InputError(f"{name}: {show.counted(int(steps.size), 'learning rate')}, want the rate at several steps")
    if values.min() < 0 or not values.max() > 0:
        raise InputError(f"{name}: found learning rate {values.min():g}, want 0 or more, and some above 0")
    schedule = Schedule.recorded(steps, values)
    at, loss = _in_order(*losses, name)
    kept = (loss > 0) & (at >= max(1, schedule.warmup))
    if not kept.any():
        at = steps[steps >= max(1, schedule.warmup)]
        return Curve(name, schedule, at, np.full(at.size, np.nan))
    return Curve(name, schedule, at[kept], loss[kept])


def assumed_warmups(curves: Sequence[Curve]) -> list[str]:
    """A note about curves whose first record comes late."""
    late = [curve for curve in curves if curve.schedule.assumed > 0.01 * curve.schedule.last]
    if not late:
        return []
    first = max(curve.schedule.assumed for curve in late)
    which = late[0].name if len(late) == 1 else show.counted(len(late), "curve")
    return [f"{which}: until the first record, at step {first:,}, the rate is assumed to rise linearly from 0"]


def _stem(path: Path) -> str:
    name = path.name
    while (suffix := Path(name).suffix) in SUFFIXES and suffix:
        name = name.removesuffix(suffix)
    return name


def _evaluated(table: Table) -> bool:
    """Whether the held-out losses of every run make a curve."""
    runs: dict[str, int] = {}
    for run, cell in zip(table.columns["run"], table.columns["val_loss"], strict=True):
        runs[str(run)] = runs.get(str(run), 0) + math.isfinite(cell_value(cell))
    return min(runs.values(), default=0) >= FEWEST_EVALUATIONS


def _curves_of(table: Table, columns: Mapping[str, Column], name: str, where: Sequence[str]) -> list[Curve]:
    keep = np.ones(len(table), dtype=bool)
    for condition in where:
        keep &= rows_that_meet(condition, table, columns)
    step, rate, loss = (_numbers(table, columns.get(role)) for role in ("step", "lr", "loss"))
    run = columns.get("run")
    names = [name] * len(table) if run is None else [str(cell) for cell in table.columns[run.name]]
    if len(set(names)) == len(names) > 1:
        raise InputError(
            f"{table.where}: every row has a {shown(columns['run'].name)} of its own, want the records of curves; "
            "--columns run= if the table is one curve"
        )
    places: dict[str, list[int]] = {}
    for place in np.flatnonzero(keep).tolist():
        places.setdefault(names[place], []).append(place)
    if not places:
        raise InputError(f"{table.where}: no rows, want the records of a training")
    try:
        return [curve_of(own, (step[at], rate[at]), (step[at], loss[at])) for own, at in places.items()]
    except InputError as error:
        raise InputError(f"{table.where}: {error}") from None


def _numbers(table: Table, column: Column | None) -> Array:
    if column is None:
        return np.full(len(table), np.nan)
    return np.array([cell_value(cell) for cell in table.columns[column.name]], dtype=np.float64) * column.factor


def _sizes(table: Table) -> list[float]:
    name = next((name for name in table.columns if plain_name(name) == "params"), None)
    if name is None:
        return []
    return [value for cell in dict.fromkeys(table.columns[name]) if math.isfinite(value := cell_value(cell))]


def _in_order(steps: Array, values: Array, name: str) -> tuple[Array, Array]:
    """Those that are numbers, by rising step; of a step that is there twice, the last."""
    there = np.isfinite(steps) & np.isfinite(values)
    steps, values = steps[there], values[there]
    if steps.size and (steps.min() < 0 or np.any(steps != np.round(steps))):
        odd = steps[(steps < 0) | (steps != np.round(steps))][0]
        raise InputError(f"{name}: found step {odd:g}, want whole numbers from 0 on")
    rising, first = np.unique(steps[::-1], return_index=True)
    return rising, values[::-1][first]
