"""A dialog that asks for a folder by its path, over the current screen."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Input, Label, Static

from scaling_tui import InputError
from scaling_tui.tui.app_sized import AppSized


class OpenFolder(AppSized, ModalScreen[Path | None]):
    """Returns what `find` makes of the text that was typed, or None for esc.

    `find` returns None where there is nothing, and raises InputError where there is something else; the dialog says so
    and stays.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "back")]
    CSS = """
    OpenFolder {
        align: center middle;
        Vertical { width: 90%; max-width: 100; height: auto; border: round $primary; padding: 0 1; }
        Input { height: 1; border: none; padding: 0; background: $surface; }
        Label, Static { width: 100%; height: auto; }
        #hint { color: $text-muted; }
        #mistake { color: $text-error; display: none; }
        #mistake.-filled { display: block; }
    }
    """

    def __init__(self, question: str, hint: str, find: Callable[[str], Path | None], start: str = "") -> None:
        super().__init__()
        self._question, self._hint, self._find, self._start = question, hint, find, start

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label(self._question)
            yield Input(self._start, id="path", compact=True, select_on_focus=False, suggester=FolderSuggester())
            yield Static(Text(self._hint), id="hint")
            yield Static(id="mistake")

    def on_input_changed(self) -> None:
        self._say("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        typed = event.value.strip()
        try:
            found = self._find(typed)
        except InputError as error:
            self._say(str(error))
            return
        if found is None:
            self._say(f"{typed}: no such folder" if typed else "want the path of a folder")
        else:
            self.dismiss(found)

    def _say(self, text: str) -> None:
        mistake = self.query_one("#mistake", Static)
        mistake.update(Text(text))
        mistake.set_class(bool(text), "-filled")


class FolderSuggester(Suggester):
    """Completes a path to the first folder that begins with it; folders with a dot only once the dot is typed."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        start, _, begun = value.rpartition("/")
        folder = Path(f"{start}/" if "/" in value else ".").expanduser()
        try:
            names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and entry.name.isprintable())
        except (OSError, RuntimeError, ValueError):
            return None
        fitting = [name for name in names if name.startswith(begun) and (begun or not name.startswith("."))]
        return f"{value[: len(value) - len(begun)]}{fitting[0]}/" if fitting and begun else None
