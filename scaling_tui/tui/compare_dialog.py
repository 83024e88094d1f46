"""Sweeps and files side by side over the current screen: what `scaling-tui compare` prints, with its plots."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Footer

from scaling_tui import InputError
from scaling_tui.plots.curves import OVER, SCALES, SMOOTHING, Choice
from scaling_tui.plots.figures import Figure
from scaling_tui.report.comparison.comparing import SideBySide, compare_sources
from scaling_tui.report.comparison.sources import Source, sweep_of, table_of, with_own_names
from scaling_tui.report.comparison.words import comparison_curves, comparison_figure, comparison_text, notes_text
from scaling_tui.runs import find_sweep, read_sweep
from scaling_tui.text import show
from scaling_tui.tui.app_sized import AppSized
from scaling_tui.tui.cycle import after
from scaling_tui.tui.law_dialog import choose_law
from scaling_tui.tui.page import Host
from scaling_tui.tui.plot_keys import PLOT_KEYS, PlotKeys
from scaling_tui.tui.save_dialog import Picture, save
from scaling_tui.tui.services.background import OneAtATime
from scaling_tui.tui.services.table_form import Opened, OpenedSweep, OpenedTable
from scaling_tui.tui.source_dialog import choose_source
from scaling_tui.tui.widgets.choose import Choose, lines_of
from scaling_tui.tui.widgets.plot import Plot
from scaling_tui.tui.widgets.text import PlainText

OWN = ""  # in the list of laws: each source's own
View = Literal["laws", "curves"]


@dataclass(frozen=True)
class Request:
    """What to compare, and which law to fit to all; None is each source's own."""

    sources: tuple[str | Opened, ...]
    law: str | None


