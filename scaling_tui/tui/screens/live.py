"""The live screen: curves and a table of all runs, the law so far, log, machine load, and keys to stop and resume."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from scaling_tui import InputError
from scaling_tui.plots.curves import (
    OVER,
    SCALES,
    SMOOTHING,
    Choice,
    Curves,
    labels,
    metrics_of,
    place,
    shown_of,
)
from scaling_tui.plots.figures import colour_of
from scaling_tui.plots.results import metrics_over_size, result_figure
from scaling_tui.report.sweep import law_plot, law_text, promised_text
from scaling_tui.report.sweeps import faults_in_brief
from scaling_tui.report.why import Explanation
from scaling_tui.report.why.sweeps import row_figures, whole_figures
from scaling_tui.runs import RunView, SweepView, make_request
from scaling_tui.runs.format import WAITING
from scaling_tui.runs.law_points import law_of_sweep
from scaling_tui.runs.metrics import described, matching
from scaling_tui.sweeps.launch import resumable, resume
from scaling_tui.sweeps.queue import why_not_next
from scaling_tui.sweeps.results import outcome
from scaling_tui.text import show
from scaling_tui.tui.cycle import after
from scaling_tui.tui.live_page import LivePage
from scaling_tui.tui.log_dialog import LogDialog
from scaling_tui.tui.plot_keys import PLOT_KEYS, PlotKeys
from scaling_tui.tui.report_dialog import REPORT, ask_for_report
from scaling_tui.tui.run_keys import RUN_KEYS, RunKeys
from scaling_tui.tui.save_dialog import Picture, save
from scaling_tui.tui.services.run_detail import run_text
from scaling_tui.tui.services.table_form import Opened, OpenedTable
from scaling_tui.tui.services.watch import SweepSnapshot
from scaling_tui.tui.source_dialog import choose_source
from scaling_tui.tui.widgets.choose import Choose, lines_of
from scaling_tui.tui.widgets.machine_load import MachineLoad
from scaling_tui.tui.widgets.panel import Group, Panel, in_view
from scaling_tui.tui.widgets.plot import Plot, theme_colours
from scaling_tui.tui.widgets.run_columns import SettingColumns, SpeedColumn
from scaling_tui.tui.widgets.run_table import RunTable, RunTableData
from scaling_tui.tui.widgets.text import LastLines, PlainText

WIDE, NORMAL = 110, 72
NOTHING = "-"  # no sweep can be called that


class LiveScreen(PlotKeys, RunKeys, LivePage):
    """Watches one sweep. Everything shown is read from the sweep's folder; closing the app stops no run."""

    ABOUT = (
        "The loss of every run as the sweep trains, in nats per token, or any other metric that was recorded. Lower "
        "loss is better; a larger rung should end lower. Keys mark, hide, pin, stop and resume the run under the "
        "table's cursor. Before a name: ▶ running, ✓ finished, ■ stopped, ✗ failed; * marked, ^ pinned, - hidden."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "row(-1)", "up", show=False, tooltip="Move to the run above"),
        Binding("down,j", "row(1)", "down", show=False, tooltip="Move to the run below"),
        Binding("space", "flag('marked')", "mark", tooltip="Mark the run under the cursor and dim the others"),
        Binding("h", "flag('hidden')", "hide", show=False, tooltip="Hide the run's curve, or show it again"),
        Binding(
            "p",
            "flag('pinned')",
            "pin",
            show=False,
            tooltip="Pin the run: first in the table, in front in the plot",
        ),
        Binding("a", "show_all", "all", show=False, tooltip="Clear all marks and show hidden curves"),
        Binding("x", "over", "axis", tooltip="Switch the x axis: tokens, steps, FLOPs, time"),
        Binding("s", "smooth", "smooth", tooltip="Smooth the training loss: 0.8, 0.95, 0.99, off"),
        Binding("g", "scales", "log", show=False, tooltip="Switch logarithmic axes: both, x, y, none"),
        Binding("v", "metric", "metric", tooltip="Show the next metric: training loss, held-out loss, others"),
        Binding("f", "choose_metric", "find", show=False, tooltip="Choose a metric from a list, or some by a pattern"),
        Binding("c", "compare", "compare", tooltip="Overlay the curves of other sweeps and files"),
        *PLOT_KEYS,
        Binding("t", "stop", "stop", tooltip="Stop or pause the run under the cursor, or the whole sweep"),
        Binding("r", "resume", "resume", tooltip="Resume what was stopped, from its checkpoints"),
        Binding("l", "law", "law", tooltip="Switch the plot: the law, other metrics against size, the curves"),
        Binding("u", "next", "up next", show=False, tooltip="Move the run to the front of the queue"),
        Binding("w", "log", "log", show=False, tooltip="Show and search the log of the run, or of the supervisor"),
        Binding("m", "machine", "machine", show=False, tooltip="Show the load of processors, memory and GPUs"),
        *RUN_KEYS,
        Binding("e", "export", "export", show=False, tooltip="Save the plot or the screen to a file"),
        REPORT,
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (NORMAL, "-normal"), (WIDE, "-wide")]  # noqa: RUF012 - Textual's type
    CSS = """
    LiveScreen {
        #where { height: 1; padding: 0 1; text-style: bold; text-wrap: nowrap; text-overflow: ellipsis; }
        #body { layout: horizontal; }
        #plots { padding: 0 1 0 0; }
        #side, #runs-panel { width: auto; }
        #law-panel, #run-panel { display: none; }
        #told, #words, #words Panel, #machine-panel { height: auto; }
        #machine-panel { display: none; max-height: 50%; }
        #machine { padding: 0 1; }
        #law { height: auto; max-height: 4; padding: 0 1; }
        #log { height: 2; padding: 0 1; color: $text-muted; text-wrap: nowrap; text-overflow: ellipsis; }
        #run { height: auto; }
        .-framed #law, .-framed #log { height: 1fr; max-height: 100%; }
        &.-law { #curves-panel { display: none; } #law-panel { display: block; } }
        &.-wide { #law-panel { display: block; } #log { height: 5; } }
        &.-wide.-law #curves-panel { display: block; }
        &.-narrow #log { height: 1; }
        &.-machine #machine-panel { display: block; }
        &.-roomy {
            #plots { padding: 0; }
            #side { width: 1fr; }
            #runs-panel { width: 1fr; height: auto; max-height: 60%; }
            #runs { width: 1fr; }
            #run-panel, #machine-panel { display: block; }
            #words { layout: horizontal; height: 18%; min-height: 7; }
            #words Panel { height: 1fr; }
            #law { height: 1fr; max-height: 100%; padding: 0; }
            #log { height: 1fr; padding: 0; }
            #machine { padding: 0; }
        }
        &.-empty { #body, #log-panel, #machine-panel { display: none; } #law { padding: 1 2; } }
    }
    """

    def __init__(self, runs: Path) -> None:
        super().__init__(runs)
        self._snapshot: SweepSnapshot | None = None
        self._beside: dict[str, SweepView | None] = {}  # by name or path; None until it is read
        self._choice = Choice()
        self._view = "curves"
        self._curves = Curves()
        self._able: list[bool | None] = []
        self._law_of: object = None
        self._settings = SettingColumns()
        self._speed = SpeedColumn()

    def body(self) -> ComposeResult:
        yield PlainText(id="where")
        with Group(id="body"):
            with Group(id="plots"):
                yield Panel("Curves", Plot(id="curves"), id="curves-panel")
                yield Panel("Law", Plot(id="law-plot"), id="law-panel")
            with Group(id="side"):
                yield Panel("Runs", RunTable(id="runs"), id="runs-panel")
                yield Panel("Run", PlainText(id="run"), id="run-panel")
        with Group(id="told"):
            yield Panel("Machine", MachineLoad(lambda: self._sweep, id="machine"), id="machine-panel")
            with Group(id="words"):
                yield Panel("Prediction", PlainText(id="law"), id="words-panel")
                yield Panel("Log", LastLines(id="log"), id="log-panel")

    # --- the sweep

    def follow(self, sweep: str | None) -> None:
        if self._snapshot is None or sweep != self._name:
            self._name, self._snapshot = sweep, None
            for plot in self.query(Plot):
                plot.follow_data()
            self._beside.pop(sweep or "", None)
            self._listen()

    def beside(self) -> Sequence[str]:
        return tuple(self._beside)

    def sources(self) -> Sequence[str | Opened]:
        return [*super().sources(), *self._beside]

    def on_live_page_updated(self, message: LivePage.Updated) -> None:
        if message.beside is not None:
            if message.beside in self._beside:
                self._beside[message.beside] = message.snapshot.sweep
        else:
            self._snapshot = message.snapshot
        self._show()
        able = [self.check_action(action, ()) for action in ("stop", "resume")]
        if able != self._able:
            self._able = able
            self.refresh_bindings()

    # --- the widgets

    @property
    def _sweep(self) -> SweepView | None:
        return self._snapshot.sweep if self._snapshot else None

    def _show(self) -> None:
        snapshot, sweep = self._snapshot, self._sweep
        if snapshot is None:
            return
        self.scaling_app.watches.hold()
        self.set_class(sweep is None, "-empty")
        if sweep is None:
            self.query_one("#where", PlainText).set_text("Live")
            hint = "\n\nPress 2 for the Lab to launch a ladder, or o to show another sweep."
            self.query_one("#law", PlainText).set_text(Text(snapshot.problem + hint))
            return
        if self._name is None:
            # The latest stays shown, on all screens, even when a later one is launched elsewhere.
            self._name = self.scaling_app.sweep = sweep.name
        self.query_one("#where", PlainText).set_text(headline(snapshot, self.size.width))
        self._show_table(snapshot, sweep)
        self._show_plots()
        self._show_run()
        self.query_one("#law", PlainText).set_text(self._words(snapshot, sweep))
        self.query_one("#log", LastLines).set_lines([line[11:] for line in sweep.log])

    def _show_plots(self) -> None:
        """Draws the visible plots; the others are drawn when they are shown."""
        sweep = self._sweep
        if sweep is None or self._snapshot is None:
            return
        curves, law = self.query_one("#curves", Plot), self.query_one("#law-plot", Plot)
        if in_view(curves):
            curves.figure = self._curves.figure(sweep, self._choice, [one for one in self._beside.values() if one])
        if in_view(law):
            views = self._views(sweep)
            view = self._view if self._view in views else views[0]
            done = [(run.name, run.loss, run.curve.records) for run in sweep.runs if run.state == "finished"]
            known = (sweep.name, view, self._snapshot.fit, done, len(sweep.predictions))
            if known != self._law_of:
                self._law_of = known
                fitted = self._snapshot.fit
                if view != "law":
                    law.figure = result_figure(sweep, outcome(sweep), view)
                else:
                    law.figure = law_plot(sweep, fitted)

    @staticmethod
    def _views(sweep: SweepView) -> tuple[str, ...]:
        """The views beside the curves: the law, if there is to be one, and metrics against size."""
        metrics = metrics_over_size(sweep)
        return ("law", *metrics) if law_of_sweep(sweep) or not metrics else metrics

    def _show_table(self, snapshot: SweepSnapshot, sweep: SweepView) -> None:
        theme = theme_colours(self.app.theme_variables)
        colours = {run.name: colour_of(place(index, len(sweep.runs)), theme) for index, run in enumerate(sweep.runs)}
        table = self.query_one(RunTable)
        rows = RunTableData(sweep.runs, labels(sweep), colours, self._choice, snapshot.asked)
        panel = self.query_one("#runs-panel")
        if panel.has_class("-framed"):
            table.styles.clear_rule("width")
            table.fill(rows, panel.content_size.width, (*self._settings.of(sweep), self._speed.column))
            return
        share = 0.42 if self.size.width >= NORMAL else 0.45
        width = table.fill(rows, round(self.size.width * share))
        if table.styles.width is None or table.styles.width.value != width:
            table.styles.width = width

    def _show_run(self) -> None:
        """The run under the cursor in detail, where that is in view."""
        run, text = self._run(), self.query_one("#run", PlainText)
        if run is not None and in_view(text):
            panel = self.query_one("#run-panel", Panel)
            panel.retitle(f"Run {run.name}")
            text.set_text(run_text(run, panel.content_size.width))

    def _words(self, snapshot: SweepSnapshot, sweep: SweepView) -> Text:
        text = law_text(sweep, snapshot.fit)
        if promised := promised_text(sweep):
            text = promised if not text else text.append("\n").append_text(promised)
        run = self._run()
        if run is not None and run.reason:
            text.append(f"\n{run.name} {run.state}: {run.reason}")
        if sweep.state == "running" and sweep.reason:
            text.append(f"\n{sweep.name}: {sweep.reason}")
        if fault := faults_in_brief(sweep.name, sweep.all_faults):
            text.append(f"\n{fault}")
        return text

    def sweep_in_view(self) -> SweepView | None:
        return self._sweep

    def run_in_view(self) -> RunView | None:
        return self._run()

    def _run(self) -> RunView | None:
        """The run under the cursor."""
        name = self.query_one(RunTable).run_name
        return self._sweep.run(name) if self._sweep is not None and name is not None else None

    def why(self) -> Callable[[], Sequence[Explanation]] | None:
        sweep, run, snapshot = self._sweep, self._run(), self._snapshot
        if sweep is None or snapshot is None:
            return None
        return partial(whole_figures if run is None else partial(row_figures, run=run), sweep, fitted=snapshot.fit)

    def on_resize(self) -> None:
        # The breakpoints' classes and the layout come after this event.
        self.call_after_refresh(self.panels_changed)

    def panels_changed(self) -> None:
        self._show()
        self.query_one(MachineLoad).look()

    def on_run_table_moved(self) -> None:
        self._show_run()
        if self._snapshot is not None and self._sweep is not None:
            self.query_one("#law", PlainText).set_text(self._words(self._snapshot, self._sweep))

    # --- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer lists only what can be done now."""
        sweep = self._sweep
        if action == "stop":
            return sweep is not None and sweep.trains
        if action == "resume":
            return sweep is not None and any(self._can_resume(sweep, run) for run in sweep.runs)
        if action in ("rerun", "rm_run", "report"):
            return sweep is not None and bool(sweep.runs)
        if action == "undo_rm":
            return self.can_undo()
        if action == "next":
            return sweep is not None and any(not why_not_next(sweep, run) for run in sweep.runs)
        return True

    def _can_resume(self, sweep: SweepView, run: RunView) -> bool:
        held = self._snapshot is not None and run.name in self._snapshot.asked.held
        return (held or run.state not in ("queued", "running")) and run.name in resumable(sweep)

    def action_next(self) -> None:
        sweep, run = self._sweep, self._run()
        if sweep is None or run is None:
            return
        if why := why_not_next(sweep, run):
            self.notify(f"{why}.", markup=False)
            return
        try:
            make_request(sweep.path, "next", run.name)
        except InputError as error:
            self.notify(str(error), severity="error", markup=False)
        else:
            self.notify(f"{run.name} trains next, once a slot is free.", markup=False)

    def _choose(self, choice: Choice) -> None:
        self._choice = choice
        self._show()

    def action_row(self, by: int) -> None:
        self.query_one(RunTable).move(by)

    def action_flag(self, what: str) -> None:
        run = self._run()
        if run is not None:
            self._choose(self._choice.toggled(what, run.name))  # type: ignore[arg-type]

    def action_show_all(self) -> None:
        self._choose(replace(self._choice, marked=frozenset(), hidden=frozenset()))

    def action_over(self) -> None:
        self.query_one("#curves", Plot).cursor = None
        self._choose(replace(self._choice, over=after(OVER, self._choice.over)))

    def action_smooth(self) -> None:
        self._choose(replace(self._choice, smoothing=after(SMOOTHING, self._choice.smoothing)))

    def action_scales(self) -> None:
        log_x, log_y = after(SCALES, (self._choice.log_x, self._choice.log_y))
        self._choose(self._choice.scaled(log_x, log_y))

    def action_metric(self) -> None:
        sweep = self._sweep
        if sweep is None:
            return
        metrics = metrics_of(sweep, self._choice.pattern) or metrics_of(sweep)
        now = shown_of(sweep, self._choice).metric
        self._choose(replace(self._choice, metric=after(metrics, now) if now in metrics else metrics[0]))

    def action_choose_metric(self) -> None:
        sweep = self._sweep
        if sweep is not None:
            names = metrics_of(sweep)
            dialog = Choose(
                "Which metric? Type part of its name, or a pattern: eval/*",
                lines_of([(name, metric_row(sweep, name)) for name in names]),
                find=partial(matching, names),
                now=shown_of(sweep, self._choice).metric,
                typed=self._choice.pattern,
                hint="all metrics",
            )
            self.app.push_screen(dialog, lambda metric: self._show_metric(metric, dialog.typed.strip()))

    def _show_metric(self, metric: str | None, pattern: str) -> None:
        if metric is not None:
            self._choose(replace(self._choice, metric=metric, pattern=pattern))

    def plot(self) -> Plot:
        """The plot that keys act on: the curves, where they are visible."""
        curves, law = self.query_one("#curves", Plot), self.query_one("#law-plot", Plot)
        chosen = self.panels.current == "law-panel" and in_view(law)
        return curves if in_view(curves) and not chosen else law

    def action_law(self) -> None:
        if self._sweep is not None:
            views = self._views(self._sweep)
            order = views if self.size.width >= WIDE else ("curves", *views)
            self._view = after(order, self._view if self._view in order else order[0])
            self.set_class(self._view != "curves", "-law")
            self.call_after_refresh(self._show_plots)

    def action_log(self) -> None:
        if self._sweep is not None:
            run = self._run()
            self.app.push_screen(LogDialog(self._sweep.path, run.name if run else None, self.scaling_app.refresh_s))

    def action_machine(self) -> None:
        self.toggle_panel("machine-panel", "-machine")

    async def action_compare(self) -> None:
        shown = [name for name in (self._name, self._sweep.name if self._sweep else None) if name is not None]
        beside = show.listed([Path(name).name for name in self._beside])
        await choose_source(
            self, "Overlay which curves? Choose one again to remove it.", self._compare, without=shown,
            first=[(NOTHING, f"Remove {beside}")] if self._beside else [], curves=True,
        )  # fmt: skip

    def _compare(self, chosen: str | Opened | None) -> None:
        if isinstance(chosen, OpenedTable):
            self.notify(f"{chosen.name} is a table, without curves: C compares its law.", markup=False)
        elif chosen is not None:
            name = chosen if isinstance(chosen, str) else chosen.path
            if name == NOTHING:
                self._beside.clear()
            elif name in self._beside:
                del self._beside[name]
            else:
                self._beside[name] = None
            self._listen()
            self._show()

    def action_stop(self) -> None:
        sweep, run = self._sweep, self._run()
        if sweep is None or self._snapshot is None:
            return
        choices = [("sweep", f"The whole sweep {sweep.name}")]
        asked = self._snapshot.asked
        if run is not None and run.state in ("running", *WAITING) and run.name not in asked.stopping | asked.held:
            choices.insert(0, (run.name, f"Only {run.name}"))
        question = "Stop what? Each run writes a checkpoint first; r resumes it."
        self.app.push_screen(Choose(question, lines_of(choices)), partial(self._stop, sweep))

    def _stop(self, sweep: SweepView, what: str | None) -> None:
        if what is not None:
            try:
                make_request(sweep.path, "stop", None if what == "sweep" else what)
            except InputError as error:
                self.notify(str(error), severity="error", markup=False)
            else:
                self.notify(f"Asked {sweep.name if what == 'sweep' else what} to stop.")

    def action_resume(self) -> None:
        sweep, run = self._sweep, self._run()
        if sweep is None:
            return
        choices = [("sweep", f"All unfinished runs of {sweep.name}")]
        if run is not None and self._can_resume(sweep, run):
            choices.insert(0, (run.name, f"Only {run.name}"))
        question = "Resume what? Runs continue from their last checkpoints."
        self.app.push_screen(Choose(question, lines_of(choices)), partial(self._resume, sweep))

    def _resume(self, sweep: SweepView, what: str | None) -> None:
        def work() -> None:
            try:
                resume(sweep.path, run=None if what == "sweep" else what)
            except (InputError, OSError) as error:
                self.app.call_from_thread(self.notify, show.fault(error), severity="error", markup=False)

        if what is not None:
            self.notify(f"Resuming {sweep.name if what == 'sweep' else what} …", markup=False)
            # A supervisor takes a second or more to start.
            self.run_worker(work, thread=True)

    def action_report(self) -> None:
        if self._sweep is not None:
            ask_for_report(self, self._sweep.path)

    def action_export(self) -> None:
        plot = self.plot()
        save(
            self,
            Picture(
                self._sweep.name if self._sweep else "live", "curves" if plot.id == "curves" else "law", plot.figure
            ),
        )


