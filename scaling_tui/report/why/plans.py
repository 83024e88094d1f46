"""Why the figures of a plan are what they are: N, D, C, loss, and what a run off the optimum costs."""

from collections.abc import Iterator, Mapping
from math import exp, log

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws import find_law
from scaling_tui.laws.forms import Input, Law
from scaling_tui.laws.kernels import PowerSum
from scaling_tui.laws.planning.frontier import Frontier
from scaling_tui.laws.planning.plan import Goal, Plan
from scaling_tui.report.plans import Plans, plan_curves
from scaling_tui.report.standing import ratio
from scaling_tui.report.why.explanation import Explanation, Step, signed_percent, step
from scaling_tui.report.why.laws import counted, law_steps
from scaling_tui.text import show
from scaling_tui.text.show import span

PLANNING, BALANCE = "planning", "size-data-compute"
GIVEN = "given: it is what you asked for"
Origin = tuple[str, tuple[Step, ...]]  # where a figure comes from, in words and as a formula


def plans_figures(plans: Plans) -> list[Explanation]:
    """The figures of plans side by side, row by row."""
    loaded = plans.basis.source
    behind = [name for label in loaded.points.labels for name in loaded.behind.get(label, (label,))] if loaded else []
    return [
        one
        for curve in plan_curves(plans)
        for one in plan_figures(
            curve.name,
            find_law(curve.law),
            curve.coefficients,
            curve.plan,
            plans.goal,
            tuple(behind) if curve.own else (),
        )
    ]


def plan_figures(
    of: str, law: Law, coefficients: Mapping[str, float], plan: Plan, goal: Goal, runs: tuple[str, ...] = ()
) -> list[Explanation]:
    """Every figure of a plan by `law` with `coefficients`; `of` is what the row is called, `runs` what was fitted."""
    return list(_figures(of, law, coefficients, plan, goal, runs))


def _figures(
    of: str, law: Law, coefficients: Mapping[str, float], plan: Plan, goal: Goal, runs: tuple[str, ...]
) -> Iterator[Explanation]:
    conventions = (*counted(law, plan.convention)[:-1], "C = 6ND", "loss in nats per token")
    sizes = {"N": plan.params, "D": plan.tokens, "C": plan.flops}
    n_from, n_steps = _n(law, coefficients, plan, goal)
    d_from, d_steps = _d(plan, goal, sizes)

    def sure(key: str) -> str:
        ends = plan.intervals.get(key)
        if ends is None:
            return "none of its own" if plan.intervals else "not known: the coefficients were published without refits"
        text = {"loss": show.loss, "flops": show.scientific, "tokens_per_param": ratio}.get(key, show.count)
        return (
            f"{span(*ends, text)} at {show.percent(plan.level)}: the same plan by each refit of the law; it assumes "
            "that the form of the law is right"
        )

    def one(
        key: str, shown: str, value: float, unit: str, what: str, source: str, steps: tuple[Step, ...], name: str
    ) -> Explanation:
        return Explanation(
            of, key, shown, value, unit, what, source, conventions, runs, steps,
            "exact: it was given" if source == GIVEN else sure(name), PLANNING,
        )  # fmt: skip

    yield one("N", show.count(plan.params), plan.params, "parameters", "the size to train", n_from, n_steps, "params")
    yield one("D", show.count(plan.tokens), plan.tokens, "tokens", "the tokens to train on", d_from, d_steps, "tokens")
    yield one(
        "D/N", ratio(plan.tokens_per_param), plan.tokens_per_param, "tokens per parameter",
        "tokens for each parameter", GIVEN if goal.tokens_per_param else "computed",
        (step("D/N", "D/N", sizes, plan.tokens_per_param, ratio),), "tokens_per_param",
    )  # fmt: skip
    c_step = step("C", "6·N·D", sizes, plan.flops, show.scientific)
    yield one(
        "C", show.scientific(plan.flops), plan.flops, "FLOPs", "the training compute",
        GIVEN if goal.flops else "computed", (c_step,), "flops",
    )  # fmt: skip
    loss_steps = _loss(law, coefficients, plan, goal)
    yield one(
        "L", show.loss(plan.loss), plan.loss, "nats per token", "the loss that the law predicts for it",
        GIVEN if goal.loss else f"computed by {plan.law}", loss_steps, "loss",
    )  # fmt: skip
    if plan.optimal_loss is not None and plan.excess > 1e-6:
        yield Explanation(
            of, "off", signed_percent(plan.excess), plan.excess, "",
            "how much higher its loss is than that of the best run at this budget",
            "computed from the loss of the optimum at the same C", conventions, runs,
            (step("off", "L/best - 1", {"L": plan.loss, "best": plan.optimal_loss}, plan.excess, signed_percent),),
            "as for the loss", BALANCE,
        )  # fmt: skip


def _loss(law: Law, coefficients: Mapping[str, float], plan: Plan, goal: Goal) -> tuple[Step, ...]:
    known: dict[Input, float] = {
        "params": plan.params,
        "tokens": plan.tokens,
        "flops": plan.flops,
        "unique_tokens": min(plan.tokens, goal.unique_tokens or plan.tokens),
        "total_params": plan.total_params or plan.params,
    }
    steps = law_steps(law, coefficients, {name: known[name] for name in law.inputs})
    # A given loss that the run reaches only to a few digits is no sum of these terms.
    return steps if steps and steps[-1].shown == show.loss(plan.loss) else ()


