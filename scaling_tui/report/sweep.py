"""A sweep as text: runs, law, predicted against measured; and the table of ladders."""

import math
import statistics
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from scaling_tui.plots.curves import labels
from scaling_tui.plots.figures import Figure
from scaling_tui.plots.law_plots import LawPoint, law_figure
from scaling_tui.runs import SweepView
from scaling_tui.runs.law_points import law_of_sweep
from scaling_tui.runs.metrics import KNOWN, described
from scaling_tui.runs.points import points_of, setting_text
from scaling_tui.sweeps.results import outcome
from scaling_tui.sweeps.summary import prediction_summary
from scaling_tui.sweeps.sweep_fit import SweepFit, loss_warnings, points_text
from scaling_tui.text import show
from scaling_tui.text.columns import columns, cut_front

if TYPE_CHECKING:
    from scaling_tui.sweeps.ladder import Ladder


def report(summary: dict[str, Any]) -> str:
    """The text of `scaling_tui.sweeps.summary.summary`: runs, law, predicted against measured."""
    corpus = summary["corpus"] or {}
    head = f"{summary['sweep']} · {summary['state']}" + (f" ({summary['reason']})" if summary["reason"] else "")
    text = [head]
    if corpus:
        text.append(
            f"corpus {corpus['name']}: {corpus['source']}, sha256 {corpus['sha256'][:12]}, {corpus['tokenizer']} tokens"
        )
    if summary["runs"]:
        text += ["", runs_table(summary["runs"])]
        text.append(f"  {loss_note(summary['runs'])}; N is every parameter{flops_note(summary['runs'])}")
    if any(run["best"] for run in summary["runs"]):
        text.append(
            "  best: the setting of lowest loss at that size and D, the mean over seeds; the law goes through it"
        )
    text += other_lines(summary["runs"])
    text += outcome_lines(summary)
    if fit := summary["fit"]:
        coefficients = ", ".join(f"{name} {show.coefficient(value)}" for name, value in fit["coefficients"].items())
        text += ["", f"law {fit['law']} through {fit['through']}, N {fit['convention']}: {coefficients}"]
        for name, values in fit["conventions"].items():
            if name != fit["convention"]:
                shown = ", ".join(f"{key} {show.coefficient(value)}" for key, value in values.items())
                text.append(f"  under N {name}: {shown}")
        text += [f"  warning: {warning}" for warning in fit["warnings"]]
    text += [f"  warning: {warning}" for warning in summary["warnings"]]
    if summary["best_rate"]:
        text.append(summary["best_rate"]["text"])
    if summary["rates"]:
        text.append(summary["rates"]["text"])
    text += [f"{run} is not predicted: {reason}" for run, reason in summary["unpredicted"].items()]
    if summary["prediction"]:
        text += prediction_lines(summary["prediction"])
    if told := took_text(summary["estimate"]):
        text += ["", told]
    text += summary["faults"]
    return "\n".join(text)


def prediction_lines(prediction: Mapping[str, Any]) -> list[str]:
    """What the law predicted, and what was measured beside it."""
    interval = show.interval(prediction["predicted"], prediction["low"], prediction["high"])
    low, high, measured = prediction["low"], prediction["high"], prediction["measured"]
    bounded = low is not None and high is not None
    level = f" at {show.percent(prediction['level'])}" if bounded else ""
    text = [f"{predicted_text(prediction)}: {interval}{level}"]
    if measured is not None:
        told = f"{show.percent(prediction['error'], 1, sign=True)} from the prediction"
        if bounded:
            told += f", {'inside' if low <= measured <= high else 'outside'} the interval"
        if prediction["below"] is not None:
            told += f"; {show.percent(prediction['below'], 1, sign=True)} from the loss of the rung below"
        text.append(f"{prediction['rung']} measured: {measured_text(prediction)}, {told}")
    return text


def took_text(estimate: Mapping[str, Any] | None) -> str:
    """The estimate of `scaling_tui.sweeps.summary.estimate_summary` beside the truth; empty where either is missing."""
    if estimate is None or estimate["took"] is None:
        return ""
    error = show.percent(estimate["error"], sign=True)
    return f"estimated {show.duration(estimate['seconds'])}, took {show.duration(estimate['took'])} ({error})"


