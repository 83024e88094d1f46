"""Plans: the run to train for a goal, its loss, its cost, and the uncertainty of both.

All budgets are training FLOPs under C = 6ND (Hoffmann et al. 2022). A served token costs 2N FLOPs
(Sardana and Frankle 2023). Of a mixture of experts N counts the active parameters in both.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from math import log, nan
from typing import Any

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws.arguments import positive
from scaling_tui.laws.atlas import ALLOCATIONS, Allocation
from scaling_tui.laws.atlas.entries import CoefficientSet
from scaling_tui.laws.counting import LOG6, training_flops
from scaling_tui.laws.fitting.bootstrap import Bootstrap, bootstrap
from scaling_tui.laws.fitting.fit import fit as fit_law
from scaling_tui.laws.fitting.fitted import Fit
from scaling_tui.laws.fitting.ray import Ray, law_along, near_ray, ray_of, restrictions_along
from scaling_tui.laws.fitting.warnings import beyond, no_interval, undetermined
from scaling_tui.laws.forms import Coefficients, Law
from scaling_tui.laws.kernels import Array
from scaling_tui.laws.planning.frontier import Frontier
from scaling_tui.text import show
from scaling_tui.text.notebook import html_table
from scaling_tui.text.show import span


@dataclass(frozen=True)
class Goal:
    """The goal of a plan. One of the first four asks for the compute-optimal run; two fix a run off the optimum.

    Args:
        flops: training budget C.
        loss: target, nats per token.
        params: N.
        tokens: D.
        tokens_per_param: D/N to train at, with `flops` or `loss`, to over- or undertrain.
        unique_tokens: unique tokens available; tokens beyond them are repeats (law muennighoff).
        served_tokens: tokens that the model will serve; N is then chosen for training and serving together.
        total_params: all parameters of a mixture of experts, for a law in them; or `active_share`, N/total_params.
    """

    flops: float | None = None
    loss: float | None = None
    params: float | None = None
    tokens: float | None = None
    tokens_per_param: float | None = None
    unique_tokens: float | None = None
    served_tokens: float | None = None
    total_params: float | None = None
    active_share: float | None = None


@dataclass(frozen=True, repr=False)
class Plan:
    """A run, and what it loses against the compute-optimal one.

    Args:
        law: the law or the published set that tells.
        params: N; `tokens` are D, `tokens_per_param` D/N.
        convention: which parameters N counts, "all" or "non-embedding"; "" for coefficients of unknown convention.
        loss: nats per token, by the law.
        flops: training FLOPs, 6ND; `serving_flops` are 2N for each served token.
        optimal_loss: of the compute-optimal run with the same training FLOPs; None where only a ray is known (`ray`).
        excess: loss/optimal_loss - 1.
        optimal_flops: training FLOPs with which the compute-optimal run reaches `loss`.
        overhead: flops/optimal_flops - 1.
        epochs: how often each unique token is seen, if `unique_tokens` is given.
        total_params: all parameters, of which `params` are active, by a law for mixtures of experts.
        intervals: of params, tokens, flops, loss, tokens_per_param, at `level`; empty for a published set.
        run_interval: of the loss of one run of the plan, its own noise included; that of `intervals` is the law's.
        ray: the line that all fitted runs, and so the plan, lie on, if they do; `along` are the coefficients of `law`,
            which is then of N alone.
    """

    law: str
    convention: str
    params: float
    tokens: float
    flops: float
    loss: float
    tokens_per_param: float
    optimal_loss: float | None
    excess: float
    optimal_flops: float | None
    overhead: float
    epochs: float | None
    serving_flops: float
    intervals: dict[str, tuple[float, float]]
    level: float
    notes: tuple[str, ...]
    total_params: float | None = None
    run_interval: tuple[float, float] | None = None
    ray: Ray | None = None
    along: dict[str, float] | None = None

    def __repr__(self) -> str:
        values = ", ".join(f"{symbol} {text(value)}" for symbol, value, text, _ in self._rows()[:4])
        return f"<Plan by {self.law}: {values}; {show.value(self.tokens_per_param)} tokens per parameter>"

    def _repr_html_(self) -> str:
        rows = [
            [symbol, text(value), *([span(*self.intervals.get(key, (nan, nan)), text)] if self.intervals else [])]
            for symbol, value, text, key in self._rows()
        ]
        head = ["plan", self.law, *([f"{show.percent(self.level)} interval"] if self.intervals else [])]
        return html_table(head, rows, below=self.notes)

    def _rows(self) -> list[tuple[str, float, Callable[[float], str], str]]:
        """Symbol, value, how it is written, and name of each quantity."""
        return [
            ("N", self.params, show.count, "params"),
            ("D", self.tokens, show.count, "tokens"),
            ("C", self.flops, show.scientific, "flops"),
            ("loss", self.loss, show.loss, "loss"),
            ("D/N", self.tokens_per_param, show.value, "tokens_per_param"),
        ]


# Why two published fits of the same 240 runs plan so differently; shown with every plan made with the first.
HOFFMANN_NOTE = (
    "hoffmann2022 and besiroglu2024 fit the same form to the same runs. They differ for two reasons. Hoffmann et al. "
    "averaged the Huber loss over the runs instead of summing it, so their optimiser stopped early, short of the "
    "minimum. And the paper rounds alpha 0.3392 and beta 0.2849 to 0.34 and 0.28: at C = 5.76e23 that rounding alone "
    "moves the optimum from 59 to 93 tokens per parameter. Fitted to the minimum, the same runs give 18."
)


def plan_law(law: Law, coefficients: Coefficients, goal: Goal, name: str | None = None) -> Plan:
    """Plans with any coefficients of a law.

    Raises:
        InputError: the goal has too few or too many values, is unreachable, or needs an input the law lacks.
    """
    theta = law.pack(law.values(coefficients))[None]
    solution = _solve(law, theta, goal)
    if not np.isfinite(solution.n[0]) or not np.isfinite(solution.d[0]):
        raise InputError(_unreachable(law, coefficients, goal))
    for key, logarithm in (("params", solution.n[0]), ("tokens", solution.d[0])):
        if logarithm < 0:
            given = ", ".join(
                f"{name} {value:g}" for name in _MAIN if name != key and (value := getattr(goal, name)) is not None
            )
            raise InputError(f"plan: {given} leaves {key} = {np.exp(logarithm):.2g}, less than one; {_larger(goal)}")
    planned = _plan(law, solution, goal, name or law.name)
    for key in ("params", "tokens", "flops", "loss", "optimal_loss", "excess", "optimal_flops", "overhead"):
        if not np.isfinite(getattr(planned, key)):
            raise InputError(f"plan: {planned.law} gives no finite {key} for the values given; want other values")
    return planned


def plan_published(chosen: CoefficientSet, goal: Goal) -> Plan:
    """Plans with a published set; adds what explains its difference from another published plan."""
    from scaling_tui.laws.forms import LAWS

    result = plan_law(LAWS[chosen.law], chosen.coefficients, goal, f"{chosen.law}:{chosen.name}")
    notes = result.notes
    if chosen.name == "hoffmann2022":
        notes = (*notes, HOFFMANN_NOTE)
    if chosen.unit != "nats per token":
        notes = (*notes, f"the loss of {chosen.title} is {chosen.unit}, not in nats per token")
    notes += tuple(_beside(own, result.flops) for own in ALLOCATIONS if own.law == result.law)
    return replace(result, convention=chosen.params, notes=notes)


def _beside(own: Allocation, flops: float) -> str:
    """What the paper of a law says itself of a budget."""
    return (
        f"the allocation {own.name}, the paper's own, gives N {show.count(float(own.params(flops)))} and "
        f"D {show.count(float(own.tokens(flops)))} at this C. {own.why}"
    )


def plan_fit(fit: Fit, draws: Bootstrap | None, goal: Goal, level: float = 0.9) -> Plan:
    """Plans with a fit, with intervals from its bootstrap; without intervals if `draws` is None.

    Raises:
        InputError: the points do not determine a plan (only one N or one D), or as `plan`.
    """
    ray = ray_of(fit.points)
    if ray is not None and {"params", "tokens"} <= set(fit.law.inputs) <= {"params", "tokens", "unique_tokens"}:
        return _plan_along(fit, ray, 0 if draws is None else len(draws), goal, level)
    for missing in undetermined(fit):
        if missing != "unique_tokens":
            raise InputError(
                f"plan: all points have the same {missing}, so the fit does not determine its effect; "
                f"add runs with other {missing}"
            )
    for name, value in fit.coefficients.items():
        if not np.isfinite(value):
            raise InputError(f"plan: the fit gives no finite {name}; add runs in which the loss falls with size")
    little = ""
    if near_ray(fit.points) and {"params", "tokens"} <= set(fit.law.inputs):
        ratio = fit.points.column("tokens") / fit.points.column("params")
        little = (
            f"N and D of the fitted runs vary little apart (D/N from {ratio.min():.3g} to {ratio.max():.3g}), so the "
            "fit hardly tells the effect of one from that of the other; runs at other D/N would tell"
        )
    try:
        result = replace(plan_law(fit.law, fit.coefficients, goal), convention=fit.convention, level=level)
    except InputError as error:
        raise InputError(
            f"{str(error).removesuffix('; want larger values')}; {little}" if little else str(error)
        ) from None
    notes = [
        *([little] if little else []),
        *fit.warnings,
        *beyond(fit, params=result.params, tokens=result.tokens, flops=result.flops),
    ]
    if draws is None:
        return replace(result, notes=(*notes, no_interval(fit)))
    notes += draws.shortfall
    solutions = _solve(fit.law, draws.theta, goal)
    with np.errstate(over="ignore"):  # a refit may ask for more than any number holds
        values = {
            "params": np.exp(solutions.n),
            "tokens": np.exp(solutions.d),
            "flops": np.exp(solutions.n + solutions.d + LOG6),
            "loss": np.exp(solutions.log_loss),
            "tokens_per_param": np.exp(solutions.d - solutions.n),
        }
    fixed = {"params": goal.params, "tokens": goal.tokens, "flops": goal.flops, "loss": goal.loss}
    reached = np.isfinite(solutions.n + solutions.d)
    intervals = {
        key: _holding(getattr(result, key), draws.interval(np.where(reached, column, np.inf), level))
        for key, column in values.items()
        if fixed.get(key) is None and (key != "tokens_per_param" or reached.all())
    }
    if not reached.all():
        notes.append(
            f"{show.percent(1 - reached.mean())} of the refits cannot reach this goal, so an interval is open-ended"
        )
    run = draws.predict(level=level, of="run", **_inputs(fit.law, result.params, result.tokens, goal))
    return replace(result, intervals=intervals, run_interval=(run.low, run.high), notes=tuple(notes))


def _holding(value: float, ends: tuple[float, float]) -> tuple[float, float]:
    """An interval that holds the estimate, which a few refits may all miss."""
    return min(ends[0], value), max(ends[1], value)


def _inputs(law: Law, params: float, tokens: float, goal: Goal) -> dict[str, Any]:
    """The law's inputs of a run."""
    known = {"params": params, "tokens": tokens, "unique_tokens": min(tokens, goal.unique_tokens or tokens)}
    known["total_params"] = _total(params, goal)
    return {name: known[name] for name in law.inputs if name in known}


