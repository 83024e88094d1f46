"""The data pipeline of a run as text, for the command `pipeline` and the pipeline screen."""

import textwrap
from typing import TYPE_CHECKING, Any

from scaling_tui.text import show

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
    text = [f"{'epoch':>7}{'step':>8}{'training':>10}{'held out':>10}{'accuracy':>10}  observation"]
    for row in table:
        accuracy = show.percent(row["val_accuracy"], 1)
        text.append(
            f"{row['epoch'] or 0:>7.2f}{row['step']:>8.0f}{show.loss(row['loss']):>10}"
            f"{show.loss(row['val_loss']):>10}{accuracy:>10}  {row['observation']}"
        )
    return "\n".join(text)
