"""The page of a table of runs: its law, its isoFLOP profiles, its tasks, its points."""

import hashlib
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scaling_tui import InputError, __version__
from scaling_tui.laws.fitting.points import Points
from scaling_tui.laws.fitting.tables import TableOptions
from scaling_tui.laws.fitting.task_columns import tasks_of
from scaling_tui.report.fit import DRAWS, FitSource, table_source
from scaling_tui.report.page.blocks import (
    Block,
    Bullets,
    Code,
    Facts,
    Page,
    Paragraph,
    Plot,
    Report,
    Section,
    Table,
)
from scaling_tui.report.page.law import page_law, valleys
from scaling_tui.report.page.seen import seen
from scaling_tui.report.tasks import fit_task_source
from scaling_tui.tables.read import read_table
from scaling_tui.tables.source import STDIN
from scaling_tui.text import show

MOST_ROWS = 1_000
MOST_TASKS = 8


def of_table(source: str, options: TableOptions, law: str | None, given: Sequence[str]) -> Report:
    """The page of a table; `given` are the options of the command, to say it again.

    Raises:
        InputError: as `fit` of the table.
    """
    loaded = table_source(source, options)
    fitted = page_law(loaded, source, law)
    profiles = valleys(loaded.points)
    tasks, found, missing = _tasks(source, options)
    sections = [fitted.section, *([profiles[0]] if profiles else []), *tasks, Section("Points", _points(loaded))]
    name = "standard input" if source == STDIN else Path(source).name
    digest = "" if source == STDIN else _sha256(Path(source))
    command = shlex.join(["scaling-tui", "report", *given, *(["--", source] if source.startswith("-") else [source])])
    pairs = [
        ("table", name if source == STDIN else source),
        ("sha256", digest),
        ("program", f"scaling-tui {__version__}"),
    ]
    pairs += [(role, column) for role, column in loaded.columns.items()]
    blocks: list[Block] = [Facts([pair for pair in pairs if pair[1]])]
    shown = source != STDIN and command.isprintable()
    if shown:
        blocks += [Paragraph("The command to make this page again:"), Code(command, "sh")]
    sections.append(Section("Provenance", blocks))
    missing = ["There are no loss curves and no predictions: a table holds results alone.", *missing]
    sections.append(Section("What is not here", [Bullets(missing)]))
    about = _about(loaded.points, name)
    return Report(
        Page(name, [Paragraph(f"{about} {fitted.sentence}")], sections),
        {
            "source": source,
            "kind": "table",
            "as_of": None,
            "says": [about, fitted.sentence],
            "sweep": None,
            "law": fitted.document,
            "isoflop": profiles[1] if profiles else None,
            "tasks": found,
            "settings": None,
            "provenance": {"sha256": digest or None, "columns": dict(loaded.columns)},
            "repeat": {"command": command if shown else None, "note": ""},
            "missing": missing,
        },
    )


def _tasks(source: str, options: TableOptions) -> tuple[list[Section], list[dict[str, Any]], list[str]]:
    """A section for each task of the table, as `fit --task` tells it; the same for JSON; and what cannot be told."""
    names = [] if source == STDIN else list(tasks_of(list(read_table(source).columns)))
    sections, documents, missing = [], [], []
    for name in names[:MOST_TASKS]:
        try:
            document, text, figure = fit_task_source(
                source, name, law=None, draws=DRAWS, level=0.9, delta=None, predict=None, table=options
            )
        except InputError as error:
            missing.append(f"There is no task {name}: {error}.")
            continue
        drawn = figure()
        blocks: list[Block] = [Code(text), Plot(drawn, f"{drawn.heading}.", seen(drawn))]
        if document["warnings"]:
            blocks.append(Bullets(document["warnings"], warns=True))
        sections.append(Section(f"Task {name}", blocks))
        documents.append(document)
    if len(names) > MOST_TASKS:
        missing.append(f"{show.counted(len(names) - MOST_TASKS, 'more task')}: scaling-tui fit --task NAME fits one.")
    return sections, documents, missing


def _about(points: Points, name: str) -> str:
    text = f"{show.counted(len(points), 'run')} of the table {name}"
    for column, what in (("params", "parameters"), ("tokens", "tokens"), ("flops", "FLOPs")):
        values: Any = getattr(points, column)
        if values is not None and len(values):
            write = show.scientific if column == "flops" else show.count
            low, high = write(float(values.min())), write(float(values.max()))
            text += f", {low if low == high else f'{low} to {high}'} {what}"
    return f"{text}."


def _points(loaded: FitSource) -> list[Block]:
    """The points that the law went through, and what was left out or computed."""
    points = loaded.points
    kept = min(len(points), MOST_ROWS)
    columns: list[tuple[str, list[str]]] = []
    if any(points.labels):
        columns.append(("run", list(points.labels[:kept])))
    else:
        columns.append(("point", [str(number) for number in range(1, kept + 1)]))
    for name, title, write in (
        ("params", "N", show.count), ("non_embedding", "N non-emb", show.count), ("tokens", "D", show.count),
        ("unique_tokens", "U", show.count), ("flops", "C, FLOPs", show.scientific), ("loss", "loss", show.loss),
    ):  # fmt: skip
        values = getattr(points, name)
        if values is not None:
            columns.append((title, [write(value) for value in values[:kept].tolist()]))
    rows = list(zip(*(cells for _, cells in columns), strict=True))
    head = [title for title, _ in columns]
    blocks: list[Block] = [Table("loss as the table gives it", head, rows, frozenset(range(1, len(head))))]
    if kept < len(points):
        blocks.append(Paragraph(f"{show.counted(len(points) - kept, 'more point')} are not listed."))
    notes = [*loaded.derived, *(f"row {item.row} left out: {item.why}" for item in loaded.left_out[:20])]
    if len(loaded.left_out) > 20:
        notes.append(f"{show.counted(len(loaded.left_out) - 20, 'more row')} left out")
    return [*blocks, Bullets(notes)] if notes else blocks


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
