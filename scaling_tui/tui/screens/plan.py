"""The plan screen: from a budget, a loss, an N or a D to the best run for it, by your own fit and published ones."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.message import Message
from textual.widgets import Input, Label

from scaling_tui import InputError
from scaling_tui.laws.planning.plan import Goal
from scaling_tui.plots.figures import Figure
from scaling_tui.plots.plans import plans_figure, sizes_figure
from scaling_tui.report.plans import (
    FIELDS,
    Basis,
    Plans,
    basis_of,
    basis_of_source,
    fitted_runs,
    goal_of,
    plan_curves,
    plans_for,
    plans_text,
    plans_words,
    standing,
)
from scaling_tui.report.why import Explanation
from scaling_tui.report.why.plans import plans_figures
from scaling_tui.text import show
from scaling_tui.tui.live_page import LivePage
from scaling_tui.tui.page import LEAST
from scaling_tui.tui.plot_keys import PLOT_KEYS, PlotKeys
from scaling_tui.tui.save_dialog import Picture, save
from scaling_tui.tui.services.background import OneAtATime
from scaling_tui.tui.services.table_form import OpenedTable
from scaling_tui.tui.services.watch import SweepSnapshot
from scaling_tui.tui.table_page import OPEN_TABLE, TablePage
from scaling_tui.tui.widgets.panel import Group, Panel
from scaling_tui.tui.widgets.plot import Plot
from scaling_tui.tui.widgets.text import PlainText

GOPHER = 5.76e23  # FLOPs: the budget that Hoffmann et al. 2022 replanned
NEXT = 10.0  # times the largest budget of the user's own runs
View = Literal["sizes", "loss"]


class Quantity(Input):
    """A field whose text is selected when it is entered, by the mouse too, so that typing replaces it."""

    _entered = False

    def on_focus(self) -> None:
        self._entered = True

    def on_click(self) -> None:
        if self._entered and self.selection.is_empty:
            self.action_select_all()
        self._entered = False

    def on_key(self) -> None:
        self._entered = False


class PlanScreen(PlotKeys, TablePage):
    """Plans as the user types. The first comes from the fit of the sweep or table shown, as `plan --fit` gives it."""

    ABOUT = (
        "Enter a budget C, a target loss L, a size N or tokens D to get the compute-optimal run; enter two to "
        "see what a run off the optimum costs. The first row uses your own fit, of the sweep shown or of a table that "
        "t opens, with intervals; the others use published laws, which were fitted to other data: compare N, D and D/N "
        "with them, not the loss. The last line and the dotted band show the range of all published laws and "
        "allocations. v switches the plot between N and the loss of the optimal run."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "app.focus_next", "field", tooltip="Go to the next field; esc leaves it"),
        Binding("ctrl+z", "take_back", "undo", tooltip="Undo an entry that cleared other fields, and restore them"),
        Binding("d", "details", "details", tooltip="Show the whole plan: intervals, warnings, where the laws differ"),
        Binding("v", "view", "view", tooltip="Show N of the optimal run over its budget, or its loss"),
        *PLOT_KEYS,
        OPEN_TABLE,
        Binding("e", "export", "export", tooltip="Save the plot or the screen to a file"),
    ]
    AUTO_FOCUS = ""  # no field, so that the digits switch screens at once
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (72, "-normal"), (110, "-wide")]  # noqa: RUF012 - Textual's type
    CSS = """
    PlanScreen {
        #goal-panel, #answers-panel { height: auto; }
        #given { height: 1; padding: 0 1; }
        #given Label { width: auto; text-style: bold; padding: 0 1 0 0; }
        #given Input { width: 1fr; margin: 0 2 0 0; }
        #reading { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; color: $text-muted; }
        #reading.-wrong { color: $text-error; text-style: bold; }
        #answers { height: auto; padding: 0 1; }
        #words-panel { display: none; }
        #words { padding: 0 1; }
        #words PlainText { height: auto; }
        &.-details #words-panel { display: block; }
        &.-details #plot-panel { display: none; }
        &.-narrow #given { height: 2; layout: grid; grid-size: 4; grid-columns: 2 1fr 2 1fr; }
        &.-narrow #given Label { padding: 0; }
        &.-roomy {
            #body { layout: grid; grid-size: 2; grid-columns: 1fr 79; grid-rows: 14 1fr; }
            &.-broad #body { grid-columns: 2fr 3fr; }
            #goal-panel, #answers-panel { height: 1fr; }
            #given { layout: grid; grid-size: 2; grid-columns: 2 1fr; grid-rows: 1; grid-gutter: 1 0; height: 8; }
            #given Input { margin: 0; }
            #reading { height: auto; text-wrap: wrap; }
            #given, #reading, #answers, #words { padding: 0; }
            #answers-panel { overflow-y: auto; }
            #words-panel { display: block; }
            &.-without-goal-panel #answers-panel, &.-without-answers-panel #goal-panel { column-span: 2; }
            &.-without-words-panel #plot-panel, &.-without-plot-panel #words-panel { column-span: 2; }
        }
    }
    """

    class Ready(Message):
        """The user's own fit is ready, or there is none."""

        def __init__(self, basis: Basis) -> None:
            super().__init__()
            self.basis = basis

    class Made(Message):
        """The plans for a goal are ready."""

        def __init__(self, plans: Plans) -> None:
            super().__init__()
            self.plans = plans

    def __init__(self, runs: Path) -> None:
        super().__init__(runs)
        self._followed = False
        self._fitted_to: object = None
        self._suggested = ""
        self._basis: Basis | None = None
        self._goal: Goal | None = None
        self._plans: Plans | None = None
        self._view: View = "sizes"
        self._texts: dict[str, str] = {}
        self._given: list[str] = []  # the fields with a text, the newest first
        self._undo: tuple[str, dict[str, str]] | None = None  # the field that cleared others, all texts before
        self._fitting = OneAtATime(self, self._fit)
        self._planning = OneAtATime(self, self._plan)

    def body(self) -> ComposeResult:
        with Group(id="body"):
            with Panel("Goal", id="goal-panel"):
                with Horizontal(id="given"):
                    for name, field in FIELDS.items():
                        yield Label(field.symbol)
                        yield Quantity(id=name, placeholder=field.example, compact=True)
                yield PlainText(id="reading")
            yield Panel("Plans", PlainText(id="answers"), id="answers-panel")
            yield Panel("Details", VerticalScroll(PlainText(), id="words"), id="words-panel")
            yield Panel("Plot", Plot(id="plot"), id="plot-panel")

    # --- the sweep

    def follow(self, sweep: str | None) -> None:
        if not self._followed or sweep != self._name:
            self._followed, self._name, self._fitted_to = True, sweep, None
            self._listen()

    def table_changed(self) -> None:
        self._fitted_to = None
        if self.table is not None:
            self._fitting.ask(self.table)
        else:
            self._listen()

    def on_live_page_updated(self, message: LivePage.Updated) -> None:
        if self.table is not None:
            return
        sweep = message.snapshot.sweep
        runs = sweep.runs if sweep else ()
        fitted_to = (
            sweep and sweep.name,
            tuple((r.name, r.loss) for r in runs if r.state == "finished" and not r.unread),
        )
        if fitted_to != self._fitted_to or self._basis is None:
            self._fitted_to = fitted_to
            self._fitting.ask(message.snapshot)

    def _fit(self, shown: SweepSnapshot | OpenedTable) -> None:
        if isinstance(shown, OpenedTable):
            self.post_message(self.Ready(basis_of_source(shown.name, shown.source)))
        else:
            self.post_message(self.Ready(basis_of(shown.sweep)))

    def on_plan_screen_ready(self, message: Ready) -> None:
        first = self._basis is None
        self._basis = message.basis
        typed = [field.value for field in self.query(Input) if field.value]
        if (first and not typed) or (self.table is not None and typed in ([], [self._suggested])):
            largest = message.basis.largest_flops
            self._suggested = show.scientific(largest * NEXT if largest else GOPHER)
            field = self.query_one("#flops", Input)
            field.value = self._suggested
            if field.has_focus:
                field.action_select_all()
        self._request_plans()

    # --- the goal

    def open(self, what: str) -> None:
        """Fills the fields from options of the command `plan`, such as --flops 1e21."""
        words = what.split()
        given = dict(zip(words[::2], words[1::2], strict=True))
        self._fill({name: given.get(f"--{name}", "") for name in FIELDS})
        self._undo = None
        self._request_plans()

    def _fill(self, texts: Mapping[str, str]) -> None:
        """Sets every field; `on_input_changed` then finds nothing new in them."""
        self._texts = {name: texts.get(name, "") for name in FIELDS}
        self._given = [name for name in dict.fromkeys([*self._given, *FIELDS]) if self._texts[name]]
        for name, text in self._texts.items():
            self.query_one(f"#{name}", Input).value = text

    def on_input_changed(self, event: Input.Changed) -> None:
        name, before = event.input.id or "", self._texts
        texts = {key: self.query_one(f"#{key}", Input).value for key in FIELDS}
        if texts == before:
            return
        self._texts = texts
        self._given = [key for key in dict.fromkeys([name, *self._given, *FIELDS]) if texts[key].strip()]
        if self._undo is not None and self._undo[0] != name:
            self._undo = None
        kept = standing(self._given)
        if name in kept and len(kept) < len(self._given) and self._is_read(name):
            self._undo = (name, before)
            self._fill({key: text for key, text in texts.items() if key in kept})
        self.refresh_bindings()
        self._request_plans()

    def _is_read(self, name: str) -> bool:
        """Whether what a field holds is a goal: a text that cannot be read clears nothing."""
        try:
            return goal_of({name: self._texts[name]}) is not None
        except InputError:
            return False

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer lists only what can be done now."""
        return action != "take_back" or self._undo is not None

    def action_take_back(self) -> None:
        """Undoes an entry that cleared other fields."""
        if self._undo is not None:
            (_, before), self._undo = self._undo, None
            self._fill(before)
            self.refresh_bindings()
            self._request_plans()

    def _request_plans(self) -> None:
        if self._basis is None:
            return
        try:
            goal = goal_of({name: self.query_one(f"#{name}", Input).value for name in FIELDS})
        except InputError as error:
            self._clear(str(error), wrong=True)
            return
        if goal is None:
            self._clear("Enter one of C, L, N, D, or two for a run off the optimum, such as 1e21, 70B, 1.4T.")
            return
        self._goal = goal
        self._planning.ask((self._basis, goal))

    def _plan(self, work: tuple[Basis, Goal]) -> None:
        self.post_message(self.Made(plans_for(*work)))

    def on_plan_screen_made(self, message: Made) -> None:
        if message.plans.goal == self._goal:
            self._plans = message.plans
            self._show()

    def _clear(self, text: str, wrong: bool = False) -> None:
        """Shows `text` and clears the plans of an earlier goal."""
        self._goal = self._plans = None
        self._set_reading(text, wrong)
        self.query_one("#answers", PlainText).set_text("")
        self.query_one("#words PlainText", PlainText).set_text("")
        self.query_one("#plot", Plot).figure = Figure("", ())

    def _set_reading(self, text: str, wrong: bool = False) -> None:
        reading = self.query_one("#reading", PlainText)
        reading.set_class(wrong, "-wrong")
        reading.set_text(("✗ " if wrong else "") + text)

    def _show(self) -> None:
        plans = self._plans
        if plans is None:
            return
        before = self._undo[1] if self._undo else {}
        gone = [field.symbol for name, field in FIELDS.items() if before.get(name) and not self._texts[name]]
        cleared = f" · {' and '.join(gone)} cleared; ctrl+z undoes it" if gone else ""
        self._set_reading(plans.problem or plans.read + cleared, wrong=bool(plans.problem))
        room = self.query_one("#answers", PlainText).content_size.width or self.size.width - 2
        self.query_one("#answers", PlainText).set_text(Text(plans_text(plans, max(LEAST[0] - 2, room)), no_wrap=True))
        self.query_one("#words PlainText", PlainText).set_text(Text(plans_words(plans)))
        figure = sizes_figure if self._view == "sizes" else plans_figure
        self.query_one("#plot", Plot).figure = figure(plan_curves(plans), fitted_runs(plans))

    def why(self) -> Callable[[], Sequence[Explanation]] | None:
        plans = self._plans
        return None if plans is None else lambda: plans_figures(plans)

    def on_resize(self) -> None:
        self.call_after_refresh(self._show)

    def panels_changed(self) -> None:
        self._show()

    # --- keys

    def action_details(self) -> None:
        self.zoom_panel("words-panel", "-details")

    def action_view(self) -> None:
        self._view = "loss" if self._view == "sizes" else "sizes"
        self.query_one("#plot", Plot).cursor = None
        self._show()

    def action_export(self) -> None:
        name = self._basis.name if self._basis and self._basis.name else "published"
        save(self, Picture(name, "plan", self.query_one("#plot", Plot).figure))