def _plan_along(fit: Fit, ray: Ray, draws: int, goal: Goal, level: float) -> Plan:
    """The run on the ray of the fitted ones, with the loss of a law along it."""
    _check(fit.law, goal)
    law = law_along(fit.law)
    held, ignored = restrictions_along(fit.law, fit.restrictions)
    along = fit_law(law, fit.points, delta=fit.delta, convention=fit.convention, restrictions=held)
    params = _params_along(ray, goal)
    if params is None:
        params = law.inverse(along.coefficients, goal.loss or 0.0, "params")
    tokens = goal.tokens or ray.of_params(params)
    loss = goal.loss or float(along.loss(params=params))
    intervals: dict[str, tuple[float, float]] = {}
    notes: list[str] = []
    run_interval = None
    if draws and along.freedom > 0:
        refits = bootstrap(along, draws)
        notes += refits.shortfall
        run = refits.predict(level=level, of="run", params=params)
        run_interval = (run.low, run.high)
        if goal.loss is None:
            value = refits.predict(level=level, params=params)
            intervals["loss"] = (value.low, value.high)
    else:
        notes.append(no_interval(along))
    if ignored:
        notes.append(f"not used: {ignored}; {law.name}, the law along the line, has no such coefficient")
    note = (
        f"all runs have {ray.text}: the plan stays on that line, with {law.name} along it; "
        "these runs do not show whether another split of the budget would be better"
    )
    beyond_points = beyond(fit, params=params, tokens=tokens, flops=training_flops(params, tokens))
    return Plan(
        law=law.name,
        convention=fit.convention,
        params=params,
        tokens=tokens,
        flops=goal.flops or training_flops(params, tokens),
        loss=loss,
        tokens_per_param=tokens / params,
        optimal_loss=None,
        excess=0.0,
        optimal_flops=None,
        overhead=0.0,
        epochs=None,
        serving_flops=0.0,
        intervals=intervals,
        level=level,
        notes=(note, *along.warnings, *notes, *beyond_points),
        run_interval=run_interval,
        ray=ray,
        along=along.coefficients,
    )


