"""What a launch would train, for `run --dry-run` and the Lab: rungs, sizes, budgets, memory, time."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from scaling_tui.report.sweep import ladder_document
from scaling_tui.sweeps.data_check import DataCheck
from scaling_tui.sweeps.estimate import Estimate
from scaling_tui.sweeps.ladder import Ladder
from scaling_tui.text import show
from scaling_tui.text.columns import flush_left, flush_right


@dataclass(frozen=True)
class RungColumn:
    """A column of the table of rungs. Where not all fit, those with the lowest `priority` are kept."""

    head: str
    cells: tuple[str, ...]
    priority: int

    @property
    def width(self) -> int:
        return max(map(len, (self.head, *self.cells))) + 2


def rungs_table(ladder: Ladder, time: Estimate, width: int | None = None) -> list[str]:
    """A header and a line for each rung, in the columns that fit `width` cells; None fits all."""
    rungs = ladder.rungs
    columns = [
        RungColumn("rung", tuple(rung.case for rung in rungs), 0),
        RungColumn("layers", tuple(str(rung.architecture.layers) for rung in rungs), 6),
        RungColumn("hidden", tuple(str(rung.architecture.hidden) for rung in rungs), 5),
        RungColumn("N", tuple(show.count(rung.count.total) for rung in rungs), 1),
        RungColumn("N non-emb", tuple(show.count(rung.count.non_embedding) for rung in rungs), 7),
        RungColumn("D", tuple(show.count(rung.tokens) for rung in rungs), 2),
        RungColumn("C, FLOPs", tuple(show.scientific(rung.flops) for rung in rungs), 3),
        RungColumn("steps", tuple(str(rung.training.steps(rung.architecture.context)) for rung in rungs), 8),
        RungColumn("lr", tuple("tuned" if rung.planned else f"{rung.training.lr:.2g}" for rung in rungs), 9),
        RungColumn("memory", tuple(map(show.memory, time.memory)), 10),
        RungColumn("time", tuple(show.duration(seconds) for seconds in time.seconds), 4),
    ]
    kept = _fitting(columns, width)
    lines = [[column.head for column in kept], *zip(*(column.cells for column in kept), strict=True)]
    return ["".join(_cell(text, column) for text, column in zip(line, kept, strict=True)) for line in lines]


def _fitting(columns: Sequence[RungColumn], width: int | None) -> list[RungColumn]:
    kept: list[RungColumn] = []
    room = float("inf") if width is None else width
    for column in sorted(columns, key=lambda column: column.priority):
        room -= column.width
        if room < 0 and kept:
            break
        kept.append(column)
    return [column for column in columns if column in kept]


def _cell(text: str, column: RungColumn) -> str:
    return flush_left(text, column.width) if column.priority == 0 else flush_right(text, column.width)


def data_lines(data: DataCheck) -> list[str]:
    """What there is to train on and to hold out, and a line for each thing that is wrong with it."""
    low, high = min(data.epochs.values()), max(data.epochs.values())
    passes = _epochs(high) if f"{low:.2g}" == f"{high:.2g}" else f"{_epochs(low).split()[0]} to {_epochs(high)}"
    held_out = f"{show.count(data.held_out)} held out"
    if data.evaluated < data.held_out:
        held_out += f", {show.count(data.evaluated)} of them per evaluation"
    line = f"data: {show.count(data.train)} training tokens, {held_out} · {passes}"
    if data.documents > 1:
        line += f" · {data.documents:,} documents with {data.separator} between them"
    if data.unread:
        line += f" · {show.counted(data.unread, 'other file')} not read"
    return [line, *(f"warning: {warning}" for warning in data.warnings)]


def _epochs(passes: float) -> str:
    digits = f"{passes:.2g}" if passes < 10 else f"{passes:,.0f}"
    return f"{digits} epoch{'' if digits == '1' else 's'}"


def dry_run_text(ladder: Ladder, time: Estimate, seeds: Sequence[int], data: DataCheck | None = None) -> str:
    """The text of `run --dry-run`; without `data` where the corpus could not be read yet."""
    text = [f"{ladder.name} · {ladder.summary}", f"corpus {ladder.corpus.name}, {ladder.corpus.tokenizer} tokens"]
    text += [*(data_lines(data) if data else []), ""]
    text += rungs_table(ladder, time)
    if len(seeds) > 1:
        text.append(f"each rung with seeds {', '.join(map(str, seeds))}")
    times = {rung.name: rung.runs for rung in ladder.rungs}
    if len(set(times.values())) > 1:
        text.append(", ".join(f"{name} {count} times" for name, count in times.items() if count > 1) + " at each seed")
    elif (count := max(times.values())) > 1:
        text.append(f"each rung {count} times at each seed")
    text.append(f"{in_all(ladder, time, seeds)}; {time.basis}")
    text.append(f"{show.counted(time.at_a_time, 'run')} at a time; memory is that of the {time.memory_of}")
    text.append("C counts matmuls and attention; N is every parameter")
    if ladder.probes:
        text.append(
            f"{', '.join(ladder.probes)} probe {len(ladder.tune.factors if ladder.tune else ())} learning rates; "
            "the other rungs get theirs from the best of these before they are trained"
        )
    if branches := [rung for rung in ladder.rungs if rung.trunk]:
        share = show.percent(_cost(ladder) / sum(rung.flops * rung.runs for rung in ladder.rungs))
        text.append(
            f"{len(branches)} of them branch off a longer run, each with its own cooldown: "
            f"{share} of the cost of training each alone (--set branch=false does that)"
        )
    return "\n".join(text)


def in_all(ladder: Ladder, time: Estimate, seeds: Sequence[int]) -> str:
    """The totals over all rungs and seeds."""
    runs, flops = ladder.runs * len(seeds), show.scientific(_cost(ladder) * len(seeds))
    return f"{runs} runs · C {flops} FLOPs · about {show.duration(time.total)}"


def _cost(ladder: Ladder) -> float:
    return sum(rung.cost * rung.runs for rung in ladder.rungs)


def dry_run_document(ladder: Ladder, time: Estimate, data: DataCheck | None = None) -> dict[str, Any]:
    """The same as JSON: times in seconds, those of rungs at one seed, and memory in bytes.

    `data` is null where it could not be read yet.
    """
    document = ladder_document(ladder)
    for rung, seconds, memory in zip(document["rungs"], time.seconds, time.memory, strict=True):
        rung |= {"seconds": round(seconds, 1), "memory": memory}
    about = {"data": asdict(data) if data else None, "at_a_time": time.at_a_time}
    return document | about | {"seconds": round(time.total, 1), "seconds_from": time.basis}
