"""The app: screens as modes, keys that work everywhere. It only reads; training never happens in this process."""

from pathlib import Path
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType

from scaling_tui.tui.help import Help
from scaling_tui.tui.live import Live


class ScalingApp(App[None]):
    """Opens on the sweep named, or on the latest in `runs`."""

    TITLE = "scaling-tui"
    DEFAULT_MODE = "live"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,ctrl+q", "quit", "quit", key_display="q", tooltip="Close the app; what runs goes on"),
        Binding("question_mark,f1", "help", "help", key_display="?", tooltip="Show what the keys do"),
    ]

    def __init__(self, runs: Path, sweep: str | None = None) -> None:
        super().__init__()
        self.add_mode("live", lambda: Live(runs, sweep))

    def action_help(self) -> None:
        self.push_screen(Help(list(self.screen.active_bindings.values())))