def _d(plan: Plan, goal: Goal, sizes: Mapping[str, float]) -> Origin:
    if goal.tokens is not None:
        return GIVEN, ()
    if plan.ray is not None:
        return f"the tokens at this N on the line of the fitted runs, {plan.ray.text}", (
            step("D", "k·N^slope", {**sizes, "k": exp(plan.ray.offset), "slope": plan.ray.slope}, plan.tokens,
                 show.count),
        )  # fmt: skip
    return "computed: what the budget leaves at this N", (step("D", "C/(6·N)", sizes, plan.tokens, show.count),)


def _n(law: Law, coefficients: Mapping[str, float], plan: Plan, goal: Goal) -> Origin:
    """Where N comes from: a closed form for a sum of a power of N and one of D, else the least loss by search."""
    if goal.params is not None:
        return GIVEN, ()
    if plan.ray is not None:
        return _n_along(plan, goal)
    fixed = _n_fixed(plan, goal)
    if fixed is not None:
        return fixed
    steps = _closed(law, coefficients, plan)
    if not steps:
        unique = " and the unique tokens given" if goal.unique_tokens is not None else ""
        return f"searched: the size at which {plan.law} has the lowest loss with C = 6ND{unique}", ()
    asked = "the loss" if goal.loss is not None else "D" if goal.tokens is not None else "C"
    where = "" if asked == "C" else f"; C is the budget whose best run has {asked} as given"
    return f"computed: the size at which the loss falls as fast with N as with D, along C = 6ND{where}", steps


def _n_along(plan: Plan, goal: Goal) -> Origin:
    """N of a run on the line of the fitted ones."""
    assert plan.ray is not None
    if goal.flops is None and goal.tokens is None:
        return f"the size at which {plan.law} along the line {plan.ray.text} has this loss", ()
    names = {"C": plan.flops, "D": plan.tokens, "k": exp(plan.ray.offset), "slope": plan.ray.slope}
    formula = "(C/(6·k))^(1/(1 + slope))" if goal.flops is not None else "(D/k)^(1/slope)"
    source = f"computed: the size at this budget on the line of the fitted runs, {plan.ray.text}"
    return source, (step("N", formula, names, plan.params, show.count),)


def _n_fixed(plan: Plan, goal: Goal) -> Origin | None:
    """N of a run that is not the optimum of its budget, since something else was given too; None for an optimum."""
    sizes = {"C": plan.flops, "D": plan.tokens}
    if goal.tokens_per_param is not None:
        names = {**sizes, "r": goal.tokens_per_param}
        return "computed: at the D/N that was given", (step("N", "sqrt(C/(6·r))", names, plan.params, show.count),)
    if goal.served_tokens is not None:
        return "searched: the size of lowest loss for what training and serving cost together", ()
    if goal.tokens is None or (goal.flops is None and goal.loss is None):
        return None
    if goal.flops is not None:
        return "computed: what the budget leaves at this D", (step("N", "C/(6·D)", sizes, plan.params, show.count),)
    return "solved: the size at which the law has this loss with these tokens", ()


def _closed(law: Law, coefficients: Mapping[str, float], plan: Plan) -> tuple[Step, ...]:
    """N = G·(C/6)^(b/(a + b)), G = (a·A/(b·B))^(1/(a + b)), for inner terms A/N^a + B/D^b; empty for other laws."""
    kernel = law.kernel
    theta = law.pack(law.values(coefficients))
    try:
        Frontier(law, theta)
    except InputError:
        return ()
    if not isinstance(kernel, PowerSum) or "unique_tokens" in law.inputs:
        return ()
    varying = [term for term in kernel.terms if term.factors]
    if len(varying) != 2 or any(len(term.factors) != 1 or term.factors[0].over is not None for term in varying):
        return ()
    first, second = sorted(varying, key=lambda term: law.inputs[term.factors[0].of] != "params")
    names = {"C": plan.flops}
    for scale, rate, term in (("A", "a", first), ("B", "b", second)):
        place = term.factors[0].rate
        names[rate] = 1.0 if place is None else float(theta[place])
        with np.errstate(over="ignore"):
            names[scale] = float(np.exp(theta[term.scale]))
    if not all(np.isfinite(value) and value > 0 for value in names.values()):
        return ()
    total = names["a"] + names["b"]
    names["G"] = exp(log(names["a"] * names["A"] / (names["b"] * names["B"])) / total)
    said = _spelt(law)
    return (
        step("G", "(a·A/(b·B))^(1/(a + b))", names, names["G"], show.value) if not said
        else step("G", said, {**names, **coefficients}, names["G"], show.value),
        step("N", "G·(C/6)^(b/(a + b))" if not said else "G·(C/6)^(beta/(alpha + beta))",
             {**names, **coefficients} if said else names, plan.params, show.count),
    )  # fmt: skip


def _spelt(law: Law) -> str:
    """G in the law's own names, where they are those of Hoffmann et al. 2022 (equation 4)."""
    return "(alpha·A/(beta·B))^(1/(alpha + beta))" if law.name == "chinchilla" else ""
