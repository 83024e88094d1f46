"""Intervals of a fit: refits to resampled points, each to convergence, every one of them kept.

The method depends on the points:

* *pairs*: runs are drawn with replacement (Efron 1979; as in Besiroglu et al. 2024). Needs many points.
* *clusters*: if points share errors, whole clusters are drawn (see `clusters`).
* *noise*: with few (under 20 clusters per coefficient) a resample is a poor copy of the points and often cannot
  determine the law at all. Instead the inputs are kept, and the fitted losses get noise like that of the residuals,
  drawn with all that is uncertain about it (see `noise`).
* *sandwich*: with tens of thousands of points, refits add nothing to the normal limit, whose covariance is known.

`benchmarks/laws_coverage.py` measures the coverage on points from a known law. Resampling residuals was tried too, as
they are and by whole clusters with jackknife corrections: both fail, since a fit close to least absolute deviations
leaves residuals of exactly 0.

No bootstrap accounts for a wrong law. The held-out error does.
"""

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws.arguments import instance, number, one_of, whole
from scaling_tui.laws.arguments import level as as_level
from scaling_tui.laws.fitting.clusters import Clusters, clusters_of
from scaling_tui.laws.fitting.fitted import Fit, Prediction, box_for, observations, sample
from scaling_tui.laws.fitting.minimize import Problem
from scaling_tui.laws.fitting.noise import NOISE_FLOOR, Noise, NoiseDraws, noise_model
from scaling_tui.laws.fitting.restrictions import Branch, branches
from scaling_tui.laws.fitting.solve import refit, solve
from scaling_tui.laws.kernels import Array
from scaling_tui.laws.student_t import t_quantile
from scaling_tui.tables.columns import Columns

if TYPE_CHECKING:
    from scaling_tui.tables.columns import DataFrame

Resample = Literal["pairs", "clusters", "noise", "sandwich"]
DRAWS = 200
"""Refits where nobody says how many."""
_NORMAL_FROM = 20_000  # points
_MOST_DRAWS = 100_000
_NOISE_DRAWS = 20_000  # errors of new runs, over all refits
_MOST_REFITTED = 40_000_000  # draws times points: about 15 s and 300 MB on one core
_RESAMPLED_FROM = 20  # clusters per coefficient
_HOW: dict[str, str] = {
    "pairs": "bootstrap over runs",
    "clusters": "bootstrap over clusters",
    "sandwich": "normal draws with the sandwich covariance",
    "noise": "refits with noise like the residuals'",
}


