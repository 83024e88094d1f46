"""The law screen: the fit that `scaling-tui fit SOURCE` prints, as a plot; keys choose the law and leave out runs.

Views show residuals, the influence of each run, isoFLOP valleys and the comparison of `fit --compare`.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message

from scaling_tui import InputError
from scaling_tui.laws import Points
from scaling_tui.laws.fitting.compare import Comparison, compare
from scaling_tui.laws.fitting.influence import Influence, influence
from scaling_tui.laws.fitting.isoflop import Profiles, profiles
from scaling_tui.laws.fitting.study import Study, study
from scaling_tui.laws.forms import Input
from scaling_tui.plots.curves import SCALES, Choice, labels
from scaling_tui.plots.figures import Figure, colour_of
from scaling_tui.plots.law_plots import (
    axes_of,
    axis_of,
    influence_view,
    law_view,
    origins_view,
    residual_view,
    valley_view,
)
from scaling_tui.report.compare import compare_text
from scaling_tui.report.fit import FitSource, counted_as, fit_text, profiles_text, sweep_source
from scaling_tui.report.influence import influence_text
from scaling_tui.report.why import Explanation
from scaling_tui.report.why.laws import (
    cell_figures,
    comparison_figures,
    point_figures,
    study_figures,
    valley_figures,
)
from scaling_tui.report.why.runs import run_figures
from scaling_tui.runs import RunView, SweepView
from scaling_tui.sweeps.sweep_fit import run_points
from scaling_tui.text import show
from scaling_tui.text.columns import bullet
from scaling_tui.tui.cycle import after
from scaling_tui.tui.law_dialog import choose_law
from scaling_tui.tui.live_page import LivePage
from scaling_tui.tui.plot_keys import PLOT_KEYS, PlotKeys
from scaling_tui.tui.save_dialog import Picture, save
from scaling_tui.tui.services.background import OneAtATime
from scaling_tui.tui.services.table_form import OpenedTable
from scaling_tui.tui.services.watch import SweepSnapshot
from scaling_tui.tui.table_page import OPEN_TABLE, TablePage
from scaling_tui.tui.widgets.panel import Group, Panel
from scaling_tui.tui.widgets.plot import Plot, theme_colours
from scaling_tui.tui.widgets.run_table import RunColumn, RunTable, RunTableData, each, params, tokens
from scaling_tui.tui.widgets.text import PlainText

DRAWS = 200  # as the command
NARROW = 72  # columns below which tables of text leave out some of theirs
MOST_ROWS = 2_000  # of a table; points beyond are fitted and drawn, not listed
View = Literal["law", "residuals", "valleys", "influence", "compare"]
ROW_KEYS = ("N", "N non-emb", "D", "C", "loss")  # of a run, in this screen's table or under its points
OVER_AXES: tuple[View, ...] = ("residuals", "influence")  # views whose x axis the user chooses


@dataclass(frozen=True)
class PointRow:
    """A point of a table as the screen's own table shows it."""

    name: str
    params: float | None
    tokens: float | None
    loss: float
    state: Literal["finished"] = "finished"


@dataclass(frozen=True)
class FitRequest:
    """What to fit: of which sweep or table, its finished runs with their losses, those left out, the law, which N."""

    source: str
    runs: tuple[tuple[str, float], ...]
    left_out: frozenset[str]
    law: str | None
    convention: str | None


@dataclass(frozen=True)
class FitResult:
    """The study for a `FitRequest`, or why there is none; isoFLOP profiles where several sizes share a budget.

    `left_out` are the runs that are shown and are not points of the law, `moved` is what leaving out one more changes;
    `notes`, `behind` and `names` are those of
    the `FitSource`.
    """

    request: FitRequest
    study: Study | None
    left_out: Points | None
    points: Points | None
    valleys: Profiles | None
    problem: str = ""
    notes: tuple[str, ...] = ()
    behind: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    moved: Influence | None = None


