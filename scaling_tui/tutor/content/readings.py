"""Plots that a question asks to be read: curves from the law code, and how precisely their cells can be read.

A terminal's plot is coarse, so an answer may be off by what half a cell hides, across and down. The cells are counted
for the size that questions are drawn at; `report.tutor` draws them no smaller.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from scaling_tui.tutor.content.lesson import POINTS, LessonCurve, LessonPlot, between
from scaling_tui.tutor.content.template import Template
from scaling_tui.tutor.parsing.expressions import Expression

Read = Literal["value", "size", "valley", "slope"]
READS: tuple[Read, ...] = ("value", "size", "valley", "slope")
ROWS, COLUMNS = 10, 44  # cells inside the axes, at least
_SAMPLES = 160
_FEW = 24  # samples that tell how high a curve is
_UP = 3  # cells above the bottom of a valley where its sides are compared
_TABLE = 13  # points of a table in place of the plot
_AGREE = 1e-6

Values = Mapping[str, float]


@dataclass(frozen=True)
class Curve:
    """y over the axis' name; `at` are single points in place of a line."""

    label: str
    y: Expression
    at: tuple[Expression, ...] = ()


@dataclass(frozen=True)
class Reading:
    """A plot, and what is read off its first curve.

    Args:
        reads: a y at the x `at`, an x at which the curve has the height `at`, the x of its lowest point, or its slope
            on two logarithmic axes from end to end.
    """

    title: Template
    name: str
    low: Expression
    high: Expression
    log_x: bool
    log_y: bool
    curves: tuple[Curve, ...]
    reads: Read
    at: Expression | None = None

    def plot(self, values: Values) -> LessonPlot:
        """The plot with a question's numbers."""
        low, high = self.low(values), self.high(values)
        drawn = []
        for curve in self.curves:
            along = [between(low, high, self.log_x, number / (POINTS - 1)) for number in range(POINTS)]
            x = [place(values) for place in curve.at] or along
            y = tuple(curve.y({**values, self.name: size}) for size in x)
            drawn.append(LessonCurve(curve.label, tuple(x), y, not curve.at))
        return LessonPlot(self.title.render(values), tuple(drawn), self.log_x, self.log_y)

    def table(self, values: Values) -> tuple[list[float], list[tuple[str, list[float]]]]:
        """Points of the curves for those who cannot see the plot: sizes, and for each curve its label and values."""
        low, high = self.low(values), self.high(values)
        x = [between(low, high, self.log_x, number / (_TABLE - 1)) for number in range(_TABLE)]
        return x, [(curve.label, [curve.y({**values, self.name: size}) for size in x]) for curve in self.curves]

    def tolerance(self, values: Values, answer: float) -> float:
        """How far an answer may lie off, relatively: what half a cell hides."""
        curve, low, high = self._first(values), self._x(self.low(values)), self._x(self.high(values))
        samples = _SAMPLES if self.reads in ("size", "valley") else _FEW
        sizes = [low + (high - low) * number / samples for number in range(samples + 1)]
        heights = [curve(size) for size in sizes]
        row, column = (max(heights) - min(heights)) / ROWS / 2, (high - low) / COLUMNS / 2
        match self.reads:
            case "value":
                place = self._x(self._target(values))
                near = (curve(place - column), curve(place + column))
                return _share(max(abs(height - curve(place)) for height in near) + row, answer, self.log_y)
            case "slope":
                return 2 * row / (high - low) / abs(answer)
        place = self._x(answer)
        if self.reads == "valley":
            return _share(_of_valley(sizes, heights, place, row) + column, answer, self.log_x)
        # An x: as far as the curve keeps within half a cell of the height it has there.
        hidden = [size for size, height in zip(sizes, heights, strict=True) if abs(height - curve(place)) <= row]
        reach = [size for size in hidden if self._joined(size, place, hidden, sizes)]
        away = max((abs(size - place) for size in reach), default=0.0)
        return _share(away + column, answer, self.log_x)

    def fault(self, values: Values, answer: float) -> str:
        """Why the plot does not show the answer; empty if it does."""
        curve, low, high = self._first(values), self.low(values), self.high(values)
        if not low < high:
            return f"the axis starts at {low:g} and ends at {high:g}"
        if self.reads != "slope":
            place = self._target(values) if self.reads == "value" else answer
            if not low <= place <= high:
                return f"the axis from {low:g} to {high:g} does not show {place:g}"
        match self.reads:
            case "value":
                shown = self._unlogged(curve(self._x(self._target(values))))
                return "" if math.isclose(shown, answer, rel_tol=_AGREE) else f"the curve has {shown:g} there"
            case "size":
                shown = self._unlogged(curve(self._x(answer)))
                wanted = self._target(values)
                return "" if math.isclose(shown, wanted, rel_tol=_AGREE) else f"the curve has {shown:g} there"
            case "valley":
                deepest = curve(self._x(answer))
                steps = (between(low, high, self.log_x, number / _SAMPLES) for number in range(_SAMPLES + 1))
                lower = min(curve(self._x(size)) for size in steps)
                return "" if deepest <= lower + abs(lower) * 1e-9 else "the curve is lower elsewhere"
        ends = (self._x(low), self._x(high))
        slope = (curve(ends[1]) - curve(ends[0])) / (ends[1] - ends[0])
        return "" if math.isclose(slope, answer, rel_tol=_AGREE) else f"from end to end the slope is {slope:g}"

    def _first(self, values: Values) -> "_Curve":
        return _Curve(self, self.curves[0].y, values)

    def _target(self, values: Values) -> float:
        assert self.at is not None
        return self.at(values)

    def _x(self, size: float) -> float:
        return math.log10(size) if self.log_x else size

    def _unlogged(self, height: float) -> float:
        return 10.0**height if self.log_y else height

    @staticmethod
    def _joined(size: float, place: float, hidden: list[float], sizes: list[float]) -> bool:
        """Whether every sample from `size` to `place` is hidden in the same cell."""
        low, high = min(size, place), max(size, place)
        kept = set(hidden)
        return all(one in kept for one in sizes if low < one < high)


@dataclass(frozen=True)
class _Curve:
    """A curve as the axes count: of a size on the x axis the height on the y axis."""

    reading: Reading
    y: Expression
    values: Values

    def __call__(self, size: float) -> float:
        value = self.y({**self.values, self.reading.name: 10.0**size if self.reading.log_x else size})
        return math.log10(value) if self.reading.log_y else value


def _of_valley(sizes: Sequence[float], heights: Sequence[float], place: float, row: float) -> float:
    """How far off the bottom seems that lies midway between two points of the same height, a few cells up.

    The bottom itself is flat over many cells, so both sides are compared. Each is misread by what half a cell hides on
    its slope; where the sides differ in shape, the middle lies beside the bottom.
    """
    lowest = min(heights)
    height = min(lowest + _UP * 2 * row, heights[0], heights[-1])
    left = max(n for n, size in enumerate(sizes) if size <= place and heights[n] >= height)
    right = min(n for n, size in enumerate(sizes) if size >= place and heights[n] >= height)
    step = sizes[1] - sizes[0]
    misread = []
    for side in (left, right):
        inner = side + 1 if side == left else side - 1
        misread.append(row * step / max(heights[side] - heights[inner], 1e-12))
    return abs((sizes[left] + sizes[right]) / 2 - place) + sum(misread) / 2


def _share(away: float, answer: float, log: bool) -> float:
    return 10.0**away - 1 if log else away / abs(answer)