def _params_along(ray: Ray, goal: Goal) -> float | None:
    """N of the run that a goal other than a loss asks for; None for a loss.

    Raises:
        InputError: the goal is off the ray, or asks what only the whole law could tell.
    """
    line = f"the fitted runs all have {ray.text}"
    if goal.served_tokens is not None or goal.unique_tokens is not None:
        raise InputError(
            f"plan: {line}, so the fit cannot separate the effect of N from that of D; add runs at other D/N"
        )
    if goal.tokens_per_param is not None and (ray.slope != 1 or not ray.holds(1.0, goal.tokens_per_param)):
        raise InputError(f"tokens_per_param: found {goal.tokens_per_param:g}, but {line}; add runs at other D/N")
    found: dict[str, float] = {}
    if goal.params is not None:
        found["params"] = goal.params
    if goal.tokens is not None:
        found["tokens"] = ray.of_tokens(goal.tokens)
    if goal.flops is not None:
        found["flops"] = ray.of_flops(goal.flops)
    if goal.loss is not None and not found:
        return None
    first = next(iter(found.values()))
    if goal.loss is not None or any(not ray.holds(first, ray.of_params(other)) for other in found.values()):
        given = ", ".join(f"{name} {getattr(goal, name):g}" for name in ("loss", *found) if getattr(goal, name))
        raise InputError(
            f"plan: found {given}, but {line}, so the fit holds only for runs on that line; want one of them, or a "
            f"fit to runs at other D/N (at N = {show.count(first)} the line has D = {show.count(ray.of_params(first))})"
        )
    return first


