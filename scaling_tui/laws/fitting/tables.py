"""Points from a table: which columns mean what, which rows are runs that finished, and what is to know about them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from scaling_tui import InputError
from scaling_tui.laws.arguments import instance
from scaling_tui.laws.counting import other_size, training_flops
from scaling_tui.laws.fitting.checkpoints import Rows, find_checkpoints
from scaling_tui.laws.fitting.column_names import (
    NUMBERS,
    RATES,
    SEEDS,
    TRAINING_LOSS,
    Column,
    checked_columns,
    choose_columns,
    find_column,
    is_rate,
    plain_name,
    read_columns,
    settings_of,
    shown,
)
from scaling_tui.laws.fitting.messages import argument_names, as_arguments
from scaling_tui.laws.fitting.points import Points, repeats
from scaling_tui.laws.fitting.run_states import not_finished
from scaling_tui.laws.fitting.units import check_units, short
from scaling_tui.laws.forms import LAWS
from scaling_tui.laws.kernels import Array
from scaling_tui.tables import Cell, Table, read_table
from scaling_tui.tables.columns import InMemory, table_of
from scaling_tui.text import show
from scaling_tui.text.numbers import read_quantity
from scaling_tui.text.run_states import state_of

Which = Literal["auto", "last", "all"]
Source: TypeAlias = str | Path | InMemory
"""A table: where it is, or the table itself."""
_NAMED_ROWS = 20_000  # larger tables do not name their rows
_MISSING = frozenset(("", "nan", "na", "n/a", "null", "none", "-", "–", "—", "nat", "<na>", "#n/a"))
_UNITS = {"loss": "nats", "params": "params", "total_params": "params", "non_embedding": "params", "flops": "flops"}
_CONDITION = re.compile(r"(?P<column>.+?)\s*(?P<sign><=|>=|!=|==|<|>|=)\s*(?P<value>.*)", re.DOTALL)
OUR_CURVES = frozenset({"run", "rung", "seed", "step", "loss", "val_loss"})
"""Columns of the curves that `export` writes."""


@dataclass(frozen=True)
class TableOptions:
    """How to read a table.

    Args:
        columns: the column of each role, as `--columns` gives them; empty where there is none to be.
        points: `last` checkpoint of each run, `all` rows, or `auto`: the last where the rows are checkpoints.
        best_of: the column, such as a learning rate, of which the best is kept at each (N, D).
        where: conditions on rows, such as `params<3e8`; all must hold.
        cluster: the column whose equal values mark points that share an error.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    points: Which = "auto"
    best_of: str | None = None
    where: tuple[str, ...] = ()
    cluster: str | None = None

    @classmethod
    def of(
        cls,
        columns: str | None = None,
        points: str | None = None,
        best_of: str | None = None,
        where: Sequence[str] = (),
        cluster: str | None = None,
    ) -> "TableOptions":
        """From the options of a command.

        Raises:
            InputError: an option is invalid; names it.
        """
        which = points or "auto"
        if which not in get_args(Which):
            raise InputError(f"--points: found {points!r}, want last or all")
        for condition in where:
            if not _CONDITION.fullmatch(condition):
                raise InputError(f"--where: found {condition[:60]!r}, want a condition such as params<3e8 or lr=0.002")
        given = {} if columns is None else read_columns(columns)
        return cls(given, which, best_of, tuple(where), cluster)  # type: ignore[arg-type]

    @property
    def given(self) -> str:
        """The first option that is given; empty where none is."""
        options = {"--columns": self.columns, "--points": self.points != "auto", "--best-of": self.best_of}
        options |= {"--where": bool(self.where), "--cluster": self.cluster}
        return next((name for name, value in options.items() if value), "")


@dataclass(frozen=True)
class LeftOut:
    """A row of the table that is not among the points, and why."""

    row: int
    why: str


@dataclass(frozen=True)
class TablePoints:
    """The points of a table.

    Args:
        warnings: what to know before believing a fit, one line each.
        left_out: every row that is not a point.
        derived: what no column gave and was computed, or multiplied, in formulas.
        columns: the column that each role was read from.
        dropped: those of the warnings that say which rows are no points.
        of_sweep: law and count of N of the sweep whose points were exported; None of any other table.
    """

    points: Points
    warnings: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    derived: tuple[str, ...]
    columns: Mapping[str, str]
    dropped: tuple[str, ...] = ()
    of_sweep: tuple[str, str] | None = None


