"""Axes of plots: limits, where a value lies between them, round ticks and their labels."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaling_tui.text import show

Array = NDArray[np.float64]

# Nothing of this field is as large; what is (or is no number) cannot be drawn.
FAR = 1e60


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
        a, b = (math.log10(low), math.log10(high)) if log else (low, high)
        room = (b - a) * margin or abs(b) * margin or margin
        step = 2.0 ** math.floor(math.log2((b - a + 2 * room) / 32))
        return cls(math.floor((a - room) / step) * step, math.ceil((b + room) / step) * step, log)

    def widened(self, share: float) -> "Axis":
        """With room for labels beyond `high`."""
        return Axis(self.low, self.high + (self.high - self.low) * share, self.log)

    def shares(self, values: Array) -> Array:
        """0 at `low`, 1 at `high`; values that cannot be on the axis must have been left out."""
        counted = np.log10(values) if self.log else values
        return np.asarray((counted - self.low) / (self.high - self.low))

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


def drawable(values: Array, log: bool) -> NDArray[np.bool_]:
    """Which values can be drawn on an axis."""
    there: NDArray[np.bool_] = np.abs(values) < FAR
    return there & (values > 1 / FAR) if log else there


def ticks(low: float, high: float, log: bool, most: int) -> list[float]:
    """Round values from low to high, at most about `most`: 1, 2, 5 times a power of ten."""
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


def power_label(value: float) -> str:
    """A tick of FLOPs, which are written as powers everywhere: 1e10, 2.5e13."""
    return _power(value) if value >= 1e5 else f"{value:g}"


def _power(value: float) -> str:
    mantissa, _, exponent = f"{value:.2g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


def tick_label(value: float) -> str:
    """A tick in few characters: 0.5, 2.4, 30k, 1M, 3e15."""
    if value == 0:
        return "0"
    if abs(value) >= 1e13 or abs(value) < 1e-3:
        return _power(value)
    if abs(value) >= 1000:
        text = show.count(value)
        number, unit = text[:-1], text[-1]
        return number.rstrip("0").rstrip(".") + unit if "." in number else text
    return f"{value:.4g}"
