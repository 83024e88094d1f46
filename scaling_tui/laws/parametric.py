"""A law fitted to points: the parametric approach of Hoffmann et al. 2022 (section 3.3), taken to its minimum."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from scaling_tui import InputError
from scaling_tui.laws.forms import Law
from scaling_tui.laws.kernels import Array
from scaling_tui.laws.optimum import Minimum, minimise
from scaling_tui.laws.points import Points, name_points
from scaling_tui.laws.published import get
from scaling_tui.laws.starts import starts

HOFFMANN_DELTA = 1e-3
_ENOUGH = 5  # points a coefficient
_STAGES = (1e-1, 3e-2, 1e-2, 3e-3)
_SAME = 1e-6  # inputs closer than this in their logarithm are one value
_SAMPLE = 2000  # points that the global search looks at


@dataclass(frozen=True)
class Fit:
    """A law with coefficients estimated from points.

    Args:
        objective: sum over points of the Huber loss of log-loss residuals at `delta`.
        delta: where Huber's loss turns from squares to absolute values; inf is least squares.
        points: the points used; those that could not be are in `warnings`.
        convention: which parameters N counts: "all" or "non-embedding".
        theta: the coefficients in the law's internal coordinates.
        converged: the minimum was reached, to the last bits of the objective.
    """

    law: Law
    coefficients: dict[str, float]
    objective: float
    delta: float
    points: Points
    convention: str
    warnings: tuple[str, ...]
    converged: bool
    theta: Array = field(repr=False)

    @property
    def residuals(self) -> Array:
        """Log loss measured minus fitted, one a point."""
        x, y = observations(self.law, self.points)
        return np.asarray(y - self.law.log_loss(self.theta[None], x)[0])

    @property
    def freedom(self) -> int:
        """Points minus coefficients."""
        return len(self.points) - len(self.law.coefficients)

    def loss(self, **inputs: object) -> Array:
        """Loss of the fitted law at `inputs`."""
        return self.law.loss(self.coefficients, **inputs)


def observations(law: Law, points: Points) -> tuple[Array, Array]:
    """Log inputs in the law's order, (m, n), and log losses, (n,)."""
    return np.log(np.stack([points.column(name) for name in law.inputs])), np.log(points.loss)


def few(points: int, coefficients: int) -> bool:
    """Too few points for methods that lean on large numbers."""
    return points < _ENOUGH * coefficients


def default_delta(points: int, coefficients: int) -> float:
    """Hoffmann's 1e-3 where points are many, least squares where they are few.

    Real residuals are near 1e-2, so Huber at 1e-3 is nearly least absolute deviations, which passes exactly through
    as many points as there are coefficients. With many points that buys robustness; with five it throws three away
    and leaves nothing to judge the noise by, and no objective can tell an outlier there.
    """
    return float("inf") if few(points, coefficients) else HOFFMANN_DELTA


def box_for(law: Law, y: Array) -> tuple[Array, Array]:
    """The law's bounds for these log losses: E between a millionth of the lowest loss and the highest."""
    low, high = law.box()
    if law.floor:
        position = law.coefficients.index(law.floor)
        low[position], high[position] = y.min() + np.log(1e-6), y.max()
    return low, high


def solve(law: Law, x: Array, y: Array, delta: float) -> Minimum:
    """The global minimum for one set of points: starts on a grid of exponents, each followed to its own minimum."""
    box = box_for(law, y)
    chosen = sample(y.size)
    begin = starts(law, x[:, chosen], y[chosen], delta)
    # All starts as far as shows which minimum each goes to, then the best few to the end, on all the points.
    stages = _STAGES if np.isfinite(delta) else ()
    near = minimise(law, x[:, chosen], y[chosen], begin, delta=delta, stages=stages, box=box, tolerance=1e-6)
    ordered = near.theta[np.argsort(np.where(np.isfinite(near.objective), near.objective, np.inf))]
    found = minimise(law, x, y, ordered[: 4 if y.size <= _SAMPLE else 1], delta=delta, box=box)
    best = int(np.argmin(np.where(np.isfinite(found.objective), found.objective, np.inf)))
    keep = slice(best, best + 1)
    return Minimum(found.theta[keep], found.objective[keep], found.converged[keep], found.steps)


def sample(size: int) -> NDArray[np.intp] | slice:
    """Indices of at most `_SAMPLE` points, the same ones each time."""
    if size <= _SAMPLE:
        return slice(None)
    return np.sort(np.random.default_rng(0).permutation(size)[:_SAMPLE])


def fit(points: Points, law: str | Law, *, delta: float | None = None, convention: str = "all") -> Fit:
    """Fits `law` to `points` by the summed Huber loss of log-loss residuals, to the global minimum.

    Args:
        points: runs; those that cannot be used are left out with a warning.
        law: a name (`laws.get`) or the law.
        delta: None chooses (`default_delta`).
        convention: which parameters `points.params` counts, "all" or "non-embedding": recorded, not converted.

    Raises:
        InputError: no usable point, fewer points than coefficients, or a column that the law needs is missing.
    """
    law = get(law) if isinstance(law, str) else law
    points, warnings = _usable(points, law)
    size = len(law.coefficients)
    if len(points) < size:
        raise InputError(
            f"points: {len(points)} usable, {law.name} has {size} coefficients ({', '.join(law.coefficients)}): "
            f"give at least {size}, better {3 * size}"
        )
    if delta is None:
        delta = default_delta(len(points), size)
    x, y = observations(law, points)
    if np.ptp(x, axis=1).max() < _SAME:
        raise InputError(
            f"points: all {len(points)} have the same {' and '.join(law.inputs)}, want runs of different size"
        )
    found = solve(law, x, y, delta)
    theta = found.theta[0]
    fitted = Fit(
        law=law,
        coefficients=dict(zip(law.coefficients, law.unpack(theta).tolist(), strict=True)),
        objective=float(found.objective[0]),
        delta=delta,
        points=points,
        convention=convention,
        warnings=(),
        converged=bool(found.converged[0]),
        theta=theta,
    )
    from scaling_tui.laws.doubts import doubts  # it judges a Fit, so it imports this module

    return replace(fitted, warnings=(*warnings, *doubts(fitted)))


def _usable(points: Points, law: Law) -> tuple[Points, list[str]]:
    """Leaves out what cannot be fitted, and says so."""
    columns = [points.loss, *(points.column(name) for name in law.inputs)]
    good = np.all([np.isfinite(column) & (column > 0) for column in columns], axis=0)
    warnings = []
    if not good.all():
        warnings.append(f"{name_points(points, ~good)} left out: not finite and positive")
        points = points.take(good)
    return points, warnings
