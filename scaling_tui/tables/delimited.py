"""CSV and its kin: any usual delimiter, comments, quoted cells that hold newlines; faults name the row."""

import csv
import io
import re
from collections.abc import Iterator

from scaling_tui import InputError
from scaling_tui.tables.table import Table

_DELIMITERS = ",;\t|"
_RULE = re.compile(r"\s*:?-{3,}:?\s*|")  # the line under the header of a table in Markdown


class _Lines:
    """The lines of a text without its comments, for a reader that asks for as many as a record takes."""

    def __init__(self, text: str) -> None:
        self._lines = io.StringIO(text)  # splits at newlines alone: U+2028 is a character like any other
        self.between = True  # no record has begun: only here can a comment stand
        self.comments: list[str] = []
        self.passed = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.passed += 1
            if self.between and line.lstrip(" ").startswith("#"):
                self.comments.append(line)
                continue
            self.between = False
            yield line


def delimited_table(text: str, where: str) -> Table:
    """A table with a header.

    A header may be a comment itself, as NumPy writes it: the last one before a first row of numbers alone.

    Raises:
        InputError: no header, or a row with more or fewer values than it; names the row.
    """
    delimiter = _delimiter(text)
    lines = _Lines(text)
    records = _records(lines, delimiter, where)
    header: list[str] | None = None
    columns: list[list[str]] = []
    rows: list[int] = []
    for number, record in records:
        if not any(map(str.strip, record)) or (not rows and all(map(_RULE.fullmatch, record))):
            continue
        if header is None:
            header = [name.strip() for name in record]
            if all(map(_is_number, header)):
                header = _header_in(lines.comments, delimiter, len(record))
                if header is None:
                    raise InputError(f"{where}: row {number} is numbers, want a header such as params,tokens,loss")
                columns = [[] for _ in header]
            else:
                columns = [[] for _ in header]
                continue
        if len(record) != len(header):
            while len(record) > len(header) and not record[-1].strip():
                record.pop()
            if len(record) != len(header):
                raise InputError(f"{where}: row {number} has {len(record)} values, the header has {len(header)}")
        for column, cell in zip(columns, record, strict=True):
            column.append(cell.strip())
        rows.append(number)
    if header is None:
        raise InputError(f"{where}: empty, want a header and one row per run")
    named: dict[str, list[str]] = {}
    for name, column in zip(header, columns, strict=True):
        named.setdefault(name, column)
    return Table(where, named, rows, frozenset(name for name in named if header.count(name) > 1))


def _records(lines: _Lines, delimiter: str, where: str) -> Iterator[tuple[int, list[str]]]:
    """The records with their row numbers: blank rows and comments count, as in a spreadsheet."""
    source = iter(lines)
    # A run of blanks is one delimiter, as in columns aligned for the eye.
    squeezed = (re.sub(r"[ \t]+", " ", line.strip(" \t")) for line in source) if delimiter == " " else source
    reader = csv.reader(squeezed, delimiter=delimiter)
    number = 0
    while True:
        lines.between = True
        passed = len(lines.comments)
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InputError(f"{where}: not CSV near row {number + 1}: {error}") from None
        number += 1 + len(lines.comments) - passed
        yield number, record


def _delimiter(text: str) -> str:
    """What the first line that is no comment has most of, outside quotes; blanks where it has no delimiter."""
    head = next((line for line in io.StringIO(text) if line.strip() and not line.lstrip(" ").startswith("#")), "")
    bare = re.sub(r'"[^"]*"', "", head.strip("\n"))
    best = max(_DELIMITERS, key=bare.count)
    return best if bare.count(best) or not re.search(r"\S[ \t]+\S", bare) or '"' in head else " "


def _header_in(comments: list[str], delimiter: str, size: int) -> list[str] | None:
    for line in comments[-1:]:
        bare = line.strip().lstrip("# \t")
        names = bare.split() if delimiter == " " else next(csv.reader([bare], delimiter=delimiter), [])
        if len(names) == size:
            return [name.strip() for name in names]
    return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
