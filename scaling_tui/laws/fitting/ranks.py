"""Spearman's rank correlation."""

import numpy as np

from scaling_tui.laws.kernels import Array


def rank_correlation(one: Array, other: Array) -> float:
    """Of two samples, (n,) each, equal values sharing the mean of their ranks; nan where one does not vary."""
    a, b = _ranks(one), _ranks(other)
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 0 else float("nan")


def _ranks(values: Array) -> Array:
    """The rank of each value, less the mean rank."""
    _, number, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Array = (np.cumsum(counts) - (counts - 1) / 2)[number]
    return np.asarray(ranks - ranks.mean())
