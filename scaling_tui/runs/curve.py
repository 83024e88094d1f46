"""The records of a run as columns; on request thinned to a bounded number without losing an extreme."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scaling_tui.runs.metrics import AXES, METRICS, MOST_OTHERS, is_usable

Array = NDArray[np.float64]

# A thinned record also carries how many records it stands for and their mean training loss.
COLUMNS = (*METRICS, "stands_for", "mean_loss")
# Metrics that are not known are kept one by one: most are recorded seldom, and thinning one must not drop another.
OTHER_COLUMNS = (*AXES, "record", "value", "stands_for", "mean")
_STEP, _LOSS, _VAL = METRICS.index("step"), METRICS.index("loss"), METRICS.index("val_loss")
_EVALUATED = tuple(METRICS.index(name) for name in ("bpb", "val_accuracy", "exact_match", "gap"))
_STANDS, _MEAN = -2, -1
_RECORD, _VALUE = OTHER_COLUMNS.index("record"), OTHER_COLUMNS.index("value")
_AXES = [METRICS.index(name) for name in AXES]
_KNOWN = frozenset(METRICS)

TAIL = 0.1  # of the records: their mean training loss stands in for a missing held-out loss
HEAD = 1024  # first records that are never thinned: they fill half of a logarithmic axis
OTHERS_SHARE = 4  # a metric that is not known gets this part of the limit: there may be hundreds of them


@dataclass(frozen=True)
class Curve:
    """Records of a run in step order, one column (n,) a metric; NaN where a record lacks it.

    Where the reader thins them, `stands_for` is the number of records that each one represents (else 1) and
    `mean_loss` their mean training loss.

    Args:
        columns: of the metrics in `METRICS`.
        others: every other metric by name, as (len(OTHER_COLUMNS), k) of the k records that have it.
    """

    columns: Mapping[str, Array]
    others: Mapping[str, Array] = field(default_factory=dict)

    @classmethod
    def of(cls, table: Array, others: Mapping[str, Array] | None = None) -> "Curve":
        """A curve over a table of `COLUMNS`, (len(COLUMNS), n), and tables of other metrics, without copying them."""
        return cls(dict(zip(COLUMNS, table, strict=True)), others or {})

    def __len__(self) -> int:
        return len(self.columns["step"])

    def __getitem__(self, column: str) -> Array:
        return self.columns[column]

    @property
    def records(self) -> int:
        """How many records were read, thinned out or not."""
        return round(float(self.columns["stands_for"].sum()))

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that were recorded: the known ones in their order, then the others by name."""
        return tuple(name for name in METRICS if self.last(name) is not None) + tuple(sorted(self.others))

    def last(self, metric: str) -> float | None:
        """The latest value of `metric`; None where it was never recorded."""
        return self._last.get(metric)

    @cached_property
    def _last(self) -> dict[str, float | None]:
        # A screen asks on every refresh, for 64 runs or more, and most of them have no new records.
        others = {name: float(table[_VALUE, -1]) for name, table in self.others.items()}
        return others | {name: _last(self.columns[name]) for name in METRICS}

    def points(self, x: str, y: str) -> tuple[Array, Array]:
        """The (x, y) pairs of the records that have both; `x` is one of `AXES`, `y` any metric."""
        xs, ys = self.over(x, y)
        there = ~(np.isnan(xs) | np.isnan(ys))
        return xs[there], ys[there]

    def over(self, x: str, y: str) -> tuple[Array, Array]:
        """The columns of x and y, (n,) each; NaN where a record lacks one."""
        if y in _KNOWN:
            return self.columns[x], self.columns[y]
        table = self.others.get(y)
        if table is None:
            return np.empty(0), np.empty(0)
        return table[OTHER_COLUMNS.index(x)], table[_VALUE]

    def column(self, metric: str) -> Array:
        """Any metric as a column (n,) beside the others, of a curve that is not thinned; NaN where it is not."""
        if metric in _KNOWN:
            return self.columns[metric]
        column = np.full(len(self), np.nan)
        if metric in self.others:
            table = self.others[metric]
            there = table[_RECORD] < len(self)
            column[table[_RECORD, there].astype(np.intp)] = table[_VALUE, there]
        return column

    @cached_property
    def tail_mean(self) -> float | None:
        """The mean training loss over the last tenth of the records that have one; None where none has."""
        there = np.flatnonzero(~np.isnan(self["mean_loss"]))
        if not len(there):
            return None
        weights, means = self["stands_for"][there], self["mean_loss"][there]
        behind = weights[::-1].cumsum()
        kept = max(1, int(np.searchsorted(behind, max(1.0, behind[-1] * TAIL), side="right")))
        return float(np.average(means[-kept:], weights=weights[-kept:]))


