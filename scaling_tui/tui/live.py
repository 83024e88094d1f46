"""The live screen: curves of all rungs, a table of them, the law as it forms, the log, and keys to steer."""

from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import DataTable, Static

from scaling_tui import InputError, show
from scaling_tui.runs import RunView, SweepView, make_request
from scaling_tui.sweep import ladders, launch, load_ladder, resume
from scaling_tui.tui.choose import Choose
from scaling_tui.tui.frame import Page
from scaling_tui.tui.law import law_figure, law_text
from scaling_tui.tui.plot import Colour, Figure, Plot, Series, colour_of, theme_colours
from scaling_tui.tui.watch import Watch, Watched


class Live(Page):
    """Watches one sweep. Everything it shows is read from the run folder; closing it harms no run."""

    ABOUT: ClassVar[str] = (
        "The loss curves of all runs of a sweep while they train: the lower and the further left, the better for what "
        "it cost. The table lists the runs from small to large; below stands the law as it forms, and what it "
        "foretells of the largest before that one is trained."
    )

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "law", "law", tooltip="Show the law through the rungs, or their loss curves"),
        Binding("v", "held_out", "held-out", tooltip="Show training loss or held-out loss"),
        Binding("x", "log('x')", "log x", tooltip="Switch the x axis between logarithmic and linear"),
        Binding("y", "log('y')", "log y", tooltip="Switch the y axis between logarithmic and linear"),
        Binding("s", "stop", "stop", tooltip="Ask all runs to write a checkpoint and stop"),
        Binding("r", "resume", "resume", tooltip="Go on with stopped runs from their checkpoints"),
        Binding("n", "new", "new", tooltip="Launch a ladder"),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (72, "-normal"), (110, "-wide")]  # noqa: RUF012 - Textual's own type
    CSS = """
    Live {
        #where { height: 1; background: $panel; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        #body { height: 1fr; }
        #plots { width: 1fr; }
        #law-plot { display: none; }
        #rungs { width: 36; height: 1fr; scrollbar-size-vertical: 1; }
        #law { height: auto; max-height: 4; padding: 0 1; }
        #log { height: 3; padding: 0 1; color: $text-muted; text-wrap: nowrap; text-overflow: ellipsis; }
        &.-law { #curves { display: none; } #law-plot { display: block; } }
        &.-wide { #rungs { width: 53; } #law-plot { display: block; } #log { height: 6; } }
        &.-wide.-law #curves { display: block; }
        &.-narrow { #rungs { width: 20; } #log { height: 1; } }
    }
    """

    class Seen(Message):
        """The watching thread has read something new."""

        def __init__(self, watched: Watched) -> None:
            super().__init__()
            self.watched = watched

    def __init__(self, runs: Path) -> None:
        super().__init__(runs)
        self._name: str | None = None
        self._watched = Watched()
        self._watch: Watch | None = None
        self._log_x, self._log_y = True, True
        self._metric = "loss"
        self._version = 0

    def body(self) -> ComposeResult:
        yield Static(id="where")
        with Horizontal(id="body"):
            with Vertical(id="plots"):
                yield Plot(id="curves")
                yield Plot(id="law-plot")
            table: DataTable[Text] = DataTable(id="rungs", cursor_type="row", show_cursor=False)
            table.can_focus = False
            yield table
        yield Static(id="law")
        yield Static(id="log")

    def on_unmount(self) -> None:
        if self._watch:
            self._watch.stop()

    def follow(self, sweep: str | None) -> None:
        if self._watch:
            if sweep == self._name:
                return
            self._watch.stop()
        self._name = sweep
        self._watch = Watch(self.runs, sweep, self._seen, self.scaling_app.look_s)
        self._watch.start()

    def _seen(self, watched: Watched) -> None:
        self.post_message(self.Seen(watched))

    def on_live_seen(self, message: Seen) -> None:
        self._watched = message.watched
        self._show()

    def _show(self) -> None:
        sweep, fit = self._watched.sweep, self._watched.fit
        if sweep is None:
            self.query_one("#where", Static).update(Text("no sweep"))
            self.query_one("#law", Static).update(Text(self._watched.problem))
            self.query_one("#log", Static).update(Text("n  launches a ladder"))
            return
        if self._name is None:
            self._name = self.scaling_app.sweep = sweep.name
        self._version += 1
        self.query_one("#where", Static).update(headline(sweep, self.size.width))
        self.query_one("#curves", Plot).figure = self._curves(sweep)
        self.query_one("#law-plot", Plot).figure = law_figure(sweep, fit, self._version)
        self._show_table(sweep)
        self.query_one("#law", Static).update(law_text(sweep, fit))
        log = self.query_one("#log", Static)
        log.update(Text("\n".join(line[11:] for line in sweep.log[-max(1, log.size.height) :])))

    def _curves(self, sweep: SweepView) -> Figure:
        series = []
        for index, run in enumerate(sweep.runs):
            x, y = (np.array(values) for values in run.curve.points("tokens", self._metric))
            if len(x):
                y = smoothed(y) if self._metric == "loss" else y
                series.append(Series(x, y, place(index, len(sweep.runs)), run.rung))
        scale = {(True, True): " · log-log", (True, False): " · log x", (False, True): " · log y"}
        name = {"loss": "training loss, nats/token", "val_loss": "held-out loss, nats/token"}[self._metric]
        title = f"{name} · x tokens{scale.get((self._log_x, self._log_y), '')}"
        return Figure(title, tuple(series), log_x=self._log_x, log_y=self._log_y, version=self._version)

    def _show_table(self, sweep: SweepView) -> None:
        table = self.query_one("#rungs", DataTable)
        columns = self._columns()
        if [column.label.plain for column in table.ordered_columns] != [head for head, _ in columns]:
            table.clear(columns=True)
            for head, width in columns:
                table.add_column(Text(head, justify="right" if head != "rung" else "left"), width=width, key=head)
        theme = theme_colours(self.app.theme_variables)
        colours = [colour_of(place(index, len(sweep.runs)), theme) for index in range(len(sweep.runs))]
        for index, run in enumerate(sweep.runs):
            cells = [self._cell(run, head, colours[index]) for head, _ in columns]
            if run.name not in table.rows:
                table.add_row(*cells, key=run.name)
            else:
                for (head, _), cell in zip(columns, cells, strict=True):
                    table.update_cell(run.name, head, cell)
        for key in [key for key in table.rows if sweep.run(str(key.value)) is None]:
            table.remove_row(key)

    def _columns(self) -> list[tuple[str, int]]:
        """Head and width of each column that the screen has room for."""
        columns = [("rung", 6), ("loss", 7)]
        if self.size.width >= 72:
            columns = [("rung", 6), ("N", 6), ("loss", 7), ("left", 8)]
        if self.size.width >= 110:
            columns = [("rung", 6), ("N", 6), ("D", 6), ("loss", 7), ("tok/s", 6), ("left", 8)]
        return columns

    def _cell(self, run: RunView, head: str, colour: Colour) -> Text:
        match head:
            case "rung":
                red, green, blue = colour
                return Text.assemble(f"{show.SIGNS[run.state]} ", (run.rung, f"rgb({red},{green},{blue})"))
            case "N":
                text = show.count(run.params)
            case "D":
                text = show.count(run.tokens)
            case "loss":
                text = show.loss(run.loss) if run.loss else ""
            case "tok/s":
                text = show.count(run.curve.last("tokens_per_s")) if run.state == "running" else ""
            case _:
                left = show.duration(run.seconds_left).replace(" min", "") if run.seconds_left is not None else ""
                text = left if run.state == "running" else "" if run.state == "finished" else run.state
        return Text(text, justify="right")

    def on_resize(self) -> None:
        self._show()

    def action_law(self) -> None:
        self.toggle_class("-law")

    def action_held_out(self) -> None:
        self._metric = "val_loss" if self._metric == "loss" else "loss"
        self._show()

    def action_log(self, axis: str) -> None:
        if axis == "x":
            self._log_x = not self._log_x
        else:
            self._log_y = not self._log_y
        self._show()

    def action_stop(self) -> None:
        sweep = self._watched.sweep
        if sweep is None or not sweep.trains:
            self.notify("Nothing is running here.")
            return
        make_request(sweep.path, "stop")
        self.notify("Asked to stop: each run writes a checkpoint first. r resumes.")

    def action_resume(self) -> None:
        sweep = self._watched.sweep
        if sweep is None or sweep.state in ("running", "finished"):
            self.notify("Nothing to resume here.")
            return
        try:
            resume(sweep.path)
        except InputError as error:
            self.notify(str(error), severity="error", markup=False)
        else:
            self.notify("Goes on from the last checkpoints.")

    def action_new(self) -> None:
        choices = []
        for path in ladders():
            try:
                choices.append((path.stem, f"{path.stem:<24} {load_ladder(str(path)).summary}"))
            except InputError as error:
                choices.append((path.stem, f"{path.stem:<24} {error}"))
        self.app.push_screen(Choose("Launch which ladder?", choices), self._launch)

    def _launch(self, name: str | None) -> None:
        if name is None:
            return
        try:
            sweep = launch(self.runs, load_ladder(name))
        except InputError as error:
            self.notify(str(error), severity="error", markup=False)
        else:
            self.scaling_app.sweep = sweep.name


