"""The one table of the app's modes: each a screen, imported when it is first shown."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from textual.screen import Screen


@dataclass(frozen=True)
class Mode:
    """A screen with a digit of its own.

    `short` is its name where there is little room, `where` is module:class in `screens`.
    """

    name: str
    key: str
    title: str
    short: str
    where: str
    help: str

    def page_class(self) -> type[Screen[Any]]:
        """Imports the screen: only when it is first shown, so that no other waits for it."""
        module, _, name = self.where.partition(":")
        page: type[Screen[Any]] = getattr(import_module(f"scaling_tui.tui.screens.{module}"), name)
        return page


MODES = (
    Mode("home", "1", "Home", "Home", "home:Home", "What runs, what is due, what to do next"),
    Mode("lab", "2", "Lab", "Lab", "lab:Lab", "Choose a ladder, change it, launch it"),
    Mode("live", "3", "Live", "Live", "live:Live", "Watch a sweep train"),
    Mode("law", "4", "Law", "Law", "law:LawScreen", "The law through the finished runs"),
    Mode("plan", "5", "Plan", "Plan", "plan:Plan", "The best run for a budget, a loss, an N or a D"),
    Mode("trace", "6", "Trace", "Trace", "trace:Trace", "What a model predicts after each layer"),
    Mode("pipeline", "7", "Pipeline", "Pipe", "pipeline:Pipeline", "The six stages of a run's data"),
    Mode("learn", "8", "Learn", "Learn", "learn:Learn", "Read the lessons"),
    Mode("quiz", "9", "Quiz", "Quiz", "quiz:Quiz", "Answer what is due"),
)
