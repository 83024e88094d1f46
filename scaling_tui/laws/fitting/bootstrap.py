"""Intervals of a fit: refits to resampled points, each to convergence.

The method depends on the points:

* *pairs*: runs are drawn with replacement (Efron 1979; as in Besiroglu et al. 2024). Needs many points.
* *blocks*: if configurations repeat with other seeds, whole configurations are drawn, since repeats share whatever
  the law gets wrong about their configuration.
* *student*: with few points (under 20 per coefficient) a resample is a poor copy of the runs and often cannot
  determine the law at all. Instead the inputs are kept and the fitted losses get noise of the residual standard
  deviation, divided by the root of a chi-square over its degrees of freedom: for a law linear in its coefficients
  the draws then follow Student's t exactly.
* *sandwich*: with tens of thousands of points, refits add nothing to the normal limit, whose covariance is known.

`benchmarks/laws_coverage.py` measures the coverage on points from a known law. Resampling residuals was tried too:
it covers 80 to 88 % for a nominal 90 %, since a fit close to least absolute deviations leaves residuals of exactly 0.

No bootstrap accounts for a wrong law. The held-out error does.
"""

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scaling_tui.laws.fitting.fitted import Fit, box_for, observations
from scaling_tui.laws.fitting.minimize import Problem, minimize
from scaling_tui.laws.fitting.points import repeats
from scaling_tui.laws.fitting.prediction import NOISE_FLOOR, Prediction
from scaling_tui.laws.kernels import Array

Resample = Literal["pairs", "blocks", "student", "sandwich"]
_NORMAL_FROM = 20_000  # points
_MOST_DRAWS = 100_000
_MOST_REFITTED = 40_000_000  # draws times points: about 15 s and 300 MB on one core
_PAIRS_FROM = 20  # configurations per coefficient
_HOW: dict[str, str] = {
    "pairs": "bootstrap over runs",
    "blocks": "bootstrap over configurations, seeds kept together",
    "sandwich": "normal draws with the sandwich covariance",
    "student": "refits with Student noise of the residual s.d.",
}


@dataclass(frozen=True)
class Bootstrap:
    """Refits of one law.

    Args:
        theta: internal coordinates of the draws that converged, (K, p).
        lost: number of draws left out because they did not converge.
    """

    fit: Fit
    resample: Resample
    theta: Array = field(repr=False)
    lost: int

    def __len__(self) -> int:
        return int(self.theta.shape[0])

    @property
    def how(self) -> str:
        """The method, in words."""
        return f"{_HOW[self.resample]}, {len(self)} draws"

    def coefficients(self) -> dict[str, Array]:
        """The draws of each coefficient."""
        return dict(zip(self.fit.law.coefficients, self.fit.law.unpack(self.theta).T, strict=True))

    def interval(self, draws: Array, level: float = 0.9) -> tuple[float, float]:
        """Central percentile interval of `draws` (K,), one value per refit; an end may be infinite."""
        tail = (1 - level) / 2
        # There is no interpolating between a finite draw and an infinite one.
        method: Literal["nearest", "linear"] = "linear" if np.all(np.isfinite(draws)) else "nearest"
        low, high = np.quantile(draws, [tail, 1 - tail], method=method)
        return float(low), float(high)

    def intervals(self, level: float = 0.9) -> dict[str, tuple[float, float]]:
        """The interval of each coefficient."""
        return {name: self.interval(draws, level) for name, draws in self.coefficients().items()}

    def losses(self, **inputs: object) -> Array:
        """Loss of each draw at `inputs`, (K,)."""
        at, _ = self.fit.law.logs(inputs)
        return np.exp(self.fit.law.log_loss(self.theta, at)[:, 0])

    def predict(self, *, level: float = 0.9, **inputs: object) -> Prediction:
        """The law's value at `inputs` with the interval of the draws; the noise of a single run is not included."""
        low, high = self.interval(self.losses(**inputs), level)
        value = float(self.fit.loss(**inputs))
        return Prediction(value, min(low, value), max(high, value), level, "law", self.how)


