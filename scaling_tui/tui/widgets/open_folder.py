"""A dialog that asks for a folder by its path, over the current screen."""

import os
from asyncio import to_thread
from collections.abc import Callable
from pathlib import Path

from textual.suggester import Suggester

from scaling_tui import InputError
from scaling_tui.tui.widgets.ask import Ask


class OpenFolder(Ask[Path]):
    """Returns what `find` makes of the text that was typed, or None for esc.

    `find` returns None where there is nothing, and raises InputError where there is something else; the dialog says so
    and stays.
    """

    def __init__(self, question: str, hint: str, find: Callable[[str], Path | None], start: str = "") -> None:
        def read(typed: str) -> Path:
            found = find(typed)
            if found is None:
                raise InputError(f"{typed}: no such folder" if typed else "want the path of a folder")
            return found

        super().__init__(question, hint, read, start, FolderSuggester(), "path")


class FolderSuggester(Suggester):
    """Completes a path to the first folder that begins with it; folders with a dot only once the dot is typed."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        return await to_thread(_first_folder, value)


def _first_folder(value: str) -> str | None:
    start, _, begun = value.rpartition("/")
    if not begun:
        return None
    try:
        folder = Path(f"{start}/" if "/" in value else ".").expanduser()
        names = [entry.name for entry in os.scandir(folder) if entry.name.startswith(begun) and entry.is_dir()]
    except (OSError, RuntimeError, ValueError):
        return None
    first = min((name for name in names if name.isprintable()), default=None)
    return None if first is None else f"{value[: len(value) - len(begun)]}{first}/"
