"""What the coefficients of the atlas give where their sources state a figure."""

from collections.abc import Mapping
from typing import assert_never

import numpy as np

from scaling_tui.laws.atlas.entries import Allocation, CoefficientSet, Entry, HyperparameterLaw
from scaling_tui.laws.counting import training_flops
from scaling_tui.laws.forms import LAWS
from scaling_tui.laws.planning.plan import frontier


def reproduced(entry: Entry) -> float:
    """The figure that `entry.stated` names, computed from the entry's own coefficients.

    Raises:
        InputError: the law of the entry has no such figure.
    """
    if isinstance(entry, HyperparameterLaw):
        return entry.value(entry.stated.at)
    if isinstance(entry, Allocation):
        return _of_allocation(entry)
    return _of_law(entry)


def _of_allocation(entry: Allocation) -> float:
    flops = entry.stated.at.get("flops", 1e21)
    params, tokens = float(entry.params(flops)), float(entry.tokens(flops))
    match entry.stated.quantity:
        case "params":
            return params
        case "tokens":
            return tokens
        case "tokens_per_param":
            return tokens / params
        case "6ND/C":
            return training_flops(params, tokens) / flops
        case "a":
            return entry.params_exponent
        case "loss" | "loss ratio" | "value" as other:
            raise ValueError(f"{entry.title}: an allocation has no {other}")
        case other:
            assert_never(other)


def _of_law(entry: CoefficientSet) -> float:
    stated = entry.stated
    if stated.quantity == "loss ratio" and stated.against is not None:
        return _loss(entry, stated.at) / _loss(entry, stated.against)
    if stated.quantity == "loss":
        return _loss(entry, stated.at)
    params, tokens, _ = _optimum(entry, stated.at.get("flops", 1e21), {})
    match stated.quantity:
        case "params":
            return params
        case "tokens":
            return tokens
        case "tokens_per_param":
            return tokens / params
        case "a":
            return float(np.log10(_optimum(entry, 1e22, {})[0] / _optimum(entry, 1e21, {})[0]))
        case "6ND/C" | "loss ratio" | "value" as other:
            raise ValueError(f"{entry.title}: a loss law has no {other} there")
        case other:
            assert_never(other)


def _loss(entry: CoefficientSet, at: Mapping[str, float]) -> float:
    """The loss at the inputs of the law, or of the optimal run for a budget."""
    law = LAWS[entry.law]
    if set(at) == set(law.inputs):
        return float(law.loss(entry.coefficients, **at))
    others = {name: value for name, value in at.items() if name != "flops"}
    return _optimum(entry, at["flops"], others)[2]


def _optimum(entry: CoefficientSet, flops: float, others: Mapping[str, float]) -> tuple[float, float, float]:
    """N, D and the loss of the optimal run; `others` are the `total_params` or `active_share` of experts."""
    n, d, loss = frontier(LAWS[entry.law], entry.coefficients, np.array([flops]), **others)
    return float(n[0]), float(d[0]), float(loss[0])
