"""What a ladder promised beside what came out of it: each metric of each case over its seeds, as plain data."""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scaling_tui.laws.student_t import t_quantile
from scaling_tui.runs import RunView, SweepView

LEVEL = 0.9
METRICS = ("val_loss", "val_accuracy", "exact_match", "gap", "bpb")


def case_of(run: RunView) -> str:
    """Rung and variant of a run: its name without the seed."""
    return run.name.removesuffix(f"-s{run.seed}")


def outcome(sweep: SweepView) -> list[dict[str, Any]]:
    """One entry a case (a rung, or a rung under one of the settings that its ladder varies), in the ladder's order.

    `metrics` holds for each metric that was recorded its last value over the finished seeds: `mean`, `sd` and, from
    two seeds on, `low` and `high` of the mean's 90 % interval by Student's t; `expected` and `claimed` are what the
    ladder and its source say, `inside` whether the mean is where the ladder expects it. `cpu_s` is processor seconds.
    """
    promised: Mapping[str, Any] = sweep.document.get("cases") or {}
    cases: dict[str, list[RunView]] = {}
    for run in sweep.runs:
        cases.setdefault(case_of(run), []).append(run)
    return [_case(case, runs, promised.get(case, {})) for case, runs in cases.items()]


def _case(case: str, runs: Sequence[RunView], promised: Mapping[str, Any]) -> dict[str, Any]:
    first, done = runs[0], [run for run in runs if run.state == "finished"]
    costs = [cost for run in done if (cost := run.curve.last("cpu_s")) is not None]
    return {
        "case": case,
        "rung": first.rung,
        "params": first.params,
        "non_embedding": first.non_embedding,
        "tokens": first.tokens,
        "unique_tokens": unique_tokens(first),
        "flops": first.flops,
        "seeds": [run.seed for run in done],
        "cpu_s": statistics.mean(costs) if costs else None,
        "metrics": dict(_metrics(done, promised)),
    }


def unique_tokens(run: RunView) -> int | None:
    """U: the tokens that the run sees at least once, as far as its settings say."""
    limit = (run.config.get("training") or {}).get("unique_tokens")
    return min(limit, run.tokens) if limit and run.tokens else run.tokens


def _metrics(done: Sequence[RunView], promised: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    expected, claimed = promised.get("expected") or {}, promised.get("claimed") or {}
    for metric in METRICS:
        values = [value for run in done if (value := run.curve.last(metric)) is not None]
        if not values and metric not in expected and metric not in claimed:
            continue
        band = expected.get(metric)
        found: dict[str, Any] = {"mean": None, "sd": None, "low": None, "high": None, "values": values}
        if values:
            found["mean"] = statistics.mean(values)
        if len(values) > 1:
            found["sd"] = statistics.stdev(values)
            reach = t_quantile(0.5 + LEVEL / 2, len(values) - 1) * found["sd"] / math.sqrt(len(values))
            found["low"], found["high"] = found["mean"] - reach, found["mean"] + reach
        found["expected"], found["claimed"] = band, claimed.get(metric)
        found["inside"] = band[0] <= found["mean"] <= band[1] if band and values else None
        yield metric, found