def predicted_text(prediction: Mapping[str, Any]) -> str:
    """That a rung was predicted, and when."""
    return f"{prediction['rung']} predicted before it {'ran' if prediction['begun'] else 'runs'}"


def measured_text(prediction: Mapping[str, Any]) -> str:
    """The measured loss; of several seeds their mean and standard deviation, and the setting where one was chosen."""
    text = show.loss(prediction["measured"])
    if prediction["sd"] is not None:
        text += f" ± {show.loss(prediction['sd'])}"
    if prediction["of_seeds"] > 1:
        seeds, of = prediction["seeds"], prediction["of_seeds"]
        text += f" (mean over {f'{seeds} of {of}' if seeds < of else of} seeds)"
    if prediction["setting"]:
        text += f" at {setting_text(prediction['setting'], prediction['setting'])}"
    return text


def loss_note(runs: Sequence[Mapping[str, Any]]) -> str:
    """Which loss the table of these runs shows."""
    training = [run["run"] for run in runs if run["loss_is_held_out"] is False]
    if not training:
        return "loss is held out, in nats per token"
    mean = "the mean of the last tenth of the records, in nats per token"
    if any(run["loss_is_held_out"] for run in runs):
        return f"loss is held out; for {show.listed(training)} it is training loss, {mean}"
    return f"loss is training loss, {mean}: no held-out loss was recorded"


def flops_note(runs: Sequence[Mapping[str, Any]]) -> str:
    """What C is in the table of these runs; empty where no run is sized."""
    given = [run["run"] for run in runs if run["flops_basis"] == "given"]
    if any(run["flops_basis"] == "counted" for run in runs):
        return "; C counts matmuls and attention" + (
            f"; for {show.listed(given)} it is as given in run.json" if given else ""
        )
    if given:
        return "; C is as given in run.json"
    return "; no run.json gives C, so a fit uses 6ND" if any(run["params"] for run in runs) else ""


def runs_table(runs: Sequence[Mapping[str, Any]]) -> str:
    """`runs_rows` as aligned columns."""
    table = runs_rows(runs)
    return columns(table, numeric=range(1, len(table[0]) - 1))


