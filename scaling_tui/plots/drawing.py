"""Figures as rows of characters: plotext draws curves and axes; title, labels of curves and crosshair lie over them.

The only file that imports plotext, and not before something is drawn. Rows are runs of text in an ink, which whoever
shows them maps to colours.
"""

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scaling_tui.plots.axes import Axis, apart, labels, pieces, straightened, thin, tick_label
from scaling_tui.plots.figures import DOTTED, Figure, Ink, Series, Shown, View, readings
from scaling_tui.text import show
from scaling_tui.text.columns import cut
from scaling_tui.text.visible import PICTURES

Array = NDArray[np.float64]
Run = tuple[str, Ink]  # neighbouring characters of one ink
Box = tuple[int, int, int, int]  # columns and rows of two corners

LEAST_WIDTH, LEAST_HEIGHT = 16, 6
PLAIN, FAINT = Ink(), Ink(weight="faint")
ZOOMED = "zoomed"
# For terminals without Braille a line is drawn with a sign of its own.
LINE_SIGNS = "*+xo#%@&="
POINTS = 1600  # of all curves together: each costs plotext about 10 µs
# What plotext writes of neighbouring cells: no colour, or the number of an ink as one; perhaps a background; the text.
_CELLS = re.compile(r"\x1b\[0m(?:\x1b\[38;2;(\d+);(\d+);(\d+)m)?(?:\x1b\[48;[\d;]+m)?([^\x1b]*)")