def frontier(
    law: Law,
    coefficients: Coefficients,
    flops: Array,
    total_params: float | None = None,
    active_share: float | None = None,
) -> tuple[Array, Array, Array]:
    """N, D and loss of the compute-optimal run of each budget in `flops`, (n,) each.

    `total_params` or `active_share` is of a law in them, as in `Goal`.

    Raises:
        InputError: the law lacks N or D.
    """
    theta = np.tile(law.pack(law.values(coefficients)), (len(flops), 1))
    optimal = Frontier(law, theta, None, total_params, active_share)
    n, d = optimal.split(np.log(flops))
    return np.exp(n), np.exp(d), np.exp(optimal.log_loss(n, d))


# Beyond it a product of two sizes is no number; no law was meant for it.
_LOG_LARGEST = 300 * log(10)

_MAIN = ("flops", "loss", "params", "tokens")


@dataclass(frozen=True)
class _Solution:
    n: Array
    d: Array
    log_loss: Array
    optimal_log_loss: Array
    optimal_c: Array


def _solve(law: Law, theta: Array, goal: Goal) -> _Solution:
    _check(law, goal)
    frontier = Frontier(law, theta, goal.unique_tokens, goal.total_params, goal.active_share)
    n, d = _allocate(frontier, goal)
    log_loss = frontier.log_loss(n, d)
    values = sum(getattr(goal, name) is not None for name in (*_MAIN, "tokens_per_param", "served_tokens"))
    if values == 1:  # the run is the optimum for its own budget
        return _Solution(n, d, log_loss, log_loss, n + d + LOG6)
    optimal = frontier.log_loss(*frontier.split(n + d + LOG6))
    return _Solution(n, d, log_loss, optimal, frontier.budget_for_loss(log_loss))


