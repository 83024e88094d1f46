"""The arithmetic of the laws: log loss, its gradient and its curvature, for many coefficient sets at once.

A kernel works on internal coordinates `theta` (logarithms of scales, exponents as they are), shape (K, p) for K
coefficient sets, and on logarithms of the inputs `x`, shape (m, n) for m inputs at n points. Everything passes
through log-sum-exp, so that N and D from 1 to 1e15 and beyond neither overflow nor vanish. `evaluate` also takes `x` of
shape (m, K, n): points of its own for each coefficient set.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Kernel(Protocol):
    """What a fit needs from a law."""

    @property
    def size(self) -> int:
        """The number of coordinates p."""

    def evaluate(self, theta: Array, x: Array) -> tuple[Array, Any]:
        """Log loss, shape (K, n), and intermediate results for the derivatives."""

    def jacobian(self, theta: Array, x: Array, state: Any) -> Array:
        """Derivative of log loss with respect to theta, shape (K, p, n)."""

    def curvature(self, theta: Array, x: Array, state: Any, weight: Array) -> Array:
        """Sum over points of weight × second derivative of log loss with respect to theta, shape (K, p, p)."""


@dataclass(frozen=True)
class Factor:
    """The power X^-rate of the input `of`, or of its ratio to the input `over`.

    `rate` is a coordinate, or 1 where None.
    """

    of: int
    rate: int | None = None
    over: int | None = None

    def base(self, x: Array) -> Array:
        """log X."""
        own: Array = x[self.of]
        return own if self.over is None else own - x[self.over]


@dataclass(frozen=True)
class Term:
    """One summand: exp(theta[scale]) times its factors; without a factor it is constant (the irreducible loss)."""

    scale: int
    factors: tuple[Factor, ...] = ()


@dataclass(frozen=True)
class PowerSum:
    """log L = gamma · log Σ_k exp(theta[scale_k] - Σ_j rate_kj·log X_kj); gamma is the coordinate `outer`, or 1."""

    terms: tuple[Term, ...]
    size: int
    outer: int | None = None

    def exponents(self, theta: Array, x: Array) -> list[Array]:
        """The summands' logarithms, each of a shape that broadcasts to (K, n)."""
        logs = []
        for term in self.terms:
            z = theta[:, term.scale, None]
            for factor in term.factors:
                base = factor.base(x)
                z = z - (base if factor.rate is None else theta[:, factor.rate, None] * base)
            logs.append(z)
        return logs

    def evaluate(self, theta: Array, x: Array) -> tuple[Array, Any]:
        logs = self.exponents(theta, x)
        top = logs[0]
        for z in logs[1:]:
            top = np.maximum(top, z)
        parts = [np.exp(z - top) for z in logs]
        total = sum(parts[1:], start=parts[0])
        lse = np.broadcast_to(top + np.log(total), (theta.shape[0], x.shape[-1]))
        shares = [part / total for part in parts]
        value = lse if self.outer is None else theta[:, self.outer, None] * lse
        return value, (shares, lse)

    def jacobian(self, theta: Array, x: Array, state: Any) -> Array:
        shares, lse = state
        out = np.zeros((theta.shape[0], self.size, x.shape[1]))
        for term, share in zip(self.terms, shares, strict=True):
            out[:, term.scale] = share
            for factor in term.factors:
                if factor.rate is not None:
                    out[:, factor.rate] = -share * factor.base(x)
        if self.outer is not None:
            out *= theta[:, self.outer, None, None]
            out[:, self.outer] = lse
        return out

    def curvature(self, theta: Array, x: Array, state: Any, weight: Array) -> Array:
        shares, _ = state
        gamma = 1.0 if self.outer is None else theta[:, self.outer, None, None]
        inner = self.jacobian(theta, x, state)
        if self.outer is not None:
            inner[:, self.outer] = 0.0
            inner /= gamma
        out = -(inner * weight[:, None, :]) @ inner.swapaxes(1, 2)
        for term, share in zip(self.terms, shares, strict=True):
            mass = weight * share
            out[:, term.scale, term.scale] += mass.sum(axis=1)
            rated = [(factor.rate, factor.base(x)) for factor in term.factors if factor.rate is not None]
            for place, (rate, base) in enumerate(rated):
                first = mass @ base
                out[:, term.scale, rate] -= first
                out[:, rate, term.scale] -= first
                out[:, rate, rate] += mass @ (base * base)
                for other, second in rated[:place]:
                    cross = mass @ (base * second)
                    out[:, rate, other] += cross
                    out[:, other, rate] += cross
        if self.outer is not None:
            out *= gamma
            mixed = np.einsum("kn,kpn->kp", weight, inner)
            out[:, :, self.outer] += mixed
            out[:, self.outer, :] += mixed
        return out