class Cells:
    """Rows of characters, each with its ink."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._signs = [[" "] * width for _ in range(height)]
        self._inks = [[PLAIN] * width for _ in range(height)]

    def copy(self) -> "Cells":
        """Others with the same in them."""
        other = Cells(0, 0)
        other.width, other.height = self.width, self.height
        other._signs, other._inks = [row[:] for row in self._signs], [row[:] for row in self._inks]
        return other

    def write(self, row: int, column: int, text: str, ink: Ink = PLAIN) -> None:
        """Text from a cell on, over what is there; what falls outside is cut off."""
        if 0 <= row < self.height:
            text = text[max(0, -column) : max(0, self.width - column)]
            place = slice(max(0, column), max(0, column) + len(text))
            # Names are other people's, and a terminal would obey some of their characters.
            self._signs[row][place] = [sign if sign.isprintable() else PICTURES.get(sign, "?") for sign in text]
            self._inks[row][place] = [ink] * len(text)

    def inked(self, row: int, column: int, width: int = 1) -> int:
        """How many of `width` cells have something in them."""
        return sum(sign != " " for sign in self._signs[row][column : column + width])

    def rows(self) -> Iterator[list[Run]]:
        """Each row as runs of characters of one ink, without blanks at the end."""
        for signs, inks in zip(self._signs, self._inks, strict=True):
            runs: list[Run] = []
            text = "".join(signs).rstrip()
            start, last = 0, PLAIN
            for column, sign in enumerate(text):
                # A blank goes with what stands before it, so that fewer runs are told apart.
                if sign != " " and (ink := inks[column]) is not last and ink != last:
                    if column > start:
                        runs.append((text[start:column], last))
                    start, last = column, ink
            yield [*runs, (text[start:], last)] if text else runs


class Frame:
    """Where values lie among the cells: limits, ticks, and the area inside the axes.

    `x` has room for labels beyond the limits of the `data`.
    """

    def __init__(self, figure: Figure, data: Axis, x: Axis, y: Axis, width: int, height: int) -> None:
        self.data, self.x, self.y = data, x, y
        self.top, self.height = 1, height - 3
        self.y_ticks = y.ticks(min(max(5, self.height // 3), self.height))
        self.y_labels = labels(self.y_ticks, tick_label)
        self.left = max(map(len, self.y_labels)) + 1
        self.width = width - self.left
        self.x_ticks = x.ticks(max(2, self.width // 10))
        self.x_labels = labels(self.x_ticks, figure.x_label)

    def value_at(self, column: int) -> float:
        """The x in the middle of a column of cells."""
        return self.x.value((column - self.left + 0.5) / self.width)

    def column_of(self, x: float) -> int:
        """The column of cells of an x."""
        return self.left + min(int(self.x.share(x) * self.width), self.width - 1)

    def shares_at(self, column: float, row: float) -> tuple[float, float]:
        """Where a cell lies on the axes of the data: 0 to 1 from left to right and from bottom to top."""
        size = (self.x.high - self.x.low) / (self.data.high - self.data.low)
        across = (column - self.left + 0.5) / self.width * size
        return min(max(across, 0.0), 1.0), min(max(1 - (row - self.top + 0.5) / self.height, 0.0), 1.0)

    def height_of(self, y: float) -> float:
        """How many cells a y lies below the top, inside the axes."""
        return min((1 - self.y.share(y)) * self.height, self.height - 1e-6)


@dataclass(frozen=True, eq=False)
class Drawing:
    """A figure drawn at a size. `frame` is None where there was nothing to draw or no room."""

    figure: Figure
    cells: Cells
    frame: Frame | None

    def rows(self, cursor: float | None = None, box: Box | None = None) -> list[list[Run]]:
        """Rows of runs; with a crosshair at x = `cursor`, and the values of the curves there; or with a box."""
        if self.frame is None or (cursor is None and box is None):
            return list(self.cells.rows())
        cells = self.cells.copy()
        if box is not None:
            _outline(cells, self.frame, box)
        elif cursor is not None:
            _crosshair(cells, self.frame, self.figure, cursor)
        return list(cells.rows())


@dataclass(frozen=True)
class _Stroke:
    """Points as shares of the axes, (n,) each, in one sign (Braille where None), joined or not."""

    x: Array
    y: Array
    sign: str | None
    ink: Ink
    joined: bool = False


def draw(figure: Figure, width: int, height: int, braille: bool = True) -> Drawing:
    """Draws a figure on `width` × `height` cells."""
    cells = Cells(width, height)
    cells.write(0, 0, _fitting(figure.heading, width))
    if width < LEAST_WIDTH or height < LEAST_HEIGHT:
        return Drawing(figure, cells, None)
    view = figure.view
    if view is None:
        for line, text in enumerate(textwrap.wrap(figure.empty, max(8, width - 3))):
            cells.write(2 + line, 2, text)
        return Drawing(figure, cells, None)
    longest = width // 2  # of a label: the curves keep the rest
    room = max((min(len(curve.label), longest) + 1 for curve, *_ in view.curves if curve.label), default=0)
    frame = Frame(figure, view.x, view.x.widened(room / max(4, width - 8 - room)), view.y, width, height)
    for row, runs in enumerate(_plotted(frame, list(_strokes(view, frame, braille))), 1):
        column = 0
        for text, ink in runs:
            cells.write(row, column, text, ink)
            column += len(text)
    for curve, above, below in view.cut:
        for sign, x, row in (("▲", above, frame.top), ("▼", below, frame.top + frame.height - 1)):
            for column in {frame.column_of(at) for at in x.tolist()}:
                cells.write(row, column, sign, curve.ink)
    if figure.limits.is_set and len(figure.heading) + len(ZOOMED) + 2 <= width:
        cells.write(0, width - len(ZOOMED), ZOOMED, FAINT)
    ends = [
        (replace(curve, label=cut(curve.label, longest)), x[-1], y[-1])
        for curve, x, y in view.curves
        if curve.label and frame.y.holds(y)
    ]
    _label(cells, frame, ends)
    return Drawing(figure, cells, frame)


def plain(rows: Iterable[list[Run]]) -> str:
    """The text of rows of runs."""
    return "\n".join("".join(text for text, _ in row) for row in rows)


def _strokes(view: View, frame: Frame, braille: bool) -> Iterator[_Stroke]:
    """What is to be drawn, the uppermost last."""
    # What is faint lies under the rest: a cell has one ink, that of what was drawn there last.
    lines: list[Shown] = sorted((one for one in view.curves if one[0].joined), key=lambda one: one[0].weight != "faint")
    edges = frame.x.edges(min(frame.width, max(24, POINTS // 2 // max(1, len(lines)))))
    across, down = (2 * frame.width, 4 * frame.height) if braille else (frame.width, frame.height)
    for number, (curve, x, y) in enumerate(lines):
        kept_x, kept_y = thin(x, y, edges)
        sign = None if braille else LINE_SIGNS[number % len(LINE_SIGNS)]
        for part in pieces(frame.x.shares(kept_x), frame.y.shares(kept_y)):
            dots = straightened(part[0] * across, part[1] * down)
            column, row = _every_third(*dots) if curve.mark == DOTTED else dots
            yield _Stroke(column / across, row / down, sign, curve.ink, curve.mark != DOTTED)
    for at, low, high, colour in view.spans:
        ends = frame.x.shares(np.array([at, at])), frame.y.shares(np.array([low, high]))
        if frame.y.holds(np.array([low, high])):
            one_cell = int(frame.height_of(low)) == int(frame.height_of(high))
            yield _Stroke(*ends, "┼" if one_cell else "│", Ink(colour), joined=True)
    for curve, x, y in view.curves:
        if not curve.joined:
            height = frame.y.shares(y)
            inside = (height >= 0.0) & (height <= 1.0)
            yield _Stroke(frame.x.shares(x[inside]), height[inside], curve.mark, curve.ink)


def _every_third(x: Array, y: Array) -> tuple[Array, Array]:
    """Every third dot of the line through points in dots."""
    steps = np.maximum(np.abs(np.diff(x)), np.abs(np.diff(y)))
    gone = np.concatenate([[0.0], np.cumsum(steps)])
    at = np.arange(0.0, gone[-1] + 1e-9, 3.0)
    return np.interp(at, gone, x), np.interp(at, gone, y)


def _plotted(frame: Frame, strokes: Sequence[_Stroke]) -> Iterator[list[Run]]:
    """The frame with the strokes in it, as plotext draws them: all rows but the title's."""
    import plotext

    inks = [FAINT, *dict.fromkeys(stroke.ink for stroke in strokes)]

    def pixel(ink: Ink) -> Any:
        # Each ink passes through plotext as a colour that is its number.
        number = inks.index(ink)
        return plotext.pixel((number >> 16, number >> 8 & 255, number & 255))

    # The size is what is asked for: what plotext takes for the terminal may be another one.
    plotext.terminal.limit(False, False)
    figure = plotext.figure.clear()
    figure.plot_size(frame.left + frame.width, frame.height + 2)
    figure.theme("colorless").legend(False)
    figure.axes(True, pixel=pixel(FAINT))
    ticks = ((frame.x, frame.x_ticks, frame.x_labels), (frame.y, frame.y_ticks, frame.y_labels))
    for axis, (scale, values, names) in enumerate(ticks):
        figure.axes(False, axis=axis, side=1)
        ruler = figure.ruler(axis, 0)
        ruler.lim(0.0, 1.0).alignment(lim="edge")
        ruler.ticks(np.clip(scale.shares(np.array(values)), 0.0, 1.0).tolist(), names)
    for stroke in strokes:
        x, y = np.clip(stroke.x, 0.0, 1.0).tolist(), np.clip(stroke.y, 0.0, 1.0).tolist()
        signal = figure.signal(x, y, marker=plotext.marker(stroke.sign or "braille", pixel(stroke.ink)))
        figure.draw(signal.lines() if stroke.joined else signal)
    for line in figure.build().string().splitlines():
        yield [
            (text, inks[int(red) << 16 | int(green) << 8 | int(blue)] if red else PLAIN)
            for red, green, blue, text in _CELLS.findall(line)
        ]


