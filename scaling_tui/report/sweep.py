"""A sweep as text: what its runs came to, its law, its prediction; and tables of sweeps and ladders."""

import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from scaling_tui.plots.results import NAMES
from scaling_tui.runs import SweepView
from scaling_tui.sweeps.results import outcome
from scaling_tui.sweeps.summary import prediction_summary
from scaling_tui.sweeps.sweep_fit import SweepFit
from scaling_tui.text import show

if TYPE_CHECKING:
    from scaling_tui.sweeps.ladder import Ladder


def report(found: dict[str, Any]) -> str:
    """The text of `scaling_tui.sweeps.summary.summary`: runs, law, predicted against measured."""
    corpus = found["corpus"] or {}
    head = f"{found['sweep']} · {found['state']}" + (f" ({found['reason']})" if found["reason"] else "")
    text = [head]
    if corpus:
        text.append(
            f"corpus {corpus['name']}: {corpus['source']}, sha256 {corpus['sha256'][:12]}, {corpus['tokenizer']} tokens"
        )
    text += ["", f"  {'run':<10}{'N':>8}{'N non-emb':>11}{'D':>8}{'C, FLOPs':>10}{'loss':>9}{'bits/byte':>11}"]
    for run in found["runs"]:
        row = f"{show.SIGNS[run['state']]} {run['run']:<10}{show.count(run['params']):>8}"
        row += f"{show.count(run['non_embedding']):>11}"
        row += f"{show.count(run['tokens']):>8}{show.scientific(run['flops']):>10}{show.loss(run['loss']):>9}"
        row += f"{show.loss(run['bpb'], 3):>11}"
        text.append(
            row
            + (f"  {run['state']}" if run["state"] != "finished" else "")
            + (f": {run['reason']}" if run["reason"] else "")
        )
    text.append("  loss is held out, in nats per token; N is every parameter; C counts matmuls and attention")
    text += outcome_lines(found)
    if fit := found["fit"]:
        coefficients = ", ".join(f"{name} {show.coefficient(value)}" for name, value in fit["coefficients"].items())
        text += ["", f"law {fit['law']} through {len(fit['points'])} runs, N {fit['convention']}: {coefficients}"]
        for name, values in fit["conventions"].items():
            if name != fit["convention"]:
                shown = ", ".join(f"{key} {show.coefficient(value)}" for key, value in values.items())
                text.append(f"  under N {name}: {shown}")
        text += [f"  warning: {warning}" for warning in fit["warnings"]]
    if prediction := found["prediction"]:
        interval = show.interval(prediction["predicted"], prediction["low"], prediction["high"])
        text.append(f"{prediction['rung']} predicted before it ran: {interval} at {show.percent(prediction['level'])}")
        if prediction["measured"] is not None:
            within = ""
            if prediction["low"] is not None:
                inside = prediction["low"] <= prediction["measured"] <= prediction["high"]
                within = f", {'inside' if inside else 'outside'} the interval"
            text.append(
                f"{prediction['rung']} measured: {show.loss(prediction['measured'])}, "
                f"{show.percent(prediction['error'], 1, sign=True)} from the prediction{within}; "
                f"{show.percent(prediction['below'], 1, sign=True)} from the loss of the rung below"
            )
    return "\n".join(text)


METRIC_NAMES = {"val_loss": "loss", "val_accuracy": "accuracy", "exact_match": "exact match", "bpb": "bits/byte"}


def outcome_lines(found: dict[str, Any]) -> list[str]:
    """What the ladder expected beside what came out, a line a case and metric; nothing where neither is more to say."""
    cases = found["outcome"]
    told = any(metric["expected"] or metric["claimed"] for case in cases for metric in case["metrics"].values())
    if not told and all(len(case["seeds"]) < 2 for case in cases):
        return []
    rows = ["", f"  {'case':<16}{'metric':<13}{'measured':>20}{'seeds':>7}{'expected':>18}{'source':>9}{'CPU':>12}"]
    for case in cases:
        for metric, value in case["metrics"].items():
            if told and not (value["expected"] or value["claimed"]) and metric != "gap":
                continue
            band = f"{value['expected'][0]:.4g} to {value['expected'][1]:.4g}" if value["expected"] else ""
            mark = {None: " ", True: "✓", False: "✗"}[value["inside"]]
            rows.append(
                f"{mark} {case['case']:<16}{METRIC_NAMES.get(metric, metric):<13}{_spread(value):>20}"
                f"{len(value['values']):>7}"
                f"{band:>18}{'' if value['claimed'] is None else format(value['claimed'], '.4g'):>9}"
                f"{'' if case['cpu_s'] is None else show.duration(case['cpu_s']):>12}"
            )
    rows.append("  measured: mean ± standard deviation over seeds; source: what it says itself; CPU a run, all threads")
    for key, what in (("ceiling", "best possible accuracy"), ("entropy", "least possible loss, nats per token")):
        if (found["corpus"] or {}).get(key) is not None:
            rows.append(f"  {what} (closed form of the source): {found['corpus'][key]:.4f}")
    if found["about"]["expected"]:
        rows += ["", *textwrap.wrap(" ".join(found["about"]["expected"].split()), 100)]
    return rows


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
        "source": ladder.source,
        "expected": ladder.expected,
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
                "lr": rung.training.lr,
            }
            for rung in ladder.rungs
        ],
    }


