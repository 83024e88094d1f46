"""Compute-optimal allocation under C = 6ND, for one coefficient set or all draws of a bootstrap at once.

Everything here is in logarithms: n = log N, d = log D, c = log C, arrays of shape (K,), with one entry for each
coefficient set in `theta` (K, p).
"""

from collections.abc import Callable

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws.counting import LOG6
from scaling_tui.laws.forms import Law
from scaling_tui.laws.kernels import Array, PowerSum, Term


class Frontier:
    """The compute-optimal allocations of a law L(N, D), one for each budget.

    Args:
        law: the law.
        theta: its internal coordinates, (K, p).
        unique_tokens: tokens beyond these are repeats.
        total_params: all parameters of a mixture of experts, where they are fixed.
        active_share: or N/N_total, where that is fixed.

    Raises:
        InputError: the law lacks N or D, so there is nothing to allocate, or has no least loss for a budget, or is of
            mixtures of experts and neither `total_params` nor `active_share` is given.
    """

    def __init__(
        self,
        law: Law,
        theta: Array,
        unique_tokens: float | None = None,
        total_params: float | None = None,
        active_share: float | None = None,
    ) -> None:
        missing = [symbol for name, symbol in (("params", "N"), ("tokens", "D")) if name not in law.inputs]
        if missing:
            raise InputError(
                f"law {law.name}: has no {' and no '.join(missing)} term, so it cannot split a budget between N and "
                "D; fit chinchilla, sum-of-powers or kaplan to runs at several N and several D"
            )
        if _is_product(law):
            raise InputError(
                f"law {law.name}: has no compute-optimal run: its loss is least with the whole budget in N or in D"
            )
        if "total_params" in law.inputs and (total_params is None) == (active_share is None):
            found = "neither" if total_params is None else "both"
            raise InputError(f"law {law.name}: wants either total_params or active_share, found {found}")
        self.law = law
        self.theta = np.atleast_2d(theta)
        self.rows = self.theta.shape[0]
        self.unique = None if unique_tokens is None else float(np.log(unique_tokens))
        self.total = None if total_params is None else float(np.log(total_params))
        self.share = 0.0 if active_share is None else float(np.log(active_share))

    def log_loss(self, n: Array, d: Array) -> Array:
        """Log loss at one (n, d) per row; tokens beyond the unique ones count as repeats if the law models them."""
        n, d = np.broadcast_to(n, (self.rows,)), np.broadcast_to(d, (self.rows,))
        return self.log_loss_at(n[:, None], d[:, None])[:, 0]

    def log_loss_at(self, n: Array, d: Array) -> Array:
        """Log loss of each row's coefficients at that row's points, (K, g)."""
        unique = d if self.unique is None else np.minimum(d, self.unique)
        inputs = {"params": n, "tokens": d, "unique_tokens": unique, "total_params": self.total_params(n)}
        return self.law.log_loss(self.theta, np.stack([inputs[name] for name in self.law.inputs]))

    def total_params(self, n: Array) -> Array:
        """log N_total of a run with exp(n) active parameters; a total that is fixed is at least N."""
        return n - self.share if self.total is None else np.maximum(n, self.total)

    def split(self, c: Array) -> tuple[Array, Array]:
        """n and d of the lowest loss at C = exp(c)."""
        nd = np.broadcast_to(np.asarray(c, dtype=np.float64), (self.rows,)) - LOG6
        rates = self._rates()
        if rates is not None:
            r1, r2, gap = rates
            n = (gap + r2 * nd) / (r1 + r2)
            return n, nd - n
        n = self.least(lambda n: self.log_loss_at(n, nd[:, None] - n), nd)
        return n, nd - n

    def budget_for_params(self, n: float) -> Array:
        """c of the budget at which exp(n) parameters are optimal."""
        rates = self._rates()
        if rates is not None:
            r1, r2, gap = rates
            return np.asarray(LOG6 + ((r1 + r2) * n - gap) / r2)
        return self.invert(lambda c: self.split(c)[0], n)

    def budget_for_tokens(self, d: float) -> Array:
        """c of the budget at which exp(d) tokens are optimal."""
        rates = self._rates()
        if rates is not None:
            r1, r2, gap = rates
            return np.asarray(LOG6 + ((r1 + r2) * d + gap) / r1)
        return self.invert(lambda c: self.split(c)[1], d)

    def budget_for_loss(self, log_loss: float | Array) -> Array:
        """c of the smallest budget that reaches the loss; nan if none does."""
        return self.invert(lambda c: -self.log_loss(*self.split(c)), -np.asarray(log_loss))

    def tokens_for_loss(self, n: Array, log_loss: Array) -> Array:
        """d at which exp(n) parameters reach the loss; nan if no D does."""
        n = np.broadcast_to(n, (self.rows,))
        return self.invert(lambda d: -self.log_loss(n, d), -np.asarray(log_loss))

    def params_for_loss(self, d: Array, log_loss: Array) -> Array:
        """n at which exp(d) tokens reach the loss; nan if no N does."""
        d = np.broadcast_to(d, (self.rows,))
        return self.invert(lambda n: -self.log_loss(n, d), -np.asarray(log_loss))

    def least(self, cost: Callable[[Array], Array], width: Array) -> Array:
        """The n in [0, width] with the lowest `cost` (maps (K, g) to (K, g)), by successively finer grids."""
        low, high = np.zeros(self.rows), np.maximum(np.broadcast_to(width, (self.rows,)), 1e-9)
        share = np.linspace(0.0, 1.0, 129)
        for _ in range(5):
            grid = low[:, None] + (high - low)[:, None] * share
            value = cost(grid)
            best = np.argmin(np.where(np.isfinite(value), value, np.inf), axis=1)
            rows = np.arange(self.rows)
            low, high = grid[rows, np.maximum(best - 1, 0)], grid[rows, np.minimum(best + 1, 128)]
        return (low + high) / 2

    def _rates(self) -> tuple[Array, Array, Array] | None:
        """Exponents of N and D and the log of the ratio of their slopes, if the law is a sum of one power of each."""
        kernel = self.law.kernel
        if not isinstance(kernel, PowerSum):
            return None
        varying = [term for term in kernel.terms if term.factors]
        if len(varying) != 2 or any(len(term.factors) != 1 or term.factors[0].over is not None for term in varying):
            return None
        first, second = sorted(varying, key=lambda term: self.law.inputs[term.factors[0].of] != "params")
        r1, r2 = self._rate(first), self._rate(second)
        gap = np.log(r1 / r2) + self.theta[:, first.scale] - self.theta[:, second.scale]
        return r1, r2, gap

    def _rate(self, term: Term) -> Array:
        rate = term.factors[0].rate
        return np.ones(self.rows) if rate is None else np.asarray(self.theta[:, rate])

    def invert(self, rising: Callable[[Array], Array], target: float | Array) -> Array:
        """The argument in [0, 250] at which each row's rising function reaches the target; nan if none does."""
        low, high = np.zeros(self.rows), np.full(self.rows, 250.0)
        goal = np.broadcast_to(np.asarray(target, dtype=np.float64), (self.rows,))
        with np.errstate(all="ignore"):
            below, above = rising(low) - goal, rising(high) - goal
            out_of_reach = (above < 0) | (below > 0)
            middle = (low + high) / 2
            # Regula falsi by the Illinois rule (halve the value at an end that stays); every third step bisects.
            for step in range(120):
                if step % 3:
                    middle = np.where(above > below, high - above * (high - low) / (above - below), middle)
                else:
                    middle = (low + high) / 2
                value = rising(middle) - goal
                under = value < 0
                below, above = np.where(under, value, below / 2), np.where(under, above / 2, value)
                low, high = np.where(under, middle, low), np.where(under, high, middle)
                if np.all((np.abs(value) < 1e-14) | (high - low < 1e-12) | out_of_reach):
                    break
        return np.where(out_of_reach, np.nan, middle)


def _is_product(law: Law) -> bool:
    """Whether N and D only occur in one product of powers: the loss along a budget then has no minimum inside."""
    kernel = law.kernel
    return isinstance(kernel, PowerSum) and sum(1 for term in kernel.terms if term.factors) == 1
