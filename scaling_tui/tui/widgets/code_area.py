"""A small editor for a function: it indents as Python does, and leaves the screen's keys alone."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.events import Key
from textual.widgets import TextArea

_INDENT = "    "
_SCREEN_KEYS = {"f6", "f7"}  # which TextArea would take for selecting


class CodeArea(TextArea, inherit_bindings=False):
    """Enter goes on at the indentation of the line, and one deeper after a colon; tab indents."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding for binding in TextArea.BINDINGS if not (isinstance(binding, Binding) and binding.key in _SCREEN_KEYS)
    ]

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id, show_line_numbers=True, tab_behavior="indent", soft_wrap=False, compact=True)
        self.indent_width = len(_INDENT)

    async def _on_key(self, event: Key) -> None:
        if event.key == "escape":
            # The first escape leaves the editor, the next one the question: a slip of the hand loses no text.
            event.stop()
            event.prevent_default()
            self.screen.set_focus(None)
        elif event.key == "enter":
            event.stop()
            event.prevent_default()
            row, column = self.cursor_location
            before = self.document.get_line(row)[:column]
            indent = before[: len(before) - len(before.lstrip())] + _INDENT * before.rstrip().endswith(":")
            self.insert("\n" + indent)
        else:
            await super()._on_key(event)
