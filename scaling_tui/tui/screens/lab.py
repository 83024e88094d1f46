"""The Lab: choose a ladder, see what it would train and for how long, change its settings, launch it."""

from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from scaling_tui import InputError
from scaling_tui.report.dry_run import in_all, rungs_table
from scaling_tui.sweeps.estimate import Estimate, estimate
from scaling_tui.sweeps.ladder import ladders
from scaling_tui.sweeps.launch import launch
from scaling_tui.sweeps.preflight import check_ladder
from scaling_tui.sweeps.speeds import Evidence, evidence
from scaling_tui.text import show
from scaling_tui.tui.page import Page
from scaling_tui.tui.services.launch_form import FIELDS, FieldError, LaunchForm, LaunchRequest, launch_request
from scaling_tui.tui.widgets.choose import Choose, lines_of
from scaling_tui.tui.widgets.options import Options
from scaling_tui.tui.widgets.panel import Group, Panel


class LabScreen(Page):
    """A list of ladders; beside it the chosen one, its form, and the launch button."""

    ABOUT: ClassVar[str] = (
        "A ladder is a file that describes what to train: one architecture in several sizes, on one text. N is the "
        "parameters of a size, D its training tokens, C the FLOPs that training takes. Change any setting: each field "
        "is checked as you type, and the table shows what would be trained and for how long."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "l,f5", "launch", "launch", key_display="l", tooltip="Train this ladder with these settings (f5 in a field)"
        ),
        Binding("e", "edit", "edit", tooltip="Edit the settings; esc leaves a field"),
        Binding("c", "clear", "clear", tooltip="Clear all changes"),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (72, "-normal")]  # noqa: RUF012 - Textual's own type
    CSS = """
    LabScreen {
        #where { height: 1; background: $panel; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        #halves { layout: horizontal; }
        #ladders-panel { width: 25; }
        #ladders { height: 1fr; border: none; padding: 0; background: $surface; text-wrap: nowrap; }
        #ladder { width: 1fr; padding: 0 1; scrollbar-size-vertical: 1; scrollbar-gutter: stable; }
        .field { height: 1; }
        .field Label { width: 9; color: $text-muted; }
        .field Input { width: 1fr; background: $boost; }
        .field Input:focus { background: $primary 40%; }
        .mistake { height: auto; padding: 0 0 0 9; color: $text-error; display: none; }
        #summary, #table, #expected { height: auto; margin: 0 0 1 0; }
        #expected { color: $text-muted; margin: 1 0 0 0; }
        #launch { margin: 1 0 0 0; }
        &.-narrow #halves { layout: vertical; }
        &.-narrow #ladders-panel { width: 100%; height: 4; }
        &.-narrow #ladder-panel { width: 100%; height: 1fr; }
        &.-roomy {
            #ladders-panel { width: 30; }
            #ladders { background: transparent; }
            #ladder { padding: 0; }
        }
    }
    """

    def __init__(self, runs: Path) -> None:
        super().__init__(runs)
        self._paths: dict[str, Path] = {}
        self._known: dict[str, Evidence] = {}  # of the speed of this machine, by device as the form names it
        self._chosen: Path | None = None
        self._request: LaunchRequest | None = None
        self._launching = False
        self._preparing = ""

    def body(self) -> ComposeResult:
        yield Static(id="where")
        with Group(id="halves"):
            yield Panel("Ladders", Options(id="ladders"), id="ladders-panel")
            with Panel("Ladder", id="ladder-panel"), VerticalScroll(id="ladder", can_focus=False):
                yield Static(id="summary")
                yield Static(id="table")
                for name, wanted in FIELDS.items():
                    with Horizontal(classes="field"):
                        yield Label(name.replace("_", "-"))
                        yield Input(placeholder=wanted, id=name, compact=True, select_on_focus=False)
                    yield Static(id=f"{name}-mistake", classes="mistake")
                yield Button("Launch", id="launch", compact=True, variant="primary")
                yield Static(id="expected")

    def on_mount(self) -> None:
        self._paths = {path.stem: path for path in ladders()}
        options = self.query_one("#ladders", OptionList)
        options.add_options([Option(Text(name, no_wrap=True, overflow="ellipsis"), id=name) for name in self._paths])
        first = "quickstart"
        options.highlighted = list(self._paths).index(first) if first in self._paths else 0
        options.focus()

    def on_screen_resume(self) -> None:
        """Sweeps may have ended since: their speeds are read anew."""
        self._known = {}
        if self._request is not None:
            self._show()

    @work(thread=True, exclusive=True, group="evidence")
    def _read_evidence(self, device: str) -> None:
        self.app.call_from_thread(self._take_evidence, device, evidence(self.runs, device))

    def _take_evidence(self, device: str, known: Evidence) -> None:
        self._known[device] = known
        self._show()

    def open(self, what: str) -> None:
        if what in self._paths:
            self.query_one("#ladders", OptionList).highlighted = list(self._paths).index(what)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        self._chosen = self._paths[str(event.option_id)]
        self._show()

    def on_option_list_option_selected(self) -> None:
        self.action_edit()

    def on_input_changed(self) -> None:
        self._show()

    def on_input_submitted(self) -> None:
        self.focus_next()

    def on_button_pressed(self) -> None:
        self.action_launch()

    def on_resize(self) -> None:
        self.call_after_refresh(self._show)

    def panels_changed(self) -> None:
        self._show()

    def _form(self) -> LaunchForm:
        return LaunchForm(**{name: self.query_one(f"#{name}", Input).value.strip() for name in FIELDS})

    def _show(self) -> None:
        """The ladder with the form's settings, or the error under the field that has it."""
        if self._chosen is None:
            return
        wrong = None
        try:
            self._request = launch_request(self._chosen, self._form(), self.runs)
        except FieldError as mistake:
            self._request, wrong = None, mistake
        for name in FIELDS:
            mistake_line = self.query_one(f"#{name}-mistake", Static)
            mistake_line.display = wrong is not None and wrong.field == name
            if wrong is not None and mistake_line.display:
                mistake_line.update(Text(f"✗ {wrong.text}"))
        self.query_one("#launch", Button).disabled = self._request is None or self._launching
        if self._request is None:
            self.query_one("#where", Static).update(Text(f"Lab · {self._chosen.stem} · fix the field marked ✗"))
            return
        self._show_ladder(self._request)

    def _show_ladder(self, request: LaunchRequest) -> None:
        ladder, time = request.ladder, self._time(request)
        self.query_one("#ladder-panel", Panel).retitle(ladder.name)
        self.query_one("#where", Static).update(Text(f"Lab · {ladder.name} · {in_all(ladder, time, ladder.seeds)}"))
        corpus = f"Text: {Path(ladder.corpus.name).name}, {ladder.corpus.tokenizer} tokens."
        self.query_one("#summary", Static).update(Text(f"{ladder.summary} {corpus}"))
        width = self.query_one("#ladder").scrollable_content_region.width
        head, *rows = rungs_table(ladder, time, width)
        table = Text(head + "\n", style="bold", no_wrap=True).append("\n".join(rows), "not bold")
        self.query_one("#table", Static).update(table.append(f"\n{time.basis}", "not bold dim"))
        expected = f"Expected: {' '.join(ladder.expected.split())}" if ladder.expected else ""
        self.query_one("#expected", Static).update(Text(expected))

    def _time(self, request: LaunchRequest) -> Estimate:
        if request.device not in self._known:
            self._known[request.device] = Evidence(gpu_free=0)  # the driver takes its time, the screen does not wait
            self._read_evidence(request.device)
        known, seeds = self._known[request.device], len(request.ladder.seeds)
        return estimate(
            request.ladder, known, seeds=seeds, device=request.device, jobs=request.jobs, per_gpu=request.per_gpu
        )

    def action_edit(self) -> None:
        self.query_one("#tokens", Input).focus()

    def action_clear(self) -> None:
        for name in FIELDS:
            self.query_one(f"#{name}", Input).value = ""

    def action_launch(self) -> None:
        if self._request is None:
            self.notify("Not launched: fix the field marked ✗.", severity="warning")
        elif not self._launching:
            request, ladder = self._request, self._request.ladder
            called = f" as {request.name}" if request.name else ""
            question = f"Launch {ladder.name}{called}: {in_all(ladder, self._time(request), ladder.seeds)}?"
            choices = [("launch", "Launch; it trains in the background"), ("", "Not now")]
            dialog = Choose(question, lines_of(choices))
            self.app.push_screen(dialog, lambda answer: self._start(request) if answer else None)

    def _start(self, request: LaunchRequest) -> None:
        self._launching = True
        self.query_one("#launch", Button).label = "Starting …"
        self._show()
        self._launch(request)

    @work(thread=True)
    def _launch(self, request: LaunchRequest) -> None:
        """In a thread: reading the corpus and starting a supervisor take a second or more."""
        try:
            checked = check_ladder(request.ladder, request.device, request.jobs, self._prepare)
            sweep = launch(
                self.runs, request.ladder, jobs=request.jobs, per_gpu=request.per_gpu, device=request.device,
                checked=checked, name=request.name,
            )  # fmt: skip
        except InputError as error:
            self.app.call_from_thread(self._launched, None, str(error))
        else:
            self.app.call_from_thread(self._launched, sweep.name, "")
            for warning in checked.data.warnings:
                self.app.call_from_thread(self.notify, warning, severity="warning", markup=False, timeout=20)

    def _prepare(self, doing: str, done: int, total: int) -> None:
        """In the thread: shows how far a corpus is read or encoded, in whole per cents."""
        label = f"{doing.capitalize()} {show.percent(done / max(1, total))} …"
        if label != self._preparing:
            self._preparing = label
            self.app.call_from_thread(self._label, label)

    def _label(self, label: str) -> None:
        self.query_one("#launch", Button).label = label

    def _launched(self, sweep: str | None, problem: str) -> None:
        self._launching = False
        self._preparing = ""
        self.query_one("#launch", Button).label = "Launch"
        self._show()
        if sweep is None:
            self.notify(problem, severity="error", markup=False, timeout=10)
        else:
            self.scaling_app.sweep = sweep
            self.query_one("#name", Input).value = ""  # it is taken now
            if self.is_current:
                self.app.switch_mode("live")