def _fitting(title: str, width: int) -> str:
    """As many of the title's parts as there is room for, and the first one at least."""
    while len(title) > width and " · " in title:
        title = title.rpartition(" · ")[0]
    return title


def _label(cells: Cells, frame: Frame, labelled: Sequence[tuple[Series, float, float]]) -> None:
    """Labels right of the last points; those that would lie over each other move apart, in the order of the values."""
    placed = [(frame.column_of(x) + 2 - curve.joined, frame.height_of(y), curve) for curve, x, y in labelled]
    placed.sort(key=lambda item: item[0])
    groups: list[list[tuple[int, float, Series]]] = []
    reach = -1
    for item in placed:
        if item[0] >= reach or not groups:
            groups.append([])
        groups[-1].append(item)
        reach = max(reach, item[0] + len(item[2].label))
    for group in groups:
        rows = apart([wanted for _, wanted, _ in group], frame.height)
        for (after, _, curve), place in zip(group, rows, strict=True):
            if place is not None:
                cells.write(frame.top + int(place), min(after, cells.width - len(curve.label)), curve.label, curve.ink)


def _outline(cells: Cells, frame: Frame, box: Box) -> None:
    """A box over the plot, from one cell to another."""
    left, right = (min(max(one, frame.left), frame.left + frame.width - 1) for one in sorted((box[0], box[2])))
    top, bottom = (min(max(one, frame.top), frame.top + frame.height - 1) for one in sorted((box[1], box[3])))
    strong = Ink(weight="strong")
    for row in range(top, bottom + 1):
        for column in (left, right):
            cells.write(row, column, "│", strong)
    for row, (begin, end) in ((top, "┌┐"), (bottom, "└┘")):
        cells.write(row, left, (begin + "─" * (right - left - 1) + end)[: right - left + 1], strong)


def _crosshair(cells: Cells, frame: Frame, figure: Figure, x: float) -> None:
    column = frame.column_of(x)
    for row in range(frame.top, frame.top + frame.height):
        if not cells.inked(row, column):
            cells.write(row, column, "│", FAINT)
    values_at = readings(figure, x)
    title = f"{figure.x_name} {figure.x_text(x)}"
    cells.write(0, 0, title.ljust(cells.width))
    width = max([len(f"{curve.name} {show.coefficient(value)}") for curve, value in values_at], default=0) + 2
    height = min(len(values_at), frame.height)
    if not values_at or width > frame.width // 2:
        # No room for a box: the values follow the x.
        at = len(title) + 2
        for curve, value in values_at:
            text = f"{curve.name} {show.coefficient(value)}"
            cells.write(0, at, text, Ink(curve.colour))
            at += len(text) + 2
        return
    right = column < frame.left + frame.width // 2
    start = frame.left + frame.width - width if right else frame.left + 1
    tops = (frame.top, frame.top + frame.height - height)
    top = min(tops, key=lambda row: sum(cells.inked(line, start, width) for line in range(row, row + height)))
    shown = values_at if len(values_at) <= height else values_at[: height - 1]
    for line, (curve, value) in enumerate(shown):
        text = curve.name.ljust(width - 2 - len(show.coefficient(value))) + show.coefficient(value)
        cells.write(top + line, start, f" {text} ", Ink(curve.colour, "strong"))
    if len(shown) < len(values_at):
        cells.write(top + height - 1, start, f" and {len(values_at) - len(shown)} more"[:width].ljust(width))
