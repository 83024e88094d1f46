"""The loss of a fit at a budget C: what fits to different runs, laws and counts of N can be compared by.

A law of C takes it as it is. A law that tells N and D apart gives the loss of the best split of C = 6ND. Where the runs
do not tell them apart, because they all have one D, one N, or one ratio, the loss is that of a run like them: N and D
follow C along the line of the runs, straight between them and beyond in logarithms.

C is what the runs recorded, or 6ND. The two differ by a tenth and more where attention and the head count: losses at
one C can be compared only where both count it alike.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws.fitting.bootstrap import Bootstrap
from scaling_tui.laws.fitting.fitted import Fit
from scaling_tui.laws.fitting.points import Points
from scaling_tui.laws.fitting.ray import ray_of
from scaling_tui.laws.fitting.warnings import undetermined
from scaling_tui.laws.forms import Input
from scaling_tui.laws.kernels import Array
from scaling_tui.laws.planning.frontier import Frontier

Way = Literal["compute", "split", "runs"]
WAYS: dict[Way, str] = {
    "compute": "a law of C",
    "split": "best split of C = 6ND",
    "runs": "along its runs",
}
RECORDED = "as recorded"
_SAME = 1e-6  # logarithms closer than this are one value


@dataclass(frozen=True)
class AlongCompute:
    """How the inputs of a fitted law follow from C.

    Args:
        counts: what C is: `RECORDED`, or 6ND by the fit's count of N.
        compute: C of each fitted run, (n,); None where it is not known.
        at: log C of the fitted runs, rising, (m,); `inputs` are the log inputs there, (m,) each, of the way "runs".
    """

    fit: Fit
    way: Way
    counts: str
    compute: Array | None
    at: Array
    inputs: dict[Input, Array]

    def run(self, flops: float) -> dict[Input, float]:
        """N and D of the run at C, as far as the law is of them."""
        return {name: float(np.exp(value[0])) for name, value in self._logs(self.fit.theta[None], flops).items()}

    def loss(self, flops: float) -> float:
        """The fitted law at C, in nats per token."""
        return float(self._losses(self.fit.theta[None], flops)[0])

    def curve(self, flops: Array) -> Array:
        """The fitted law at each C, shape (n,)."""
        return np.array([self.loss(float(c)) for c in flops])

    def draws(self, bootstrap: Bootstrap, flops: float) -> Array:
        """The loss of each refit at C, (K,)."""
        return self._losses(bootstrap.theta, flops)

    def _losses(self, theta: Array, flops: float) -> Array:
        logs = self._logs(theta, flops)
        x = np.stack([logs[name] for name in self.fit.law.inputs])
        losses: Array
        if self.way == "split":
            losses = np.exp(Frontier(self.fit.law, theta).log_loss(x[self._place("params")], x[self._place("tokens")]))
        else:
            losses = np.exp(self.fit.law.log_loss(theta, x[:, :1])[:, 0])
        return losses

    def _place(self, name: Input) -> int:
        return self.fit.law.inputs.index(name)

    def _logs(self, theta: Array, flops: float) -> dict[Input, Array]:
        """Log inputs at C for each row of `theta`."""
        c = np.log(flops)
        if self.way == "compute":
            return {"flops": np.array([c])}
        if self.way == "split":
            n, d = Frontier(self.fit.law, theta).split(np.asarray(c))
            return {name: {"params": n, "total_params": n}.get(name, d) for name in self.fit.law.inputs}
        return {name: np.array([_follow(c, self.at, values)]) for name, values in self.inputs.items()}


def along_compute(fit: Fit, recorded: bool = True) -> AlongCompute:
    """How the inputs of `fit` follow from C.

    `recorded` takes C as the runs recorded it, where they did and the law does not split it; without it, C is 6ND
    wherever the law is not of C itself.

    Raises:
        InputError: its runs have no C, or neither determine a split of it nor lie on one line.
    """
    law, points = fit.law, fit.points
    none = np.empty(0, dtype=np.float64)
    if law.inputs == ("flops",):
        return AlongCompute(fit, "compute", _counts(fit, points), points.compute(), none, {})
    both = {"params", "tokens"} <= set(law.inputs)
    if both and not undetermined_split(fit):
        Frontier(law, fit.theta)
        multiplied = replace(points, flops=None)
        return AlongCompute(fit, "split", _counts(fit, multiplied), multiplied.compute(), none, {})
    if not recorded:
        points = replace(points, flops=None)
    compute = points.compute()
    if compute is None:
        raise InputError("its runs have no C, want a column flops, or both params and tokens")
    exact = np.log(compute)
    rounded = np.asarray(np.round(exact, 9), dtype=np.float64)  # runs of one budget, to what the text of it tells
    _, first, group = np.unique(rounded, return_index=True, return_inverse=True)
    at = exact[first]
    inputs: dict[Input, Array] = {}
    for name in law.inputs:
        values = np.log(points.column(name))
        inputs[name] = values[first]
        if np.abs(values - values[first][group]).max() > _SAME or (np.diff(values[first]) < -_SAME).any():
            raise InputError(f"its runs are not on one line: a C has several {name}, or a larger C has fewer")
    return AlongCompute(fit, "runs", _counts(fit, points), compute, at, inputs)


def _counts(fit: Fit, points: Points) -> str:
    if points.flops is not None:
        return RECORDED
    return "6ND" if fit.convention == "all" else f"6ND, N {fit.convention}"


def undetermined_split(fit: Fit) -> bool:
    """Whether the runs do not tell N and D apart."""
    return bool({"params", "tokens"} & set(undetermined(fit))) or ray_of(fit.points) is not None


def _follow(c: float, at: Array, values: Array) -> float:
    """`values` over `at`, straight between them, and beyond along the line through the two at that end."""
    if len(at) == 1:
        return float(values[0])
    end = slice(0, 2) if c < at[0] else slice(-2, None)
    if at[0] <= c <= at[-1]:
        return float(np.interp(c, at, values))
    (x0, x1), (y0, y1) = at[end], values[end]
    return float(y0 + (c - x0) * (y1 - y0) / (x1 - x0))
