"""Initial points of a fit: a global search that needs no guess from the user.

Given the exponents, every law here is linear in its scales (separable least squares, Golub and Pereyra 1973), so only
the exponents are searched on a grid; the scales are solved for. For a power law with a break, so are the place and the
sharpness of the break.
"""

from itertools import product

import numpy as np

from scaling_tui.laws.fitting.minimize import huber
from scaling_tui.laws.fitting.restrictions import Branch, branches
from scaling_tui.laws.kernels import Array, Broken, PowerSum

_RATES = np.geomspace(0.03, 2.0, 12)
_FEWER_RATES = np.array([0.1, 0.2, 0.35, 0.6, 1.0])  # for laws of many exponents
_SIGNED_RATES = np.array([-0.5, -0.15, 0.15, 0.5])
_RATIOS = np.geomspace(0.1, 10, 15)
_OUTER = np.geomspace(0.03, 1.0, 9)
_SLOPES = np.array([-1.0, -0.2, 0.0, 0.03, 0.1, 0.3, 1.0, 3.0])
_WIDTHS = np.array([0.03, 0.1, 0.3, 1.0])
_PLACES = 12
_NONE = np.zeros(1)  # of a scale, which is solved for
_MOST_CELLS = 1 << 22  # grid points × points × terms held at once


def initial_points(branch: Branch, x: Array, y: Array, delta: float, most: int = 12) -> Array:
    """The best `most` grid points by the objective, as coordinates of the whole law (k, p)."""
    kernel = branch.law.kernel
    if isinstance(kernel, PowerSum):
        theta = _power_sum(branch, kernel, x, y)
    elif isinstance(kernel, Broken):
        theta = _broken(branch, kernel, x, y)
    else:
        theta = _repeated(branch, x, y, delta, most)
    theta = branch.expand(np.clip(branch.project(theta), *branch.box(branch.law.box())))
    value = np.concatenate(
        [huber(branch.law.log_loss(theta[part], x) - y, delta).sum(axis=1) for part in _blocks(len(theta), y.size)]
    )
    return theta[np.argsort(value, kind="stable")[:most]]


def _blocks(rows: int, cells: int) -> list[slice]:
    """Slices of `rows` rows of `cells` numbers each that fit in memory together with their like."""
    size = max(1, _MOST_CELLS // cells)
    return [slice(first, first + size) for first in range(0, rows, size)]


def _power_sum(branch: Branch, kernel: PowerSum, x: Array, y: Array) -> Array:
    """The free exponents on a grid; the free scales are solved for beside those that are given."""
    law = branch.law
    rated = {factor.rate for term in kernel.terms for factor in term.factors if factor.rate is not None}
    plain = _RATES if len(rated) < 3 else _FEWER_RATES
    axes = []
    for position in branch.free:
        if position == kernel.outer:
            axes.append(_OUTER)
        elif position not in rated:
            axes.append(_NONE)
        elif kernel.outer is not None:
            axes.append(_RATIOS)  # inside the outer power, a rate is a ratio of exponents
        else:
            axes.append(_SIGNED_RATES if law.coefficients[position] in law.signed else plain)
    free = np.array(list(product(*axes)))
    scales = [place for place, position in enumerate(branch.free) if position not in rated | {kernel.outer}]
    for part in _blocks(len(free), y.size * len(kernel.terms)):
        theta = branch.expand(free[part])
        gamma = np.ones(1) if kernel.outer is None else theta[:, kernel.outer]
        # The summands of each free scale, at scale 1 and divided by the loss; those of a given scale are in `given`.
        given = np.zeros((len(theta), y.size))
        parts = {place: np.full((len(theta), y.size), -np.inf) for place in scales}
        for term, z in zip(kernel.terms, kernel.exponents(theta, x), strict=True):
            log = z - y / gamma[:, None]
            own = [place for place in scales if branch.matrix[term.scale, place] == 1]
            if own:
                parts[own[0]] = np.logaddexp(parts[own[0]], log)
            else:
                given += np.exp(np.minimum(log, 50.0))
        if scales:
            free[part, scales] = _scales(list(parts.values()), given).T
    return branch.expand(free)


def _scales(logs: list[Array], given: Array) -> Array:
    """Logarithms of the scales with which the summands add up to 1 - given by least squares, (terms, K), all positive.

    Args:
        logs: of each summand at scale 1 divided by the loss, (K, n).
        given: the share of the loss that other summands have, (K, n).
    """
    # Each column is normalised by its maximum over the points.
    sizes = [log.max(axis=1, keepdims=True) for log in logs]
    design = np.stack([np.exp(log - size) for log, size in zip(logs, sizes, strict=True)], axis=2)
    normal = design.swapaxes(1, 2) @ design
    normal += 1e-9 * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(len(logs))
    left = np.maximum(1 - given, 1e-3)
    scales = np.linalg.solve(normal, (design * left[:, :, None]).sum(axis=1)[:, :, None])[:, :, 0]
    scales = np.maximum(scales, 1e-3 * np.abs(scales).max(axis=1, keepdims=True))
    return np.asarray(np.log(scales.T) - np.stack([size[:, 0] for size in sizes]))


def _broken(branch: Branch, kernel: Broken, x: Array, y: Array) -> Array:
    """Slopes before and after the break, its place and its width on a grid; b is solved for, and a where it is free."""
    if kernel.breaks != 1:
        raise ValueError(f"breaks: found {kernel.breaks}, want 1")
    spread = float(np.ptp(x[0]))
    places = np.quantile(x[0], (np.arange(_PLACES) + 0.5) / _PLACES)
    grid = np.array(list(product(_SLOPES, _SLOPES, places, _WIDTHS)))
    theta = np.zeros((len(grid), kernel.size))
    theta[:, 2] = grid[:, 0]
    theta[:, 3] = grid[:, 1] - grid[:, 0]
    theta[:, 4] = grid[:, 2]
    theta[:, 5] = np.log(grid[:, 3] * spread)
    theta = branch.expand(branch.project(theta))  # what is fixed or tied is so while a and b are solved for
    for part in _blocks(len(theta), 2 * y.size):
        bare = theta[part].copy()
        bare[:, 0], bare[:, 1] = -np.inf, 0.0
        power = kernel.evaluate(bare, x)[0] - y
        if 0 in branch.free:
            theta[part, :2] = _scales([np.broadcast_to(-y, power.shape), power], np.zeros_like(power)).T
        else:
            theta[part, 1] = _scales([power], np.broadcast_to(np.exp(branch.base[0] - y), power.shape))[0]
    return theta


def _repeated(branch: Branch, x: Array, y: Array, delta: float, most: int) -> Array:
    """Initial points of the data-constrained law: those of the plain law, times a grid of R_D* and R_N*."""
    from scaling_tui.laws.forms import LAWS

    free, none = branches(LAWS["chinchilla"])
    plain = initial_points(none if branch.base[0] == -np.inf else free, x[:2], y, delta, most)
    worth = np.log([1.0, 5.0, 15.0, 50.0])
    return np.array([[*row, d, n] for row in plain for d in worth for n in worth])
