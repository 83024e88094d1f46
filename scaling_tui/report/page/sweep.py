"""The page of a sweep: what the app and the commands show of it, by the same functions, from one reading."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from scaling_tui import InputError
from scaling_tui.plots.curves import Choice, Curves
from scaling_tui.plots.figures import Figure
from scaling_tui.plots.results import metrics_over_size, result_figure
from scaling_tui.report.fit import FitSource, sweep_source
from scaling_tui.report.page.blocks import Block, Bullets, Code, Facts, Page, Paragraph, Plot, Report, Section, Table
from scaling_tui.report.page.law import PageLaw, page_law, valleys
from scaling_tui.report.page.provenance import provenance
from scaling_tui.report.page.repeat import Repeat, repeat
from scaling_tui.report.page.seen import seen
from scaling_tui.report.page.settings import settings
from scaling_tui.report.sweep import (
    BEST,
    OUTCOME_NOTE,
    flops_note,
    known_limits,
    law_plot,
    loss_note,
    measured_text,
    other_rows,
    outcome_rows,
    predicted_text,
    runs_rows,
)
from scaling_tui.runs import SweepView
from scaling_tui.runs.law_points import law_of_sweep
from scaling_tui.runs.metrics import described
from scaling_tui.sweeps.summary import summary
from scaling_tui.sweeps.sweep_fit import fit_beforehand
from scaling_tui.sweeps.time_left import time_left
from scaling_tui.text import show

MOST_FAULTS = 50
OTHERS = 8  # columns of metrics of somebody's own


class _Sections:
    """Sections as they come, and a sentence for each thing that is not there."""

    def __init__(self) -> None:
        self.made: list[Section] = []
        self.missing: list[str] = []

    def add(self, title: str, *blocks: Block) -> None:
        self.made.append(Section(title, blocks))


def of_sweep(sweep: SweepView, now: float, law: str | None = None) -> Report:
    """The page of a sweep as it was read at `now`, in Unix s; `law` is fitted in place of its own.

    A sweep that is over gives the same page whenever it is made.

    Raises:
        InputError: `law` cannot be fitted to it.
    """
    found, page = summary(sweep), _Sections()
    _curves(sweep, page)
    source, fitted = _law(sweep, page, law)
    _prediction(sweep, found, page, told=fitted is not None)
    _outcome(sweep, found, page)
    profiles = valleys(source.points) if source is not None else None
    if profiles is not None:
        page.made.append(profiles[0])
    if rates := [rates["text"] for key in ("best_rate", "rates") if (rates := found[key])]:
        page.add("Learning rates", Bullets(rates))
    _runs(found, page, told=fitted is not None)
    set_up, chosen = settings(sweep)
    if set_up:
        page.add("Settings", *set_up)
    else:
        page.missing.append("There are no settings: no run.json and no sweep.json tells any.")
    origin, again = _provenance(sweep, found, page)
    if sweep.all_faults:
        more = len(sweep.all_faults) - MOST_FAULTS
        faults = [*sweep.all_faults[:MOST_FAULTS], *([f"and {more:,} more"] if more > 0 else [])]
        page.add("Faults in the files", Bullets(faults, warns=True))
    if page.missing:
        page.add("What is not here", Bullets(page.missing))
    says = [*_about(sweep), *_state(sweep, now), *([fitted.sentence] if fitted else []), *_foretold(found)]
    return Report(
        Page(sweep.name, [*_summary(sweep), Paragraph(" ".join(says))], page.made),
        {
            "source": sweep.name,
            "kind": "sweep",
            "as_of": None if _is_over(sweep) else now,
            "says": says,
            "sweep": found,
            "law": fitted.document if fitted else None,
            "isoflop": profiles[1] if profiles else None,
            "tasks": [],
            "settings": chosen,
            "provenance": origin,
            "repeat": {"command": again.command or None, "note": again.note},
            "missing": page.missing,
        },
    )


def _law(sweep: SweepView, page: _Sections, law: str | None) -> tuple[FitSource | None, PageLaw | None]:
    """The points that a law goes through, where there are any, and the law."""
    source, fitted = None, None
    try:
        source = sweep_source(sweep)
        if law or law_of_sweep(sweep):
            fitted = page_law(source, sweep.name, law, sweep.all_faults)
            page.made.append(fitted.section)
        else:
            page.missing.append("There is no law: the ladder fits none.")
    except InputError as error:
        if law:
            raise
        page.missing.append(f"There is no law: {error}.")
    return source, fitted


def _provenance(sweep: SweepView, found: Mapping[str, Any], page: _Sections) -> tuple[dict[str, Any], Repeat]:
    pairs, origin = provenance(sweep, found)
    again = repeat(sweep)
    how: list[Block] = []
    if again.command:
        what = "train" if "ladder" in sweep.document else "import"
        how = [Paragraph(f"The command to {what} it again:"), Code(again.command, "sh")]
        how += [Paragraph(again.note)] if again.note else []
    else:
        page.missing.append(again.note)
    if pairs or how:
        page.add("Provenance", *([Facts(pairs)] if pairs else []), *how)
    return origin, again


def _is_over(sweep: SweepView) -> bool:
    """Whether nothing more is to be expected of it."""
    return bool(sweep.runs) and sweep.state == "finished" and not sweep.trains


def _summary(sweep: SweepView) -> list[Block]:
    text = " ".join(str(sweep.document.get("summary") or "").split())
    return [Paragraph(text)] if text else []


def _about(sweep: SweepView) -> list[str]:
    """What was trained, in a sentence."""
    if not sweep.runs:
        return [f"The sweep {sweep.name} has no runs yet."]
    ladder, corpus = sweep.document.get("ladder"), sweep.document.get("corpus") or {}
    text = show.counted(len(sweep.runs), "run") + (f" of the ladder {ladder}" if ladder else "")
    sizes = _range([run.params for run in sweep.runs])
    text += f": {'a model' if len(sweep.runs) == 1 else 'models'} of {sizes} parameters" if sizes else ""
    if tokens := _range([run.tokens for run in sweep.runs]):
        text += f"{',' if sizes else ':'} trained on {tokens} tokens"
    if corpus.get("name"):
        kind = f" ({corpus['tokenizer']} tokens)" if corpus.get("tokenizer") else ""
        text += f" of the corpus {corpus['name']}{kind}"
    costs = [run.cost for run in sweep.runs]
    total = sum(cost for cost in costs if cost)
    return [f"{text}{f', {show.scientific(total)} FLOPs in all' if total and all(costs) else ''}."]


def _range(values: "list[int | None]") -> str:
    known = [value for value in values if value]
    if not known:
        return ""
    low, high = show.count(min(known)), show.count(max(known))
    return low if low == high else f"{low} to {high}"


def _state(sweep: SweepView, now: float) -> list[str]:
    """How far it is; of one that is not over with the time at which it was read."""
    counted = Counter[str](run.state for run in sweep.runs)
    if _is_over(sweep):
        others = [f"{count} {state}" for state, count in counted.items() if state != "finished"]
        return [f"All have ended: {counted['finished']} finished, {', '.join(others)}." if others else "All finished."]
    states = ", ".join(f"{counted[state]} {state}" for state in show.SIGNS if counted[state])
    reason = f" ({sweep.reason})" if sweep.reason else ""
    text = f"On {show.date_utc(now)} the sweep is {sweep.state}{reason}"
    if not sweep.runs:
        return [f"{text}."]
    time = time_left(sweep)
    left = f", {show.time_left(time.seconds, time.low, time.high)}" if time is not None else ""
    return [f"{text}: {states}; {show.percent(sweep.progress)} of its training is done{left}. All figures are of then."]


def _foretold(found: Mapping[str, Any]) -> list[str]:
    """How the prediction fared, in a sentence."""
    made = found["prediction"]
    if made is None:
        return []
    interval = show.interval(made["predicted"], made["low"], made["high"])
    bounded = made["low"] is not None and made["high"] is not None
    level = f" ({show.percent(made['level'])} interval)" if bounded else ""
    text = f"Before {made['rung']} ran, a loss of {interval}{level} was predicted"
    if made["measured"] is None:
        return [f"{text}; it is not measured yet."]
    away = show.percent(made["error"], 1, sign=True)
    text += f"; {measured_text(made)} was measured, {away} from the prediction"
    if bounded:
        text += f" and {'inside' if made['low'] <= made['measured'] <= made['high'] else 'outside'} the interval"
    return [f"{text}."]


def _curves(sweep: SweepView, page: _Sections) -> None:
    figure = Curves().figure(sweep, Choice())
    if figure.shown():
        page.add("Loss curves", _plot(figure, "Loss curves"))
    else:
        page.missing.append("There are no loss curves: no run has a record yet.")


def _plot(figure: Figure, what: str) -> Plot:
    return Plot(figure, f"{what}: {figure.heading}.", seen(figure))


def _prediction(sweep: SweepView, found: Mapping[str, Any], page: _Sections, told: bool) -> None:
    """The prediction, and what was measured since; `told` is whether a law was told before."""
    made = found["prediction"]
    reasons = [f"{run} is not predicted: {reason}" for run, reason in found["unpredicted"].items()]
    if made is None:
        wanted = (sweep.document.get("fit") or {}).get("predict")
        waits = f"There is no prediction yet: {wanted} is predicted once the smaller rungs have finished."
        none = (
            waits if wanted and not reasons else "There is no prediction: no loss was predicted before its run started."
        )
        page.missing += reasons or [none]
        return
    recorded = sweep.predictions[-1]
    level = f"{show.percent(made['level'])} interval"
    bounded = made["low"] is not None and made["high"] is not None
    ends = f"{show.loss(made['low'])} to {show.loss(made['high'])}" if bounded else "–"
    known = made["measured"] is not None
    inside = ("yes" if made["low"] <= made["measured"] <= made["high"] else "no") if bounded and known else "–"
    row = [
        made["rung"],
        show.loss(made["predicted"]),
        ends,
        measured_text(made) if known else "–",
        show.percent(made["error"], 1, sign=True),
        inside,
        show.percent(made["below"], 1, sign=True),
    ]
    head = ["rung", "predicted", level, "measured", "error", "inside", "from the rung below"]
    values = ", ".join(f"{name} {show.coefficient(value)}" for name, value in recorded.coefficients.items())
    points = ", ".join(
        f"{name} {show.loss(recorded.losses[name])}" if name in recorded.losses else name for name in recorded.points
    )
    begun = sweep.run(recorded.run)
    times = begun.curve["time"].tolist() if begun is not None else []
    facts = [
        ("law", f"{recorded.law}: {values}"),
        ("through", points),
        ("written down", show.date_utc(recorded.time)),
        (
            "first record",
            f"{show.date_utc(float(times[0]))}, of {recorded.run}" if len(times) and times[0] > 0 else "–",
        ),
    ]
    before = fit_beforehand(sweep)
    blocks: list[Block] = [
        Table(predicted_text(made) + (", and what was measured" if known else ""), head, [row], frozenset((1, 4, 6))),
        _plot(law_plot(sweep, before), "Law through the smaller rungs, predicted interval, and measured loss"),
        Facts([pair for pair in facts if pair[1] != "–"]),
    ]
    if found["fit"] and found["fit"]["warnings"]:
        blocks.append(Bullets(found["fit"]["warnings"], warns=True))
    notes = ["the law above also goes through the rung that was predicted here without it"] if known and told else []
    if notes or reasons:
        blocks.append(Bullets([*notes, *reasons]))
    page.add("Prediction beside measurement", *blocks)


def _outcome(sweep: SweepView, found: Mapping[str, Any], page: _Sections) -> None:
    rows = outcome_rows(found)
    expected = " ".join(found["about"]["expected"].split())
    metrics = metrics_over_size(sweep) if rows or not found["fit"] else ()  # beside a law the losses are what counts
    blocks: list[Block] = [Table.of(OUTCOME_NOTE, rows, range(2, 8))] if rows else []
    blocks += [Bullets(limits)] if (limits := known_limits(found)) else []
    blocks += [Paragraph(f"What the ladder expects: {expected}")] if expected else []
    blocks += [_plot(result_figure(sweep, found["outcome"], metric), described(metric).name) for metric in metrics]
    if blocks:
        page.add("Expected and measured" if rows else "What was expected", *blocks)


def _runs(found: Mapping[str, Any], page: _Sections, told: bool) -> None:
    """The table of runs; warnings of what the law leaves out unless they were told with it."""
    runs = found["runs"]
    if not runs:
        page.missing.append("There is no table of runs: the sweep has none.")
        return
    rows = runs_rows(runs)
    caption = f"{loss_note(runs)}; N is every parameter{flops_note(runs)}"
    blocks: list[Block] = [Table.of(caption, rows, range(1, len(rows[0]) - 1))]
    if any(run["best"] for run in runs):
        note = f"{BEST}: the setting of lowest loss at that size and D, the mean over seeds; the law goes through it"
        blocks.append(Paragraph(note))
    others, more = other_rows(runs, OTHERS)
    if others:
        blocks.append(Table.of("Last values of other metrics", others, range(1, len(others[0]))))
    if more:
        blocks.append(Paragraph(f"{show.counted(more, 'more metric')}: scaling-tui attach --json shows all."))
    if found["warnings"] and not told:
        blocks.append(Bullets(found["warnings"], warns=True))
    page.add("Runs", *blocks)