class CompareDialog(PlotKeys, AppSized, ModalScreen[None]):
    """Compares sweeps, by name or path, and opened files; asks for another one where there is only one."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "back", key_display="esc", tooltip="Close the comparison"),
        Binding("a", "add", "add", tooltip="Add a sweep or a file"),
        Binding("d", "remove", "remove", tooltip="Remove one of them"),
        Binding("v", "view", "view", tooltip="Switch the plot: laws, curves"),
        Binding("f", "form", "law", tooltip="Fit one law to all, or to each its own"),
        Binding("t", "text", "text", tooltip="Show only the text, or the plot too"),
        Binding("r", "reread", "reread", tooltip="Read all of them again"),
        Binding("e", "export", "export", tooltip="Save the plot or the screen to a file"),
        Binding("x", "over", "axis", show=False, tooltip="Switch the x axis of curves: tokens, steps, FLOPs, time"),
        Binding("s", "smooth", "smooth", show=False, tooltip="Smooth curves: 0.8, 0.95, 0.99, off"),
        Binding("g", "scales", "log", show=False, tooltip="Switch logarithmic axes: both, x, y, none"),
        *PLOT_KEYS,
        Binding("up,k", "scroll(-1)", "up", show=False, tooltip="Scroll the text up"),
        Binding("down,j", "scroll(1)", "down", show=False, tooltip="Scroll the text down"),
        Binding("pageup", "scroll(-10)", "page up", show=False, tooltip="Scroll the text far up"),
        Binding("pagedown", "scroll(10)", "page down", show=False, tooltip="Scroll the text far down"),
    ]
    CSS = """
    CompareDialog {
        background: $background;
        #where { height: 1; padding: 0 1; text-style: bold; text-wrap: nowrap; text-overflow: ellipsis; }
        #plot { height: 1fr; padding: 0 1; }
        #words { height: 12; padding: 0 1; scrollbar-size-vertical: 1; }
        #words PlainText { height: auto; }
        &.-tall #words { height: 22; }
        &.-text #plot, &.-empty #plot { display: none; }
        &.-text #words, &.-empty #words { height: 1fr; }
        Footer { dock: bottom; }
    }
    """
    VERTICAL_BREAKPOINTS = [(0, "-low"), (36, "-tall")]  # noqa: RUF012 - Textual's type

    class Compared(Message):
        """A comparison is ready, or why there is none."""

        def __init__(self, request: Request, found: SideBySide | str) -> None:
            super().__init__()
            self.request, self.found = request, found

    def __init__(self, sources: Sequence[str | Opened]) -> None:
        super().__init__()
        self._request = Request(tuple(dict.fromkeys(sources)), None)
        self._found: SideBySide | str = ""
        self._view: View = "laws"
        self._log = (True, True)
        self._choice = Choice()
        self._comparing = OneAtATime(self, self._compare)

    def compose(self) -> ComposeResult:
        yield PlainText(id="where")
        yield Plot(id="plot")
        with VerticalScroll(id="words", can_focus=False):
            yield PlainText()
        yield Footer(compact=True, show_command_palette=False)

    async def on_mount(self) -> None:
        self._ask()
        if len(self._request.sources) < 2:
            await self.action_add()

    # --- the work

    def _ask(self) -> None:
        self._found = ""
        self._show()
        if self._request.sources:
            self._comparing.ask(self._request)

    def _compare(self, request: Request) -> None:
        """In a thread."""
        try:
            sources = with_own_names([_source(one, cast(Host, self.app).runs) for one in request.sources])
            found: SideBySide | str = compare_sources(sources, law=request.law)
        except (InputError, OSError) as error:
            found = str(error)
        self.post_message(self.Compared(request, found))

    def on_compare_dialog_compared(self, message: Compared) -> None:
        if message.request == self._request:
            self._found = message.found
            self._show()

    # --- the widgets

    def _show(self) -> None:
        found, names = self._found, [_name(one) for one in self._request.sources]
        law = f" · {self._request.law} to all" if self._request.law else ""
        title = f"Compare · {show.listed(names, 6)}{law}" if names else "Compare"
        self.query_one("#where", PlainText).set_text(Text(title, no_wrap=True, overflow="ellipsis"))
        self.set_class(not isinstance(found, SideBySide), "-empty")
        figure = self._figure(found) if isinstance(found, SideBySide) else Figure("", ())
        self.query_one("#plot", Plot).figure = figure
        self._show_words()

    def _show_words(self) -> None:
        """The text alone is laid out for the width: at a new size the plot draws the figure that it has."""
        found, words = self._found, self.query_one("#words PlainText", PlainText)
        sources = len(self._request.sources)
        if not isinstance(found, SideBySide):
            words.set_text(found or ("Reading and fitting …" if sources else "Press a to add a sweep or a file."))
            return
        text = comparison_text(found, max(1, self.size.width - 3))
        alone = "Press a to add a sweep or a file to compare with.\n\n" if sources < 2 else ""
        words.set_text(f"{alone}{text}\n\n{notes_text(found)}".rstrip())

    def _figure(self, found: SideBySide) -> Figure:
        return comparison_figure(found, self._log) if self._view == "laws" else comparison_curves(found, self._choice)

    def on_resize(self) -> None:
        self.call_after_refresh(self._show_words)

    # --- keys

    async def action_add(self) -> None:
        names = [one if isinstance(one, str) else one.path for one in self._request.sources]
        await choose_source(self, "Compare with which sweep or file?", self._add, without=names)

    def _add(self, source: str | Opened | None) -> None:
        if source is not None and source not in self._request.sources:
            self._request = replace(self._request, sources=(*self._request.sources, source))
            self._ask()

    def action_remove(self) -> None:
        lines = lines_of([(str(k), _name(one)) for k, one in enumerate(self._request.sources)])
        if lines:
            self.app.push_screen(Choose("Remove which one?", lines), self._remove)

    def _remove(self, key: str | None) -> None:
        if key is not None:
            kept = tuple(one for k, one in enumerate(self._request.sources) if k != int(key))
            self._request = replace(self._request, sources=kept)
            self._ask()

    def action_form(self) -> None:
        dialog = choose_law("Fit which law to all?", self._request.law or OWN, [(OWN, "each its own")])
        self.app.push_screen(dialog, self._fit_law)

    def _fit_law(self, law: str | None) -> None:
        if law is not None and (law or None) != self._request.law:
            self._request = replace(self._request, law=law or None)
            self._ask()

    def action_reread(self) -> None:
        self._ask()

    def action_view(self) -> None:
        self._view = "curves" if self._view == "laws" else "laws"
        self.remove_class("-text")
        self.query_one("#plot", Plot).cursor = None
        self._show()

    def action_text(self) -> None:
        self.toggle_class("-text")

    def action_over(self) -> None:
        self.query_one("#plot", Plot).cursor = None
        self._choice = replace(self._choice, over=after(OVER, self._choice.over))
        self._show()

    def action_smooth(self) -> None:
        self._choice = replace(self._choice, smoothing=after(SMOOTHING, self._choice.smoothing))
        self._show()

    def action_scales(self) -> None:
        self._log = after(SCALES, self._log)
        self._choice = self._choice.scaled(*self._log)
        self._show()

    def action_scroll(self, lines: int) -> None:
        self.query_one("#words", VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_export(self) -> None:
        name = "-and-".join(_name(one).replace("/", "-") for one in self._request.sources[:3]) or "compare"
        save(self, Picture(name, self._view, self.query_one("#plot", Plot).figure))


def _name(source: str | Opened) -> str:
    return Path(source).name if isinstance(source, str) else source.name


def _source(source: str | Opened, runs: Path) -> Source:
    """Reads a source anew; a table is as it was when it was opened.

    Raises:
        InputError: it is no longer there.
    """
    if isinstance(source, OpenedTable):
        return table_of(source.path, source.source, source.name)
    if isinstance(source, OpenedSweep):
        kind: Literal["logs", "sweep"] = "logs" if source.kind == "logs" else "sweep"
        return replace(sweep_of(read_sweep(Path(source.path)), source.where, kind, source.notes), name=source.name)
    return sweep_of(read_sweep(find_sweep(runs, source)), source)
