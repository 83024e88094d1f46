"""The trace screen: what a checkpoint predicts after every layer, across a ladder or family, and over training.

Nothing is computed here: a process with torch traces (`lens.process`); this screen asks it from a thread and shows
its records.
"""

import dataclasses
from asyncio import to_thread
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar, Literal

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.geometry import Size
from textual.widgets import ContentSwitcher, Input, Label, Static
from textual.worker import get_current_worker

from scaling_tui import InputError
from scaling_tui.lens import records
from scaling_tui.lens.client import (
    Member,
    Tracer,
    can_be_traced,
    in_time,
    ladder_of,
    models_of,
    to_trace,
    why_untraceable,
)
from scaling_tui.lens.hugging_face.folder import find_model
from scaling_tui.lens.stages import first_right, quoted
from scaling_tui.runs import RunView, find_sweep
from scaling_tui.runs.glance import glance
from scaling_tui.runs.writer import checkpoints
from scaling_tui.text import show
from scaling_tui.tui.page import Page
from scaling_tui.tui.run_dialog import choose_run
from scaling_tui.tui.widgets.choose import Choose, by_text, lines_of
from scaling_tui.tui.widgets.open_folder import OpenFolder
from scaling_tui.tui.widgets.panel import Panel
from scaling_tui.tui.widgets.text import MadeToSize
from scaling_tui.tui.widgets.trace_detail import (
    SIDE_BY_SIDE,
    attention_weights,
    beside,
    cell_text,
    detail_text,
    layer_of,
    logit_parts,
    path,
    stages_text,
    titled,
    top,
)
from scaling_tui.tui.widgets.trace_grid import METRICS, TokenGrid

TraceRows = Literal["layers", "ladder", "time"]
Shown = Literal["grid", "stages", "detail"]
CONTINUE_BY = 16
TEMPERATURE = 0.8
POLL_S = 5.0
CURSOR_DELAY_S = 0.15  # a token under the cursor for this long is traced in detail
ROW_TITLES = {"layers": "after every part", "ladder": "every size", "time": "every checkpoint kept"}
OTHER_MODEL = "/"  # among the runs to choose from: no run has such a name
MODEL_HINT = (
    "A folder in Hugging Face's layout: config.json, safetensors weights, tokenizer.json. GPT-2, GPT-NeoX, Llama, "
    "Mistral, Qwen. The arrow → completes a path."
)


@dataclass(frozen=True)
class TraceQuery:
    """What the tracing process should trace. Equal requests give equal results until another checkpoint is written.

    `model` is the folder of one that was not trained here, instead of a run; `step` None is the run's latest.
    """

    sweep: str | None = None
    run: str | None = None
    step: int | None = None
    model: Path | None = None
    rows: TraceRows = "layers"
    prompt: str | None = None
    example: int = 0
    at: int | None = None
    watch: str | None = None

    @property
    def loads(self) -> bool:
        """Whether it may load models that take minutes: those that were not trained here."""
        return self.model is not None

    def shares(self, later: "TraceQuery") -> bool:
        """Whether `later` needs what this loads."""
        return self.model == later.model and self.rows in ("layers", later.rows)

    def question(self) -> dict[str, Any]:
        return {"prompt": self.prompt, "example": self.example, "at": self.at, "watch": self.watch}


@dataclass(frozen=True)
class Traced:
    """The answer to `request`: the reading of the run or model in `folder`; `members` are the rows of a comparison."""

    request: TraceQuery
    folder: Path
    reading: records.Reading
    members: Sequence[Member] = ()

    @property
    def name(self) -> str:
        if isinstance(self.reading, records.Trace):
            return self.reading.run
        return f"{self.folder.parent.name}/{self.folder.name}"

    @property
    def source(self) -> "Source":
        step = self.reading.step if isinstance(self.reading, records.Trace) else self.request.step
        return Source(self.folder, step, self.request.prompt, self.request.example)


@dataclass(frozen=True)
class Source:
    """What a continuation goes on from: a prompt, and the weights that read it."""

    folder: Path
    step: int | None
    prompt: str | None
    example: int