def ladders_table(found: "list[Ladder]") -> str:
    rows = [f"{'ladder':<16}{'rungs':>6}  {'N':<16}{'D':<14}summary"]
    for ladder in found:
        sizes = [rung.count.total for rung in ladder.rungs]
        tokens = [rung.tokens for rung in ladder.rungs]
        rows.append(f"{ladder.name:<16}{len(sizes):>6}  {_range(sizes):<16}{_range(tokens):<14}{ladder.summary}")
    return "\n".join(rows)


def _range(values: list[int]) -> str:
    low, high = min(values), max(values)
    return show.count(low) if low == high else f"{show.count(low)} – {show.count(high)}"


def sweeps_table(sweeps: Sequence[Mapping[str, Any]], now: float) -> str:
    """The sweeps of `scaling_tui.sweeps.summary.sweep_summary`, a line each; `now` in Unix seconds."""
    rows = [
        f"  {'sweep':<20}{'ladder':<16}{'state':<9}{'done':>6}{'best':>9}{'largest':>9}  {'began':<18}{'ago':<12}runs"
    ]
    for sweep in sweeps:
        counted = Counter[str](run["state"] for run in sweep["runs"])
        states = ", ".join(f"{counted[state]} {state}" for state in show.SIGNS if counted[state])
        best, largest = ((sweep[key] or {}).get("loss") for key in ("best", "largest"))
        began = sweep["created"]
        rows.append(
            f"{show.SIGNS[sweep['state']]} {sweep['name']:<19} {sweep['ladder'] or '–':<15} {sweep['state']:<9}"
            f"{show.percent(sweep['progress']):>6}{show.loss(best):>9}{show.loss(largest):>9}"
            f"  {show.date(began):<18}{show.ago(began, now):<12}{states}"
        )
    rows.append("  best: the lowest loss so far; largest: that of the largest rung; held out, in nats per token")
    return "\n".join(rows)


def law_text(sweep: SweepView, fitted: SweepFit | None) -> Text:
    """The law's coefficients, and predicted against measured; before there is a law, what it waits for."""
    lines = []
    if fitted is None:
        if sweep.document.get("fit"):
            finished = sum(run.state == "finished" for run in sweep.runs)
            wanting = "fitted once their records are read" if sweep.unread else "too few to fit yet"
            lines.append(f"law: {finished} runs finished, {wanting}")
    else:
        coefficients = "  ".join(f"{name} {show.coefficient(value)}" for name, value in fitted.fit.coefficients.items())
        doubt = "  ! see 4 Law" if fitted.fit.warnings else ""
        lines.append(f"law {fitted.fit.law.name} · {len(fitted.runs)} runs · {coefficients}{doubt}")
    found = prediction_summary(sweep)
    if found:
        interval = show.interval(found["predicted"], found["low"], found["high"])
        text = f"{found['rung']} predicted before it ran: {interval}"
        if found["measured"] is not None:
            text += f" · measured {show.loss(found['measured'])}, {show.percent(found['error'], 1, sign=True)}"
        lines.append(text)
    return Text("\n".join(lines))


def promised_text(sweep: SweepView) -> Text:
    """What the ladder expects of each case beside what came out, in a line; nothing where it promises nothing."""
    promised = (sweep.document.get("cases") or {}).values()
    if not any(case.get("expected") for case in promised):
        return Text()  # this is asked at every look, and most ladders promise nothing
    parts = []
    for case in outcome(sweep):
        for metric, found in case["metrics"].items():
            if not found["expected"]:
                continue
            low, high = found["expected"]
            measured = "–" if found["mean"] is None else f"{found['mean']:.4g}"
            if found["sd"] is not None:
                measured += f" ± {found['sd']:.2g}"
            sign = {None: "", True: " ✓", False: " ✗"}[found["inside"]]
            name = NAMES.get(metric, "loss")
            parts.append(f"{case['case']} {name} {measured} (expected {low:.4g} to {high:.4g}{sign})")
    return Text(" · ".join(parts))
