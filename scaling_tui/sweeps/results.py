"""Expected against measured: each metric of each case of a ladder over its seeds, as plain data."""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scaling_tui.laws.student_t import t_quantile
from scaling_tui.runs import RunView, SweepView
from scaling_tui.runs.points import case_of

LEVEL = 0.9
METRICS = ("val_loss", "val_accuracy", "exact_match", "gap", "bpb")


def outcome(sweep: SweepView) -> list[dict[str, Any]]:
    """One entry per case (a rung, or a rung under one setting that its ladder varies), in the ladder's order.

    `metrics` summarises the last value of each metric over the finished seeds: `mean`, and from two seeds on `sd` and
    the 90 % interval of the mean by Student's t, `low` to `high`. `expected` is the ladder's range, `inside` whether
    the mean lies in it, `claimed` the figure of the ladder's source. `cpu_s` is CPU seconds per run.
    """
    expectations: Mapping[str, Any] = sweep.document.get("cases") or {}
    cases: dict[str, list[RunView]] = {}
    for run in sweep.runs:
        cases.setdefault(case_of(run), []).append(run)
    return [_case(case, runs, expectations.get(case, {})) for case, runs in cases.items()]


def _case(case: str, runs: Sequence[RunView], expectations: Mapping[str, Any]) -> dict[str, Any]:
    first, done = runs[0], [run for run in runs if run.state == "finished"]
    costs = [cost for run in done if (cost := run.curve.last("cpu_s")) is not None]
    return {
        "case": case,
        "rung": first.rung,
        "params": first.params,
        "non_embedding": first.non_embedding,
        "tokens": first.tokens,
        "unique_tokens": first.unique_tokens,
        "flops": first.flops,
        "seeds": [run.seed for run in done],
        "cpu_s": statistics.mean(costs) if costs else None,
        "metrics": dict(_metrics(done, expectations)),
    }


def _metrics(done: Sequence[RunView], expectations: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    expected, claimed = expectations.get("expected") or {}, expectations.get("claimed") or {}
    for metric in METRICS:
        values = [value for run in done if (value := run.curve.last(metric)) is not None]
        if not values and metric not in expected and metric not in claimed:
            continue
        band = expected.get(metric)
        summary: dict[str, Any] = {"mean": None, "sd": None, "low": None, "high": None, "values": values}
        if values:
            summary["mean"] = statistics.mean(values)
        if len(values) > 1:
            summary["sd"] = statistics.stdev(values)
            reach = t_quantile(0.5 + LEVEL / 2, len(values) - 1) * summary["sd"] / math.sqrt(len(values))
            summary["low"], summary["high"] = summary["mean"] - reach, summary["mean"] + reach
        summary["expected"], summary["claimed"] = band, claimed.get(metric)
        summary["inside"] = band[0] <= summary["mean"] <= band[1] if band and values else None
        yield metric, summary