@dataclass(frozen=True)
class Broken:
    """Caballero et al. 2023, equation 1: power laws joined smoothly at `breaks` places, above an irreducible loss.

    L = a + exp(g), g = log b - c0·x - Σ_i c_i·f_i·log(1 + exp((x - log d_i)/f_i)), x the log of the input, with theta =
    (log a, log b, c0, then c_i, log d_i, log f_i for each break): from d_i on the slope is steeper by c_i, and f_i is
    the width of the break in logarithms.
    """

    breaks: int = 1

    @property
    def size(self) -> int:
        return 3 + 3 * self.breaks

    def evaluate(self, theta: Array, x: Array) -> tuple[Array, Any]:
        z = x[0]
        g = theta[:, 1, None] - theta[:, 2, None] * z
        bends = []
        for place in range(3, self.size, 3):
            c, d, f = theta[:, place, None], theta[:, place + 1, None], np.exp(theta[:, place + 2, None])
            far = (z - d) / f
            past = np.exp(-np.logaddexp(0.0, -far))  # the share of the break that is passed
            soft = np.logaddexp(0.0, far)
            g = g - c * (f * soft)
            bends.append((c, f, far, past, soft))
        value = np.logaddexp(theta[:, 0, None], g)
        return value, (np.exp(g - value), np.exp(theta[:, 0, None] - value), bends)

    def jacobian(self, theta: Array, x: Array, state: Any) -> Array:
        share, rest, _ = state
        out = self._slopes(theta, x, state)
        out *= share[:, None, :]
        out[:, 0] = rest
        return out

    def curvature(self, theta: Array, x: Array, state: Any, weight: Array) -> Array:
        share, rest, bends = state
        slopes = self._slopes(theta, x, state)
        mass = weight * share
        # d²log L = share·(∇g∇gᵀ + ∇²g) + rest·e₀e₀ᵀ - ∇log L ∇log Lᵀ, and ∇log L = share·∇g + rest·e₀.
        out: Array = (slopes * (mass * rest)[:, None, :]) @ slopes.swapaxes(1, 2)
        cross = np.einsum("kn,kpn->kp", mass * rest, slopes)
        out[:, 0, :] -= cross
        out[:, :, 0] -= cross
        out[:, 0, 0] = (weight * rest * share).sum(axis=1)
        for number, (c, f, far, past, soft) in enumerate(bends):
            place = 3 + 3 * number
            turn = past * (1 - past)
            bend = f * (soft - far * past)
            second = {
                (place, place + 1): past,
                (place, place + 2): -bend,
                (place + 1, place + 1): -c * turn / f,
                (place + 1, place + 2): -c * far * turn,
                (place + 2, place + 2): -c * (bend + f * far * far * turn),
            }
            for (i, j), value in second.items():
                total = (mass * value).sum(axis=1)
                out[:, i, j] += total
                if i != j:
                    out[:, j, i] += total
        return out

    def _slopes(self, theta: Array, x: Array, state: Any) -> Array:
        """∇g, (K, p, n)."""
        _, _, bends = state
        out = np.zeros((theta.shape[0], self.size, x.shape[-1]))
        out[:, 1] = 1.0
        out[:, 2] = -x[0]
        for number, (c, f, far, past, soft) in enumerate(bends):
            place = 3 + 3 * number
            out[:, place] = -f * soft
            out[:, place + 1] = c * past
            out[:, place + 2] = -c * f * (soft - far * past)
        return out


