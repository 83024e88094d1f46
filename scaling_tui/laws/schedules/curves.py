"""Training curves with the learning rate of every step, and what the laws of schedules need of them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from scaling_tui.laws.kernels import Array

PIECES = 800  # of a schedule, about: the falls within one are taken together
_STRAIGHT = 2e-4  # of the peak: a schedule is kept as straight lines this near to what was recorded
_JUMP, _STILL = 0.02, 1e-3  # of the peak: a change between two records, beside which the rate stays, is a jump


@dataclass(frozen=True)
class Schedule:
    """Learning rates by step: those of `steps` (k,), rising and from 0 or 1, are `rates` (k,); straight in between.

    `assumed` is the step up to which nobody recorded the rate: there it is taken to rise from 0.
    """

    steps: Array
    rates: Array
    assumed: int = 0

    @classmethod
    def recorded(cls, steps: Array, rates: Array) -> "Schedule":
        """Of records that begin anywhere."""
        assumed = 0 if steps[0] <= 1 else int(steps[0])
        if assumed:
            steps, rates = np.append(0.0, steps), np.append(0.0, rates)
        steps, rates = _with_jumps(steps, rates)
        corners = _corners(steps, rates, _STRAIGHT * float(rates.max()))
        return cls(steps[corners], rates[corners], assumed)

    @property
    def last(self) -> int:
        return int(self.steps[-1])

    @property
    def peak(self) -> float:
        return float(self.rates.max())

    @cached_property
    def warmup(self) -> int:
        """The step at which the rate first stops rising."""
        stops = np.flatnonzero((np.diff(self.rates) <= _STRAIGHT * self.peak) & (self.rates[:-1] > 0))
        return int(self.steps[stops[0] if stops.size else -1])

    @cached_property
    def falls(self) -> bool:
        """Whether the rate falls after the warm-up, by more than rounding."""
        after = self.rates[self.steps >= self.warmup]
        return bool((np.diff(after) < -_STILL * self.peak).any())

    def at(self, steps: Array) -> Array:
        """The rates of any steps, (n,)."""
        return np.interp(steps, self.steps, self.rates)

    def same(self, other: "Schedule") -> int:
        """The last step up to which two schedules have the same rates, within 1 % of the peak; 0 where none."""
        steps = np.union1d(self.steps, other.steps)
        steps = steps[(steps <= min(self.last, other.last)) & (steps >= max(self.warmup, other.warmup))]
        apart = np.flatnonzero(np.abs(self.at(steps) - other.at(steps)) > 0.01 * max(self.peak, other.peak))
        until = int(apart[0]) if apart.size else steps.size
        return int(steps[until - 1]) if until else 0


@dataclass(frozen=True)
class Curve:
    """One training: the losses (n,) in nats per token that were recorded at `steps` (n,), after the warm-up.

    Args:
        loss: nan where it was not measured, as along a schedule that is yet to be trained.
        averaged: how many records each point is the mean of.
    """

    name: str
    schedule: Schedule
    steps: Array
    loss: Array
    averaged: int = 1

    @property
    def measured(self) -> bool:
        return bool(np.isfinite(self.loss).any())

    def thinned(self, most: int) -> "Curve":
        """At most `most` points, each the mean of neighbouring records; the last stays as it is."""
        group = -(-(self.steps.size - 1) // (most - 1)) if self.steps.size > most else 1
        if group == 1:
            return self
        firsts = np.arange(0, self.steps.size - 1, group)
        sizes = np.diff(np.append(firsts, self.steps.size - 1))
        steps, loss = (
            np.append(np.add.reduceat(column[:-1], firsts) / sizes, column[-1]) for column in (self.steps, self.loss)
        )
        return Curve(self.name, self.schedule, np.round(steps), loss, group * self.averaged)


@dataclass(frozen=True)
class Falls:
    """How the rate fell before each of n points of a curve, in k pieces of its schedule.

    Args:
        area: sum of the rates up to each point, (n,).
        area_held: the same, if the rate had been at its peak all through the warm-up, (n,).
        fall: by how much the rate fell, (k,); below 0 where it rose.
        fall_held: the same, if the rate had been at its peak all through the warm-up, (k,).
        log_rate: logarithm of the rate to which it fell, (k,).
        log_area: logarithm of the sum of the rates since, (n, k); -inf where the fall comes later.
        since: steps since, (n, k); 0 where the fall comes later.
    """

    area: Array
    area_held: Array
    fall: Array
    fall_held: Array
    log_rate: Array
    log_area: Array
    since: Array

    @classmethod
    def before(cls, steps: Array, schedule: Schedule, pieces: int = PIECES) -> "Falls":
        """The falls before points at `steps`, (n,): whole numbers that rise.

        The sums over single steps, of which the laws are made, are taken over pieces of the schedule: one for every
        step where the pieces are that short, else with the rate and the sum in the middle of the piece.
        """
        knots = _knots(steps, schedule, pieces)
        rates = schedule.at(knots)
        width, change = np.diff(knots), np.diff(rates)
        # The sum of the rates of the steps after one knot, up to the next.
        sums = width * (rates[1:] + rates[:-1]) / 2 + change / 2
        total = np.append(0.0, np.cumsum(sums)) + rates[0]
        place: NDArray[np.intp] = np.searchsorted(knots, steps)
        warm = schedule.warmup
        kept = change != 0
        start, first = knots[:-1][kept], total[:-1][kept]
        share = np.minimum(1.0, 1 / width[kept])
        rate = (rates[:-1] + rates[1:])[kept] / 2 + change[kept] / 2 * share
        # Of the piece itself half is still to come, but for the first of its steps.
        since = knots[place][:, None] - start[None, :] - (width[kept] - 1) / 2
        area = total[place][:, None] - (first + sums[kept] * (width[kept] - 1) / (2 * width[kept]))[None, :]
        later = start[None, :] + width[kept][None, :] > knots[place][:, None]
        least = 1e-12 * schedule.peak
        with np.errstate(divide="ignore"):
            log_area = np.log(np.where(later, 0.0, np.maximum(area, 0.0)))
        at_peak = np.searchsorted(knots, warm)
        missing = rates[at_peak] * (warm + (knots[0] == 0)) - total[at_peak]
        return cls(
            area=total[place],
            area_held=total[place] + np.where(steps >= warm, missing, 0.0),
            fall=-change[kept],
            fall_held=np.where(start >= warm, -change[kept], 0.0),
            log_rate=np.log(np.maximum(rate, least)),
            log_area=log_area,
            since=np.where(later, 0.0, since),
        )


def _knots(steps: Array, schedule: Schedule, pieces: int) -> Array:
    """Ends of pieces of the schedule: its corners, the steps of the points, and steps between them; (k,)."""
    first, last = schedule.steps[0], max(float(steps[-1]), schedule.warmup)
    corners = schedule.steps[schedule.steps <= last]
    knots = np.unique(np.concatenate([corners, steps, [first, schedule.warmup, last]]))
    # Long pieces are divided most: how much of a fall has come to bear depends on where in its piece it lies.
    widths = np.diff(knots)
    parts = np.maximum(1, np.round(widths / max(1.0, (last - first) / pieces)))
    between = [
        start + width / count * np.arange(count) for start, width, count in zip(knots, widths, parts, strict=False)
    ]
    return np.unique(np.append(np.round(np.concatenate(between)), last)) if between else knots


def _with_jumps(steps: Array, rates: Array) -> tuple[Array, Array]:
    """Steps and rates with a jump, just before the record that shows it, where the rate else stays as it is."""
    moved = np.abs(np.diff(rates)) / rates.max()
    still = moved < _STILL
    alone = np.append(still[1:], False) & np.append(False, still[:-1])
    jumps = np.flatnonzero((moved > _JUMP) & alone & (np.diff(steps) > 1))
    return np.insert(steps, jumps + 1, steps[jumps + 1] - 1), np.insert(rates, jumps + 1, rates[jumps])


def _corners(steps: Array, rates: Array, near: float) -> NDArray[np.intp]:
    """The records, first and last among them, between which straight lines pass within `near` of all others."""
    kept = {0, steps.size - 1}
    open_pieces = [(0, steps.size - 1)]
    while open_pieces:
        start, end = open_pieces.pop()
        if end - start < 2:
            continue
        inside = slice(start + 1, end)
        line = np.interp(steps[inside], steps[[start, end]], rates[[start, end]])
        off = np.abs(rates[inside] - line)
        if off.max() > near:
            corner = start + 1 + int(np.argmax(off))
            kept.add(corner)
            open_pieces += [(start, corner), (corner, end)]
    return np.array(sorted(kept), dtype=np.intp)
