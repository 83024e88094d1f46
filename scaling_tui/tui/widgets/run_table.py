"""The table of a sweep's runs: state, size, loss, time left; keys and mouse move its cursor."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from scaling_tui.plots.curves import LOSSES, Choice
from scaling_tui.plots.figures import Colour
from scaling_tui.runs import RunView
from scaling_tui.runs.format import State
from scaling_tui.sweeps.queue import Asked
from scaling_tui.text import show
from scaling_tui.text.columns import cut, flush_left, flush_right
from scaling_tui.tui import signs


class Row(Protocol):
    """What every row is: a run of a sweep, or a point of somebody's table."""

    @property
    def name(self) -> str: ...

    @property
    def state(self) -> State: ...


@dataclass(frozen=True)
class RunTableData:
    """What the table shows: the runs in order, their labels and colours, what is marked, and what was asked of them."""

    runs: Sequence[Row]
    labels: Mapping[str, str]
    colours: Mapping[str, Colour]
    choice: Choice
    asked: Asked = field(default_factory=Asked)


Texts = Callable[[Sequence[Any], RunTableData, int], Sequence[str]]


@dataclass(frozen=True)
class RunColumn:
    """`width` in cells, more where a cell needs it. Where there is no room, the columns of highest `rank` go first.

    `texts` takes all rows, so that the numbers of a column have the same decimals, and the width. A column that `grows`
    takes the room that is left, up to so many cells more; one that is `tinted` has the colour of the run.
    """

    head: str
    width: int
    rank: float
    texts: Texts
    grows: int = 0
    tinted: bool = False


def each(text: Callable[[Any, RunTableData], str]) -> Texts:
    """For a column of which each row stands for itself."""
    return lambda runs, rows, width: [text(run, rows) for run in runs]


def params(runs: Sequence[Any], rows: RunTableData, width: int) -> Sequence[str]:
    return show.counts([run.params for run in runs])


def tokens(runs: Sequence[Any], rows: RunTableData, width: int) -> Sequence[str]:
    return show.counts([run.tokens for run in runs])


def _left(run: RunView, rows: RunTableData) -> str:
    if run.name in rows.asked.stopping:
        return "stopping"
    if run.name in rows.asked.held:
        return "stopped"
    if run.name in rows.asked.moved_up:
        return "next"
    if run.state == "running":
        return show.duration(run.seconds_left).replace(" min", "")
    return "" if run.state == "finished" else run.state


def _loss(run: RunView, rows: RunTableData) -> str:
    return show.loss(run.loss) if run.loss else ""


def _speed(run: RunView, rows: RunTableData) -> str:
    speed = run.curve.last("tokens_per_s") if run.state == "running" else None
    # As many digits at 99,900 as at 100,000: nothing jumps from one second to the next.
    return "" if speed is None else f"{speed / 1e3:.1f}k" if speed < 999_950 else f"{speed / 1e6:.2f}M"


COLUMNS = (
    RunColumn("N", 6, 2, params),
    RunColumn("D", 6, 4, tokens),
    RunColumn("loss", 7, 0, each(_loss)),
    RunColumn("tok/s", 7, 5, each(_speed)),
    RunColumn("left", 8, 1, each(_left)),
)
GAP = 1
METRIC_WIDTH = 9


def _metric_column(metric: str) -> RunColumn:
    """The last value of a metric that is no loss, under the end of its name."""
    name = metric.rpartition("/")[2] or metric
    head = cut(name, METRIC_WIDTH)
    return RunColumn(head, METRIC_WIDTH, 0, each(lambda run, rows: show.value(run.curve.last(metric))))


@dataclass(frozen=True)
class RunRow:
    """A run as the table shows it: its name, the signs before it, label and style, then the text of each column."""

    run: str
    signs: str
    label: str
    style: str
    cells: tuple[str, ...]