@dataclass(frozen=True, repr=False)
class Bootstrap:
    """Refits of one law. `bootstrap` makes them.

    Args:
        fit: what was refitted.
        resample: how the points of a refit were drawn.
        seed: of the random generator.
        theta: internal coordinates of the draws, (K, p).
        noise: of the points, with a draw of its scale for each refit.
        unconverged: number of draws that stopped short of their minimum; they count as they are, because those left
            out would be the ones at the ends of the intervals.
    """

    fit: Fit
    resample: Resample
    theta: Array = field(repr=False)
    noise: NoiseDraws = field(repr=False)
    unconverged: int = 0
    seed: int = 0

    def __len__(self) -> int:
        return int(self.theta.shape[0])

    def __repr__(self) -> str:
        return f"<Bootstrap of {self.fit.law.name}: {self.how}>"

    def _repr_html_(self) -> str:
        told = f"intervals: {self.how}; they assume that the law is right"
        return self.fit.table(self.intervals(), below=[told, *self.shortfall])

    def to_pandas(self) -> "DataFrame":
        """The draws of the coefficients as a data frame of pandas, a row a refit.

        Raises:
            InputError: pandas is not installed.
        """
        return Columns(self.coefficients()).to_pandas()

    @property
    def how(self) -> str:
        """The method, in words."""
        clusters = self.noise.noise.clusters
        method = f"{_HOW[self.resample]}, {len(self)} draws"
        if self.resample == "clusters":
            return f"{method}; clusters: {len(clusters)} of equal {clusters.of}"
        return method

    @property
    def shortfall(self) -> tuple[str, ...]:
        """A warning where more than a few refits stopped short of their minimum."""
        if self.unconverged <= 0.02 * len(self):
            return ()
        return (f"{self.unconverged} of {len(self)} refits did not converge; they are counted as they ended",)

    @property
    def noise_text(self) -> str:
        """The noise that the refits were given, in words; empty where points were drawn instead."""
        return self.noise.noise.text if self.resample == "noise" else ""

    def coefficients(self) -> dict[str, Array]:
        """The draws of each coefficient."""
        return dict(zip(self.fit.law.coefficients, self.fit.law.unpack(self.theta).T, strict=True))

    def interval(self, draws: Array, level: float = 0.9) -> tuple[float, float]:
        """Central percentile interval of `draws` (K,), one value per refit; an end may be infinite."""
        tail = (1 - as_level(level)) / 2
        # There is no interpolating between a finite draw and an infinite one.
        method: Literal["nearest", "linear"] = "linear" if np.all(np.isfinite(draws)) else "nearest"
        low, high = np.quantile(draws, [tail, 1 - tail], method=method)
        return float(low), float(high)

    def intervals(self, level: float = 0.9) -> dict[str, tuple[float, float]]:
        """The interval of each coefficient, which holds its estimate; nan where the points do not move it.

        A coefficient that was fixed has none. Of a coefficient at its bound, such as E = 0, the interval is one-sided.
        """
        found = {}
        for name, draws in self.coefficients().items():
            if name in self.fit.restrictions.fixed:
                found[name] = (math.nan, math.nan)
                continue
            low, high = self.interval(draws, level)
            low, high = min(low, self.fit.coefficients[name]), max(high, self.fit.coefficients[name])
            if low == high and name == self.fit.law.floor:
                high = _largest_floor(self.fit, level)
            elif low == high:
                low = high = math.nan
            found[name] = (low, high)
        return found

    def losses(self, **inputs: object) -> Array:
        """Loss of each draw at `inputs`, (K,)."""
        at, _ = self.fit.law.logs(inputs)
        return np.exp(self.fit.law.log_loss(self.theta, at)[:, 0])

    def predict(
        self, *, level: float = 0.9, of: Literal["law", "run"] = "law", runs: int = 1, **inputs: object
    ) -> Prediction:
        """The law's value at `inputs` with the interval of the draws.

        Args:
            level: confidence level of the interval.
            of: "run" adds the noise of new runs.
            runs: how many new runs the loss is the mean of.
            inputs: the law's inputs, a number each.
        """
        level, runs = as_level(level), whole("runs", runs, 1)
        one_of("of", of, ("law", "run"))
        inputs = {name: number(name, value) for name, value in inputs.items()}
        value, drawn = float(self.fit.loss(**inputs)), self.losses(**inputs)
        if of == "run":
            # Several to a refit: else the ends scatter so much that the law's interval can reach beyond a run's.
            rng, each = np.random.default_rng([self.seed, 1]), max(1, _NOISE_DRAWS // len(self))
            errors = self.noise.repeated(each).of_new(math.log(value), runs, rng)
            drawn = np.repeat(drawn, each) * np.exp(errors)
        low, high = self.interval(drawn, level)
        return Prediction(value, min(low, value), max(high, value), level, of, self.how)


def bootstrap(fit: Fit, draws: int = DRAWS, *, seed: int = 0, resample: Resample | None = None) -> Bootstrap:
    """Refits `fit` to `draws` resamples, each from the fit to its own minimum: the intervals of `scaling-tui fit`.

    Sources: Efron 1979 (pairs), Besiroglu et al. 2024 (arXiv:2404.10102, on Hoffmann's runs), Huber 1967 (sandwich).

    >>> from scaling_tui.laws import fit
    >>> N = [1e6, 3e6, 1e7, 3e7, 1e8, 3e8]
    >>> draws = bootstrap(fit("kaplan-n", {"params": N, "loss": [4.1, 3.75, 3.43, 3.12, 2.88, 2.65]}), 50)
    >>> draws
    <Bootstrap of kaplan-n: refits with noise like the residuals', 50 draws>
    >>> low, high = draws.intervals(0.9)["alpha_N"]
    >>> bool(low < draws.fit.coefficients["alpha_N"] < high)
    True

    Args:
        fit: the fit; the refits use its delta.
        draws: how many resamples.
        seed: seed of the random generator.
        resample: "pairs", "clusters", "noise" or "sandwich"; None chooses the one that suits the points.

    Raises:
        InputError: no draws, or a fit with as many coefficients as points, whose residuals tell no noise.
    """
    instance("fit", fit, Fit, "what laws.fit gives")
    draws, seed = whole("draws", draws, 1), whole("seed", seed, 0)
    if resample is not None:
        one_of("resample", resample, tuple(_HOW))
    if fit.freedom < 1:
        raise InputError(
            f"points: {len(fit.points)} leave no degrees of freedom for {fit.law.name}, want more for an interval"
        )
    law, rng = fit.law, np.random.default_rng(seed)
    _, y = observations(law, fit.points)
    clusters = clusters_of(law, fit.points)
    if resample is None:
        resample = choose(fit, clusters)
    noise = _noise(fit, clusters).draw(draws, rng)
    if resample == "sandwich":
        return replace(_sandwich(fit, draws, noise, clusters, rng), seed=seed)
    weights, targets = None, y
    if resample in ("pairs", "clusters"):
        number = clusters.number if resample == "clusters" else np.arange(y.size)
        count = int(number.max()) + 1
        weights = rng.multinomial(count, np.full(count, 1 / count), size=draws).astype(np.float64)[:, number]
    else:
        targets = (y - fit.residuals) + noise.at_points(rng)
    priors = {
        name: prior.mean + prior.sd * rng.standard_normal(draws) for name, prior in fit.restrictions.priors.items()
    }
    refits = refit(fit, targets, weights=weights, priors=priors)
    return Bootstrap(fit, resample, refits.theta, noise, int(draws - refits.converged.sum()), seed)


def _noise(fit: Fit, clusters: Clusters) -> Noise:
    """The noise of the points, from the residuals of least squares: robust ones have many exact zeros.

    Of many points a sample tells it.
    """
    chosen = sample(len(fit.points))
    every, losses = observations(fit.law, fit.points)
    x, y = every[:, chosen], losses[chosen]
    theta = refit(fit, delta=np.inf, tolerance=1e-9).theta if np.isfinite(fit.delta) else fit.theta[None]
    fitted, state = fit.law.kernel.evaluate(theta, x)
    jacobian = fit.law.kernel.jacobian(theta, x, state)[0].T @ branches(fit.law, fit.restrictions)[0].matrix
    _, number = np.unique(clusters.number[chosen], return_inverse=True)
    noise = noise_model(jacobian, y - fitted[0], replace(clusters, number=number), fitted[0])
    height = (fit.law.log_loss(theta, every)[0] - noise.centre) / noise.spread
    return replace(noise, clusters=clusters, height=height)


def _largest_floor(fit: Fit, level: float) -> float:
    """The upper end of the floor where every refit has it at 0: the largest that the points do not contradict.

    It raises the sum of squares by no more than t²·s², where s is the noise.
    """
    floor = fit.law.floor
    assert floor is not None
    x, y = observations(fit.law, fit.points)
    free = refit(fit, delta=np.inf).objective[0]
    freedom = max(fit.freedom, 1)
    allowed = free + t_quantile(0.5 + level / 2, freedom) ** 2 * max(free / freedom, NOISE_FLOOR**2 / 2)
    low, high = 0.0, float(np.exp(y.min()))
    for _ in range(12):
        middle = (low + high) / 2
        held = replace(fit.restrictions, fixed={**fit.restrictions.fixed, floor: middle})
        if solve(fit.law, x, y, np.inf, held).objective <= allowed:
            low = middle
        else:
            high = middle
    return high


def affordable(points: int) -> int:
    """The most draws that `bootstrap` makes of so many points in a minute or less."""
    return _MOST_DRAWS if points > _NORMAL_FROM else min(_MOST_DRAWS, _MOST_REFITTED // max(1, points))


def choose(fit: Fit, clusters: Clusters) -> Resample:
    """The resampling that suits the points of `fit`."""
    if len(fit.points) > _NORMAL_FROM:
        return "sandwich"
    if len(clusters) < _RESAMPLED_FROM * fit.size:
        return "noise"
    return "clusters" if clusters.of else "pairs"


def _sandwich(fit: Fit, draws: int, noise: NoiseDraws, clusters: Clusters, rng: np.random.Generator) -> Bootstrap:
    """Normal draws with the covariance H⁻¹·S·H⁻¹ of an M-estimator (Huber 1967), S summed over clusters."""
    x, y = observations(fit.law, fit.points)
    position = 0 if fit.law.floor is None or fit.coefficients[fit.law.floor] else 1
    branch: Branch = branches(fit.law, fit.restrictions)[min(position, len(fit.minima) - 1)]
    free, kernel = branch.project(fit.theta[None]), branch.kernel
    size = free.shape[1]
    bread, pulls = np.zeros((size, size)), np.zeros((len(clusters), size))
    for first in range(0, y.size, 1 << 16):
        part = slice(first, first + (1 << 16))
        bread += Problem(kernel, x[:, part], y[part], None).model(free, fit.delta)[1][0]
        fitted, state = kernel.evaluate(free, x[:, part])
        pull = np.clip(fitted - y[part], -fit.delta, fit.delta) * kernel.jacobian(free, x[:, part], state)[0]
        np.add.at(pulls, clusters.number[part], pull.T)
    scale = 1 / np.sqrt(np.maximum(np.diag(bread), 1e-300))
    inverse = np.linalg.pinv(bread * scale[:, None] * scale, hermitian=True) * scale[:, None] * scale
    roots, vectors = np.linalg.eigh(inverse @ (pulls.T @ pulls) @ inverse)
    spread = vectors * np.sqrt(np.maximum(roots, 0.0))
    drawn = np.clip(free + rng.standard_normal((draws, size)) @ spread.T, *branch.box(box_for(fit.law, y)))
    return Bootstrap(fit, "sandwich", branch.expand(drawn), noise)
