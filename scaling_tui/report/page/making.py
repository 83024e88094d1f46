"""The page of whatever the command is given: a sweep by name or path, or a table."""

import time
from collections.abc import Sequence
from pathlib import Path

from scaling_tui import InputError
from scaling_tui.laws.fitting.tables import TableOptions
from scaling_tui.report.page.blocks import Page, Report
from scaling_tui.report.page.sweep import of_sweep
from scaling_tui.report.page.table import of_table
from scaling_tui.runs import find_sweep, read_sweep, runs_folder
from scaling_tui.tables.read import is_table

HTML, MARKDOWN = (".html", ".htm"), (".md", ".markdown")
PAGES = (HTML[0], MARKDOWN[0], HTML[1], MARKDOWN[1])


def check_output(path: Path, what: str, force: bool = False, endings: Sequence[str] = PAGES) -> None:
    """Returns if a report can be written to `path`, before what goes into it is computed, which may take a while.

    Raises:
        InputError: its ending is none of `endings`, or it is there already; `what` begins the line.
    """
    if path.suffix.lower() not in endings:
        want = " or ".join(endings[:2])
        raise InputError(f"{what} {path}: found {path.suffix or 'no ending'}, want a name that ends in {want}")
    if not force and path.exists():
        want = "a new name, or --force to replace it" if what.startswith("-") else "a new name"
        raise InputError(f"{what} {path}: exists already, want {want}")


def page_bytes(page: Page, path: Path) -> bytes:
    """The page as the ending of `path` says: HTML or Markdown."""
    if path.suffix.lower() in HTML:
        from scaling_tui.report.page.html import html_text

        return html_text(page).encode()
    from scaling_tui.report.page.markdown import markdown_text

    return markdown_text(page).encode()


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
