"""Points from a file: CSV with any common delimiter, JSON lines or a JSON list. Errors name row and column."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws.fitting.points import Points
from scaling_tui.text.files import MOST_TABLE_BYTES, read_text

NUMBERS = ("loss", "params", "tokens", "flops", "unique_tokens", "non_embedding")
LABELS = ("label", "run", "rung", "name")
_LEFT_OUT_STATES = ("diverged", "failed", "stopped", "lost", "running", "queued", "unreadable")
_NAMED_ROWS = 20_000  # larger tables do not name their rows
_DELIMITERS = ",;\t|"


def read_points(path: str | Path) -> tuple[Points, tuple[str, ...]]:
    """The points of a CSV or JSONL file, and warnings about rows left out.

    Columns: loss, params, tokens, flops, unique_tokens, non_embedding (numbers); label, run, rung or name; state.
    Runs whose state is not finished, and runs without a finite loss, are left out with a warning. If one of params,
    tokens and flops is missing, it is computed from the other two by C = 6ND, with a warning.

    Raises:
        InputError: no such file, no column `loss`, or a value that is not a positive number; names row and column.
    """
    path = Path(path)
    text = read_text(path, "a CSV or JSONL file with params,tokens,loss", MOST_TABLE_BYTES)
    start = text.lstrip()[:1]
    if not start:
        raise InputError(f"{path}: empty, want a header and one row per run")
    if start in "{[":
        columns, first_row = _json_columns(text, path), 1
    else:
        columns, first_row = _csv_columns(text, path), 2
    return _points(columns, path, first_row)


def _csv_columns(text: str, path: Path) -> dict[str, Any]:
    head, _, body = text.lstrip("\r\n").partition("\n")
    delimiter = max(_DELIMITERS, key=head.count)
    names = [name.strip().lower() for name in next(iter(_cells(head, delimiter, path)), [])]
    _check_names(names, path)
    wanted = [name for name in names if name in NUMBERS]
    if body.strip() and not set(names) & {"state", *LABELS}:
        # Plain numbers: use the fast reader. If it fails, the slow one finds the row to name.
        try:
            table = np.loadtxt(
                io.StringIO(body),
                delimiter=delimiter,
                usecols=[names.index(n) for n in wanted],
                ndmin=2,
                comments=None,
                quotechar='"',
            )
        except ValueError:
            pass
        else:
            return {name: table[:, i] for i, name in enumerate(wanted)}
    rows = [row for row in _cells(body, delimiter, path) if any(cell.strip() for cell in row)]
    for number, row in enumerate(rows, 2):
        if len(row) != len(names):
            raise InputError(f"{path}: row {number} has {len(row)} values, the header has {len(names)}")
    kept = [name for name in names if name in (*NUMBERS, *LABELS, "state")]
    return {name: [row[names.index(name)].strip() for row in rows] for name in kept}


def _cells(text: str, delimiter: str, path: Path) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        yield from reader
    except csv.Error as error:
        raise InputError(f"{path}: not CSV near row {reader.line_num + 1}: {error}") from None


def _json(text: str, where: str, after: str) -> Any:
    """`text` as JSON; `where` and, with a line number, `after` begin the error."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{where} not JSON{after and f' at line {error.lineno}'}: {error.msg}") from None
    except RecursionError:
        raise InputError(f"{where} not a row of values: nested too deeply") from None
    except ValueError as error:
        raise InputError(f"{where} not JSON: {str(error).partition(';')[0]}") from None


def _json_columns(text: str, path: Path) -> dict[str, Any]:
    records = []
    if text.lstrip()[0] == "[":
        records = _json(text, f"{path}:", "at line")
    else:
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                records.append(_json(line, f"{path}: row {number} is", ""))
    for number, record in enumerate(records, 1):
        if not isinstance(record, dict):
            raise InputError(
                f"{path}: row {number} is {type(record).__name__}, want an object with params, tokens, loss"
            )
    names = list(dict.fromkeys(name for record in records for name in record))
    _check_names(names, path)
    kept = [name for name in names if name in (*NUMBERS, *LABELS, "state")]
    return {name: [record.get(name) for record in records] for name in kept}


def _check_names(names: Iterable[str], path: Path) -> None:
    names = list(names)
    if "loss" not in names:
        raise InputError(f"{path}: no column loss, found {', '.join(names[:8])}; want params,tokens,loss")
    twice = [name for name in NUMBERS if names.count(name) > 1]
    if twice:
        raise InputError(f"{path}: column {twice[0]} appears twice, want it once")


def _points(columns: dict[str, Any], path: Path, first_row: int) -> tuple[Points, tuple[str, ...]]:
    size = len(columns["loss"])
    if size == 0:
        raise InputError(f"{path}: found a header without rows, want one row per run")
    warnings = []
    keep = np.ones(size, dtype=bool)
    states = columns.pop("state", None)
    if states is not None:
        for state in _LEFT_OUT_STATES:
            which = np.array([str(item).lower() == state for item in states]) & keep
            if which.any():
                warnings.append(f"{_rows(which, first_row)} left out: state {state}")
                keep &= ~which
    label = next((columns[name] for name in LABELS if name in columns), None)
    if label is not None:
        labels = [str(item) for item in label]
    else:
        labels = [f"row {i + first_row}" for i in range(size)] if size <= _NAMED_ROWS else []
    numbers = {name: _numbers(columns[name], name, path, first_row, keep) for name in NUMBERS if name in columns}
    no_loss = ~np.isfinite(numbers["loss"]) & keep
    if no_loss.any():
        warnings.append(f"{_rows(no_loss, first_row)} left out: no finite loss (diverged or unfinished)")
        keep &= ~no_loss
    for name, column in numbers.items():
        bad = keep & ~(np.isfinite(column) & (column > 0))
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise InputError(
                f"{path}: row {row + first_row}, column {name}: found {column[row]:g}, want a positive number"
            )
    points = Points.of(labels=labels, **numbers).take(keep)
    return _completed(points, warnings)


def _completed(points: Points, warnings: list[str]) -> tuple[Points, tuple[str, ...]]:
    """Computes whichever of N and D is missing from the other and C."""
    columns = {name: getattr(points, name) for name in NUMBERS}
    N, D, C = columns["params"], columns["tokens"], columns["flops"]
    if D is None and N is not None and C is not None:
        columns["tokens"] = C / (6 * N)
        warnings.append("no column tokens: D = C/(6N)")
    elif N is None and D is not None and C is not None:
        columns["params"] = C / (6 * D)
        warnings.append("no column params: N = C/(6D)")
    return Points.of(labels=points.labels, **columns), tuple(warnings)


def _numbers(cells: Any, name: str, path: Path, first_row: int, keep: Any) -> Any:
    if isinstance(cells, np.ndarray):
        return cells
    values = np.full(len(cells), np.nan)
    for i, cell in enumerate(cells):
        if not keep[i] or (name == "loss" and cell in (None, "")):
            continue
        try:
            if isinstance(cell, bool):
                raise ValueError
            values[i] = float(cell)
        except (TypeError, ValueError):
            shown = "nothing" if cell in (None, "") else repr(cell)
            raise InputError(
                f"{path}: row {i + first_row}, column {name}: found {shown}, want a positive number"
            ) from None
    return values


def _rows(which: Any, first_row: int) -> str:
    index = np.flatnonzero(which)
    shown = ", ".join(str(i + first_row) for i in index[:5])
    more = f" and {index.size - 5} more" if index.size > 5 else ""
    return f"row{'s' if index.size > 1 else ''} {shown}{more}"
