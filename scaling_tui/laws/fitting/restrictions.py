"""What is known of a law's coefficients beforehand: values held, coefficients tied to each other, priors.

Held and tied coefficients are linear equations in the law's internal coordinates, so a restricted law is the law itself
with fewer free coordinates: theta = base + matrix · free. That an irreducible loss E may be exactly 0, where its
coordinate log E is -inf, is such a restriction too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws.arguments import LARGEST, instance, number
from scaling_tui.laws.forms import KaplanJointLaw, Law, OneTermLaw
from scaling_tui.laws.kernels import Array, Kernel


@dataclass(frozen=True)
class Prior:
    """A measurement of a coefficient from elsewhere, with its standard deviation."""

    mean: float
    sd: float


@dataclass(frozen=True)
class Restrictions:
    """What is given of the coefficients, by name.

    Args:
        fixed: values held; E may be 0.
        ties: pairs of coefficients that are equal.
        priors: measurements that count beside the points.
    """

    fixed: Mapping[str, float] = field(default_factory=dict)
    ties: tuple[tuple[str, str], ...] = ()
    priors: Mapping[str, Prior] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.fixed or self.ties or self.priors)

    @property
    def text(self) -> str:
        """In words, such as `alpha = beta, E = 0.9 ± 0.2`."""
        parts = [f"{first} = {second}" for first, second in self.ties]
        parts += [f"{name} = {value:g}" for name, value in self.fixed.items()]
        parts += [f"{name} = {prior.mean:g} ± {prior.sd:g}" for name, prior in self.priors.items()]
        return ", ".join(parts)


@dataclass(frozen=True)
class Held:
    """A kernel over the free coordinates of another: theta = base + matrix · free."""

    kernel: Kernel
    base: Array = field(repr=False)
    matrix: Array = field(repr=False)

    @property
    def size(self) -> int:
        """The number of free coordinates."""
        return int(self.matrix.shape[1])

    def evaluate(self, theta: Array, x: Array) -> tuple[Array, Any]:
        return self.kernel.evaluate(self.base + theta @ self.matrix.T, x)

    def jacobian(self, theta: Array, x: Array, state: Any) -> Array:
        return self.matrix.T @ self.kernel.jacobian(self.base + theta @ self.matrix.T, x, state)

    def curvature(self, theta: Array, x: Array, state: Any, weight: Array) -> Array:
        whole = self.kernel.curvature(self.base + theta @ self.matrix.T, x, state, weight)
        return self.matrix.T @ whole @ self.matrix


@dataclass(frozen=True)
class Branch:
    """The law under restrictions, with its floor free, held, or at 0.

    Args:
        free: the coordinates of the law that are free, in order.
        base, matrix: theta = base + matrix · theta[free].
    """

    law: Law
    free: tuple[int, ...]
    base: Array = field(repr=False)
    matrix: Array = field(repr=False)

    @property
    def kernel(self) -> Kernel:
        """The kernel over the free coordinates."""
        return self.law.kernel if len(self.free) == self.base.size else Held(self.law.kernel, self.base, self.matrix)

    def expand(self, free: Array) -> Array:
        """All coordinates, (K, p), of free ones, (K, f)."""
        return self.base + free @ self.matrix.T

    def project(self, theta: Array) -> Array:
        """The free ones of all coordinates; where those break the restrictions, the free ones stand."""
        return theta[..., list(self.free)]

    def box(self, bounds: tuple[Array, Array]) -> tuple[Array, Array]:
        """The free part of the bounds of all coordinates."""
        return bounds[0][list(self.free)], bounds[1][list(self.free)]


def branches(law: Law, restrictions: Restrictions = Restrictions()) -> tuple[Branch, ...]:
    """The law under `restrictions`; where its floor E is free, also with E = 0, which no finite coordinate reaches.

    Raises:
        InputError: a name is not a coefficient of the law, or the law cannot be restricted so.
    """
    with_floor = _branch(law, restrictions.fixed, restrictions.ties)
    if law.floor is None or law.floor in restrictions.fixed:
        return (with_floor,)
    return with_floor, _branch(law, {**restrictions.fixed, law.floor: 0.0}, restrictions.ties)


def check_priors(law: Law, restrictions: Restrictions) -> None:
    """Raises InputError where a prior names no coefficient that the fit could weigh it against."""
    tied = {name for pair in restrictions.ties for name in pair}
    for name, prior in restrictions.priors.items():
        _known(law, "priors", name)
        instance(f"priors {name}", prior, Prior, "laws.Prior(mean, sd)")
        mean, sd = number(f"priors {name}: mean", prior.mean), number(f"priors {name}: sd", prior.sd)
        if name in restrictions.fixed or name in tied:
            raise InputError(f"priors {name}: found it fixed or tied too, want one of them")
        if _direct(law, name) is None:
            raise InputError(f"priors {name}: {law.name} takes a prior on {_listed_direct(law)} only")
        positive = mean > 0 or name in law.signed
        if not (np.isfinite(mean) and positive and np.isfinite(sd) and sd > 0):
            want = "a positive s.d." if name in law.signed else "positive numbers"
            raise InputError(f"priors {name}: found {mean:g} ± {sd:g}, want {want}")
        for value in (abs(mean), sd):
            if value > LARGEST or 0 < value < 1 / LARGEST:
                raise InputError(
                    f"priors {name}: found {mean:g} ± {sd:g}, want numbers from {1 / LARGEST:g} to {LARGEST:g}"
                )


def direct(law: Law, name: str) -> int:
    """The coordinate that is the coefficient `name` itself, or its logarithm."""
    position = _direct(law, name)
    assert position is not None
    return position


def _direct(law: Law, name: str) -> int | None:
    if isinstance(law, KaplanJointLaw):
        return {"Dc": 2, "alpha_D": 3}.get(name)
    if isinstance(law, OneTermLaw):
        return 1 if name in law.exponents else None
    return law.coefficients.index(name)


def _listed_direct(law: Law) -> str:
    return " and ".join(name for name in law.coefficients if _direct(law, name) is not None)


def _known(law: Law, argument: str, name: str) -> None:
    if name not in law.coefficients:
        raise InputError(f"{argument}: found {name!r}, want one of {', '.join(law.coefficients)} of {law.name}")


def _branch(law: Law, fixed: Mapping[str, float], ties: Sequence[tuple[str, str]]) -> Branch:
    size = law.kernel.size
    rows, right = [], []
    for name, given in fixed.items():
        _known(law, "fixed", name)
        value = number(f"fixed {name}", given)
        positive = name in law.signed or value > 0 or (value == 0 and name == law.floor)
        if not (np.isfinite(value) and positive):
            want = "a number" if name in law.signed else "0 or more" if name == law.floor else "a positive number"
            raise InputError(f"fixed {name}: found {value:g}, want {want}")
        if abs(value) > LARGEST:
            raise InputError(f"fixed {name}: found {value:g}, want at most {LARGEST:g}")
        row, target = _held(law, name, value, fixed)
        rows.append(row)
        right.append(target)
    for pair in ties:
        if isinstance(pair, str) or len(pair) != 2:
            raise InputError(f"ties: found {pair!r}, want pairs of coefficients such as ('alpha', 'beta')")
        first, second = pair
        for name in (first, second):
            _known(law, "ties", name)
        rows.append(_tied(law, first, second, fixed))
        right.append(1.0 if isinstance(law, KaplanJointLaw) else 0.0)
    free, base, matrix = _eliminate(size, rows, right)
    if not free:
        raise InputError("fixed: found every coefficient, want at least one to fit")
    return Branch(law, free, base, matrix)


def _held(law: Law, name: str, value: float, fixed: Mapping[str, float]) -> tuple[Array, float]:
    """The equation row · theta = target that holds a coefficient."""
    row = np.zeros(law.kernel.size)
    if isinstance(law, OneTermLaw) and name not in law.exponents:
        row[:] = 1.0, -np.log(value * law.unit)  # alpha · log(Xc · unit) is a coordinate
        return row, 0.0
    if isinstance(law, KaplanJointLaw) and name == "Nc":
        row[:2] = 1.0, -np.log(value)
        return row, 0.0
    if isinstance(law, KaplanJointLaw) and name == "alpha_N":
        if "alpha_D" not in fixed:
            raise InputError("fixed alpha_N: kaplan holds it together with alpha_D only, want both")
        row[1] = 1.0
        return row, value / fixed["alpha_D"]
    position = direct(law, name)
    row[position] = 1.0
    with np.errstate(divide="ignore"):
        return row, value if name in law.exponents else float(np.log(value))


def _tied(law: Law, first: str, second: str, fixed: Mapping[str, float]) -> Array:
    row = np.zeros(law.kernel.size)
    pair = {first, second}
    if first == second or pair & set(fixed) or law.floor in pair or len(pair & set(law.exponents)) == 1:
        raise InputError(f"ties: found {first} and {second}, want two exponents, or two scales, that are not fixed")
    if isinstance(law, KaplanJointLaw):
        if pair != {"alpha_N", "alpha_D"}:
            raise InputError(f"ties: found {first} and {second}, kaplan ties alpha_N and alpha_D only")
        row[1] = 1.0  # their ratio
        return row
    row[direct(law, first)], row[direct(law, second)] = -1.0, 1.0
    return row


def _eliminate(size: int, rows: list[Array], right: list[float]) -> tuple[tuple[int, ...], Array, Array]:
    """Solves rows · theta = right for some coordinates: those left free, and the others as base + matrix · free.

    Raises:
        InputError: an equation contradicts or repeats the others.
    """
    base, matrix = np.zeros(size), np.eye(size)
    free = list(range(size))
    for row, target in zip(rows, right, strict=True):
        in_free = row @ matrix
        finite = np.where(row != 0, base, 0.0)  # a coordinate at -inf takes part in its own equation only
        left = target - float(row @ finite)
        candidates = [position for position in free if abs(in_free[position]) > 1e-12]
        if not candidates:
            raise InputError("fixed and ties: found one that the others already imply or contradict, want it left out")
        pivot = candidates[-1] if len(candidates) == 1 or row[candidates[0]] == -1.0 else candidates[0]
        solved = -in_free / in_free[pivot]
        solved[pivot] = 0.0
        follows = np.flatnonzero(matrix[:, pivot])
        base[follows] += matrix[follows, pivot] * (left / in_free[pivot])
        matrix = matrix + np.outer(matrix[:, pivot], solved)
        matrix[:, pivot] = 0.0
        free.remove(pivot)
    return tuple(free), base, matrix[:, free]
