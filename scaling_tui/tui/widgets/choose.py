"""A dialog with a question and a few answers, over the current screen."""

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Label, OptionList
from textual.widgets.option_list import Option

from scaling_tui.tui.app_sized import AppSized


class Choose(AppSized, ModalScreen[str | None]):
    """Returns the key of the chosen answer, or None for esc. `choices` are (key, text)."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "back")]
    CSS = """
    Choose {
        align: center middle;
        Vertical { width: 90%; max-width: 100; height: auto; max-height: 80%; border: round $primary; padding: 0 1; }
        OptionList { height: auto; max-height: 20; border: none; }
        Option { text-wrap: nowrap; }
    }
    """

    def __init__(self, question: str, choices: list[tuple[str, str]]) -> None:
        super().__init__()
        self._question, self._choices = question, choices

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label(self._question)
            yield OptionList(*(Option(Text(text), id=key) for key, text in self._choices))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id)