class LawScreen(PlotKeys, TablePage):
    """The law through the finished runs of the sweep in view, or through the points of a table."""

    ABOUT = (
        "The law through the finished runs, or through a table of your own, which t opens: each point is a run, the "
        "line is the fitted law, dotted where it extrapolates; the faint band is its 90 % interval if the form of the "
        "law is right. ▲ marks the held-out runs. Press space to leave a run out: if that moves the law a lot, do not "
        "trust it far beyond the points."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "row(-1)", "up", show=False, tooltip="Move to the run above"),
        Binding("down,j", "row(1)", "down", show=False, tooltip="Move to the run below"),
        Binding("space", "drop", "drop", tooltip="Leave the run out of the fit, or put it back"),
        Binding("a", "all", "all", show=False, tooltip="Fit all finished runs again"),
        Binding("f", "form", "law", tooltip="Choose the law"),
        Binding("n", "convention", "N", tooltip="Count N with or without embeddings"),
        Binding(
            "v",
            "view",
            "view",
            tooltip="Show the law, its residuals, its isoFLOP profiles if it has any, or the influence of each run",
        ),
        Binding("x", "over", "axis", show=False, tooltip="Draw residuals and influence against N, D or C"),
        Binding("c", "compare", "compare", tooltip="Compare every law that the runs support, or go back to the law"),
        Binding("d", "details", "details", tooltip="Show the whole fit: intervals, conventions, warnings"),
        Binding("g", "scales", "log", show=False, tooltip="Switch logarithmic axes: both, x, y, none"),
        *PLOT_KEYS,
        Binding("pageup", "scroll(-1)", "scroll", show=False, tooltip="Scroll the text up"),
        Binding("pagedown", "scroll(1)", "scroll", show=False, tooltip="Scroll the text down"),
        OPEN_TABLE,
        Binding("e", "export", "export", tooltip="Save the plot or the screen to a file"),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (NARROW, "-normal"), (110, "-wide")]  # noqa: RUF012 - Textual's type
    CSS = """
    LawScreen {
        #where { height: 1; padding: 0 1; text-style: bold; text-wrap: nowrap; text-overflow: ellipsis; }
        #body { layout: grid; grid-size: 2; grid-columns: 1fr auto; grid-rows: 1fr 8; }
        #runs-panel { width: auto; }
        #words-panel { column-span: 2; }
        #words { padding: 0 1; scrollbar-size-vertical: 1; }
        #words PlainText { height: auto; }
        &.-wide #body { grid-rows: 1fr 16; }
        &.-narrow #body { grid-rows: 1fr 5; }
        &.-compare.-wide #body { grid-rows: 1fr 24; }
        &.-details, &.-empty, &.-compare {
            #plot-panel, #runs-panel { display: none; }
            #body { grid-rows: 1fr; }
        }
        &.-wide.-compare { #plot-panel, #runs-panel { display: block; } }
        &.-wide.-compare #body { grid-rows: 1fr 24; }
        &.-empty #words { padding: 1 2; }
        &.-roomy {
            #body { grid-columns: 3fr 2fr; grid-rows: 2fr 3fr; }
            #plot-panel { row-span: 2; }
            #runs-panel { width: 1fr; }
            #runs { width: 1fr; }
            #words-panel { column-span: 1; }
            #words { padding: 0; }
            &.-without-runs-panel #words-panel, &.-without-words-panel #runs-panel { row-span: 2; }
            &.-without-plot-panel { #runs-panel, #words-panel { row-span: 2; } }
            &.-compare { #plot-panel { row-span: 1; } #words-panel { column-span: 2; } }
            &.-empty { #words-panel { column-span: 2; row-span: 2; } }
        }
    }
    """

    class Fitted(Message):
        """A fit is ready."""

        def __init__(self, result: FitResult) -> None:
            super().__init__()
            self.result = result

    class Compared(Message):
        """A comparison of laws is ready, or why there is none."""

        def __init__(self, request: FitRequest, found: Comparison | str) -> None:
            super().__init__()
            self.request, self.found = request, found

    def __init__(self, runs: Path) -> None:
        super().__init__(runs)
        self._snapshot: SweepSnapshot | None = None
        self._left_out: frozenset[str] = frozenset()
        self._law: str | None = None
        self._convention: str | None = None
        self._view: View = "law"
        self._log = (True, True)
        self._request: FitRequest | None = None
        self._result: FitResult | None = None
        self._residuals: dict[str, float] = {}
        self._rows: tuple[PointRow, ...] = ()
        self._fitting = OneAtATime(self, self._fit)
        self._over: Input | None = None
        self._asked: FitRequest | None = None
        self._compared: tuple[FitRequest, Comparison | str] | None = None
        self._comparing = OneAtATime(self, self._compare)

    def body(self) -> ComposeResult:
        yield PlainText(id="where")
        with Group(id="body"):
            yield Panel("Plot", Plot(id="plot"), id="plot-panel")
            columns = (
                RunColumn("N", 6, 2, params),
                RunColumn("D", 6, 3, tokens),
                RunColumn("loss", 7, 0, each(lambda run, rows: show.loss(run.loss))),
                RunColumn("off", 7, 1, each(self._off)),
            )
            yield Panel("Runs", RunTable(id="runs", columns=columns), id="runs-panel")
            yield Panel("Fit", VerticalScroll(PlainText(), id="words", can_focus=False), id="words-panel")

    # --- the sweep

    def follow(self, sweep: str | None) -> None:
        if self._snapshot is None or sweep != self._name:
            self._name, self._snapshot, self._request, self._result = sweep, None, None, None
            self._left_out, self._law, self._convention, self._view = frozenset(), None, None, "law"
            self.plot().follow_data()
            self._listen()

    def on_live_page_updated(self, message: LivePage.Updated) -> None:
        self._snapshot = message.snapshot
        if self.table is None:
            self._show()

    def table_changed(self) -> None:
        self._rows = rows_of(self.table) if self.table else ()
        self._request = self._result = None
        self._left_out, self._law, self._convention, self._view = frozenset(), None, None, "law"
        self.plot().follow_data()
        self._show()

    def on_law_screen_fitted(self, message: Fitted) -> None:
        if message.result.request == self._request:
            self._result = message.result
            self._show()

    # --- the fit

    @property
    def _sweep(self) -> SweepView | None:
        return self._snapshot.sweep if self._snapshot else None

    def _finished(self, sweep: SweepView) -> tuple[RunView, ...]:
        return tuple(run for run in sweep.runs if run.state == "finished" and run.loss is not None and not run.unread)

    def _request_fit(self, shown: SweepView | OpenedTable, runs: Sequence[RunView | PointRow]) -> None:
        """Starts a fit if the request changed."""
        losses = tuple((run.name, run.loss or 0.0) for run in runs)
        request = FitRequest(shown.name, losses, self._left_out, self._law, self._convention)
        if request != self._request:
            self._request = request
            self._fitting.ask((shown, request))

    def _fit(self, work: tuple[SweepView | OpenedTable, FitRequest]) -> None:
        self.post_message(self.Fitted(fit_for(*work)))

    # --- the comparison

    def _request_comparison(self, result: FitResult) -> None:
        """Starts a comparison on the points of the fit that is shown, if there is none of them yet."""
        if result.study is not None and result.request == self._request != self._asked:
            self._asked = result.request
            self._comparing.ask(result)

    def _compare(self, result: FitResult) -> None:
        if result.study is None:
            return
        try:
            found: Comparison | str = compare(result.study.fit)
        except InputError as error:
            found = str(error)
        self.post_message(self.Compared(result.request, found))

    def on_law_screen_compared(self, message: Compared) -> None:
        if message.request == self._asked:
            self._compared = (message.request, message.found)
            self._show()

    def _comparison(self, result: FitResult) -> Comparison | str | None:
        """The comparison on the points of `result`, why there is none, or None while it is computed."""
        if result.study is None:
            return result.problem
        return self._compared[1] if self._compared and self._compared[0] == result.request else None

    # --- the widgets

    def _show(self) -> None:
        self.set_class(self._view == "compare", "-compare")
        self.refresh_bindings()
        if self.table is not None:
            self.set_class(False, "-empty")
            self._show_fit(self.table, self._rows, {row.name: row.name for row in self._rows})
            return
        snapshot, sweep = self._snapshot, self._sweep
        if snapshot is None:
            return
        runs = self._finished(sweep) if sweep else ()
        self.set_class(not runs, "-empty")
        if sweep is None or not runs:
            self.query_one("#where", PlainText).set_text("Law")
            text = snapshot.problem
            if sweep is not None:
                then = (
                    "Press 3 to watch it train."
                    if sweep.trains
                    else f"It is {sweep.state}; press 3, then r to resume it."
                )
                text = f"{sweep.name}: no run has finished yet. {then}"
            hint = "\n\nPress 2 for the Lab to launch a ladder, o to show another sweep, or t to open a table."
            self.query_one("#words PlainText", PlainText).set_text(Text(text + hint))
            self.query_one("#plot", Plot).figure = Figure("", ())
            return
        self._show_fit(sweep, runs, labels(sweep))

    def _show_fit(
        self, shown: SweepView | OpenedTable, runs: Sequence[RunView | PointRow], names: Mapping[str, str]
    ) -> None:
        self._request_fit(shown, runs)
        self._show_table(runs, names)
        result = self._result
        if result is None:
            self.query_one("#where", PlainText).set_text(Text(f"{shown.name} · fitting …"))
            return
        self.query_one("#where", PlainText).set_text(self._headline(shown.name, result, names))
        if self._view == "compare":
            self._request_comparison(result)
        self.query_one("#plot", Plot).figure = self._figure(result, names)
        text = self._text(result)
        predictions = shown.predictions[-1:] if isinstance(shown, SweepView) and self._view != "compare" else ()
        for prediction in predictions:
            if prediction.run in {run.name for run in runs} - self._left_out:
                text += (
                    f"\n\n{prediction.rung} is one of these points. Home and Live show the law fitted before it ran, "
                    f"which predicted {show.loss(prediction.predicted)}. Press space on its row to leave it out here."
                )
        self.query_one("#words PlainText", PlainText).set_text(Text(text))

    def _show_table(self, runs: Sequence[RunView | PointRow], names: Mapping[str, str]) -> None:
        made = self._result.study if self._result else None
        points = made.fit.points if made else None
        self._residuals = {}
        if made and points and self._result:
            for label, off in zip(points.labels, np.expm1(made.fit.residuals).tolist(), strict=True):
                self._residuals.update(dict.fromkeys(self._result.behind.get(label, (label,)), off))
        colour = colour_of("primary", theme_colours(self.app.theme_variables))
        colours = {run.name: colour for run in runs}
        own = {run.name: names[run.name] for run in runs}
        table = self.query_one(RunTable)
        rows = RunTableData(runs, own, colours, Choice(hidden=self._left_out))
        panel = self.query_one("#runs-panel")
        if panel.has_class("-framed"):
            table.styles.clear_rule("width")
            table.display = bool(runs)
            table.fill(rows, panel.content_size.width)
            return
        room = 1 if self.size.width < 60 else round(self.size.width * 0.42)
        table.display = room > 1 and bool(runs)
        if table.display:
            table.styles.width = table.fill(rows, room)

    def _off(self, run: RunView | PointRow, rows: RunTableData) -> str:
        if run.name in self._left_out:
            return "out"
        return show.percent(self._residuals.get(run.name), 2, sign=True).replace(" ", "")

    def _headline(self, name: str, result: FitResult, names: Mapping[str, str]) -> Text:
        parts = [name]
        if result.study is not None:
            parts += [result.study.fit.law.name, result.study.fit.law.text]
        if self._left_out:
            parts.append("without " + ", ".join(names[name] for name in sorted(self._left_out) if name in names))
        if result.request != self._request:
            parts.append("fitting …")
        return Text(" · ".join(parts), no_wrap=True, overflow="ellipsis")

    def why(self) -> Callable[[], Sequence[Explanation]] | None:
        result, shown = self._result, self.table or self._sweep
        if result is None or shown is None:
            return None
        found = self._comparison(result) if self._view == "compare" else None
        compared = found if isinstance(found, Comparison) else None
        return partial(figures_in_view, shown, result, self._view, self.query_one(RunTable).run_name, compared)

    def _text(self, result: FitResult) -> str:
        narrow = self.query_one("#words").size.width < NARROW - 2
        if self._view != "compare":
            return result_text(result, self._view, narrow)
        found = self._comparison(result)
        if isinstance(found, Comparison):
            return compare_text(found, narrow)
        return "comparing the laws …" if found is None else found

    def _axis(self, result: FitResult) -> Input | None:
        """The chosen x axis, where the points have it."""
        return self._over if result.study and self._over in axes_of(result.study.fit) else None

    def _figure(self, result: FitResult, names: Mapping[str, str]) -> Figure:
        if self._view == "valleys" and result.valleys is not None and result.points is not None:
            return valley_view(result.points, result.valleys)
        if result.study is None:
            return Figure(
                result.request.law or "law", (), empty="No law fits these points; see below. Press f to choose another."
            )
        names = result.names or names
        if self._view == "residuals":
            return residual_view(result.study, names, self._log[0], self._axis(result))
        if self._view == "influence" and result.moved is not None:
            return influence_view(result.study, result.moved, names, self._log[0], self._axis(result))
        if self._view == "compare" and isinstance(found := self._comparison(result), Comparison):
            return origins_view(found)
        return law_view(result.study, names, result.left_out, self._log)

    def on_resize(self) -> None:
        self.call_after_refresh(self._show)

    def panels_changed(self) -> None:
        self._show()

    # --- keys

    def action_row(self, by: int) -> None:
        self.query_one(RunTable).move(by)

    def action_drop(self) -> None:
        name = self.query_one(RunTable).run_name
        if name is not None:
            self._toggle(name)

    def _toggle(self, name: str) -> None:
        """Leaves a run out, or all that are behind a point; or puts them back."""
        self._left_out ^= set(self._result.behind.get(name, (name,)) if self._result else (name,))
        self._show()

    def on_run_table_chosen(self, event: RunTable.Chosen) -> None:
        self._toggle(event.run)

    def on_plot_clicked(self, event: Plot.Clicked) -> None:
        """A click on a point toggles the nearest one."""
        result = self._result
        if self._view in ("valleys", "compare") or result is None or result.study is None:
            return
        over = (self._axis(result) if self._view in OVER_AXES else None) or axis_of(result.study.fit)
        there = [points for points in (result.study.fit.points, result.left_out) if points is not None and len(points)]
        if self._view in OVER_AXES:
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
        self.app.push_screen(choose_law("Fit which law?"), self._chosen)

    def _chosen(self, law: str | None) -> None:
        if law is not None:
            self._law = law
            self._show()

    def action_convention(self) -> None:
        now = self._result.study.fit.convention if self._result and self._result.study else "all"
        self._convention = "all" if now == "non-embedding" else "non-embedding"
        self._show()

    def action_view(self) -> None:
        views: list[View] = ["law", "residuals"]
        if self._result is not None and self._result.valleys is not None:
            views.append("valleys")
        if self._result is not None and self._result.moved is not None:
            views.append("influence")
        self._view = after(views, self._view) if self._view in views else "law"
        self.query_one("#plot", Plot).cursor = None
        self._show()

    def action_over(self) -> None:
        result = self._result
        if result is None or result.study is None:
            return
        axes = axes_of(result.study.fit)
        self._over = after(axes, self._axis(result) or axes[0])
        self.query_one("#plot", Plot).cursor = None
        self._show()

    def action_compare(self) -> None:
        self._view = "law" if self._view == "compare" else "compare"
        self.query_one("#plot", Plot).cursor = None
        self._show()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self._view in OVER_AXES if action == "over" else True

    def action_details(self) -> None:
        self.zoom_panel("words-panel", "-details")

    def action_scales(self) -> None:
        self._log = after(SCALES, self._log)
        self._show()

    def action_scroll(self, pages: int) -> None:
        words = self.query_one("#words", VerticalScroll)
        words.scroll_relative(y=pages * max(1, words.size.height - 1), animate=False)

    def action_export(self) -> None:
        shown = self.table or self._sweep
        save(self, Picture(shown.name if shown else "law", self._view, self.query_one("#plot", Plot).figure))


