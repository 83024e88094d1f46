"""Which points share an error: runs of one configuration, of one size, or of a name that the table gives."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from scaling_tui.laws.fitting.points import Points, repeats
from scaling_tui.laws.forms import Law

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
        return int(self.number.max()) + 1


def clusters_of(law: Law, points: Points) -> Clusters:
    """The clusters of the points: those that were given; else repeats of a configuration; else runs of one N.

    Seeds of one configuration share what the law gets wrong of it, and a model's size brings errors of its own: its
    learning rate, its shape. That sizes share an error is a possibility only, which `noise_model` weighs.
    """
    if points.clusters:
        _, number = np.unique(np.array(points.clusters), return_inverse=True)
        return Clusters(number.astype(np.intp), points.cluster_name or "cluster")
    inputs = np.round(np.log(np.stack([points.column(name) for name in law.inputs])), _SAME).astype(np.float64)
    number = repeats(inputs)
    if number.max() + 1 < len(points):
        return Clusters(number, "configuration")
    if "params" in law.inputs and len(law.inputs) > 1:
        sizes = repeats(inputs[law.inputs.index("params")][None])
        # Fewer sizes than that say nothing of errors which sizes may share.
        if len(law.coefficients) + _MORE <= sizes.max() + 1 <= len(points) // 2:
            return Clusters(sizes, "N")
    return Clusters(number, "")
