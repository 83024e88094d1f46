"""The load of this machine, read again while it is in view."""

from asyncio import to_thread
from collections.abc import Callable
from typing import TYPE_CHECKING

from scaling_tui.tui.widgets.panel import in_view
from scaling_tui.tui.widgets.text import PlainText

if TYPE_CHECKING:
    from scaling_tui.runs import SweepView

EVERY_S = 2.0


class MachineLoad(PlainText):
    """Processors, memory and GPUs, with the runs of `sweep` by their names. Out of view it reads nothing."""

    DEFAULT_CSS = "MachineLoad { height: auto; text-wrap: nowrap; }"

    def __init__(self, sweep: "Callable[[], SweepView | None]" = lambda: None, id: str | None = None) -> None:
        super().__init__(id=id)
        self._sweep = sweep
        self._busy = False

    def on_mount(self) -> None:
        self.set_interval(max(EVERY_S, getattr(self.app, "refresh_s", EVERY_S)), self.look)

    def look(self) -> None:
        """Reads the load, unless it is being read."""
        if not self._busy and self.screen.is_current and in_view(self):
            self._busy = True
            self.run_worker(self._read())

    async def _read(self) -> None:
        """In a thread: a driver that is in trouble takes seconds to answer."""
        try:
            text = await to_thread(self._load)
        finally:
            self._busy = False
        self.set_text(text)

    def _load(self) -> str:
        from scaling_tui.tui.services import machine  # only where it is shown

        return machine.load_text(self._sweep())
