"""Initial points of a fit: a global search that needs no guess from the user.

Given the exponents, every law here is linear in its scales (separable least squares, Golub and Pereyra 1973), so only
the exponents are searched on a grid; the scales are solved for.
"""

from itertools import product

import numpy as np

from scaling_tui.laws.fitting.minimize import huber
from scaling_tui.laws.fitting.restrictions import Branch, branches
from scaling_tui.laws.kernels import Array, PowerSum

_RATES = np.geomspace(0.03, 2.0, 12)
_RATIOS = np.geomspace(0.1, 10, 15)
_OUTER = np.geomspace(0.03, 1.0, 9)
_NONE = np.zeros(1)  # of a scale, which is solved for


def initial_points(branch: Branch, x: Array, y: Array, delta: float, most: int = 12) -> Array:
    """The best `most` grid points by the objective, as coordinates of the whole law (k, p)."""
    law, kernel = branch.law, branch.law.kernel
    if not isinstance(kernel, PowerSum):
        return _initial_points_repeated(x, y, delta, most)
    rated = {term.rate for term in kernel.terms if term.rate is not None}
    axes = []
    for position in branch.free:
        if position in rated:
            # Inside the outer power, a rate is a ratio of exponents.
            axes.append(_RATES if kernel.outer is None else _RATIOS)
        else:
            axes.append(_OUTER if position == kernel.outer else _NONE)
    free = np.array(list(product(*axes)))
    theta = branch.expand(free)
    gamma = np.ones(free.shape[0]) if kernel.outer is None else theta[:, kernel.outer]
    # The summands of each free scale, at scale 1 and divided by the loss; those of a given scale are in `given`.
    scales = [place for place, position in enumerate(branch.free) if position not in rated | {kernel.outer}]
    logs = [z - y / gamma[:, None] for z in kernel.exponents(theta, x)]
    given = np.zeros((free.shape[0], y.size))
    parts = {place: np.full((free.shape[0], y.size), -np.inf) for place in scales}
    for term, log in zip(kernel.terms, logs, strict=True):
        own = [place for place in scales if branch.matrix[term.scale, place] == 1]
        if own:
            parts[own[0]] = np.logaddexp(parts[own[0]], log)
        else:
            given += np.exp(np.minimum(log, 50.0))
    columns, sizes = [], []
    for place in scales:
        size = parts[place].max(axis=1, keepdims=True)
        columns.append(np.exp(parts[place] - size))
        sizes.append(size[:, 0])
    if columns:
        design = np.stack(columns, axis=2)
        normal = design.swapaxes(1, 2) @ design
        normal += 1e-9 * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(len(columns))
        left = np.maximum(1 - given, 1e-3)
        found = np.linalg.solve(normal, (design * left[:, :, None]).sum(axis=1)[:, :, None])[:, :, 0]
        found = np.maximum(found, 1e-3 * np.abs(found).max(axis=1, keepdims=True))
        for k, place in enumerate(scales):
            free[:, place] = np.log(found[:, k]) - sizes[k]
    theta = branch.expand(np.clip(free, *branch.box(law.box())))
    value = huber(law.log_loss(theta, x) - y, delta).sum(axis=1)
    return theta[np.argsort(value)[:most]]


def _initial_points_repeated(x: Array, y: Array, delta: float, most: int) -> Array:
    """Initial points of the data-constrained law: those of the plain law, times a grid of R_D* and R_N*."""
    from scaling_tui.laws.forms import LAWS

    plain = initial_points(branches(LAWS["chinchilla"])[0], x[:2], y, delta, most)
    law = LAWS["muennighoff"]
    worth = np.log([1.0, 5.0, 15.0, 50.0])
    theta = np.array([[*row, d, n] for row in plain for d in worth for n in worth])
    value = huber(law.log_loss(theta, x) - y, delta).sum(axis=1)
    return theta[np.argsort(value)[:most]]
