"""The law of a sweep and what it goes through: the points that `fit SWEEP` fits and `export` writes, as columns."""

import math
import statistics
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from scaling_tui import InputError
from scaling_tui.runs.points import Trial, points_of
from scaling_tui.runs.views import RunView, SweepView


def law_of_sweep(sweep: SweepView) -> tuple[str, str] | None:
    """The law and the count of N that the sweep's ladder fits; None where it fits none.

    A sweep of another trainer's has no ladder: where it names no law, it gets the one that its runs can determine.
    """
    chosen = sweep.document.get("fit")
    if not chosen:
        return None if sweep.document.get("ladder") else (_default_law(sweep), "all")
    return str(chosen.get("law", "chinchilla-n")), _convention(sweep, chosen.get("params"))


def _convention(sweep: SweepView, wanted: str | None) -> str:
    """The count of N to fit: the one that is wanted, if any run has it; without a wish one that all runs have."""
    counted = [bool(run.non_embedding) for run in measured_runs(sweep)]
    if not counted:
        return wanted or "non-embedding"
    enough = any(counted) if wanted == "non-embedding" else all(counted)
    return "non-embedding" if wanted != "all" and enough else "all"


def measured_runs(sweep: SweepView) -> list[RunView]:
    """The runs that finished with a loss."""
    return [run for run in sweep.runs if run.state == "finished" and run.loss is not None]


def uncounted(sweep: SweepView) -> list[str]:
    """The measured runs without the count of N that the sweep's law is fitted in."""
    chosen = law_of_sweep(sweep)
    if chosen is None or chosen[1] != "non-embedding":
        return []
    return [run.name for run in measured_runs(sweep) if not run.non_embedding]


def _default_law(sweep: SweepView) -> str:
    """The law to fit where nobody says which: with the inputs in which the measured runs differ."""
    runs = measured_runs(sweep)
    n, d = {run.params for run in runs if run.params}, {run.tokens for run in runs if run.tokens}
    if len(n) > 1 and len(d) < 2:
        return "chinchilla-n"
    return "chinchilla-d" if len(d) > 1 and len(n) < 2 else "chinchilla"


def law_trials(sweep: SweepView, leave_out: Collection[str] = ()) -> list[Trial]:
    """What a law goes through: of each size and budget the best of its settings, over those of its seeds that finished.

    Runs named in `leave_out` do not count.
    """
    points = points_of(run for run in sweep.runs if run.name not in leave_out)
    return [best for point in points if (best := point.best) is not None]


def finished_trials(sweep: SweepView, leave_out: Collection[str] = ()) -> list[Trial]:
    """`law_trials`, of which there is at least one.

    Raises:
        InputError: no finished run.
    """
    trials = law_trials(sweep, leave_out)
    if not trials:
        raise InputError(f"sweep {sweep.name}: no finished run yet to fit a law to{_why_none(sweep)}")
    return trials


def _why_none(sweep: SweepView) -> str:
    counted = Counter("finished without a loss" if run.state == "finished" else run.state for run in sweep.runs)
    reasons = {run.reason for run in sweep.runs}
    reason = f": {reasons.pop()}" if len(reasons) == 1 and reasons != {""} else ""
    return f" ({', '.join(f'{count} {state}' for state, count in counted.items()) or 'it has no runs'}){reason}"


def trial_columns(trials: Sequence[Trial]) -> dict[str, Any]:
    """What a law is fitted to, a value a trial: loss, sizes, FLOPs. NaN where it is unknown, None for what all lack."""
    runs = [trial.measured[0] for trial in trials]  # which have all the same N, D and C
    nan = float("nan")
    return {
        "loss": [nan if trial.loss is None else trial.loss for trial in trials],
        "params": [run.params or nan for run in runs],
        # A count that some runs lack would compare laws through different points.
        "non_embedding": [run.non_embedding or nan for run in runs] if all(run.non_embedding for run in runs) else None,
        "tokens": [run.tokens or nan for run in runs],
        "unique_tokens": [run.unique_tokens or nan for run in runs],
        "flops": _flops_of(runs),
    }


def _flops_of(runs: Sequence[RunView]) -> list[float] | None:
    """C of each run, and 6ND where run.json gives none; None where no run gives any: the fit then takes 6ND itself."""
    if not any(run.flops for run in runs):
        return None
    return [run.flops or 6.0 * (run.params or float("nan")) * (run.tokens or float("nan")) for run in runs]


def point_columns(sweep: SweepView) -> dict[str, list[Any]]:
    """A row a point that `fit SWEEP` fits, with the law and the count of N that it takes; None where nothing is known.

    A point that is a mean over seeds has no `seed`; `seeds` says over how many.

    Raises:
        InputError: no run has finished.
    """
    law, convention = law_of_sweep(sweep) or ("chinchilla", "all")
    trials = finished_trials(sweep, uncounted(sweep))
    behind = [trial.measured for trial in trials]
    columns: dict[str, list[Any]] = {
        "run": [trial.label for trial in trials],
        "rung": [runs[0].rung for runs in behind],
        "seed": [runs[0].seed if len(runs) == 1 else None for runs in behind],
    }
    if any(len(runs) > 1 for runs in behind):
        columns["seeds"] = [len(runs) for runs in behind]
    found = trial_columns(trials)
    for name in ("params", "non_embedding", "tokens", "unique_tokens", "flops", "loss"):
        if found[name] is not None and not all(map(math.isnan, found[name])):
            columns[name] = [plain(value) for value in found[name]]
    if columns.get("unique_tokens") == columns.get("tokens"):
        columns.pop("unique_tokens", None)
    bits = [[value for run in runs if (value := run.curve.last("bpb")) is not None] for runs in behind]
    if any(bits):
        columns["bpb"] = [statistics.mean(values) if values else None for values in bits]
    constants = {"state": "finished", "law": law, "params_as": convention}
    return columns | {name: [value] * len(trials) for name, value in constants.items()}


def plain(value: float) -> float | int | None:
    """A number as few digits as it takes: whole ones without a point; None where it is not finite."""
    if not math.isfinite(value):
        return None
    return int(value) if value == int(value) and abs(value) < 1e15 else value
