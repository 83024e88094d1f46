"""Where a fit stands among what has been published: its exponents, N ∝ C^a, and D/N at its largest budget."""

from dataclasses import dataclass

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws.atlas import SETS
from scaling_tui.laws.atlas.entries import Range
from scaling_tui.laws.fitting.fitted import Fit
from scaling_tui.laws.fitting.ray import near_ray, ray_of
from scaling_tui.laws.fitting.warnings import undetermined
from scaling_tui.laws.planning.plan import frontier
from scaling_tui.laws.planning.published_runs import budgets_of, planning_entries, published_runs, spread

# Laws that share the meaning of an exponent: alpha of E + A/N^alpha is that of E + A/N^alpha + B/D^beta.
_FAMILIES = (
    frozenset(("chinchilla", "chinchilla-n", "chinchilla-d", "muennighoff")),
    frozenset(("kaplan", "kaplan-n")),
)


@dataclass(frozen=True)
class Among:
    """One's own value and the range of the published ones."""

    own: float
    published: Range
    count: int

    @property
    def outside(self) -> bool:
        """Whether the own value lies beyond all published ones."""
        return not self.published[0] <= self.own <= self.published[1]


@dataclass(frozen=True)
class Standing:
    """A fit among the atlas' entries that count N as it does.

    Args:
        exponents: of the law, for each that published laws have too.
        allocation: the a of N ∝ C^a; None where the runs do not determine it.
        ratio: D/N of the optimal run at `flops`, the largest budget fitted.
        measured_from: the smallest budget that any of those sources measured, where `flops` is below a tenth of it.
    """

    convention: str
    exponents: dict[str, Among]
    allocation: Among | None
    ratio: Among | None
    flops: float | None
    measured_from: float | None


def standing(fit: Fit) -> Standing | None:
    """Where a fit stands; None where nothing published is comparable."""
    exponents = {name: among for name in fit.law.exponents if (among := _exponent(fit, name)) is not None}
    exponents = {name: exponents[name] for name in fit.law.coefficients if name in exponents}
    compute = fit.points.compute()
    flops = None if compute is None or not compute.size else float(compute.max())
    allocation, ratio = (None, None) if flops is None else _allocation(fit, flops)
    if not exponents and allocation is None:
        return None
    return Standing(fit.convention, exponents, allocation, ratio, flops, _measured_from(flops))


def _exponent(fit: Fit, name: str) -> Among | None:
    family = next((laws for laws in _FAMILIES if fit.law.name in laws), frozenset())
    values = [
        item.coefficients[name]
        for item in SETS
        if item.law in family and item.params == fit.convention and name in item.coefficients
    ]
    symbol = "params" if name in ("alpha", "alpha_N") else "tokens"
    if not values or symbol in undetermined(fit):
        return None
    return Among(fit.coefficients[name], spread(values), len(values))


def _allocation(fit: Fit, flops: float) -> tuple[Among | None, Among | None]:
    if (
        not {"params", "tokens"} <= set(fit.law.inputs) <= {"params", "tokens", "unique_tokens"}
        or set(undetermined(fit)) & {"params", "tokens"}
        or not all(map(np.isfinite, fit.coefficients.values()))
        or len(fit.points) < 3
        or ray_of(fit.points) is not None
        or near_ray(fit.points)
    ):
        return None, None
    try:
        n, d, _ = frontier(fit.law, fit.coefficients, np.array([flops, 10 * flops]))
    except InputError:  # a law without a compute-optimal run
        return None, None
    if not np.all(np.isfinite([*n, *d])) or min(*n, *d) < 1:
        return None, None
    runs = [run for run in published_runs(flops=flops) if run.convention == fit.convention]
    if not runs:
        return None, None
    return (
        Among(float(np.log10(n[1] / n[0])), spread([run.exponent for run in runs]), len(runs)),
        Among(float(d[0] / n[0]), spread([run.tokens_per_param for run in runs]), len(runs)),
    )


def _measured_from(flops: float | None) -> float | None:
    """The smallest budget measured by a source that plans, where `flops` lies far below it."""
    starts = [budgets[0] for entry in planning_entries() if (budgets := budgets_of(entry.scope)) is not None]
    first = min(starts)
    return first if flops is not None and flops < first / 10 else None
