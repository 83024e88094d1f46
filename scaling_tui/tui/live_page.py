"""What the screens that show a sweep as it changes have in common."""

from collections.abc import Callable
from pathlib import Path

from textual.message import Message

from scaling_tui.tui.page import Page
from scaling_tui.tui.services.watch import Watched


class Listening(Page):
    """A page that is told what the watching thread reads, as `on_listening_seen`; it rests while it is hidden.

    `follow` sets `_name` and calls `_listen`.
    """

    class Seen(Message):
        """The watching thread has read something new of the sweep in view, or of one `beside` it."""

        def __init__(self, watched: Watched, beside: bool) -> None:
            super().__init__()
            self.watched, self.beside = watched, beside

    def __init__(self, runs: Path) -> None:
        super().__init__(runs)
        self._name: str | None = None
        self._ends: list[Callable[[], None]] = []

    def beside(self) -> str | None:
        """Another sweep to be told of."""
        return None

    def on_screen_resume(self) -> None:
        self._listen()

    def on_screen_suspend(self) -> None:
        # Under a question or help it stays in sight and goes on.
        if self not in self.app.screen_stack:
            self._rest()

    def on_unmount(self) -> None:
        self._rest()

    def _listen(self) -> None:
        self._rest()
        if self not in self.app.screen_stack:
            return
        watches, beside = self.scaling_app.watches, self.beside()
        self._ends.append(watches.listen(self._name, lambda found: self._seen(found, False)))
        if beside is not None:
            self._ends.append(watches.listen(beside, lambda found: self._seen(found, True)))

    def _rest(self) -> None:
        while self._ends:
            self._ends.pop()()

    def _seen(self, watched: Watched, beside: bool) -> None:
        self.post_message(self.Seen(watched, beside))
