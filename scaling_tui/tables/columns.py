"""Tables in memory: columns as arrays, data frames and records, read as a table from a file is, and given back."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from scaling_tui import InputError
from scaling_tui.tables.table import Cell, Table
from scaling_tui.text.notebook import html_table

if TYPE_CHECKING:
    import pandas

    DataFrame: TypeAlias = pandas.DataFrame

_SHOWN = 10  # rows


class Frame(Protocol):
    """A data frame of pandas or polars, or another that gives its columns by name."""

    @property
    def columns(self) -> Any: ...

    def __getitem__(self, name: Any, /) -> Any: ...


InMemory: TypeAlias = Table | Mapping[str, Any] | Sequence[Mapping[str, Any]] | Frame
"""What `table_of` takes."""


class Columns(dict[str, NDArray[Any]]):
    """Columns of equal length by name, as NumPy arrays of shape (n,): a dict that also shows itself as a table.

    Numbers are float64, NaN where a row has none, or int64 where every row has a whole one; all else is of dtype
    object, with None where a row has nothing. pandas and polars make a data frame of it as of any dict.
    """

    @classmethod
    def of(cls, columns: Mapping[str, Sequence[Any] | NDArray[Any]]) -> "Columns":
        """From lists, in which None stands for nothing."""
        return cls({name: _array(column) for name, column in columns.items()})

    @property
    def rows(self) -> int:
        """How many rows there are; `len` counts the columns, as of any dict."""
        return len(next(iter(self.values()), ()))

    def to_pandas(self) -> "DataFrame":
        """The columns as a data frame of pandas.

        Raises:
            InputError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise InputError("to_pandas: pandas is not installed: pip install 'scaling-tui[pandas]'") from None
        return pandas.DataFrame(self)

    def __repr__(self) -> str:
        return f"<Columns: {self.rows} rows of {', '.join(self) or 'nothing'}>"

    def _repr_html_(self) -> str:
        return self.html()

    def html(self, above: Sequence[str] = (), below: Sequence[str] = ()) -> str:
        """The first rows as a table in HTML, between lines of text."""
        rows = [[_text(column[row]) for column in self.values()] for row in range(min(self.rows, _SHOWN))]
        left = self.rows - len(rows)
        more = [f"and {left:,} more rows"] if left else []
        return html_table(list(self), rows, above, [*more, *below])


def table_of(data: InMemory) -> Table:
    """The table that `data` is: a mapping of columns, records, or a data frame of pandas, polars or the like.

    Rows are called by the index of a data frame where it holds whole numbers, else counted from 0. What pandas counts
    as missing is an empty cell, as in the file that the frame was read from.

    Raises:
        InputError: it is none of these, or its columns differ in length.
    """
    if isinstance(data, Table):
        return data
    if isinstance(data, Mapping):
        return _table("columns", {str(name): _cells(str(name), column) for name, column in data.items()})
    if hasattr(data, "columns") and hasattr(data, "__getitem__"):
        return _frame(data)
    if isinstance(data, Sequence) and not isinstance(data, str | bytes) and all(isinstance(r, Mapping) for r in data):
        names = list(dict.fromkeys(str(name) for record in data for name in record))
        return _table("records", {name: [record.get(name) for record in data] for name in names})
    raise InputError(
        f"points: found {type(data).__name__}, want a path, a data frame, a dict of columns or a list of dicts"
    )


def _frame(frame: Any) -> Table:
    columns: dict[str, Sequence[Cell]] = {}
    names = [str(name) for name in getattr(frame, "column_names", frame.columns)]  # the first is of Arrow's tables
    for place, name in enumerate(names):
        if name not in columns:
            columns[name] = _cells(name, frame.iloc[:, place] if hasattr(frame, "iloc") else frame[name])
    rows = None
    if hasattr(frame, "index") and not callable(frame.index):
        labels = list(frame.index)
        rows = [int(label) for label in labels] if all(_is_whole(label) for label in labels) else None
    return _table("data frame", columns, rows, frozenset(name for name in names if names.count(name) > 1))


def _table(
    where: str,
    columns: Mapping[str, Sequence[Cell]],
    rows: Sequence[int] | None = None,
    twice: frozenset[str] = frozenset(),
) -> Table:
    sizes = {name: len(column) for name, column in columns.items()}
    if len(set(sizes.values())) > 1:
        first, *rest = sizes
        other = next(name for name in rest if sizes[name] != sizes[first])
        raise InputError(
            f"{where}: {first} has {sizes[first]} values and {other} {sizes[other]}, want columns of equal length"
        )
    size = next(iter(sizes.values()), 0)
    return Table(where, columns, range(size) if rows is None else rows, twice)


def _cells(name: str, column: Any) -> list[Cell]:
    if isinstance(column, str | bytes | Mapping) or not hasattr(column, "__len__"):
        raise InputError(f"column {name}: found {type(column).__name__}, want a sequence with a value for each row")
    if getattr(column, "ndim", 1) != 1:
        raise InputError(f"column {name}: found {column.ndim} dimensions, want a sequence with a value for each row")
    if hasattr(column, "isna"):  # of pandas
        return [None if absent else cell for cell, absent in zip(column.tolist(), column.isna(), strict=True)]
    for method in ("tolist", "to_list", "to_pylist"):  # of NumPy, polars, Arrow
        if hasattr(column, method):
            return list(getattr(column, method)())
    return [cell.item() if isinstance(cell, np.generic) else cell for cell in column]


def _is_whole(label: object) -> bool:
    return isinstance(label, int | np.integer) and not isinstance(label, bool)


def _array(column: Sequence[Any] | NDArray[Any]) -> NDArray[Any]:
    if isinstance(column, np.ndarray):
        return column
    there = [cell for cell in column if cell is not None]
    if there and all(_is_whole(cell) and abs(cell) < 2**63 for cell in there) and len(there) == len(column):
        return np.array(column, dtype=np.int64)
    if there and all(isinstance(cell, int | float | np.number) and not isinstance(cell, bool) for cell in there):
        return np.array([np.nan if cell is None else cell for cell in column], dtype=np.float64)
    array = np.empty(len(column), dtype=object)
    array[:] = column
    return array


def _text(cell: Any) -> str:
    if isinstance(cell, float | np.floating):
        return "" if np.isnan(cell) else f"{cell:.6g}"
    return "" if cell is None else str(cell)
