"""A sweep as files for other programs: its points or its curves as tables or event files, its pictures, all as JSON.

Points are what a law is fitted to, a row each; curves hold every record. `fit` of exported points gives the
law of the sweep to the last digit: they come from the same function, and say which law and count of N the sweep has.
"""

import csv
import io
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from scaling_tui import InputError
from scaling_tui.report.documents import stamped
from scaling_tui.runs import RunView, SweepView
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
OF_RUN = ("run", "rung", "seed", "params", "non_embedding")

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
    table = curve_columns(sweep) if curves else point_columns(sweep)
    match kind:
        case "csv":
            return _csv(table).encode()
        case "jsonl":
            return "".join(dumps(row) + "\n" for row in _rows_of(table)).encode()
        case "parquet":
            from scaling_tui.tables.parquet import parquet_bytes

            return parquet_bytes(table, "--format parquet")
    raise InputError(f"--format {kind}: several files, want a folder")


def point_columns(sweep: SweepView) -> Columns:
    """A row a point that `fit SWEEP` fits, with the law and the count of N that it takes.

    A point that is a mean over seeds has no `seed`; `seeds` says over how many.

    Raises:
        InputError: no run has finished.
    """
    from scaling_tui.report.fit import sweep_source

    try:
        source = sweep_source(sweep)
    except InputError as error:
        raise InputError(f"{error}; --curves exports the records that there are") from None
    points = source.points
    behind = [[run for name in source.behind[label] if (run := sweep.run(name))] for label in points.labels]
    columns: dict[str, list[Any]] = {
        "run": list(points.labels),
        "rung": [runs[0].rung for runs in behind],
        "seed": [runs[0].seed if len(runs) == 1 else None for runs in behind],
    }
    if any(len(runs) > 1 for runs in behind):
        columns["seeds"] = [len(runs) for runs in behind]
    for name in ("params", "non_embedding", "tokens", "unique_tokens", "flops", "loss"):
        found = getattr(points, name)
        if found is not None and not all(map(math.isnan, found)):
            columns[name] = [_plain(value, None) for value in found.tolist()]
    if columns.get("unique_tokens") == columns.get("tokens"):
        columns.pop("unique_tokens", None)
    bits = [[value for run in runs if (value := run.curve.last("bpb")) is not None] for runs in behind]
    if any(bits):
        columns["bpb"] = [statistics.mean(values) if values else None for values in bits]
    size = len(points)
    constants = {"state": "finished", "law": source.law or "chinchilla", "params_as": source.convention}
    return columns | {name: [value] * size for name, value in constants.items()}


def curve_columns(sweep: SweepView) -> Columns:
    """Every record of every run, a row each: who it is of, then the metrics that any run has.

    `scaling-tui fit FILE --method envelope` reads it, and `scaling-tui import FILE` makes the curves of it again.
    """
    metrics = _metrics(sweep.runs)
    columns: dict[str, list[Any]] = {name: [] for name in (*OF_RUN, *metrics)}
    for run in sweep.runs:
        size = len(run.curve)
        for name in OF_RUN:
            columns[name] += [getattr(run, name) if name != "run" else run.name] * size
        for metric in metrics:
            columns[metric] += [_plain(value, None) for value in run.curve.column(metric).tolist()]
    return columns


def _metrics(runs: Sequence[RunView]) -> list[str]:
    """The metrics that any of the runs has, without those of somebody's own that are called as our columns."""
    recorded = {name for run in runs for name in run.curve.metrics}
    others = sorted(recorded - set(METRICS))
    return [name for name in METRICS if name in recorded] + [name for name in others if name not in OF_RUN]


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
        run["curve"] = {name: [_plain(value, None) for value in curve.column(name).tolist()] for name in names}
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


def _plain(value: float, missing: Any) -> Any:
    """A number as few digits as it takes: whole ones without a point."""
    if not math.isfinite(value):
        return missing
    return int(value) if value == int(value) and abs(value) < 1e15 else value


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
