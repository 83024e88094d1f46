"""Tables that people bring: CSV and its kin, JSON lines, Parquet; from a file or standard input. Cells, no meaning."""

from scaling_tui.tables.read import read_table
from scaling_tui.tables.table import Cell, Table

__all__ = ["Cell", "Table", "read_table"]
