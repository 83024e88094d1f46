"""Accuracy of a task as a sigmoid of the bits per byte of its right answers: the second step of Bhagia et al. 2024.

accuracy = floor + (ceiling - floor) / (1 + exp(steepness · (bpb - midpoint))), by least squares. As in the paper
(section 3.2; allenai/OLMo-ladder, `step2.py`) an ideal point is fitted too, accuracy 1 at 0 bits per byte: runs far
from the ceiling would leave it open otherwise. Of the four coefficients the sigmoid is linear in two, which are solved
exactly, within 0 ≤ floor ≤ ceiling ≤ 1, for every trial of the others; so no start has to be guessed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaling_tui.laws.kernels import Array

_STEEPNESS = np.geomspace(0.3, 60.0, 36)  # times the range of bits per byte
_MIDPOINTS = 48
_ROUNDS = 16  # each halves the grid
_CHUNK = 128


@dataclass(frozen=True)
class Sigmoid:
    """Accuracy over bits per byte."""

    floor: float
    ceiling: float
    steepness: float
    midpoint: float

    def at(self, bpb: float) -> float:
        """Accuracy at so many bits per byte."""
        return float(accuracies(self.row[None], np.array([bpb]))[0])

    @property
    def row(self) -> Array:
        """The coefficients in the order of the fields, (4,)."""
        return np.array([self.floor, self.ceiling, self.steepness, self.midpoint])


def accuracies(rows: Array, bpb: Array) -> Array:
    """Accuracy by each row of coefficients (K, 4) at the bits per byte that belong to it, (K,)."""
    floor, ceiling, steepness, midpoint = rows.T
    return np.asarray(floor + (ceiling - floor) * _fall(steepness * (bpb - midpoint)))


def fit_sigmoids(bpb: Array, accuracy: Array) -> Array:
    """Coefficients of the best sigmoid of each row of accuracies (K, n) at bits per byte (n,), as rows (K, 4)."""
    x = np.append(bpb, 0.0)
    y = np.concatenate([accuracy, np.ones((accuracy.shape[0], 1))], axis=1)
    reach = max(float(np.ptp(bpb)), 1e-6)
    steepness, midpoint = (
        grid.ravel() for grid in np.meshgrid(_STEEPNESS / reach, np.linspace(0.0, float(bpb.max()) + reach, _MIDPOINTS))
    )
    curves = _fall(steepness[:, None] * (x - midpoint[:, None]))
    best = np.concatenate([_coarse(curves, y[first : first + _CHUNK]) for first in range(0, len(y), _CHUNK)])
    log_k, x0 = np.log(steepness[best]), midpoint[best]
    step_k, step_x = float(np.log(_STEEPNESS[1] / _STEEPNESS[0])), (float(bpb.max()) + reach) / (_MIDPOINTS - 1)
    off = np.array([[a, b] for a in (-1, -0.5, 0, 0.5, 1) for b in (-1, -0.5, 0, 0.5, 1)])
    every = np.arange(len(y))
    for _ in range(_ROUNDS):
        trial_k, trial_x = log_k[:, None] + step_k * off[:, 0], np.maximum(x0[:, None] + step_x * off[:, 1], 0.0)
        curves = _fall(np.exp(trial_k)[:, :, None] * (x - trial_x[:, :, None]))
        along = (curves @ y[:, :, None])[:, :, 0]
        floor, rise, squares = _levels(curves, along, y.sum(axis=1)[:, None], (y * y).sum(axis=1)[:, None])
        which = squares.argmin(axis=1)
        log_k, x0 = trial_k[every, which], trial_x[every, which]
        step_k, step_x = step_k / 2, step_x / 2
    low = floor[every, which]
    return np.stack([low, low + rise[every, which], np.exp(log_k), x0], axis=1)


def _fall(z: Array) -> Array:
    """1/(1 + e^z)."""
    return np.asarray(0.5 * (1 - np.tanh(z / 2)))


def _coarse(curves: Array, y: Array) -> NDArray[np.intp]:
    """The index of the best of the curves (G, n) for each row of accuracies (K, n)."""
    _, _, squares = _levels(curves, y @ curves.T, y.sum(axis=1)[:, None], (y * y).sum(axis=1)[:, None])
    return np.asarray(squares.argmin(axis=1))


def _levels(s: Array, ys: Array, y1: Array, y2: Array) -> tuple[Array, Array, Array]:
    """The best floor and rise, and the sum of squares that they leave, with y ≈ floor + rise·s.

    Args:
        s: curves; the last axis runs over the points.
        ys: sums of y·s over the points; these sums broadcast with the other axes of `s`.
        y1: sums of y.
        y2: sums of y².

    Floor, rise and 1 - floor - rise are at least 0: the free minimum counts where it is so, else the lowest on the
    edges.
    """
    n = float(s.shape[-1])
    s1, s2 = s.sum(axis=-1), (s * s).sum(axis=-1)
    y1, ys = np.broadcast_to(y1, ys.shape), np.asarray(ys)
    bend, fall = n * s2 - s1 * s1, s2 - 2 * s1 + n
    with np.errstate(divide="ignore", invalid="ignore"):  # a curve flat over the points has no rise of its own
        free = np.where(bend > 1e-12 * n * n, (n * ys - s1 * y1) / bend, -1.0)
        from_zero = np.where(s2 > 1e-12, np.clip(ys / s2, 0, 1), 0.0)
        to_one = np.where(fall > 1e-12, np.clip((ys - y1 - s1 + n) / fall, 0, 1), 0.0)
    below = (y1 - free * s1) / n
    rise = np.stack([free, from_zero, to_one, np.zeros_like(ys)])
    floor = np.stack([below, np.zeros_like(ys), 1 - to_one, np.clip(y1 / n, 0, 1)])
    squares = y2 - 2 * floor * y1 - 2 * rise * ys + n * floor**2 + 2 * rise * floor * s1 + rise**2 * s2
    squares[0] = np.where((free >= 0) & (below >= 0) & (free + below <= 1), squares[0], np.inf)
    best = squares.argmin(axis=0)[None]
    chosen = [np.take_along_axis(part, best, axis=0)[0] for part in (floor, rise, squares)]
    return chosen[0], chosen[1], chosen[2]
