"""Figures as plain data: what is drawn, in which ink, and what a crosshair reads. No terminal or format here."""

import csv
import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scaling_tui.plots.axes import Axis, drawable, power_label, tick_label
from scaling_tui.plots.limits import FOLLOWING, FREE, Limits, applied
from scaling_tui.plots.robust import Shape, reach
from scaling_tui.text import show

Array = NDArray[np.float64]
Weight = Literal["normal", "strong", "faint"]
Colour = tuple[int, int, int]

RAMP = ("primary", "success", "warning", "error")
LINE, DOTTED = "line", "dotted"


@dataclass(frozen=True)
class Ink:
    """How something is drawn: a name of the theme, or a place from 0 to 1 on the theme's ramp; and how heavily."""

    colour: str | float = "foreground"
    weight: Weight = "normal"


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


Shown = tuple[Series, Array, Array]
"""A series with the x and y of it that are shown, (n,) each."""


@dataclass(frozen=True)
class View:
    """What of a figure lies between the limits of its axes.

    Args:
        curves: the series in view; a joined one is cut where it crosses the limits of x. y may lie beyond its limits.
        spans: the bars in view.
        x, y: the axes, without room for labels.
        cut: what an axis that follows the data does not reach, at which the plot has a sign: the series with the x of
            the points above its limits, then with that of the points below.
    """

    curves: tuple[Shown, ...]
    spans: tuple[tuple[float, float, float, str], ...]
    x: Axis
    y: Axis
    cut: tuple[tuple[Series, Array, Array], ...] = ()


@dataclass(frozen=True, eq=False)
class Figure:
    """What a plot shows. `spans` are vertical bars (x, low, high, colour); `x_text` writes an x of the crosshair.

    `x_unit` and `y_unit` stand beside the names where axes are labelled, in pictures. What `limits` do not set follows
    the data.
    """

    title: str
    series: tuple[Series, ...]
    spans: tuple[tuple[float, float, float, str], ...] = ()
    log_x: bool = False
    log_y: bool = False
    x_name: str = "x"
    y_name: str = "y"
    x_text: Callable[[float], str] = tick_label
    x_unit: str = ""
    y_unit: str = ""
    empty: str = ""
    limits: Limits = FOLLOWING

    @property
    def x_label(self) -> Callable[[float, int], str]:
        """How ticks of x are written: as powers where its values are."""
        return power_label if self.x_text is show.scientific else tick_label

    def shown(self) -> list[Shown]:
        """The series with those of their points that can be shown; of a joined one with rising x."""
        kept = []
        for curve in self.series:
            x, y = curve.x, curve.y
            there = drawable(x, self.log_x) & drawable(y, self.log_y)
            if not there.all():
                x, y = x[there], y[there]
            if curve.joined and len(x) > 1 and (x[1:] < x[:-1]).any():
                order = np.argsort(x, kind="stable")
                x, y = x[order], y[order]
            if len(x):
                kept.append((curve, x, y))
        return kept

    @property
    def heading(self) -> str:
        """The title; it first counts what the axes do not show, so that nothing is left out in silence."""
        hidden = sum(
            int((np.isfinite(curve.x) & np.isfinite(curve.y) & ~positive).sum())
            for curve in self.series
            for positive in (((curve.x > 0) | (not self.log_x)) & ((curve.y > 0) | (not self.log_y)),)
        )
        notes = [f"{show.counted(hidden, 'value')} ≤ 0 not shown"] if hidden else []
        if self.view is not None and (beyond := sum(len(up) + len(down) for _, up, down in self.view.cut)):
            notes.append(f"{show.counted(beyond, 'value')} off the plot")
        if not notes:
            return self.title
        first, dot, rest = self.title.partition(" · ")
        return " · ".join([first, *notes]) + dot + rest

    @cached_property
    def view(self) -> View | None:
        """What is in view; None where there is nothing to show."""
        shown = self.shown()
        if not shown:
            return None
        # A joined curve's x rises, so its ends are its limits.
        xs = [v for curve, x, _ in shown for v in ((x[0], x[-1]) if curve.joined else (x.min(), x.max()))]
        xs += [at for at, *_ in self.spans]
        x_axis = applied(Axis.around(float(min(xs)), float(max(xs)), self.log_x, 0.01), self.limits.x, self.log_x)
        spans = self.spans
        curves = tuple(shown)
        if self.limits.x != FREE:
            low, high = x_axis.value(0.0), x_axis.value(1.0)
            spans = tuple(span for span in spans if low <= span[0] <= high)
            curves = tuple(part for one in shown if len((part := self._between(one, low, high))[1]))
        y_axis = applied(self._reached(curves or tuple(shown), spans, x_axis), self.limits.y, self.log_y)
        set_low, set_high = self.limits.y
        # Beyond an end that is set nothing is missing.
        low = y_axis.value(0.0) if set_low is None else -math.inf
        high = y_axis.value(1.0) if set_high is None else math.inf
        cut = [(curve, x[y > high], x[y < low]) for curve, x, y in curves]
        return View(curves, spans, x_axis, y_axis, tuple(one for one in cut if one[1].size or one[2].size))

    def _reached(self, shown: Sequence[Shown], spans: Sequence[tuple[float, float, float, str]], x_axis: Axis) -> Axis:
        """The y axis that follows the data."""
        unit = Axis(0.0, 1.0, self.log_y)  # only counts
        shape = Shape(
            [(x_axis.counted(x), unit.counted(y)) for curve, x, y in shown if curve.joined],
            np.concatenate([np.zeros(0), *(unit.counted(y) for curve, _, y in shown if not curve.joined)]),
            unit.counted(np.array([end for _, *ends, _ in spans for end in ends], dtype=np.float64)),
        )
        ends = shape.whole if self.limits.whole else reach(shape, x_axis)
        assert ends is not None  # something is shown
        return Axis.about(*ends, self.log_y, 0.04)

    def _between(self, shown: Shown, low: float, high: float) -> Shown:
        """What of a series lies between two x; a joined one reaches to both of them if it goes beyond."""
        curve, x, y = shown
        if not curve.joined:
            inside = (x >= low) & (x <= high)
            return curve, x[inside], y[inside]
        first, last = int(np.searchsorted(x, low, "left")), int(np.searchsorted(x, high, "right"))
        ends = [at for at, beyond in ((low, first > 0), (high, last < len(x))) if beyond and x[0] < at < x[-1]]
        # Between its points a line is straight as the axes count.
        count_x, count_y = (Axis(0.0, 1.0, log).counted for log in (self.log_x, self.log_y))
        near = slice(max(0, first - 1), last + 1)
        at = np.interp(count_x(np.array(ends)), count_x(x[near]), count_y(y[near])) if ends else np.zeros(0)
        values = [10.0**value if self.log_y else value for value in at.tolist()]
        left = 1 if ends and ends[0] == low else 0
        return (
            curve,
            np.concatenate([ends[:left], x[first:last], ends[left:]]),
            np.concatenate([values[:left], y[first:last], values[left:]]),
        )