def figures_in_view(
    shown: SweepView | OpenedTable, result: FitResult, view: View, row: str | None, compared: Comparison | None
) -> list[Explanation]:
    """The numbers of the screen that can be explained: of the row under the cursor, of the view, then all others."""
    figures: list[Explanation] = []
    if compared is not None:
        return [*comparison_figures(compared)]
    if view == "valleys" and result.valleys is not None:
        figures += valley_figures(result.valleys)
    if row is not None and isinstance(shown, SweepView) and (run := shown.run(row)) is not None:
        figures += [one for one in run_figures(shown, run) if one.key in ROW_KEYS]
    elif row is not None and isinstance(shown, OpenedTable):
        figures += cell_figures(shown.name, shown.source.points, shown.source.columns, row)
    if result.study is not None:
        own = study_figures("fit", result.study, result.behind, influence=result.moved)
        influences = [one for one in own if one.of != "fit"]
        if view == "influence":
            figures += influences
        figures += point_figures(result.study, result.behind, row) if row is not None else []
        figures += [one for one in own if one.of == "fit" or view != "influence"]
    return figures


def rows_of(table: OpenedTable) -> tuple[PointRow, ...]:
    """The points of a table as rows; none where there are more than one would look at."""
    points = table.source.points
    if len(points) > MOST_ROWS:
        return ()
    blank = [None] * len(points)
    params, tokens = (blank if column is None else column.tolist() for column in (points.params, points.tokens))
    return tuple(map(PointRow, points.labels, params, tokens, points.loss.tolist()))


