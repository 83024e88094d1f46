"""Student's t distribution in NumPy, for intervals from few points."""

import math
from functools import lru_cache

import numpy as np

from scaling_tui.laws.kernels import Array


def t_distribution(t: float, freedom: float) -> float:
    """Probability of a value of at most `t`, with `freedom` degrees of freedom.

    With t = sqrt(freedom)·tan(angle) the density becomes a power of a cosine on a finite interval, where
    Gauss-Legendre quadrature is accurate to the last digits.
    """
    nodes, weights = _quadrature()
    angle = math.atan(abs(t) / math.sqrt(freedom)) / 2
    at = angle * (nodes + 1)
    log = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - 0.5 * math.log(math.pi)
    half = float(np.sum(weights * np.exp((freedom - 1) * np.log(np.cos(at)) + log))) * angle
    return 0.5 + math.copysign(half, t)


@lru_cache(maxsize=64)
def t_quantile(probability: float, freedom: float) -> float:
    """The quantile of Student's t, to 1e-11; 0 < probability < 1."""
    if probability == 0.5:
        return 0.0
    if probability < 0.5:
        return -t_quantile(1 - probability, freedom)
    low, high = 0.0, 1.0
    while t_distribution(high, freedom) < probability:
        low, high = high, 2 * high
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        if t_distribution(middle, freedom) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


@lru_cache(maxsize=1)
def _quadrature() -> tuple[Array, Array]:
    nodes, weights = np.polynomial.legendre.leggauss(80)
    return nodes, weights
