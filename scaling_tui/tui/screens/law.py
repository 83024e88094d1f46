"""The law screen: the fit that `scaling-tui fit SWEEP` prints, as a picture; other laws and left out runs by key."""

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.message import Message

from scaling_tui import InputError
from scaling_tui.laws import LAWS, Points
from scaling_tui.laws.fitting.isoflop import Profiles, profiles
from scaling_tui.laws.fitting.study import Study, study
from scaling_tui.plots.canvas import colour_of
from scaling_tui.plots.curves import SCALES, Choice, labels
from scaling_tui.plots.drawing import Figure
from scaling_tui.plots.law_plots import axis_of, law_view, residual_view, valley_view
from scaling_tui.report.fit import fit_text, profiles_text, sweep_source
from scaling_tui.runs import RunView, SweepView
from scaling_tui.sweeps.sweep_fit import points_of_sweep
from scaling_tui.text import show
from scaling_tui.text.columns import bullet
from scaling_tui.tui.live_page import Listening
from scaling_tui.tui.save_dialog import Picture, save
from scaling_tui.tui.services.background import OneAtATime
from scaling_tui.tui.services.watch import Watched
from scaling_tui.tui.widgets.choose import Choose
from scaling_tui.tui.widgets.plot import Plot, theme_colours
from scaling_tui.tui.widgets.run_table import Column, Rows, RungTable
from scaling_tui.tui.widgets.text import Said

DRAWS = 200  # as the command
View = Literal["law", "residuals", "valleys"]


@dataclass(frozen=True)
class Ask:
    """What is to be fitted: the finished runs with their losses, without some, by which law and which N."""

    runs: tuple[tuple[str, float], ...]
    left_out: frozenset[str]
    law: str | None
    convention: str | None


@dataclass(frozen=True)
class Answer:
    """The study of an `Ask`, or the problem that there is none; valleys where several sizes share a budget."""

    ask: Ask
    study: Study | None
    left_out: Points | None
    points: Points | None
    valleys: Profiles | None
    problem: str = ""


