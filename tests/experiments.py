"""Sweeps of the ladders that guided experiments lead through, with results as given: recorded, not trained."""

from collections.abc import Mapping
from pathlib import Path

from scaling_tui.runs import State, Status, read_sweep
from scaling_tui.runs.format import append_line, claim
from scaling_tui.runs.points import case_of
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.sweeps.launch import lay_out

Results = Mapping[str, Mapping[str, float]]


def record_results(runs: Path, ladder: str, settings: tuple[str, ...], results: Results) -> Path:
    """A sweep of `ladder` whose runs finished with the metrics of their case in `results`; the others are queued."""
    sweep = lay_out(runs, load_ladder(ladder, settings))
    view = read_sweep(sweep)
    for run in view.runs:
        metrics = results.get(case_of(run))
        if metrics is None:
            continue
        attempt = claim(run.path, "attempt")
        tokens = run.tokens or 0
        for share in (0.5, 1.0):
            record = {"step": 100 * share, "tokens": tokens * share, "loss": 4 - 2 * share, "time": 1.7e9 + share}
            append_line(attempt / "metrics.jsonl", record | (dict(metrics) if share == 1.0 else {}))
        Status("finished", 1, 0.0, "elsewhere", 1.7e9).write(attempt / "status.json")
    whole = {case_of(run) for run in view.runs} <= set(results)
    state: State = "finished" if whole else "stopped"
    Status(state, 1, 0.0, "elsewhere", 1.7e9).write(claim(sweep, "supervisor") / "status.json")
    return sweep


GROWING = {
    "small": {"val_accuracy": 0.61, "val_loss": 2.0, "gap": 0.1},
    "medium": {"val_accuracy": 0.79, "val_loss": 1.5, "gap": 0.2},
    "large": {"val_accuracy": 0.86, "val_loss": 1.1, "gap": 0.3},
}
SHRINKING = {
    "small": {"val_accuracy": 0.80, "val_loss": 1.4, "gap": 0.1},
    "medium": {"val_accuracy": 0.75, "val_loss": 1.5, "gap": 0.2},
    "large": {"val_accuracy": 0.70, "val_loss": 1.7, "gap": 0.3},
}
