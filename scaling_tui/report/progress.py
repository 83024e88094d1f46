"""Shows a sweep in the terminal while it runs, as bars or as plain lines, and what it came to, as a table."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from scaling_tui.runs import RunView, SweepReader, SweepView
from scaling_tui.text import show
from scaling_tui.text.visible import terminal_of, visible

if TYPE_CHECKING:
    pass


LOOK_S = 0.5
LINE_EVERY_S = 10.0
WENT_WRONG = ("failed", "diverged", "lost")


def follow(reader: SweepReader) -> SweepView:
    """Shows the sweep on stderr until it is over; returns how it ended. KeyboardInterrupt goes to the caller."""
    out = sys.stderr
    view = reader.poll()
    if is_over(view):
        return view
    with bars(out) if out.isatty() else lines(out) as update:
        while True:
            update(view)
            if is_over(view):
                return view
            time.sleep(LOOK_S)
            view = reader.poll()


def is_over(view: SweepView) -> bool:
    """Whether nothing will change by itself any more."""
    return view.state != "running"


@contextmanager
def bars(out: TextIO) -> Iterator[Any]:
    """One bar a run with loss, tokens/s and time left, and one for the sweep; above them what came to be known."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn

    progress = Progress(
        TextColumn("{task.fields[sign]} {task.description}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[loss]:>7}"),
        TextColumn("{task.fields[speed]:>11}"),
        TextColumn("{task.fields[left]:>9}"),
        console=Console(file=terminal_of(out)),
        auto_refresh=False,
    )
    tasks: dict[str, TaskID] = {}
    began = time.monotonic()
    tell = _news()

    def update(view: SweepView) -> None:
        for line in tell(view):
            progress.console.print(visible(line), markup=False, highlight=False)
        for run in view.runs:
            if run.name not in tasks:
                tasks[run.name] = progress.add_task(visible(run.name), total=1.0, sign=" ", loss="", speed="", left="")
            progress.update(tasks[run.name], completed=run.progress, **_fields(run))  # type: ignore[arg-type]
        if view.name not in tasks:
            tasks[view.name] = progress.add_task(visible(view.name), total=1.0, sign=" ", loss="", speed="", left="")
        progress.update(
            tasks[view.name],
            completed=view.progress,
            sign=show.SIGNS[view.state],
            speed=f"{show.duration(time.monotonic() - began)} gone",
            left=show.duration(view.seconds_left) if view.seconds_left is not None else "",
        )
        progress.refresh()

    with progress:
        yield update


def _fields(run: RunView) -> dict[str, str]:
    speed = run.curve.last("tokens_per_s") if run.state == "running" else None
    return {
        "sign": show.SIGNS[run.state],
        "loss": show.loss(run.loss) if run.loss else "",
        "speed": f"{show.count(speed)} tok/s" if speed else "",
        "left": show.duration(run.seconds_left) if run.seconds_left is not None else "",
    }


@contextmanager
def lines(out: TextIO) -> Iterator[Any]:
    """A line when a run changes its state or is foretold, and now and then how far those that train have come."""
    states: dict[str, str] = {}
    spoken: dict[str, float] = {}
    tell = _news()

    def update(view: SweepView) -> None:
        for line in tell(view):
            print(line, file=out, flush=True)
        now = time.monotonic()
        for run in view.runs:
            changed = states.get(run.name) != run.state
            late = run.state == "running" and now - spoken.get(run.name, now) >= LINE_EVERY_S
            if (changed and run.state not in ("queued", *WENT_WRONG)) or late:
                print(_line(run), file=out, flush=True)
                spoken[run.name] = now
            states[run.name] = run.state

    yield update


def _news() -> Callable[[SweepView], list[str]]:
    """A function that gives the lines about what a view shows for the first time: a law and its prediction, a failure.

    They are said once and stay, above bars and among lines alike.
    """
    foretold = 0
    wrong: dict[str, int] = {}

    def tell(view: SweepView) -> list[str]:
        nonlocal foretold
        told = []
        for prediction in view.predictions[foretold:]:
            interval = show.interval(prediction.predicted, prediction.low, prediction.high)
            values = ", ".join(f"{name} {show.coefficient(value)}" for name, value in prediction.coefficients.items())
            told.append(f"law {prediction.law} through {len(prediction.points)} runs: {values}")
            told.append(f"{prediction.run} predicted before it runs: {interval} nats per token")
        foretold = len(view.predictions)
        for run in view.runs:
            if run.state in WENT_WRONG and wrong.get(run.name) != run.attempts:
                wrong[run.name] = run.attempts
                told.append(_line(run))
        return told

    return tell


def _line(run: RunView) -> str:
    fields = _fields(run)
    parts = [f"{fields['sign']} {run.name:<8} {run.state:<8} {show.percent(run.progress):>5}"]
    if fields["loss"]:
        parts.append(f"loss {fields['loss']}")
    parts += [fields["speed"]] if fields["speed"] else []
    parts += [f"{fields['left']} left"] if fields["left"] else []
    parts += [run.reason] if run.reason else []
    return "  ".join(parts)
