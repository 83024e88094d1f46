"""A dialog that opens a file of one's own: a table of runs, a sweep that lies elsewhere, or logs of a training."""

from asyncio import to_thread
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Input, Label, OptionList
from textual.widgets.option_list import Option

from scaling_tui import InputError
from scaling_tui.text.visible import visible
from scaling_tui.tui.app_sized import AppSized
from scaling_tui.tui.services.table_form import Opened, completions, open_file
from scaling_tui.tui.widgets.options import Options
from scaling_tui.tui.widgets.text import PlainText


class PathSuggester(Suggester):
    """Goes on with a path while only one name can follow."""

    async def get_suggestion(self, value: str) -> str | None:
        names = await to_thread(completions, value) if value else ()
        return names[0] if len(names) == 1 else None


class OpenFile(AppSized, ModalScreen[Opened | None]):
    """Asks for a path and options until what lies there can be read; returns it, or None for esc.

    Logs become a sweep in the folder `keep`.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "back"),
        Binding("down", "names", "names", show=False),
    ]
    CSS = """
    OpenFile {
        align: center middle;
        Vertical { width: 90%; max-width: 100; height: auto; max-height: 90%; border: round $primary; padding: 0 1; }
        Input { margin: 0; }
        OptionList { height: auto; max-height: 8; border: none; }
        Option { text-wrap: nowrap; }
        #problem { height: auto; color: $text-error; text-style: bold; }
        .hint { color: $text-muted; }
    }
    """

    def __init__(self, keep: Path, slow_link: bool = False, typed: str = "") -> None:
        super().__init__()
        self._keep, self._typed = keep, typed
        self._slow_link = slow_link
        self._reading = False
        self._names: Sequence[str] = ()

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label("Open a table of runs, training logs, or the folder of a sweep")
            yield Input(
                self._typed, id="path", placeholder="runs.csv", compact=True,
                suggester=PathSuggester(case_sensitive=True), select_on_focus=False,
            )  # fmt: skip
            yield Options(id="names")
            yield Label("options for a table, as for the command fit; optional", classes="hint")
            yield Input(id="options", placeholder="--columns loss=val_loss --best-of lr", compact=True)
            yield PlainText(id="problem")
            yield Label("enter open · ↓ names · → complete · tab options · esc back", classes="hint")

    async def on_mount(self) -> None:
        if self._slow_link:
            for field in self.query(Input):
                field.cursor_blink = False
        await self._offer(self._typed)

    # --- the path

    async def on_input_changed(self, event: Input.Changed) -> None:
        self._say("")
        if event.input.id == "path":
            await self._offer(event.value)

    async def _offer(self, path: str) -> None:
        names = await to_thread(completions, path)
        if self.query_one("#path", Input).value == path:
            listed = self.query_one(OptionList)
            listed.clear_options()
            listed.add_options(Option(Text(visible(name)), id=str(number)) for number, name in enumerate(names))
            listed.display = bool(names)
            self._names = names

    def action_names(self) -> None:
        if self._names and self.query_one("#path", Input).has_focus:
            listed = self.query_one(OptionList)
            listed.highlighted = 0
            listed.focus()

    async def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        path = self.query_one("#path", Input)
        path.value = self._names[int(event.option_id or 0)]
        path.cursor_position = len(path.value)
        path.focus()
        if not path.value.endswith("/"):
            self._open()

    # --- the file

    def on_input_submitted(self) -> None:
        self._open()

    def _open(self) -> None:
        path, options = (self.query_one(f"#{name}", Input).value.strip() for name in ("path", "options"))
        if not path:
            self._say("Enter a path, or press ↓ to choose a file.")
        elif not self._reading:
            self._reading = True
            self._say("reading …")
            self.run_worker(self._read(path, options))

    async def _read(self, path: str, options: str) -> None:
        try:
            opened = await to_thread(open_file, path, options, self._keep)
        except InputError as error:
            self._say(str(error))
        else:
            self.dismiss(opened)
        finally:
            self._reading = False

    def _say(self, text: str) -> None:
        self.query_one("#problem", PlainText).set_text(Text(text))
