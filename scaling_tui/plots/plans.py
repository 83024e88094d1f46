"""Plans side by side as figures: the loss of the optimal run over its budget, and its size, by several laws."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from scaling_tui.laws import Points, find_law
from scaling_tui.laws.forms import Coefficients
from scaling_tui.laws.planning.plan import Plan, frontier
from scaling_tui.laws.planning.published_runs import planning_entries, split
from scaling_tui.plots.figures import DOTTED, LINE, Array, Figure, Series
from scaling_tui.text import show


@dataclass(frozen=True)
class PlanCurve:
    """A law with its plan; `own` where it is the reader's own fit rather than a published one.

    `experts` is the `total_params` or the `active_share` of a plan for a mixture of experts.
    """

    name: str
    law: str
    coefficients: Coefficients
    plan: Plan
    own: bool
    experts: Mapping[str, float] = field(default_factory=dict)


def plans_figure(curves: Sequence[PlanCurve], runs: Points | None) -> Figure:
    """Loss of the optimal run over its budget, by every law, each with its plan for the goal.

    Args:
        curves: the laws that reach the goal.
        runs: those that the reader's own fit goes through, if there is one.
    """
    if not curves:
        return Figure("", (), empty="No law reaches this goal.")
    flops = _budgets(curves, runs)
    compute = runs.compute() if runs else None
    series: list[Series] = []
    for number, curve in enumerate(curves):
        colour = _colour(curves, number)
        _, loss = _runs(curve, flops)
        name = _called(curve)
        mark = LINE if curve.own or runs is None else DOTTED
        series.append(Series(flops, loss, colour, name, mark, name=name))
        at = np.array([curve.plan.flops]), np.array([curve.plan.loss])
        series.append(Series(*at, colour, "", "◆", "strong"))
    if runs is not None and compute is not None:
        series.append(Series(compute, runs.loss, "primary", "", "●", name=""))
    return _over_budgets(
        "loss of the optimal run, nats/token · x C, FLOPs · ◆ the plan", series, "loss", "nats per token"
    )


def sizes_figure(curves: Sequence[PlanCurve], runs: Points | None) -> Figure:
    """N of the optimal run over its budget, by every law, and the band of all that the atlas' entries give.

    Args:
        curves: the laws that reach the goal.
        runs: those that the reader's own fit goes through, if there is one.
    """
    if not curves:
        return Figure("", (), empty="No law reaches this goal.")
    flops = _budgets(curves, runs)
    compute = runs.compute() if runs else None
    every = np.stack([split(entry, flops)[0] for entry in planning_entries()])
    series = [
        Series(flops, every.max(axis=0), "foreground", f"{len(every)} published", DOTTED, "faint", "most published"),
        Series(flops, every.min(axis=0), "foreground", "", DOTTED, "faint", "least published"),
    ]
    for number, curve in enumerate(curves):
        colour = _colour(curves, number)
        n, _ = _runs(curve, flops)
        series.append(Series(flops, n, colour, _called(curve), LINE, name=_called(curve)))
        at = np.array([curve.plan.flops]), np.array([curve.plan.params])
        series.append(Series(*at, colour, "", "◆", "strong"))
    if runs is not None and compute is not None and runs.params is not None:
        series.append(Series(compute, runs.params, "primary", "", "●", name=""))
    return _over_budgets(
        "N of the optimal run · x C, FLOPs · ◆ the plan · dotted: the published band", series, "N", "parameters"
    )


def _over_budgets(title: str, series: Sequence[Series], name: str, unit: str) -> Figure:
    """A figure of `name` over C."""
    return Figure(
        title,
        tuple(series),
        log_x=True,
        log_y=True,
        x_name="C",
        y_name=name,
        x_text=show.scientific,
        x_unit="FLOPs",
        y_unit=unit,
    )


def _runs(curve: PlanCurve, flops: Array) -> tuple[Array, Array]:
    """N and loss of the run that the law plans at each budget, (n,) each."""
    if curve.plan.ray is None:
        n, _, loss = frontier(find_law(curve.law), curve.coefficients, flops, **curve.experts)
        return n, loss
    n = np.array([curve.plan.ray.of_flops(budget) for budget in flops.tolist()])
    return n, find_law(curve.law).loss(curve.coefficients, params=n)


def _budgets(curves: Sequence[PlanCurve], runs: Points | None) -> Array:
    """From a tenth of the smallest budget shown to ten times the largest plan's."""
    budgets = [curve.plan.flops for curve in curves]
    low, high = min(budgets), max(budgets)
    compute = runs.compute() if runs else None
    if compute is not None:
        low = min(low, float(np.nanmin(compute)))
    return np.geomspace(low / 10, high * 10, 120)


def _colour(curves: Sequence[PlanCurve], number: int) -> str | float:
    return "accent" if curves[number].own else number / max(1, len(curves) - 1)


def _called(curve: PlanCurve) -> str:
    return curve.name.partition(":")[2] or curve.name
