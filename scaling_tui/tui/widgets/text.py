"""Text that is set often and repainted only when it changes."""

from collections.abc import Callable, Sequence

from rich.text import Text
from textual.geometry import Size
from textual.widget import Widget
from textual.widgets import Static


class MadeToSize(Widget):
    """A text that depends on the room it has, made anew each time it is painted: only then is the room certain."""

    def __init__(self, make: Callable[[Size], Text], id: str | None = None) -> None:
        super().__init__(id=id)
        self._make = make

    def render(self) -> Text:
        return self._make(self.content_size)


class PlainText(Static):
    """A Static of plain text, cheap to set again with the same text."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._text: Text | None = None

    def set_text(self, text: Text | str) -> None:
        """Shows `text`; it is not read as markup."""
        new = Text(text) if isinstance(text, str) else text
        if new != self._text or (self._text is not None and new.spans != self._text.spans):
            self._text = new
            height = self.styles.height
            # A new layout of the whole screen is the costliest step; a fixed height does not need one.
            self.update(new, layout=height is None or height.is_auto)


class LastLines(PlainText):
    """The last lines of a log, as many as fit."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: Sequence[str] = ()

    def set_lines(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._cut()

    def on_resize(self) -> None:
        self._cut()

    def _cut(self) -> None:
        self.set_text("\n".join(self._lines[-max(1, self.size.height) :]))
