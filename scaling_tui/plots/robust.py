"""How far a y axis reaches that follows the data: a few values far off do not flatten the rest.

A spike is narrow as it is drawn: a running median over the columns of the plot does not see it. Where a curve begins is
always kept. What lies beyond is cut off only where it takes a third of the height or more from the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from scaling_tui.plots.axes import Axis

Array = NDArray[np.float64]

COLUMNS = 64  # of the plot, whose extremes are looked at
NARROW = 2  # columns: what is no wider is a spike
GAIN = 0.5  # what is cut off, as a share of what is kept, before it is worth it
FLAT = 1e-6  # of the values: the range of what is flat
CURVES = 3  # that it takes before one that leaves the others is cut off
FENCE = 3.0  # distances between the quartiles beyond them, from which a point is far out (Tukey 1977)
POINTS = 8  # that it takes before one is far out


@dataclass(frozen=True)
class Shape:
    """What of a figure is in view: curves and points as the axes count, and bars that are always kept.

    Args:
        curves: x and y of each, (n,); x rises.
        points: y of all single points, (n,).
        bars: y of the ends of bars.
    """

    curves: Sequence[tuple[Array, Array]]
    points: Array
    bars: Array

    @property
    def whole(self) -> tuple[float, float] | None:
        """The lowest and the highest of all; None where there is nothing."""
        parts = [*(y for _, y in self.curves), self.points, self.bars]
        ends = [(float(part.min()), float(part.max())) for part in parts if part.size]
        return (min(low for low, _ in ends), max(high for _, high in ends)) if ends else None


def reach(shape: Shape, x: Axis) -> tuple[float, float] | None:
    """From where to where y reaches without what would flatten the rest; None where there is nothing in view.

    Args:
        shape: as the axes count.
        x: the axis of the curves.
    """
    whole = shape.whole
    if whole is None:
        return None
    bodies = [body for curve in shape.curves if (body := _body(*curve, x)) is not None]
    ends = [*_together(bodies), *shape.bars.tolist()]
    ends += _near(shape.points, (min(ends), max(ends)) if ends else None)
    low, high = min(ends), max(ends)
    size = high - low
    if size <= FLAT * max(abs(whole[0]), abs(whole[1])):
        return whole  # what is flat is not flattened
    # What is not worth cutting off is shown.
    return (whole[0] if low - whole[0] <= GAIN * size else low), (whole[1] if whole[1] - high <= GAIN * size else high)


def _body(x: Array, y: Array, axis: Axis) -> tuple[float, float, float] | None:
    """From where to where a curve reaches without its spikes, and where it ends."""
    if not len(x):
        return None
    edges = axis.low + (axis.high - axis.low) * np.arange(COLUMNS + 1) / COLUMNS
    first = np.searchsorted(x, edges[1:-1])
    first = np.unique(np.concatenate([[0], first[first < len(x)]]))
    own = np.searchsorted(edges[1:-1], x[first], side="right")
    # In a column without a point the curve is where the line is that is drawn.
    line = np.interp((edges[:-1] + edges[1:])[own[0] : own[-1] + 1] / 2, x, y)
    low, high = line.copy(), line.copy()
    low[own - own[0]], high[own - own[0]] = np.minimum.reduceat(y, first), np.maximum.reduceat(y, first)
    begin = float(y[0])
    return min(begin, float(_calm(low).min())), max(begin, float(_calm(high).max())), float(y[-1])


def _calm(values: Array) -> Array:
    """Running medians over 2 NARROW + 1 columns, of fewer at the ends."""
    width = 2 * NARROW + 1
    if len(values) < width:
        return values
    inner = np.sort(np.lib.stride_tricks.sliding_window_view(values, width), axis=1)[:, NARROW]
    sizes = range(NARROW + 1, width)
    ends = [median(part.tolist()) for size in sizes for part in (values[:size], values[-size:])]
    return np.concatenate([inner, ends])


def _together(bodies: Sequence[tuple[float, float, float]]) -> list[float]:
    """From where to where the curves reach. Of a few, where they end counts too: it may be news.

    Of several, one that leaves the others far behind and does not come back, as one that diverges, does not count.
    """
    if len(bodies) < CURVES:
        return [end for body in bodies for end in body]
    lows, highs = sorted(low for low, *_ in bodies), sorted(high for _, high, _ in bodies)
    alone = max(1, len(bodies) // 4)
    least, most = lows[alone], highs[-1 - alone]
    if any(low > most or high < least for low, high, _ in bodies):
        return [lows[0], highs[-1]]  # none of those would be in view: another size, and no outlier
    far = GAIN * (most - least)
    kept = [low for low, _, last in bodies if last >= least or least - low <= far]
    return [*kept, *(high for _, high, last in bodies if last <= most or high - most <= far)]


def _near(points: Array, kept: tuple[float, float] | None) -> list[float]:
    """The lowest and the highest of the points that are not far out; all where there are few, or many are far out."""
    if not points.size:
        return []
    low, high = float(points.min()), float(points.max())
    if len(points) < POINTS:
        return [low, high]
    first, third = np.quantile(points, (0.25, 0.75)).tolist()
    fence = FENCE * (third - first)
    below, above = first - fence, third + fence
    if kept is not None:
        below, above = min(below, kept[0]), max(above, kept[1])
    near = points[(points >= below) & (points <= above)]
    if not near.size or len(points) - near.size > max(1, len(points) // 10):
        return [low, high]
    return [float(near.min()), float(near.max())]