def as_points(points: Points | Source) -> Points:
    """Points as they are, and those of a table."""
    return points if isinstance(points, Points) else read_points(points)


def read_points(
    source: Source,
    *,
    columns: Mapping[str, str] | None = None,
    points: Which = "auto",
    best_of: str | None = None,
    where: str | Sequence[str] = (),
    cluster: str | None = None,
) -> Points:
    """The points of a table, read as `scaling-tui fit` reads it: columns are told by their names.

    Runs that did not finish, and runs without a finite loss, are left out with a warning. Of a run's checkpoints the
    last is the point. If one of N, D and C is missing, it is computed from the other two by C = 6ND. What was read and
    left out stands in `read_from` and `warnings` of the points.

    >>> points = read_points({"n_params": [1e6, 1e7, 1e8], "D": [2e7, 2e8, 2e9], "val_loss": [3.2, 2.9, float("nan")]})
    >>> points
    <Points: 2 runs, loss 2.9000 to 3.2000, N 1.00M to 10.0M, D 20.0M to 200M>
    >>> points.warnings
    ('row 2 left out: no finite loss (diverged or unfinished)',)
    >>> points.read_from["params"]
    'n_params'

    Args:
        source: the path of a table (CSV, TSV, JSONL, Parquet; `-` is standard input), or one in memory: a data frame
            of pandas or polars, a dict of columns, a list of dicts, the `points()` of a sweep. Sizes are numbers of
            parameters and tokens, C in FLOPs, losses in nats per token. In a data frame what is missing is an empty
            cell; in other columns a NaN is a loss that is not finite: of a run that diverged.
        columns: the column of each quantity, such as `{"loss": "c4_loss", "tokens": "D*1e9"}`; an empty one where
            there is to be none. Quantities: loss, params, total_params, tokens, flops, unique_tokens, non_embedding,
            run, step, state.
        points: "last" checkpoint of each run, "all" rows, or "auto": the last where the rows are checkpoints.
        best_of: the column, such as a learning rate, of which the best is kept at each (N, D).
        where: conditions on rows, such as "params<3e8"; all must hold.
        cluster: the column whose equal values mark points that share an error.

    Raises:
        InputError: no table, no column of a loss, several that could be, a value that is not a positive number, or
            sizes in a unit that nobody said; names the file, and row and column where there are some.
    """
    given = instance("where", where, Sequence, "conditions")  # type: ignore[type-abstract]
    conditions = (where,) if isinstance(where, str) else tuple(given)
    for name, value in (("best_of", best_of), ("cluster", cluster), *(("where", item) for item in conditions)):
        if value is not None:
            instance(name, value, str, "a string")
    with argument_names():
        options = TableOptions.of(None, points, best_of, conditions, cluster)
        options = replace(options, columns={} if columns is None else checked_columns(columns))
        table = read_table(source) if isinstance(source, str | Path) else table_of(source)
        found = points_of_table(table, options)
    _, convention = found.of_sweep or ("", "all")
    warnings = tuple(map(as_arguments, found.points.warnings))
    return replace(found.points, warnings=warnings).under(convention)


def table_points(source: str | Path, options: TableOptions = TableOptions()) -> TablePoints:
    """The points of the table in a file; `-` is standard input.

    Runs that did not finish, and runs without a finite loss, are left out with a warning. Of a run's checkpoints the
    last is the point. If one of N, D and C is missing, it is computed from the other two by C = 6ND.

    Raises:
        InputError: no table, no column of a loss, several that could be, a value that is not a positive number, or
            sizes in a unit that nobody said; names the file, and row and column where there are some.
    """
    return points_of_table(read_table(source), options)


def points_of_table(table: Table, options: TableOptions = TableOptions()) -> TablePoints:
    """The points of a table that has been read. See `table_points`."""
    if not len(table):
        raise InputError(f"{table.where}: found a header without rows, want one row per run")
    given = dict(options.columns)
    if {plain_name(name) for name in table.columns} >= OUR_CURVES and "loss" not in given:
        # The curves that `export` writes: the law of a sweep goes through held-out losses.
        held_out = options.points != "all" and any(not _missing(cell) for cell in table.columns["val_loss"])
        given["loss"] = "val_loss" if held_out else "loss"
    return _Reading(table, choose_columns(table, given), options).read()


