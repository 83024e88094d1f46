"""Figures, and how they become rows of characters: thinned curves, axes, labels at curve ends, a crosshair's readings.

Nothing here knows a widget or a colour: rows are runs of text in an ink (`canvas.Ink`), which whoever shows them maps.
"""

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaling_tui.plots.axes import Axis, drawable, power_label, tick_label
from scaling_tui.plots.canvas import COLUMNS, NONE, ROWS, Canvas, Ink, Run, Weight, apart
from scaling_tui.text import show

Array = NDArray[np.float64]

LINE, DOTTED = "line", "dotted"
LEAST_WIDTH, LEAST_HEIGHT = 16, 6
FAINT = Ink(weight="faint")
# For terminals without Braille a line is drawn with a sign of its own.
LINE_SIGNS = "*+xo#%@&="


@dataclass(frozen=True, eq=False)
class Series:
    """One curve or set of points.

    Args:
        x, y: (n,) each; of a joined curve of many points x rises.
        colour: a name of the theme, or a place from 0 to 1 on the theme's ramp, for what has an order of its own.
        label: written at the last point.
        mark: "line", "dotted", or the sign that stands at each point.
        weight: normal, strong or faint.
        name: what a crosshair calls it; "" leaves it out of the readings.
    """

    x: Array
    y: Array
    colour: str | float = "foreground"
    label: str = ""
    mark: str = LINE
    weight: Weight = "normal"
    name: str = ""

    @property
    def joined(self) -> bool:
        return self.mark in (LINE, DOTTED)

    @property
    def ink(self) -> Ink:
        return Ink(self.colour, self.weight)


@dataclass(frozen=True, eq=False)
class Figure:
    """What a plot shows. `spans` are vertical bars (x, low, high, colour); `x_text` writes an x of the crosshair."""

    title: str
    series: tuple[Series, ...]
    spans: tuple[tuple[float, float, float, str], ...] = ()
    log_x: bool = False
    log_y: bool = False
    x_name: str = "x"
    y_name: str = "y"
    x_text: Callable[[float], str] = tick_label
    empty: str = ""

    @property
    def x_label(self) -> Callable[[float], str]:
        """How ticks of x are written: as powers where its values are."""
        return power_label if self.x_text is show.scientific else tick_label


def thin(x: Array, y: Array, edges: Array) -> tuple[Array, Array]:
    """Of the points between two neighbouring `edges` only the lowest and the highest, in the order of x.

    What falls into one column of cells is drawn over itself; a spike is kept all the same. x must rise.
    """
    if len(x) <= 2 * (len(edges) - 1):
        return x, y
    first = np.searchsorted(x, edges[1:-1])
    first = np.unique(np.concatenate([[0], first[first < len(x)]]))
    sizes = np.diff(first, append=len(x))
    kept = []
    for extreme in (np.minimum.reduceat(y, first), np.maximum.reduceat(y, first)):
        found = np.flatnonzero(y == np.repeat(extreme, sizes))
        # Of equal ones the first in each column.
        kept.append(found[np.searchsorted(found, first)])
    index = np.unique(np.concatenate(kept))
    return x[index], y[index]


