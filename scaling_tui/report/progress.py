"""Shows a sweep while it runs: as progress bars on a terminal, as plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from scaling_tui.runs import RecordedPrediction, RunView, SweepReader, SweepView
from scaling_tui.runs.glance import decided
from scaling_tui.sweeps.events import TROUBLE, events, new_predictions
from scaling_tui.sweeps.time_left import time_left
from scaling_tui.text import show
from scaling_tui.text.columns import cell_len, flush_left
from scaling_tui.text.visible import terminal_of, visible

POLL_S = 0.5
LINE_EVERY_S = 10.0
LEFT_EVERY_S = 2.0


def follow(reader: SweepReader, look: Callable[[SweepView], None] = lambda view: None) -> SweepView:
    """Shows the sweep on stderr until it is over and returns its last view. The caller handles KeyboardInterrupt.

    `look` gets every view.
    """
    out = sys.stderr
    view = decided(reader)
    look(view)
    if is_over(view):
        return view
    with bars(out) if out.isatty() else lines(out) as update:
        while True:
            update(view)
            if is_over(view):
                return view
            time.sleep(POLL_S)
            view = reader.poll()
            look(view)


def is_over(view: SweepView) -> bool:
    """Whether the sweep has stopped changing by itself."""
    return view.state != "running"


@contextmanager
def bars(out: TextIO) -> Iterator[Any]:
    """A bar for each run with loss, tokens/s and time left, and one for the sweep; news is printed above them."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn

    progress = Progress(
        TextColumn("{task.fields[sign]} {task.description}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[share]:>5}"),
        TextColumn("{task.fields[loss]:>7}"),
        TextColumn("{task.fields[speed]:>11}"),
        TextColumn("{task.fields[left]:>9}"),
        console=Console(file=terminal_of(out)),
        auto_refresh=False,
    )
    tasks: dict[str, TaskID] = {}
    began = time.monotonic()
    news = _news()
    left, left_due = "", 0.0

    def update(view: SweepView) -> None:
        nonlocal left, left_due
        if time.monotonic() >= left_due:
            left, left_due = (
                _sweep_left(view).removeprefix("about ").replace(" left", ""),
                time.monotonic() + LEFT_EVERY_S,
            )
        for line in news(view):
            progress.console.print(visible(line), markup=False, highlight=False)
        for run in view.runs:
            if run.name not in tasks:
                tasks[run.name] = progress.add_task(visible(run.name), total=1.0, **_fields(run))  # type: ignore[arg-type]
            progress.update(tasks[run.name], completed=run.progress or 0.0, **_fields(run))  # type: ignore[arg-type]
        if view.name not in tasks:
            blank = dict.fromkeys(("sign", "share", "loss", "speed", "left"), "")
            tasks[view.name] = progress.add_task(visible(view.name), total=1.0, **blank)  # type: ignore[arg-type]
        progress.update(
            tasks[view.name],
            completed=view.progress or 0.0,
            sign=show.SIGNS[view.state],
            share=show.percent(view.progress),
            speed=f"{show.duration(time.monotonic() - began)} elapsed",
            left=left,
        )
        progress.refresh()

    with progress:
        yield update


def _sweep_left(view: SweepView) -> str:
    left = time_left(view)
    return "" if left is None else show.time_left(left.seconds, left.low, left.high)


def _fields(run: RunView) -> dict[str, str]:
    speed = run.curve.last("tokens_per_s") if run.state == "running" else None
    return {
        "sign": show.SIGNS[run.state],
        "share": show.percent(run.progress),
        "loss": show.loss(run.loss) if run.loss else "",
        "speed": f"{show.count(speed)} tok/s" if speed else "",
        "left": show.duration(run.seconds_left) if run.seconds_left is not None else "",
    }


@contextmanager
def lines(out: TextIO) -> Iterator[Any]:
    """A line when a run changes state or is predicted, and every `LINE_EVERY_S` the progress of each live run."""
    states: dict[str, str] = {}
    last_line: dict[str, float] = {}
    news = _news()

    def update(view: SweepView) -> None:
        for line in news(view):
            print(line, file=out, flush=True)
        now = time.monotonic()
        sweep_late = now - last_line.setdefault("", now) >= LINE_EVERY_S
        if sweep_late and (left := _sweep_left(view)):
            print(f"{view.name}: {show.percent(view.progress)}, {left}", file=out, flush=True)
            last_line[""] = now
        for run in view.runs:
            changed = states.get(run.name) != run.state
            late = run.state == "running" and now - last_line.get(run.name, now) >= LINE_EVERY_S
            if (changed and run.state not in ("queued", *TROUBLE)) or late:
                print(_line(run, _name_width(view)), file=out, flush=True)
                last_line[run.name] = now
            states[run.name] = run.state

    yield update


def _news() -> Callable[[SweepView], list[str]]:
    """A function from a view to lines for what is new in it, each once.

    That is: what the sweep waits for, a law with its prediction, a failure.
    """
    before: SweepView | None = None

    def news(view: SweepView) -> list[str]:
        nonlocal before
        text = []
        laws = iter(new_predictions(before, view))
        for event in events(before, view):
            run = view.run(event.run) if event.run is not None else None
            if event.kind == "predicted":
                text.append(_law(next(laws)))
            if event.kind in TROUBLE and run is not None and run.state == event.kind:
                text.append(_line(run, _name_width(view)))
            elif event.kind in (*TROUBLE, "predicted", "waits"):
                text.append(event.text)
        before = view
        return text

    return news


def _law(prediction: RecordedPrediction) -> str:
    values = ", ".join(f"{name} {show.coefficient(value)}" for name, value in prediction.coefficients.items())
    noun = "point" if prediction.averaged else "run"
    return f"law {prediction.law} through {show.counted(len(prediction.points), noun)}: {values}"


def _name_width(view: SweepView) -> int:
    return max(cell_len(run.name) for run in view.runs)


def _line(run: RunView, name_width: int) -> str:
    fields = _fields(run)
    parts = [f"{fields['sign']} {flush_left(run.name, name_width)} {run.state:<8} {fields['share']:>5}"]
    if fields["loss"]:
        parts.append(f"loss {fields['loss']}")
    parts += [fields["speed"]] if fields["speed"] else []
    parts += [f"{fields['left']} left"] if fields["left"] else []
    parts += [run.reason] if run.reason else []
    return "  ".join(parts)
