"""Help on the current screen: what it shows, how to read it, and its keys, from the same bindings as the footer."""

from typing import Any, ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from scaling_tui.tui.app_sized import AppSized
from scaling_tui.tui.keymap import documented, keymap_file
from scaling_tui.tui.modes import MODES


class HelpScreen(AppSized, ModalScreen[None]):
    """A screen's ABOUT, its keys, and the keys of every screen, with the ids that keys.toml takes."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,f1,q", "dismiss", "back", key_display="esc")]
    CSS = """
    HelpScreen {
        align: center middle;
        VerticalScroll { width: 100; max-width: 96%; height: auto; max-height: 96%; }
        VerticalScroll { border: round $primary; padding: 0 1; }
        Static { height: auto; }
        .section { text-style: bold; margin: 1 0 0 0; }
    }
    """

    def __init__(self, screen: Screen[Any]) -> None:
        super().__init__()
        self._about: str = getattr(screen, "ABOUT", "")
        self._keys = list(documented(screen))

    def compose(self) -> ComposeResult:
        modes = {mode.name for mode in MODES}
        here = [key for key in self._keys if key.node is not self.app]
        everywhere = [key for key in self._keys if key.node is self.app]
        with VerticalScroll() as scroll:
            scroll.border_title = next((m.title for m in MODES if m.name == self.app.current_mode), "help")
            scroll.border_subtitle = "esc closes"
            yield Static(Text(self._about))
            if here:
                yield Static("Keys on this screen", classes="section")
                yield Static(self._table(here))
            yield Static("Keys on every screen", classes="section")
            yield Static(self._table([key for key in everywhere if key.binding.id not in modes]))
            yield Static("Screens", classes="section")
            yield Static(self._table([key for key in everywhere if key.binding.id in modes]))
            note = f"\nTo rebind a key, use the name on the right in {keymap_file()}."
            yield Static(Text(note, style="dim"))

    def _table(self, keys: list[ActiveBinding]) -> Table:
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        table.add_column(no_wrap=True, min_width=5)
        table.add_column(ratio=1)
        table.add_column(justify="right", no_wrap=True)
        for key in keys:
            shown = Text(self.app.get_key_display(key.binding), style="bold")
            table.add_row(shown, Text(key.tooltip), Text(key.binding.id or "", style="dim"))
        return table
