"""Where a fit stands among what has been published, as `fit` and the Law screen say it."""

from statistics import median
from typing import Any

from scaling_tui.laws.fitting.fitted import Fit
from scaling_tui.laws.planning.plan import Goal, Plan
from scaling_tui.laws.planning.published_runs import PublishedRun, published_runs, spread
from scaling_tui.laws.planning.standing import Among, standing
from scaling_tui.text import show
from scaling_tui.text.columns import columns


def standing_text(fit: Fit) -> list[str]:
    """One to three lines; none where nothing published is comparable."""
    found = standing(fit)
    if found is None:
        return []
    parts = [f"{name} {_range(among, '.2f')} (here {among.own:.3f})" for name, among in found.exponents.items()]
    lines = [f"published, N {found.convention}: {', '.join(parts)}"] if parts else []
    if found.allocation and found.ratio and found.flops:
        lines.append(
            f"N ∝ C^{found.allocation.own:.2f} at the largest budget, published {_range(found.allocation, '.2f')}; "
            f"D/N at C {show.scientific(found.flops)}: {ratio(found.ratio.own)}, "
            f"published {' to '.join(map(ratio, found.ratio.published))} ({found.ratio.count} sets)"
        )
    if found.measured_from and found.flops:
        lines.append(
            f"these runs end at C {show.scientific(found.flops)}, published ones begin at "
            f"{show.scientific(found.measured_from)}: models this small need not agree with them"
        )
    return lines


def standing_document(fit: Fit) -> dict[str, Any] | None:
    """The same for JSON."""
    found = standing(fit)
    if found is None:
        return None
    return {
        "convention": found.convention,
        "exponents": {name: _among(among) for name, among in found.exponents.items()},
        "params_exponent": _among(found.allocation),
        "tokens_per_param": _among(found.ratio),
        "flops": found.flops,
        "measured_from": found.measured_from,
    }


def _range(among: Among, digits: str) -> str:
    low, high = (f"{value:{digits}}" for value in among.published)
    return low if low == high else f"{low} to {high}"


def _among(among: Among | None) -> dict[str, Any] | None:
    if among is None:
        return None
    return {"own": among.own, "published": list(among.published), "sets": among.count}


def runs_for(goal: Goal, plan: Plan) -> tuple[PublishedRun, ...]:
    """The published optimal runs for a plan's goal: for its N or its D where that is all that is given, else its C."""
    given = [name for name in ("flops", "loss", "params", "tokens") if getattr(goal, name) is not None]
    if given in (["params"], ["tokens"]):
        return published_runs(params=goal.params, tokens=goal.tokens)
    return published_runs(flops=plan.flops)


def runs_text(runs: tuple[PublishedRun, ...]) -> str:
    """The spread of published plans: published: N 124M to 349M, D/N 13.7 to 108, median 20.8 (13 sets)."""

    def differ(values: list[float]) -> bool:
        return max(values) > min(values) * (1 + 1e-6)

    params, tokens, flops = ([getattr(run, name) for run in runs] for name in ("params", "tokens", "flops"))
    parts = [
        f"{name} {text(min(values))} to {text(max(values))}"
        for name, values, text, told in (
            ("N", params, show.count, differ(params)),
            ("D", tokens, show.count, not differ(params)),
            ("C", flops, show.scientific, differ(flops)),
        )
        if told
    ]
    ratios = [run.tokens_per_param for run in runs]
    middle = f"D/N {ratio(min(ratios))} to {ratio(max(ratios))}, median {ratio(median(ratios))}"
    return f"published: {', '.join([*parts, middle])} ({len(runs)} sets)"


def ratio(value: float) -> str:
    """D/N in two or three digits: 0.019, 21.6, 184."""
    if value < 0.95:
        return f"{value:.2g}"
    return f"{value:.1f}" if value < 99.95 else f"{value:.0f}" if value < 1e4 else show.count(value)


def runs_table(runs: tuple[PublishedRun, ...]) -> str:
    """Every published plan in a row."""
    rows = [("published", "N counts", "a", "N", "D", "D/N", "measured there")]
    rows += [
        (
            run.title,
            run.convention,
            f"{run.exponent:.2f}",
            show.count(run.params),
            show.count(run.tokens),
            ratio(run.tokens_per_param),
            {True: "yes", False: "no", None: "unknown"}[run.measured],
        )
        for run in runs
    ]
    return columns(rows, numeric=range(2, 6))


def measured_text(runs: tuple[PublishedRun, ...]) -> str:
    """How many of the sources measured runs at such budgets."""
    told = [run for run in runs if run.measured is not None]
    there = sum(bool(run.measured) for run in told)
    return f"{there or 'none'} of {len(told)} measured at such budgets"


def runs_document(runs: tuple[PublishedRun, ...]) -> dict[str, Any]:
    """The same for JSON, with every plan."""
    return {
        "params": list(spread([run.params for run in runs])),
        "tokens": list(spread([run.tokens for run in runs])),
        "tokens_per_param": list(spread([run.tokens_per_param for run in runs])),
        "median_tokens_per_param": median(run.tokens_per_param for run in runs),
        "sets": [
            {
                "name": run.title,
                "convention": run.convention,
                "params": run.params,
                "tokens": run.tokens,
                "flops": run.flops,
                "params_exponent": run.exponent,
                "measured": run.measured,
            }
            for run in runs
        ],
    }
