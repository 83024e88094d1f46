"""The app: screens as modes, keys that work everywhere. It only reads; training never happens in this process."""

from pathlib import Path
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen

from scaling_tui.tui.help import Help
from scaling_tui.tui.live import Live


class ScalingApp(App[None]):
    """Opens on the sweep named, or on the latest in `runs`."""

    TITLE = "scaling-tui"
    DEFAULT_MODE = "live"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,ctrl+q", "quit", "quit", key_display="q", tooltip="Close the app; what runs goes on"),
        Binding("question_mark,f1", "help", "help", key_display="?", tooltip="Show what the keys do"),
        Binding("f2", "switch_mode('live')", "live", show=False, tooltip="Watch a sweep"),
        Binding("f3", "switch_mode('learn')", "learn", show=False, tooltip="Read the lessons"),
        Binding("f4", "switch_mode('quiz')", "quiz", show=False, tooltip="Answer what is due"),
    ]

    def __init__(self, runs: Path, sweep: str | None = None) -> None:
        super().__init__()
        self.add_mode("live", lambda: Live(runs, sweep))
        self.add_mode("learn", lambda: self.lazily("learn", runs))
        self.add_mode("quiz", lambda: self.lazily("quiz", runs))

    def action_help(self) -> None:
        self.push_screen(Help(list(self.screen.active_bindings.values())))

    def lazily(self, name: str, runs: Path) -> Screen[None]:
        """Screens of the tutor: imported when first shown, so that watching a run does not pay for them."""
        from scaling_tui.tui.learn import Learn
        from scaling_tui.tui.quiz import Quiz

        return Learn(runs) if name == "learn" else Quiz()