def _check(law: Law, goal: Goal) -> None:
    for name, value in asdict(goal).items():
        if value is not None:
            positive(name, value)
    main = [name for name in _MAIN if getattr(goal, name) is not None]
    if goal.unique_tokens is not None and goal.unique_tokens < 1:
        raise InputError(f"unique_tokens: found {goal.unique_tokens:g}, want at least 1")
    if not main:
        raise InputError("plan: nothing given, want one of flops, loss, params, tokens")
    if len(main) > 2:
        raise InputError(f"plan: {', '.join(main)} given, want one of them, or two for a run off the optimum")
    if goal.unique_tokens is not None and "unique_tokens" not in law.inputs:
        raise InputError(f"unique_tokens: not an input of {law.name}, want the law muennighoff for repeated data")
    _check_experts(law, goal)
    extras = [name for name in ("tokens_per_param", "served_tokens") if getattr(goal, name) is not None]
    if extras and (len(extras) > 1 or main not in (["flops"], ["loss"])):
        raise InputError(
            f"{extras[0]}: want it with either flops or loss and nothing else, found {', '.join(main + extras[1:])}"
        )


def _check_experts(law: Law, goal: Goal) -> None:
    given = [name for name in ("total_params", "active_share") if getattr(goal, name) is not None]
    if "total_params" not in law.inputs:
        if given:
            raise InputError(f"{given[0]}: not an input of {law.name}, want the law moe for a mixture of experts")
        return
    if goal.active_share is not None and goal.active_share > 1:
        raise InputError(f"active_share: found {goal.active_share:g}, want a share above 0 and up to 1")
    if goal.params is not None and goal.total_params is not None and goal.params > goal.total_params:
        raise InputError("params: found more than total_params, want at most as many")


def _allocate(frontier: Frontier, goal: Goal) -> tuple[Array, Array]:
    """log N and log D for the goal, (K,) each; nan where the law cannot reach it."""
    if goal.tokens_per_param is not None:
        return _at_ratio(frontier, goal, log(goal.tokens_per_param))
    if goal.served_tokens is not None:
        return _serving(frontier, goal, goal.served_tokens)
    given = [value for value in (goal.flops, goal.loss, goal.params, goal.tokens) if value is not None]
    return _pair(frontier, goal) if len(given) == 2 else frontier.split(_budget(frontier, goal))


def _budget(frontier: Frontier, goal: Goal) -> Array:
    """log C of the compute-optimal run with the one value given."""
    if goal.flops is not None:
        return np.full(frontier.rows, log(goal.flops))
    if goal.loss is not None:
        return frontier.budget_for_loss(log(goal.loss))
    if goal.params is not None:
        return frontier.budget_for_params(log(goal.params))
    return frontier.budget_for_tokens(log(goal.tokens or 1.0))


def _pair(frontier: Frontier, goal: Goal) -> tuple[Array, Array]:
    """The run that two given values determine, optimal or not."""
    n = None if goal.params is None else np.full(frontier.rows, log(goal.params))
    d = None if goal.tokens is None else np.full(frontier.rows, log(goal.tokens))
    if goal.loss is not None:
        target = np.full(frontier.rows, log(goal.loss))
        if n is not None:
            return n, frontier.tokens_for_loss(n, target)
        if d is not None:
            return frontier.params_for_loss(d, target), d
        raise InputError("plan: flops and loss given, want one of them: each determines the other")
    if n is None and d is not None:
        n = log(goal.flops or 1.0) - LOG6 - d
    if d is None and n is not None:
        d = log(goal.flops or 1.0) - LOG6 - n
    if n is None or d is None:
        raise InputError("plan: nothing given, want one of flops, loss, params, tokens")
    return n, d


def _at_ratio(frontier: Frontier, goal: Goal, ratio: float) -> tuple[Array, Array]:
    """The run at a fixed D/N, for a budget or a loss."""
    if goal.flops is not None:
        n = np.full(frontier.rows, (log(goal.flops) - LOG6 - ratio) / 2)
    else:
        n = frontier.invert(lambda n: -frontier.log_loss(n, n + ratio), -log(goal.loss or 1.0))
    return n, n + ratio


