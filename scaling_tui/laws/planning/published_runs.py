"""The optimal runs that the atlas' laws and allocations give for one goal: the spread of what has been published."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scaling_tui.laws.atlas import ALLOCATIONS, SETS, Allocation, CoefficientSet, Scope
from scaling_tui.laws.atlas.entries import Range
from scaling_tui.laws.counting import training_flops
from scaling_tui.laws.forms import LAWS
from scaling_tui.laws.kernels import Array
from scaling_tui.laws.planning.frontier import Frontier
from scaling_tui.laws.planning.plan import frontier

# Words of the atlas for N that is neither: Porian et al. leave out the input embedding alone, DeepSeek all of them.
_LIKE = {"with head": "all", "flops": "non-embedding"}


@dataclass(frozen=True)
class PublishedRun:
    """The optimal run by one entry of the atlas.

    Args:
        flops: the budget, as its source counts it.
        exponent: the a of N ∝ C^a there.
        measured: whether the source measured runs at such budgets; None where it does not tell.
    """

    title: str
    convention: str
    params: float
    tokens: float
    flops: float
    exponent: float
    measured: bool | None

    @property
    def tokens_per_param(self) -> float:
        """D/N."""
        return self.tokens / self.params


def planning_entries() -> tuple[CoefficientSet | Allocation, ...]:
    """The entries whose papers take them for the best split of a budget between N and D."""
    laws = [item for item in SETS if item.plans and {"params", "tokens"} <= set(LAWS[item.law].inputs) <= _INPUTS]
    return (*laws, *(item for item in ALLOCATIONS if item.plans))


_INPUTS = {"params", "tokens", "unique_tokens"}


def published_runs(
    *, flops: float | None = None, params: float | None = None, tokens: float | None = None
) -> tuple[PublishedRun, ...]:
    """The optimal run by every entry that plans, for a budget, an N or a D: exactly one of them."""
    found = []
    for entry in planning_entries():
        budget = _budget(entry, flops, params, tokens)
        n, d = split(entry, np.array([budget, 10 * budget]))
        found.append(
            PublishedRun(
                entry.title,
                convention_of(entry),
                float(n[0]),
                float(d[0]),
                budget,
                float(np.log10(n[1] / n[0])),
                _within(entry.scope, budget),
            )
        )
    return tuple(found)


def split(entry: CoefficientSet | Allocation, flops: Array) -> tuple[Array, Array]:
    """N and D of the optimal run of each budget, (n,) each."""
    if isinstance(entry, Allocation):
        return entry.params(flops), entry.tokens(flops)
    n, d, _ = frontier(LAWS[entry.law], entry.coefficients, flops)
    return n, d


def convention_of(entry: CoefficientSet | Allocation) -> str:
    """How N is counted, by the word of the two that comes nearest: "all" or "non-embedding"."""
    told = entry.convention if isinstance(entry, Allocation) else entry.params
    return _LIKE.get(told, told)


def spread(values: Sequence[float]) -> Range:
    """The smallest and the largest."""
    return min(values), max(values)


def budgets_of(scope: Scope) -> Range | None:
    """The budgets that a source measured: as told, or 6ND of its smallest and of its largest N and D."""
    if scope.flops is not None or scope.params is None or scope.tokens is None:
        return scope.flops
    return training_flops(scope.params[0], scope.tokens[0]), training_flops(scope.params[1], scope.tokens[1])


def _within(scope: Scope, flops: float) -> bool | None:
    budgets = budgets_of(scope)
    return None if budgets is None else budgets[0] <= flops <= budgets[1]


def _budget(
    entry: CoefficientSet | Allocation, flops: float | None, params: float | None, tokens: float | None
) -> float:
    if flops is not None:
        return flops
    if isinstance(entry, Allocation):
        return entry.budget_for_params(params) if params is not None else entry.budget_for_tokens(tokens or 1.0)
    law = LAWS[entry.law]
    optimal = Frontier(law, law.pack(law.values(entry.coefficients))[None])
    log_c = (
        optimal.budget_for_params(float(np.log(params)))
        if params is not None
        else optimal.budget_for_tokens(float(np.log(tokens or 1.0)))
    )
    return float(np.exp(log_c[0]))
