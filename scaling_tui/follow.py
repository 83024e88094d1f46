"""Shows a sweep in the terminal while it runs, as bars or as plain lines, and what it came to, as a table."""

import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from scaling_tui import show
from scaling_tui.runs import RunView, SweepReader, SweepView

if TYPE_CHECKING:
    from scaling_tui.sweep import Ladder

LOOK_S = 0.5
LINE_EVERY_S = 10.0
WENT_WRONG = ("failed", "diverged", "lost")


def follow(reader: SweepReader) -> SweepView:
    """Shows the sweep on stderr until it is over; returns how it ended. KeyboardInterrupt goes to the caller."""
    out = sys.stderr
    view = reader.poll()
    if is_over(view):
        return view
    with bars(out) if out.isatty() else lines(out) as update:
        while True:
            update(view)
            if is_over(view):
                return view
            time.sleep(LOOK_S)
            view = reader.poll()


def is_over(view: SweepView) -> bool:
    """Whether nothing will change by itself any more."""
    return view.state != "running"


@contextmanager
def bars(out: TextIO) -> Iterator[Any]:
    """One bar a run with loss, tokens/s and time left, and one for the sweep; above them what came to be known."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn

    progress = Progress(
        TextColumn("{task.fields[sign]} {task.description}"),
        BarColumn(bar_width=None),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[loss]:>7}"),
        TextColumn("{task.fields[speed]:>11}"),
        TextColumn("{task.fields[left]:>9}"),
        console=Console(file=out),
        auto_refresh=False,
    )
    tasks: dict[str, TaskID] = {}
    began = time.monotonic()
    tell = _news()

    def update(view: SweepView) -> None:
        for line in tell(view):
            progress.console.print(line, markup=False, highlight=False)
        for run in view.runs:
            if run.name not in tasks:
                tasks[run.name] = progress.add_task(run.name, total=1.0, sign=" ", loss="", speed="", left="")
            progress.update(tasks[run.name], completed=run.progress, **_fields(run))  # type: ignore[arg-type]
        if view.name not in tasks:
            tasks[view.name] = progress.add_task(view.name, total=1.0, sign=" ", loss="", speed="", left="")
        progress.update(
            tasks[view.name],
            completed=view.progress,
            sign=show.SIGNS[view.state],
            speed=f"{show.duration(time.monotonic() - began)} gone",
            left=show.duration(view.seconds_left) if view.seconds_left is not None else "",
        )
        progress.refresh()

    with progress:
        yield update


def _fields(run: RunView) -> dict[str, str]:
    speed = run.curve.last("tokens_per_s") if run.state == "running" else None
    return {
        "sign": show.SIGNS[run.state],
        "loss": show.loss(run.loss) if run.loss else "",
        "speed": f"{show.count(speed)} tok/s" if speed else "",
        "left": show.duration(run.seconds_left) if run.seconds_left is not None else "",
    }


@contextmanager
def lines(out: TextIO) -> Iterator[Any]:
    """A line when a run changes its state or is foretold, and now and then how far those that train have come."""
    states: dict[str, str] = {}
    spoken: dict[str, float] = {}
    tell = _news()

    def update(view: SweepView) -> None:
        for line in tell(view):
            print(line, file=out, flush=True)
        now = time.monotonic()
        for run in view.runs:
            changed = states.get(run.name) != run.state
            late = run.state == "running" and now - spoken.get(run.name, now) >= LINE_EVERY_S
            if (changed and run.state not in ("queued", *WENT_WRONG)) or late:
                print(_line(run), file=out, flush=True)
                spoken[run.name] = now
            states[run.name] = run.state

    yield update


def _news() -> Callable[[SweepView], list[str]]:
    """A function that gives the lines about what a view shows for the first time: a law and its prediction, a failure.

    They are said once and stay, above bars and among lines alike.
    """
    foretold = 0
    wrong: dict[str, int] = {}

    def tell(view: SweepView) -> list[str]:
        nonlocal foretold
        told = []
        for prediction in view.predictions[foretold:]:
            interval = show.interval(prediction.predicted, prediction.low, prediction.high)
            values = ", ".join(f"{name} {show.coefficient(value)}" for name, value in prediction.coefficients.items())
            told.append(f"law {prediction.law} through {len(prediction.points)} runs: {values}")
            told.append(f"{prediction.run} predicted before it runs: {interval} nats per token")
        foretold = len(view.predictions)
        for run in view.runs:
            if run.state in WENT_WRONG and wrong.get(run.name) != run.attempts:
                wrong[run.name] = run.attempts
                told.append(_line(run))
        return told

    return tell


def _line(run: RunView) -> str:
    fields = _fields(run)
    parts = [f"{fields['sign']} {run.name:<8} {run.state:<8} {show.percent(run.progress):>5}"]
    if fields["loss"]:
        parts.append(f"loss {fields['loss']}")
    parts += [fields["speed"]] if fields["speed"] else []
    parts += [f"{fields['left']} left"] if fields["left"] else []
    parts += [run.reason] if run.reason else []
    return "  ".join(parts)


def report(found: dict[str, Any]) -> str:
    """The text of `scaling_tui.sweep.summary.summary`: runs, law, predicted against measured."""
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
                f"{show.share(prediction['error'])} from the prediction{within}; "
                f"{show.share(prediction['below'])} from the loss of the rung below"
            )
    return "\n".join(text)


NAMES = {"val_loss": "loss", "val_accuracy": "accuracy", "exact_match": "exact match", "bpb": "bits/byte"}


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
                f"{mark} {case['case']:<16}{NAMES.get(metric, metric):<13}{_spread(value):>20}{len(value['values']):>7}"
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
    """The sweeps of `scaling_tui.sweep.summary.sweep_summary`, a line each; `now` in Unix seconds."""
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