def runs_rows(runs: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """A row for each run of `scaling_tui.sweeps.summary.run_summary`, under a row of names.

    The state is told only where a run is not finished. Finished runs that differ in their seed alone share a row, with
    the mean and standard deviation of their losses.
    """
    table = [["  run", "N", "N non-emb", "D", "C, FLOPs", "loss", "± s.d.", "bits/byte", ""]]
    for alike in _alike(runs):
        run = alike[0]
        lacking = "no final evaluation, the loss is from before the end" if run["lacks_final_evaluation"] else ""
        lacking = ", ".join(filter(None, (lacking, BEST if run.get("best") else "")))
        remark = ": ".join(filter(None, (run["state"] if run["state"] != "finished" else "", run["reason"], lacking)))
        losses, bpb = [one["loss"] for one in alike], [one["bpb"] for one in alike]
        several = len(alike) > 1
        table.append([
            f"{show.SIGNS[run['state']]} {f'{_case(run)} × {len(alike)}' if several else run['run']}",
            show.count(run["params"]), show.count(run["non_embedding"]), show.count(run["tokens"]),
            show.scientific(run["flops"]), show.loss(statistics.mean(losses) if several else losses[0]),
            show.loss(statistics.stdev(losses)) if several else "",
            show.loss(statistics.mean(bpb) if several and None not in bpb else bpb[0], 3), remark,
        ])  # fmt: skip
    if not any(line[6] for line in table[1:]):
        table = [line[:6] + line[7:] for line in table]
    return table


def _alike(runs: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """The runs, those together that finished with a loss and differ in their seed alone."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for run in runs:
        whole = run["state"] == "finished" and run["loss"] is not None and not run["lacks_final_evaluation"]
        groups.setdefault(_case(run) if whole else f"{run['run']}, by itself", []).append(run)
    return list(groups.values())


def _case(run: Mapping[str, Any]) -> str:
    return str(run["run"]).removesuffix(f"-s{run['seed']}")


BEST = "best"
MOST_OTHERS = 5  # columns of a table that 80 cells hold
LONGEST_METRIC = 24  # cells


def other_lines(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The last values of the metrics that are not among the known ones, a line a run; empty without any."""
    table, more = other_rows(runs)
    if not table:
        return []
    left = [f"  {more:,} more: Live and --json show all"] if more else []
    return ["", columns(table, numeric=range(1, len(table[0]))), *left]


def other_rows(runs: Sequence[Mapping[str, Any]], most: int = MOST_OTHERS) -> tuple[list[list[str]], int]:
    """As `other_lines`, a row a run under a row of names: of `most` metrics, and how many more there are."""
    names = sorted({name for run in runs for name in run["metrics"]} - set(KNOWN))
    if not names:
        return [], 0
    shown = names[:most]
    rows = [[f"  {run['run']}", *(show.value(run["metrics"].get(name)) for name in shown)] for run in runs]
    return [["  last value", *(cut_front(name, LONGEST_METRIC) for name in shown)], *rows], len(names) - len(shown)


def outcome_lines(summary: dict[str, Any]) -> list[str]:
    """Expected against measured, a line for each case and metric; empty without expectations and repeated seeds.

    Nor is it wanted beside a law, without expectations: the table of runs has the means that the law goes through.
    """
    table = outcome_rows(summary)
    if not table:
        return []
    lines = ["", columns(table, numeric=range(2, 8)), f"  {OUTCOME_NOTE}"]
    lines += [f"  {limit}" for limit in known_limits(summary)]
    if summary["about"]["expected"]:
        lines += ["", *textwrap.wrap(" ".join(summary["about"]["expected"].split()), 100)]
    return lines


OUTCOME_NOTE = (
    "measured: mean ± standard deviation over seeds; s.e.: standard error of the mean; "
    "source: the value it reports; CPU: per run, all threads"
)


def outcome_rows(summary: Mapping[str, Any]) -> list[list[str]]:
    """As `outcome_lines`: a row for each case and metric, under a row of names."""
    cases = summary["outcome"]
    promised = any(metric["expected"] or metric["claimed"] for case in cases for metric in case["metrics"].values())
    if not promised and (summary["fit"] or all(len(case["seeds"]) < 2 for case in cases)):
        return []
    table = [["  case", "metric", "measured", "s.e.", "seeds", "expected", "source", "CPU"]]
    for case in cases:
        for metric, value in case["metrics"].items():
            if promised and not (value["expected"] or value["claimed"]) and metric != "gap":
                continue
            mark = {None: " ", True: "✓", False: "✗"}[value["inside"]]
            table.append([
                f"{mark} {case['case']}",
                described(metric).name,
                _spread(value),
                "" if value["sd"] is None else f"{value['sd'] / math.sqrt(len(value['values'])):.4f}",
                str(len(value["values"])),
                f"{value['expected'][0]:.4g} to {value['expected'][1]:.4g}" if value["expected"] else "",
                "" if value["claimed"] is None else format(value["claimed"], ".4g"),
                "" if case["cpu_s"] is None else show.duration(case["cpu_s"]),
            ])  # fmt: skip
    return table


def known_limits(summary: Mapping[str, Any]) -> list[str]:
    """What a synthetic corpus allows at best, in words."""
    corpus = summary["corpus"] or {}
    return [
        f"{name} (closed form of the source): {corpus[key]:.4f}"
        for key, name in (("ceiling", "best possible accuracy"), ("entropy", "lowest possible loss, nats per token"))
        if corpus.get(key) is not None
    ]


def _spread(value: dict[str, Any]) -> str:
    if value["mean"] is None:
        return "–"
    return f"{value['mean']:.4f}" + (f" ± {value['sd']:.4f}" if value["sd"] is not None else "")


def ladder_document(ladder: "Ladder") -> dict[str, Any]:
    """A ladder as `run --dry-run --json` and `ladders --json` print it."""
    return {
        "ladder": ladder.name,
        "path": str(ladder.path),
        "summary": ladder.summary,
        "corpus": ladder.corpus.name,
        "tokenizer": ladder.corpus.tokenizer,
        "seeds": list(ladder.seeds),
        "runs": ladder.runs,
        "source": ladder.source,
        "expected": ladder.expected,
        "probes": list(ladder.probes),
        "rungs": [
            {
                "rung": rung.name,
                "case": rung.case,
                "expected": rung.expected,
                "claimed": rung.claimed,
                "params": rung.count.total,
                "non_embedding": rung.count.non_embedding,
                "tokens": rung.tokens,
                "flops": rung.flops,
                "cost": rung.cost,
                "trunk": rung.trunk and rung.trunk.run,
                "steps": rung.training.steps(rung.architecture.context),
                "lr": None if rung.planned else rung.training.lr,
            }
            for rung in ladder.rungs
        ],
    }


def ladders_table(ladders: "list[Ladder]") -> str:
    """A line for each ladder: rungs, range of N and D, summary."""
    table = [["ladder", "rungs", "N", "D", "summary"]]
    for ladder in ladders:
        sizes = [rung.count.total for rung in ladder.rungs]
        tokens = [rung.tokens for rung in ladder.rungs]
        table.append([ladder.name, str(len(sizes)), _range(sizes), _range(tokens), ladder.summary])
    return columns(table, numeric=(1,))


def _range(values: list[int]) -> str:
    low, high = min(values), max(values)
    return show.count(low) if low == high else f"{show.count(low)} – {show.count(high)}"


def law_plot(sweep: SweepView, fitted: SweepFit | None) -> Figure:
    """The law of a sweep with its points: the best setting of each rung, as the mean over seeds; other runs faint."""
    names, used = labels(sweep), set(fitted.runs if fitted else ())
    points = []
    for point in points_of(sweep.runs):
        if (best := point.best) is not None:
            fitted_to = any(run.name in used for run in best.measured)
            points.append(LawPoint(best.measured, names.get(best.label, best.label), fitted_to))
    return law_figure(sweep, fitted.fit if fitted else None, points)


def law_text(sweep: SweepView, fitted: SweepFit | None) -> Text:
    """The law's coefficients, and predicted against measured; before there is a law, what is missing for one."""
    lines = []
    if fitted is None:
        if sweep.runs and law_of_sweep(sweep):
            finished = sum(run.state == "finished" for run in sweep.runs)
            missing = "fitted once their records are read" if sweep.unread else "too few to fit yet"
            lines.append(f"law: {finished} run{'s' * (finished != 1)} finished, {missing}")
    else:
        coefficients = "  ".join(f"{name} {show.coefficient(value)}" for name, value in fitted.fit.coefficients.items())
        warning = "  ! see 4 Law" if fitted.fit.warnings or loss_warnings(sweep, fitted.runs) else ""
        lines.append(f"law {fitted.fit.law.name} · {points_text(fitted, sweep)} · {coefficients}{warning}")
    if prediction := prediction_summary(sweep):
        interval = show.interval(prediction["predicted"], prediction["low"], prediction["high"])
        text = f"{predicted_text(prediction)}: {interval}"
        if prediction["measured"] is not None:
            error = show.percent(prediction["error"], 1, sign=True)
            text += f" · measured {measured_text(prediction)}, {error}"
        lines.append(text)
    return Text("\n".join(lines))


def promised_text(sweep: SweepView) -> Text:
    """Expected against measured for each case, on one line; empty where the ladder expects nothing."""
    promised = (sweep.document.get("cases") or {}).values()
    if not any(case.get("expected") for case in promised):
        return Text()  # called at every refresh, and most ladders expect nothing
    parts = []
    for case in outcome(sweep):
        for metric, summary in case["metrics"].items():
            if not summary["expected"]:
                continue
            low, high = summary["expected"]
            measured = "–" if summary["mean"] is None else f"{summary['mean']:.4g}"
            if summary["sd"] is not None:
                measured += f" ± {summary['sd']:.2g}"
            sign = {None: "", True: " ✓", False: " ✗"}[summary["inside"]]
            name = described(metric).name
            parts.append(f"{case['case']} {name} {measured} (expected {low:.4g} to {high:.4g}{sign})")
    return Text(" · ".join(parts))