def limited(figures: Iterable[Figure], limits: Limits | None) -> list[Figure]:
    """The figures, the first of them within these limits."""
    shown = list(figures)
    return [replace(shown[0], limits=limits), *shown[1:]] if shown and limits is not None else shown


def readings(figure: Figure, x: float) -> list[tuple[Series, float]]:
    """The value that each named curve has at its point nearest to `x`, the highest first."""
    kept = []
    for curve in figure.series:
        if not curve.name or not len(curve.x):
            continue
        away = np.abs(np.log(curve.x / x)) if figure.log_x and (curve.x > 0).all() else np.abs(curve.x - x)
        nearest = int(np.nanargmin(away)) if not np.isnan(away).all() else 0
        span = max(float(np.nanmax(curve.x)) - float(np.nanmin(curve.x)), 0.0)
        outside = curve.joined and not (np.nanmin(curve.x) - span / 50 <= x <= np.nanmax(curve.x) + span / 50)
        if not outside and np.isfinite(curve.y[nearest]):
            kept.append((curve, float(curve.y[nearest])))
    return sorted(kept, key=lambda item: -item[1])


def figure_csv(figure: Figure) -> str:
    """Every point of a figure, a line each: series, x, y."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("series", figure.x_name, figure.y_name))
    for number, curve in enumerate(figure.series, 1):
        name = curve.name or curve.label or f"series {number}"
        writer.writerows((name, x, y) for x, y in zip(curve.x.tolist(), curve.y.tolist(), strict=True))
    return out.getvalue()


def colour_of(colour: str | float, colours: Mapping[str, Colour]) -> Colour:
    """A named colour, or one on the ramp: neighbours in size are neighbours in hue."""
    if isinstance(colour, str):
        return colours.get(colour, colours["foreground"])
    place = min(max(colour, 0.0), 1.0) * (len(RAMP) - 1)
    first = min(int(place), len(RAMP) - 2)
    share = place - first
    low, high = colours[RAMP[first]], colours[RAMP[first + 1]]
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(low, high, strict=True))
    return red, green, blue
