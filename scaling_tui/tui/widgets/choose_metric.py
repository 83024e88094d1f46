"""A dialog that lists the metrics of a sweep and filters them as one types."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList
from textual.widgets.option_list import Option

from scaling_tui.runs.metrics import matching
from scaling_tui.tui.app_sized import AppSized


@dataclass(frozen=True)
class ChosenMetric:
    """The metric to show, and the pattern that the list was filtered with; empty if it was not."""

    metric: str
    pattern: str


class ChooseMetric(AppSized, ModalScreen[ChosenMetric | None]):
    """Returns the chosen metric, or None for esc. `rows` are (key, text); `now` is the metric that is shown."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "back"),
        Binding("up", "move('up')", "up", show=False),
        Binding("down", "move('down')", "down", show=False),
        Binding("pageup", "move('page_up')", "page up", show=False),
        Binding("pagedown", "move('page_down')", "page down", show=False),
    ]
    CSS = """
    ChooseMetric {
        align: center middle;
        Vertical { width: 90%; max-width: 100; height: auto; max-height: 80%; border: round $primary; padding: 0 1; }
        Input { border: none; height: 1; padding: 0; background: $boost; }
        OptionList { height: auto; max-height: 14; border: none; }
        Option { text-wrap: nowrap; }
    }
    """

    def __init__(self, rows: Sequence[tuple[str, str]], now: str, pattern: str = "") -> None:
        super().__init__()
        self._rows, self._now, self._pattern = dict(rows), now, pattern

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label("Which metric? Type a part of its name, or a pattern: eval/*")
            yield Input(self._pattern, placeholder="all metrics", select_on_focus=False)
            options = OptionList()
            options.can_focus = False  # typing goes on while the arrows move in it
            yield options

    def on_mount(self) -> None:
        self._list()

    def on_input_changed(self) -> None:
        self._list()

    def _list(self) -> None:
        options = self.query_one(OptionList)
        kept = matching(self._rows, self.query_one(Input).value)
        options.clear_options()
        # A metric may be called anything, which an id of Textual may not.
        options.add_options(Option(Text(self._rows[key])) for key in kept)
        self._kept = kept
        options.highlighted = kept.index(self._now) if self._now in kept else 0 if kept else None

    def action_move(self, how: str) -> None:
        getattr(self.query_one(OptionList), f"action_{'cursor_' if how in ('up', 'down') else ''}{how}")()

    def on_input_submitted(self) -> None:
        place = self.query_one(OptionList).highlighted
        if place is not None:
            self._choose(place)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self._choose(event.option_index)

    def _choose(self, place: int) -> None:
        self.dismiss(ChosenMetric(self._kept[place], self.query_one(Input).value.strip()))
