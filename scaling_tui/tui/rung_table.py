"""The table of a sweep's runs: state, size, loss, what is left; with a cursor that keys and mouse move."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rich.text import Text
from textual.widget import Widget
from textual.widgets import DataTable

from scaling_tui import show
from scaling_tui.runs import RunView
from scaling_tui.tui.canvas import Colour
from scaling_tui.tui.curves import Choice


@dataclass(frozen=True)
class Rows:
    """What the table shows: runs in order, what to call them, their colours, and what was asked of them."""

    runs: tuple[RunView, ...]
    labels: Mapping[str, str]
    colours: Mapping[str, Colour]
    choice: Choice
    stopping: frozenset[str]


@dataclass(frozen=True)
class Column:
    """`width` in cells; columns of a higher `rank` are left out first where there is no room."""

    head: str
    width: int
    rank: int
    text: Callable[[RunView, Rows], str]


def _left(run: RunView, rows: Rows) -> str:
    if run.name in rows.stopping:
        return "stopping"
    if run.state == "running":
        return show.duration(run.seconds_left).replace(" min", "")
    return "" if run.state == "finished" else run.state


def _loss(run: RunView, rows: Rows) -> str:
    return show.loss(run.loss) if run.loss else ""


def _speed(run: RunView, rows: Rows) -> str:
    return show.count(run.curve.last("tokens_per_s")) if run.state == "running" else ""


COLUMNS = (
    Column("N", 6, 2, lambda run, rows: show.count(run.params)),
    Column("D", 6, 3, lambda run, rows: show.count(run.tokens)),
    Column("loss", 7, 0, _loss),
    Column("tok/s", 6, 4, _speed),
    Column("left", 8, 1, _left),
)
GAP = 1


class RungTable(DataTable[Text]):
    """Runs of a sweep; marked ones bear a *, pinned ones a ^ and stand first, hidden ones a -."""

    DEFAULT_CSS = "RungTable { height: auto; max-height: 100%; scrollbar-size-vertical: 1; background: $background; }"

    def __init__(self, id: str | None = None, columns: Sequence[Column] = COLUMNS) -> None:
        super().__init__(id=id, cursor_type="row", cell_padding=0)
        self._columns_there_are = columns
        self.can_focus = False
        self._shown: dict[str, list[Text]] = {}
        self._heads: list[tuple[str, int]] = []

    @property
    def run_name(self) -> str | None:
        """The run under the cursor."""
        names = list(self._shown)
        return names[self.cursor_row] if 0 <= self.cursor_row < len(names) else None

    def fill(self, rows: Rows, room: int) -> int:
        """Shows `rows` in at most `room` cells; returns how many it takes."""
        name_width = max([len(label) for label in rows.labels.values()], default=4) + 3
        columns = list(self._columns_there_are)
        tall = self.parent.size.height if isinstance(self.parent, Widget) else 0
        scroll = 1 if 0 < tall <= len(rows.runs) else 0  # it has no height before the first layout
        while len(columns) > 1 and name_width + sum(c.width + GAP for c in columns) + scroll > room:
            columns.remove(max(columns, key=lambda column: column.rank))
        name_width = max(6, min(name_width, room - scroll - sum(c.width + GAP for c in columns)))
        heads = [("rung", name_width), *((column.head, column.width + GAP) for column in columns)]
        order = sorted(rows.runs, key=lambda run: run.name not in rows.choice.pinned)
        cells = {run.name: [_name(run, rows), *(_right(column, run, rows) for column in columns)] for run in order}
        if heads != self._heads or list(cells) != list(self._shown):
            self._rebuild(heads, cells)
        else:
            for name, row in cells.items():
                for (head, _), new, old in zip(heads, row, self._shown[name], strict=True):
                    if new != old:
                        self.update_cell(name, head, new)
        self._shown = cells
        return sum(width for _, width in heads) + scroll

    def _rebuild(self, heads: list[tuple[str, int]], cells: dict[str, list[Text]]) -> None:
        under = self.run_name
        self.clear(columns=True)
        for head, width in heads:
            self.add_column(Text(head.rjust(width) if head != "rung" else head), width=width, key=head)
        for name, row in cells.items():
            self.add_row(*row, key=name)
        self._heads = heads
        if under in cells:
            self.move_cursor(row=list(cells).index(under), animate=False)


def _name(run: RunView, rows: Rows) -> Text:
    choice = rows.choice
    flag = "-" if run.name in choice.hidden else "^" if run.name in choice.pinned else " "
    flag = "*" if run.name in choice.marked else flag
    red, green, blue = rows.colours[run.name]
    style = "dim" if run.name in choice.hidden else f"rgb({red},{green},{blue})"
    return Text.assemble(
        f"{show.SIGNS[run.state]}{flag}", (rows.labels[run.name], style), no_wrap=True, overflow="ellipsis"
    )


def _right(column: Column, run: RunView, rows: Rows) -> Text:
    return Text(column.text(run, rows).rjust(column.width + GAP), no_wrap=True, overflow="ellipsis")
