"""The trace screen: what a checkpoint predicts after every layer, across the ladder, and in time.

Nothing is computed here: a process of the worker's kind answers (`sweep.tracer`), and this screen asks it from a
thread and shows the plain records.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import ContentSwitcher, Input, Label, Static
from textual.worker import get_current_worker

from scaling_tui import InputError
from scaling_tui.lens import records as plain
from scaling_tui.lens.client import Tracer, can_be_traced, in_time, ladder_of, to_trace
from scaling_tui.lens.stages import first_right, quoted
from scaling_tui.runs import RunView, find_sweep
from scaling_tui.runs.glance import glance
from scaling_tui.runs.writer import checkpoints
from scaling_tui.text import show
from scaling_tui.tui.page import Page
from scaling_tui.tui.widgets.choose import Choose
from scaling_tui.tui.widgets.trace_detail import (
    SIDE_BY_SIDE,
    beside,
    cell_text,
    detail_text,
    made_by,
    path,
    stages_text,
    titled,
    top,
)
from scaling_tui.tui.widgets.trace_grid import METRICS, TokenGrid

Rows = Literal["layers", "ladder", "time"]
Panel = Literal["grid", "stages", "detail"]
GOES_ON_BY = 16
DRAWN_AT = 0.8
LOOK_FOR_CHECKPOINTS_S = 5.0
RESTS_AFTER_S = 0.15  # a cursor that stands so long is looked at more closely
ROWS = {"layers": "after every part", "ladder": "every rung of the ladder", "time": "every checkpoint kept"}


@dataclass(frozen=True)
class Wanted:
    """What is asked of the tracing process; equal questions have equal answers while no checkpoint is written."""

    sweep: str | None = None
    run: str | None = None
    rows: Rows = "layers"
    prompt: str | None = None
    example: int = 0
    at: int | None = None
    watch: str | None = None

    def question(self) -> dict[str, Any]:
        return {"prompt": self.prompt, "example": self.example, "at": self.at, "watch": self.watch}


@dataclass(frozen=True)
class Answer:
    """The run that was read, and what was read of it."""

    run: RunView
    reading: plain.Reading


class Trace(Page):
    """One prompt in a grid of rows and tokens; enter shows what stands behind a cell."""

    ABOUT = (
        "What a model predicts after every layer. A column is a token of the prompt, a row a part of the model: the "
        "cell is what it would say comes next if the rest were left out, the deeper the better by the metric. Early "
        "rows are a lower bound of what is known there: the read-out was trained on the last one."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("backspace,g,escape", "grid", "grid", key_display="g", tooltip="Back to the grid; also esc"),
        Binding("m", "metric", "metric", tooltip="Shade and number the cells by another metric"),
        Binding("s", "stages", "stages", tooltip="The four stages from prompt to prediction, in words"),
        Binding("l", "rows('ladder')", "ladder", tooltip="The same prompt through every rung of the ladder"),
        Binding("t", "rows('time')", "time", tooltip="The same prompt through the checkpoints of this run"),
        Binding("p", "prompt", "prompt", tooltip="Type a prompt; empty takes a piece of held-out text"),
        Binding("e", "example", "text", tooltip="Another piece of held-out text"),
        Binding("w", "watch", "watch", tooltip="Follow another token's probability"),
        Binding("c", "go_on", "go on", tooltip="Go on from the prompt with the likeliest tokens; again for more"),
        Binding("x", "draw", "draw", False, tooltip="Draw another continuation, at temperature 0.8"),
        Binding("r", "run", "run", tooltip="Look into another run of the sweep"),
        Binding("a", "every_row", "all rows", False, tooltip="Show every layer and scroll, or a stride that fits"),
    ]
    CSS = """
    Trace {
        #about { height: 1; padding: 0 1; background: $panel; text-wrap: nowrap; text-overflow: ellipsis; }
        #ask { height: 1; padding: 0 1; }
        #ask Label { width: auto; padding: 0 1 0 0; color: $text-muted; }
        #ask Input { height: 1; border: none; padding: 0; width: 1fr; background: $surface; }
        #note { height: auto; max-height: 4; padding: 0 1; color: $text-warning; display: none; }
        #note.-told { display: block; }
        #shown { height: 1fr; padding: 0 1; }
        #stages, #detail, #below { height: 1fr; }
        #below { padding: 1 0 0 0; }
        #stages Static, #detail Static { height: auto; }
        #cell { height: 2; padding: 0 1; background: $panel; text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """

    def __init__(self, runs: Path) -> None:
        super().__init__(runs)
        self._tracer = Tracer()
        self._wanted = Wanted()
        self._answer: Answer | None = None
        self._went_on: plain.Continuation | None = None
        self._going: tuple[int, float, int] = (0, 0.0, 0)
        self._read_latest: tuple[str, int] | None = None
        self._stale = True

    def body(self) -> ComposeResult:
        yield Static(id="about")
        with Horizontal(id="ask"):
            yield Label("prompt")
            yield Input(id="prompt", placeholder="held-out text; type your own", compact=True, select_on_focus=False)
        yield Static(id="note")
        with ContentSwitcher(id="shown", initial="grid-panel"):
            with Vertical(id="grid-panel"):
                yield TokenGrid(id="grid")
                yield Static(id="below")
            with VerticalScroll(id="stages"):
                yield Static(id="stages-text")
            with VerticalScroll(id="detail"):
                yield Static(id="detail-text")
        yield Static(id="cell")

    def on_mount(self) -> None:
        self.query_one("#grid").focus()
        self._rest = self.set_interval(RESTS_AFTER_S, self._rested, pause=True)
        self.set_interval(LOOK_FOR_CHECKPOINTS_S, self._look_for_checkpoint)

    def on_unmount(self) -> None:
        self._tracer.close()

    def follow(self, sweep: str | None) -> None:
        if sweep != self._wanted.sweep or self._answer is None:
            self._wanted = Wanted(sweep, prompt=self._wanted.prompt, example=self._wanted.example)
            self._stale = True
            if self.is_current:
                self._ask()

    def on_screen_resume(self) -> None:
        if self._stale:
            self._ask()

    # --- asking

    def want(self, **changes: object) -> None:
        """Asks for something else: another run, prompt, place or token, or other rows."""
        self._wanted = dataclasses.replace(self._wanted, **changes)  # type: ignore[arg-type]
        self._ask()

    def _ask(self) -> None:
        self._stale = False
        if self._answer is None and not self.query_one("#note").has_class("-told"):
            self.query_one("#about", Static).update(Text("Reading the checkpoint; the first time takes some seconds …"))
        self._read(self._wanted)

    @work(thread=True, exclusive=True, group="trace")
    def _read(self, wanted: Wanted) -> None:
        """Waits for the answer, away from the screen."""
        worker = get_current_worker()
        try:
            found: Answer | str = self._answered(wanted)
        except InputError as error:
            found = str(error)
        except OSError as error:
            found = f"{error.filename or 'disk'}: {error.strerror or error}"
        if not worker.is_cancelled:
            self.app.call_from_thread(self._take, wanted, found)

    def _answered(self, wanted: Wanted) -> Answer:
        sweep = glance(find_sweep(self.runs, wanted.sweep))
        run = sweep.run(wanted.run) if wanted.run else to_trace(sweep)
        if run is None:
            raise InputError(
                f"sweep {sweep.name}: no run has a checkpoint yet; the first comes when a part of the training is done"
            )
        question = wanted.question()
        if wanted.rows == "layers":
            return Answer(run, self._tracer.trace(run, **question))
        members = ladder_of(sweep, run) if wanted.rows == "ladder" else in_time(run)
        return Answer(run, self._tracer.across(members, **question))

    def _take(self, wanted: Wanted, found: Answer | str) -> None:
        if wanted != self._wanted or not self.is_mounted:
            return
        if isinstance(found, str):
            self._tell(found)
            if self._answer is None:
                self.query_one("#about", Static).update(Text("Trace: nothing to read yet"))
                self.query_one("#cell", Static).update(Text("2 opens the Lab, which trains a ladder · o another sweep"))
            return
        other = self._answer is None or type(self._answer.reading) is not type(found.reading)
        other = other or self._answer.reading.tokens != found.reading.tokens  # type: ignore[union-attr]
        self._answer = found
        reading = found.reading
        self._tell(" ".join(reading.notes))
        grid = self.query_one("#grid", TokenGrid)
        vocabulary = found.run.config["architecture"]["classes"] or found.run.config["architecture"]["vocab"]
        start = (len(reading.rows) - 1, reading.at)
        grid.load(reading, vocabulary, start if other else None)
        field = self.query_one("#prompt", Input)
        field.placeholder = show.token(reading.prompt)[-200:] if self._wanted.prompt is None else "held-out text"
        self._show()
        # How many rows there is room for is known once the grid is laid out.
        self.call_after_refresh(self._show)

    def _tell(self, text: str) -> None:
        note = self.query_one("#note", Static)
        note.update(Text(text))
        note.set_class(bool(text), "-told")

    @work(thread=True, exclusive=True, group="checkpoints")
    def _look_for_checkpoint(self) -> None:
        """Reads again where the run has written a newer checkpoint since."""
        answer = self._answer
        if answer is None or not self.is_current:
            if self.is_current and self._answer is None:
                self.app.call_from_thread(self._ask)
            return
        there = checkpoints(answer.run.path)
        if there and (latest := (answer.run.name, int(there[0].name.rpartition("-")[2]))) != self._read_latest:
            first, self._read_latest = self._read_latest is None or self._read_latest[0] != latest[0], latest
            if not first:
                self.app.call_from_thread(self._ask)

    # --- showing

    @property
    def panel(self) -> Panel:
        current = self.query_one("#shown", ContentSwitcher).current or ""
        return current.removesuffix("-panel")  # type: ignore[return-value]

    @panel.setter
    def panel(self, panel: Panel) -> None:
        self.query_one("#shown", ContentSwitcher).current = "grid-panel" if panel == "grid" else panel
        self.query_one(f"#{panel}").focus()
        self.refresh_bindings()
        self._show()

    def _show(self) -> None:
        if self._answer is None:
            return
        run, reading, grid = self._answer.run, self._answer.reading, self.query_one("#grid", TokenGrid)
        metric, (first, last, count) = METRICS[grid.metric], grid.span
        parts = [f"{run.path.parent.name}/{run.name}"]
        if isinstance(reading, plain.Trace):
            parts.append(f"step {reading.step:,} · N {show.count(reading.params)}")
        else:
            parts.append(ROWS[self._wanted.rows])
        if self.panel == "grid":
            if len(grid.rows) < len(reading.grid.names):
                parts.append(f"{len(grid.rows)} of {len(reading.grid.names)} rows, a: all")
            parts += [metric.name, *([f"{first}–{last} of {count}"] if last - first + 1 < count else [])]
        else:
            parts.append(reading.origin)
        self.query_one("#about", Static).update(Text(" · ".join(parts), no_wrap=True, overflow="ellipsis"))
        width = self.query_one("#shown").content_size.width - 2
        if width > 0:
            if isinstance(reading, plain.Trace) and self.panel == "stages":
                self.query_one("#stages-text", Static).update(stages_text(reading, self._went_on, width))
            elif isinstance(reading, plain.Trace) and self.panel == "detail":
                row = min(grid.cursor[0], len(reading.rows) - 1)
                self.query_one("#detail-text", Static).update(detail_text(reading, row, width))
            else:
                self.query_one("#below", Static).update(self._below(width))
        self.query_one("#cell", Static).update(self._cell())

    def _below(self, width: int) -> Text:
        """What there is room for under a grid of few rows, once the column of the cursor has been looked at."""
        assert self._answer is not None
        reading, (row, column) = self._answer.reading, self.query_one("#grid", TokenGrid).cursor
        room = self.query_one("#below").content_size.height
        if column != reading.at or room < 3 or row >= len(reading.rows):
            return Text()
        half = (width - 3) // 2
        watched = f"p of {quoted(reading.rows[row].watched.token)}"
        if not isinstance(reading, plain.Trace):
            return titled(f"{watched}\n").append_text(path(reading.rows, width, here=row))
        likeliest = titled(f"{reading.grid.names[row]}: the likeliest\n").append_text(
            top(reading.rows[row], half, room - 1)
        )
        return beside(likeliest, made_by(reading.attribution, half), half) if width >= SIDE_BY_SIDE else likeliest

    def _cell(self) -> Text:
        assert self._answer is not None
        reading, grid = self._answer.reading, self.query_one("#grid", TokenGrid)
        text = cell_text(reading, *grid.cursor)
        if isinstance(reading, plain.Across) and reading.truth[grid.cursor[1]] is not None:
            right = first_right(reading.grid, grid.cursor[1])
            said = f"right from {reading.members[right].name} on" if right is not None else "not right at the end"
            loss = show.loss(reading.grid.loss(grid.cursor[0]), 3)
            head, facts = text.split("\n")
            text = head.append(f" · {said}\nloss of the row {loss} nats/token · ").append_text(facts)
        if self._went_on is not None and self.panel == "grid":
            lines = text.split("\n")
            text = lines[0].append("\n").append(f"goes on: {quoted(self._went_on.text)}", "bold")
        return text

    def on_resize(self) -> None:
        self.call_after_refresh(self._show)

    def on_token_grid_moved(self) -> None:
        self._show()
        self._rest.reset()
        self._rest.resume()

    def _rested(self) -> None:
        self._rest.pause()
        column = self.query_one("#grid", TokenGrid).cursor[1]
        if self._answer is not None and self._answer.reading.at != column:
            self.want(at=column)

    def on_token_grid_chosen(self) -> None:
        """The detail of the cell: of a rung or a checkpoint first its own layers."""
        if self._answer is None:
            return
        row, column = self.query_one("#grid", TokenGrid).cursor
        reading = self._answer.reading
        if isinstance(reading, plain.Across):
            self._wanted = dataclasses.replace(self._wanted, rows="layers", run=Path(reading.members[row].run).name)
        self.panel = "detail"
        if self._wanted.at != column or isinstance(reading, plain.Across):
            self.want(at=column)

    # --- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done now stands in the footer."""
        if not self.is_mounted:
            return True
        if action in ("metric", "every_row"):
            return self.panel == "grid"
        if action == "grid":
            return self.panel != "grid" or self._wanted.rows != "layers"
        if action == "stages":
            return self.panel != "stages"
        if action in ("go_on", "draw") and self._answer is not None:
            return not self._answer.reading.classifies
        return not (action == "rows" and parameters[0] == self._wanted.rows)

    def action_metric(self) -> None:
        grid = self.query_one("#grid", TokenGrid)
        grid.metric = (grid.metric + 1) % len(METRICS)
        self._show()

    def action_every_row(self) -> None:
        grid = self.query_one("#grid", TokenGrid)
        grid.every_row = not grid.every_row

    def action_grid(self) -> None:
        if self.panel == "grid" and self._wanted.rows != "layers":
            self.want(rows="layers")
        self.panel = "grid"

    def action_stages(self) -> None:
        self.panel = "stages"
        if self._wanted.rows != "layers":
            self.want(rows="layers")

    def action_rows(self, rows: Rows) -> None:
        self.want(rows=rows)
        self.panel = "grid"

    def action_prompt(self) -> None:
        self.query_one("#prompt", Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "prompt":
            self._forget_continuation()
            self.want(prompt=event.value or None, at=None, watch=None)
            self.query_one(f"#{self.panel}").focus()

    def action_example(self) -> None:
        self.query_one("#prompt", Input).value = ""
        self._forget_continuation()
        self.want(prompt=None, example=self._wanted.example + 1, at=None, watch=None)

    def action_watch(self) -> None:
        """Another token to follow: one of the likeliest here, or the true one."""
        if self._answer is None:
            return
        reading = self._answer.reading
        true, last = reading.truth[reading.at], reading.rows[-1]
        choices = [(f"#{true.id}", f"{quoted(true.token)}  really comes next")] if true is not None else []
        choices += [
            (f"#{guess.id}", f"{quoted(guess.token)}  p {show.probability(guess.p)}")
            for guess in last.top
            if true is None or guess.id != true.id
        ]
        if reading.classifies:
            choices = [(key.removeprefix("#"), text) for key, text in choices]
        self._choose("Follow which token?", choices, lambda token: self.want(watch=token))

    def action_run(self) -> None:
        try:
            sweep = glance(find_sweep(self.runs, self._wanted.sweep))
        except InputError as error:
            self._tell(str(error))
            return
        choices = [
            (run.name, f"{run.name:<20} N {show.count(run.params):>6}  {run.state}")
            for run in sweep.runs
            if can_be_traced(run)
        ]
        self._choose("Look into which run?", choices, lambda run: self.want(run=run))

    def _choose(self, question: str, choices: list[tuple[str, str]], then: Callable[[str], None]) -> None:
        if choices:
            self.app.push_screen(Choose(question, choices), lambda chosen: then(chosen) if chosen is not None else None)

    def action_go_on(self) -> None:
        tokens, temperature, seed = self._going
        self._go_on(tokens + GOES_ON_BY, temperature, seed)

    def action_draw(self) -> None:
        self._go_on(GOES_ON_BY, DRAWN_AT, self._going[2] + 1)

    def _go_on(self, tokens: int, temperature: float, seed: int) -> None:
        if self._answer is not None:
            self._going = (tokens, temperature, seed)
            self._continue(self._answer.run, self._wanted, tokens, temperature, seed)

    @work(thread=True, exclusive=True, group="continue")
    def _continue(self, run: RunView, wanted: Wanted, tokens: int, temperature: float, seed: int) -> None:
        try:
            found = self._tracer.generate(
                run, None, wanted.prompt, tokens=tokens, temperature=temperature, seed=seed, example=wanted.example
            )
        except (InputError, OSError) as error:
            self.app.call_from_thread(self._tell, str(error))
        else:
            self.app.call_from_thread(self._take_continuation, found)

    def _take_continuation(self, found: plain.Continuation) -> None:
        if self.is_mounted:
            self._went_on = found
            self._show()

    def _forget_continuation(self) -> None:
        self._went_on, self._going = None, (0, 0.0, 0)
