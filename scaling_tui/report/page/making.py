"""The page of whatever the command is given: a sweep by name or path, or a table."""

import time
from collections.abc import Sequence
from pathlib import Path

from scaling_tui import InputError
from scaling_tui.laws.fitting.tables import TableOptions
from scaling_tui.report.page.blocks import Report
from scaling_tui.report.page.sweep import of_sweep
from scaling_tui.report.page.table import of_table
from scaling_tui.runs import find_sweep, read_sweep, runs_folder
from scaling_tui.tables.read import is_table


def report_of(
    source: str | None, runs: Path | None, law: str | None, options: TableOptions, given: Sequence[str] = ()
) -> Report:
    """The page of the sweep or table called `source`; None is the latest sweep in `runs`.

    `given` are the options of the command, to say it again.

    Raises:
        InputError: no such source, options of tables with a sweep, or a law that cannot be fitted to it.
    """
    if source is not None and is_table(source):
        return of_table(source, options, law, given)
    if options.given:
        raise InputError(f"{options.given}: found with a sweep, want it with a table")
    try:
        path = find_sweep(runs_folder(runs), source)
    except InputError as error:
        if source is None:
            raise
        raise InputError(f"{error}; nor is {source!r} a table (CSV, TSV, JSONL or Parquet)") from None
    return of_sweep(read_sweep(path), time.time(), law)
