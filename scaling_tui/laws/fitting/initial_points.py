"""Initial points of a fit: a global search that needs no guess from the user.

Given the exponents, every law here is linear in its scales (separable least squares, Golub and Pereyra 1973), so only
the exponents are searched on a grid; the scales are solved for.
"""

from itertools import product

import numpy as np

from scaling_tui.laws.fitting.minimize import huber
from scaling_tui.laws.forms import Law
from scaling_tui.laws.kernels import Array, PowerSum

_RATES = np.geomspace(0.03, 2.0, 12)
_OUTER = np.geomspace(0.03, 1.0, 9)


def initial_points(law: Law, x: Array, y: Array, delta: float, most: int = 12) -> Array:
    """The best `most` grid points by the objective, as internal coordinates (k, p)."""
    kernel = law.kernel
    if not isinstance(kernel, PowerSum):
        return _initial_points_repeated(x, y, delta, most)
    rated = [term.rate for term in kernel.terms if term.rate is not None]
    axes: list[Array] = [_RATES] * len(rated)
    if kernel.outer is not None:
        # Inside the outer power, a rate is a ratio of exponents.
        axes = [np.geomspace(0.1, 10, 15)] * len(rated) + [_OUTER]
    grid = np.array(list(product(*axes)))
    theta = np.zeros((grid.shape[0], kernel.size))
    theta[:, rated] = grid[:, : len(rated)]
    gamma = np.ones(grid.shape[0])
    if kernel.outer is not None:
        gamma = theta[:, kernel.outer] = grid[:, -1]
    # Each column is a summand at scale 1 divided by the loss, normalised by its maximum over the points.
    columns, sizes = [], []
    for z in kernel.exponents(theta, x):
        log = z - y / gamma[:, None]
        size = log.max(axis=1, keepdims=True)
        columns.append(np.exp(log - size))
        sizes.append(size[:, 0])
    design = np.stack(columns, axis=2)
    normal = design.swapaxes(1, 2) @ design
    normal += 1e-9 * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(len(columns))
    scales = np.linalg.solve(normal, design.sum(axis=1)[:, :, None])[:, :, 0]
    scales = np.maximum(scales, 1e-3 * np.abs(scales).max(axis=1, keepdims=True))
    for k, term in enumerate(kernel.terms):
        theta[:, term.scale] = np.log(scales[:, k]) - sizes[k]
    theta = np.clip(theta, *law.box())
    value = huber(law.log_loss(theta, x) - y, delta).sum(axis=1)
    return theta[np.argsort(value)[:most]]


def _initial_points_repeated(x: Array, y: Array, delta: float, most: int) -> Array:
    """Initial points of the data-constrained law: those of the plain law, times a grid of R_D* and R_N*."""
    from scaling_tui.laws.forms import LAWS

    plain = initial_points(LAWS["chinchilla"], x[:2], y, delta, most)
    law = LAWS["muennighoff"]
    worth = np.log([1.0, 5.0, 15.0, 50.0])
    theta = np.array([[*row, d, n] for row in plain for d in worth for n in worth])
    value = huber(law.log_loss(theta, x) - y, delta).sum(axis=1)
    return theta[np.argsort(value)[:most]]
