"""What the atlas keeps of a published result: its figures, where they are printed, and what they were measured on."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from scaling_tui import InputError
from scaling_tui.laws.arguments import LARGEST
from scaling_tui.laws.counting import other_size
from scaling_tui.laws.forms import LAWS, Coefficients, Input, Law
from scaling_tui.laws.kernels import Array
from scaling_tui.laws.latex import filled
from scaling_tui.text.notebook import html_table

Range = tuple[float, float]
Kind = Literal["loss", "allocation", "hyperparameter"]
Quantity = Literal["loss", "loss ratio", "params", "tokens", "tokens_per_param", "a", "6ND/C", "value"]


@dataclass(frozen=True)
class Scope:
    """What a result was measured on; a field is empty or None where the source does not tell.

    Args:
        data: the text.
        tokenizer: its name, its size, or both.
        params: smallest and largest N, under the result's own convention.
        tokens: smallest and largest D.
        flops: smallest and largest C.
    """

    data: str = ""
    tokenizer: str = ""
    params: Range | None = None
    tokens: Range | None = None
    flops: Range | None = None


@dataclass(frozen=True)
class Stated:
    """A figure that the source states, and that the coefficients have to give again.

    Args:
        says: the statement, and where it stands.
        quantity: what the figure is: the loss at `at`, or with only `flops` the loss, N, D or D/N of the optimal run;
            the exponent a of N ∝ C^a; 6ND over C; a loss over that at `against`; or a hyperparameter's value.
        value: the figure.
        within: the relative error that the rounding of the printed coefficients allows.
        at: the inputs it is stated for.
        below: the source gives a direction alone: the figure lies below `value`.
    """

    says: str
    quantity: Quantity
    value: float
    within: float
    at: Mapping[str, float]
    against: Mapping[str, float] | None = None
    below: bool = False


@dataclass(frozen=True, repr=False)
class CoefficientSet:
    """Coefficients of a loss law, as published. `get` finds one by its name.

    Args:
        law: the name of the law, `form` the law itself.
        coefficients: by name, as printed: rounded.
        params: which parameters N counts: "all" or "non-embedding".
        source: paper, and the table or equation that prints the figures.
        stated: the figure that they reproduce.
        unit: of the loss.
        plans: whether the paper takes the law's own optimum under C = 6ND for the best allocation.
    """

    law: str
    name: str
    coefficients: Coefficients
    source: str
    params: str
    scope: Scope
    stated: Stated
    note: str = ""
    unit: str = "nats per token"
    plans: bool = True

    @property
    def title(self) -> str:
        """As on the command line."""
        return f"{self.law}:{self.name}"

    @property
    def form(self) -> Law:
        """The law that the coefficients are of."""
        return LAWS[self.law]

    def loss(self, **inputs: object) -> Array:
        """Loss at `inputs` in `unit`, in the shape that they broadcast to; see `Law.loss`.

        Raises:
            InputError: an input is missing, not an input of the law, or not positive.
        """
        return self.form.loss(self.coefficients, **inputs)

    def to_latex(self, digits: int = 4) -> str:
        """The formula in LaTeX with the coefficients filled in to so many significant digits at most, no delimiters.

        Raises:
            InputError: fewer than 1 or more than 17 digits.
        """
        return filled(self.form.latex, self.coefficients, digits)

    def __repr__(self) -> str:
        values = ", ".join(f"{name} {value:.10g}" for name, value in self.coefficients.items())
        return f"<{self.title}: {self.form.text}; {values}>"

    def _repr_html_(self) -> str:
        rows = [(name, f"{value:.10g}") for name, value in self.coefficients.items()]
        lines = [f"N counts {self.params} parameters; L is {self.unit}", f"source: {self.source}", self.note]
        return html_table((self.title, "published"), rows, [self.form.text], [line for line in lines if line])


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
        scope: what it was measured on.
        params_power: N, or None where the paper gives D only: N is then C/(6·D).
        tokens_power: D, or None where the paper gives N only: D is then C/(6·N).
        stated: the figure that it reproduces.
        convention: which parameters N counts, "all" or "non-embedding"; another word where N is neither.
        loss: the published set "law:set" of a law in C that gives the loss at the budget; "" where there is none.
        notes: what a reader must know of the figures.
        plans: False where the paper itself shows that a better allocation exists.
        law: the published set "law:set" of the same paper whose allocation is another one, and `why` it is.
    """

    name: str
    source: str
    scope: Scope
    params_power: Power | None
    tokens_power: Power | None
    stated: Stated
    convention: str = "all"
    loss: str = ""
    notes: tuple[str, ...] = ()
    plans: bool = True
    law: str = ""
    why: str = ""

    @property
    def title(self) -> str:
        """Its name in the atlas."""
        return f"allocation:{self.name}"

    def params(self, flops: ArrayLike) -> Array:
        """N for a budget of `flops`."""
        if self.params_power is not None:
            return self.params_power.at(flops)
        return np.asarray(other_size(np.asarray(flops, dtype=np.float64), self.tokens(flops)))[()]

    def tokens(self, flops: ArrayLike) -> Array:
        """D for a budget of `flops`."""
        if self.tokens_power is not None:
            return self.tokens_power.at(flops)
        return np.asarray(other_size(np.asarray(flops, dtype=np.float64), self.params(flops)))[()]

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


@dataclass(frozen=True)
class HyperparameterLaw:
    """The best learning rate or batch size as a product of powers, as published.

    Args:
        quantity: "learning-rate" or "batch-size".
        unit: of the value: tokens, sequences; "" for a learning rate.
        exponents: of each input.
    """

    quantity: Literal["learning-rate", "batch-size"]
    name: str
    scale: float
    exponents: Mapping[Input, float]
    unit: str
    source: str
    scope: Scope
    stated: Stated
    convention: str = ""
    note: str = ""

    @property
    def title(self) -> str:
        """Its name in the atlas."""
        return f"{self.quantity}:{self.name}"

    def value(self, inputs: Mapping[str, float]) -> float:
        """The best value at `inputs`."""
        found = self.scale
        for name, power in self.exponents.items():
            if not 1 / LARGEST <= inputs[name] <= LARGEST:
                raise InputError(f"{name}: found {inputs[name]:g}, want {1 / LARGEST:g} to {LARGEST:g}")
            found *= float(inputs[name] ** power)
        return found


Entry = CoefficientSet | Allocation | HyperparameterLaw


def arxiv(entry: Entry) -> str:
    """The arXiv number of an entry's paper."""
    found = re.search(r"arXiv:(\d{4}\.\d{5})", entry.source)
    return found[1] if found else ""
