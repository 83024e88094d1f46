"""Home: what is training, what is due, the last law, what to do next. Every line links to the screen that does it."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.timer import Timer
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from scaling_tui.text import show
from scaling_tui.tui.modes import MODES
from scaling_tui.tui.page import Page
from scaling_tui.tui.services.background import OneAtATime
from scaling_tui.tui.widgets.marked_list import MarkedList

if TYPE_CHECKING:
    from scaling_tui.tui.services.overview import Overview, OverviewLine, OverviewSection


class HomeScreen(Page):
    """A list of links; enter or a click follows one."""

    ABOUT: ClassVar[str] = (
        "An overview: sweeps in training, questions that are due, the law of the latest finished sweep, and what to do "
        "next. Press enter on a line, or click it, to open its screen."
    )
    CSS = "HomeScreen OptionList { height: 1fr; border: none; padding: 1 1 0 1; background: transparent; }"

    def __init__(self, runs: Path) -> None:
        super().__init__(runs)
        self._sections: tuple[OverviewSection, ...] = ()
        self._timer: Timer | None = None
        self._reading = OneAtATime(self, self._read)

    @cached_property
    def _overview(self) -> "Overview":
        """Imported by the reading thread, so that the first frame does not wait for NumPy."""
        from scaling_tui.tui.services.overview import Overview

        return Overview(self.scaling_app.listing)

    def body(self) -> ComposeResult:
        yield MarkedList(id="lines")

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
            self._reading.ask(None)

    def _read(self, _: None) -> None:
        self.app.call_from_thread(self._show, self._overview.sections())

    def _show(self, sections: tuple["OverviewSection", ...]) -> None:
        if sections == self._sections:
            return
        self._sections = sections
        self._fill()

    def on_resize(self) -> None:
        self._fill()

    def _fill(self) -> None:
        """Lists the lines again; the highlight stays where it was."""
        options = self.query_one(OptionList)
        chosen = options.highlighted_option.id if options.highlighted_option else None
        modes = {mode.name: mode for mode in MODES}
        width = self.size.width - 6
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
        options.focus()

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
