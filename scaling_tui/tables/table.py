"""A table as it was read: the cells of each column, and the number that each row has in its file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Cell = Any
"""Text in a CSV file; what JSON and Parquet hold: text, a number, a truth value, None where there is nothing."""


@dataclass(frozen=True)
class Table:
    """Columns of equal length by their names as written.

    Args:
        where: the file, for errors.
        rows: the number of each row: the line of a JSONL file, else the row as a spreadsheet counts it, blank rows,
            comments and the header included.
        twice: names that several columns have; the first of them counts.
    """

    where: str
    columns: Mapping[str, Sequence[Cell]]
    rows: Sequence[int]
    twice: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.rows)
