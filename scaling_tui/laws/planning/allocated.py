"""A run by a published allocation, as a plan by a law gives one."""

from dataclasses import asdict, dataclass

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws.atlas import Allocation
from scaling_tui.laws.counting import training_flops
from scaling_tui.laws.planning.plan import Goal, frontier
from scaling_tui.laws.published import find_law, get
from scaling_tui.text import show


@dataclass(frozen=True)
class AllocatedRun:
    """The run of a published allocation.

    Args:
        flops: the budget C, as the paper counts it.
        training_flops: 6ND of the run.
        loss: nats per token, by the law that `Allocation.loss` names; None without one.
    """

    allocation: str
    convention: str
    params: float
    tokens: float
    flops: float
    training_flops: float
    tokens_per_param: float
    loss: float | None
    notes: tuple[str, ...]


def allocate(chosen: Allocation, goal: Goal) -> AllocatedRun:
    """The run that an allocation gives for a budget, an N, a D, or a loss where it tells one.

    Raises:
        InputError: not exactly one of these, or one out of reach.
    """
    given = {key: float(value) for key, value in asdict(goal).items() if value is not None}
    able = ("flops", "params", "tokens", "loss") if chosen.loss else ("flops", "params", "tokens")
    if len(given) != 1 or not given.keys() <= set(able):
        found = ", ".join(given) or "nothing"
        raise InputError(f"plan: allocation {chosen.name} wants one of {', '.join(able)}, found {found}")
    ((key, value),) = given.items()
    if not (np.isfinite(value) and value > 0):
        raise InputError(f"{key}: found {value:g}, want a positive number")
    flops = {
        "flops": lambda: value,
        "params": lambda: chosen.budget_for_params(value),
        "tokens": lambda: chosen.budget_for_tokens(value),
        "loss": lambda: find_law(chosen.loss).inverse(get(chosen.loss).coefficients, value, "flops"),
    }[key]()
    params, tokens = float(chosen.params(flops)), float(chosen.tokens(flops))
    if not (params >= 1 and tokens >= 1 and np.isfinite(params * tokens)):
        raise InputError(f"plan: {key} {value:g} gives no run, N {params:.2g} and D {tokens:.2g}; want another value")
    loss = None
    if chosen.loss:
        loss = float(find_law(chosen.loss).loss(get(chosen.loss).coefficients, flops=flops))
    notes = chosen.notes
    if chosen.law:
        n, d, _ = frontier(find_law(chosen.law), get(chosen.law).coefficients, np.array([flops]))
        notes += (
            f"the law {chosen.law}, of the same paper, gives N {show.count(float(n[0]))} and "
            f"D {show.count(float(d[0]))} at this C. {chosen.why}",
        )
    return AllocatedRun(
        chosen.name,
        chosen.convention,
        params,
        tokens,
        flops,
        training_flops(params, tokens),
        tokens / params,
        loss,
        notes,
    )
