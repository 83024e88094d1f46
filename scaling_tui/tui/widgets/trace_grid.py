"""The grid of a trace: rows of predictions over the tokens of a prompt, with fixed headers and a cursor."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from scaling_tui.lens.records import Grid, Reading
from scaling_tui.text import show
from scaling_tui.text.columns import cut
from scaling_tui.tui import signs

HEADERS = 2  # lines: the prompt's tokens, and the true next tokens
LEVELS = 16  # of shading
DIGITS = 3
WIDEST_TOKEN = 7


@dataclass(frozen=True)
class Metric:
    """What shades a cell: `digits` is its value in three characters; `share` is its shade, 0 to 1."""

    name: str
    of: Callable[[Grid, int, int], float | None]
    digits: Callable[[float], str]
    share: Callable[[float, int], float]


def _three(value: float) -> str:
    return "99+" if value >= 99.95 else f"{value:.0f}" if value >= 9.95 else f"{value:.1f}"


def _probability(value: float) -> str:
    return "1.0" if value >= 0.995 else f"{value:.2f}"[1:]


def _rank(value: float) -> str:
    return f"{value:.0f}" if value < 1000 else f"{value / 1000:.0f}k"


# A deeper shade is better: right, certain, or close to the last row. `share` takes the value and the vocabulary size.
METRICS = (
    Metric("p of the true next token", lambda g, r, c: g.p_true[r][c], _probability, lambda v, _: v),
    Metric(
        "rank of the true next token",
        lambda g, r, c: g.rank_true[r][c],
        _rank,
        lambda v, size: 1 - math.log(v) / math.log(max(size, 2)),
    ),
    Metric("entropy, nats", lambda g, r, c: g.entropy[r][c], _three, lambda v, size: 1 - v / math.log(max(size, 2))),
    Metric("KL to the last row, nats", lambda g, r, c: g.kl[r][c], _three, lambda v, _: math.exp(-v)),
    Metric("p of the shown token", lambda g, r, c: g.p[r][c], _probability, lambda v, _: v),
)


def fitted(text: str, width: int) -> str:
    """A token in exactly `width` cells, safe to show, with an ellipsis if it is cut."""
    shown = show.token(text)
    isolated = shown.startswith("\u2068")
    bare = shown.strip("\u2068\u2069")
    if width < 4 and len(bare) == 4 and bare.startswith("\\x"):
        bare = bare[2:]
    bare = cut(bare, width)
    room = " " * (width - cell_len(bare))
    return (f"\u2068{bare}\u2069" if isolated else bare) + room


def strided(rows: int, room: int) -> list[int]:
    """At most `room` of `rows`, evenly spaced, including the first and the last."""
    if rows <= room or room < 2:
        return list(range(rows))[-max(1, room) :]
    return sorted({round(place * (rows - 1) / (room - 1)) for place in range(room)})


class TokenGrid(Widget, can_focus=True):
    """Shows a reading's grid. The cursor is (row, column) of the whole grid; enter sends `Chosen`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1, 0)", "row", False, id="grid.up"),
        Binding("down", "move(1, 0)", "row", False, id="grid.down"),
        Binding("left", "move(0, -1)", "token", False, id="grid.left"),
        Binding("right", "move(0, 1)", "token", False, id="grid.right"),
        Binding("home", "edge(-1)", "first", False, id="grid.home", tooltip="Go to the first token"),
        Binding("end", "edge(1)", "last", False, id="grid.end", tooltip="Go to the last token"),
        Binding("enter", "choose", "detail", id="grid.enter", tooltip="Show what made this prediction"),
    ]
    DEFAULT_CSS = "TokenGrid { height: auto; max-height: 100%; width: 1fr; }"
    cursor: reactive[tuple[int, int]] = reactive((0, 0))
    metric: reactive[int] = reactive(0)
    every_row: reactive[bool] = reactive(False)

    class Moved(Message):
        """The cursor moved to another cell."""

    class Chosen(Message):
        """Enter or a second click on a cell."""

    class LaidOut(Message):
        """Other rows or columns may be in view."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.reading: Reading | None = None
        self._vocabulary = 1
        self._name_width = self._token_width = 1
        self._first = [0, 0]
        self._heads: tuple[list[str], list[str]] = ([], [])
        self._shades: tuple[object, list[Style]] = (None, [])

    def clear(self) -> None:
        """Shows nothing."""
        self.reading = None
        self._first = [0, 0]
        self.set_reactive(TokenGrid.cursor, (0, 0))
        self.refresh(layout=True)

    def load(self, reading: Reading, cursor: tuple[int, int] | None = None) -> None:
        """Shows another reading; without `cursor`, the cursor stays where it was, if that cell exists."""
        self.reading, self._vocabulary = reading, reading.outputs
        grid = reading.grid
        # As wide as nine of ten tokens need; the odd long one is cut.
        widths = sorted(cell_len(show.token(token)) for row in grid.top for token in row)
        widths += sorted(cell_len(show.token(token.token)) for token in reading.tokens)
        needed = sorted(widths)[int(0.9 * (len(widths) - 1))]
        self._token_width = min(WIDEST_TOKEN, max(2, needed))
        self._name_width = min(14, max(len("next is"), *(cell_len(name) for name in grid.names)))
        prompt = ["whole prompt"] if reading.classifies else [token.token for token in reading.tokens]
        self._heads = (prompt, ["" if token is None else token.token for token in reading.truth])
        row, column = cursor if cursor is not None else self.cursor
        self.set_reactive(TokenGrid.cursor, (min(row, len(grid.names) - 1), min(column, len(reading.truth) - 1)))
        self._keep_in_view()
        self.refresh(layout=True)
        self.post_message(self.LaidOut())

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return HEADERS + (len(self.reading.grid.names) if self.reading else 0)

    @property
    def cell_width(self) -> int:
        return self._token_width + DIGITS + 2

    @property
    def rows(self) -> list[int]:
        """The rows shown: all, or an even selection that fits."""
        if self.reading is None:
            return []
        count, room = len(self.reading.grid.names), max(1, self.size.height - HEADERS)
        if not self.every_row and count > room:
            return strided(count, room)
        return list(range(count))

    @property
    def columns(self) -> int:
        """Columns that fit."""
        return max(1, (self.size.width - self._name_width - 1) // self.cell_width)

    @property
    def span(self) -> tuple[int, int, int]:
        """The first and last visible column, from 1, and the number of columns."""
        count = len(self.reading.truth) if self.reading else 0
        return self._first[1] + 1, min(count, self._first[1] + self.columns), count

    @property
    def part_shown(self) -> list[str]:
        """What is in view, in words: how many rows if not all, the metric, which columns if not all."""
        if self.reading is None or not self.size.height:
            return []
        rows, (first, last, count) = len(self.reading.grid.names), self.span
        words = [f"{len(self.rows)} of {rows} rows, a: all"] if len(self.rows) < rows else []
        words.append(METRICS[self.metric].name)
        return [*words, f"{first}–{last} of {count}"] if last - first + 1 < count else words

    def _keep_in_view(self) -> None:
        rows, (row, column) = self.rows, self.cursor
        if not rows or not self.size.height:  # hidden: the cursor stays where it is
            return
        if row not in rows:
            row = min(rows, key=lambda other: abs(other - row))
            self.set_reactive(TokenGrid.cursor, (row, column))
        room = max(1, self.size.height - HEADERS)
        place = rows.index(row)
        self._first[0] = max(0, min(max(self._first[0], place - room + 1), place, len(rows) - 1))
        count = len(self.reading.truth) if self.reading else 1
        first = min(max(self._first[1], column - self.columns + 1), column)
        self._first[1] = max(0, min(first, count - self.columns))

    def watch_cursor(self) -> None:
        self._keep_in_view()
        self.post_message(self.Moved())

    def watch_every_row(self) -> None:
        self._first[0] = 0
        self._lay_out()

    def on_resize(self) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        """Chooses what is in view for the size at hand, and paints it: a resized widget is painted before it knows."""
        self._keep_in_view()
        self.refresh()
        self.post_message(self.LaidOut())

    def action_move(self, down: int, right: int) -> None:
        rows = self.rows
        if not rows or self.reading is None:
            return
        row, column = self.cursor
        place = min(max(rows.index(row) + down, 0), len(rows) - 1) if row in rows else len(rows) - 1
        self.cursor = (rows[place], min(max(column + right, 0), len(self.reading.truth) - 1))

    def action_edge(self, side: int) -> None:
        if self.reading is not None:
            self.cursor = (self.cursor[0], 0 if side < 0 else len(self.reading.truth) - 1)

    def action_choose(self) -> None:
        if self.reading is not None:
            self.post_message(self.Chosen())

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.action_move(0, -1) if event.shift else self.action_move(-1, 0)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self.action_move(0, 1) if event.shift else self.action_move(1, 0)

    def on_click(self, event: events.Click) -> None:
        rows = self.rows
        place = self._first[0] + event.y - HEADERS
        column = self._first[1] + (event.x - self._name_width - 1) // self.cell_width
        if self.reading is None or event.x <= self._name_width or event.y < HEADERS or place >= len(rows):
            return
        if column < len(self.reading.truth):
            again = self.cursor == (rows[place], column)
            self.cursor = (rows[place], column)
            if again:
                self.action_choose()

    def render_line(self, y: int) -> Strip:
        base = self.rich_style
        width = self.size.width
        if self.reading is None:
            return Strip.blank(width, base)
        rows, first, last = self.rows, self._first[1], min(len(self.reading.truth), self._first[1] + self.columns)
        if y < HEADERS:
            name = ("token", "next is")[y]
            segments = [Segment(self._named(name), base + Style(dim=True))]
            for column in range(first, last):
                style = base + Style(bold=y == 0, reverse=column == self.cursor[1] and y == 0)
                room = self.cell_width - 1
                head = self._heads[y][min(column, len(self._heads[y]) - 1)]
                segments += [Segment(fitted(head, room), style), Segment(" ", base)]
            return Strip(segments).adjust_cell_length(width, base)
        place = self._first[0] + y - HEADERS
        if place >= len(rows):
            return Strip.blank(width, base)
        row = rows[place]
        here = row == self.cursor[0]
        segments = [Segment(self._named(self.reading.grid.names[row]), base + Style(bold=here))]
        for column in range(first, last):
            segments += self._cell(row, column, base)
        at = 2 * (self.cursor[1] - first) + 1
        if here and signs.wanted(self.app) and 0 < at < len(segments):
            before, own, after = segments[at - 1], segments[at], segments[at + 1]
            segments[at - 1 : at + 2] = [Segment(before.text[:-1], before.style), Segment("[", base), own,
                                         Segment("]", after.style)]  # fmt: skip
        return Strip(segments).adjust_cell_length(width, base)

    def _named(self, name: str) -> str:
        return set_cell_size(name, self._name_width) + " "

    def _cell(self, row: int, column: int, base: Style) -> list[Segment]:
        assert self.reading is not None
        grid, metric = self.reading.grid, METRICS[self.metric]
        value = metric.of(grid, row, column)
        digits = "–" if value is None else metric.digits(value)
        share = 0.0 if value is None else min(max(metric.share(value, self._vocabulary), 0.0), 1.0)
        style = self._styles(base)[round(share * (LEVELS - 1))]
        if (row, column) == self.cursor:
            style += Style(reverse=True, bold=True)
        text = f"{fitted(grid.top[row][column], self._token_width)} {digits:>{DIGITS}}"
        return [Segment(text, style), Segment(" ", base)]

    def _styles(self, base: Style) -> list[Style]:
        """A style per level, from the screen's background to the theme's primary colour."""
        ground, deep = self.background_colors[1], Color.parse(self.app.theme_variables["primary"])
        if self._shades[0] != (ground, deep):
            grounds = [ground.blend(deep, 0.85 * level / (LEVELS - 1), 1.0) for level in range(LEVELS)]
            inks = [shade.get_contrast_text(0.95).rich_color for shade in grounds]
            styles = [Style(color=ink, bgcolor=shade.rich_color) for ink, shade in zip(inks, grounds, strict=True)]
            self._shades = ((ground, deep), [base + style for style in styles])
        return self._shades[1]