def smoothed(losses: NDArray[np.float64], weight: float = 0.2) -> NDArray[np.float64]:
    """Exponential mean of training losses, which jump from batch to batch, without the lag of a start at zero."""
    mean, total, out = 0.0, 0.0, np.empty_like(losses)
    for index, value in enumerate(losses):
        mean, total = mean + weight * (value - mean), total + weight * (1 - total)
        out[index] = mean / total
    return out


def place(index: int, count: int) -> float:
    """Where rung `index` of `count` stands on the theme's ramp of colours."""
    return index / max(1, count - 1)


def headline(sweep: SweepView, width: int) -> Text:
    """The sweep in one line: how far it is, how long it will take, which text it reads."""
    finished = sum(run.state == "finished" for run in sweep.runs)
    parts = [sweep.name]
    if sweep.state != "finished":
        parts.append(f"{finished} of {len(sweep.runs)} finished")
    if sweep.state == "running" and sweep.seconds_left is not None:
        parts.append(f"{show.duration(sweep.seconds_left)} left")
    elif sweep.state != "running":
        parts.append(sweep.state + (f" ({sweep.reason})" if sweep.reason else ""))
    corpus = sweep.document.get("corpus") or {}
    if width >= 110 and corpus:
        parts.append(f"{corpus['source']}, sha256 {corpus['sha256'][:12]}")
    text = Text(" · ".join(parts), no_wrap=True, overflow="ellipsis")
    room = width - len(text.plain) - 10
    if sweep.state == "running" and room >= 8:
        done = round(room * sweep.progress)
        text.append(" " + "━" * done, "bold").append(
            "─" * (room - done) + f" {sweep.progress:>4.0%}".replace("%", " %")
        )
    return text
