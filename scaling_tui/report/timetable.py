"""The timetable of a ladder on a cluster, for `run --dry-run --on ray` and `--on slurm`: as text, JSON and a figure."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from scaling_tui.plots.figures import Figure, Series
from scaling_tui.report.dry_run import data_lines
from scaling_tui.report.sweep import ladder_document
from scaling_tui.sweeps.cluster_fit import asked_told
from scaling_tui.sweeps.data_check import DataCheck
from scaling_tui.sweeps.ladder import Ladder
from scaling_tui.sweeps.timetable import Row, Timetable, in_use
from scaling_tui.text import show
from scaling_tui.text.columns import bullet

WIDTH = 80
LEAST_BAR = 12
NAMES = {"ray": "Ray", "slurm": "SLURM"}


def timetable_text(ladder: Ladder, time: Timetable, data: DataCheck | None = None) -> str:
    """The text; without `data` where the corpus could not be read yet."""
    text = [f"{ladder.name} · {ladder.summary}", f"corpus {ladder.corpus.name}, {ladder.corpus.tokenizer} tokens"]
    text += data_lines(data) if data else []
    text += [f"on {NAMES[time.on]}: {time.cluster.told}, from {time.cluster.source}", ""]
    text += _table(ladder, time)
    text.append("")
    for line in _sentences(ladder, time):
        text += textwrap.wrap(line, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return "\n".join(text) + ("\n" + bullet(time.warnings) if time.warnings else "")


def _sentences(ladder: Ladder, time: Timetable) -> Iterator[str]:
    device, runs = time.device, sum(row.runs for row in time.rows)
    used = show.percent(time.utilisation, 0 if time.utilisation >= 0.1 else 1)
    yield (
        f"{show.counted(runs, 'run')} in about {_about(time.makespan)}, up to {time.at_a_time:,} at a time; "
        f"{time.peak:,.4g} of {time.devices:,.6g} {device}s used at once"
    )
    yield (
        f"{_hours(time.busy)} {device}-hours of training, {_hours(time.held)} held by workers; "
        f"{used} of the cluster's time goes into training"
    )
    yield f"limited by {time.bound.told}"
    if time.others:
        yield "; ".join(_with(count, seconds, device) for count, seconds in time.others.items())
    if time.cost:
        held, whole = time.cost
        yield f"cost {_money(held)} for what workers hold, {_money(whole)} for the whole cluster until the end"
    yield time.basis
    yield "each: how long one run trains; C counts matmuls and attention, with a branch's share of its trunk"
    if time.on == "slurm":
        yield "time in SLURM's queue behind other people's jobs is not included"
    if ladder.probes:
        yield "more probes, if the best learning rate is the highest or lowest probed, are not included"


def _about(seconds: float) -> str:
    """A time in the digits that such an estimate is worth."""
    return show.duration(float(f"{seconds:.2g}"))


def _table(ladder: Ladder, time: Timetable) -> list[str]:
    """A line for each rung, with a bar that shows when its runs train."""
    asks = [asked_told(row.asks) for row in time.rows]
    columns = {
        "rung": [row.case for row in time.rows],
        "runs": [f"{row.runs:,}" for row in time.rows],
        "asks": asks,
        "C, FLOPs": [show.scientific(rung.flops) for rung in ladder.rungs],
        "memory": [show.memory(row.memory) for row in time.rows],
        "each": [_each(row) for row in time.rows],
        "from": [show.duration(row.began) for row in time.rows],
        "to": [show.duration(row.ended) for row in time.rows],
    }
    if len(set(asks)) == 1:
        del columns["asks"]
    for spared in ("memory", "C, FLOPs"):  # for the bar
        if spared in columns and WIDTH - sum(map(_width, columns.items())) < LEAST_BAR:
            del columns[spared]
    rows = [list(columns), *zip(*columns.values(), strict=True)]
    sizes = [_width(column) - 2 for column in columns.items()]
    lines = [
        "  ".join(
            cell.ljust(size) if number == 0 else cell.rjust(size)
            for number, (cell, size) in enumerate(zip(cells, sizes, strict=True))
        )
        for cells in rows
    ]
    room = WIDTH - len(lines[0]) - 2
    if room >= LEAST_BAR:
        lines = [f"{line}  {bar}" for line, bar in zip(lines, ["", *_bars(time, room)], strict=True)]
    text = [line.rstrip() for line in lines]
    if len(set(asks)) == 1:
        text.append(f"each run asks for {asks[0]}")
    return text


def _width(column: tuple[str, Sequence[str]]) -> int:
    return max(map(len, (column[0], *column[1]))) + 2


def _each(row: Row) -> str:
    low, high = row.seconds
    if high <= 1.05 * low:
        return show.duration(high)
    return f"{show.duration(low)} – {show.duration(high)}"


def _bars(time: Timetable, width: int) -> list[str]:
    """For each rung a bar over the time of the sweep: full where a run of it trains, else a dot."""
    cells = {row.case: [False] * width for row in time.rows}
    for one in time.course.stints:
        first = int(one.began / time.makespan * width)
        last = max(first + 1, round(one.ended / time.makespan * width))
        cells[one.case][first:last] = [True] * (min(last, width) - first)
    return ["".join("█" if full else "·" for full in cells[row.case]) for row in time.rows]


def _with(count: float, seconds: float | None, device: str) -> str:
    took = f"about {_about(seconds)}" if seconds is not None else "some run fits on no node"
    return f"with {count:,.6g} {device}{'' if count == 1 else 's'}: {took}"


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:,.3g}" if seconds < 3.6e6 else f"{seconds / 3600:,.0f}"


def _money(amount: float) -> str:
    return f"{amount:,.2f}" if amount < 100 else f"{float(f'{amount:.3g}'):,.0f}"


def use_figure(time: Timetable) -> Figure:
    """How many devices are held over the time of the sweep."""
    unit, size = next((name, size) for name, size, until in UNITS if time.makespan < until)
    x: list[float] = []
    y: list[float] = []
    before = 0.0
    for moment, amount in in_use(time.course, time.device == "GPU"):
        if moment > time.makespan:
            break
        x += [moment / size, moment / size]
        y += [before, amount]
        before = amount
    x.append(time.makespan / size)
    y.append(before)
    curve = Series(np.array(x), np.array(y), "primary", name=f"{time.device}s")
    limit = Series(np.array([0.0, x[-1]]), np.full(2, time.devices), "foreground", mark="dotted", weight="faint")
    title = f"{time.device}s held, of {time.devices:,.6g} · x {unit} from the launch"
    return Figure(title, (limit, curve), x_name=unit, y_name=f"{time.device}s")


UNITS = (("seconds", 1.0, 600.0), ("minutes", 60.0, 36_000.0), ("hours", 3600.0, float("inf")))


def timetable_document(ladder: Ladder, time: Timetable, data: DataCheck | None = None) -> dict[str, Any]:
    """The same as JSON: times in seconds from the launch, memory in bytes, devices in device-seconds.

    `data` is null where it could not be read yet.
    """
    document = ladder_document(ladder)
    for rung, row in zip(document["rungs"], time.rows, strict=True):
        rung |= {
            "runs": row.runs, "asks": row.asks.as_json(), "memory": row.memory, "seconds": row.seconds,
            "began": row.began, "ended": row.ended,
        }  # fmt: skip
    return document | {
        "data": asdict(data) if data else None,
        "on": time.on,
        "cluster": {"source": time.cluster.source, "nodes": [asdict(each) for each in time.cluster.nodes]},
        "at_a_time": time.at_a_time,
        "seconds": time.makespan,
        "seconds_from": time.basis,
        "device": time.device,
        "devices": time.devices,
        "most_in_use": time.peak,
        "busy": time.busy,
        "held": time.held,
        "utilisation": time.utilisation,
        "bound": asdict(time.bound),
        "with_devices": [{"devices": count, "seconds": seconds} for count, seconds in time.others.items()],
        "cost": {"held": time.cost[0], "whole": time.cost[1]} if time.cost else None,
        "schedule": [asdict(one) for one in time.course.stints],
        "warnings": list(time.warnings),
    }
