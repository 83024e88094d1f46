"""The data pipeline of a run as text, for the command `pipeline` and the pipeline screen."""

import textwrap
from typing import TYPE_CHECKING, Any

from scaling_tui.text import show
from scaling_tui.text.columns import columns

if TYPE_CHECKING:
    from scaling_tui.sweeps.data_stages import DataStage


def pipeline_text(run: str, stages: "list[DataStage]") -> str:
    """A paragraph for each stage, with the table of the run's evaluations."""
    text = [f"{run}: the data pipeline in six stages"]
    for number, stage in enumerate(stages, 1):
        text += ["", f"{number} {stage.name}: {stage_size(stage)}"]
        text += textwrap.wrap(stage.says, 100, initial_indent="  ", subsequent_indent="  ")
        if table := stage.detail.get("table"):
            text.append(textwrap.indent(evaluations_text(table), "  "))
    return "\n".join(text)


def stage_size(stage: "DataStage") -> str:
    """The count and unit that come out of a stage."""
    size = "–" if stage.count is None else f"{stage.count:,.4f}" if stage.count % 1 else f"{stage.count:,.0f}"
    return f"{size} {stage.unit}"


def evaluations_text(table: list[dict[str, Any]]) -> str:
    """A line for each evaluation of a run, with an observation."""
    return columns(evaluations_rows(table), numeric=range(5))


def evaluations_rows(table: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """As `evaluations_text`: a row for each evaluation, under a row of names."""
    rows: list[tuple[str, ...]] = [("epoch", "step", "training", "held out", "accuracy", "observation")]
    rows += [
        (
            f"{row['epoch'] or 0:.2f}",
            f"{row['step']:.0f}",
            show.loss(row["loss"]),
            show.loss(row["val_loss"]),
            show.percent(row["val_accuracy"], 1),
            row["observation"],
        )
        for row in table
    ]
    return rows
