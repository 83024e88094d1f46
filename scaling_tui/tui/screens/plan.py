"""The plan screen: a budget, a loss, an N or a D in; the best run for it out, by one's own fit and published ones."""

from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.message import Message
from textual.widgets import Input, Label

from scaling_tui import InputError
from scaling_tui.laws.planning.plan import Goal
from scaling_tui.plots.drawing import Figure
from scaling_tui.plots.plans import plans_figure
from scaling_tui.report.plans import (
    FIELDS,
    Basis,
    Plans,
    basis_of,
    fitted_runs,
    goal_of,
    plan_curves,
    plans_for,
    plans_text,
    plans_words,
)
from scaling_tui.text import show
from scaling_tui.tui.live_page import Listening
from scaling_tui.tui.page import LEAST
from scaling_tui.tui.save_dialog import Picture, save
from scaling_tui.tui.services.background import OneAtATime
from scaling_tui.tui.services.watch import Watched
from scaling_tui.tui.widgets.plot import Plot
from scaling_tui.tui.widgets.text import Said

GOPHER = 5.76e23  # FLOPs: the budget that Hoffmann et al. 2022 planned anew
NEXT = 10.0  # times the largest budget of one's own runs


class Plan(Listening):
    """Answers while one types. Own answers come from the fit of the sweep in view, as `plan --fit SWEEP` gives them."""

    ABOUT = (
        "Give a budget C, a target loss L, a size N or tokens D, and read the compute-optimal run for it; give two and "
        "read what it costs to be off the optimum. The first row is by your own fit, with intervals; the others by "
        "published laws, which were fitted to other data: compare N, D and D/N with them, not the loss."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "app.focus_next", "field", tooltip="Go to the next field; esc leaves it"),
        Binding("d", "details", "details", tooltip="Read all of the plan: intervals, warnings, where laws differ"),
        Binding("left", "crosshair(-1)", "crosshair", show=False, tooltip="Crosshair to the left"),
        Binding("right", "crosshair(1)", "crosshair", show=False, tooltip="Crosshair to the right"),
        Binding("backspace", "no_crosshair", "no crosshair", show=False, tooltip="Take the crosshair away"),
        Binding("e", "export", "export", tooltip="Write the plot or the screen to a file"),
    ]
    AUTO_FOCUS = ""  # the digits that lead to the other screens are to work at once
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (72, "-normal"), (110, "-wide")]  # noqa: RUF012 - Textual's type
    CSS = """
    Plan {
        #given { height: 1; padding: 0 1; }
        #given Label { width: auto; text-style: bold; padding: 0 1 0 0; }
        #given Input { width: 1fr; margin: 0 2 0 0; }
        #said { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; color: $text-muted; }
        #said.-wrong { color: $text-error; text-style: bold; }
        #answers { height: auto; padding: 0 1; }
        #plot { padding: 0; }
        #words { display: none; height: 1fr; padding: 0 1; }
        #words Said { height: auto; }
        &.-details #words { display: block; }
        &.-details #plot { display: none; }
        &.-narrow #given { height: 2; layout: grid; grid-size: 4; grid-columns: 2 1fr 2 1fr; }
        &.-narrow #given Label { padding: 0; }
    }
    """

    class Ready(Message):
        """One's own fit is made (or there is none)."""

        def __init__(self, basis: Basis) -> None:
            super().__init__()
            self.basis = basis

    class Made(Message):
        """Plans for a goal are made."""

        def __init__(self, plans: Plans) -> None:
            super().__init__()
            self.plans = plans

    def __init__(self, runs: Path) -> None:
        super().__init__(runs)
        self._followed = False
        self._fitted_to: object = None
        self._basis: Basis | None = None
        self._goal: Goal | None = None
        self._plans: Plans | None = None
        self._fitting = OneAtATime(self, self._fit)
        self._planning = OneAtATime(self, self._plan)

    def body(self) -> ComposeResult:
        with Horizontal(id="given"):
            for name, field in FIELDS.items():
                yield Label(field.symbol)
                yield Input(id=name, placeholder=field.example, compact=True)
        yield Said(id="said")
        yield Said(id="answers")
        yield Plot(id="plot")
        with VerticalScroll(id="words"):
            yield Said()

    # --- what is watched

    def follow(self, sweep: str | None) -> None:
        if not self._followed or sweep != self._name:
            self._followed, self._name, self._fitted_to = True, sweep, None
            self._listen()

    def on_listening_seen(self, message: Listening.Seen) -> None:
        sweep = message.watched.sweep
        runs = sweep.runs if sweep else ()
        fitted_to = (
            sweep and sweep.name,
            tuple((r.name, r.loss) for r in runs if r.state == "finished" and not r.unread),
        )
        if fitted_to != self._fitted_to or self._basis is None:
            self._fitted_to = fitted_to
            self._fitting.ask(message.watched)

    def _fit(self, watched: Watched) -> None:
        self.post_message(self.Ready(basis_of(watched.sweep)))

    def on_plan_ready(self, message: Ready) -> None:
        first = self._basis is None
        self._basis = message.basis
        if first and not any(field.value for field in self.query(Input)):
            largest = message.basis.largest_flops
            field = self.query_one("#flops", Input)
            field.value = show.scientific(largest * NEXT if largest else GOPHER)
        self._ask()

    # --- what is asked

    def open(self, what: str) -> None:
        """Asks what the command `plan` would be asked with the options `what`, such as --flops 1e21."""
        words = what.split()
        asked = dict(zip(words[::2], words[1::2], strict=True))
        for name in FIELDS:
            self.query_one(f"#{name}", Input).value = asked.get(f"--{name}", "")

    def on_input_changed(self) -> None:
        self._ask()

    def _ask(self) -> None:
        if self._basis is None:
            return
        try:
            goal = goal_of({name: self.query_one(f"#{name}", Input).value for name in FIELDS})
        except InputError as error:
            self._clear(str(error), wrong=True)
            return
        if goal is None:
            self._clear("Give one of C, L, N, D; or two, to see a run off the optimum. Written as 1e21, 70B, 1.4T.")
            return
        self._goal = goal
        self._planning.ask((self._basis, goal))

    def _plan(self, asked: tuple[Basis, Goal]) -> None:
        self.post_message(self.Made(plans_for(*asked)))

    def on_plan_made(self, message: Made) -> None:
        if message.plans.goal == self._goal:
            self._plans = message.plans
            self._show()

    def _clear(self, text: str, wrong: bool = False) -> None:
        """Says `text`; no answer to an earlier question stays under it."""
        self._goal = self._plans = None
        self._say(text, wrong)
        self.query_one("#answers", Said).say("")
        self.query_one("#words Said", Said).say("")
        self.query_one("#plot", Plot).figure = Figure("", ())

    def _say(self, text: str, wrong: bool = False) -> None:
        said = self.query_one("#said", Said)
        said.set_class(wrong, "-wrong")
        said.say(Text(("✗ " if wrong else "") + text, no_wrap=True, overflow="ellipsis"))

    def _show(self) -> None:
        plans = self._plans
        if plans is None:
            return
        self._say(plans.problem or plans.read, wrong=bool(plans.problem))
        self.query_one("#answers", Said).say(Text(plans_text(plans, max(LEAST[0], self.size.width) - 2), no_wrap=True))
        self.query_one("#words Said", Said).say(Text(plans_words(plans)))
        self.query_one("#plot", Plot).figure = plans_figure(plan_curves(plans), fitted_runs(plans))

    def on_resize(self) -> None:
        self.call_after_refresh(self._show)

    # --- keys

    def action_details(self) -> None:
        self.toggle_class("-details")
        self.call_after_refresh(self._show)

    def action_crosshair(self, by: int) -> None:
        self.query_one("#plot", Plot).step(by)

    def action_no_crosshair(self) -> None:
        self.query_one("#plot", Plot).cursor = None

    def action_export(self) -> None:
        name = self._basis.name if self._basis and self._basis.name else "published"
        save(self, Picture(name, "plan", self.query_one("#plot", Plot).figure))
