"""Screens that stay calm while the terminal is dragged."""

from textual.events import Resize
from textual.screen import Screen


class AppSized:
    """A screen that lays itself out for the app's own size alone. Every screen of the app has this before `Screen`.

    A screen that is laid out posts its size to itself. With two sizes in its queue, as a dragged window leaves them, it
    would lay itself out for one and for the other by turns, for ever, and answer no key.
    """

    async def _on_resize(self, event: Resize) -> None:
        assert isinstance(self, Screen)
        if event.size != self.app.size:
            event.stop()
            event.prevent_default()
