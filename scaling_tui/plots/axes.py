"""Axes of plots: limits, where a value lies between them, round ticks, labels that do not collide, thinning."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Nothing of this field is as large; what is (or is no number) cannot be drawn.
FAR = 1e60
UNITS = (("T", 1e12), ("B", 1e9), ("M", 1e6), ("k", 1e3))


@dataclass(frozen=True)
class Axis:
    """From `low` to `high`, both as the axis counts: logarithms to base 10 where it is logarithmic."""

    low: float
    high: float
    log: bool = False

    @classmethod
    def around(cls, low: float, high: float, log: bool, margin: float) -> "Axis":
        """Holds values from `low` to `high` with a margin, a share of their distance, on both sides.

        The limits are multiples of a step, so that a curve that grows does not move the whole picture at every look.
        """
        return cls.about(*((math.log10(low), math.log10(high)) if log else (low, high)), log, margin)

    @classmethod
    def about(cls, a: float, b: float, log: bool, margin: float) -> "Axis":
        """As `around`, of ends as the axis counts."""
        room = (b - a) * margin or abs(b) * margin or margin
        step = 2.0 ** math.floor(math.log2((b - a + 2 * room) / 32))
        return cls(math.floor((a - room) / step) * step, math.ceil((b + room) / step) * step, log)

    def widened(self, share: float) -> "Axis":
        """With room for labels beyond `high`."""
        return Axis(self.low, self.high + (self.high - self.low) * share, self.log)

    def counted(self, values: Array) -> Array:
        """Values as the axis counts; those that cannot be on it must have been left out."""
        return np.asarray(np.log10(values) if self.log else values)

    def shares(self, values: Array) -> Array:
        """0 at `low`, 1 at `high`."""
        return np.asarray((self.counted(values) - self.low) / (self.high - self.low))

    def holds(self, values: Array) -> bool:
        """Whether the values do not all lie beyond one of the ends."""
        shares = self.shares(values)
        return bool(shares.max() >= 0.0 and shares.min() <= 1.0)

    def value(self, share: float) -> float:
        """The value at a share of the axis."""
        counted = self.low + (self.high - self.low) * share
        return float(10.0**counted) if self.log else counted

    def edges(self, columns: int) -> Array:
        """The values between `columns` equal columns, (columns + 1,)."""
        counted = self.low + (self.high - self.low) * np.arange(columns + 1) / columns
        return np.asarray(10.0**counted if self.log else counted)

    def ticks(self, most: int) -> list[float]:
        """Round values inside the limits."""
        return ticks(self.value(0.0), self.value(1.0), self.log, most)

    def share(self, value: float) -> float:
        """0 at `low` and below, 1 at `high` and above."""
        counted = math.log10(max(value, 1 / FAR)) if self.log else value
        return min(max((counted - self.low) / (self.high - self.low), 0.0), 1.0)


def drawable(values: Array, log: bool) -> NDArray[np.bool_]:
    """Which values can be drawn on an axis."""
    there: NDArray[np.bool_] = np.abs(values) < FAR
    return there & (values > 1 / FAR) if log else there


def ticks(low: float, high: float, log: bool, most: int) -> list[float]:
    """Round values from low to high, at most `most`, and at least three where `most` is five or more.

    1, 2, 5 times a power of ten, or 2.5 times it; on a logarithmic axis of less than a decade too.
    """
    if not high > low or most < 1:
        return [low]
    if log:
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        chosen: list[float] = []
        for steps in ((1, 2, 3, 5), (1, 2, 5), (1, 3), (1,)):
            chosen = [value for decade in decades for step in steps if low <= (value := step * 10.0**decade) <= high]
            if 3 <= len(chosen) <= most:
                return chosen
        if high / low >= 10 and chosen:
            return chosen[:: -(-len(chosen) // most)]
    size = 10.0 ** math.floor(math.log10((high - low) / most))
    chosen = []
    for step in (1.0, 2.0, 2.5, 5.0, 10.0, 20.0, 25.0, 50.0):
        first, last = math.ceil(low / (step * size) - 1e-9), math.floor(high / (step * size) + 1e-9)
        if last - first < most:
            chosen = [k * (step * size) for k in range(first, last + 1)]
            break
    # So close together that floats hold no round value between them, or one for several steps.
    return list(dict.fromkeys(chosen)) or [low]


def labels(values: Sequence[float], write: Callable[[float, int], str]) -> list[str]:
    """What stands at ticks: as few digits as tell every one from the others."""
    for digits in range(4, 17):
        chosen = [write(value, digits) for value in values]
        if len(set(chosen)) == len(chosen):
            return chosen
    return [repr(value) for value in values]


def power_label(value: float, digits: int = 4) -> str:
    """A tick of FLOPs, which are written as powers everywhere: 1e10, 2.5e13."""
    return _power(value, digits) if value >= 1e5 else f"{value:.{digits + 2}g}"


def _power(value: float, digits: int) -> str:
    mantissa, _, exponent = f"{value:.{digits - 3}e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa}e{int(exponent)}"


def tick_label(value: float, digits: int = 4) -> str:
    """A tick in few characters: 0.5, 2.4, 30k, 1M, 3e15."""
    size = abs(value)
    if value == 0:
        return "0"
    if size >= 1e13 or size < 1e-3:
        return _power(value, digits)
    unit, factor = next(((unit, factor) for unit, factor in UNITS if size >= factor), ("", 1.0))
    return f"{value / factor:.{digits}g}{unit}"


def apart(places: Sequence[float], size: int) -> list[float | None]:
    """Where labels go that want to be at `places` (in rows): a row apart at least, from 0 to size - 1, in their order.

    Where there are more than `size`, some have no place: evenly chosen ones keep theirs.
    """
    order = sorted(range(len(places)), key=lambda index: places[index])
    if len(order) > size:
        kept = {round(k * (len(order) - 1) / max(1, size - 1)) for k in range(size)} if size else set()
        order = [index for rank, index in enumerate(order) if rank in kept]
    moved: dict[int, float] = {}
    least = 0.0
    for index in order:
        moved[index] = max(places[index], least)
        least = moved[index] + 1
    most = size - 1.0
    for index in reversed(order):
        moved[index] = min(moved[index], most)
        most = moved[index] - 1
    return [moved.get(index) for index in range(len(places))]


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
        chosen = np.flatnonzero(y == np.repeat(extreme, sizes))
        # Of equal ones the first in each column.
        kept.append(chosen[np.searchsorted(chosen, first)])
    index = np.unique(np.concatenate(kept))
    return x[index], y[index]


def pieces(x: Array, y: Array) -> list[tuple[Array, Array]]:
    """The parts of a line whose y is from 0 to 1; it ends where it crosses them. x rises."""
    inside = (y >= 0.0) & (y <= 1.0)
    if inside.all():
        return [(x, y)]
    # Every crossing of one of the two becomes a point of the line; at most two between neighbours.
    rise = np.diff(y)
    added_x, added_y, after = [], [], []
    for edge in (0.0, 1.0):
        crossed = np.flatnonzero((np.minimum(y[:-1], y[1:]) < edge) & (np.maximum(y[:-1], y[1:]) > edge))
        share = (edge - y[crossed]) / rise[crossed]
        added_x.append(x[crossed] + share * (x[crossed + 1] - x[crossed]))
        added_y.append(np.full(len(crossed), edge))
        after.append(crossed + np.clip(share, 1e-9, 1 - 1e-9))
    order = np.argsort(np.concatenate([np.arange(len(x)), *after]), kind="stable")
    all_x, all_y = np.concatenate([x, *added_x])[order], np.concatenate([y, *added_y])[order]
    kept = np.flatnonzero((all_y >= 0.0) & (all_y <= 1.0))
    # Where the line is beyond, one of its points lies between two that are kept.
    parts = np.split(kept, np.flatnonzero(np.diff(kept) > 1) + 1)
    return [(all_x[part], all_y[part]) for part in parts if len(part)]


def straightened(x: Array, y: Array) -> tuple[Array, Array]:
    """Points (in dots) without those that lie within half a dot of the line that their neighbours draw without them.

    Drawing costs by the point. Two neighbours never go at once, and no point is asked more than four times.
    """
    for _ in range(4):
        if len(x) < 3:
            break
        before, between, after = slice(0, -2, 2), slice(1, -1, 2), slice(2, None, 2)
        # Of a vertical stretch, 0/0, every point is kept.
        with np.errstate(all="ignore"):
            slope = (y[after] - y[before]) / (x[after] - x[before])
            off = np.abs(y[before] + slope * (x[between] - x[before]) - y[between])
        kept = np.ones(len(x), dtype=bool)
        kept[between] = ~(off < 0.5)
        if kept.all():
            break
        x, y = x[kept], y[kept]
    return x, y