def fit_for(shown: SweepView | OpenedTable, request: FitRequest) -> FitResult:
    """Fits what is requested, as the command `fit` does, without the runs left out."""
    blank = FitResult(request, None, None, None, None)
    try:
        loaded = (
            sweep_source(shown, request.left_out)
            if isinstance(shown, SweepView)
            else _without(shown.source, request.left_out)
        )
        convention = request.convention or loaded.convention
        law = request.law or loaded.law or "chinchilla"
    except InputError as error:
        return replace(blank, problem=str(error))
    valleys: Profiles | None = None
    with suppress(InputError):  # most sweeps have no budget with several sizes
        valleys = profiles(loaded.points)
    blank = replace(
        blank,
        left_out=_left_out_points(shown, request, convention, loaded),
        points=loaded.points,
        valleys=valleys,
        notes=loaded.notes,
        behind=loaded.behind,
        names={**loaded.names, **_own_names(shown, request.left_out)},
    )
    try:
        with loaded.explained():
            made = study(law, loaded.points, draws=DRAWS, convention=convention, warnings=loaded.warnings)
    except InputError as error:
        return replace(blank, problem=f"{law}: {error}")
    return replace(blank, study=made, moved=influence(made.fit))


def _without(source: FitSource, left_out: frozenset[str]) -> FitSource:
    if not left_out:
        return source
    kept = np.array([label not in left_out for label in source.points.labels])
    return replace(source, points=source.points.take(kept))


