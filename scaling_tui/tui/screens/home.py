"""Home: what is training, what is due, the last law, what to do next. Every line links to the screen that does it."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.timer import Timer
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from scaling_tui import InputError
from scaling_tui.text import show
from scaling_tui.tui.modes import MODES
from scaling_tui.tui.page import Page
from scaling_tui.tui.services.background import OneAtATime
from scaling_tui.tui.widgets.machine_load import MachineLoad
from scaling_tui.tui.widgets.options import Options
from scaling_tui.tui.widgets.panel import Group, Panel, in_view
from scaling_tui.tui.widgets.text import PlainText

if TYPE_CHECKING:
    from scaling_tui.plots.figures import Figure
    from scaling_tui.report.why import Explanation
    from scaling_tui.tui.services.overview import Overview, OverviewLine, OverviewSection


class HomeScreen(Page):
    """A list of links; enter or a click follows one."""

    ABOUT: ClassVar[str] = (
        "An overview: sweeps in training, questions that are due, the law of the latest finished sweep, and what to do "
        "next. Press enter on a line, or click it, to open its screen."
    )
    CSS = """
    HomeScreen {
        #lines { height: 1fr; border: none; padding: 1 1 0 1; background: transparent; }
        #side { display: none; }
        &.-roomy {
            #lines { padding: 0; }
            #side { display: block; }
            #machine-panel { height: auto; max-height: 40%; }
        }
        &.-broad #body { layout: horizontal; }
    }
    """

    def __init__(self, runs: Path) -> None:
        super().__init__(runs)
        self._sections: tuple[OverviewSection, ...] = ()
        self._drawn: object = None  # the sweep whose law is drawn
        self._timer: Timer | None = None
        self._reading = OneAtATime(self, self._read)

    @cached_property
    def _overview(self) -> "Overview":
        """Imported by the reading thread, so that the first frame does not wait for NumPy."""
        from scaling_tui.tui.services.overview import Overview

        return Overview(self.scaling_app.listing)

    def body(self) -> ComposeResult:
        with Group(id="body"):
            yield Panel("Overview", Options(id="lines"), id="lines-panel")
            with Group(id="side"):
                yield Panel("Last law", PlainText(id="no-law"), id="law-panel")
                yield Panel("Machine", MachineLoad(id="machine"), id="machine-panel")

    def on_mount(self) -> None:
        self._timer = self.set_interval(max(1.0, self.scaling_app.refresh_s), self._poll)

    def on_screen_resume(self) -> None:
        if self._timer:
            self._timer.resume()
        self.call_after_refresh(self._poll)

    def on_screen_suspend(self) -> None:
        if self._timer:
            self._timer.pause()

    def _poll(self) -> None:
        if not self._reading.busy:
            self._reading.ask(in_view(self.query_one("#law-panel")))

    def _read(self, draws: bool) -> None:
        """In a thread. The last law is drawn where it is in view."""
        sections, last = self._overview.sections(), self._overview.last_law
        figure: Figure | None = None
        if last is not None and last[0] is not self._drawn and draws:
            from scaling_tui.report.sweep import law_plot

            # A sweep that others wrote may hold what no plot shows; Home is there all the same.
            with suppress(InputError, OSError, ValueError, ArithmeticError):
                figure = law_plot(*last)
            self._drawn = last[0]
        self.app.call_from_thread(self._show, sections, figure)

    def _show(self, sections: tuple["OverviewSection", ...], figure: "Figure | None" = None) -> None:
        if figure is not None:
            self._draw(figure)
        elif not self.query("#law-plot"):
            self.query_one("#no-law", PlainText).set_text("No sweep with a law has finished yet.")
        if sections == self._sections:
            return
        self._sections = sections
        self._fill()

    def _draw(self, figure: "Figure") -> None:
        """Plots are imported with the first figure: the first frame does not wait for NumPy."""
        from scaling_tui.tui.widgets.plot import Plot

        if not self.query("#law-plot"):
            self.query_one("#no-law").display = False
            self.query_one("#law-panel").mount(Plot(id="law-plot"))
        self.query_one("#law-plot", Plot).figure = figure

    def on_resize(self) -> None:
        self.call_after_refresh(self.panels_changed)

    def panels_changed(self) -> None:
        self._fill()
        self.query_one(MachineLoad).look()
        self._poll()

    def _fill(self) -> None:
        """Lists the lines again; the highlight stays where it was."""
        options = self.query_one(OptionList)
        chosen = options.highlighted_option.id if options.highlighted_option else None
        modes = {mode.name: mode for mode in MODES}
        width = max(10, options.scrollable_content_region.width - 4)
        options.clear_options()
        for section in self._sections:
            options.add_option(Option(Text(section.title, style="bold"), disabled=True))
            for line in section.lines:
                # A screen missing from this installation cannot be linked to; Live shows the law as well.
                mode = modes.get(line.mode, modes["live"])
                options.add_option(
                    Option(_line(line, f"{mode.key} {mode.title}".ljust(10), width), id=_key(section, line))
                )
            options.add_option(Option("", disabled=True))
        ids = [option.id for option in options.options]
        # Headings have no id.
        options.highlighted = ids.index(chosen) if chosen and chosen in ids else 1 if ids else None
        if self.focused is None and in_view(options):
            options.focus()

    def why(self) -> "Callable[[], Sequence[Explanation]] | None":
        """The numbers of the highlighted line's sweep, or of the last law."""
        chosen = self.query_one(OptionList).highlighted_option
        lines = [(_key(section, line), section.title, line) for section in self._sections for line in section.lines]
        named = next((line.sweep for key, _, line in lines if chosen and key == chosen.id and line.sweep), None)
        named = named or next((line.sweep for _, title, line in lines if title == "Last law" and line.sweep), None)
        return None if named is None else lambda: figures_of(self.runs / named)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        for section in self._sections:
            for line in section.lines:
                if _key(section, line) == event.option_id:
                    self._follow_line(line)
                    return

    @work
    async def _follow_line(self, line: "OverviewLine") -> None:
        if line.sweep:
            self.scaling_app.sweep = line.sweep
        known = {mode.name for mode in MODES}
        await self.scaling_app.visit(line.mode if line.mode in known else "live", line.what)


def figures_of(path: Path) -> "Sequence[Explanation]":
    """The numbers of a sweep, which is read for them."""
    from scaling_tui.report.why.sweeps import sweep_figures
    from scaling_tui.runs.glance import glance

    return sweep_figures(glance(path))


def _key(section: "OverviewSection", line: "OverviewLine") -> str:
    return f"{section.title}:{line.mode}:{line.sweep}:{line.what}"


def _line(line: "OverviewLine", target: str, width: int) -> Text:
    """The text on the left, the bar if there is one, and on the right the screen that the line opens."""
    text = Text("  " + line.text, no_wrap=True, overflow="ellipsis")
    room = width - len(target) - 2
    if line.bar is not None and room - len(text) >= 16:
        cells = min(30, room - len(text) - 8)
        done = round(cells * line.bar)
        text.append("  " + "━" * done, "bold").append("─" * (cells - done), "dim")
        text.append(f" {show.percent(line.bar)}")
    text.truncate(room, overflow="ellipsis", pad=True)
    return text.append(f"  {target}", "dim")
