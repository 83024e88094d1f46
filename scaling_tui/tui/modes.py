"""The one table of the app's modes. A screen joins the app by having its module; until then its mode is absent."""

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scaling_tui.tui.frame import Page


@dataclass(frozen=True)
class Mode:
    """A screen that one is on for a while. `short` is its name where there is little room, `where` is module:class."""

    name: str
    key: str
    title: str
    short: str
    where: str
    help: str

    @property
    def there(self) -> bool:
        """Whether the module is part of this installation."""
        return find_spec(self.where.partition(":")[0]) is not None

    def page_class(self) -> "type[Page]":
        """Imports the screen: only when it is first shown, so that no other waits for it."""
        module, _, name = self.where.partition(":")
        found: type[Page] = getattr(import_module(module), name)
        return found

    def build(self, runs: Path) -> "Page":
        return self.page_class()(runs)


TABLE = (
    Mode("home", "1", "Home", "Home", "scaling_tui.tui.home:Home", "What runs, what is due, what to do next"),
    Mode("lab", "2", "Lab", "Lab", "scaling_tui.tui.lab:Lab", "Choose a ladder, change it, launch it"),
    Mode("live", "3", "Live", "Live", "scaling_tui.tui.live:Live", "Watch a sweep train"),
    Mode("law", "4", "Law", "Law", "scaling_tui.tui.law_screen:LawScreen", "The law through the finished runs"),
    Mode("plan", "5", "Plan", "Plan", "scaling_tui.tui.plan:Plan", "The best run for a budget, a loss, an N or a D"),
    Mode("trace", "6", "Trace", "Trace", "scaling_tui.tui.trace:Trace", "What a model predicts after each layer"),
    Mode("pipeline", "7", "Pipeline", "Pipe", "scaling_tui.tui.pipeline:Pipeline", "The six stages of a run's data"),
    Mode("learn", "8", "Learn", "Learn", "scaling_tui.tui.learn:Learn", "Read the lessons"),
    Mode("quiz", "9", "Quiz", "Quiz", "scaling_tui.tui.quiz:Quiz", "Answer what is due"),
)

MODES = tuple(mode for mode in TABLE if mode.there)
