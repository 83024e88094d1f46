"""A sweep as files for other programs: its points or its curves as tables or event files, its pictures, all as JSON.

Points are what a law is fitted to, a row each; curves hold every record. `fit` of exported points gives the
law of the sweep to the last digit: they come from the same function, and say which law and count of N the sweep has.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from scaling_tui import InputError
from scaling_tui.report.documents import stamped
from scaling_tui.runs import SweepView
from scaling_tui.runs.curve_table import curve_columns
from scaling_tui.runs.law_points import plain, point_columns
from scaling_tui.runs.metrics import METRICS
from scaling_tui.text.files import write_whole
from scaling_tui.text.json_documents import dumps, finite

if TYPE_CHECKING:
    from scaling_tui.plots.figures import Figure
    from scaling_tui.plots.limits import Limits

Format = Literal["csv", "jsonl", "parquet", "tensorboard", "json", "svg", "png", "pdf"]
TABLES = ("csv", "jsonl", "parquet")
PICTURES = ("svg", "png", "pdf")
BINARY = ("parquet", "png", "pdf")

Columns = Mapping[str, Sequence[Any]]
"""Columns of a table by name, of equal length; None where a row has no value."""


def export(sweep: SweepView, kind: str, curves: bool | None = None, limits: "Limits | None" = None) -> bytes:
    """The sweep in one of the formats that are one file.

    Args:
        sweep: as it was read.
        kind: one of `Format` but tensorboard (see `event_files`).
        curves: of a table: every record, rather than the points; None gives the points.
        limits: of a picture: of the axes of its curves.

    Raises:
        InputError: no such format; points or curves of what is both or neither; no finished run; or what writes the
            format is not installed.
    """
    if kind not in get_args(Format):
        raise InputError(f"--format: found {kind!r}, want one of {', '.join(get_args(Format))}")
    if kind not in TABLES and curves is not None:
        raise InputError(f"--{'curves' if curves else 'points'}: found with {kind}, want it with {', '.join(TABLES)}")
    match kind:
        case "json":
            return (dumps(stamped("export", document(sweep)), indent=1) + "\n").encode()
        case "svg" | "png" | "pdf":
            from scaling_tui.plots.figures import limited
            from scaling_tui.plots.pictures import picture

            return picture(limited(sweep_figures(sweep), limits), kind)
    if curves:
        table = curve_columns(sweep)
    else:
        try:
            table = point_columns(sweep)
        except InputError as error:
            raise InputError(f"{error}; --curves exports the records that there are") from None
    match kind:
        case "csv":
            return _csv(table).encode()
        case "jsonl":
            return "".join(dumps(row) + "\n" for row in _rows_of(table)).encode()
        case "parquet":
            from scaling_tui.tables.parquet import parquet_bytes

            return parquet_bytes(table, "--format parquet")
    raise InputError(f"--format {kind}: several files, want a folder")


def _csv(table: Columns) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table)
    for row in zip(*table.values(), strict=True):
        writer.writerow(["" if value is None else value for value in row])
    return out.getvalue()


def _rows_of(table: Columns) -> Iterator[dict[str, Any]]:
    for row in zip(*table.values(), strict=True):
        yield {name: value for name, value in zip(table, row, strict=True) if value is not None}


def document(sweep: SweepView) -> dict[str, Any]:
    """What `attach --json` says of the sweep, and each run's curve: a list a metric, null where there is no value."""
    from scaling_tui.sweeps.summary import summary

    found = summary(sweep)
    curves = {run.name: run.curve for run in sweep.runs}
    for run in found["runs"]:
        curve = curves[run["run"]]
        names = dict.fromkeys((*METRICS, *curve.metrics))
        run["curve"] = {name: [plain(value) for value in curve.column(name).tolist()] for name in names}
    return {key: finite(value) for key, value in found.items()}


def write_new(path: Path, content: bytes, replace: bool = False) -> None:
    """Writes a file that is not there yet, as a whole or not at all; with `replace` also over another file.

    Raises:
        InputError: it is there, is no regular file, or cannot be written.
    """
    try:
        write_whole(path, content, replace)
    except FileExistsError:
        raise InputError(f"--output {path}: exists already, want a new name") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a file name"
        raise InputError(f"--output {path}: cannot be written ({why})") from None


def sweep_figures(sweep: SweepView) -> "list[Figure]":
    """The curves, and the law where there is one."""
    from scaling_tui.plots.curves import Choice, Curves
    from scaling_tui.report.sweep import law_plot
    from scaling_tui.sweeps.sweep_fit import fit_beforehand

    figures = [Curves().figure(sweep, Choice())]
    fitted = fit_beforehand(sweep)
    if fitted is not None:
        figures.append(law_plot(sweep, fitted))
    return figures
