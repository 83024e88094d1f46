"""What an import made, as text and as JSON."""

from typing import TYPE_CHECKING, Any

from scaling_tui.imports.folder import NOT_SAID
from scaling_tui.runs import SweepView
from scaling_tui.sweeps.summary import run_summary
from scaling_tui.text import show
from scaling_tui.text.columns import columns

if TYPE_CHECKING:
    from scaling_tui.imports.importing import Import


def import_document(sweep: SweepView, done: "Import") -> dict[str, Any]:
    """The sweep with its runs; `added` counts the records that this import wrote, `notes` say what to know of them."""
    return {
        "sweep": sweep.name,
        "path": str(sweep.path),
        "formats": done.kinds(),
        "is_update": done.is_update,
        "added": done.added,
        "runs": [
            run_summary(run) | {"records": run.curve.records, "from": (run.config.get("imported") or {}).get("path")}
            for run in sweep.runs
        ],
        "notes": done.notes(),
        "faults": list(sweep.all_faults),
    }


def import_text(sweep: SweepView, done: "Import") -> str:
    """A table of the runs under a line on the whole."""
    rows = [("", "run", "N", "D", "records", "loss", "state")]
    for run in sweep.runs:
        loss = show.loss(run.loss)
        if run.loss is None and (bpb := run.curve.last("bpb")) is not None:
            loss = f"{show.loss(bpb)} bits/byte"
        rows.append((
            show.SIGNS[run.state], run.name, show.count(run.params), show.count(run.tokens), f"{run.curve.records:,}",
            loss, run.state,
        ))  # fmt: skip
    # `attach` gives the reason of each run; here one line on those that wait for an answer.
    silent = sum(run.reason == NOT_SAID for run in sweep.runs)
    hint = f"\n{show.counted(silent, 'run')} stopped: {NOT_SAID}" if silent else ""
    verb = "updated" if done.is_update else "imported"
    what = f"{show.counted(len(sweep.runs), 'run')}, {show.counted(done.added, 'new record')}"
    return f"{verb} {sweep.name}: {what} ({', '.join(done.kinds())})\n{columns(rows, numeric=(2, 3, 4, 5))}{hint}"
