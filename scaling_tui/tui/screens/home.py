"""Home: what runs now, what is due, the last law, what to do next. Every line leads to the screen that does it."""

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

if TYPE_CHECKING:
    from scaling_tui.tui.services.overview import Line, Section, Standing


class Home(Page):
    """A list of lines; enter or a click goes where a line leads."""

    ABOUT: ClassVar[str] = (
        "Where things stand: sweeps that train now, questions that are due, the law of the latest finished sweep, and "
        "what to do next. Enter or a click on a line leads to the screen that does it."
    )
    CSS = "Home OptionList { height: 1fr; border: none; padding: 1 1 0 1; background: transparent; }"

    def __init__(self, runs: Path) -> None:
        super().__init__(runs)
        self._sections: tuple[Section, ...] = ()
        self._timer: Timer | None = None
        self._reading = OneAtATime(self, self._read)

    @cached_property
    def _standing(self) -> "Standing":
        """Imported by the thread that looks: the first frame waits for no NumPy."""
        from scaling_tui.tui.services.overview import Standing

        return Standing(self.runs)

    def body(self) -> ComposeResult:
        yield OptionList(id="lines")

    def on_mount(self) -> None:
        self._timer = self.set_interval(max(1.0, self.scaling_app.look_s), self._look)

    def on_screen_resume(self) -> None:
        if self._timer:
            self._timer.resume()
        self.call_after_refresh(self._look)

    def on_screen_suspend(self) -> None:
        if self._timer:
            self._timer.pause()

    def _look(self) -> None:
        if not self._reading.busy:
            self._reading.ask(None)

    def _read(self, _: None) -> None:
        self.app.call_from_thread(self._show, self._standing.sections())

    def _show(self, sections: tuple["Section", ...]) -> None:
        if sections == self._sections:
            return
        self._sections = sections
        self._fill()

    def on_resize(self) -> None:
        self._fill()

    def _fill(self) -> None:
        """Lists the lines anew; the highlight stays where it was."""
        options = self.query_one(OptionList)
        chosen = options.highlighted_option.id if options.highlighted_option else None
        modes = {mode.name: mode for mode in MODES}
        width = self.size.width - 6
        options.clear_options()
        for section in self._sections:
            options.add_option(Option(Text(section.title, style="bold"), disabled=True))
            for line in section.lines:
                # A screen that is not part of this installation cannot be led to; Live shows the law as well.
                mode = modes.get(line.mode, modes["live"])
                options.add_option(
                    Option(_line(line, f"{mode.key} {mode.title}".ljust(10), width), id=_key(section, line))
                )
            options.add_option(Option("", disabled=True))
        found = [option.id for option in options.options]
        # Headings have no id.
        options.highlighted = found.index(chosen) if chosen and chosen in found else 1 if found else None
        options.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        for section in self._sections:
            for line in section.lines:
                if _key(section, line) == event.option_id:
                    self._follow_line(line)
                    return

    @work
    async def _follow_line(self, line: "Line") -> None:
        if line.sweep:
            self.scaling_app.sweep = line.sweep
        known = {mode.name for mode in MODES}
        await self.scaling_app.visit(line.mode if line.mode in known else "live", line.what)


def _key(section: "Section", line: "Line") -> str:
    return f"{section.title}:{line.mode}:{line.sweep}:{line.what}"


def _line(line: "Line", leads_to: str, width: int) -> Text:
    """The words at the left, a bar where there is one, and at the right where the line leads."""
    text = Text("  " + line.text, no_wrap=True, overflow="ellipsis")
    room = width - len(leads_to) - 2
    if line.bar is not None and room - len(text) >= 16:
        cells = min(30, room - len(text) - 8)
        done = round(cells * line.bar)
        text.append("  " + "━" * done, "bold").append("─" * (cells - done), "dim")
        text.append(f" {show.percent(line.bar)}")
    text.truncate(room, overflow="ellipsis", pad=True)
    return text.append(f"  {leads_to}", "dim")