def metric_row(sweep: SweepView, metric: str) -> str:
    """A metric in the list to choose from: its key, what it is, and the runs that recorded it."""
    recorded = [value for run in sweep.runs if (value := run.curve.last(metric)) is not None]
    about = described(metric)
    what = f"{about.titled}, " if about.name != metric else ""
    last = (
        f", last {' … '.join(show.value(value) for value in sorted({min(recorded), max(recorded)}))}"
        if recorded
        else ""
    )
    return f"{metric}  ({what}{show.counted(len(recorded), 'run')}{last})"


def headline(snapshot: SweepSnapshot, width: int) -> Text:
    """The sweep in one line: progress, time left, corpus."""
    sweep = snapshot.sweep
    if sweep is None:
        return Text("Live")
    finished = sum(run.state == "finished" for run in sweep.runs)
    parts = [sweep.name]
    if snapshot.unread:
        parts.append(f"sampled, {show.percent(1 - snapshot.unread)} read")
    if sweep.state == "empty":
        parts.append(sweep.reason)
    elif sweep.state != "finished":
        parts.append(f"{finished} of {len(sweep.runs)} finished")
    if sweep.state == "running" and (time := snapshot.left) is not None:
        parts.append(show.time_left(time.seconds, time.low, time.high))
    elif sweep.state == "running" and (estimated := (sweep.document.get("estimate") or {}).get("seconds")):
        parts.append(f"about {show.duration(estimated)} in all")
    elif sweep.state not in ("running", "empty"):
        states = Counter(run.state for run in sweep.runs if run.state != "finished")
        left = ", ".join(f"{count} {state}" for state, count in states.items())
        parts.append(sweep.state + (f" ({left})" if left else ""))
    corpus = sweep.document.get("corpus") or {}
    if width >= WIDE and corpus:
        parts.append(f"{corpus['source']}, sha256 {corpus['sha256'][:12]}")
    text = Text(" · ".join(parts), no_wrap=True, overflow="ellipsis")
    room = width - len(text.plain) - 10
    share = sweep.progress
    if sweep.state == "running" and room >= 8 and share is not None:
        done = round(room * share)
        text.append(" " + "━" * done, "bold").append("─" * (room - done) + f" {show.percent(share):>5}")
    return text
