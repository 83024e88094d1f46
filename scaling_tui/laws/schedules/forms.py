"""Laws of the loss along a learning-rate schedule, with their derivatives, in the form that `minimize` takes.

Both say: a power of the sum of the rates so far, minus what the falls of the rate have brought by now. They differ in
how soon a fall brings how much.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Protocol

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws.kernels import Array
from scaling_tui.laws.schedules.curves import Falls

HEIGHT = 3  # place of log B; the coordinates before it are log L0, log A and alpha, those after it the response's
_BASE = HEIGHT + 1
_SCALES = ((-7.0, 7.0), (-60.0, 60.0), (1e-3, 5.0), (-60.0, 60.0))


class Response(Protocol):
    """How much of a fall of the rate has come to bear, from 0 to 1, by coordinates of its own.

    `box` bounds them, and `starts` are where a fit begins. `scaled` is whether the height of the falls, as the paper
    writes it, depends on them.
    """

    @property
    def box(self) -> tuple[tuple[float, float], ...]: ...

    @property
    def starts(self) -> tuple[tuple[float, ...], ...]: ...

    @property
    def scaled(self) -> bool: ...

    def written(self, height: float, phi: Array) -> tuple[float, Array]:
        """The height of the falls and the coordinates (size,) as the paper's coefficients."""

    def read(self, height: float, written: Array) -> tuple[float, Array]:
        """The inverse of `written`."""

    def total(self, phi: Array, falls: Falls) -> Array:
        """Sum over the falls of fall × response, (n,); `phi` are the coordinates, (size,)."""

    def slopes(self, phi: Array, falls: Falls) -> tuple[Array, Array, Array]:
        """`total` (n,) with its first (size, n) and second (size, size, n) derivatives."""

    def area(self, falls: Falls) -> Array:
        """The sum of the rates that the law takes, (n,)."""


class Powers:
    """1 - (1 + C·S/η^γ)^-β, with S the sum of the rates since the fall and η the rate fallen to (Luo et al. 2025)."""

    box: tuple[tuple[float, float], ...] = ((-30.0, 30.0), (0.02, 10.0), (-1.0, 3.0))  # log C, beta, gamma
    starts: tuple[tuple[float, ...], ...] = tuple(
        product((-3.0, -1.0, 1.0, 3.0), (0.1, 0.3, 0.5, 1.0), (0.0, 0.5, 1.0))
    )
    scaled = False

    def written(self, height: float, phi: Array) -> tuple[float, Array]:
        return height, np.append(np.exp(phi[:1]), phi[1:])

    def read(self, height: float, written: Array) -> tuple[float, Array]:
        return height, np.append(np.log(written[:1]), written[1:])

    def area(self, falls: Falls) -> Array:
        return falls.area

    def _parts(self, phi: Array, falls: Falls) -> tuple[Array, Array]:
        """log u and z, where u = 1 + z is the base of the power."""
        z = np.exp(np.minimum(falls.log_area + (phi[0] - phi[2] * falls.log_rate), 300.0))
        return np.log1p(z), z

    def total(self, phi: Array, falls: Falls) -> Array:
        log_u, _ = self._parts(phi, falls)
        brought: Array = -np.expm1(-phi[1] * log_u) @ falls.fall
        return brought

    def slopes(self, phi: Array, falls: Falls) -> tuple[Array, Array, Array]:
        beta = phi[1]
        log_u, z = self._parts(phi, falls)
        left = np.exp(-beta * log_u)  # of the response: what is still to come
        w = z / (1 + z)
        by_q = beta * left * w  # q = log z; its slope by log C is 1, by gamma -log rate
        by_qq = by_q * (1 - (beta + 1) * w)
        by_beta_q = left * w * (1 - beta * log_u)
        leaning = -falls.log_rate * falls.fall
        twice = falls.log_rate**2 * falls.fall
        first = np.stack([by_q @ falls.fall, (left * log_u) @ falls.fall, by_q @ leaning])
        second = np.empty((3, 3, log_u.shape[0]))
        second[0, 0] = by_qq @ falls.fall
        second[0, 2] = second[2, 0] = by_qq @ leaning
        second[2, 2] = by_qq @ twice
        second[0, 1] = second[1, 0] = by_beta_q @ falls.fall
        second[1, 2] = second[2, 1] = by_beta_q @ leaning
        second[1, 1] = -(left * log_u * log_u) @ falls.fall
        return (1 - left) @ falls.fall, first, second


