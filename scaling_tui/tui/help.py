"""What the keys do on the screen one is on, read from the same bindings that the footer shows."""

from typing import ClassVar

from rich.table import Table
from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static


class Help(ModalScreen[None]):
    """A list of keys; any of esc, ? and q closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,f1,q", "dismiss", "back", key_display="esc")]
    CSS = """
    Help {
        align: center middle;
        VerticalScroll { width: 74; max-width: 95%; height: auto; max-height: 90%; }
        VerticalScroll { border: round $primary; padding: 0 1; }
    }
    """

    def __init__(self, keys: list[ActiveBinding]) -> None:
        super().__init__()
        self._keys = keys

    def compose(self) -> ComposeResult:
        with VerticalScroll() as scroll:
            scroll.border_title = "keys"
            scroll.border_subtitle = "esc closes"
            yield Static(self._table())

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        seen = set()
        for active in self._keys:
            binding = active.binding
            if binding.action in seen or not (binding.show and active.tooltip):
                continue
            seen.add(binding.action)
            table.add_row(f"[bold]{self.app.get_key_display(binding)}[/]", active.tooltip)
        return table
