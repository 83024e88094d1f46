"""The dialog for quitting while a sweep trains."""

from pathlib import Path

from textual.app import App

from scaling_tui import InputError
from scaling_tui.runs import make_request
from scaling_tui.runs.commands import suggested
from scaling_tui.runs.glance import trains
from scaling_tui.runs.liveness import copy_of
from scaling_tui.sweeps.listing import Listing
from scaling_tui.tui.widgets.choose import Choose

PATIENCE_S = 0.3


def training_sweeps(listing: Listing) -> list[Path]:
    """The sweeps that are training, without copies of those elsewhere."""
    try:
        listed = listing.poll(PATIENCE_S)
    except InputError:
        return []  # of a folder that cannot be listed nothing can be stopped
    behind = set(listed.unread)
    found = [Path(row.path) for row in listed.rows if row.trains and not row.copied and row.name not in behind]
    unread = [listing.runs / name for name in listed.unread]
    return found + [path for path in unread if trains(path) and copy_of(path) is None]


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
        try:
            for path in paths:
                make_request(path, "stop")
        except InputError as error:
            app.notify(str(error), severity="error", markup=False)
            return
    names, runs = ", ".join(path.name for path in paths), paths[0].parent
    still, were, them = ("is", "was", "it") if len(paths) == 1 else ("are", "were", "them")
    if answer == "leave":
        stop = ", ".join(suggested(runs, "stop", path.name) for path in paths)
        stops = "stops it" if len(paths) == 1 else "stop them"
        app.exit(message=f"{names} {still} still training; {suggested(runs)} shows {them}, {stop} {stops}")
    elif answer == "stop":
        resume = ", ".join(suggested(runs, "resume", path.name) for path in paths)
        app.exit(message=f"{names} {were} asked to stop; resume with {resume}")
