"""The log of a run or of the supervisor over the current screen: it follows the file, and can be searched."""

from asyncio import to_thread
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import Footer, Input

from scaling_tui.runs.logs import LogTail, matches
from scaling_tui.text import show
from scaling_tui.tui import signs
from scaling_tui.tui.app_sized import AppSized
from scaling_tui.tui.widgets.text import PlainText


class LogLines(ScrollView):
    """Lines of text with those that match marked. It follows its end until somebody scrolls away from there."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"log-lines--match", "log-lines--here"}
    DEFAULT_CSS = """
    LogLines {
        height: 1fr; scrollbar-size: 1 1; background: $background;
        .log-lines--match { background: $panel; text-style: bold; }
        .log-lines--here { background: $block-cursor-background; color: $block-cursor-foreground; text-style: bold; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self.can_focus = False
        self._lines: Sequence[str] = ()
        self._marked: frozenset[int] = frozenset()
        self._here: int | None = None

    def set_lines(self, lines: Sequence[str]) -> None:
        at_end = self.scroll_offset.y >= self.max_scroll_y
        self._lines = lines
        self.virtual_size = Size(max((cell_len(line) for line in lines), default=0), len(lines))
        if at_end:
            self.call_after_refresh(self.scroll_end, animate=False)
        self.refresh()

    def mark(self, numbers: Sequence[int], here: int | None) -> None:
        """Marks lines, and the one that is `here` in another way."""
        self._marked, self._here = frozenset(numbers), here
        self.refresh()

    def reveal(self, number: int) -> None:
        """Scrolls to a line, unless it can be seen."""
        room = self.scrollable_content_region.height
        if not self.scroll_offset.y <= number < self.scroll_offset.y + room:
            self.scroll_to(y=max(0, number - room // 2), animate=False)

    @property
    def first(self) -> int:
        """The number of the first line that can be seen."""
        return self.scroll_offset.y

    def render_line(self, y: int) -> Strip:
        number, width = y + self.scroll_offset.y, self.size.width
        if number >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        style = self.rich_style
        if number == self._here:
            style = self.get_component_rich_style("log-lines--here")
        elif number in self._marked:
            style = self.get_component_rich_style("log-lines--match")
        line = Strip([Segment(self._lines[number], style)])
        if signs.wanted(self.app):
            sign = signs.CURSOR if number == self._here else "*" if number in self._marked else " "
            line = Strip([Segment(f"{sign} ", style), *line])
        return line.crop(self.scroll_offset.x, self.scroll_offset.x + width).adjust_cell_length(width, style)


class LogDialog(AppSized, ModalScreen[None]):
    """Shows the log of `run`, and with tab that of the supervisor. `period` are seconds between two reads."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "back", key_display="esc", tooltip="Leave the search, or close the log"),
        Binding("slash", "search", "search", key_display="/", tooltip="Search the log"),
        Binding("n", "match(1)", "next", tooltip="Go to the next match"),
        Binding("N", "match(-1)", "previous", tooltip="Go to the previous match"),
        Binding("tab", "other", "other log", tooltip="Switch between the run's log and the supervisor's"),
        Binding("up,k", "scroll('up')", "up", show=False),
        Binding("down,j", "scroll('down')", "down", show=False),
        Binding("pageup", "scroll('page_up')", "page up", show=False),
        Binding("pagedown,space", "scroll('page_down')", "page down", show=False),
        Binding("left", "scroll('left')", "left", show=False),
        Binding("right", "scroll('right')", "right", show=False),
        Binding("home", "scroll('home')", "start", show=False),
        Binding("end", "scroll('end')", "follow", tooltip="Go to the end and follow it"),
    ]
    CSS = """
    LogDialog {
        align: center middle;
        Vertical { width: 98%; height: 96%; border: round $primary; padding: 0 1; }
        #log-title { height: 1; text-style: bold; text-wrap: nowrap; text-overflow: ellipsis; }
        Input { border: none; height: 1; padding: 0; background: $boost; display: none; }
        Footer { dock: bottom; }
    }
    """

    def __init__(self, sweep: Path, run: str | None, period: float) -> None:
        super().__init__()
        self._sweep, self._run, self._period = sweep, run, period
        self._shown = run
        self._tail = LogTail(sweep, run)
        self._reading = False
        self._wanted = ""
        self._found: list[int] = []
        self._here: int | None = None

    def compose(self) -> ComposeResult:
        with Vertical():
            yield PlainText(id="log-title")
            yield LogLines()
            yield Input(placeholder="search", select_on_focus=False)
            yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self._read()
        self.set_interval(self._period, self._read)

    def _read(self) -> None:
        """Reads in a thread: a disk may take its time."""
        if not self._reading:
            self._reading = True
            self.run_worker(self._poll())

    async def _poll(self) -> None:
        tail = self._tail
        try:
            new = await to_thread(tail.poll)
        finally:
            self._reading = False
        if tail is not self._tail:
            self._read()
        elif new or not tail.lines:
            self.query_one(LogLines).set_lines(tail.lines)
            self._search(self._wanted)

    def _tell(self) -> None:
        name = self._sweep.name if self._shown is None else f"{self._sweep.name}/{self._shown}"
        what = "supervisor" if self._shown is None else "worker"
        count = show.counted(len(self._tail.lines), "line") if self._tail.lines else "no log yet"
        parts = [f"{name} · log of the {what}", f"the last {count}" if self._tail.left_out else count]
        if self._wanted:
            place = "" if self._here is None else f"{self._found.index(self._here) + 1:,} of "
            found = len(self._found)
            parts.append(f"/{self._wanted}: {place}{found:,} match{'es' * (found != 1)}")
        self.query_one("#log-title", PlainText).set_text(" · ".join(parts))

    # --- search

    def action_search(self) -> None:
        field = self.query_one(Input)
        field.display = True
        field.focus()

    def on_input_changed(self, message: Input.Changed) -> None:
        self._here = None
        self._search(message.value)
        if self._found:
            # As with less: the first match from what is on the screen on, else the last before it.
            first = self.query_one(LogLines).first
            self._show(next((number for number in self._found if number >= first), self._found[-1]))

    def on_input_submitted(self) -> None:
        self._leave_field()

    def _leave_field(self) -> None:
        self.query_one(Input).display = False
        self.set_focus(None)

    def _search(self, wanted: str) -> None:
        self._wanted, self._found = wanted, matches(self._tail.lines, wanted)
        if self._here not in self._found:
            self._here = None
        self.query_one(LogLines).mark(self._found, self._here)
        self._tell()

    def _show(self, number: int) -> None:
        self._here = number
        lines = self.query_one(LogLines)
        lines.mark(self._found, number)
        lines.reveal(number)
        self._tell()

    def action_match(self, by: int) -> None:
        if not self._found:
            return
        if self._here is None:
            first = self.query_one(LogLines).first
            ahead = [number for number in self._found if number >= first]
            self._show(ahead[0] if by > 0 and ahead else self._found[-1 if by < 0 else 0])
        else:
            self._show(self._found[(self._found.index(self._here) + by) % len(self._found)])

    # --- other keys

    def action_back(self) -> None:
        if self.query_one(Input).display:
            self._leave_field()
        else:
            self.dismiss(None)

    def action_other(self) -> None:
        if self._run is not None:
            self._shown = None if self._shown is not None else self._run
            self._tail, self._here = LogTail(self._sweep, self._shown), None
            self.query_one(LogLines).set_lines(())
            self._read()

    def action_scroll(self, how: str) -> None:
        lines = self.query_one(LogLines)
        move: Callable[..., None] = getattr(lines, f"scroll_{how}")
        move(animate=False)
