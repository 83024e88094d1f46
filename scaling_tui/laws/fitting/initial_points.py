"""Initial points of a fit: a global search that needs no guess from the user.

Given the exponents, every law here is linear in its scales (separable least squares, Golub and Pereyra 1973), so only
the exponents are searched on a grid; the scales are solved for. For a power law with a break, so are the place and the
sharpness of the break.
"""

from itertools import product

import numpy as np

from scaling_tui.laws.fitting.minimize import huber
from scaling_tui.laws.forms import Law
from scaling_tui.laws.kernels import Array, Broken, PowerSum

_RATES = np.geomspace(0.03, 2.0, 12)
_FEWER_RATES = np.array([0.1, 0.2, 0.35, 0.6, 1.0])  # for laws of many exponents
_SIGNED_RATES = np.array([-0.5, -0.15, 0.15, 0.5])
_OUTER = np.geomspace(0.03, 1.0, 9)
_SLOPES = np.array([-1.0, -0.2, 0.0, 0.03, 0.1, 0.3, 1.0, 3.0])
_WIDTHS = np.array([0.03, 0.1, 0.3, 1.0])
_PLACES = 12
_MOST_CELLS = 1 << 22  # grid points × points × terms held at once


def initial_points(law: Law, x: Array, y: Array, delta: float, most: int = 12) -> Array:
    """The best `most` grid points by the objective, as internal coordinates (k, p)."""
    kernel = law.kernel
    if isinstance(kernel, Broken):
        return _initial_points_broken(law, kernel, x, y, delta, most)
    if not isinstance(kernel, PowerSum):
        return _initial_points_repeated(x, y, delta, most)
    rated = list(dict.fromkeys(f.rate for term in kernel.terms for f in term.factors if f.rate is not None))
    if kernel.outer is not None:
        # Inside the outer power, a rate is a ratio of exponents.
        axes = [np.geomspace(0.1, 10, 15)] * len(rated) + [_OUTER]
    else:
        plain = _RATES if len(rated) < 3 else _FEWER_RATES
        axes = [_SIGNED_RATES if law.coefficients[rate] in law.signed else plain for rate in rated]
    grid = np.array(list(product(*axes)))
    theta = np.zeros((grid.shape[0], kernel.size))
    theta[:, rated] = grid[:, : len(rated)]
    if kernel.outer is not None:
        theta[:, kernel.outer] = grid[:, -1]
    for part in _blocks(grid.shape[0], y.size * len(kernel.terms)):
        gamma = np.ones(1) if kernel.outer is None else theta[part, kernel.outer]
        logs = [z - y / gamma[:, None] for z in kernel.exponents(theta[part], x)]
        for term, scale in zip(kernel.terms, _scales(logs), strict=True):
            theta[part, term.scale] = scale
    return _best(law, theta, x, y, delta, most)


def _scales(logs: list[Array]) -> Array:
    """Logarithms of the scales with which the summands add up to 1 by least squares, (terms, K), none negative.

    Args:
        logs: of each summand at scale 1 divided by the loss, (K, n).
    """
    # Each column is normalised by its maximum over the points.
    sizes = [log.max(axis=1, keepdims=True) for log in logs]
    design = np.stack([np.exp(log - size) for log, size in zip(logs, sizes, strict=True)], axis=2)
    normal = design.swapaxes(1, 2) @ design
    normal += 1e-9 * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(len(logs))
    scales = np.linalg.solve(normal, design.sum(axis=1)[:, :, None])[:, :, 0]
    scales = np.maximum(scales, 1e-3 * np.abs(scales).max(axis=1, keepdims=True))
    return np.asarray(np.log(scales.T) - np.stack([size[:, 0] for size in sizes]))


def _best(law: Law, theta: Array, x: Array, y: Array, delta: float, most: int) -> Array:
    """The `most` rows of `theta` with the lowest objective, within the law's bounds."""
    theta = np.clip(theta, *law.box())
    value = np.concatenate(
        [huber(law.log_loss(theta[part], x) - y, delta).sum(axis=1) for part in _blocks(theta.shape[0], y.size)]
    )
    return theta[np.argsort(value, kind="stable")[:most]]


def _blocks(rows: int, cells: int) -> list[slice]:
    """Slices of `rows` rows of `cells` numbers each that fit in memory together with their like."""
    size = max(1, _MOST_CELLS // cells)
    return [slice(first, first + size) for first in range(0, rows, size)]


def _initial_points_broken(law: Law, kernel: Broken, x: Array, y: Array, delta: float, most: int) -> Array:
    """Slopes before and after each break, its place and its width on a grid; a and b are solved for."""
    if kernel.breaks != 1:
        raise ValueError(f"breaks: found {kernel.breaks}, want 1")
    spread = float(np.ptp(x[0]))
    places = np.quantile(x[0], (np.arange(_PLACES) + 0.5) / _PLACES)
    grid = np.array(list(product(_SLOPES, _SLOPES, places, _WIDTHS)))
    theta = np.zeros((grid.shape[0], kernel.size))
    theta[:, 2] = grid[:, 0]
    theta[:, 3] = grid[:, 1] - grid[:, 0]
    theta[:, 4] = grid[:, 2]
    theta[:, 5] = np.log(grid[:, 3] * spread)
    for part in _blocks(grid.shape[0], 2 * y.size):
        bare = theta[part].copy()
        bare[:, 0] = -np.inf  # without a, and at b = 1
        power = kernel.evaluate(bare, x)[0]
        theta[part, :2] = _scales([np.broadcast_to(-y, power.shape), power - y]).T
    return _best(law, theta, x, y, delta, most)


def _initial_points_repeated(x: Array, y: Array, delta: float, most: int) -> Array:
    """Initial points of the data-constrained law: those of the plain law, times a grid of R_D* and R_N*."""
    from scaling_tui.laws.forms import LAWS

    plain = initial_points(LAWS["chinchilla"], x[:2], y, delta, most)
    law = LAWS["muennighoff"]
    worth = np.log([1.0, 5.0, 15.0, 50.0])
    theta = np.array([[*row, d, n] for row in plain for d in worth for n in worth])
    return _best(law, theta, x, y, delta, most)
