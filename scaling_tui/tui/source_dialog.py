"""Asks for a sweep or a file: the sweeps of the folder, what was opened in this session, and a way to open another."""

from collections.abc import Callable, Sequence
from typing import Any, cast

from textual.screen import Screen

from scaling_tui.tui.open_dialog import OpenFile
from scaling_tui.tui.page import Host
from scaling_tui.tui.services.table_form import Opened, OpenedSweep
from scaling_tui.tui.sweep_dialog import choose_sweep

OPEN_FILE = "/"  # an answer that is no sweep: none can be called so; those that are opened files are their paths

Answer = str | Opened


async def choose_source(
    screen: Screen[Any],
    question: str,
    then: Callable[[Answer | None], None],
    *,
    now: str | None = None,
    without: Sequence[str] = (),
    first: Sequence[tuple[str, str]] = (),
    curves: bool = False,
) -> None:
    """Asks over `screen` and calls `then` with the name of a sweep, a key of `first`, what was opened, or None.

    The cursor begins on `now`. Not offered are the sweeps and paths `without`, and, where only what has `curves` is
    asked for, tables. Above all stand the answers `first`, as (key, text).
    """
    app = cast(Host, screen.app)
    files = {
        one.path: one for one in app.opened if one.path not in without and (isinstance(one, OpenedSweep) or not curves)
    }

    def chosen(key: str | None) -> None:
        if key == OPEN_FILE:
            screen.app.push_screen(OpenFile(app.keep, app.slow_link, dialog.typed.strip()), opened)
        else:
            then(files.get(key, key) if key is not None else None)

    def opened(file: Opened | None) -> None:
        if file is not None:
            app.remember(file)
        then(file)

    lines = [*first, *((path, one.name, *one.about) for path, one in files.items())]
    dialog = await choose_sweep(
        screen.app,
        app.listing,
        question,
        chosen,
        now=now,
        without=without,
        first=lines,
        other=(OPEN_FILE, "opens a file"),
    )  # fmt: skip
