"""The records of a run as columns; on request thinned to a bounded number without losing an extreme."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from scaling_tui.runs.format import METRICS

Array = NDArray[np.float64]

# A thinned record also carries how many records it stands for and their mean training loss.
COLUMNS = (*METRICS, "stands_for", "mean_loss")
_STEP, _LOSS, _VAL = METRICS.index("step"), METRICS.index("loss"), METRICS.index("val_loss")
_STANDS, _MEAN = len(METRICS), len(METRICS) + 1

TAIL = 0.1  # of the records: their mean training loss stands in for a missing held-out loss
HEAD = 1024  # first records that are never thinned: they fill half of a logarithmic axis


@dataclass(frozen=True)
class Curve:
    """Records of a run in step order, one column (n,) a metric; NaN where a record lacks it.

    Where the reader thins them, `stands_for` is the number of records that each one represents (else 1) and
    `mean_loss` their mean training loss.
    """

    columns: Mapping[str, Array]

    @classmethod
    def of(cls, table: Array) -> "Curve":
        """A curve over a table of `COLUMNS`, (len(COLUMNS), n), without copying it."""
        return cls(dict(zip(COLUMNS, table, strict=True)))

    def __len__(self) -> int:
        return len(self.columns["step"])

    def __getitem__(self, column: str) -> Array:
        return self.columns[column]

    @property
    def records(self) -> int:
        """How many records were read, thinned out or not."""
        return round(float(self.columns["stands_for"].sum()))

    def last(self, metric: str) -> float | None:
        """The latest value of `metric`; None where it was never recorded."""
        return self._last[metric]

    @cached_property
    def _last(self) -> dict[str, float | None]:
        # A screen asks on every refresh, for 64 runs or more, and most of them have no new records.
        return {name: _last(column) for name, column in self.columns.items()}

    def points(self, x: str, y: str) -> tuple[Array, Array]:
        """The (x, y) pairs of the records that have both."""
        there = ~(np.isnan(self[x]) | np.isnan(self[y]))
        return self[x][there], self[y][there]

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


class Records:
    """A growing table of records, thinned evenly beyond `limit`.

    Of each bucket of neighbours the records with the lowest and highest training and held-out loss are kept as they
    were written, so a plot with fewer columns than buckets looks the same as with all records.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._table: Array = np.empty((len(COLUMNS), 0))
        self._size = 0
        self._bucket = 8

    @property
    def table(self) -> Array:
        """(len(COLUMNS), n). A view that never changes: later records go behind it or into a new table."""
        return self._table[:, : self._size]

    def append(self, rows: Array) -> None:
        """Adds (n, len(METRICS)) rows."""
        count = len(rows)
        if self._size + count > self._table.shape[1]:
            room = max(256, self._size + count, 2 * self._size)
            larger = np.empty((len(COLUMNS), room if self._limit is None else min(room, self._limit + count)))
            larger[:, : self._size] = self.table
            self._table = larger
        new = self._table[:, self._size : self._size + count]
        new[: len(METRICS)] = rows.T
        new[_STANDS], new[_MEAN] = 1.0, rows[:, _LOSS]
        self._size += count
        if self._limit is not None and self._size > self._limit:
            kept = thinned(self.table, self._bucket)
            while kept.shape[1] > self._limit - (self._limit - HEAD) // 4:
                self._bucket *= 2
                kept = thinned(self.table, self._bucket)
            self._table, self._size = kept, kept.shape[1]


def thinned(table: Array, bucket: int) -> Array:
    """The first `HEAD` records of a (len(COLUMNS), n) table, then the extremes of both losses of each `bucket`."""
    body = table[:, HEAD:]
    stands, means = body[_STANDS], body[_MEAN]
    number = np.ceil(np.cumsum(stands) / bucket - 1e-6).astype(np.int64)
    first = np.flatnonzero(np.diff(number, prepend=-1))
    keep = np.zeros(body.shape[1], dtype=bool)
    for metric in (_LOSS, _VAL):
        there = np.flatnonzero(~np.isnan(body[metric]))
        there = there[np.lexsort((body[metric, there], number[there]))]
        ends = np.diff(number[there]) != 0
        keep[there[np.append(True, ends)[: len(there)]]] = True
        keep[there[np.append(ends, True)[: len(there)]]] = True
    keep[-1:] = True  # the result of the run
    # A bucket without either loss keeps its first record, so that no gap opens on the axis.
    keep[first[np.add.reduceat(keep, first, dtype=np.int64) == 0]] = True
    kept = np.add.reduceat(keep, first, dtype=np.int64)
    weights = np.where(np.isnan(means), 0.0, stands)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.add.reduceat(np.nan_to_num(means) * weights, first) / np.add.reduceat(weights, first)
    out = body[:, keep]
    out[_STANDS] = np.repeat(np.add.reduceat(stands, first) / kept, kept)
    out[_MEAN] = np.repeat(mean, kept)
    return np.concatenate([table[:, :HEAD], out], axis=1)


def parse(lines: Sequence[bytes]) -> Array:
    """The records of `lines`, (n, len(METRICS)), without lines that are not records (torn, or not ours)."""
    try:
        # One call for all lines is twice as fast as one a line.
        records = json.loads(b"[" + b",".join(lines) + b"]")
        if len(records) == len(lines):
            return np.array([list(map(record.get, METRICS)) for record in records], dtype=np.float64).reshape(
                -1, len(METRICS)
            )
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        pass
    rows = [row for line in lines if (row := _row(line)) is not None]
    return np.array(rows, dtype=np.float64).reshape(-1, len(METRICS))


def _row(line: bytes) -> list[float] | None:
    try:
        record = json.loads(line)
        return [float(value) if (value := record.get(metric)) is not None else np.nan for metric in METRICS]
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