class Momentum:
    """1 - λ^n, n steps after the fall (Tissue et al. 2024); the coordinate is log(-log λ)."""

    box: tuple[tuple[float, float], ...] = ((-16.0, 1.0),)
    starts: tuple[tuple[float, ...], ...] = tuple((float(rate),) for rate in np.linspace(-12.0, -2.0, 21))
    scaled = True

    def written(self, height: float, phi: Array) -> tuple[float, Array]:
        # The paper's C comes before the sum over the powers of lambda, 1 / (1 - lambda).
        return height * -float(np.expm1(-np.exp(phi[0]))), np.exp(-np.exp(phi))

    def read(self, height: float, written: Array) -> tuple[float, Array]:
        return height / (1 - float(written[0])), np.log(-np.log(written))

    def area(self, falls: Falls) -> Array:
        return falls.area_held

    def total(self, phi: Array, falls: Falls) -> Array:
        brought: Array = -np.expm1(-np.exp(phi[0]) * falls.since) @ falls.fall_held
        return brought

    def slopes(self, phi: Array, falls: Falls) -> tuple[Array, Array, Array]:
        z = np.exp(phi[0]) * falls.since
        left = np.exp(-z)
        first = (z * left) @ falls.fall_held
        second = (z * (1 - z) * left) @ falls.fall_held
        return (1 - left) @ falls.fall_held, first[None], second[None, None]


@dataclass(frozen=True)
class ScheduleLaw:
    """A law of the loss along a schedule; `coefficients` are named as in the paper, in the order of coordinates."""

    name: str
    text: str
    latex: str
    coefficients: tuple[str, ...]
    source: str
    response: Response = field(repr=False)

    @property
    def size(self) -> int:
        return len(self.coefficients)

    def box(self) -> tuple[Array, Array]:
        """Lower and upper bounds of the coordinates."""
        low, high = zip(*_SCALES, *self.response.box, strict=True)
        return np.array(low), np.array(high)

    def held(self, fixed: Mapping[str, float]) -> tuple[Array, Array]:
        """The bounds with some coefficients held at their values.

        Raises:
            InputError: no such coefficient, a value that it cannot have, or one whose scale depends on another.
        """
        low, high = self.box()
        for name, value in fixed.items():
            place = self.coefficients.index(name) if name in self.coefficients else -1
            if place < 0 or (self.response.scaled and place == HEIGHT):
                names = [
                    known for at, known in enumerate(self.coefficients) if at != HEIGHT or not self.response.scaled
                ]
                raise InputError(f"{self.name}: found {name!r} to be fixed, want one of {', '.join(names)}")
            others = dict.fromkeys(self.coefficients, 0.5)
            at = self.pack({**others, name: value})[place]
            if not low[place] <= at <= high[place]:
                raise InputError(f"coefficient {name} of {self.name}: found {value:g}, out of its range")
            low[place] = high[place] = at
        return low, high

    def unpack(self, theta: Array) -> dict[str, float]:
        """Coordinates (p,) to coefficients."""
        height, phi = self.response.written(float(np.exp(theta[HEIGHT])), theta[_BASE:])
        values = [*np.exp(theta[:2]).tolist(), float(theta[2]), height, *phi.tolist()]
        return dict(zip(self.coefficients, values, strict=True))

    def pack(self, coefficients: Mapping[str, float]) -> Array:
        """Coefficients to coordinates, (p,).

        Raises:
            InputError: one is missing, unknown, or out of its range.
        """
        if set(coefficients) != set(self.coefficients):
            raise InputError(
                f"coefficients of {self.name}: found {', '.join(coefficients)}, want {', '.join(self.coefficients)}"
            )
        for name, value in coefficients.items():
            if not (value > 0 or name == "gamma") or not (value < 1 or name != "lambda") or not np.isfinite(value):
                wanted = "0 to 1" if name == "lambda" else "a number" if name == "gamma" else "a positive number"
                raise InputError(f"coefficient {name} of {self.name}: found {value:g}, want {wanted}")
        values = np.array([float(coefficients[name]) for name in self.coefficients])
        height, phi = self.response.read(float(values[HEIGHT]), values[_BASE:])
        return np.concatenate([np.log(values[:2]), values[2:3], [np.log(height)], phi])

    def loss(self, theta: Array, falls: Falls) -> Array:
        """Loss at the points that the falls precede, (n,); `theta` is (p,)."""
        power = np.exp(theta[1] - theta[2] * np.log(self.response.area(falls)))
        loss: Array = np.exp(theta[0]) + power - np.exp(theta[3]) * self.response.total(theta[_BASE:], falls)
        return loss


