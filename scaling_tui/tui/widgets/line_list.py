"""A list of lines in columns with a cursor, of which only those in sight are drawn: a thousand cost what twenty do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from scaling_tui.text.columns import cut, flush_left, flush_right
from scaling_tui.text.list_columns import Layout, ListColumn, layout
from scaling_tui.tui.widgets.marked_list import CHOSEN

MOVES = ("up", "down", "page_up", "page_down", "home", "end")


@dataclass(frozen=True)
class Line:
    """A line of a list: what it stands for, a cell for each column, and the sign before the first of them."""

    key: str
    cells: tuple[str, ...]
    sign: str = ""
    dim: bool = False


class LineList(ScrollView):
    """Shows lines under the heads of their columns, if these have any. Keys reach it through its screen, by `move`."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"line-list--head", "line-list--cursor", "line-list--dim"}
    DEFAULT_CSS = """
    LineList {
        height: 1fr; scrollbar-size-vertical: 1; overflow-x: hidden; background: transparent;
        .line-list--head { color: $text-muted; text-style: bold; }
        .line-list--cursor { background: $block-cursor-background; color: $block-cursor-foreground; }
        .line-list--dim { color: $text-muted; }
    }
    """
    ALLOW_SELECT = False

    class Moved(Message):
        """The cursor stands on another line."""

    class Clicked(Message):
        """A line was clicked; `again` says that the cursor stood on it."""

        def __init__(self, key: str, again: bool) -> None:
            super().__init__()
            self.key, self.again = key, again

    class HeadClicked(Message):
        """The head of a column was clicked: its place among all columns."""

        def __init__(self, column: int) -> None:
            super().__init__()
            self.column = column

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.can_focus = False
        self._columns: Sequence[ListColumn] = ()
        self._widths: Sequence[int] = ()
        self._layouts: dict[int, Layout] = {}  # by the room they were made for
        self._signs = 0
        self._lines: Sequence[Line] = ()
        self._marked: frozenset[str] = frozenset()
        self._at = 0

    @property
    def lines(self) -> Sequence[Line]:
        return self._lines

    @property
    def key(self) -> str | None:
        """What the line under the cursor stands for."""
        return self._lines[self._at].key if self._lines else None

    @property
    def heads(self) -> int:
        """Rows above the lines."""
        return 1 if any(column.head for column in self._columns) else 0

    def set_columns(self, columns: Sequence[ListColumn], lines: Sequence[Line]) -> None:
        """Takes the widths of the columns from `lines`: all that may ever be shown, so that filtering moves nothing."""
        self._signs = len(CHOSEN) + (1 if any(line.sign for line in lines) else 0)
        widths: list[int] = []
        for place, column in enumerate(columns):
            widest = max((cell_len(line.cells[place]) for line in lines), default=0)
            widths.append(max(widest, cell_len(column.head)) if widest else 0)
        if widths != self._widths or columns is not self._columns:
            self._columns, self._widths, self._layouts = columns, widths, {}
            self.refresh()

    def show(self, lines: Sequence[Line], under: str | None = None, marked: frozenset[str] = frozenset()) -> None:
        """Shows `lines`, the cursor on `under`; where that is gone or None, on the first."""
        before = self.key
        at = next((place for place, line in enumerate(lines) if line.key == under), 0) if under is not None else 0
        if (lines, at, marked) == (self._lines, self._at, self._marked):
            return
        self._lines, self._at, self._marked = lines, at, marked
        self.virtual_size = Size(self.size.width, len(lines) + self.heads)
        self.refresh()
        self._reveal()
        if self.key != before:
            self.post_message(self.Moved())

    def move(self, how: str) -> None:
        """Moves the cursor, by one of `MOVES`; it stops at both ends."""
        page = max(1, self._room - 1)
        steps: dict[str, Callable[[int], int]] = {
            "up": lambda at: at - 1,
            "down": lambda at: at + 1,
            "page_up": lambda at: at - page,
            "page_down": lambda at: at + page,
            "home": lambda at: 0,
            "end": lambda at: len(self._lines),
        }
        self._move_to(steps[how](self._at))

    @property
    def _room(self) -> int:
        return max(1, self.scrollable_content_region.height - self.heads)

    def _move_to(self, place: int) -> None:
        place = min(max(place, 0), len(self._lines) - 1)
        if place == self._at or not self._lines:
            return
        self._refresh_line(self._at)
        self._at = place
        self._refresh_line(place)
        self._reveal()
        self.post_message(self.Moved())

    def _reveal(self) -> None:
        first = min(max(self.scroll_offset.y, self._at - self._room + 1), self._at)
        self.scroll_to(y=first, animate=False)

    def _refresh_line(self, place: int) -> None:
        y = place + self.heads - self.scroll_offset.y
        if self.heads <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    @property
    def _layout(self) -> Layout:
        room = self.scrollable_content_region.width - self._signs
        if room not in self._layouts:
            self._layouts = {room: layout(self._columns, self._widths, room)}
        return self._layouts[room]

    def on_resize(self) -> None:
        self._reveal()

    def on_click(self, event: events.Click) -> None:
        place = event.y - self.heads + self.scroll_offset.y
        if event.y < self.heads:
            self._click_head(event.x - self._signs)
        elif place < len(self._lines):
            again = place == self._at
            self._move_to(place)
            self.post_message(self.Clicked(self._lines[place].key, again))

    def _click_head(self, x: int) -> None:
        for place, width in self._layout.columns:
            if x < width + self._layout.gap:
                self.post_message(self.HeadClicked(place))
                return
            x -= width + self._layout.gap

    def render_line(self, y: int) -> Strip:
        base, width = self.rich_style, self.size.width
        if y < self.heads:
            style = self.get_component_rich_style("line-list--head")
            heads = self._text([column.head for column in self._columns], " " * self._signs)
            return Strip([Segment(heads, style)]).adjust_cell_length(width, style)
        place = y - self.heads + self.scroll_offset.y
        if place >= len(self._lines):
            return Strip.blank(width, base)
        line, style = self._lines[place], base
        if line.dim:
            style = self.get_component_rich_style("line-list--dim")
        if place == self._at:
            style = self.get_component_rich_style("line-list--cursor")
        if line.key in self._marked:
            style += Style(bold=True)
        # The cursor is a sign as well as a colour, which not everybody sees.
        sign = CHOSEN[0] if place == self._at else " "
        sign += line.sign or " " if self._signs > len(CHOSEN) else ""
        sign += "*" if line.key in self._marked else " "
        return Strip([Segment(self._text(line.cells, sign), style)]).adjust_cell_length(width, style)

    def _text(self, cells: Sequence[str], sign: str) -> str:
        parts = []
        for place, width in self._layout.columns:
            flush = flush_right if self._columns[place].right else flush_left
            parts.append(flush(cut(cells[place], width), width))
        return sign + (" " * self._layout.gap).join(parts)
