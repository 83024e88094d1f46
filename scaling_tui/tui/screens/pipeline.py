"""The pipeline screen: the six stages of a run's data with its true counts, its losses, and a row an evaluation."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from scaling_tui import InputError
from scaling_tui.plots.drawing import Figure, Series
from scaling_tui.report.pipeline import evaluations_text, stage_size
from scaling_tui.runs import RunView, find_sweep, read_run
from scaling_tui.runs.glance import glance
from scaling_tui.sweeps.data_stages import DataStage, stages
from scaling_tui.text import show
from scaling_tui.tui.page import Page
from scaling_tui.tui.services.background import OneAtATime
from scaling_tui.tui.widgets.choose import Choose
from scaling_tui.tui.widgets.plot import Plot

LOOK_AGAIN_S = 10.0  # at a run that trains; the corpus is read anew each time
BEFORE_THE_PLOT = 4


@dataclass(frozen=True)
class Passed:
    """The stages of one run, as they stand."""

    run: RunView
    stages: list[DataStage]


class Pipeline(Page):
    """What became of the text: tokens, parts, model, training, evaluation; of the sweep in view, a run by key."""

    ABOUT = (
        "The way of a run's data in six stages, each with what leaves it: text, tokens, two parts, a model, a "
        "training, an evaluation. All is counted again from the corpus and the run's own records. A line an "
        "evaluation says what it shows: learning, standing still, or learning by heart."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "run", "run", tooltip="The pipeline of another run of the sweep"),
        Binding("comma", "step(-1)", "run before", key_display=",", tooltip="The run before in the sweep"),
        Binding("full_stop", "step(1)", "next run", key_display=".", tooltip="The next run of the sweep"),
        Binding("x", "log", "log x", tooltip="Switch the axis of steps between logarithmic and linear"),
    ]
    CSS = """
    Pipeline {
        #where { height: 1; padding: 0 1; background: $panel; text-wrap: nowrap; text-overflow: ellipsis; }
        #way { height: 1fr; padding: 0 1; }
        #way Static { height: auto; }
        #way Plot { height: 10; display: none; }
        &.-read #way Plot { display: block; }
    }
    """

    def __init__(self, runs: Path) -> None:
        super().__init__(runs)
        self._sweep: str | None = None
        self._run: str | None = None
        self._passed: Passed | None = None
        self._stale, self._log_x = True, True
        self._reading = OneAtATime(self, self._read)

    def body(self) -> ComposeResult:
        yield Static(id="where")
        with VerticalScroll(id="way"):
            yield Static(id="before")
            yield Plot(id="losses")
            yield Static(id="after")

    def on_mount(self) -> None:
        self.query_one("#way").focus()
        self.set_interval(LOOK_AGAIN_S, self._look_again)

    def follow(self, sweep: str | None) -> None:
        if sweep != self._sweep or self._passed is None:
            self._sweep, self._run, self._stale = sweep, None, True
            if self.is_current:
                self._ask()

    def on_screen_resume(self) -> None:
        if self._stale:
            self._ask()

    def _look_again(self) -> None:
        if self.is_current and (self._passed is None or self._passed.run.state == "running"):
            self._ask()

    def _ask(self) -> None:
        self._stale = False
        if self._passed is None:
            self.query_one("#where", Static).update(Text("Reading the corpus …"))
        self._reading.ask((self._sweep, self._run))

    def _read(self, asked: tuple[str | None, str | None]) -> None:
        """Counts away from the screen: a corpus may have to be tokenized first."""
        sweep, run = asked
        try:
            view = glance(find_sweep(self.runs, sweep))
            chosen = view.run(run) if run else max(view.runs, key=lambda one: (len(one.curve) > 0, one.params or 0))
            found: Passed | str = f"sweep {view.name}: has no run"
            if chosen:
                whole = read_run(chosen.path)
                found = Passed(whole, stages(whole))
        except (InputError, ValueError) as error:
            found = str(error)
        except OSError as error:
            found = f"{error.filename or 'disk'}: {error.strerror or error}"
        self.app.call_from_thread(self._take, asked, found)

    def _take(self, asked: tuple[str | None, str | None], found: Passed | str) -> None:
        if not self.is_mounted or asked != (self._sweep, self._run):
            return
        self._passed = found if isinstance(found, Passed) else None
        self.set_class(self._passed is not None, "-read")
        if isinstance(found, str):
            self.query_one("#where", Static).update(Text("Pipeline: nothing to show yet"))
            self.query_one("#before", Static).update(Text(f"{found}\n\n2 opens the Lab, which trains a ladder."))
            self.query_one("#after", Static).update("")
        else:
            self._show(found)

    def _show(self, passed: Passed) -> None:
        run = passed.run
        where = f"{run.path.parent.name}/{run.name} · N {show.count(run.params)} · {show.SIGNS[run.state]} {run.state}"
        self.query_one("#where", Static).update(Text(f"{where} · the way of its data"))
        said = [stage_text(number, stage) for number, stage in enumerate(passed.stages, 1)]
        self.query_one("#before", Static).update(Text("\n").join(said[:BEFORE_THE_PLOT]))
        self.query_one("#after", Static).update(Text("\n").join(said[BEFORE_THE_PLOT:]))
        self.query_one("#losses", Plot).figure = losses(run, self._log_x)

    def action_log(self) -> None:
        self._log_x = not self._log_x
        if self._passed is not None:
            self._show(self._passed)

    def action_step(self, by: int) -> None:
        """The neighbour of the run in view."""
        if self._passed is not None:
            names = self._names(self._passed)
            self._another(names[(names.index(self._passed.run.name) + by) % len(names)])

    def action_run(self) -> None:
        if self._passed is not None:
            choices = [(name, name) for name in self._names(self._passed)]
            self.app.push_screen(Choose("The pipeline of which run?", choices), self._another)

    def _names(self, passed: Passed) -> list[str]:
        return [run.name for run in glance(passed.run.path.parent).runs]

    def _another(self, name: str | None) -> None:
        if name is not None:
            self._run = name
            self._ask()


def stage_text(number: int, stage: DataStage) -> Text:
    """A stage: its name, what leaves it, a sentence, and the table of its evaluations where it has one."""
    text = Text.assemble((f"{number} {stage.name}", "bold"), f"   {stage_size(stage)}\n", (f"{stage.says}\n", "dim"))
    if table := stage.detail.get("table"):
        text.append(evaluations_text(table) + "\n")
    return text


def losses(run: RunView, log_x: bool) -> Figure:
    """Training and held-out loss over the steps."""
    series = []
    for metric, colour, name in (("loss", "primary", "training"), ("val_loss", "accent", "held out")):
        x, y = run.curve.points("step", metric)
        if len(x):
            series.append(Series(x, y, colour, name, name=name))
    title = f"loss, nats/token · x steps{' · log x' if log_x else ''}"
    return Figure(title, tuple(series), log_x=log_x, x_name="step", y_name="loss")