class _Reading:
    """One table on its way to points: `keep` marks the rows that are still in it."""

    def __init__(self, table: Table, columns: dict[str, Column], options: TableOptions) -> None:
        self.table, self.columns, self.options = table, columns, options
        self.size = len(table)
        self.keep: NDArray[np.bool_] = np.ones(self.size, dtype=bool)
        self.warnings: list[str] = []
        self.dropped: list[str] = []
        self.derived: list[str] = []
        self.left_out: dict[int, str] = {}
        self.numbers: dict[str, Array] = {}
        self.names = self._cells("run")

    def read(self) -> TablePoints:
        for condition in self.options.where:
            self._select(condition)
        self._heed_states()
        self._heed_losses()
        for role in NUMBERS:
            if role in self.columns and role != "loss":
                self.numbers[role] = self._numbers(role)
        self._say_units()
        self._ignore_empty_columns()
        self._derive()
        self._heed_missing()
        self._drop_checkpoints()
        self._drop_endless()
        for role in self.numbers:
            self._check_positive(role)
        self._check_compute()
        self._check_total()
        check_units(self.table.where, self._kept(), self.columns)
        self._best_of()
        self._say_repeats()
        points = Points.of(labels=self._labels(), **self.numbers)
        points = replace(points, **self._clusters()).take(self.keep)
        left_out = [LeftOut(self.table.rows[place], why) for place, why in sorted(self.left_out.items())]
        columns = {role: column.name for role, column in self.columns.items()}
        warnings = (*self.warnings, *self.derived)
        dropped = tuple(self.dropped)
        points = replace(points, read_from=columns, warnings=warnings)
        return TablePoints(
            points, warnings, tuple(left_out), tuple(self.derived), columns, dropped, _of_sweep(self.table)
        )

    # --- cells

    def _cells(self, role: str) -> Sequence[Cell] | None:
        return self.table.columns[self.columns[role].name] if role in self.columns else None

    def _numbers(self, role: str) -> Array:
        column = self.columns[role]
        cells = self.table.columns[column.name]
        try:
            if any(isinstance(cell, bool) for cell in cells):
                raise ValueError
            values = np.array(list(map(float, cells)))
        except (TypeError, ValueError, OverflowError):
            values = np.full(self.size, np.nan)
            for place in np.flatnonzero(self.keep).tolist():
                values[place] = self._number(role, column.name, place, cells[place])
        return values * column.factor

    def _number(self, role: str, name: str, place: int, cell: Cell) -> float:
        try:
            if isinstance(cell, bool):
                raise ValueError
            return float(cell)
        except (TypeError, ValueError, OverflowError):
            pass
        at = f"{self._at(place)}, column {shown(name)}: "
        if _missing(cell):
            return float("nan")
        text = str(cell)
        if role == "loss" and state_of(text) is not None:
            return float("nan")  # 'diverged' in place of the loss
        if not isinstance(cell, str) or (role == "loss" and "," in text):
            wanted = "a number with a point, such as 3.21" if isinstance(cell, str) else "a positive number"
            raise InputError(f"{at}found {text[:60]!r}, want {wanted}" if isinstance(cell, str) else
                             f"{at}found {text[:60]}, want {wanted}")  # fmt: skip
        try:
            return read_quantity(text, _UNITS.get(role, "tokens"), "number")
        except InputError as error:
            reason = str(error).removeprefix("number: ")
            raise InputError(f"{at}found {text[:60]!r}, want a positive number: {reason}") from None

    def _at(self, place: int) -> str:
        return f"{self.table.where}: row {self.table.rows[place]}"

    def _kept(self) -> dict[str, Array]:
        return {role: values[self.keep] for role, values in self.numbers.items()}

    def _labels(self) -> list[str]:
        if self.names is None:
            return [f"row {row}" for row in self.table.rows] if self.size <= _NAMED_ROWS else []
        return [str(name) for name in self.names]

    def _clusters(self) -> dict[str, Any]:
        """The clusters that `--cluster` names; without it, the runs of a table that fits several rows of a run."""
        if self.options.cluster is not None:
            column = self.columns.get(self.options.cluster)
            name = column.name if column else find_column(self.table, self.options.cluster, "--cluster", ())
            return {"clusters": tuple(map(str, self.table.columns[name])), "cluster_name": shown(name)}
        kept = [] if self.names is None else [str(self.names[place]) for place in np.flatnonzero(self.keep).tolist()]
        if self.names is None or not 1 < len(set(kept)) < len(kept):
            return {}
        return {"clusters": tuple(map(str, self.names)), "cluster_name": shown(self.columns["run"].name)}

    # --- rows

    def _drop(self, which: NDArray[np.bool_], why: str, say: str | None = None) -> None:
        """Leaves out the rows of a mask, with a warning that names them; `say` in its place, none where it is empty."""
        which = which & self.keep
        if not which.any():
            return
        self.left_out.update(dict.fromkeys(np.flatnonzero(which).tolist(), why))
        self.keep &= ~which
        if say is None:
            say = f"{self._rows(which)} left out: {why}"
        if say:
            self.warnings.append(say)
            self.dropped.append(say)

    def _rows(self, which: NDArray[np.bool_]) -> str:
        index = np.flatnonzero(which)
        named = [str(self.table.rows[place]) for place in index[:5]]
        if self.names is not None:
            named = [
                f"{row} ({str(self.names[place])[:40]})" for row, place in zip(named, index.tolist(), strict=False)
            ]
        more = f" and {index.size - 5} more" if index.size > 5 else ""
        return f"row{'s' if index.size > 1 else ''} {', '.join(named)}{more}"

    def _select(self, condition: str) -> None:
        met = rows_that_meet(condition, self.table, self.columns)
        if not (met & self.keep).any():
            raise InputError(f"--where {condition}: no row of {self.table.where} meets it")
        kept = f"--where {condition}: {np.count_nonzero(met & self.keep)} of {np.count_nonzero(self.keep)} rows"
        self._drop(~met, f"not {condition}", kept)

    def _heed_states(self) -> None:
        states = self._cells("state")
        if states is None:
            return
        name = self.columns["state"].name
        reasons = not_finished(states, self.table.where, shown(name))
        for why in dict.fromkeys(reasons):
            if why:
                self._drop(np.array([reason == why for reason in reasons]), why)
        if not self.keep.any():
            raise InputError(f"{self.table.where}: no row has finished, by column {shown(name)}; want some that have, "
                             "or --columns state= to ignore it")  # fmt: skip

    def _heed_losses(self) -> None:
        self.numbers["loss"] = self._numbers("loss")
        column = self.columns["loss"]
        if plain_name(column.name) in TRAINING_LOSS:
            self.warnings.append(f"column {shown(column.name)}: training loss, as the table has no held-out loss")

    def _drop_endless(self) -> None:
        loss = self.numbers["loss"]
        self._drop(~np.isfinite(loss), "no finite loss (diverged or unfinished)")

    def _ignore_empty_columns(self) -> None:
        """A column without a single number says as much as none."""
        for role in [role for role in self.numbers if role != "loss" and self.keep.any()]:
            if np.isnan(self.numbers[role][self.keep]).all():
                del self.numbers[role]
                empty = f"column {shown(self.columns.pop(role).name)}: empty, read as if it were not there"
                self.warnings.append(empty)
                self.dropped.append(empty)

    def _heed_missing(self) -> None:
        """Rows without an N or a D are left out; what else a row lacks is what a table without that column takes."""
        for role in ("params", "tokens"):
            if role in self.numbers:
                self._drop(np.isnan(self.numbers[role]), f"no {role}")
        if "non_embedding" in self.numbers and np.isnan(self.numbers["non_embedding"][self.keep]).any():
            del self.numbers["non_embedding"]  # a count that some rows lack would compare laws through different points
        N, D = (self.numbers.get(role) for role in ("params", "tokens"))
        with np.errstate(all="ignore"):  # numbers that are refused next
            fills = {
                "flops": None if N is None or D is None else training_flops(N, D),
                "unique_tokens": D,
                "total_params": N,
            }
        for role, fill in fills.items():
            if role in self.numbers and fill is not None:
                self.numbers[role] = np.where(np.isnan(self.numbers[role]), fill, self.numbers[role])

    def _check_positive(self, role: str) -> None:
        values = self.numbers[role]
        bad = self.keep & ~(np.isfinite(values) & (values > 0))
        if bad.any():
            place = int(np.flatnonzero(bad)[0])
            name = shown(self.columns[role].name) if role in self.columns else role
            raise InputError(f"{self._at(place)}, column {name}: found {values[place]:g}, want a positive number")

    def _check_compute(self) -> None:
        """C = 6ND, which much is computed from, has to be a number."""
        N, D = (self.numbers.get(role) for role in ("params", "tokens"))
        if N is None or D is None:
            return
        with np.errstate(over="ignore", under="ignore"):
            compute = training_flops(N, D)
        bad = self.keep & ~(np.isfinite(compute) & (compute > 0))
        if bad.any():
            place = int(np.flatnonzero(bad)[0])
            raise InputError(
                f"{self._at(place)}: found N {N[place]:g} and D {D[place]:g}, want a product 6ND that is a number"
            )

    def _check_total(self) -> None:
        """Of a mixture of experts, no more parameters are active than there are."""
        if not {"params", "total_params"} <= set(self.numbers):
            return
        active, total = self.numbers["params"], self.numbers["total_params"]
        bad = self.keep & (active > total * (1 + 1e-9))
        if bad.any():
            place = int(np.flatnonzero(bad)[0])
            raise InputError(
                f"{self._at(place)}, column {shown(self.columns['total_params'].name)}: found {total[place]:g}, "
                f"want at least the {active[place]:g} active parameters"
            )

    def _say_units(self) -> None:
        for role, column in self.columns.items():
            if column.factor != 1:
                self.derived.append(f"{role} = {shown(column.name)} × {short(column.factor)}")

    # --- checkpoints and repeats

    def _drop_checkpoints(self) -> None:
        if self.options.points == "all" or not self.keep.any():
            return
        cells = self.table.columns[self.columns["loss"].name]
        # A row without an evaluation is no checkpoint to take; one whose loss is not finite may be a run's end.
        evaluated = self.keep & ~np.array([cell is None or cell == "" for cell in cells])
        places = np.flatnonzero(evaluated)
        found = find_checkpoints(self._known(places), forced=self.options.points == "last")
        if found is None:
            return
        if found.doubt:
            self.warnings.append(
                f"{found.runs} N with many token counts each: every row is fitted as a run of its own; if they are "
                "checkpoints, --points last fits the last of each run"
            )
            return
        keep = np.zeros(self.size, dtype=bool)
        keep[places[found.keep]] = True
        before = np.count_nonzero(self.keep)
        self._drop(
            ~keep,
            "a checkpoint before the last of its run",
            f"{before:,} rows are checkpoints of {found.runs:,} runs, told by {found.told_by}: the last of each is "
            "fitted; --points all fits every row",
        )

    def _known(self, places: NDArray[np.intp]) -> Rows:
        step = self._cells("step")
        steps = np.array([cell_value(step[place]) for place in places]) if step is not None else None
        taken = {column.name for column in self.columns.values()}
        settings = [self.table.columns[name] for name in settings_of(self.table, taken)]
        params = self.numbers.get("params")
        tokens = self.numbers.get("tokens", self.numbers.get("flops"))  # either tells how far a run is
        return Rows(
            params=None if params is None else params[places],
            tokens=None if tokens is None else tokens[places],
            step=steps if steps is not None and np.isfinite(steps).any() else None,
            run=None if self.names is None else [str(self.names[place]) for place in places],
            settings=[tuple(str(column[place]) for column in settings) for place in places],
            loss=self.numbers["loss"][places],
        )

    def _groups(self) -> NDArray[np.intp] | None:
        """A number for each kept row, the same for rows of one N, D and unique tokens; None without an N or a D."""
        inputs = [
            self.numbers[role][self.keep]
            for role in ("params", "total_params", "tokens", "unique_tokens")
            if role in self.numbers
        ]
        if not {"params", "tokens"} <= set(self.numbers) or not self.keep.any():
            return None
        rounded = np.asarray(np.round(np.log(np.vstack(inputs)), 6), dtype=np.float64)
        return repeats(rounded)

    def _best_of(self) -> None:
        if self.options.best_of is None:
            return
        name = find_column(self.table, self.options.best_of, "--best-of", RATES if self.options.best_of == "lr" else ())
        group = self._groups()
        if group is None:
            raise InputError(
                f"--best-of {self.options.best_of}: want columns of N and D, to compare runs of one (N, D)"
            )
        places = np.flatnonzero(self.keep)
        order = np.lexsort((self.numbers["loss"][places], group))
        best = np.zeros(self.size, dtype=bool)
        best[places[order[np.concatenate([[True], np.diff(group[order]) != 0])]]] = True
        kept = f"best of {shown(name)}: {np.count_nonzero(best)} of {places.size} rows, the lowest loss at each (N, D)"
        if best.sum() == places.size:
            self.warnings.append(f"--best-of {self.options.best_of}: no (N, D) has several rows")
        self._drop(~best, f"not the lowest loss over {shown(name)} at its (N, D)", kept)

    def _say_repeats(self) -> None:
        group = self._groups()
        if group is None:
            return
        several = np.bincount(group)[group] > 1
        places = np.flatnonzero(self.keep)[several]
        # The fit itself names rows that are the same in every number.
        if not several.any() or len(set(zip(group[several], self.numbers["loss"][places], strict=True))) == len(
            set(group[several])
        ):
            return
        count = (
            f"{show.counted(len(set(group[several].tolist())), 'pair')} (N, D) with several rows ({places.size} rows)"
        )
        taken = {column.name for column in self.columns.values()}
        varied = [
            name
            for name in settings_of(self.table, taken)
            if len({(g, str(self.table.columns[name][p])) for g, p in zip(group[several], places, strict=True)})
            > len(set(group[several].tolist()))
        ]
        tuned = [name for name in varied if is_rate(name)]
        if tuned:
            self.warnings.append(
                f"{count}, which differ in {', '.join(map(shown, varied))}: each is fitted; "
                f"--best-of {shown(tuned[0])} fits the best of each pair"
            )
        else:
            seeds = [name for name in varied if plain_name(name) in SEEDS]
            which = f", which differ in {', '.join(map(shown, varied))}" if varied else ""
            repeat = "repeats with other seeds" if seeds and len(seeds) == len(varied) else f"repeats{which}"
            self.warnings.append(f"{count}: {repeat}, each is fitted as a point")

    # --- what no column gives

    def _derive(self) -> None:
        """Computes whichever of N and D is missing from the other and C."""
        N, D, C = (self.numbers.get(role) for role in ("params", "tokens", "flops"))
        if N is None and "non_embedding" in self.numbers and "params" not in self.options.columns:
            N = self.numbers["params"] = self.numbers.pop("non_embedding")
            self.derived.append(f"no column of all parameters: N = {shown(self.columns['non_embedding'].name)}")
        with np.errstate(all="ignore"):  # rows that are left out, or refused next
            if N is not None and D is not None and C is not None:
                self.numbers["params"] = np.where(np.isnan(N), other_size(C, D), N)
                self.numbers["tokens"] = np.where(np.isnan(D), other_size(C, N), D)
            elif D is None and N is not None and C is not None:
                self.numbers["tokens"] = other_size(C, N)
                self.derived.append("no column tokens: D = C/(6N)")
            elif N is None and D is not None and C is not None:
                self.numbers["params"] = other_size(C, D)
                self.derived.append("no column params: N = C/(6D)")