class LawScreen(Listening):
    """The law through the finished runs of the sweep in view."""

    ABOUT = (
        "The law through the finished runs: each point is a run, the line the fitted law, dotted where it goes beyond "
        "the points; the faint band is where the law lies at 90 % if its form is true. ▲ are the runs that judged it. "
        "Leave a run out with space and see how far the law moves: if it moves much, do not trust it far."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "row(-1)", "up", show=False, tooltip="The run above in the table"),
        Binding("down,j", "row(1)", "down", show=False, tooltip="The run below in the table"),
        Binding("space", "drop", "drop/restore", tooltip="Leave the run out of the fit, or take it in again"),
        Binding("a", "all", "all", show=False, tooltip="Fit all finished runs again"),
        Binding("f", "form", "law", tooltip="Choose the law"),
        Binding("n", "convention", "N", tooltip="Count N with or without embeddings"),
        Binding("v", "view", "view", tooltip="Show the law, its residuals, or isoFLOP valleys where there are some"),
        Binding("d", "details", "details", tooltip="Read all of the fit: intervals, conventions, warnings"),
        Binding("g", "scales", "log", show=False, tooltip="Logarithmic axes: both, x, y, none"),
        Binding("left", "crosshair(-1)", "crosshair", show=False, tooltip="Crosshair to the left"),
        Binding("right", "crosshair(1)", "crosshair", show=False, tooltip="Crosshair to the right"),
        Binding("backspace", "no_crosshair", "no crosshair", show=False, tooltip="Take the crosshair away"),
        Binding("pageup", "scroll(-1)", "scroll", show=False, tooltip="Scroll the words up"),
        Binding("pagedown", "scroll(1)", "scroll", show=False, tooltip="Scroll the words down"),
        Binding("e", "export", "export", tooltip="Write the plot or the screen to a file"),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (72, "-normal"), (110, "-wide")]  # noqa: RUF012 - Textual's type
    CSS = """
    LawScreen {
        #where { height: 1; padding: 0 1; text-style: bold; text-wrap: nowrap; text-overflow: ellipsis; }
        #body { height: 1fr; }
        #plot { padding: 0; }
        #words { height: 8; padding: 0 1; scrollbar-size-vertical: 1; }
        #words Said { height: auto; }
        &.-wide #words { height: 16; }
        &.-narrow #words { height: 5; }
        &.-details #words { height: 1fr; }
        &.-details #body { display: none; }
        &.-empty #body { display: none; }
        &.-empty #words { height: 1fr; padding: 1 2; }
    }
    """

    class Fitted(Message):
        """A fit is made."""

        def __init__(self, answer: Answer) -> None:
            super().__init__()
            self.answer = answer

    def __init__(self, runs: Path) -> None:
        super().__init__(runs)
        self._watched: Watched | None = None
        self._left_out: frozenset[str] = frozenset()
        self._law: str | None = None
        self._convention: str | None = None
        self._view: View = "law"
        self._log = (True, True)
        self._asked: Ask | None = None
        self._answer: Answer | None = None
        self._residuals: dict[str, float] = {}
        self._fitting = OneAtATime(self, self._fit)

    def body(self) -> ComposeResult:
        yield Said(id="where")
        with Horizontal(id="body"):
            yield Plot(id="plot")
            columns = (
                Column("N", 6, 2, lambda run, rows: show.count(run.params)),
                Column("D", 6, 3, lambda run, rows: show.count(run.tokens)),
                Column("loss", 7, 0, lambda run, rows: show.loss(run.loss)),
                Column("off", 7, 1, self._off),
            )
            yield RungTable(id="rungs", columns=columns)
        with VerticalScroll(id="words", can_focus=False):
            yield Said()

    # --- what is watched

    def follow(self, sweep: str | None) -> None:
        if self._watched is None or sweep != self._name:
            self._name, self._watched, self._asked, self._answer = sweep, None, None, None
            self._left_out, self._law, self._convention, self._view = frozenset(), None, None, "law"
            self._listen()

    def on_listening_seen(self, message: Listening.Seen) -> None:
        self._watched = message.watched
        self._show()

    def on_law_screen_fitted(self, message: Fitted) -> None:
        if message.answer.ask == self._asked:
            self._answer = message.answer
            self._show()

    # --- what is fitted

    @property
    def _sweep(self) -> SweepView | None:
        return self._watched.sweep if self._watched else None

    def _finished(self, sweep: SweepView) -> tuple[RunView, ...]:
        return tuple(run for run in sweep.runs if run.state == "finished" and run.loss is not None and not run.unread)

    def _ask(self, sweep: SweepView) -> None:
        """Starts a fit where what is to be fitted is not what was."""
        runs = tuple((run.name, run.loss or 0.0) for run in self._finished(sweep))
        ask = Ask(runs, self._left_out, self._law, self._convention)
        if ask != self._asked:
            self._asked = ask
            self._fitting.ask((sweep, ask))

    def _fit(self, asked: tuple[SweepView, Ask]) -> None:
        self.post_message(self.Fitted(answered(*asked)))

    # --- what is shown

    def _show(self) -> None:
        watched, sweep = self._watched, self._sweep
        if watched is None:
            return
        runs = self._finished(sweep) if sweep else ()
        self.set_class(not runs, "-empty")
        if sweep is None or not runs:
            self.query_one("#where", Said).say("Law")
            text = watched.problem
            if sweep is not None:
                then = "3 watches it train." if sweep.trains else f"It is {sweep.state}: 3, then r resumes it."
                text = f"{sweep.name}: no run has finished yet. {then}"
            hint = "\n\n2 opens the Lab, which launches a ladder. o brings another sweep into view."
            self.query_one("#words Said", Said).say(Text(text + hint))
            self.query_one("#plot", Plot).figure = Figure("", ())
            return
        self._ask(sweep)
        self._show_table(sweep, runs)
        answer = self._answer
        if answer is None:
            self.query_one("#where", Said).say(Text(f"{sweep.name} · fitting …"))
            return
        self.query_one("#where", Said).say(self._headline(sweep, answer))
        self.query_one("#plot", Plot).figure = self._figure(answer)
        said = words(answer, self._view)
        for one in sweep.predictions[-1:]:
            if one.run in {run.name for run in runs} - self._left_out:
                said += (
                    f"\n\n{one.rung} is one of these points. Home and Live tell of the law before it ran, which "
                    f"predicted {show.loss(one.predicted)}; space on its row leaves it out here."
                )
        self.query_one("#words Said", Said).say(Text(said))

    def _show_table(self, sweep: SweepView, runs: tuple[RunView, ...]) -> None:
        found = self._answer.study if self._answer else None
        points = found.fit.points if found else None
        self._residuals = (
            dict(zip(points.labels, np.expm1(found.fit.residuals).tolist(), strict=True)) if found and points else {}
        )
        colour = colour_of("primary", theme_colours(self.app.theme_variables))
        colours = {run.name: colour for run in runs}
        names = labels(sweep)
        own = {run.name: names[run.name] for run in runs}
        table = self.query_one(RungTable)
        room = 1 if self.size.width < 60 else round(self.size.width * 0.42)
        table.display = room > 1
        if table.display:
            rows = Rows(runs, own, colours, Choice(hidden=self._left_out), frozenset())
            table.styles.width = table.fill(rows, room)

    def _off(self, run: RunView, rows: Rows) -> str:
        if run.name in self._left_out:
            return "out"
        return show.percent(self._residuals.get(run.name), 2, sign=True).replace(" ", "")

    def _headline(self, sweep: SweepView, answer: Answer) -> Text:
        parts = [sweep.name]
        if answer.study is not None:
            parts += [answer.study.fit.law.name, answer.study.fit.law.text]
        if self._left_out:
            names = labels(sweep)
            parts.append("without " + ", ".join(names[name] for name in sorted(self._left_out) if name in names))
        if answer.ask != self._asked:
            parts.append("fitting …")
        return Text(" · ".join(parts), no_wrap=True, overflow="ellipsis")

    def _figure(self, answer: Answer) -> Figure:
        if self._view == "valleys" and answer.valleys is not None and answer.points is not None:
            return valley_view(answer.points, answer.valleys)
        if answer.study is None:
            return Figure(
                answer.ask.law or "law", (), empty="No law through these points: see below. f chooses another."
            )
        names = labels(self._sweep) if self._sweep else {}
        if self._view == "residuals":
            return residual_view(answer.study, names, self._log[0])
        return law_view(answer.study, names, answer.left_out, self._log)

    def on_resize(self) -> None:
        self.call_after_refresh(self._show)

    # --- keys

    def action_row(self, by: int) -> None:
        self.query_one(RungTable).move(by)

    def action_drop(self) -> None:
        name = self.query_one(RungTable).run_name
        if name is not None:
            self._toggle(name)

    def _toggle(self, name: str) -> None:
        self._left_out ^= {name}
        self._show()

    def on_rung_table_chosen(self, event: RungTable.Chosen) -> None:
        self._toggle(event.run)

    def on_plot_clicked(self, event: Plot.Clicked) -> None:
        """A click on a point: the nearest one as the eye sees it."""
        answer = self._answer
        if self._view == "valleys" or answer is None or answer.study is None:
            return
        over = axis_of(answer.study.fit)
        there = [points for points in (answer.study.fit.points, answer.left_out) if points is not None and len(points)]
        if self._view == "residuals":
            there = there[:1]
        best: tuple[float, str] = (np.log(1.6), "")
        for points in there:
            for label, x in zip(points.labels, points.column(over).tolist(), strict=True):
                best = min(best, (abs(np.log(x / event.x)), label))
        if best[1]:
            self._toggle(best[1])

    def action_all(self) -> None:
        self._left_out = frozenset()
        self._show()

    def action_form(self) -> None:
        choices = [(law.name, f"{law.name:<14} {law.text}") for law in LAWS.values()]
        self.app.push_screen(Choose("Fit which law?", choices), self._chosen)

    def _chosen(self, law: str | None) -> None:
        if law is not None:
            self._law = law
            self._show()

    def action_convention(self) -> None:
        now = self._answer.study.fit.convention if self._answer and self._answer.study else "all"
        self._convention = "all" if now == "non-embedding" else "non-embedding"
        self._show()

    def action_view(self) -> None:
        views: list[View] = ["law", "residuals"]
        if self._answer is not None and self._answer.valleys is not None:
            views.append("valleys")
        self._view = views[(views.index(self._view) + 1) % len(views)] if self._view in views else "law"
        self.query_one("#plot", Plot).cursor = None
        self._show()

    def action_details(self) -> None:
        self.toggle_class("-details")
        self.call_after_refresh(self._show)

    def action_scales(self) -> None:
        self._log = SCALES[(SCALES.index(self._log) + 1) % len(SCALES)]
        self._show()

    def action_crosshair(self, by: int) -> None:
        self.query_one("#plot", Plot).step(by)

    def action_no_crosshair(self) -> None:
        self.query_one("#plot", Plot).cursor = None

    def action_scroll(self, pages: int) -> None:
        words = self.query_one("#words", VerticalScroll)
        words.scroll_relative(y=pages * max(1, words.size.height - 1), animate=False)

    def action_export(self) -> None:
        save(
            self, Picture(self._sweep.name if self._sweep else "law", self._view, self.query_one("#plot", Plot).figure)
        )


