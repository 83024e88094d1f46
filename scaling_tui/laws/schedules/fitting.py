"""Fits a law of schedules to training curves, to the global minimum of the summed Huber loss of log residuals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from types import MappingProxyType

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws.fitting.minimize import Minimum, minimize
from scaling_tui.laws.kernels import Array
from scaling_tui.laws.schedules.curves import PIECES, Curve, Falls
from scaling_tui.laws.schedules.forms import HEIGHT, ScheduleLaw, Trained
from scaling_tui.text import show

DELTA = 1e-3  # of the Huber loss, as Luo et al. 2025 fit
MOST_POINTS = 400  # of a curve in the fit
_FEW_POINTS = 48  # of a curve while starts are tried
_FEW_PIECES = 150
_ALPHAS = (0.15, 0.3, 0.5, 0.7, 1.0, 1.5)
_FOLLOWED, _FINISHED = 12, 2  # starts
_STAGES = (3e-2, 1e-2, 3e-3)  # deltas on the way to that of the fit
_EXACT = 1e-24  # of the objective for each point: rounding is all that is left
_NOTHING = -60.0  # logarithm of a height without effect
_BLOCK = 500  # points of a curve that are predicted at once


@dataclass(frozen=True)
class ScheduleFit:
    """A law of schedules fitted to `curves`; `theta` are its coordinates, (p,)."""

    law: ScheduleLaw
    curves: tuple[Curve, ...]
    theta: Array
    objective: float
    delta: float
    converged: bool
    fixed: Mapping[str, float]

    @property
    def coefficients(self) -> dict[str, float]:
        return self.law.unpack(self.theta)

    @property
    def falls(self) -> bool:
        """Whether a rate falls in any fitted curve: else what a fall brings is not determined."""
        return any(curve.schedule.falls for curve in self.curves)

    @property
    def undetermined(self) -> list[str]:
        """The coefficients of which the curves say nothing: those of falls without any, and those at a bound."""
        low, high = self.law.box()
        held = (self.theta <= low) | (self.theta >= high)
        if not self.falls:
            held[HEIGHT:] = True
        return [name for name, at in zip(self.law.coefficients, held, strict=True) if at and name not in self.fixed]

    def loss(self, curve: Curve) -> Array:
        """Predicted at the points of any curve, (n,)."""
        blocks = [curve.steps[first : first + _BLOCK] for first in range(0, curve.steps.size, _BLOCK)]
        falls = [Falls.before(steps, curve.schedule) for steps in blocks]
        loss: Array = np.concatenate([self.law.loss(self.theta, one) for one in falls])
        return loss


@dataclass(frozen=True)
class CurveErrors:
    """How far a prediction is from a measured curve; errors are measured/predicted - 1, the last at its last step."""

    mape: float
    bias: float
    worst: float
    last: float

    @classmethod
    def of(cls, predicted: Array, measured: Array) -> "CurveErrors":
        """Of losses (n,) that are finite."""
        share = np.abs(predicted / measured - 1)
        error = measured / predicted - 1
        return cls(float(share.mean()), float(error.mean()), float(share.max()), float(error[-1]))


def fit_curves(
    curves: Sequence[Curve],
    law: ScheduleLaw,
    delta: float = DELTA,
    fixed: Mapping[str, float] = MappingProxyType({}),
) -> ScheduleFit:
    """The law through curves of one model that was trained along several schedules.

    Args:
        curves: measured ones, from the end of their warm-up on.
        law: to fit.
        delta: of the Huber loss of log residuals, which is summed over points; inf is least squares.
        fixed: values of coefficients that are held.

    Raises:
        InputError: fewer points than coefficients, or one of `fixed` cannot be held.
    """
    kept = tuple(curve.thinned(MOST_POINTS) for curve in curves)
    points = sum(curve.steps.size for curve in kept)
    if points < law.size:
        raise InputError(
            f"curves: {show.counted(points, 'record')} with a loss after the warm-up, {law.name} has {law.size} "
            f"coefficients: want at least {law.size}, ideally 50 in each curve"
        )
    low, high = law.held(fixed)
    if not any(curve.schedule.falls for curve in kept):
        # Only the warm-up could tell what a change of the rate brings: nothing does, rather than that.
        low[HEIGHT:] = high[HEIGHT:] = np.clip([_NOTHING, *law.response.starts[0]], low[HEIGHT:], high[HEIGHT:])
    box = low, high
    few = [curve.thinned(_FEW_POINTS) for curve in curves]
    rough = _Problem.of(few, law, box, _FEW_PIECES)
    near = rough.minimum(_starts(rough, law), delta, 1e-5)
    order = np.argsort(np.where(np.isfinite(near.objective), near.objective, np.inf))
    found = _Problem.of(kept, law, box).minimum(near.theta[order[:_FINISHED]], delta, 1e-11)
    best = int(np.argmin(np.where(np.isfinite(found.objective), found.objective, np.inf)))
    return ScheduleFit(
        law,
        kept,
        found.theta[best],
        float(found.objective[best]),
        delta,
        bool(found.converged[best]) or bool(found.objective[best] <= _EXACT * points),
        fixed,
    )


def left_out(fit: ScheduleFit) -> dict[str, CurveErrors]:
    """Each curve as the others predict it, by name: of those without which the others still tell what a fall brings."""
    found = {}
    for curve in fit.curves:
        others = [other for other in fit.curves if other is not curve]
        if len(others) < 2 or not any(other.schedule.falls for other in others):
            continue
        again = fit_curves(others, fit.law, fit.delta, fit.fixed)
        found[curve.name] = CurveErrors.of(again.loss(curve), curve.loss)
    return found


@dataclass(frozen=True)
class _Problem:
    """A law along curves, with their log losses (n,) and the bounds of its coordinates."""

    trained: Trained
    y: Array
    box: tuple[Array, Array]

    @classmethod
    def of(
        cls, curves: Sequence[Curve], law: ScheduleLaw, box: tuple[Array, Array], pieces: int = PIECES
    ) -> "_Problem":
        falls = [Falls.before(curve.steps, curve.schedule, pieces) for curve in curves]
        return cls(Trained(law, falls), np.log(np.concatenate([curve.loss for curve in curves])), box)

    def minimum(self, starts: Array, delta: float, tolerance: float) -> Minimum:
        """From each start, (k, p)."""
        stages = tuple(stage for stage in _STAGES if delta < stage < np.inf) if np.isfinite(delta) else ()
        with np.errstate(all="ignore"):  # starts from which the law has no positive loss are left behind
            return minimize(
                self.trained,
                self.y[None],
                self.y,
                starts,
                delta=delta,
                stages=stages,
                box=self.box,
                tolerance=tolerance,
            )


def _starts(problem: _Problem, law: ScheduleLaw) -> Array:
    """The best coordinates of a grid of exponents and responses, each with its best L0, A and B, (k, p).

    Given the rest, the loss is linear in these three.
    """
    loss = np.exp(problem.y)
    low, high = problem.box
    area = np.concatenate([law.response.area(one) for one in problem.trained.falls])
    grid = np.unique(np.clip(law.response.starts, low[HEIGHT + 1 :], high[HEIGHT + 1 :]), axis=0)
    found = []
    for phi in grid:
        brought = np.concatenate([law.response.total(phi, one) for one in problem.trained.falls])
        for alpha in np.unique(np.clip(_ALPHAS, low[2], high[2])):
            design = np.stack([np.ones_like(loss), area**-alpha, -brought]) / loss
            heights, error = _positive(design)
            found.append((error, [*np.log(heights[:2]), alpha, np.log(heights[2]), *phi]))
    found.sort(key=lambda one: one[0])
    starts: Array = np.clip(np.array([theta for _, theta in found[:_FOLLOWED]]), low, high)
    return starts


def _positive(design: Array) -> tuple[Array, float]:
    """Least squares of design.T @ heights = 1 over heights above 0 (p,), and its error; design is (p, n)."""
    best, error = np.full(len(design), 1e-9), np.inf
    for size in range(1, len(design) + 1):
        for which in combinations(range(len(design)), size):
            part = design[list(which)]
            solution = np.linalg.lstsq(part.T, np.ones(part.shape[1]), rcond=None)[0]
            off = float(((solution @ part - 1) ** 2).sum())
            if (solution > 0).all() and off < error:
                best = np.full(len(design), 1e-9)
                best[list(which)] = solution
                error = off
    return best, error
