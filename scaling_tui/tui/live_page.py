"""What screens that follow a sweep as it changes have in common."""

from collections.abc import Callable
from pathlib import Path

from textual.message import Message

from scaling_tui.tui.page import Page
from scaling_tui.tui.services.watch import SweepSnapshot


class LivePage(Page):
    """A page that receives a new snapshot of the sweep as `on_live_page_updated`; it pauses while it is hidden.

    `follow` sets `_name` and calls `_listen`.
    """

    class Updated(Message):
        """The watching thread has read something new: of the sweep shown, or of the one compared `beside` it."""

        def __init__(self, snapshot: SweepSnapshot, beside: bool) -> None:
            super().__init__()
            self.snapshot, self.beside = snapshot, beside

    def __init__(self, runs: Path) -> None:
        super().__init__(runs)
        self._name: str | None = None
        self._unsubscribe: list[Callable[[], None]] = []

    def beside(self) -> str | None:
        """Another sweep to follow, for comparison."""
        return None

    def on_screen_resume(self) -> None:
        self._listen()

    def on_screen_suspend(self) -> None:
        # Under a dialog or help the page is still visible and keeps updating.
        if self not in self.app.screen_stack:
            self._stop_listening()

    def on_unmount(self) -> None:
        self._stop_listening()

    def _listen(self) -> None:
        self._stop_listening()
        if self not in self.app.screen_stack:
            return
        watches, beside = self.scaling_app.watches, self.beside()
        self._unsubscribe.append(watches.listen(self._name, lambda snapshot: self._post(snapshot, False)))
        if beside is not None:
            self._unsubscribe.append(watches.listen(beside, lambda snapshot: self._post(snapshot, True)))

    def _stop_listening(self) -> None:
        while self._unsubscribe:
            self._unsubscribe.pop()()

    def _post(self, snapshot: SweepSnapshot, beside: bool) -> None:
        self.post_message(self.Updated(snapshot, beside))