def _serving(frontier: Frontier, goal: Goal, served: float) -> tuple[Array, Array]:
    """The lowest 6ND + 2N·served for a loss, or the lowest loss for that sum (Sardana and Frankle 2023, equation 3)."""
    if goal.flops is not None:
        total = log(goal.flops)
        largest = log(goal.flops / (2 * served))  # at this N serving uses the whole budget

        def tokens(n: Array) -> Array:
            left = np.exp(total - n) - 2 * served
            with np.errstate(divide="ignore", invalid="ignore"):
                return np.where(left > 0, np.log(left / 6), np.nan)

        n = frontier.least(lambda n: frontier.log_loss_at(n, tokens(n)), np.full(frontier.rows, max(largest, 1e-9)))
        return n, tokens(n)
    target = np.full(frontier.rows, log(goal.loss or 1.0))
    start = frontier.split(frontier.budget_for_loss(float(target[0])))[0]

    def cost(n: Array) -> Array:
        columns = [frontier.tokens_for_loss(n[:, j], target) for j in range(n.shape[1])]
        d = np.stack(columns, axis=1)
        with np.errstate(invalid="ignore"):
            return np.logaddexp(LOG6 + n + d, log(2 * served) + n)

    # Counting serving never asks for more parameters than training alone.
    n = frontier.least(cost, np.where(np.isfinite(start), start, 1.0))
    return np.where(np.isfinite(start), n, np.nan), frontier.tokens_for_loss(n, target)


def _plan(law: Law, solution: _Solution, goal: Goal, name: str) -> Plan:
    given = ", ".join(f"{key} {value:g}" for key, value in asdict(goal).items() if value is not None)
    sizes = {"params": solution.n[0], "tokens": solution.d[0], "flops": solution.optimal_c[0]}
    sizes["flops"] = max(sizes["flops"], sizes["params"] + sizes["tokens"] + LOG6)
    for size, logarithm in sizes.items():
        if logarithm > _LOG_LARGEST:
            raise InputError(f"plan: {given} asks for {size} above 1e300; want smaller values")
    # What was given stays as it was given: an exponential of a logarithm loses its last digits.
    N, D = goal.params or float(np.exp(solution.n[0])), goal.tokens or float(np.exp(solution.d[0]))
    loss, optimal = goal.loss or float(np.exp(solution.log_loss[0])), float(np.exp(solution.optimal_log_loss[0]))
    # With tokens to serve the budget is that of training and serving together.
    flops = training_flops(N, D) if goal.flops is None or goal.served_tokens is not None else goal.flops
    optimal_flops = float(np.exp(solution.optimal_c[0]))
    unique = goal.unique_tokens
    return Plan(
        law=name,
        convention="",
        params=N,
        tokens=D,
        flops=flops,
        loss=loss,
        tokens_per_param=D / N,
        optimal_loss=optimal,
        excess=max(loss / optimal - 1, 0.0),
        optimal_flops=optimal_flops,
        overhead=max(flops / optimal_flops - 1, 0.0),
        epochs=None if unique is None else max(D / unique, 1.0),
        serving_flops=2 * N * (goal.served_tokens or 0.0),
        intervals={},
        level=0.9,
        notes=(),
        total_params=None if "total_params" not in law.inputs else _total(N, goal),
    )


def _total(params: float, goal: Goal) -> float:
    return params / goal.active_share if goal.active_share else max(params, goal.total_params or 0.0)


def _larger(goal: Goal) -> str:
    if goal.flops is not None and goal.params is not None:
        return f"want flops of at least 6·N = {training_flops(goal.params, 1):.3g}"
    if goal.flops is not None and goal.tokens is not None:
        return f"want flops of at least 6·D = {training_flops(1, goal.tokens):.3g}"
    return "want larger values"


def _unreachable(law: Law, coefficients: Coefficients, goal: Goal) -> str:
    if goal.loss is not None:
        if law.floor and goal.loss <= coefficients[law.floor]:
            return f"loss {goal.loss:g}: not reachable, below E = {coefficients[law.floor]:.4g}"
        fixed = {"params": goal.params, "tokens": goal.tokens}
        held = ", ".join(f"{key} = {value:.4g}" for key, value in fixed.items() if value is not None)
        return f"loss {goal.loss:g}: not reachable{' with ' + held if held else ' by any N and D up to 1e100'}"
    return "plan: no run fits the values given, want a larger budget"