def answered(sweep: SweepView, ask: Ask) -> Answer:
    """Fits what is asked for: what the command `fit` does, without the runs left out."""
    blank = Answer(ask, None, None, None, None)
    try:
        loaded = sweep_source(sweep, ask.left_out)
        convention = ask.convention or loaded.convention
        law = ask.law or loaded.law or "chinchilla"
    except InputError as error:
        return replace(blank, problem=str(error))
    valleys: Profiles | None = None
    with suppress(InputError):  # no budget with several sizes: most sweeps have none
        valleys = profiles(loaded.points)
    outside = tuple(name for name, _ in ask.runs if name not in ask.left_out)
    left_out = points_of_sweep(sweep, convention, outside) if ask.left_out else None
    blank = replace(blank, left_out=left_out, points=loaded.points, valleys=valleys)
    try:
        made = study(loaded.points, law, draws=DRAWS, convention=convention, warnings=loaded.warnings)
    except InputError as error:
        return replace(blank, problem=f"{law}: {error}")
    return replace(blank, study=made)


def words(answer: Answer, view: View) -> str:
    """What `fit` prints of it, with its warnings."""
    if view == "valleys" and answer.valleys is not None:
        return "\n".join([profiles_text(answer.valleys), bullet(answer.valleys.warnings)]).rstrip()
    if answer.study is None:
        return answer.problem
    # First what may make the rest worthless: on a small screen the end is out of sight.
    warnings = bullet(answer.study.warnings)
    return (f"{warnings}\n\n" if warnings else "") + fit_text(answer.study)
