"""Published allocations of a budget: N and D as powers of C, as papers state them without a loss law to derive them.

A law's own allocation follows from its loss under C = 6ND (`frontier`). These are what a paper measured or fitted
directly: from the envelope of training curves, or from the minima of isoFLOP profiles.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from scaling_tui import InputError
from scaling_tui.laws.forms import PF_DAY
from scaling_tui.laws.kernels import Array


@dataclass(frozen=True)
class Power:
    """scale·(C/unit)^exponent, C and `unit` in FLOPs."""

    scale: float
    exponent: float
    unit: float = 1.0

    def at(self, flops: ArrayLike) -> Array:
        """The value at a budget of `flops`, of the same shape."""
        return np.asarray(self.scale * (np.asarray(flops, dtype=np.float64) / self.unit) ** self.exponent)[()]

    def budget(self, value: float) -> float:
        """The FLOPs at which it is `value`."""
        return float(self.unit * (value / self.scale) ** (1 / self.exponent))


@dataclass(frozen=True)
class Allocation:
    """N and D for a budget, as published.

    Args:
        name: as on the command line.
        source: paper, and the table or equation that prints the figures.
        scope: data, tokenizer and range of C that it was measured on.
        params_power: N, or None where the paper gives D only: N is then C/(6·D).
        tokens_power: D, or None where the paper gives N only: D is then C/(6·N).
        convention: which parameters N counts, "all" or "non-embedding"; another word where N is neither.
        loss: the published set "law:set" of a law in C that gives the loss at the budget; "" where there is none.
        notes: what a reader must know of the figures.
        law: the published set "law:set" of the same paper whose allocation is another one, and `why` it is.
    """

    name: str
    source: str
    scope: str
    params_power: Power | None
    tokens_power: Power | None
    convention: str = "all"
    loss: str = ""
    notes: tuple[str, ...] = ()
    law: str = ""
    why: str = ""

    def params(self, flops: ArrayLike) -> Array:
        """N for a budget of `flops`."""
        if self.params_power is not None:
            return self.params_power.at(flops)
        return np.asarray(np.asarray(flops, dtype=np.float64) / (6 * self.tokens(flops)))[()]

    def tokens(self, flops: ArrayLike) -> Array:
        """D for a budget of `flops`."""
        if self.tokens_power is not None:
            return self.tokens_power.at(flops)
        return np.asarray(np.asarray(flops, dtype=np.float64) / (6 * self.params(flops)))[()]

    @property
    def params_exponent(self) -> float:
        """The a of N ∝ C^a."""
        return self.params_power.exponent if self.params_power is not None else 1 - self.tokens_exponent

    @property
    def tokens_exponent(self) -> float:
        """The b of D ∝ C^b."""
        return self.tokens_power.exponent if self.tokens_power is not None else 1 - self.params_exponent

    def budget_for_params(self, params: float) -> float:
        """The FLOPs at which N is `params`."""
        return self._through(float(self.params(1.0)), self.params_exponent, params)

    def budget_for_tokens(self, tokens: float) -> float:
        """The FLOPs at which D is `tokens`."""
        return self._through(float(self.tokens(1.0)), self.tokens_exponent, tokens)

    @staticmethod
    def _through(scale: float, exponent: float, value: float) -> float:
        return Power(scale, exponent).budget(value)


ALLOCATIONS: tuple[Allocation, ...] = (
    Allocation(
        "kaplan2020",
        "Kaplan et al. 2020 (arXiv:2001.08361), table 6",
        "WebText2, GPT-2's BPE, N from 768 to 1.5e9 without embeddings",
        Power(1.3e9, 0.73, PF_DAY),
        Power(2e10, 0.27, PF_DAY),
        "non-embedding",
        "kaplan-c:kaplan2020",
        (
            "C is C_min, what the training would take with batches far below the critical size; with batches of that "
            "size it takes about twice as much, so 6ND is 1.8 times C",
        ),
        "kaplan:kaplan2020",
        "The joint law says what loss D tokens allow a model that is trained on them for as long as it helps, and a "
        "plan with it takes one pass, C = 6ND, for enough: N ∝ C^0.58. Table 6 is measured on learning curves of one "
        "pass, brought to the critical batch size: N ∝ C^0.73. Its C is C_min, what smaller batches would take.",
    ),
)


def allocation(name: str) -> Allocation:
    """The published allocation called `name`.

    Raises:
        InputError: no such allocation.
    """
    for item in ALLOCATIONS:
        if item.name == name:
            return item
    raise InputError(f"allocation: found {name!r}, want one of {', '.join(item.name for item in ALLOCATIONS)}")