class RunTable(ScrollView):
    """The runs of a sweep: * is marked, ^ pinned (and listed first), - hidden.

    It repaints only the rows that changed: it is filled twice a second, with 64 runs as with six.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"run-table--head", "run-table--cursor"}
    DEFAULT_CSS = """
    RunTable {
        height: auto; max-height: 100%; scrollbar-size-vertical: 1; overflow-x: hidden; background: $background;
        .run-table--head { background: $panel; color: $foreground; text-style: bold; }
        .run-table--cursor {
            background: $block-cursor-blurred-background; color: $block-cursor-blurred-foreground;
            text-style: $block-cursor-blurred-text-style;
        }
    }
    """
    ALLOW_SELECT = False

    class Moved(Message):
        """The cursor moved to another run."""

    class Chosen(Message):
        """A click on the run under the cursor."""

        def __init__(self, run: str) -> None:
            super().__init__()
            self.run = run

    def __init__(self, id: str | None = None, columns: Sequence[RunColumn] = COLUMNS) -> None:
        super().__init__(id=id)
        self._all_columns = columns
        self.can_focus = False
        self._heads: list[tuple[str, int]] = []
        self._tinted: frozenset[int] = frozenset()
        self._rows: list[RunRow] = []
        self._filled: tuple[RunTableData, int, Sequence[RunColumn]] | None = None
        self._cursor = 0

    @property
    def rows(self) -> Sequence[RunRow]:
        return self._rows

    @property
    def run_name(self) -> str | None:
        """The run under the cursor."""
        return self._rows[self._cursor].run if self._rows else None

    def fill(self, rows: RunTableData, room: int, more: Sequence[RunColumn] = ()) -> int:
        """Shows `rows` in at most `room` cells, with the columns `more` at the end; returns how many it uses."""
        self._filled = (rows, room, more)
        name_width = max([cell_len(label) for label in rows.labels.values()], default=4) + 3 + self._gutter
        columns = [*self._all_columns, *more]
        if rows.choice.metric not in LOSSES:
            columns.append(_metric_column(rows.choice.metric))
        order = sorted(rows.runs, key=lambda run: run.name not in rows.choice.pinned)
        columns = [column if column.grows else _widened(column, order, rows) for column in columns]
        tall = self.parent.size.height if isinstance(self.parent, Widget) else 0
        scroll = 1 if 0 < tall <= len(rows.runs) else 0  # it has no height before the first layout
        while len(columns) > 1 and name_width + sum(c.width + GAP for c in columns) + scroll > room:
            columns.remove(max(columns, key=lambda column: column.rank))
        name_width = max(6, min(name_width, room - scroll - sum(c.width + GAP for c in columns)))
        self._tinted = frozenset(place for place, column in enumerate(columns) if column.tinted)
        heads = [("rung", name_width)]
        left = room - scroll - name_width - sum(c.width + GAP for c in columns)
        for column in columns:
            grown = min(left, column.grows)
            left -= grown
            heads.append((column.head, column.width + GAP + grown))
        texts = [column.texts(order, rows, size - GAP) for column, (_, size) in zip(columns, heads[1:], strict=True)]
        self._put(heads, [_row(run, rows, cells) for run, *cells in zip(order, *texts, strict=True)])
        return sum(width for _, width in heads) + scroll

    @property
    def _gutter(self) -> int:
        """A cell for the sign of the cursor, where its colour may not be seen."""
        return 1 if signs.wanted(self.app) else 0

    def _put(self, heads: list[tuple[str, int]], rows: list[RunRow]) -> None:
        before, under = self._rows, self.run_name
        self._rows = rows
        self._cursor = next((place for place, row in enumerate(rows) if row.run == under), 0)
        if heads != self._heads or len(rows) != len(before):
            self._heads = heads
            self.virtual_size = Size(sum(width for _, width in heads), len(rows) + 1)
            self.refresh()
            return
        for place, (new, old) in enumerate(zip(rows, before, strict=True)):
            if new != old:
                self._refresh_row(place)

    def on_resize(self) -> None:
        """Whether there is a scroll bar is known only now."""
        if self._filled is not None:
            self.fill(*self._filled)

    def move(self, by: int) -> None:
        """Moves the cursor, stopping at the first and last row."""
        self._move_to(self._cursor + by)

    def _move_to(self, place: int) -> None:
        place = min(max(place, 0), len(self._rows) - 1)
        if place == self._cursor or not self._rows:
            return
        self._refresh_row(self._cursor)
        self._cursor = place
        self._refresh_row(place)
        room = max(1, self.scrollable_content_region.height - 1)
        first = min(max(self.scroll_offset.y, place - room + 1), place)
        self.scroll_to(y=first, animate=False)
        self.post_message(self.Moved())

    def _refresh_row(self, place: int) -> None:
        y = place + 1 - self.scroll_offset.y
        if 1 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def on_click(self, event: events.Click) -> None:
        place = event.y - 1 + self.scroll_offset.y
        if event.y >= 1 and place < len(self._rows):
            if place == self._cursor:
                self.post_message(self.Chosen(self._rows[place].run))
            self._move_to(place)

    def render_line(self, y: int) -> Strip:
        base, width = self.rich_style, self.size.width
        place = y - 1 + self.scroll_offset.y
        if y == 0 and self._heads:
            (name, size), *others = self._heads
            line = name.ljust(size) + "".join(flush_right(head, size) for head, size in others)
            style = self.get_component_rich_style("run-table--head")
            return Strip([Segment(line, style)]).adjust_cell_length(width, style)
        if y == 0 or place >= len(self._rows):
            return Strip.blank(width, base)
        row, here = self._rows[place], place == self._cursor
        if here:
            base = self.get_component_rich_style("run-table--cursor")
        label = base if here else base + Style.parse(row.style)
        size = self._heads[0][1] - self._gutter
        sign = (signs.CURSOR if here else " ") * self._gutter
        segments = [Segment(sign + row.signs, base), Segment(flush_left(cut(row.label, size - 2), size - 2), label)]
        for column, (text, (_, room)) in enumerate(zip(row.cells, self._heads[1:], strict=True)):
            segments.append(Segment(flush_right(cut(text, room), room), label if column in self._tinted else base))
        return Strip(segments).adjust_cell_length(width, base)


def _widened(column: RunColumn, runs: Sequence[Row], rows: RunTableData) -> RunColumn:
    """A column as wide as its widest cell, and as its own width at least."""
    widest = max((cell_len(text) for text in column.texts(runs, rows, column.width)), default=0)
    return replace(column, width=widest) if widest > column.width else column


def _row(run: Row, rows: RunTableData, cells: Sequence[str]) -> RunRow:
    choice = rows.choice
    flag = "-" if run.name in choice.hidden else "^" if run.name in choice.pinned else " "
    flag = "*" if run.name in choice.marked else flag
    red, green, blue = rows.colours[run.name]
    style = "dim" if run.name in choice.hidden else f"rgb({red},{green},{blue})"
    return RunRow(run.name, show.SIGNS[run.state] + flag, rows.labels[run.name], style, tuple(cells))
