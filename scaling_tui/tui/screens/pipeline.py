"""The pipeline screen: a run's data in six stages with its actual counts, its losses, and a row per evaluation."""

from asyncio import to_thread
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from scaling_tui import InputError
from scaling_tui.report.lesson import losses
from scaling_tui.report.pipeline import evaluations_text, stage_size
from scaling_tui.report.why import Explanation
from scaling_tui.report.why.pipeline import pipeline_figures
from scaling_tui.runs import RunView, find_sweep, read_run
from scaling_tui.runs.glance import glance
from scaling_tui.sweeps.data_stages import DataStage, stages
from scaling_tui.text import show
from scaling_tui.tui.page import Page
from scaling_tui.tui.plot_keys import PLOT_KEYS, PlotKeys
from scaling_tui.tui.run_dialog import choose_run
from scaling_tui.tui.services.background import OneAtATime
from scaling_tui.tui.widgets.panel import Group, Panel
from scaling_tui.tui.widgets.plot import Plot

POLL_S = 10.0  # for a run in training; the corpus is read again each time
BEFORE_THE_PLOT = 4


@dataclass(frozen=True)
class RunStages:
    """The stages of one run, as of the last read."""

    run: RunView
    stages: list[DataStage]


class PipelineScreen(PlotKeys, Page):
    """A run's data from text to evaluation; keys choose the run."""

    ABOUT = (
        "A run's data in six stages, each with its output: text, tokens, train and held-out parts, the model, "
        "training, evaluation. Every count is recomputed from the corpus and the run's records. A line for each "
        "evaluation says what it shows: learning, a plateau, or memorising."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "run", "run", tooltip="Show another run of the sweep"),
        Binding("comma", "step(-1)", "previous run", key_display=",", tooltip="Go to the previous run of the sweep"),
        Binding("full_stop", "step(1)", "next run", key_display=".", tooltip="Go to the next run of the sweep"),
        Binding("x", "log", "log x", tooltip="Switch the step axis between logarithmic and linear"),
        *PLOT_KEYS,
    ]
    CSS = """
    PipelineScreen {
        #where { height: 1; padding: 0 1; background: $panel; text-wrap: nowrap; text-overflow: ellipsis; }
        #stages { height: 1fr; padding: 0 1; }
        #stages Panel, #side { height: auto; }
        #stages Static { height: auto; }
        #stages Plot { height: 10; }
        #losses-panel { display: none; }
        &.-read #losses-panel { display: block; }
        &.-roomy {
            #stages { padding: 0; overflow: hidden; }
            #side { layout: horizontal; }
            #side, #side Panel, #losses { height: 1fr; }
            #before-panel { max-height: 50%; }
            #before-panel, #after-panel { overflow-y: auto; scrollbar-size-vertical: 1; }
        }
    }
    """

    def __init__(self, runs: Path) -> None:
        super().__init__(runs)
        self._sweep: str | None = None
        self._run: str | None = None
        self._run_stages: RunStages | None = None
        self._stale, self._log_x = True, True
        self._reading = OneAtATime(self, self._read)

    def body(self) -> ComposeResult:
        yield Static(id="where")
        with VerticalScroll(id="stages"):
            yield Panel("From text to model", Static(id="before"), id="before-panel")
            with Group(id="side"):
                yield Panel("Losses", Plot(id="losses"), id="losses-panel")
                yield Panel("Training and evaluation", Static(id="after"), id="after-panel")

    def on_mount(self) -> None:
        self.query_one("#stages").focus()
        self.set_interval(POLL_S, self._poll)

    def follow(self, sweep: str | None) -> None:
        if sweep != self._sweep or self._run_stages is None:
            self._sweep, self._run, self._stale = sweep, None, True
            if self.is_current:
                self._ask()

    def on_screen_resume(self) -> None:
        if self._stale:
            self._ask()

    def _poll(self) -> None:
        if self.is_current and (self._run_stages is None or self._run_stages.run.state == "running"):
            self._ask()

    def _ask(self) -> None:
        self._stale = False
        if self._run_stages is None:
            self.query_one("#where", Static).update(Text("Reading the corpus …"))
        self._reading.ask((self._sweep, self._run))

    def _read(self, request: tuple[str | None, str | None]) -> None:
        """Counts in a thread: a corpus may have to be tokenized first."""
        sweep, run = request
        try:
            view = glance(find_sweep(self.runs, sweep))
            chosen = view.run(run) if run else max(view.runs, key=lambda run: (len(run.curve) > 0, run.params or 0))
            result: RunStages | str = f"sweep {view.name}: no runs"
            if chosen:
                whole = read_run(chosen.path)
                result = RunStages(whole, stages(whole))
        except (InputError, ValueError) as error:
            result = str(error)
        except OSError as error:
            result = f"{error.filename or 'disk'}: {error.strerror or error}"
        self.app.call_from_thread(self._take, request, result)

    def _take(self, request: tuple[str | None, str | None], result: RunStages | str) -> None:
        if not self.is_mounted or request != (self._sweep, self._run):
            return
        self._run_stages = result if isinstance(result, RunStages) else None
        self.set_class(self._run_stages is not None, "-read")
        if isinstance(result, str):
            self.query_one("#where", Static).update(Text("Pipeline: nothing to show yet"))
            self.query_one("#before", Static).update(Text(f"{result}\n\nPress 2 for the Lab to train a ladder."))
            self.query_one("#after", Static).update("")
        else:
            self._show(result)

    def _show(self, run_stages: RunStages) -> None:
        run = run_stages.run
        where = f"{run.path.parent.name}/{run.name} · N {show.count(run.params)} · {show.SIGNS[run.state]} {run.state}"
        self.query_one("#where", Static).update(Text(f"{where} · its data pipeline"))
        texts = [stage_text(number, stage) for number, stage in enumerate(run_stages.stages, 1)]
        self.query_one("#before", Static).update(Text("\n").join(texts[:BEFORE_THE_PLOT]))
        self.query_one("#after", Static).update(Text("\n").join(texts[BEFORE_THE_PLOT:]))
        self.query_one("#losses", Plot).figure = losses(run, self._log_x)

    def why(self) -> Callable[[], Sequence[Explanation]] | None:
        found = self._run_stages
        return None if found is None else lambda: pipeline_figures(found.run, found.stages)

    def action_log(self) -> None:
        self._log_x = not self._log_x
        if self._run_stages is not None:
            self._show(self._run_stages)

    async def action_step(self, by: int) -> None:
        """The next or previous run."""
        if self._run_stages is not None:
            run = self._run_stages.run
            names = [one.name for one in await self._runs_of(run.path.parent)]
            if run.name in names:
                self._show_run(names[(names.index(run.name) + by) % len(names)])
            elif names:
                self._show_run(names[0])  # it was deleted meanwhile

    async def action_run(self) -> None:
        if self._run_stages is not None:
            run = self._run_stages.run
            runs = await self._runs_of(run.path.parent)
            self.app.push_screen(choose_run("Show the pipeline of which run?", runs, run.name), self._show_run)

    async def _runs_of(self, sweep: Path) -> Sequence[RunView]:
        """The runs of a sweep as it stands now; none where it is gone."""
        try:
            return (await to_thread(glance, sweep)).runs
        except (InputError, OSError) as error:
            self.notify(str(error), severity="error", markup=False)
            return ()

    def _show_run(self, name: str | None) -> None:
        if name is not None:
            self._run = name
            self._ask()


def stage_text(number: int, stage: DataStage) -> Text:
    """A stage: its name, its output, a sentence, and the table of evaluations if it has one."""
    text = Text.assemble((f"{number} {stage.name}", "bold"), f"   {stage_size(stage)}\n", (f"{stage.says}\n", "dim"))
    if table := stage.detail.get("table"):
        text.append(evaluations_text(table) + "\n")
    return text
