"""What the coefficients of the atlas give where their sources state a figure."""

from typing import assert_never

import numpy as np

from scaling_tui.laws.atlas.entries import Allocation, CoefficientSet, Entry, HyperparameterLaw
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
            return 6 * params * tokens / flops
        case "a":
            return entry.params_exponent
        case "loss" | "loss ratio" | "value" as other:
            raise ValueError(f"{entry.title}: an allocation has no {other}")
        case other:
            assert_never(other)


def _of_law(entry: CoefficientSet) -> float:
    law, stated = LAWS[entry.law], entry.stated
    if stated.quantity in ("loss", "loss ratio") and set(stated.at) == set(law.inputs):
        loss = float(law.loss(entry.coefficients, **stated.at))
        return loss / float(law.loss(entry.coefficients, **stated.against)) if stated.against else loss
    flops = np.array([stated.at.get("flops", 1e21)])
    params, tokens, loss = (float(value[0]) for value in frontier(law, entry.coefficients, flops))
    match stated.quantity:
        case "loss":
            return loss
        case "params":
            return params
        case "tokens":
            return tokens
        case "tokens_per_param":
            return tokens / params
        case "a":
            beyond = frontier(law, entry.coefficients, 10 * flops)
            return float(np.log10(beyond[0][0] / params))
        case "6ND/C" | "loss ratio" | "value" as other:
            raise ValueError(f"{entry.title}: a loss law has no {other} there")
        case other:
            assert_never(other)
