"""Minimum of the summed Huber loss of log-loss residuals, for many weightings of the points at once.

Batched Newton's method with an exact Hessian and adaptive damping: each row has its own weights, and optionally its
own targets, and is iterated until it converges. With delta far below the residuals the objective is nearly the sum of
absolute deviations, with curvature only from the few points within delta; so delta decreases in stages, and each
stage starts where the previous one ended.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scaling_tui.laws.kernels import Array, Kernel

_CHUNK = 1 << 16  # points × rows per batch: enough to amortise Python, few enough for the cache
_MOST_STEPS = 3000  # along a flat curved valley Newton takes a thousand; a usual fit takes twenty
LAST_BITS = 1e-14
_FLAT = 1e-8  # share of the objective that a flat direction may promise where no step of any length lowers it any more
_ROUNDING = 1e-13  # residual of the log loss that arithmetic alone leaves


@dataclass(frozen=True)
class Minimum:
    """Minima for K weightings: coordinates (K, p), objective (K,), and whether each has converged (K,)."""

    theta: Array
    objective: Array
    converged: NDArray[np.bool_]
    steps: int


def huber(residual: Array, delta: float) -> Array:
    """r²/2 within delta, delta·(|r| - delta/2) beyond (Huber 1964); delta inf is least squares."""
    size = np.abs(residual)
    if np.isinf(delta):
        return 0.5 * residual * residual
    return np.where(size <= delta, 0.5 * residual * residual, delta * (size - 0.5 * delta))


@dataclass(frozen=True)
class Penalty:
    """A prior in the objective: weight/2 · (c - mean)², where c is a coordinate, or its exponential.

    Args:
        coordinate: which one.
        exponential: whether the prior is on exp(theta), a scale, and not on theta itself, an exponent.
        mean: (K, 1) or a number.
        weight: the objective's noise variance over the prior's.
    """

    coordinate: int
    exponential: bool
    mean: Array
    weight: float

    def rows(self, which: NDArray[np.intp]) -> "Penalty":
        """The penalty of some rows."""
        return self if self.mean.ndim == 0 else replace(self, mean=self.mean[which])

    def terms(self, theta: Array) -> tuple[Array, Array, Array]:
        """Value, slope and curvature, (K,) each."""
        at = theta[:, self.coordinate]
        value = np.exp(at) if self.exponential else at
        first, second = (value, value) if self.exponential else (np.ones_like(at), np.zeros_like(at))
        off = value - self.mean
        return self.weight / 2 * off**2, self.weight * off * first, self.weight * (first**2 + off * second)


def minimize(
    kernel: Kernel,
    x: Array,
    y: Array,
    start: Array,
    *,
    delta: float,
    weights: Array | None = None,
    stages: tuple[float, ...] = (),
    box: tuple[Array, Array],
    tolerance: float = LAST_BITS,
    penalties: tuple[Penalty, ...] = (),
    most_steps: int = _MOST_STEPS,
) -> Minimum:
    """Minimises sum_i weights_i·huber(law(x_i) - y_i) + penalties over the coordinates within `box`.

    Args:
        kernel: the law whose log loss is fitted.
        x: log inputs, (m, n).
        y: log losses, (n,) or (K, n).
        start: (K, p) or (p,); one row per weighting.
        delta: Huber's delta; inf is least squares.
        weights: (K, n); None gives every point weight 1.
        stages: deltas to minimise at before `delta`, largest first.
        box: lower and upper bounds of the coordinates, (p,) each.
        penalties: priors, in the kernel's coordinates.
        most_steps: Newton steps at `delta` after which a row is left where it is.
        tolerance: converged when an undamped step would lower the objective by less than this share of it.
    """
    start = np.atleast_2d(start)
    rows = max(start.shape[0], 1 if weights is None else weights.shape[0], 1 if y.ndim == 1 else y.shape[0])
    theta = np.clip(np.broadcast_to(start, (rows, start.shape[1])), *box)
    objective = np.empty(rows)
    converged = np.empty(rows, dtype=bool)
    steps = 0
    size = max(1, _CHUNK // x.shape[1])
    out = np.empty_like(theta)
    for first in range(0, rows, size):
        part = slice(first, first + size)
        problem = Problem(
            kernel,
            x,
            y if y.ndim == 1 else y[part],
            None if weights is None else weights[part],
            tuple(penalty.rows(np.arange(rows)[part]) for penalty in penalties),
        )
        here = theta[part]
        for stage in (*stages, delta):
            limits = (tolerance, most_steps) if stage == delta else (1e-4, 30)
            here, objective[part], converged[part], used = _newton(problem, here, stage, box, *limits)
            steps = max(steps, used)
        out[part] = here
    return Minimum(out, objective, converged, steps)


@dataclass(frozen=True)
class Problem:
    """The objective of a batch of weightings (see `minimize`) with its quadratic model."""

    kernel: Kernel
    x: Array
    y: Array
    weights: Array | None
    penalties: tuple[Penalty, ...] = ()

    def rows(self, which: NDArray[np.intp]) -> "Problem":
        """The problem of some rows."""
        y = self.y if self.y.ndim == 1 else self.y[which]
        weights = None if self.weights is None else self.weights[which]
        return Problem(self.kernel, self.x, y, weights, tuple(penalty.rows(which) for penalty in self.penalties))

    def value(self, theta: Array, delta: float) -> Array:
        """Objective of each row, (K,)."""
        loss = huber(self.kernel.evaluate(theta, self.x)[0] - self.y, delta)
        total: Array = (loss if self.weights is None else loss * self.weights).sum(axis=1)
        for penalty in self.penalties:
            total = total + penalty.terms(theta)[0]
        return total

    def model(self, theta: Array, delta: float) -> tuple[Array, Array, Array]:
        """Gradient (K, p), Hessian (K, p, p), and the scale of each coordinate (K, p)."""
        fitted, state = self.kernel.evaluate(theta, self.x)
        residual = fitted - self.y
        slope = np.clip(residual, -delta, delta)
        inside = (np.abs(residual) <= delta).astype(np.float64)
        if self.weights is not None:
            slope = slope * self.weights
            inside = inside * self.weights
        jacobian = self.kernel.jacobian(theta, self.x, state)
        gradient = (jacobian @ slope[:, :, None])[:, :, 0]
        hessian = (jacobian * inside[:, None, :]) @ jacobian.swapaxes(1, 2)
        hessian += self.kernel.curvature(theta, self.x, state, slope)
        # Points beyond delta have a constant slope: the farther they are, the less they count towards the scale.
        reach = delta / np.maximum(np.abs(residual), delta) if np.isfinite(delta) else np.ones_like(residual)
        if self.weights is not None:
            reach = reach * self.weights
        scale = np.sqrt((jacobian * jacobian @ reach[:, :, None])[:, :, 0])
        for penalty in self.penalties:
            _, slopes, bends = penalty.terms(theta)
            gradient[:, penalty.coordinate] += slopes
            hessian[:, penalty.coordinate, penalty.coordinate] += bends
        return gradient, hessian, scale


class _Quadratic:
    """The quadratic model of every row at its current point, in the eigenbasis of its scaled Hessian."""

    def __init__(self, rows: int, size: int) -> None:
        self.gradient = np.empty((rows, size))
        self.scale = np.empty((rows, size))
        self.roots = np.empty((rows, size))
        self.vectors = np.empty((rows, size, size))

    def renew(
        self, which: NDArray[np.intp], problem: Problem, theta: Array, delta: float, box: tuple[Array, Array]
    ) -> None:
        gradient, hessian, scale = problem.rows(which).model(theta, delta)
        if not np.all(np.isfinite(hessian)):  # an absurd initial point: leave it where it is
            gradient, hessian, scale = (
                np.nan_to_num(part, posinf=0.0, neginf=0.0) for part in (gradient, hessian, scale)
            )
        largest = scale.max(axis=1, keepdims=True)
        scale = np.maximum(scale, 1e-10 * largest + 1e-300)
        # A coordinate at its bound is fixed if its gradient points beyond it.
        held = ((theta <= box[0]) & (gradient > 0)) | ((theta >= box[1]) & (gradient < 0))
        free = (~held).astype(np.float64)
        hessian = hessian / (scale[:, :, None] * scale[:, None, :]) * free[:, :, None] * free[:, None, :]
        diagonal = np.arange(theta.shape[1])
        hessian[:, diagonal, diagonal] += 1 - free
        self.roots[which], self.vectors[which] = np.linalg.eigh(hessian)
        self.gradient[which], self.scale[which] = gradient * free / scale, scale


def _newton(
    problem: Problem, theta: Array, delta: float, box: tuple[Array, Array], tolerance: float, limit: int
) -> tuple[Array, Array, NDArray[np.bool_], int]:
    """Iterates every row to its minimum at this delta, or until it is within the tolerance."""
    theta = theta.copy()
    rows = theta.shape[0]
    value = problem.value(theta, delta)
    damping = np.full(rows, 1e-3)
    active = np.arange(rows)
    done = np.zeros(rows, dtype=bool)
    fresh = np.ones(rows, dtype=bool)
    model = _Quadratic(rows, theta.shape[1])
    exact = problem.x.shape[-1] * _ROUNDING**2
    steps = 0
    while active.size and steps < limit:
        steps += 1
        renew = active[fresh[active]]
        if renew.size:
            model.renew(renew, problem, theta[renew], delta, box)
            fresh[renew] = False
        roots, vectors = model.roots[active], model.vectors[active]
        steepness = np.maximum(np.abs(roots), 1e-12)
        along = (model.gradient[active, None, :] @ vectors)[:, 0]
        step = -(vectors @ (along / (steepness + damping[active, None]))[:, :, None])[:, :, 0]
        there = np.clip(theta[active] + step / model.scale[active], *box)
        image = (((there - theta[active]) * model.scale[active])[:, None, :] @ vectors)[:, 0]
        predicted = -(along * image + 0.5 * roots * image * image).sum(axis=1)
        new = problem.rows(active).value(there, delta)
        gained = value[active] - new
        better = (gained > 0) & np.isfinite(new)
        theta[active[better]] = there[better]
        value[active[better]] = new[better]
        fresh[active[better]] = True
        # The decrease that an undamped step would still bring.
        promise = 0.5 * (along * along / steepness).sum(axis=1)
        small = promise <= tolerance * value[active] + exact
        stuck = ~better & (damping[active] > 1e8)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(better & (predicted > 0), gained / predicted, -1.0)
        factor = np.select([ratio > 0.75, ratio > 0.25, better], [0.1, 0.5, 2.0], 5.0)
        damping[active] = np.maximum(damping[active] * factor, 1e-12)
        done[active[small | (stuck & (promise <= _FLAT * value[active]))]] = True
        active = active[~(small | stuck)]
    return theta, value, done, steps
