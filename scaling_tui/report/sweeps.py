"""Many sweeps as text: a table, and lines to choose from. Needs no NumPy, so that a list is there at once."""

from collections.abc import Mapping, Sequence
from typing import Any

from scaling_tui.sweeps.row import SweepRow
from scaling_tui.text import show
from scaling_tui.text.columns import columns, flush_left

TRAINING_MARK = "*"
ALWAYS = 13  # columns that are there even if all cells are empty


def sweeps_table(sweeps: Sequence[Mapping[str, Any]], now: float) -> str:
    """A line for each sweep, a `sweeps.row.SweepRow` as JSON or a `summary.sweep_summary`; `now` in Unix seconds."""
    table = [[
        "  sweep", "ladder", "state", "done", "best", "largest", "began", "ago", "estimate", "took", "N", "law", "runs",
        "size",
        "left", "tags", "note",
    ]]  # fmt: skip
    for sweep in sweeps:
        states = ", ".join(f"{sweep['states'][state]} {state}" for state in show.SIGNS if sweep["states"].get(state))
        lacking = sweep["lacking"]
        states += f" ({lacking} without a final evaluation)" if lacking else ""
        best, largest = (_marked_loss(sweep[key]) for key in ("best", "largest"))
        began, estimate, size = sweep["created"], sweep["estimate"] or {}, sweep.get("size")
        table.append([
            f"{show.SIGNS[sweep['state']]} {sweep['name']}", sweep["ladder"] or "–", sweep["state"],
            show.percent(sweep["progress"]), best, largest, show.date(began),
            show.ago(began, now), show.duration(estimate.get("seconds")), show.duration(estimate.get("took")),
            show.count(sweep["params"]), sweep["law"] or "–", states,
            "–" if size is None else show.memory(size), _left(sweep.get("left")), " ".join(sweep["tags"]) or "",
            noted(sweep),
        ])  # fmt: skip
    kept = [at for at in range(len(table[0])) if at < ALWAYS or any(row[at] not in ("", "–") for row in table[1:])]
    numeric = [kept.index(at) for at in (3, 4, 5, 8, 9, 10, 13) if at in kept]
    note = "  best: the lowest loss so far; largest: the loss of the largest rung; held out, in nats per token"
    if any(cell.endswith(TRAINING_MARK) for row in table[1:] for cell in row[4:6]):
        note += f"\n  {TRAINING_MARK} training loss: the run recorded no held-out loss"
    return f"{columns([[row[at] for at in kept] for row in table], numeric)}\n{note}"


def _left(left: Mapping[str, float] | None) -> str:
    return "" if left is None else show.time_left(left["seconds"], left["low"], left["high"]).replace(" left", "")


def noted(sweep: Mapping[str, Any], most: int = 60) -> str:
    """The note of a sweep on one line, and whether the sweep is archived."""
    note = " ".join(sweep["note"].split())
    short = note if len(note) <= most else f"{note[: most - 1]}…"
    return " ".join(filter(None, ("(archived)" if sweep["archived"] else "", short)))


def _marked_loss(run: Mapping[str, Any] | None) -> str:
    if run is None or run["loss"] is None:
        return show.loss(None)
    return show.loss(run["loss"]) + (TRAINING_MARK if run["loss_is_held_out"] is False else "")


def choice_line(row: SweepRow, now: float) -> str:
    """A sweep on one line of a list to choose from; what matters least is at the end, where it may be cut off."""
    if row.broken:
        return f"{show.SIGNS['unreadable']} {flush_left(row.name, 24)} {row.broken}"
    began = show.ago(row.created, now)
    best = f"best loss {show.loss(row.best['loss'])}" if row.best else ""
    size = f"N {show.count(row.params)}" if row.params else ""
    tags = " ".join(f"#{tag}" for tag in row.tags)
    law = row.law or ""
    parts = [f"{row.state:<10}", f"{show.counted(row.runs, 'run'):>7}", f"{began:>11}", f"{size:<8}", f"{best:<16}"]
    parts += [law, tags, noted(row.as_json(), 40)]
    return f"{show.SIGNS[row.state]} {flush_left(row.name, 24)} {'  '.join(parts)}".rstrip()


def faults_in_brief(sweep: str, faults: Sequence[str]) -> str:
    """The first of a sweep's faults, and how many more there are; empty without any."""
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{sweep}: {faults[0]}{more}" if faults else ""