def _left_out_points(
    shown: SweepView | OpenedTable, request: FitRequest, convention: str, loaded: FitSource
) -> Points | None:
    """What is shown and is no point of the law: what was left out, and of a sweep the runs behind means or bests."""
    if isinstance(shown, SweepView):
        return counted_as(convention, run_points(shown, "all", loaded.points.labels))
    if not request.left_out:
        return None
    points = shown.source.points
    return counted_as(convention, points.take(np.array([label in request.left_out for label in points.labels])))


def _own_names(shown: SweepView | OpenedTable, left_out: frozenset[str]) -> dict[str, str]:
    """What the points are called that were left out on purpose."""
    names = labels(shown) if isinstance(shown, SweepView) else {}
    return {name: names.get(name, name) for name in left_out}


def result_text(result: FitResult, view: View, narrow: bool = False) -> str:
    """The text that `fit` prints, with its warnings."""
    if view == "valleys" and result.valleys is not None:
        return "\n".join([profiles_text(result.valleys), bullet(result.valleys.warnings)]).rstrip()
    if result.study is None:
        return result.problem
    if view == "influence":
        return influence_text(result.study, result.moved, narrow)
    # Warnings first, since they may invalidate the rest: a small screen does not show the end.
    warnings = bullet(result.study.warnings)
    return (f"{warnings}\n\n" if warnings else "") + fit_text(result.study, notes=result.notes, moved=result.moved)