class TraceScreen(Page):
    """One prompt in a grid of rows and tokens; enter shows a cell in detail."""

    ABOUT = (
        "What a model predicts after every layer, through the logit lens. Each column is a token of the prompt, each "
        "row a part of the model; a cell shows the next token that the model would predict if it skipped the later "
        "parts. A deeper shade is better. Early rows understate what the model knows there, because the output layer "
        "was trained on the last row."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("backspace,g,escape", "grid", "grid", key_display="g", tooltip="Go back to the grid; also esc"),
        Binding("m", "metric", "metric", tooltip="Switch the metric that shades and numbers the cells"),
        Binding("s", "stages", "stages", tooltip="Show the four stages from prompt to prediction"),
        Binding("l", "rows('ladder')", "ladder", tooltip="Trace the prompt through every size of the ladder or family"),
        Binding("t", "rows('time')", "time", tooltip="Trace the prompt through the checkpoints of this training"),
        Binding("p", "prompt", "prompt", tooltip="Type a prompt; leave it empty for held-out or sample text"),
        Binding("e", "example", "text", False, tooltip="Take another piece of held-out or sample text"),
        Binding("w", "watch", "watch", False, tooltip="Follow another token's probability"),
        Binding("c", "go_on", "more", tooltip="Continue with the likeliest tokens; press again for more"),
        Binding("x", "draw", "sample", False, tooltip="Sample another continuation at temperature 0.8"),
        Binding("r", "run", "run", tooltip="Trace another run of the sweep, or a model from a folder"),
        Binding("f", "model", "model", False, tooltip="Trace a model from a folder in Hugging Face's layout"),
        Binding("a", "every_row", "all rows", False, tooltip="Switch between all rows and as many as fit"),
    ]
    CSS = """
    TraceScreen {
        #about { height: 1; padding: 0 1; background: $panel; text-wrap: nowrap; text-overflow: ellipsis; }
        #ask { height: 1; padding: 0 1; }
        #ask Label { width: auto; padding: 0 1 0 0; color: $text-muted; }
        #ask Input { height: 1; border: none; padding: 0; width: 1fr; background: $surface; }
        #note { height: auto; max-height: 4; padding: 0 1; color: $text-warning; display: none; }
        #note.-filled { display: block; }
        #shown { height: 1fr; padding: 0 1; }
        #stages, #detail, #below { height: 1fr; }
        #below { padding: 1 0 0 0; }
        #stages Static, #detail Static { height: auto; }
        #tokens-panel { height: auto; max-height: 100%; }
        &.-roomy {
            #shown, #below { padding: 0; }
        }
        #cell { height: 2; padding: 0 1; background: $panel; text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """

    def __init__(self, runs: Path) -> None:
        super().__init__(runs)
        self._tracer = Tracer()
        self._turn = Lock()  # of the threads that ask it: what is no longer wanted when its turn comes is not asked
        self._asked: TraceQuery | None = None  # what is being traced
        self._request = TraceQuery()
        self._traced: Traced | None = None
        self._continued: tuple[Source, records.Continuation] | None = None
        self._sampling: tuple[Source, tuple[int, float, int]] | None = None
        self._read_latest: tuple[str, int] | None = None
        self._stale = True

    def body(self) -> ComposeResult:
        yield Static(id="about")
        with Horizontal(id="ask"):
            yield Label("prompt")
            yield Input(id="prompt", placeholder="held-out text, p to type", compact=True, select_on_focus=False)
        yield Static(id="note")
        with ContentSwitcher(id="shown", initial="grid-panel"):
            with Vertical(id="grid-panel"):
                yield Panel("Tokens", TokenGrid(id="grid"), id="tokens-panel")
                yield Panel("Prediction", MadeToSize(self._below, id="below"), id="below-panel")
            with VerticalScroll(id="stages"):
                yield Static(id="stages-text")
            with VerticalScroll(id="detail"):
                yield Static(id="detail-text")
        yield Static(id="cell")

    def on_mount(self) -> None:
        self.query_one("#grid").focus()
        self._cursor_timer = self.set_interval(CURSOR_DELAY_S, self._trace_at_cursor, pause=True)
        self.set_interval(POLL_S, self._poll_checkpoints)

    def on_unmount(self) -> None:
        self._tracer.close()

    def follow(self, sweep: str | None) -> None:
        if sweep != self._request.sweep or self._traced is None:
            self._another(TraceQuery(sweep, prompt=self._request.prompt, example=self._request.example))

    def open(self, what: str) -> None:
        """Traces the model at the path `what`."""
        self._open_model(find_model(what) or Path(what))

    def on_screen_resume(self) -> None:
        if self._stale:
            self._ask()

    # --- requests

    def change(self, **changes: object) -> None:
        """Changes the request: another run, prompt, position, token or kind of rows."""
        self._request = dataclasses.replace(self._request, **changes)  # type: ignore[arg-type]
        self._ask()

    def _another(self, request: TraceQuery) -> None:
        """Shows another sweep or model; of what was shown nothing stays."""
        self._request, self._traced, self._stale = request, None, True
        self._set_note("")
        self.query_one("#grid", TokenGrid).clear()
        self.query_one("#below").refresh()
        for selector in ("#stages-text", "#detail-text", "#cell"):
            self.query_one(selector, Static).update("")
        self.panel = "grid"
        if self.is_current:
            self._ask()

    def _ask(self) -> None:
        self._stale = False
        if self._asked is not None and self._asked.loads and not self._asked.shares(self._request):
            self._tracer.interrupt()  # loading takes minutes, and what is wanted now would wait for it
        self._asked = self._request
        if self._traced is None and not self.query_one("#note").has_class("-filled"):
            model = self._request.model
            told = "Reading the checkpoint; the first takes a few seconds …"
            if model is not None:
                told = f"Loading {model.name} into memory; a large model takes minutes …"
            self.query_one("#about", Static).update(Text(told))
        self._read(self._request)

    @work(thread=True, exclusive=True, group="trace")
    def _read(self, request: TraceQuery) -> None:
        """Traces in a thread."""
        worker = get_current_worker()
        with self._turn:
            if worker.is_cancelled:
                return
            try:
                result: Traced | str = self._trace(request)
            except InputError as error:
                result = str(error)
            except OSError as error:
                result = f"{error.filename or 'disk'}: {error.strerror or error}"
        if not worker.is_cancelled:
            self.app.call_from_thread(self._take, request, result)

    def _trace(self, request: TraceQuery) -> Traced:
        question = request.question()
        if (model := request.model) is not None:
            if request.rows == "layers":
                return Traced(request, model, self._tracer.trace(model, **question))
            members = models_of(model, request.rows)
            return Traced(request, model, self._tracer.across(members, **question), members)
        sweep = glance(find_sweep(self.runs, request.sweep))
        run = sweep.run(request.run) if request.run else to_trace(sweep)
        if run is None:
            raise InputError(why_untraceable(sweep))
        if request.rows == "layers":
            return Traced(request, run.path, self._tracer.trace(run.path, request.step, **question))
        members = ladder_of(sweep, run) if request.rows == "ladder" else in_time(run)
        return Traced(request, run.path, self._tracer.across(members, **question), members)

    def _take(self, request: TraceQuery, result: Traced | str) -> None:
        if request == self._asked:
            self._asked = None
        if request != self._request or not self.is_mounted:
            return
        if isinstance(result, str):
            self._set_note(result)
            if self._traced is None:
                self.query_one("#about", Static).update(Text("Trace: nothing to show yet"))
                self.query_one("#cell", Static).update(
                    Text("Press 2 for the Lab, o to show another sweep, f to open a model.")
                )
            else:
                self._request = self._traced.request  # what is still shown is what the keys go on from
                at, column = self._traced.reading.at, self.query_one("#grid", TokenGrid).cursor[1]
                traced = isinstance(self._traced.reading, records.Trace) and (self.panel != "detail" or at == column)
                self.panel = self.panel if traced else "grid"
            return
        other = self._traced is None or type(self._traced.reading) is not type(result.reading)
        other = other or self._traced.reading.tokens != result.reading.tokens  # type: ignore[union-attr]
        self._traced = result
        reading = result.reading
        self._set_note(" · ".join(reading.notes))
        grid = self.query_one("#grid", TokenGrid)
        start = (len(reading.rows) - 1, reading.at)
        grid.load(reading, start if other else None)
        field = self.query_one("#prompt", Input)
        untyped = "sample text" if request.model else "held-out text"
        field.placeholder = show.token(reading.prompt)[-200:] if request.prompt is None else untyped
        self.refresh_bindings()
        self._show()

    def _set_note(self, text: str) -> None:
        note = self.query_one("#note", Static)
        note.update(Text(text))
        note.set_class(bool(text), "-filled")

    @work(thread=True, exclusive=True, group="checkpoints")
    def _poll_checkpoints(self) -> None:
        """Traces again once the run has written a newer checkpoint."""
        traced = self._traced
        if traced is None or not self.is_current:
            if self.is_current and self._traced is None and self._request.model is None:
                self.app.call_from_thread(self._ask)
            return
        if self._request.model is not None:
            return
        there = checkpoints(traced.folder)
        if there and (latest := (traced.folder.name, int(there[0].name.rpartition("-")[2]))) != self._read_latest:
            first, self._read_latest = self._read_latest is None or self._read_latest[0] != latest[0], latest
            if not first:
                self.app.call_from_thread(self._ask)

    # --- the widgets

    @property
    def panel(self) -> Shown:
        current = self.query_one("#shown", ContentSwitcher).current or ""
        return current.removesuffix("-panel")  # type: ignore[return-value]

    @panel.setter
    def panel(self, panel: Shown) -> None:
        self.query_one("#shown", ContentSwitcher).current = "grid-panel" if panel == "grid" else panel
        self.query_one(f"#{panel}").focus()
        self.refresh_bindings()
        self._show()

    def _show(self) -> None:
        if self._traced is None:
            return
        reading, grid = self._traced.reading, self.query_one("#grid", TokenGrid)
        parts = [self._traced.name]
        if isinstance(reading, records.Trace):
            parts += [f"step {reading.step:,}"] if reading.step is not None else []
            parts.append(f"N {show.count(reading.params)}")
        else:
            parts.append(ROW_TITLES[self._traced.request.rows])
        parts += grid.part_shown if self.panel == "grid" else [reading.origin]
        self.query_one("#about", Static).update(Text(" · ".join(parts), no_wrap=True, overflow="ellipsis"))
        width = self.query_one("#shown").content_size.width - 2
        if width > 0 and self.panel != "grid":
            self.query_one(f"#{self.panel}-text", Static).update(self._panel_text(width))
        self.query_one("#below").refresh()
        self.query_one("#cell", Static).update(self._cell())

    def _panel_text(self, width: int) -> Text:
        """The stages, or the cell under the cursor in detail; while it is being traced, that."""
        assert self._traced is not None
        reading, (row, column) = self._traced.reading, self.query_one("#grid", TokenGrid).cursor
        if not isinstance(reading, records.Trace):
            return Text("Tracing its layers …", "dim")
        if self.panel == "stages":
            return stages_text(reading, self._continuation, width)
        if reading.at != column:
            return Text(f"Tracing token {column + 1} …", "dim")
        return detail_text(reading, min(row, len(reading.rows) - 1), width)

    def _below(self, size: Size) -> Text:
        """What fits under a grid of few rows, once the column of the cursor is traced."""
        if self._traced is None:
            return Text()
        reading, (row, column) = self._traced.reading, self.query_one("#grid", TokenGrid).cursor
        width, room = size.width - 2, size.height
        if column != reading.at or room < 3 or row >= len(reading.rows):
            return Text()
        if isinstance(reading, records.Trace) and width >= SIDE_BY_SIDE:
            whole = detail_text(reading, row, width)
            if whole.plain.count("\n") < room:
                return whole
        half = (width - 3) // 2
        watched = f"p of {quoted(reading.rows[row].watched.token)}"
        if not isinstance(reading, records.Trace):
            return titled(f"{watched}\n").append_text(path(reading.rows, width, here=row))
        likeliest = titled(f"{reading.grid.names[row]}: most likely\n").append_text(
            top(reading.rows[row], half, room - 1)
        )
        if width < SIDE_BY_SIDE:
            return likeliest
        text = beside(likeliest, logit_parts(reading.attribution, half), half)
        if reading.attention:
            weights = attention_weights(reading, layer_of(reading, row), width)
            if text.plain.count("\n") + weights.plain.count("\n") + 2 < room:
                text.append("\n").append_text(weights)
        return text

    def _cell(self) -> Text:
        assert self._traced is not None
        reading, grid = self._traced.reading, self.query_one("#grid", TokenGrid)
        text = cell_text(reading, *grid.cursor)
        if isinstance(reading, records.Across) and reading.truth[grid.cursor[1]] is not None:
            right = first_right(reading.grid, grid.cursor[1])
            verdict = f"right from {reading.members[right].name} on" if right is not None else "not right at the end"
            loss = show.loss(reading.grid.loss(grid.cursor[0]), 3)
            head, facts = text.split("\n")
            text = head.append(f" · {verdict}\nloss of the row {loss} nats/token · ").append_text(facts)
        if self._continuation is not None and self.panel == "grid":
            lines = text.split("\n")
            text = lines[0].append("\n").append(f"continues: {quoted(self._continuation.text)}", "bold")
        return text

    def on_resize(self) -> None:
        self.call_after_refresh(self._show)

    def panels_changed(self) -> None:
        self._show()

    def on_token_grid_laid_out(self) -> None:
        self._show()

    def on_token_grid_moved(self) -> None:
        self._show()
        self._cursor_timer.reset()
        self._cursor_timer.resume()

    def _trace_at_cursor(self) -> None:
        self._cursor_timer.pause()
        column = self.query_one("#grid", TokenGrid).cursor[1]
        if self._traced is not None and self._traced.reading.at != column:
            self.change(at=column)

    def on_token_grid_chosen(self) -> None:
        """Shows the cell in detail; for a rung or a checkpoint, its own layers first."""
        if self._traced is None:
            return
        row, column = self.query_one("#grid", TokenGrid).cursor
        reading = self._traced.reading
        if isinstance(reading, records.Across):
            _, folder, step = self._traced.members[row]
            other = {"run": folder.name, "step": step} if self._request.model is None else {"model": folder}
            self._request = dataclasses.replace(self._request, rows="layers", **other)
        self.panel = "detail"
        if reading.at != column or isinstance(reading, records.Across):
            self.change(at=column)

    # --- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer lists only what can be done now."""
        if not self.is_mounted:
            return True
        if action in ("metric", "every_row"):
            return self.panel == "grid"
        if action == "grid":
            return self.panel != "grid" or self._request.rows != "layers"
        if action == "stages":
            return self.panel != "stages"
        if action in ("go_on", "draw") and self._traced is not None:
            return isinstance(self._traced.reading, records.Trace) and not self._traced.reading.classifies
        return not (action == "rows" and parameters[0] == self._request.rows)

    def action_metric(self) -> None:
        grid = self.query_one("#grid", TokenGrid)
        grid.metric = (grid.metric + 1) % len(METRICS)
        self._show()

    def action_every_row(self) -> None:
        grid = self.query_one("#grid", TokenGrid)
        grid.every_row = not grid.every_row

    def action_grid(self) -> None:
        if self.panel == "grid" and self._request.rows != "layers":
            self.change(rows="layers")
        self.panel = "grid"

    def action_stages(self) -> None:
        self.panel = "stages"
        if self._request.rows != "layers":
            self.change(rows="layers")

    def action_rows(self, rows: TraceRows) -> None:
        self.change(rows=rows)
        self.panel = "grid"

    def action_prompt(self) -> None:
        self.query_one("#prompt", Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "prompt":
            self.change(prompt=event.value or None, at=None, watch=None)
            self.query_one(f"#{self.panel}").focus()

    def action_example(self) -> None:
        self.query_one("#prompt", Input).value = ""
        self.change(prompt=None, example=self._request.example + 1, at=None, watch=None)

    def action_watch(self) -> None:
        """Follows another token: the true next one or one of the likeliest here."""
        if self._traced is None:
            return
        reading = self._traced.reading
        true, last = reading.truth[reading.at], reading.rows[-1]
        choices = [(f"#{true.id}", f"{quoted(true.token)}  is the true next token")] if true is not None else []
        choices += [
            (f"#{guess.id}", f"{quoted(guess.token)}  p {show.probability(guess.p)}")
            for guess in last.top
            if true is None or guess.id != true.id
        ]
        if reading.classifies:
            choices = [(key.removeprefix("#"), text) for key, text in choices]
        self._choose("Follow which token?", choices, lambda token: self.change(watch=token))

    async def action_run(self) -> None:
        runs: list[RunView] = []
        try:
            sweep = await to_thread(lambda: glance(find_sweep(self.runs, self._request.sweep)))
            runs = [run for run in sweep.runs if can_be_traced(run)]
        except InputError as error:
            self._set_note(str(error))

        def chosen(run: str | None) -> None:
            if run is None:
                return
            if run == OTHER_MODEL:
                self.action_model()
            elif self._request.model is not None:
                self._another(TraceQuery(self._request.sweep, run, prompt=self._request.prompt))
            else:
                self.change(run=run, step=None)

        others = [(OTHER_MODEL, "A model from a folder (f) …")]
        self.app.push_screen(choose_run("Trace which run?", runs, self._request.run, others), chosen)

    def action_model(self) -> None:
        start = "" if self._request.model is None else f"{self._request.model.parent}/"
        dialog = OpenFolder("Trace which model?", MODEL_HINT, find_model, start)
        self.app.push_screen(dialog, lambda folder: self._open_model(folder) if folder is not None else None)

    def _open_model(self, folder: Path) -> None:
        self._another(TraceQuery(self._request.sweep, model=folder, prompt=self._request.prompt))

    def _choose(self, question: str, choices: list[tuple[str, str]], then: Callable[[str], None]) -> None:
        if choices:
            lines = lines_of(choices)
            dialog = Choose(question, lines, find=by_text(lines))
            self.app.push_screen(dialog, lambda chosen: then(chosen) if chosen is not None else None)

    @property
    def _continuation(self) -> records.Continuation | None:
        """How the model shown continues the prompt shown, if it was asked."""
        if self._traced is None or self._continued is None or self._continued[0] != self._traced.source:
            return None
        return self._continued[1] if isinstance(self._traced.reading, records.Trace) else None

    def action_go_on(self) -> None:
        tokens, temperature, seed = self._sampled
        self._go_on(tokens + CONTINUE_BY, temperature, seed)

    def action_draw(self) -> None:
        self._go_on(CONTINUE_BY, TEMPERATURE, self._sampled[2] + 1)

    @property
    def _sampled(self) -> tuple[int, float, int]:
        """Tokens, temperature and seed of the last continuation of what is shown."""
        if self._traced is None or self._sampling is None or self._sampling[0] != self._traced.source:
            return 0, 0.0, 0
        return self._sampling[1]

    def _go_on(self, tokens: int, temperature: float, seed: int) -> None:
        if self._traced is not None:
            self._sampling = (self._traced.source, (tokens, temperature, seed))
            self._continue(self._traced.source, tokens, temperature, seed)

    @work(thread=True, exclusive=True, group="continue")
    def _continue(self, source: Source, tokens: int, temperature: float, seed: int) -> None:
        worker = get_current_worker()
        try:
            result = self._tracer.generate(
                source.folder,
                source.step,
                source.prompt,
                tokens=tokens,
                temperature=temperature,
                seed=seed,
                example=source.example,
            )
        except (InputError, OSError) as error:
            if not worker.is_cancelled:
                self.app.call_from_thread(self._set_note, str(error))
        else:
            if not worker.is_cancelled:
                self.app.call_from_thread(self._take_continuation, source, result)

    def _take_continuation(self, source: Source, result: records.Continuation) -> None:
        if self.is_mounted:
            self._continued = (source, result)
            self._show()
