"""Leaving the app while something trains, and the sweeps that there are to choose from."""

from pathlib import Path

from textual.app import App

from scaling_tui import InputError
from scaling_tui.runs import list_sweeps, make_request
from scaling_tui.runs.glance import glance, trains
from scaling_tui.text import show
from scaling_tui.tui.widgets.choose import Choose


def running(runs: Path) -> list[Path]:
    """The sweeps in `runs` that train."""
    return [path for path in list_sweeps(runs) if trains(path)]


def sweeps(runs: Path) -> list[tuple[str, str]]:
    """Every sweep in `runs`, the latest first, as (name, line) to choose from."""
    found = []
    for path in list_sweeps(runs):
        try:
            view = glance(path)
        except InputError as error:
            found.append((path.name, f"? {path.name:<24} {error}"))
            continue
        losses = [run.loss for run in view.runs if run.loss is not None]
        best = f"best loss {show.loss(min(losses))}" if losses else ""
        line = f"{show.SIGNS[view.state]} {view.name:<24} {view.state:<9} {len(view.runs):>3} runs  {best}"
        found.append((path.name, line.rstrip()))
    return found


def question(paths: list[Path]) -> Choose:
    names = ", ".join(path.name for path in paths)
    which = "it" if len(paths) == 1 else "them"
    return Choose(
        f"{names} {'is' if len(paths) == 1 else 'are'} training. Quit, and …",
        [
            ("leave", f"leave {which} running; scaling-tui shows everything again"),
            ("stop", f"stop {which}: every run writes a checkpoint first and can be resumed"),
            ("cancel", "cancel: stay here"),
        ],
    )


def answered(app: App[None], paths: list[Path], answer: str | None) -> None:
    if answer == "stop":
        for path in paths:
            make_request(path, "stop")
    names = ", ".join(path.name for path in paths)
    if answer == "leave":
        app.exit(message=f"{names} goes on; 'scaling-tui' shows it again, 'scaling-tui stop {paths[0].name}' stops it")
    elif answer == "stop":
        app.exit(message=f"{names} was asked to stop; 'scaling-tui resume {paths[0].name}' goes on with it")
