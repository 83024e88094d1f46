"""A law with coefficients estimated from points, and the coordinates they are estimated in."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scaling_tui.laws.fitting.points import Points
from scaling_tui.laws.fitting.restrictions import Restrictions, branches
from scaling_tui.laws.forms import Law
from scaling_tui.laws.kernels import Array
from scaling_tui.laws.latex import filled
from scaling_tui.text import show
from scaling_tui.text.notebook import html_table
from scaling_tui.text.show import span

HOFFMANN_DELTA = 1e-3
_ENOUGH = 5  # points per coefficient
SAMPLE = 2000  # points that the global search uses


@dataclass(frozen=True, repr=False)
class Fit:
    """A law with coefficients estimated from points. `fit` makes one.

    Args:
        law: the law that was fitted.
        coefficients: the estimates by name, unrounded.
        objective: sum over points of the Huber loss of log-loss residuals at `delta`.
        delta: residual beyond which the Huber loss is linear; inf is least squares.
        points: the points used; `warnings` names any left out.
        convention: which parameters N counts: "all" or "non-embedding".
        converged: the minimum was reached, to the last bits of the objective.
        restrictions: what was given of the coefficients.
        noise: variance of log loss that priors were weighed against; 0 without priors.
        theta: the coefficients in the law's internal coordinates; log E is -inf where E is 0.
        minima, objectives: the minimum with E free and the one with E = 0, (b, p) and (b,); of a law without E, or
            with E fixed, the only one.
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
    minima: Array = field(repr=False)
    objectives: Array = field(repr=False)
    restrictions: Restrictions = field(default_factory=Restrictions)
    noise: float = 0.0

    def __repr__(self) -> str:
        values = ", ".join(f"{name} {show.coefficient(value)}" for name, value in self.coefficients.items())
        return f"<Fit of {self.law.name} to {len(self.points)} points: {values}; objective {self.objective:.6g}>"

    def _repr_html_(self) -> str:
        fitted = f"{len(self.points)} points, N {self.convention}; objective {self.objective:.6g}"
        return self.table(below=[fitted, *self.points.warnings, *self.warnings])

    def table(
        self,
        intervals: Mapping[str, tuple[float, float]] | None = None,
        level: float = 0.9,
        below: Sequence[str] = (),
    ) -> str:
        """The coefficients in HTML, with `intervals` at `level` where they are given, and lines of text `below`."""
        head = [self.law.name, "estimate", *([f"{show.percent(level)} interval"] if intervals else [])]
        rows = [
            [name, show.coefficient(value), *([span(*intervals[name])] if intervals else [])]
            for name, value in self.coefficients.items()
        ]
        given = [f"given: {self.restrictions.text}"] if self.restrictions else []
        return html_table(head, rows, [self.law.text], [*given, *below])

    def to_latex(self, digits: int = 4) -> str:
        """The formula in LaTeX with the coefficients filled in to at most so many significant digits.

        To plan or predict by, take the unrounded `coefficients`: digits of the exponents move an optimum far.

        Raises:
            InputError: fewer than 1 or more than 17 digits.
        """
        return filled(self.law.latex, self.coefficients, digits)

    @property
    def size(self) -> int:
        """The number of coefficients that were free."""
        return len(branches(self.law, self.restrictions)[0].free)

    @property
    def residuals(self) -> Array:
        """Measured minus fitted log loss, (n,)."""
        x, y = observations(self.law, self.points)
        return np.asarray(y - self.law.log_loss(self.theta[None], x)[0])

    @property
    def freedom(self) -> int:
        """Points and priors minus free coefficients."""
        return len(self.points) + len(self.restrictions.priors) - self.size

    def loss(self, **inputs: object) -> Array:
        """Loss of the fitted law in nats per token at `inputs`, in the shape that they broadcast to; see `Law.loss`.

        Raises:
            InputError: an input is missing, not an input of the law, or not positive.
        """
        if all(map(math.isfinite, self.coefficients.values())):
            return self.law.loss(self.coefficients, **inputs)
        # A coefficient such as Nc can lie beyond every double where its logarithm, a coordinate, does not.
        x, shape = self.law.logs(inputs)
        loss: Array = np.exp(self.law.log_loss(self.theta[None], x)[0]).reshape(shape)[()]
        return loss


@dataclass(frozen=True)
class Prediction:
    """A loss in nats per token with its interval.

    Args:
        value: by the law.
        level: confidence level of the interval.
        low, high: ends of the interval; nan if the points leave no degrees of freedom.
        of: "run" predicts the loss of one new run, noise included; "law" the value of the law itself.
        how: the method, in words.
    """

    value: float
    low: float
    high: float
    level: float
    of: Literal["run", "law"]
    how: str


def observations(law: Law, points: Points) -> tuple[Array, Array]:
    """Log inputs in the law's order, (m, n), and log losses, (n,)."""
    return np.log(np.stack([points.column(name) for name in law.inputs])), np.log(points.loss)


def few(points: int, coefficients: int) -> bool:
    """Whether there are too few points for asymptotic methods."""
    return points < _ENOUGH * coefficients


def default_delta(points: int, coefficients: int) -> float:
    """The 1e-3 of Hoffmann et al. 2022 (section 3.3) for many points, least squares for few.

    Real residuals are near 1e-2, so Huber at 1e-3 is nearly least absolute deviations, which passes exactly through
    as many points as there are coefficients. With many points that buys robustness; with few it leaves almost no
    residuals to estimate the noise from, and no objective can recognise an outlier there.
    """
    return float("inf") if few(points, coefficients) else HOFFMANN_DELTA


def box_for(law: Law, y: Array) -> tuple[Array, Array]:
    """The law's bounds for these log losses; E lies between a ten-thousandth of the lowest loss and the highest.

    Below that E is told from 0 by nothing; E = 0 is a branch of its own.
    """
    low, high = law.box()
    if law.floor:
        position = law.coefficients.index(law.floor)
        low[position], high[position] = y.min() + np.log(1e-4), y.max()
    return low, high


def sample(size: int) -> NDArray[np.intp] | slice:
    """Indices of at most `SAMPLE` of `size` points, the same each time."""
    if size <= SAMPLE:
        return slice(None)
    return np.sort(np.random.default_rng(0).permutation(size)[:SAMPLE])