def _of_sweep(table: Table) -> tuple[str, str] | None:
    """What `export` says of the sweep in the columns `law` and `params_as`, where they say one thing."""
    laws, counts = ({str(cell) for cell in table.columns.get(name, ())} for name in ("law", "params_as"))
    if len(laws) != 1 or len(counts) != 1:
        return None
    (law,), (count,) = laws, counts
    return (law, count) if law in LAWS and count in ("all", "non-embedding") else None


def rows_that_meet(condition: str, table: Table, columns: Mapping[str, Column]) -> NDArray[np.bool_]:
    """Which rows meet a condition of `--where`, (n,); it names a column, or the role of one in `columns`.

    Raises:
        InputError: no such column, or not a number where one is to be compared.
    """
    match = _CONDITION.fullmatch(condition)
    assert match is not None  # `TableOptions.of` has looked
    name, sign, value = match["column"], match["sign"], match["value"].strip()
    column = columns.get(name) if name not in table.columns else None
    column = column or Column(find_column(table, name, "--where", RATES if name == "lr" else ()))
    try:
        limit = read_quantity(value)
    except InputError:
        if sign not in ("=", "==", "!="):
            raise InputError(f"--where {condition}: found {value!r} after {sign}, want a number") from None
        met = np.array([str(cell) == value for cell in table.columns[column.name]])
    else:
        values = np.array([cell_value(cell) for cell in table.columns[column.name]]) * column.factor
        near = np.abs(values - limit) <= 1e-9 * abs(limit)
        met = {"<": values < limit, "<=": (values < limit) | near, ">": values > limit,
               ">=": (values > limit) | near}.get(sign, near)  # fmt: skip
    return ~met if sign == "!=" else met


def _missing(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, str) and cell.strip().lower() in _MISSING)


def cell_value(cell: Any) -> float:
    """A cell's number; nan where it is none."""
    try:
        return float(cell)
    except (TypeError, ValueError, OverflowError):
        try:
            return read_quantity(cell) if isinstance(cell, str) else float("nan")
        except InputError:
            return float("nan")
