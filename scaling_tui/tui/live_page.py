"""What screens that follow a sweep as it changes have in common."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from textual.message import Message

from scaling_tui.tui.page import Page
from scaling_tui.tui.services.watch import SweepSnapshot


class LivePage(Page):
    """A page that receives a new snapshot of the sweep as `on_live_page_updated`; it pauses while it is hidden.

    `follow` sets `_name` and calls `_listen`.
    """

    class Updated(Message):
        """The watching thread has read something new: of the sweep shown, or of the one named `beside` it."""

        def __init__(self, snapshot: SweepSnapshot, beside: str | None) -> None:
            super().__init__()
            self.snapshot, self.beside = snapshot, beside

    def __init__(self, runs: Path) -> None:
        super().__init__(runs)
        self._name: str | None = None
        self._unsubscribe: list[Callable[[], None]] = []

    def beside(self) -> Sequence[str]:
        """Other sweeps to follow, for comparison."""
        return ()

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
        watches = self.scaling_app.watches
        self._unsubscribe.append(watches.listen(self._name, partial(self._post, None)))
        self._unsubscribe += [watches.listen(name, partial(self._post, name)) for name in self.beside()]

    def _stop_listening(self) -> None:
        while self._unsubscribe:
            self._unsubscribe.pop()()

    def _post(self, beside: str | None, snapshot: SweepSnapshot) -> None:
        self.post_message(self.Updated(snapshot, beside))
