"""A table from a file or standard input, whatever its format: told by its content, not by its name."""

from pathlib import Path

from scaling_tui import InputError
from scaling_tui.tables.delimited import delimited_table
from scaling_tui.tables.json_rows import json_table
from scaling_tui.tables.source import STDIN, decoded, read_source
from scaling_tui.tables.table import Table

SUFFIXES = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json", ".parquet", ".gz", ".zst")
_PARQUET = b"PAR1"


def is_table(source: str) -> bool:
    """Whether `source` can only be a table: standard input, a file, or the name that one would have."""
    try:
        there = Path(source).is_file()
    except ValueError:
        there = False
    return source == STDIN or there or source.endswith(SUFFIXES)


def read_table(source: str | Path) -> Table:
    """The table in a file; `-` is standard input.

    CSV with `,`, `;`, tab, `|` or blanks between values, with lines of `#` between; JSON lines; a JSON array of
    objects, or an object of arrays; Parquet, with pyarrow (extra `parquet`). UTF-8 or UTF-16; gzip; zstd where Python
    or pyarrow has it.

    Raises:
        InputError: none of these; names the file and, where there is one, the row.
    """
    where, data = read_source(source)
    if data.startswith(_PARQUET):
        from scaling_tui.tables.parquet import parquet_table

        return parquet_table(data, where)
    text = decoded(data, where)
    start = text.lstrip()[:1]
    if not start:
        raise InputError(f"{where}: empty, want a header and one row per run")
    return json_table(text, where) if start in "{[" else delimited_table(text, where)
