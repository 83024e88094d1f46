"""Several token budgets for little more than the cost of the longest (Hägele et al. 2024).

Under a `wsd` schedule (warm-up, stable, decay) two runs that differ in D alone are identical until the shorter one's
cooldown. So the longest is trained as a trunk that keeps its checkpoints at those steps, and each of the others is a
branch that continues from one of them with a cooldown of its own.
"""

import dataclasses
from collections.abc import Sequence

from scaling_tui.runs.config import Training, Trunk
from scaling_tui.sweeps.rung import Rung


def branched(rungs: Sequence[Rung]) -> tuple[Rung, ...]:
    """The same rungs, with the shorter `wsd` runs of each recipe as branches of its longest.

    A branch equals the run trained alone to the last bit: one seed gives both the same text in the same order, and all
    share the trunk's warm-up, or half the steps of the shortest where that is less. A tenth of the shortest is too
    little for the high rates of small models (stdlib, hidden 32: the loss at 2 D was worse by 3 %). Runs on repeated
    tokens share the warm-up of those on fresh tokens, with which they are compared.
    """
    changed = list(rungs)
    for relatives in _alike(rungs, tokens=1, unique_tokens=0):
        steps = [rungs[index].training.steps(rungs[index].architecture.context) for index in relatives]
        warmup = min(round(rungs[relatives[0]].training.warmup * max(steps)), min(steps) // 2)
        for family in _alike(rungs, relatives, tokens=1):
            for index, rung in zip(family, _family([rungs[index] for index in family], warmup), strict=True):
                changed[index] = rung
    return tuple(changed)


def _alike(rungs: Sequence[Rung], among: Sequence[int] | None = None, **differ: int) -> list[list[int]]:
    """The indices of `wsd` rungs whose recipes are the same but for the settings in `differ`."""
    groups: dict[tuple[str, Training], list[int]] = {}
    for index in range(len(rungs)) if among is None else among:
        training = rungs[index].training
        if training.schedule == "wsd" and training.branch:
            key = (rungs[index].name, dataclasses.replace(training, **differ))  # type: ignore[arg-type]
            groups.setdefault(key, []).append(index)
    return list(groups.values())


def _family(rungs: Sequence[Rung], warmup: int) -> list[Rung]:
    """Rungs that differ in D alone, as one trunk and its branches, all with `warmup` steps of warm-up."""
    context, batch = rungs[0].architecture.context, rungs[0].training.batch
    steps = [rung.training.steps(context) for rung in rungs]
    recipes = [
        dataclasses.replace(rung.training, warmup=warmup / count) for rung, count in zip(rungs, steps, strict=True)
    ]
    longest = steps.index(max(steps))
    trunk = rungs[longest].case
    forks = [recipe.cooldown_from(context) for recipe in recipes]
    family = []
    keep = []
    for index, (rung, recipe, fork) in enumerate(zip(rungs, recipes, forks, strict=True)):
        start = None
        if index != longest and warmup < fork <= forks[longest]:
            start = Trunk(trunk, fork, fork * batch * context)
            keep.append(fork)
        family.append(dataclasses.replace(rung, training=recipe, trunk=start))
    family[longest] = dataclasses.replace(family[longest], keep=tuple(sorted(keep)))
    return family