class Frame:
    """Where values lie on a canvas: limits, ticks and the area inside the axes."""

    def __init__(self, x: Axis, y: Axis, width: int, height: int, x_label: Callable[[float], str] = tick_label) -> None:
        self.x, self.y, self._x_label = x, y, x_label
        self.y_ticks = y.ticks(max(2, height // 3))
        self.left = max((len(tick_label(value)) for value in self.y_ticks), default=1) + 1
        self.top = 1
        self.width, self.height = width - self.left, height - 3
        self.x_ticks = x.ticks(max(2, self.width // 10))

    def dots(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Places in dots of the canvas."""
        across, down = self.width * COLUMNS - 1, self.height * ROWS - 1
        column = self.left * COLUMNS + np.clip(np.rint(self.x.shares(x) * across), 0, across)
        row = self.top * ROWS + np.clip(np.rint((1 - self.y.shares(y)) * down), 0, down)
        return column, row

    def value_at(self, column: int) -> float:
        """The x in the middle of a column of cells."""
        return self.x.value((column - self.left + 0.5) / self.width)

    def column_of(self, x: float) -> int:
        """The column of cells of an x."""
        return int(self.dots(np.array([x]), np.array([self.y.value(0.5)]))[0][0]) // COLUMNS

    def paint(self, canvas: Canvas) -> None:
        """Axes, ticks and their labels."""
        bottom = self.top + self.height
        for row in range(self.top, bottom):
            canvas.write(row, self.left - 1, "│", FAINT)
        for value in self.y_ticks:
            row = int(self.dots(np.array([self.x.value(0.5)]), np.array([value]))[1][0]) // ROWS
            canvas.write(row, 0, tick_label(value).rjust(self.left - 1))
            canvas.write(row, self.left - 1, "┤", FAINT)
        canvas.write(bottom, self.left - 1, "└" + "─" * self.width, FAINT)
        free = 0
        for value in self.x_ticks:
            column, label = self.column_of(value), self._x_label(value)
            canvas.write(bottom, column, "┬", FAINT)
            start = min(max(free, column - len(label) // 2), canvas.width - len(label))
            if start >= free:
                canvas.write(bottom + 1, start, label)
                free = start + len(label) + 1


@dataclass(frozen=True, eq=False)
class Drawing:
    """A figure drawn at a size. `frame` is None where there was nothing to draw or no room."""

    figure: Figure
    canvas: Canvas
    frame: Frame | None

    def rows(self, cursor: float | None = None) -> list[list[Run]]:
        """Rows of runs; with a crosshair at x = `cursor`, and the values of the curves there."""
        canvas = self.canvas
        if cursor is not None and self.frame is not None and (cursor > 0 or not self.figure.log_x):
            canvas = canvas.copy()
            _crosshair(canvas, self.frame, self.figure, cursor)
        return list(canvas.rows())


def draw(figure: Figure, width: int, height: int, braille: bool = True) -> Drawing:
    """The figure in width × height cells."""
    canvas = Canvas(max(width, 0), max(height, 0))
    canvas.write(0, 0, _fitting(figure.title, width))
    shown = [(one, x, y) for one in figure.series for x, y in (drawable_points(one, figure),) if len(x)]
    if width < LEAST_WIDTH or height < LEAST_HEIGHT:
        return Drawing(figure, canvas, None)
    if not shown:
        for line, text in enumerate(textwrap.wrap(figure.empty, max(8, width - 3))):
            canvas.write(2 + line, 2, text)
        return Drawing(figure, canvas, None)
    frame = _framed(figure, shown, width, height)
    frame.paint(canvas)
    edges = frame.x.edges(frame.width)
    lines = iter(range(len(shown)))
    for one, x, y in shown:
        if one.joined:
            column, row = frame.dots(*thin(x, y, edges))
            every = 3 if one.mark == DOTTED else 1
            if braille:
                canvas.line(column, row, one.ink, every)
            else:
                canvas.signed_line(column, row, LINE_SIGNS[next(lines) % len(LINE_SIGNS)], one.ink, every)
    for at, low, high, colour in figure.spans:
        column, row = frame.dots(np.array([at, at]), np.array([low, high]))
        canvas.signed_line(column, row, "┼" if row[0] // ROWS == row[1] // ROWS else "│", Ink(colour))
    for one, x, y in shown:
        if not one.joined:
            canvas.signs(*frame.dots(x, y), one.mark, one.ink)
    _label(canvas, frame, [(one, x[-1:], y[-1:]) for one, x, y in shown if one.label])
    return Drawing(figure, canvas, frame)


def _fitting(title: str, width: int) -> str:
    """As many of the title's parts as there is room for, or what there is room for of the first."""
    while len(title) > width and " · " in title:
        title = title.rpartition(" · ")[0]
    return title


def drawable_points(series: Series, figure: Figure) -> tuple[Array, Array]:
    """The points of a series that its figure can show; those of a joined one with rising x."""
    x, y = series.x, series.y
    there = drawable(x, figure.log_x) & drawable(y, figure.log_y)
    if not there.all():
        x, y = x[there], y[there]
    if series.joined and len(x) > 1 and (x[1:] < x[:-1]).any():
        order = np.argsort(x, kind="stable")
        x, y = x[order], y[order]
    return x, y


def limits(figure: Figure, shown: Sequence[tuple[Series, Array, Array]]) -> tuple[Axis, Axis]:
    """The axes that hold all the points and spans."""
    # A joined curve's x rises, so its ends are its limits.
    xs = [v for one, x, _ in shown for v in ((x[0], x[-1]) if one.joined else (x.min(), x.max()))]
    xs += [at for at, *_ in figure.spans]
    ys = [v for _, _, y in shown for v in (y.min(), y.max())] + [v for _, *ends, _ in figure.spans for v in ends]
    x_axis = Axis.around(float(min(xs)), float(max(xs)), figure.log_x, 0.01)
    y_axis = Axis.around(float(min(ys)), float(max(ys)), figure.log_y, 0.04)
    return x_axis, y_axis


def _framed(figure: Figure, shown: Sequence[tuple[Series, Array, Array]], width: int, height: int) -> Frame:
    x_axis, y_axis = limits(figure, shown)
    room = max((len(one.label) + 1 for one, *_ in shown if one.label), default=0)
    inner = max(8, width - 8)
    return Frame(x_axis.widened(room / max(4, inner - room)), y_axis, width, height, figure.x_label)


def _label(canvas: Canvas, frame: Frame, labelled: Sequence[tuple[Series, Array, Array]]) -> None:
    """Labels right of the last points; those that would lie over each other move apart, in their order."""
    placed = []
    for one, x, y in labelled:
        column, row = frame.dots(x, y)
        placed.append((int(column[0]) // COLUMNS + 2 - one.joined, int(row[0]) // ROWS - frame.top, one))
    placed.sort(key=lambda item: item[0])
    groups: list[list[tuple[int, int, Series]]] = []
    reach = -1
    for item in placed:
        if item[0] >= reach or not groups:
            groups.append([])
        groups[-1].append(item)
        reach = max(reach, item[0] + len(item[2].label))
    for group in groups:
        rows = apart([wanted for _, wanted, _ in group], frame.height)
        for (after, _, one), place in zip(group, rows, strict=True):
            if place is not None:
                canvas.write(frame.top + place, min(after, canvas.width - len(one.label)), one.label, one.ink)


def readings(figure: Figure, x: float) -> list[tuple[Series, float]]:
    """The value that each named curve has at its point nearest to `x`, the highest first."""
    found = []
    for one in figure.series:
        if not one.name or not len(one.x):
            continue
        away = np.abs(np.log(one.x / x)) if figure.log_x and (one.x > 0).all() else np.abs(one.x - x)
        nearest = int(np.nanargmin(away)) if not np.isnan(away).all() else 0
        span = max(float(np.nanmax(one.x)) - float(np.nanmin(one.x)), 0.0)
        outside = one.joined and not (np.nanmin(one.x) - span / 50 <= x <= np.nanmax(one.x) + span / 50)
        if not outside and np.isfinite(one.y[nearest]):
            found.append((one, float(one.y[nearest])))
    return sorted(found, key=lambda item: -item[1])


def _crosshair(canvas: Canvas, frame: Frame, figure: Figure, x: float) -> None:
    column = min(max(frame.column_of(x), frame.left), frame.left + frame.width - 1)
    canvas.column(column, range(frame.top, frame.top + frame.height), "│", FAINT)
    found = readings(figure, x)
    title = f"{figure.x_name} {figure.x_text(x)}"
    canvas.write(0, 0, title.ljust(canvas.width))
    width = max([len(f"{one.name} {show.coefficient(value)}") for one, value in found], default=0) + 2
    height = min(len(found), frame.height)
    if not found or width > frame.width // 2:
        # No room for a box: the values follow the x.
        at = len(title) + 2
        for one, value in found:
            text = f"{one.name} {show.coefficient(value)}"
            canvas.write(0, at, text, Ink(one.colour))
            at += len(text) + 2
        return
    right = column < frame.left + frame.width // 2
    start = frame.left + frame.width - width if right else frame.left + 1
    tops = (frame.top, frame.top + frame.height - height)
    top = min(tops, key=lambda row: canvas.inked(slice(row, row + height), slice(start, start + width)))
    shown = found if len(found) <= height else found[: height - 1]
    for line, (one, value) in enumerate(shown):
        text = one.name.ljust(width - 2 - len(show.coefficient(value))) + show.coefficient(value)
        canvas.write(top + line, start, f" {text} ", Ink(one.colour, "strong"))
    if len(shown) < len(found):
        canvas.write(top + height - 1, start, f" and {len(found) - len(shown)} more"[:width].ljust(width), NONE)
