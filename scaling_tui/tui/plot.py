"""The one place that draws plots. Series go in as arrays, text comes out; plotext is known here and nowhere else."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from rich.text import Text
from textual.widget import Widget

from scaling_tui import show

Array = NDArray[np.float64]
Colour = tuple[int, int, int]


# Nothing of this field is as large; what is (or is no number) cannot be drawn.
FAR = 1e60


@dataclass(frozen=True)
class Series:
    """One curve, or points where `joined` is false. `label` is written at its last point.

    `colour` is a name of the theme, or a place from 0 to 1 on the theme's ramp, for what has an order of its own.
    """

    x: Array
    y: Array
    colour: str | float = "foreground"
    label: str = ""
    joined: bool = True


@dataclass(frozen=True)
class Figure:
    """What a plot shows; equal figures are drawn once. `spans` are vertical bars (x, low, high)."""

    title: str
    series: tuple[Series, ...]
    spans: tuple[tuple[float, float, float, str], ...] = ()
    log_x: bool = False
    log_y: bool = False
    version: int = field(default=0)


def thin(x: Array, y: Array, columns: int) -> tuple[Array, Array]:
    """At most the lowest and the highest point of each of `columns` columns, in the order of x.

    What falls into one column of cells is drawn over itself; a spike is kept all the same.
    """
    if len(x) <= 2 * columns:
        return x, y
    low, high = float(x.min()), float(x.max())
    column = np.minimum(((x - low) / max(high - low, 1e-300) * columns).astype(np.int64), columns - 1)
    order = np.lexsort((y, column))
    first = np.flatnonzero(np.diff(column[order], prepend=-1))
    last = np.append(first[1:], len(x)) - 1
    kept = np.unique(np.concatenate([order[first], order[last]]))
    return x[kept], y[kept]


def ticks(low: float, high: float, log: bool, most: int) -> list[float]:
    """Round values from low to high, at most `most`: 1, 2, 5 times a power of ten."""
    if not high > low or most < 1:
        return [low]
    if log:
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for steps in ((1, 2, 3, 5), (1, 2, 5), (1, 3), (1,)):
            found = [step * 10.0**decade for decade in decades for step in steps]
            found = [value for value in found if low <= value <= high]
            if 2 <= len(found) <= most:
                return found
        if high / low < 10:
            return ticks(low, high, log=False, most=most)
        return found[:: max(1, -(-len(found) // most))]
    size = 10.0 ** math.floor(math.log10((high - low) / most))
    step = next(step * size for step in (1, 2, 5, 10, 20) if (high - low) / (step * size) <= most)
    return [float(k * step) for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def tick_label(value: float) -> str:
    """A tick in few characters: 0.5, 2.4, 30k, 1M, 3e15."""
    if value == 0:
        return "0"
    if abs(value) >= 1e13 or abs(value) < 1e-3:
        return f"{value:.0e}".replace("e+", "e").replace("e0", "e").replace("e-0", "e-")
    if abs(value) >= 1000:
        text = show.count(value)
        number, unit = text[:-1], text[-1]
        return number.rstrip("0").rstrip(".") + unit if "." in number else text
    return f"{value:.4g}"


def draw(figure: Figure, width: int, height: int, colours: dict[str, Colour], marker: str = "braille") -> Text:
    """The figure in width × height cells."""
    import plotext

    drawn = [(one, x, y) for one in figure.series for x, y in (_scaled(one, figure, width),) if len(x)]
    if not drawn or width < 12 or height < 5:
        return Text(figure.title[:width], no_wrap=True)
    spans = [(_log(x, figure.log_x), _log(a, figure.log_y), _log(b, figure.log_y), c) for x, a, b, c in figure.spans]
    xs = np.concatenate([x for _, x, _ in drawn] + [np.array([s[0] for s in spans])])
    ys = np.concatenate([y for _, _, y in drawn] + [np.array([v for s in spans for v in s[1:3]], dtype=np.float64)])
    (left, right), (bottom, top) = _limits(xs, 0.02), _limits(ys, 0.04)
    room = max(len(one.label) for one, _, _ in drawn)
    right += (right - left) * room / max(1, width - room - 8)

    plotext.clear_figure()
    plotext.limit_size(False, False)
    plotext.plot_size(width, height - 1)
    plotext.theme("clear")
    plotext.xaxes(True, False)
    plotext.yaxes(True, False)
    for at, low, high, name in spans:
        plotext.plot([at, at], [low, high], color=colour_of(name, colours), marker="│")
    for one, xs, ys in drawn:
        colour = colour_of(one.colour, colours)
        if one.joined:
            plotext.plot(xs.tolist(), ys.tolist(), color=colour, marker=marker)
        else:
            plotext.scatter(xs.tolist(), ys.tolist(), color=colour, marker="●")
    cell_x, cell_y = (right - left) / (width - 6), (top - bottom) / (height - 3)
    labelled = [(one, float(x[-1]), float(y[-1])) for one, x, y in drawn if one.label]
    heights = apart([y for _, _, y in labelled], cell_y, bottom)
    for (one, end, _), at in zip(labelled, heights, strict=True):
        colour = colour_of(one.colour, colours)
        plotext.text(one.label, x=end + cell_x, y=at, color=colour, alignment="left")
    plotext.xlim(left, right)
    plotext.ylim(bottom, top)
    for axis, low, high, log, most in (
        (plotext.xticks, left, right, figure.log_x, max(2, width // 12)),
        (plotext.yticks, bottom, top, figure.log_y, max(2, height // 3)),
    ):
        values = ticks(_unlog(low, log), _unlog(high, log), log, most)
        axis([_log(value, log) for value in values], [tick_label(value) for value in values])
    title = Text(figure.title[:width].ljust(width) + "\n", no_wrap=True)
    return title.append_text(Text.from_ansi(plotext.build().rstrip("\n"), no_wrap=True))


def apart(heights: Sequence[float], least: float, floor: float) -> list[float]:
    """`heights` moved so that no two are nearer than `least`: labels of curves that end together stay readable."""
    order = sorted(range(len(heights)), key=lambda index: -heights[index])
    moved = list(heights)
    for above, below in pairwise(order):
        moved[below] = min(moved[below], moved[above] - least)
    lowest = floor
    for index in reversed(order):
        moved[index] = max(moved[index], lowest)
        lowest = moved[index] + least
    return moved


def _log(value: float, log: bool) -> float:
    return math.log10(value) if log else value


def _unlog(value: float, log: bool) -> float:
    return float(10.0**value) if log else value


def _scaled(series: Series, figure: Figure, width: int) -> tuple[Array, Array]:
    good = (np.abs(series.x) < FAR) & (np.abs(series.y) < FAR)
    if figure.log_x:
        good &= series.x > 1 / FAR
    if figure.log_y:
        good &= series.y > 1 / FAR
    x, y = series.x[good], series.y[good]
    x = np.log10(x) if figure.log_x else x
    y = np.log10(y) if figure.log_y else y
    return thin(x, y, width)


def _limits(values: Array, margin: float) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    room = (high - low) * margin or abs(high) * margin or 1.0
    return low - room, high + room


class Plot(Widget):
    """Shows a figure; draws it anew only when the figure, the size or the theme is another."""

    DEFAULT_CSS = "Plot { height: 1fr; width: 1fr; }"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._figure = Figure("", ())
        self._key: object = None
        self._drawn = Text()

    @property
    def figure(self) -> Figure:
        return self._figure

    @figure.setter
    def figure(self, figure: Figure) -> None:
        self._figure = figure
        if self._key is None or figure.version != self._key_version:
            self.refresh()

    @property
    def _key_version(self) -> int:
        return self._key[0] if isinstance(self._key, tuple) else -1

    def render(self) -> Text:
        colours = theme_colours(self.app.theme_variables)
        key = (self._figure.version, self.size, tuple(colours.items()))
        if key != self._key:
            self._key = key
            self._drawn = draw(self._figure, self.size.width, self.size.height, colours)
        return self._drawn


RAMP = ("primary", "success", "warning", "error")


def theme_colours(variables: dict[str, str]) -> dict[str, Colour]:
    """The theme's colours by name as plotext takes them."""
    from textual.color import Color

    return {name: Color.parse(variables[name]).rgb for name in (*RAMP, "accent", "foreground")}


def colour_of(colour: str | float, colours: dict[str, Colour]) -> Colour:
    """A named colour, or one on the ramp: neighbours in size are neighbours in hue."""
    if isinstance(colour, str):
        return colours.get(colour, colours["foreground"])
    place = min(max(colour, 0.0), 1.0) * (len(RAMP) - 1)
    first = min(int(place), len(RAMP) - 2)
    share = place - first
    low, high = colours[RAMP[first]], colours[RAMP[first + 1]]
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(low, high, strict=True))
    return red, green, blue
