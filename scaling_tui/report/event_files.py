"""Curves as TensorBoard's event files, a folder a run, with a run.json beside that says what they do not."""

import math
from pathlib import Path
from typing import Any

from scaling_tui import InputError
from scaling_tui.runs import RunView, SweepView
from scaling_tui.runs.format import write_json

FACTS = ("rung", "seed", "params", "non_embedding", "tokens", "flops")


def write_event_files(sweep: SweepView, folder: Path) -> None:
    """Makes `folder` with the event files of each run that has records; `import` makes the same curves of them.

    Numbers are kept to the last digit (as tensors of doubles), where TensorBoard's own are rounded to seven.

    Raises:
        InputError: the folder is there already or cannot be written, or tensorboard is not installed.
    """
    try:
        import tensorboard  # noqa: F401
    except ImportError:
        raise InputError(
            "--format tensorboard: needs tensorboard, which is not installed; "
            "run pip install 'scaling-tui[tensorboard]'"
        ) from None
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise InputError(f"--output {folder}: exists already, want a new name") from None
    except OSError as error:
        raise InputError(f"--output {folder}: cannot be written ({error.strerror})") from None
    for run in sweep.runs:
        if len(run.curve):
            (folder / run.name).mkdir()
            _write_events(run, folder / run.name / f"events.out.tfevents.{_began(run):010.0f}.{run.name}")
            facts = {name: value for name in FACTS if (value := getattr(run, name)) is not None}
            write_json(folder / run.name / "run.json", facts | {"state": run.state})


def _began(run: RunView) -> float:
    first = run.curve["time"][0]
    return float(first) if math.isfinite(first) and first > 0 else 0.0


def _write_events(run: RunView, path: Path) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.types_pb2 import DT_DOUBLE
    from tensorboard.summary.writer.record_writer import RecordWriter

    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="scalars"))
    metrics = [name for name in run.curve.metrics if name not in ("step", "time")]
    columns = [run.curve.column(name).tolist() for name in metrics]
    steps, times = run.curve["step"].tolist(), run.curve["time"].tolist()
    with path.open("xb") as file:
        writer = RecordWriter(file)

        def write(**event: Any) -> None:
            writer.write(Event(**event).SerializeToString())

        write(wall_time=_began(run), file_version="brain.Event:2")
        for place, (step, time, *values) in enumerate(zip(steps, times, *columns, strict=True)):
            summary = Summary()
            for name, value in zip(metrics, values, strict=True):
                if not math.isnan(value):
                    tensor = TensorProto(dtype=DT_DOUBLE, double_val=[value])
                    summary.value.append(Summary.Value(tag=name, tensor=tensor, metadata=metadata))
            when = time if math.isfinite(time) else 0.0
            write(wall_time=when, step=place if math.isnan(step) else int(step), summary=summary)
        writer.flush()