def bootstrap(fit: Fit, draws: int, *, seed: int = 0, resample: Resample | None = None) -> Bootstrap:
    """Refits `fit` to `draws` resamples, each from the fit to its own minimum.

    Args:
        fit: the fit; the refits use its delta.
        draws: how many resamples.
        seed: seed of the random generator.
        resample: the method; None chooses one that suits the points (see the module).
    """
    law, rng = fit.law, np.random.default_rng(seed)
    x, y = observations(law, fit.points)
    if resample is None:
        resample = choose(fit)
    if resample == "sandwich":
        return _sandwich(fit, draws, rng)
    weights, targets = None, y
    if resample == "pairs":
        weights = rng.multinomial(y.size, np.full(y.size, 1 / y.size), size=draws).astype(np.float64)
    elif resample == "blocks":
        block = _blocks(fit)
        count = int(block.max()) + 1
        weights = rng.multinomial(count, np.full(count, 1 / count), size=draws).astype(np.float64)[:, block]
    else:
        residual = fit.residuals
        freedom = max(fit.freedom, 1)
        scale = max(math.sqrt(float(residual @ residual) / freedom), NOISE_FLOOR)
        spread = scale / np.sqrt(rng.chisquare(freedom, size=(draws, 1)) / freedom)
        targets = (y - residual) + spread * rng.standard_normal((draws, y.size))
    low, high = box_for(law, y)
    if law.floor:
        high[law.coefficients.index(law.floor)] = float(targets.max())
    start = np.tile(fit.theta, (draws, 1))
    refits = minimize(law, x, targets, start, delta=fit.delta, weights=weights, box=(low, high))
    good = refits.converged & np.isfinite(refits.objective)
    return Bootstrap(fit, resample, refits.theta[good], int(draws - good.sum()))


def affordable(points: int) -> int:
    """The most draws that `bootstrap` makes of so many points in a minute or less."""
    return _MOST_DRAWS if points > _NORMAL_FROM else min(_MOST_DRAWS, _MOST_REFITTED // max(1, points))


def choose(fit: Fit) -> Resample:
    """The resampling that suits the points of `fit`."""
    if len(fit.points) > _NORMAL_FROM:
        return "sandwich"
    size = len(fit.law.coefficients)
    configurations = int(_blocks(fit).max()) + 1
    if configurations < _PAIRS_FROM * size:
        return "student"
    return "blocks" if configurations < len(fit.points) else "pairs"


def _blocks(fit: Fit) -> NDArray[np.intp]:
    """The configuration number of each point, (n,); points with the same inputs share one."""
    x, _ = observations(fit.law, fit.points)
    return repeats(np.round(x, 9))


def _sandwich(fit: Fit, draws: int, rng: np.random.Generator) -> Bootstrap:
    """Normal draws with the covariance H⁻¹·S·H⁻¹ of an M-estimator (Huber 1967)."""
    x, y = observations(fit.law, fit.points)
    size = fit.theta.size
    bread, meat = np.zeros((size, size)), np.zeros((size, size))
    for first in range(0, y.size, 1 << 16):
        part = slice(first, first + (1 << 16))
        problem = Problem(fit.law, x[:, part], y[part], None)
        bread += problem.model(fit.theta[None], fit.delta)[1][0]
        fitted, state = fit.law.kernel.evaluate(fit.theta[None], x[:, part])
        pull = np.clip(fitted - y[part], -fit.delta, fit.delta) * fit.law.kernel.jacobian(
            fit.theta[None], x[:, part], state
        )
        meat += (pull @ pull.swapaxes(1, 2))[0]
    scale = 1 / np.sqrt(np.maximum(np.diag(bread), 1e-300))
    inverse = np.linalg.pinv(bread * scale[:, None] * scale, hermitian=True) * scale[:, None] * scale
    roots, vectors = np.linalg.eigh(inverse @ meat @ inverse)
    spread = vectors * np.sqrt(np.maximum(roots, 0.0))
    low, high = box_for(fit.law, y)
    theta = fit.theta + rng.standard_normal((draws, size)) @ spread.T
    return Bootstrap(fit, "sandwich", np.clip(theta, low, high), 0)
