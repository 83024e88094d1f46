"""The noise of the points about a law, with what is not known of it: the source of intervals from few points.

The model: log L_i = law_i + s·exp(b·z_i)·(e_i + r·u_c), where z_i is the law's log loss, centred and in units of its
s.d., the e_i are independent and u_c is shared by the points of a cluster, all standard normal. So noise may be larger
where the loss is higher, as that of small models often is. s, b and r are not estimated but drawn, by their restricted
likelihood (Patterson and Thompson 1971; Harville 1974) for the law linearised at its least-squares fit, so that draws
from few points are as wide as they must be: for independent points of equal noise, and a law linear in its
coefficients, they give Student's t.

Plugging in the residual s.d. instead covered 47 % for a nominal 90 % where the seeds of twelve configurations share an
error, and 75 % for the coefficients of D where noise falls with C (`benchmarks/laws_coverage.py` prints what the model
covers).
"""

import math
from dataclasses import dataclass, field

import numpy as np

from scaling_tui.laws.fitting.clusters import Clusters
from scaling_tui.laws.kernels import Array
from scaling_tui.text import show

# Trainings that differ only in their seed: the standard deviation of the loss is 0.5 to 0.6 % at the rungs of
# quickstart, 0.4, 1.1 and 0.1 % at those of tiny-shakespeare, 0.2 to 0.4 % in repeat. Few points can by chance lie on a
# curve as if there were no noise, so no interval assumes less than half of the least of these. A floor of the full
# 0.1 % made the intervals of low-noise ladders too wide: 97 % covered for a nominal 90 % at 0.2 % noise.
NOISE_FLOOR = 5e-4
_TRENDS = np.linspace(-1.2, 1.2, 25)  # b
_TREND_SD = 0.3  # of the prior of b: from one end of the points to the other noise rarely changes more than threefold
# r, with the prior 1/sqrt(1 + r²): flat near 0, and scale-free where the shared part dominates. There the draws are
# Student's t with clusters minus coefficients degrees of freedom.
_SHARED = np.concatenate([[0.0], np.geomspace(0.1, 300.0, 36)])


@dataclass(frozen=True)
class Noise:
    """What the residuals say of the noise.

    Args:
        clusters: the points that share an error.
        height: z of each point, (n,); `centre` and `spread` are the mean and s.d. of the log losses.
        trends: values of b, (B,); `shared` of r, (R,).
        probability: of each pair, (B, R); `squares` the weighted sum of squares under it.
        freedom: points minus coefficients.
    """

    clusters: Clusters
    height: Array = field(repr=False)
    centre: float
    spread: float
    trends: Array = field(repr=False)
    shared: Array = field(repr=False)
    probability: Array = field(repr=False)
    squares: Array = field(repr=False)
    freedom: int

    @property
    def text(self) -> str:
        """The noise in words: s.d., what is shared, how it changes with C."""
        weight = self.probability.ravel()
        trend, shared = (grid.ravel() for grid in np.meshgrid(self.trends, self.shared, indexing="ij"))
        scale = np.maximum(np.sqrt(self.squares.ravel() / self.freedom) * np.hypot(1, shared), NOISE_FLOOR)
        text = f"s.d. {show.percent(math.exp(float(weight @ np.log(scale))), 2)} of the loss"
        if self.clusters.of:
            part = float(weight @ (shared**2 / (1 + shared**2)))
            text += f", {show.percent(part)} of its variance shared by points of equal {self.clusters.of}"
            text += f" ({len(self.clusters)} of them)"
        slope = float(weight @ trend)
        if abs(slope) > 2 * math.sqrt(float(weight @ (trend - slope) ** 2)):
            ratio = math.exp(slope * float(np.ptp(self.height)))
            text += f", {ratio:.2g} times as large at the highest loss as at the lowest"
        return text

    def draw(self, draws: int, rng: np.random.Generator) -> "NoiseDraws":
        """So many draws of s, b and r."""
        chosen = rng.choice(self.probability.size, draws, p=self.probability.ravel())
        row, column = np.unravel_index(chosen, self.probability.shape)
        scale = np.sqrt(self.squares[row, column] / rng.chisquare(self.freedom, draws))
        shared = self.shared[column]
        return NoiseDraws(self, np.maximum(scale, NOISE_FLOOR / np.hypot(1, shared)), self.trends[row], shared)