def _last(column: Array) -> float | None:
    if not len(column):
        return None
    if column[-1] == column[-1]:
        return float(column[-1])
    there = np.flatnonzero(~np.isnan(column))
    return float(column[there[-1]]) if len(there) else None


@dataclass(frozen=True)
class Parsed:
    """Records as read from lines: `rows` (n, len(METRICS)), and each other metric as (k, 2) of row and value.

    `unusable` counts the names of other metrics that were left out (see `metrics.is_usable`).
    """

    rows: Array
    others: Mapping[str, Array]
    unusable: int = 0

    def sorted_by_step(self) -> "Parsed":
        order = np.argsort(self.rows[:, _STEP], kind="stable")
        place = np.argsort(order)
        others = {}
        for name, found in self.others.items():
            moved = np.stack([place[found[:, 0].astype(np.intp)], found[:, 1]], axis=1)
            others[name] = moved[np.argsort(moved[:, 0])]
        return Parsed(self.rows[order], others, self.unusable)


class Records:
    """A growing table of records, thinned evenly beyond `limit`, and one of each metric that is not known.

    Of each bucket of neighbours the records with the lowest and highest training and held-out loss are kept as they
    were written, so a plot with fewer columns than buckets looks the same as with all records. So it is with every
    other metric. Names beyond the first `MOST_OTHERS` are left out.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._known = _Table(len(COLUMNS), limit, HEAD, (_LOSS, _VAL))
        self._others: dict[str, _Table] = {}
        self._count = 0
        self.left_out = False

    @property
    def table(self) -> Array:
        """(len(COLUMNS), n). A view that never changes: later records go behind it or into a new table."""
        return self._known.table

    @property
    def others(self) -> dict[str, Array]:
        """(len(OTHER_COLUMNS), k) of each other metric; views, as `table`."""
        return {name: table.table for name, table in self._others.items()}

    def append(self, parsed: Parsed) -> None:
        rows = parsed.rows
        self._known.append(np.concatenate([rows.T, np.ones((1, len(rows))), rows[:, _LOSS][None]]))
        for name, found in parsed.others.items():
            if name not in self._others:
                if len(self._others) == MOST_OTHERS:
                    self.left_out = True
                    continue
                limit = None if self._limit is None else self._limit // OTHERS_SHARE
                self._others[name] = _Table(len(OTHER_COLUMNS), limit, HEAD // OTHERS_SHARE, (_VALUE,))
            at, value = found[:, 0].astype(np.intp), found[:, 1]
            axes = rows[at][:, _AXES].T
            self._others[name].append(np.stack([*axes, self._count + at, value, np.ones(len(at)), value]))
        self._count += len(rows)


class _Table:
    """Columns of records that grow, and are thinned beyond `limit` by the extremes of the rows `extremes`.

    Its last two rows are how many records each one stands for and the mean of a value over them.
    """

    def __init__(self, height: int, limit: int | None, head: int, extremes: Sequence[int]) -> None:
        self._limit, self._head, self._extremes = limit, head, extremes
        self._table: Array = np.empty((height, 0))
        self._size = 0
        self._bucket = 8

    @property
    def table(self) -> Array:
        return self._table[:, : self._size]

    def append(self, records: Array) -> None:
        height, count = records.shape
        if self._size + count > self._table.shape[1]:
            room = max(256 if height == len(COLUMNS) else 16, self._size + count, 2 * self._size)
            larger = np.empty((height, room if self._limit is None else min(room, self._limit + count)))
            larger[:, : self._size] = self.table
            self._table = larger
        self._table[:, self._size : self._size + count] = records
        self._size += count
        if self._limit is not None and self._size > self._limit:
            kept = thinned(self.table, self._bucket, self._extremes, self._head)
            while kept.shape[1] > self._limit - (self._limit - self._head) // 4:
                self._bucket *= 2
                kept = thinned(self.table, self._bucket, self._extremes, self._head)
            self._table, self._size = kept, kept.shape[1]


def thinned(table: Array, bucket: int, extremes: Iterable[int] = (_LOSS, _VAL), head: int = HEAD) -> Array:
    """The first `head` records of a (rows, n) table, then those of each `bucket` with an extreme of a row `extremes`.

    The last two rows are how many records each one stands for, and the mean of a value over them.
    """
    body = table[:, head:]
    stands, means = body[_STANDS], body[_MEAN]
    number = np.ceil(np.cumsum(stands) / bucket - 1e-6).astype(np.int64)
    first = np.flatnonzero(np.diff(number, prepend=-1))
    keep = np.zeros(body.shape[1], dtype=bool)
    for row in extremes:
        _keep_extremes(keep, body[row], number)
    if len(table) == len(COLUMNS):
        # Accuracies may be recorded apart from any loss.
        apart = np.isnan(body[_LOSS]) & np.isnan(body[_VAL])
        for row in _EVALUATED if apart.any() else ():
            _keep_extremes(keep, np.where(apart, body[row], np.nan), number)
    keep[-1:] = True  # the result of the run
    # A bucket without any keeps its first record, so that no gap opens on the axis.
    keep[first[np.add.reduceat(keep, first, dtype=np.int64) == 0]] = True
    kept = np.add.reduceat(keep, first, dtype=np.int64)
    weights = np.where(np.isnan(means), 0.0, stands)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.add.reduceat(np.nan_to_num(means) * weights, first) / np.add.reduceat(weights, first)
    out = body[:, keep]
    out[_STANDS] = np.repeat(np.add.reduceat(stands, first) / kept, kept)
    out[_MEAN] = np.repeat(mean, kept)
    return np.concatenate([table[:, :head], out], axis=1)


def _keep_extremes(keep: NDArray[np.bool_], values: Array, number: NDArray[np.int64]) -> None:
    """Marks the lowest and the highest of `values` (n,) in each bucket; `number` (n,) are their buckets."""
    there = np.flatnonzero(~np.isnan(values))
    there = there[np.lexsort((values[there], number[there]))]
    ends = np.diff(number[there]) != 0
    keep[there[np.append(True, ends)[: len(there)]]] = True
    keep[there[np.append(ends, True)[: len(there)]]] = True


def parse(lines: Sequence[bytes]) -> Parsed:
    """The records of `lines`, without lines that are not records (torn, or not ours)."""
    try:
        # One call for all lines is twice as fast as one a line.
        records = json.loads(b"[" + b",".join(lines) + b"]")
        if len(records) == len(lines):
            rows = np.array([list(map(record.get, METRICS)) for record in records], dtype=np.float64)
            return _parsed(rows.reshape(-1, len(METRICS)), records)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        pass
    pairs = [pair for line in lines if (pair := _record(line)) is not None]
    rows = np.array([row for row, _ in pairs], dtype=np.float64)
    return _parsed(rows.reshape(-1, len(METRICS)), [record for _, record in pairs])


def _record(line: bytes) -> tuple[list[float], dict[str, Any]] | None:
    try:
        record = json.loads(line)
        row = [float(value) if (value := record.get(metric)) is not None else np.nan for metric in METRICS]
        return row, record
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def _parsed(rows: Array, records: Sequence[Mapping[str, Any]]) -> Parsed:
    """`rows`, with what else the records hold that is a finite number."""
    names = set[str]().union(*records) - _KNOWN
    if not names:
        return Parsed(rows, {})
    usable = {name for name in names if is_usable(name)}
    found: dict[str, list[tuple[int, float]]] = {}
    for at, record in enumerate(records):
        for name in record.keys() & usable:
            number = _number(record[name])
            if number is not None:
                found.setdefault(name, []).append((at, number))
    others = {name: np.array(found[name], dtype=np.float64) for name in sorted(found)}
    return Parsed(rows, others, len(names) - len(usable))


def _number(value: object) -> float | None:
    """A number that a plot can show: text, lists and what a float cannot hold are none."""
    if not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if np.isfinite(number) else None
