"""Figures as plain data: what is drawn, in which ink, and what a crosshair reads. No terminal or format here."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scaling_tui.plots.axes import Axis, drawable, power_label, tick_label
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


@dataclass(frozen=True, eq=False)
class Figure:
    """What a plot shows. `spans` are vertical bars (x, low, high, colour); `x_text` writes an x of the crosshair.

    `x_unit` and `y_unit` stand beside the names where axes are labelled, in pictures.
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

    @property
    def x_label(self) -> Callable[[float, int], str]:
        """How ticks of x are written: as powers where its values are."""
        return power_label if self.x_text is show.scientific else tick_label

    def shown(self) -> list[tuple[Series, Array, Array]]:
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
        """The title; it first counts what logarithmic axes cannot show, so that nothing is left out in silence."""
        hidden = sum(
            int((np.isfinite(curve.x) & np.isfinite(curve.y) & ~positive).sum())
            for curve in self.series
            for positive in (((curve.x > 0) | (not self.log_x)) & ((curve.y > 0) | (not self.log_y)),)
        )
        if not hidden:
            return self.title
        first, dot, rest = self.title.partition(" · ")
        return f"{first} · {show.counted(hidden, 'value')} ≤ 0 not shown{dot}{rest}"

    def axes(self, shown: Sequence[tuple[Series, Array, Array]]) -> tuple[Axis, Axis]:
        """The axes that hold all of what is shown, and the spans."""
        # A joined curve's x rises, so its ends are its limits.
        xs = [v for curve, x, _ in shown for v in ((x[0], x[-1]) if curve.joined else (x.min(), x.max()))]
        xs += [at for at, *_ in self.spans]
        ys = [v for _, _, y in shown for v in (y.min(), y.max())] + [v for _, *ends, _ in self.spans for v in ends]
        x_axis = Axis.around(float(min(xs)), float(max(xs)), self.log_x, 0.01)
        y_axis = Axis.around(float(min(ys)), float(max(ys)), self.log_y, 0.04)
        return x_axis, y_axis


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
