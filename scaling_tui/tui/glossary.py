"""The glossary over any screen: type a word or a symbol, read what it means, go back to the lesson or the question."""

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from scaling_tui import InputError
from scaling_tui.tui.app_sized import AppSized
from scaling_tui.tutor.content.glossary import Entry, load_glossary, matching


class GlossaryScreen(AppSized, ModalScreen[None]):
    """Every word and symbol of the lessons, narrowed down as one types."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "back", tooltip="Go back"),
        Binding("down", "scroll(1)", show=False),
        Binding("up", "scroll(-1)", show=False),
        Binding("pagedown", "scroll(10)", show=False),
        Binding("pageup", "scroll(-10)", show=False),
    ]
    CSS = """
    GlossaryScreen {
        align: center middle;
        #glossary { width: 90; max-width: 96%; height: 90%; border: round $primary; padding: 0 1; }
        #word { border: none; height: 1; padding: 0 1; background: $boost; margin: 0 0 1 0; }
        #entries { height: auto; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._entries: list[Entry] = []

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="glossary", can_focus=False) as scroll:
            scroll.border_title = "Glossary"
            scroll.border_subtitle = "type a word · arrows scroll · esc closes"
            yield Input(id="word", placeholder="a word or a symbol, such as N or emergent", select_on_focus=False)
            yield Static(id="entries")

    def on_mount(self) -> None:
        try:
            self._entries = load_glossary()
        except InputError as error:
            self.query_one("#entries", Static).update(Text(str(error)))
            return
        self._show("")
        self.query_one("#word", Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._show(event.value)

    def _show(self, typed: str) -> None:
        found = matching(self._entries, typed)
        text = Text("\n\n").join(map(_entry, found)) if found else Text(f"No word like {typed!r}.")
        self.query_one("#entries", Static).update(text)
        self.query_one("#glossary", VerticalScroll).scroll_home(animate=False)

    def action_scroll(self, rows: int) -> None:
        self.query_one("#glossary", VerticalScroll).scroll_relative(y=rows, animate=False)


def _entry(entry: Entry) -> Text:
    text = Text.assemble((entry.name, "bold"))
    if entry.also:
        text.append(f" · {', '.join(entry.also)}", "dim")
    text.append(f"\n{entry.means}")
    if entry.unit:
        text.append(f" Unit: {entry.unit}.")
    return text
