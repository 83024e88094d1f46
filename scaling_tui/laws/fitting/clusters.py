"""Which points share an error: runs of one configuration, of one size, or of a name that the table gives."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from scaling_tui.laws.fitting.points import Points, repeats
from scaling_tui.laws.forms import Input, Law
from scaling_tui.laws.kernels import Array

_MORE = 3
_SAME = 9  # decimals of a logarithm to which inputs of one configuration agree


@dataclass(frozen=True)
class Clusters:
    """Points that share an error.

    Args:
        number: of each point's cluster, from 0, (n,).
        of: what they have in common, in words; "" where every point stands alone.
    """

    number: NDArray[np.intp] = field(repr=False)
    of: str

    def __len__(self) -> int:
        return int(self.number.max()) + 1 if self.number.size else 0

    @property
    def each(self) -> str:
        """What one of them is, in a word."""
        return self.of or "run"


def together(inputs: Sequence[Input], points: Points) -> Clusters:
    """The points that are surely not independent: clusters that were given; else runs of equal `inputs`."""
    if points.clusters:
        _, number = np.unique(np.array(points.clusters), return_inverse=True)
        shared = number.max() + 1 < len(points)
        return Clusters(number.astype(np.intp), (points.cluster_name or "cluster") if shared else "")
    number = repeats(_logs(inputs, points))
    return Clusters(number, "configuration" if number.max() + 1 < len(points) else "")


def clusters_of(law: Law, points: Points) -> Clusters:
    """The clusters of the points: those that were given; else repeats of a configuration; else runs of one N.

    Seeds of one configuration share what the law gets wrong of it, and a model's size brings errors of its own: its
    learning rate, its shape. That sizes share an error is a possibility only, which `noise_model` weighs.
    """
    found = together(law.inputs, points)
    if not (found.of or points.clusters) and "params" in law.inputs and len(law.inputs) > 1:
        sizes = repeats(_logs(("params",), points))
        # Fewer sizes than that say nothing of errors which sizes may share.
        if len(law.coefficients) + _MORE <= sizes.max() + 1 <= len(points) // 2:
            return Clusters(sizes, "N")
    return found


def _logs(inputs: Sequence[Input], points: Points) -> Array:
    return np.round(np.log(np.stack([points.column(name) for name in inputs])), _SAME).astype(np.float64)
