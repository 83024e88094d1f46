"""Text that is told again and again, and painted only when it is another."""

from collections.abc import Sequence

from rich.text import Text
from textual.widgets import Static


class Said(Static):
    """A Static for what may be the same at every look."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._told: Text | None = None

    def say(self, text: Text | str) -> None:
        """Shows `text`, which is no markup."""
        told = Text(text) if isinstance(text, str) else text
        if told != self._told or (self._told is not None and told.spans != self._told.spans):
            self._told = told
            height = self.styles.height
            # Laying out the whole screen anew costs more than anything else; a line of fixed height asks for none.
            self.update(told, layout=height is None or height.is_auto)


class LastLines(Said):
    """The last of some lines, as many as there is room for at any time."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: Sequence[str] = ()

    def tell(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._cut()

    def on_resize(self) -> None:
        self._cut()

    def _cut(self) -> None:
        self.say("\n".join(self._lines[-max(1, self.size.height) :]))
