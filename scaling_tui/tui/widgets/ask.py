"""A dialog that asks for one line of text, over the current screen, and says what is wrong with it."""

from collections.abc import Callable
from typing import ClassVar, Generic, TypeVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Input, Label, Static

from scaling_tui import InputError
from scaling_tui.tui.app_sized import AppSized

T = TypeVar("T")


class Ask(AppSized, ModalScreen[T | None], Generic[T]):
    """Returns what `read` makes of the text that was typed, or None for esc.

    `read` raises InputError where it can make nothing of it; the dialog says so and stays.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "back")]
    CSS = """
    Ask {
        align: center middle;
        Vertical { width: 90%; max-width: 100; height: auto; border: round $primary; padding: 0 1; }
        Input { height: 1; border: none; padding: 0; background: $surface; }
        Label, Static { width: 100%; height: auto; }
        #hint { color: $text-muted; }
        #mistake { color: $text-error; display: none; }
        #mistake.-filled { display: block; }
    }
    """

    def __init__(
        self,
        question: str,
        hint: str,
        read: Callable[[str], T],
        start: str = "",
        suggester: Suggester | None = None,
        id: str | None = None,
    ) -> None:
        super().__init__()
        self._question, self._hint, self._read, self._start = question, hint, read, start
        self._suggester, self._id_of_field = suggester, id

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label(self._question, markup=False)
            yield Input(
                self._start, id=self._id_of_field, compact=True, select_on_focus=False, suggester=self._suggester
            )
            yield Static(Text(self._hint), id="hint")
            yield Static(id="mistake")

    def on_input_changed(self) -> None:
        self._say("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        try:
            answer = self._read(event.value.strip())
        except InputError as error:
            self._say(str(error))
        else:
            self.dismiss(answer)

    def _say(self, text: str) -> None:
        mistake = self.query_one("#mistake", Static)
        mistake.update(Text(text))
        mistake.set_class(bool(text), "-filled")
