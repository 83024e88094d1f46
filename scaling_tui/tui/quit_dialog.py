"""The dialogs for quitting while a sweep trains and for choosing a sweep."""

from pathlib import Path

from textual.app import App

from scaling_tui import InputError
from scaling_tui.runs import list_sweeps, make_request
from scaling_tui.runs.glance import glance, trains
from scaling_tui.runs.liveness import copy_of
from scaling_tui.text import show
from scaling_tui.tui.widgets.choose import Choose


def training_sweeps(runs: Path) -> list[Path]:
    """The sweeps in `runs` that are training, without copies of those elsewhere."""
    try:
        return [path for path in list_sweeps(runs) if trains(path) and copy_of(path) is None]
    except InputError:
        return []  # of a folder that cannot be listed nothing can be stopped


def sweep_choices(runs: Path) -> list[tuple[str, str]]:
    """Every sweep in `runs`, the latest first, as (name, line) for `Choose`."""
    choices: list[tuple[str, str]] = []
    try:
        paths = list_sweeps(runs)
    except InputError:
        return choices
    for path in paths:
        try:
            view = glance(path)
        except InputError as error:
            choices.append((path.name, f"? {path.name:<24} {error}"))
            continue
        losses = [run.loss for run in view.runs if run.loss is not None]
        best = f"best loss {show.loss(min(losses))}" if losses else ""
        line = f"{show.SIGNS[view.state]} {view.name:<24} {view.state:<9} {len(view.runs):>3} runs  {best}"
        choices.append((path.name, line.rstrip()))
    return choices


def quit_question(paths: list[Path]) -> Choose:
    names = ", ".join(path.name for path in paths)
    single = len(paths) == 1
    them = "it" if single else "them"
    return Choose(
        f"{names} {'is' if single else 'are'} training. Quit?",
        [
            ("leave", f"Quit and leave {them} running"),
            ("stop", f"Stop {them} and quit; every run writes a checkpoint first and can be resumed"),
            ("cancel", "Cancel"),
        ],
    )


def act_on_answer(app: App[None], paths: list[Path], answer: str | None) -> None:
    if answer == "stop":
        for path in paths:
            make_request(path, "stop")
    first, names = paths[0].name, ", ".join(path.name for path in paths)
    still, were = ("is", "was") if len(paths) == 1 else ("are", "were")
    if answer == "leave":
        app.exit(message=f"{names} {still} still training; 'scaling-tui' shows it, 'scaling-tui stop {first}' stops it")
    elif answer == "stop":
        app.exit(message=f"{names} {were} asked to stop; resume with 'scaling-tui resume {first}'")