@dataclass(frozen=True)
class Repeated:
    """Muennighoff et al. 2023, equations 5 to 7: tokens and parameters that repeat are worth less each time.

    theta = (log E, log A, log B, alpha, beta, log R_D*, log R_N*); x = logs of (params, tokens, unique tokens).
    """

    size: int = 7

    def evaluate(self, theta: Array, x: Array) -> tuple[Array, Any]:
        e, a, b, alpha, beta, rd, rn = (theta[:, i, None] for i in range(7))
        n, d, u = x
        # The parameters for which the unique tokens are compute-optimal; any beyond these count as repeated.
        balance = (np.log(alpha / beta) + a - b) / (alpha + beta)
        optimal = balance + (beta / alpha) * (u + balance)
        over_n = n > optimal
        base = np.where(over_n, optimal, n)
        worth_n = _worth(n - base, rn)
        worth_d = _worth(d - u, rd)
        z = [a - alpha * (base + worth_n[0]), b - beta * (u + worth_d[0]), e + 0.0 * n]
        top = np.maximum(np.maximum(z[0], z[1]), z[2])
        parts = [np.exp(item - top) for item in z]
        total = parts[0] + parts[1] + parts[2]
        return top + np.log(total), ([part / total for part in parts], over_n, balance, base, worth_n, worth_d)

    def jacobian(self, theta: Array, x: Array, state: Any) -> Array:
        _, _, _, alpha, beta, _, _ = (theta[:, i, None] for i in range(7))
        _, _, u = x
        shares, over_n, balance, base, worth_n, worth_d = state
        total = alpha + beta
        out = np.empty((theta.shape[0], 7, x.shape[1]))
        out[:, 0] = shares[2]
        slope = (
            -shares[0] * alpha * np.where(over_n, 1 - worth_n[1], 0.0)
        )  # with respect to the log of the optimal parameters
        gain = (1 + beta / alpha) / total
        out[:, 1] = shares[0] + slope * gain
        out[:, 2] = shares[1] - slope * gain
        out[:, 3] = -shares[0] * (base + worth_n[0])
        out[:, 3] += slope * (gain * (1 / alpha - balance) - beta / alpha**2 * (u + balance))
        out[:, 4] = -shares[1] * (u + worth_d[0])
        out[:, 4] += slope * (gain * (-1 / beta - balance) + (u + balance) / alpha)
        out[:, 5] = -shares[1] * beta * worth_d[2]
        out[:, 6] = -shares[0] * alpha * worth_n[2]
        return out

    def curvature(self, theta: Array, x: Array, state: Any, weight: Array) -> Array:
        # Central differences of the analytic gradient: they only steer Newton's step, not the minimum it finds.
        out = np.empty((theta.shape[0], 7, 7))
        step = 1e-5
        for i in range(7):
            sides = []
            for sign in (1.0, -1.0):
                moved = theta.copy()
                moved[:, i] += sign * step
                _, there = self.evaluate(moved, x)
                sides.append(np.einsum("kn,kpn->kp", weight, self.jacobian(moved, x, there)))
            out[:, i] = (sides[0] - sides[1]) / (2 * step)
        return (out + out.swapaxes(1, 2)) / 2


def _worth(excess: Array, log_star: Array) -> tuple[Array, Array, Array]:
    """log(1 + R*(1 - exp(-R/R*))) for R = exp(excess) - 1, its slopes in excess and in log R*."""
    star = np.exp(log_star)
    repeats = np.expm1(np.clip(excess, 0.0, 300.0))  # e^300 repeats are worth what infinitely many are
    decay = np.exp(-repeats / star)
    value = 1 - star * np.expm1(-repeats / star)
    by_excess = decay * (repeats + 1) / value
    by_star = star * (1 - decay * (1 + repeats / star)) / value
    return np.log(value), by_excess, by_star