@dataclass(frozen=True)
class NoiseDraws:
    """Draws of the noise's scale s, trend b and shared part r, (K,) each."""

    noise: Noise
    scale: Array
    trend: Array
    shared: Array

    def at_points(self, rng: np.random.Generator) -> Array:
        """Errors of the points' log loss, (K, n)."""
        number, height = self.noise.clusters.number, self.noise.height
        own = rng.standard_normal((self.scale.size, height.size))
        if self.noise.clusters.of:
            cluster = rng.standard_normal((self.scale.size, len(self.noise.clusters)))
            own += self.shared[:, None] * cluster[:, number]
        return self.scale[:, None] * np.exp(self.trend[:, None] * height) * own

    def repeated(self, times: int) -> "NoiseDraws":
        """Each draw so many times in a row."""
        scale, trend, shared = (np.repeat(part, times) for part in (self.scale, self.trend, self.shared))
        return NoiseDraws(self.noise, scale, trend, shared)

    def of_new(self, log_loss: float, runs: int, rng: np.random.Generator) -> Array:
        """Errors of the mean of `runs` new runs of a new cluster, (K,), where the law gives `log_loss`.

        The trend of the noise is not continued beyond the points.
        """
        noise, draws = self.noise, self.scale.size
        height = float(np.clip((log_loss - noise.centre) / noise.spread, noise.height.min(), noise.height.max()))
        own = rng.standard_normal(draws) / math.sqrt(runs) + self.shared * rng.standard_normal(draws)
        return np.asarray(self.scale * np.exp(self.trend * height) * own)


def noise_model(jacobian: Array, residual: Array, clusters: Clusters, log_loss: Array) -> Noise:
    """The noise behind the residuals of a least-squares fit.

    Args:
        jacobian: derivative of log loss with respect to the free coordinates, (n, f).
        residual: measured minus fitted log loss, (n,).
        clusters: the points that share an error.
        log_loss: fitted log loss, (n,).
    """
    length = np.linalg.norm(jacobian, axis=0)
    columns = jacobian[:, length > 1e-12] / length[length > 1e-12]
    basis, singular, _ = np.linalg.svd(columns, full_matrices=False)
    basis = basis[:, singular > 1e-9 * singular[:1]]
    freedom = max(residual.size - basis.shape[1], 1)
    centre, spread = float(log_loss.mean()), max(float(log_loss.std()), 1e-9)
    height, number = (log_loss - centre) / spread, clusters.number
    trends = _TRENDS if spread > 1e-9 else np.zeros(1)
    shared = _SHARED if clusters.of else np.zeros(1)
    members = np.bincount(number).astype(np.float64)
    likelihood, squares = np.empty((trends.size, shared.size)), np.empty((trends.size, shared.size))
    # Each cluster's covariance is 1 + r²·11ᵀ, whose inverse is 1 - w·11ᵀ.
    weight = shared[:, None] ** 2 / (1 + shared[:, None] ** 2 * members)
    for row, trend in enumerate(trends):
        scale = np.exp(trend * height)
        design, target = basis / scale[:, None], residual / scale
        sums = np.zeros((members.size, design.shape[1]))
        np.add.at(sums, number, design)
        totals = np.bincount(number, target, members.size)
        normal = design.T @ design - np.einsum("rc,cp,cq->rpq", weight, sums, sums)
        right = design.T @ target - weight @ (sums * totals[:, None])
        solved = np.linalg.solve(normal, right[:, :, None])[:, :, 0]
        left = target @ target - weight @ totals**2 - np.einsum("rp,rp->r", right, solved)
        squares[row] = np.maximum(left, 1e-300)
        determinant = np.log1p(shared[:, None] ** 2 * members).sum(axis=1) + np.linalg.slogdet(normal)[1]
        likelihood[row] = -0.5 * (freedom * np.log(squares[row]) + determinant + (trend / _TREND_SD) ** 2)
    probability = np.exp(likelihood - likelihood.max())
    if shared.size > 1:
        probability *= np.gradient(shared) / np.hypot(1, shared)
    return Noise(clusters, height, centre, spread, trends, shared, probability / probability.sum(), squares, freedom)
