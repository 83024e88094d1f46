"""The run to train for a goal by whatever tells: a published set, a fit, or a fit with its refits."""

from dataclasses import replace

from scaling_tui import InputError
from scaling_tui.laws.atlas.entries import CoefficientSet
from scaling_tui.laws.fitting.bootstrap import DRAWS, Bootstrap, bootstrap
from scaling_tui.laws.fitting.fitted import Fit
from scaling_tui.laws.fitting.study import Study
from scaling_tui.laws.planning.plan import Goal, Plan, plan_fit, plan_published
from scaling_tui.laws.published import get


def plan(
    by: str | CoefficientSet | Fit | Bootstrap | Study,
    *,
    flops: float | None = None,
    loss: float | None = None,
    params: float | None = None,
    tokens: float | None = None,
    tokens_per_param: float | None = None,
    unique_tokens: float | None = None,
    served_tokens: float | None = None,
    total_params: float | None = None,
    active_share: float | None = None,
    draws: int = DRAWS,
    level: float | None = None,
) -> Plan:
    """The compute-optimal run for a budget, a loss, an N or a D, as `scaling-tui plan` gives it.

    Budgets are training FLOPs under C = 6ND (Hoffmann et al. 2022, section 3.3); serving costs 2N FLOPs a token
    (Sardana and Frankle 2023).

    >>> best = plan("chinchilla:besiroglu2024", flops=5.76e23)
    >>> best
    <Plan by chinchilla:besiroglu2024: N 72.2B, D 1.33T, C 5.8e23, loss 1.9744; 18.39 tokens per parameter>
    >>> round(plan("chinchilla:besiroglu2024", loss=best.loss).flops / 5.76e23, 6)
    1.0

    Args:
        by: the name of a published set, such as "chinchilla:besiroglu2024", or the set; a fit, whose intervals come
            from `draws` refits; or its refits or its study, where they have been made.
        flops: training budget C. One of the first four asks for the optimal run, two fix a run off the optimum.
        loss: to reach, in nats per token.
        params: N, under the convention of `by`.
        tokens: D.
        tokens_per_param: D/N to train at, with `flops` or `loss`.
        unique_tokens: unique tokens available; those beyond are repeats (law muennighoff).
        served_tokens: tokens to serve after training; N is then chosen for training and serving together.
        total_params: all parameters of a mixture of experts (law moe).
        active_share: in its place N/total_params.
        draws: refits of a fit; 0 for no intervals.
        level: confidence level of the intervals; None is that of a study, else 0.9.

    Raises:
        InputError: too few or too many goals, one out of reach, no such set, or a fit that does not determine the plan.
    """
    goal = Goal(flops, loss, params, tokens, tokens_per_param, unique_tokens, served_tokens, total_params, active_share)
    match by:
        case str():
            return plan_published(get(by), goal)
        case CoefficientSet():
            return plan_published(by, goal)
        case Fit():
            refits = bootstrap(by, draws) if draws and by.freedom > 0 else None
            return _planned(by, refits, goal, level)
        case Bootstrap():
            return _planned(by.fit, by, goal, level)
        case Study():
            return _planned(by.fit, by.draws, goal, by.level if level is None else level)
    raise InputError(f"plan: found {type(by).__name__}, want the name of a published set, a fit or its refits")


def _planned(fit: Fit, refits: Bootstrap | None, goal: Goal, level: float | None) -> Plan:
    made = plan_fit(fit, refits, goal, 0.9 if level is None else level)
    return replace(made, notes=(*fit.points.warnings, *made.notes))
