"""Limits of a plot's axes as somebody sets them: typed, zoomed, moved. Plain data; a widget only says what was done."""

import math
import re
from dataclasses import dataclass

from scaling_tui import InputError
from scaling_tui.plots.axes import FAR, Axis
from scaling_tui.text.numbers import read_quantity

Range = tuple[float | None, float | None]
"""The lowest and the highest value; None follows the data."""

FREE: Range = (None, None)
FINEST = 1e-9  # of the values, how close the limits may come: closer, floats hold no ticks between them
_END = r"([^:\sA-Za-z][^:\s]*)?"
_PAIR = re.compile(rf"([xy])\s*[= ]\s*{_END}\s*:\s*{_END}(?!\S)", re.IGNORECASE)


@dataclass(frozen=True)
class Limits:
    """What is set of the axes, as values. What is not set follows the data.

    `whole` has them follow all of the data; without it a few values that would flatten the rest are cut off.
    """

    x: Range = FREE
    y: Range = FREE
    whole: bool = False

    @property
    def is_set(self) -> bool:
        return self.x != FREE or self.y != FREE

    def __str__(self) -> str:
        """As `read_limits` reads it."""
        pairs = (("x", self.x), ("y", self.y))
        return "  ".join(f"{name} {range_text(found)}" for name, found in pairs if found != FREE)


FOLLOWING = Limits()


def range_text(found: Range) -> str:
    """`1e5:1e7`, with as many digits as tell the values; an end that follows the data is left out."""
    return ":".join("" if end is None else _written(end) for end in found)


def _written(value: float) -> str:
    short = f"{value:.6g}"
    return short if float(short) == value else repr(value)


def read_range(text: str, what: str) -> Range:
    """LOW:HIGH, such as 1e5:10M; an end that is left out follows the data.

    Raises:
        InputError: it is not, or low is not below high. `what` begins the line.
    """
    low, colon, high = text.strip().partition(":")
    if not colon or not (low.strip() or high.strip()):
        raise InputError(f"{what}: found {text.strip()[:60]!r}, want LOW:HIGH, such as 1e5:10M, or one of the ends")
    ends = [read_quantity(end, what=what) if end.strip() else None for end in (low, high)]
    for end in ends:
        if end is not None and not abs(end) <= FAR:
            raise InputError(f"{what}: found {end:g}, want at most {FAR:g}")
    first, last = ends
    if first is not None and last is not None and not first < last:
        raise InputError(f"{what}: found {first:g} to {last:g}, want the lower end first")
    return first, last


def read_limits(text: str) -> Limits:
    """Limits as typed: `x 1e5:10M  y 2:3.5`, or one of them; empty text sets none.

    Raises:
        InputError: it cannot be read.
    """
    left = text.strip().replace(",", " ")
    found: dict[str, Range] = {}
    while left:
        pair = _PAIR.match(left)
        if pair is None:
            raise InputError(f"limits: found {left[:60]!r}, want x LOW:HIGH or y LOW:HIGH, such as x 1e5:10M")
        name = pair[1].lower()
        if name in found:
            raise InputError(f"limits: found {name} twice, want it once")
        found[name] = read_range(f"{pair[2] or ''}:{pair[3] or ''}", name)
        left = left[pair.end() :].strip()
    return Limits(found.get("x", FREE), found.get("y", FREE))


def applied(data: Axis, found: Range, log: bool) -> Axis:
    """The axis with the ends that are set; the others are those of `data`.

    An end that a logarithmic axis cannot have follows the data. Ends that are set beyond all data leave some room.
    """
    low, high = (None if end is None or (log and end <= 0) else end for end in found)
    a = data.low if low is None else math.log10(low) if log else low
    b = data.high if high is None else math.log10(high) if log else high
    if not a < b:
        room = 1.0 if log else max(abs(a), abs(b)) or 1.0
        a, b = (a, a + room) if high is None or low is not None else (b - room, b)
    return Axis(a, b, log)


def zoomed(axis: Axis, factor: float, share: float) -> Range:
    """The limits that show `1 / factor` of the axis; what is at `share` of it stays where it is."""
    size = axis.high - axis.low
    at = axis.low + size * share
    most = 2 * math.log10(FAR) if axis.log else FAR
    finest = FINEST if axis.log else max(abs(axis.low), abs(axis.high)) * FINEST
    new = min(max(size / factor, finest), most)
    return _range(Axis(at - new * share, at + new * (1 - share), axis.log))


def moved(axis: Axis, share: float) -> Range:
    """The limits a share of the axis further on, or as far as an axis goes."""
    far = _far(axis)
    by = min(max((axis.high - axis.low) * share, -far - axis.low), far - axis.high)
    return _range(Axis(axis.low + by, axis.high + by, axis.log))


def between(axis: Axis, first: float, last: float) -> Range:
    """The limits from one share of the axis to another, in either order."""
    low, high = (axis.low + (axis.high - axis.low) * share for share in sorted((first, last)))
    return zoomed(Axis(low, high, axis.log), 1.0, 0.5)


def _far(axis: Axis) -> float:
    return math.log10(FAR) if axis.log else FAR


def _range(axis: Axis) -> Range:
    far = _far(axis)
    low, high = max(axis.low, -far), min(axis.high, far)
    if not low < high:
        low, high = (-far, -far + 1.0) if high <= -far else (far - 1.0, far)
    return Axis(low, high, axis.log).value(0.0), Axis(low, high, axis.log).value(1.0)
