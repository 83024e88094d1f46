"""The table of the app's modes: each a screen, imported when it is first shown."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from textual.screen import Screen


@dataclass(frozen=True)
class Mode:
    """A screen with a digit key.

    `short` is its name on a narrow terminal; `where` is module:class in `screens`.
    """

    name: str
    key: str
    title: str
    short: str
    where: str
    help: str

    def page_class(self) -> type[Screen[Any]]:
        """Imports the screen when it is first shown, so that no other waits for it."""
        module, _, name = self.where.partition(":")
        page: type[Screen[Any]] = getattr(import_module(f"scaling_tui.tui.screens.{module}"), name)
        return page


MODES = (
    Mode("home", "1", "Home", "Home", "home:HomeScreen", "See what is training, what is due and what to do next"),
    Mode("lab", "2", "Lab", "Lab", "lab:LabScreen", "Choose a ladder, change it and launch it"),
    Mode("live", "3", "Live", "Live", "live:LiveScreen", "Watch a sweep train"),
    Mode("law", "4", "Law", "Law", "law:LawScreen", "Fit a law to the finished runs"),
    Mode("plan", "5", "Plan", "Plan", "plan:PlanScreen", "Plan the best run for a budget, a loss, an N or a D"),
    Mode("trace", "6", "Trace", "Trace", "trace:TraceScreen", "See what a model predicts after each layer"),
    Mode("pipeline", "7", "Pipeline", "Pipe", "pipeline:PipelineScreen", "Follow a run's data through six stages"),
    Mode("learn", "8", "Learn", "Learn", "learn:LearnScreen", "Read a lesson"),
    Mode("quiz", "9", "Quiz", "Quiz", "quiz:QuizScreen", "Answer the questions that are due"),
    Mode("sweeps", "0", "Sweeps", "All", "sweeps:SweepsScreen", "List all sweeps: sort, filter, rename, tag, delete"),
)
