"""A sweep as files for other programs: its points and curves as CSV or JSON, its pictures as SVG, PNG or PDF."""

import csv
import io
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from scaling_tui import InputError
from scaling_tui.runs import SweepView
from scaling_tui.runs.metrics import METRICS
from scaling_tui.text.json_documents import dumps, finite

if TYPE_CHECKING:
    from scaling_tui.plots.figures import Figure

Format = Literal["csv", "json", "svg", "png", "pdf"]
OF_RUN = ("run", "rung", "seed", "params", "non_embedding")


def export(sweep: SweepView, kind: str) -> bytes:
    """The sweep in one of the formats.

    Raises:
        InputError: no such format; or a picture without what draws it.
    """
    match kind:
        case "csv":
            return records_csv(sweep).encode()
        case "json":
            return (dumps(document(sweep), indent=1) + "\n").encode()
        case "svg" | "png" | "pdf":
            from scaling_tui.plots.pictures import picture

            return picture(sweep_figures(sweep), kind)
    raise InputError(f"--format: found {kind!r}, want one of {', '.join(get_args(Format))}")


def records_csv(sweep: SweepView) -> str:
    """Every record of every run, a line each: who it is of, then the metrics that any run has; a cell may be empty.

    `scaling-tui fit FILE --method envelope` reads it.
    """
    from scaling_tui.sweeps.summary import run_summary

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    recorded = {name for run in sweep.runs for name in run.curve.metrics}
    others = sorted(recorded - set(METRICS))
    # A metric of somebody's own may be called as one of our columns.
    metrics = [name for name in METRICS if name in recorded] + [name for name in others if name not in OF_RUN]
    writer.writerow((*OF_RUN, *metrics))
    for run in sweep.runs:
        known = run_summary(run)
        own = [known[name] for name in OF_RUN]
        columns = [run.curve.column(metric).tolist() for metric in metrics]
        for values in zip(*columns, strict=True):
            writer.writerow(["" if value is None else value for value in own] + [_plain(value, "") for value in values])
    return out.getvalue()


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


def write_new(path: Path, content: bytes) -> None:
    """Writes a file that is not there yet.

    Raises:
        InputError: it is there, or cannot be written.
    """
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        raise InputError(f"--output {path}: exists already, want a new name") from None
    except OSError as error:
        raise InputError(f"--output {path}: cannot be written ({error.strerror})") from None


def _plain(value: float, missing: Any) -> Any:
    """A number as few digits as it takes: whole ones without a point."""
    if not math.isfinite(value):
        return missing
    return int(value) if value == int(value) and abs(value) < 1e15 else value


def sweep_figures(sweep: SweepView) -> "list[Figure]":
    """The curves, and the law where there is one."""
    from scaling_tui.plots.curves import Choice, Curves
    from scaling_tui.plots.law_plots import law_figure
    from scaling_tui.sweeps.sweep_fit import fit_beforehand

    figures = [Curves().figure(sweep, Choice())]
    fitted = fit_beforehand(sweep)
    if fitted is not None:
        figures.append(law_figure(sweep, fitted.fit, fitted.runs))
    return figures
