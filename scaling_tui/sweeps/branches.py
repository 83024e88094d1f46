"""Several token budgets for little more than the price of the longest (Hägele et al. 2024).

Under a `wsd` schedule (warm-up, stable, decay) two runs that differ in D alone are one run until the shorter one's
rate begins to fall. So the longest is trained as a trunk that leaves its checkpoints there, and each of the others is a
branch that goes on from one of them with a cooldown of its own.
"""

import dataclasses
from collections.abc import Sequence

from scaling_tui.runs.config import Training, Trunk
from scaling_tui.sweeps.rung import Rung


def branched(rungs: Sequence[Rung]) -> tuple[Rung, ...]:
    """The same rungs, with the shorter `wsd` runs of each recipe as branches of its longest.

    A branch is to the last bit what the run alone would have been: one seed gives both the same text in the same order,
    and the warm-up is the trunk's for all, or half of the shortest one's steps where that is less: a tenth of the
    shortest is too little for the high rates of small models (stdlib, hidden 32: the loss at 2 D was worse by 3 %).
    Runs on repeated tokens warm up like those on fresh ones, with which they are compared.
    """
    changed = list(rungs)
    for relatives in _alike(rungs, tokens=1, unique_tokens=0):
        steps = [rungs[place].training.steps(rungs[place].architecture.context) for place in relatives]
        warmup = min(round(rungs[relatives[0]].training.warmup * max(steps)), min(steps) // 2)
        for family in _alike(rungs, relatives, tokens=1):
            for place, rung in zip(family, _family([rungs[place] for place in family], warmup), strict=True):
                changed[place] = rung
    return tuple(changed)


def _alike(rungs: Sequence[Rung], among: Sequence[int] | None = None, **differ: int) -> list[list[int]]:
    """The places of `wsd` rungs whose recipes are the same but for the settings in `differ`."""
    found: dict[tuple[str, Training], list[int]] = {}
    for place in range(len(rungs)) if among is None else among:
        training = rungs[place].training
        if training.schedule == "wsd" and training.branch:
            key = (rungs[place].name, dataclasses.replace(training, **differ))  # type: ignore[arg-type]
            found.setdefault(key, []).append(place)
    return list(found.values())


def _family(rungs: Sequence[Rung], warmup: int) -> list[Rung]:
    """Rungs that differ in D alone, as one trunk and its branches, after `warmup` steps for all."""
    context, batch = rungs[0].architecture.context, rungs[0].training.batch
    steps = [rung.training.steps(context) for rung in rungs]
    recipes = [
        dataclasses.replace(rung.training, warmup=warmup / count) for rung, count in zip(rungs, steps, strict=True)
    ]
    longest = steps.index(max(steps))
    trunk = rungs[longest].case
    forks = [recipe.cooldown_from(context) for recipe in recipes]
    found = []
    keep = []
    for place, (rung, recipe, fork) in enumerate(zip(rungs, recipes, forks, strict=True)):
        begins = None
        if place != longest and warmup < fork <= forks[longest]:
            begins = Trunk(trunk, fork, fork * batch * context)
            keep.append(fork)
        found.append(dataclasses.replace(rung, training=recipe, trunk=begins))
    found[longest] = dataclasses.replace(found[longest], keep=tuple(sorted(keep)))
    return found