@dataclass(frozen=True)
class Trained:
    """A law along given curves, as a `Kernel`: log loss at all their points and its derivatives."""

    law: ScheduleLaw
    falls: Sequence[Falls]

    @property
    def size(self) -> int:
        return self.law.size

    @cached_property
    def _log_area(self) -> Array:
        logs: Array = np.log(np.concatenate([self.law.response.area(one) for one in self.falls]))
        return logs

    def _base(self, theta: Array) -> tuple[Array, Array, Array]:
        """Floor, power and height of the falls, of each set of coordinates: (K, 1), (K, n), (K, 1)."""
        power = np.exp(theta[:, 1, None] - theta[:, 2, None] * self._log_area)
        return np.exp(theta[:, 0, None]), power, np.exp(theta[:, 3, None])

    def evaluate(self, theta: Array, x: Array) -> tuple[Array, "_Slopes"]:
        """As `Kernel`: log loss, -inf or nan where the law has no positive loss. `x` only counts the points.

        The derivatives are computed once they are asked for.
        """
        floor, power, height = self._base(theta)
        brought = np.stack(
            [np.concatenate([self.law.response.total(row[_BASE:], one) for one in self.falls]) for row in theta]
        )
        loss = floor + power - height * brought
        with np.errstate(divide="ignore", invalid="ignore"):
            value: Array = np.log(loss)
        return value, _Slopes(self, theta, loss)

    def jacobian(self, theta: Array, x: Array, state: "_Slopes") -> Array:
        """As `Kernel`."""
        floor, power, height = self._base(theta)
        brought, first, _ = state.parts
        out = np.empty((theta.shape[0], self.size, state.loss.shape[1]))
        out[:, 0] = floor
        out[:, 1] = power
        out[:, 2] = -power * self._log_area
        out[:, 3] = -height * brought
        out[:, _BASE:] = -height[:, :, None] * first
        out /= state.loss[:, None, :]
        return out

    def curvature(self, theta: Array, x: Array, state: "_Slopes", weight: Array) -> Array:
        """As `Kernel`."""
        floor, power, height = self._base(theta)
        brought, first, second = state.parts
        share = weight / state.loss
        jacobian = self.jacobian(theta, x, state)
        out = -(jacobian * weight[:, None, :]) @ jacobian.swapaxes(1, 2)
        out[:, 0, 0] += (share * floor).sum(axis=1)
        out[:, 1, 1] += (share * power).sum(axis=1)
        cross = -(share * power * self._log_area).sum(axis=1)
        out[:, 1, 2] += cross
        out[:, 2, 1] += cross
        out[:, 2, 2] += (share * power * self._log_area**2).sum(axis=1)
        out[:, 3, 3] -= (share * height * brought).sum(axis=1)
        mixed = (first * (share * height)[:, None, :]).sum(axis=2)
        out[:, 3, _BASE:] -= mixed
        out[:, _BASE:, 3] -= mixed
        out[:, _BASE:, _BASE:] -= (second * (share * height)[:, None, None, :]).sum(axis=3)
        return out


@dataclass(frozen=True)
class _Slopes:
    """What the falls have brought at some coordinates, with its derivatives, computed when they are asked for."""

    trained: Trained
    theta: Array
    loss: Array

    @cached_property
    def parts(self) -> tuple[Array, Array, Array]:
        """(K, n), (K, size, n) and (K, size, size, n) of the response, over all curves."""
        trained = self.trained
        rows = [[trained.law.response.slopes(row[_BASE:], one) for one in trained.falls] for row in self.theta]
        brought, first, second = (
            np.stack([np.concatenate([part[which] for part in row], axis=-1) for row in rows]) for which in range(3)
        )
        return brought, first, second


MULTI_POWER = ScheduleLaw(
    "multi-power",
    "L(t) = L0 + A·S1(t)^-alpha - B·Σ_k (η_k-1 - η_k)·(1 - (1 + C·S_k(t)/η_k^gamma)^-beta)",
    r"L(t) = L_0 + A\,S_1(t)^{-\alpha}"
    r" - B\sum_k(\eta_{k-1}-\eta_k)\bigl(1-(1+C\,\eta_k^{-\gamma}S_k(t))^{-\beta}\bigr)",
    ("L0", "A", "alpha", "B", "C", "beta", "gamma"),
    "Luo et al. 2025, arXiv:2503.12811; the rise of the warm-up counts as a fall below 0, as in their code",
    Powers(),
)
TISSUE = ScheduleLaw(
    "tissue",
    "L(s) = L0 + A·S1(s)^-alpha - C·S2(s), S2(s) = Σ_i Σ_k≤i (η_k-1 - η_k)·lambda^(i-k)",
    r"L(s) = L_0 + A\,S_1(s)^{-\alpha} - C\sum_{i\le s}\sum_{k\le i}(\eta_{k-1}-\eta_k)\lambda^{i-k}",
    ("L0", "A", "alpha", "C", "lambda"),
    "Tissue et al. 2024, arXiv:2408.11029, equation 1; the warm-up counts as if it were at the peak, as in their code",
    Momentum(),
)
SCHEDULE_LAWS = {law.name: law for law in (MULTI_POWER, TISSUE)}
