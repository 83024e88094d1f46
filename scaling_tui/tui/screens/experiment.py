"""A guided experiment, a screen over Learn: predict, launch, watch the live curves, compare."""

from asyncio import to_thread
from collections.abc import Mapping
from pathlib import Path
from threading import Event
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Footer, Input, Static

from scaling_tui import InputError
from scaling_tui.plots.curves import Curves
from scaling_tui.plots.figures import Figure
from scaling_tui.report.experiment_walk import Sections, Walk
from scaling_tui.report.experiments import aligned, live_figure, predicted_text, progress_text
from scaling_tui.report.progress import is_over
from scaling_tui.runs import SweepReader, SweepView
from scaling_tui.sweeps.launch import launch
from scaling_tui.text.settings import in_own_thousands
from scaling_tui.tui.app_sized import AppSized
from scaling_tui.tui.widgets.choose import Choose, lines_of
from scaling_tui.tui.widgets.plot import Plot
from scaling_tui.tutor.content.experiment import Experiment, Unit
from scaling_tui.tutor.guide import Guide

_PLACEHOLDERS: Mapping[Unit, str] = {
    "share": "per cent, e.g. 60",
    "nats": "nats per token, e.g. 3.1",
    "count": "e.g. 12k",
    "number": "a number",
}


class ExperimentScreen(AppSized, Screen[None]):
    """Leads through one experiment, and goes on where the learner left it.

    Raises:
        InputError: the learner's progress cannot be read, or the experiment's ladder is not there.
    """

    ABOUT: ClassVar[str] = (
        "A guided experiment. Predict first; then the ladder trains, you watch its live curves, and your prediction is "
        "compared with the results. The solution stays hidden until you ask for it. Every step is saved: you can leave "
        "at any time, training continues, and you come back to where you were."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5", "hint", "hint", tooltip="Show the next of three hints"),
        Binding("f6", "solution", "solution", tooltip="Show the solution"),
        Binding("enter", "go_on", "continue", tooltip="Launch the ladder, or start the bonus"),
        Binding("u", "use", "use a sweep", tooltip="Use a sweep that you already have instead of training again"),
        Binding("r", "restart", "restart", tooltip="Start this experiment over; sweeps stay as they are"),
        Binding("escape", "dismiss", "back", tooltip="Go back to the lessons; training continues"),
    ]
    CSS = """
    ExperimentScreen {
        #where { height: 1; background: $panel; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        #body { height: 1fr; padding: 1 1 0 1; }
        #told, #results, #help { height: auto; max-width: 100; }
        #curves { height: 14; max-width: 100; margin: 0 0 1 0; display: none; }
        #ask, #read { height: auto; max-width: 100; padding: 0 1; }
        #answer { border: none; height: 1; padding: 0 1; margin: 0 0 0 1; max-width: 60; background: $boost; }
    }
    """

    def __init__(
        self, runs: Path, experiment: Experiment, progress: Path | None = None, refresh_s: float = 0.5
    ) -> None:
        super().__init__()
        self._refresh_s = refresh_s
        self._guide = Guide(experiment, progress)
        self._walk = Walk(self._guide, runs)
        self._there: list[str] = []
        self._curves = Curves()
        self._stopped = Event()
        self._busy = False

    def compose(self) -> ComposeResult:
        yield Static(id="where")
        with VerticalScroll(id="body"):
            yield Static(id="told")
            yield Plot(id="curves")
            yield Static(id="results")
            yield Static(id="help")
        yield Static(id="ask")
        yield Input(id="answer", select_on_focus=False)
        yield Static(id="read")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self._show()

    def on_unmount(self) -> None:
        self._stopped.set()

    # What is shown

    def _show(self) -> None:
        """Shows the stage that the learner is in."""
        guide = self._guide
        title = guide.part.title if guide.at else guide.experiment.title
        self.query_one("#where", Static).update(Text(f"Experiment · {title}", no_wrap=True))
        for name in ("results", "help", "ask", "read"):
            self._set(name, "")
        self.query_one("#curves").display = False
        self.query_one("#told", Static).update(_sections(self._walk.told))
        answer = self.query_one("#answer", Input)
        answer.display = guide.stage == "predict"
        self.query_one("#body", VerticalScroll).scroll_home(animate=False)
        match guide.stage:
            case "predict":
                self._ask()
            case "launch":
                self._offer()
            case _:
                self._watch()
        self.refresh_bindings()
        if warning := guide.unkept_warning():
            self.notify(warning, severity="warning", markup=False)

    def _set(self, name: str, text: str) -> None:
        self.query_one(f"#{name}", Static).update(Text(in_own_thousands(text)))

    def _ask(self) -> None:
        asked = self._guide.asked
        assert asked is not None
        answer = self.query_one("#answer", Input)
        answer.value = ""
        answer.placeholder = _PLACEHOLDERS[asked.unit]
        self._set("ask", self._walk.question)
        answer.focus()

    @work(exclusive=True, group="offer")
    async def _offer(self) -> None:
        self.query_one("#body").focus()
        run_it = f"Run it: {self._walk.trains}.\nenter  launch"
        self._set("ask", run_it)
        self._there = await to_thread(self._walk.there)
        if self._there and self._guide.stage == "launch":
            self._set("ask", f"{run_it}    u  use {self._there[0]}, which has run")
        self.refresh_bindings()
        self.query_one("#body", VerticalScroll).scroll_end(animate=False)

    # Predicting

    def on_input_changed(self, event: Input.Changed) -> None:
        """Shows how a prediction is read as it is typed."""
        asked = self._guide.asked
        if asked is None or not event.value.strip():
            self._set("read", "")
            return
        try:
            self._set("read", f"read as {asked.shown(asked.read(event.value))}")
        except InputError as error:
            self._set("read", str(error).removeprefix("prediction: "))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if not event.value.strip() or self._guide.asked is None:
            return
        try:
            self._guide.predict(event.value)
        except InputError as error:
            self._set("read", f"not counted: {error}")
            return
        self._show()

    def action_hint(self) -> None:
        self._help(self._walk.hint())

    def action_solution(self) -> None:
        self._help(self._walk.solution())

    def _help(self, text: str) -> None:
        self._set("help", f"\n{text}")
        self.call_after_refresh(lambda: self.query_one("#help").scroll_visible(animate=False))
        if warning := self._guide.unkept_warning():
            self.notify(warning, severity="warning", markup=False)

    # Launching

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer lists only what can be done now."""
        stage = self._guide.stage
        able = {
            "hint": stage in ("predict", "launch"),
            "go_on": stage in ("launch", "bonus") and not self._busy,
            "use": stage == "launch" and bool(self._there),
            "restart": self._guide.begun and stage != "run",
        }
        return able.get(action, True)

    def action_go_on(self) -> None:
        if self._guide.stage == "bonus":
            self._guide.go_on()
            self._there = []
            self._show()
        elif self._guide.stage == "launch":
            self._busy = True
            self._set("ask", f"Launching {self._guide.part.ladder} …")
            self.refresh_bindings()
            self._launch()

    @work(thread=True, exclusive=True, group="launch")
    def _launch(self) -> None:
        """In a thread: reading the corpus and starting a supervisor take a second or more."""
        try:
            path = launch(self._walk.runs, self._walk.ladder)
        except InputError as error:
            self.app.call_from_thread(self._not_launched, str(error))
            return
        self.app.call_from_thread(self._launched, path)

    def _not_launched(self, why: str) -> None:
        self._busy = False
        self.notify(why, severity="error", markup=False)
        self._show()

    def _launched(self, path: Path) -> None:
        self._busy = False
        self._walk.launched(path)
        if self.is_mounted:
            self._show()

    def action_use(self) -> None:
        choices = [(name, name) for name in self._there]
        self.app.push_screen(Choose("Use which sweep?", lines_of(choices)), self._use)

    def _use(self, name: str | None) -> None:
        if name is None:
            return
        try:
            self._walk.use(name)
        except InputError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        self._show()

    def action_restart(self) -> None:
        self._guide.restart()
        self._there = []
        self._show()

    # Watching and comparing

    @work(thread=True, exclusive=True, group="watch")
    def _watch(self) -> None:
        """Beside the live curves until the sweep is over; then compares. In a thread: a fit takes a moment."""
        guide = self._guide
        try:
            reader = SweepReader(self._walk.sweep())
            while not self._stopped.is_set():
                view = reader.poll()
                shown = live_figure(guide.part, view, self._curves)
                if is_over(view):
                    missing = self._walk.missing(view)
                    sections = [] if missing else self._walk.results(view, aligned)
                    self.app.call_from_thread(self._ended, shown, missing, sections)
                    return
                self.app.call_from_thread(self._live, view, shown)
                self._stopped.wait(self._refresh_s)
        except (InputError, OSError) as error:
            self.app.call_from_thread(self._lost, str(error))

    def _lost(self, why: str) -> None:
        self.notify(why, severity="error", markup=False)
        if self.is_mounted and self._guide.stage in ("predict", "launch"):
            self._show()

    def _draw(self, shown: Figure) -> None:
        plot = self.query_one("#curves", Plot)
        plot.display = True
        plot.figure = shown

    def _live(self, view: SweepView, shown: Figure) -> None:
        if not self.is_mounted:
            return
        self.query_one("#told", Static).update(_sections([("You have predicted", predicted_text(self._guide))]))
        self._draw(shown)
        self._set("ask", f"{progress_text(view)} Stay, or come back later.")

    def _ended(self, shown: Figure, missing: str, sections: Sections) -> None:
        if not self.is_mounted:
            return
        self._draw(shown)
        if missing:
            self._set("ask", missing)
            return
        self.query_one("#told", Static).update("")
        self.query_one("#results", Static).update(_sections(sections))
        self._guide.compared()
        following = self._walk.following
        self._set("ask", f"enter  {following}" if following else "That is the end of this experiment.")
        self.query_one("#body", VerticalScroll).focus()
        self.refresh_bindings()


def _sections(sections: Sections) -> Text:
    text = Text()
    for heading, paragraph in sections:
        text.append(heading, "bold").append(f"\n{in_own_thousands(paragraph)}\n\n")
    return text
