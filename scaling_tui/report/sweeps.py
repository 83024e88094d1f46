"""Many sweeps as text: a table, and lines to choose from. Needs no NumPy, so that a list is there at once."""

from collections.abc import Mapping, Sequence
from typing import Any

from scaling_tui.sweeps.row import SweepRow
from scaling_tui.text import show
from scaling_tui.text.columns import columns, cut
from scaling_tui.text.list_columns import ListColumn

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
    return " ".join(filter(None, ("(archived)" if sweep["archived"] else "", cut(note, most))))


def _marked_loss(run: Mapping[str, Any] | None) -> str:
    if run is None or run["loss"] is None:
        return show.loss(None)
    return show.loss(run["loss"]) + (TRAINING_MARK if run["loss_is_held_out"] is False else "")


SWEEP_COLUMNS = (
    ListColumn("sweep", least=14),
    ListColumn("state", 2),
    ListColumn("done", 3, right=True),
    ListColumn("age", 1, right=True),
    ListColumn("N", 4, right=True),
    ListColumn("best", 6, right=True),
    ListColumn("law", 7),
    ListColumn("ladder", 8, least=8),
    ListColumn("tags", 5, least=6),
    ListColumn("corpus", 9, least=8),
    ListColumn("size", 10, right=True),
    ListColumn("note", 11, least=8),
)
# The orders of `sweeps.query` that these columns show.
SORTED_BY = {
    "name": 0, "state": 1, "runs": 2, "latest": 3, "active": 3, "params": 4, "loss": 5, "ladder": 7, "size": 10,
}  # fmt: skip


def sweep_cells(row: SweepRow, now: float) -> tuple[str, ...]:
    """A sweep in the columns of `SWEEP_COLUMNS`; a cell with nothing to tell is empty. `now` in Unix seconds."""
    if row.broken:
        return (row.name, row.state, *[""] * (len(SWEEP_COLUMNS) - 3), row.broken)
    return (
        row.name,
        row.state,
        f"{row.states.get('finished', 0)}/{row.runs}" if row.runs else "",
        show.ago(row.created, now).removesuffix(" ago") if row.created else "",
        show.count(row.params) if row.params else "",
        _marked_loss(row.best) if row.best and row.best["loss"] is not None else "",
        row.law or "",
        row.ladder or "",
        " ".join(row.tags),
        row.corpus or "",
        disk_size(row.size),
        noted(row.as_json(), 80),
    )


def disk_size(size: int | None) -> str:
    """Bytes on disk; empty where nobody asked."""
    return "" if size is None else "<1 MB" if size < 1e6 else show.memory(size)


def sweep_about(row: SweepRow, now: float) -> list[str]:
    """What else there is to tell of a sweep, in up to three lines."""
    if row.broken:
        return [row.broken]
    states = ", ".join(f"{row.states[state]} {state}" for state in show.SIGNS if row.states.get(state))
    largest = f"largest {_marked_loss(row.largest)}" if row.largest and row.largest["loss"] is not None else ""
    size = disk_size(row.size)
    times = f"began {show.date(row.created)}" if row.created else ""
    active = f"last written {show.ago(row.active, now)}" if row.active else ""
    where = "copy of a sweep elsewhere" if row.copied else ""
    facts = (states, largest, row.ladder and f"ladder {row.ladder}", row.corpus and f"corpus {row.corpus}", size)
    told = [" · ".join(filter(None, [*facts, times, active, where]))]
    if row.tags:
        told.append("tags: " + " ".join(row.tags))
    fault = faults_in_brief(row.name, row.faults) or row.reason
    if fault or row.note or row.archived:
        told.append(" · ".join(filter(None, (noted(row.as_json(), 400), fault))))
    return told


def faults_in_brief(sweep: str, faults: Sequence[str]) -> str:
    """The first of a sweep's faults, and how many more there are; empty without any."""
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{sweep}: {faults[0]}{more}" if faults else ""
