"""Plans as `plan` prints them: from options to a document and a text."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaling_tui import InputError
from scaling_tui.laws import find_law, get
from scaling_tui.laws.fitting.restrictions import Restrictions
from scaling_tui.laws.fitting.study import study
from scaling_tui.laws.fitting.tables import TableOptions
from scaling_tui.report.fit import FitSource, load, option_names
from scaling_tui.tables.source import STDIN
from scaling_tui.text import show
from scaling_tui.text.columns import columns
from scaling_tui.text.numbers import read_quantity
from scaling_tui.text.show import span

if TYPE_CHECKING:
    from scaling_tui.laws.fitting.study import Study
    from scaling_tui.laws.planning.devices import Device
    from scaling_tui.laws.planning.plan import Goal, Plan
    from scaling_tui.plots.figures import Figure
    from scaling_tui.plots.plans import PlanCurve

_LARGEST_PEAK = 1e30  # FLOP/s, far above any machine


def plan_text(plan: "Plan", bill: Mapping[str, Any] | None) -> str:
    """A plan and, with a bill, its time and price."""

    def row(name: str, key: str, text: Any, unit: str) -> tuple[str, str, str, str]:
        ends = plan.intervals.get(key)
        return name, text(getattr(plan, key)), unit, span(*ends, text) if ends else ""

    rows = [("", "", "", f"{show.percent(plan.level)} interval")] if plan.intervals else []
    rows += [
        row("N", "params", show.count, "parameters" if plan.total_params is None else "active parameters"),
        *([] if plan.total_params is None else [row("N_total", "total_params", show.count, "parameters")]),
        row("D", "tokens", show.count, "tokens"),
        row("D/N", "tokens_per_param", lambda v: f"{v:.1f}", "tokens per parameter"),
        row("C", "flops", lambda v: f"{v:.3g}".replace("e+", "e"), "training FLOPs, 6ND"),
        row("L", "loss", show.loss, "nats per token"),
    ]
    counted = f", N {plan.convention}" if plan.convention else ""
    lines = [plan.law + counted, columns(rows, numeric=(1,))]
    if plan.run_interval is not None:
        lines.append(
            f"{show.percent(plan.level)} interval of the loss of one run: {span(*plan.run_interval, show.loss)}"
        )
    if plan.excess > 1e-6 and plan.optimal_loss is not None:
        lines.append(
            f"off the optimum: {show.percent(plan.excess, 2, sign=True)} loss at this budget "
            f"(optimal {plan.optimal_loss:.4f}); "
            f"{show.percent(plan.overhead, 1, sign=True)} FLOPs for this loss"
        )
    if plan.epochs is not None:
        lines.append(f"each unique token is seen {plan.epochs:.2f} times")
    if plan.serving_flops:
        lines.append(
            f"serving: {plan.serving_flops:.3g} FLOPs at 2N per token, {plan.serving_flops / plan.flops:.2f}× training"
        )
    if bill:
        lines.append(bill_text(bill))
    return "\n".join(lines)


def bill_text(bill: Mapping[str, Any]) -> str:
    """Time and price of a training."""
    price = "" if bill["cost"] is None else f", cost {bill['cost']:,.0f}"
    return (
        f"time: {hours(bill['hours'])} on {bill['devices']} × {bill['device']} "
        f"({bill['flops_per_second']:.3g} FLOP/s at {show.percent(bill['utilisation'])} utilisation){price}"
    )


def hours(value: float) -> str:
    """A time in hours, days or years."""
    return (
        f"{value:.3g} h" if value < 100 else f"{value / 24:,.3g} days" if value < 24e3 else f"{value / 8766:,.3g} years"
    )


def coefficients_for(law: str, given: Sequence[str]) -> dict[str, float]:
    """Coefficients of a law: the published set with each `KEY=VALUE` of `given` replaced.

    Raises:
        InputError: not KEY=VALUE, not a number, or a coefficient that is neither given nor published.
    """
    form = find_law(law)
    values: dict[str, float] = {}
    for item in given:
        key, equals, text = item.partition("=")
        try:
            value = read_quantity(text)
        except InputError:
            value = math.nan
        if key in values:
            raise InputError(f"--coef {key}: found it twice, want one value")
        if not equals or key not in form.coefficients or not math.isfinite(value):
            raise InputError(f"--coef: found {item!r}, want KEY=NUMBER with KEY one of {', '.join(form.coefficients)}")
        values[key] = value
    if set(values) == set(form.coefficients):
        return values
    if not given:
        with option_names():
            return dict(get(law).coefficients)
    try:
        published = dict(get(law).coefficients)
    except InputError:
        missing = [name for name in form.coefficients if name not in values]
        raise InputError(f"--coef: {law} needs {', '.join(missing)} too") from None
    return published | values


def unit_of(law: str) -> str:
    """The unit of a law's loss: that of its published set, where it names one."""
    return get(law).unit if ":" in law else "nats per token"


def device_for(name: str | None, count: int, mfu: float, price: float | None) -> "tuple[str, Device] | None":
    """The device that the options describe, with its name.

    Raises:
        InputError: an unknown name, not a number, or a share outside 0 to 1.
    """
    from scaling_tui.laws.planning.devices import DEVICES, Device

    if not 0 < mfu <= 1:
        raise InputError(f"--mfu: found {mfu:g}, want a share above 0 and up to 1")
    if price is not None and not price >= 0:
        raise InputError(f"--price: found {price:g}, want 0 or more")
    if name is None:
        if price is not None:
            raise InputError("--price: found without --device, want a device such as h100, or its peak FLOP/s")
        return None
    try:
        peak = DEVICES.get(name.lower()) or read_quantity(name)
    except InputError:
        peak = math.nan
    if not 1 <= peak <= _LARGEST_PEAK:
        raise InputError(
            f"--device: found {name!r}, want {', '.join(DEVICES)} or a peak in FLOP/s from 1 to 1e30, such as 9.9e14"
        )
    return name, Device(peak, mfu, count, price)


def plan_source(
    goal: "Goal",
    *,
    law: str | None,
    source: str | None,
    coef: Sequence[str],
    draws: int,
    runs: Path | None,
    machine: "tuple[str, Device] | None",
    table: TableOptions = TableOptions(),  # noqa: B008 - frozen
    restrictions: Restrictions = Restrictions(),  # noqa: B008 - frozen
) -> "tuple[dict[str, Any], str, Callable[[], list[Figure]]]":
    """The document and the text that `plan` prints, and a function that makes its plots.

    Raises:
        InputError: contradictory options, or a fit that does not determine the plan.
    """
    from scaling_tui.plots.plans import plans_figure, sizes_figure
    from scaling_tui.report.standing import measured_text, runs_document, runs_for, runs_text

    if source is None and table.given:
        raise InputError(f"{table.given}: found without --fit, want a table to read")
    if source is None and restrictions:
        raise InputError(f"--tie, --fix or --prior ({restrictions.text}): found without --fit, want a fit to restrict")
    curve, loaded = plan_curve_for(goal, law, source, coef, draws, runs, table, restrictions)
    result = curve.plan
    bill = bill_for(result.flops, machine)
    published = runs_for(goal, result)
    document = asdict(result) | {
        "intervals": {key: list(ends) for key, ends in result.intervals.items()},
        "convention": {"flops": "6ND", "params": result.convention or None},
        "device": bill,
        "published": runs_document(published),
        **(loaded.document() if loaded else dict.fromkeys(("left_out", "derived", "columns"))),
        "notes": [*(loaded.notes if loaded else ()), *result.notes],
    }
    text = f"{plan_text(result, bill)}\n{runs_text(published)}; {measured_text(published)}"
    points = loaded.points if loaded else None
    return document, text, lambda: [plans_figure([curve], points), sizes_figure([curve], points)]


def plan_curve_for(
    goal: "Goal", law: str | None, source: str | None, coef: Sequence[str], draws: int, runs: Path | None,
    table: TableOptions, restrictions: Restrictions,
) -> tuple["PlanCurve", FitSource | None]:  # fmt: skip
    """The plan with its law, and what the law was fitted to."""
    from scaling_tui.laws.planning.plan import plan_law, plan_published
    from scaling_tui.plots.plans import PlanCurve

    experts = {key: value for key in ("total_params", "active_share") if (value := getattr(goal, key)) is not None}
    if source is not None:
        if coef:
            raise InputError("--coef: found with --fit, want one of them")
        loaded = load(source, runs, table)
        with option_names():
            fitted = planning_study(loaded, law, draws, restrictions)
        result = plan_study(loaded, fitted, goal)
        name = "standard input" if source == STDIN else Path(source).name
        return PlanCurve(name, result.law, result.along or fitted.fit.coefficients, result, True, experts), loaded
    law = law or "chinchilla:besiroglu2024"
    if coef:
        coefficients = coefficients_for(law, coef)
        return PlanCurve(law, law, coefficients, plan_law(find_law(law), coefficients, goal), False, experts), None
    with option_names():
        published = get(law)
    return PlanCurve(law, law, published.coefficients, plan_published(published, goal), False, experts), None


def planning_study(
    loaded: FitSource,
    law: str | None = None,
    draws: int = 200,
    restrictions: Restrictions = Restrictions(),  # noqa: B008 - frozen
) -> "Study":
    """The fit to make plans with.

    Raises:
        InputError: the points cannot be fitted.
    """
    law = law or loaded.law or "chinchilla"
    with loaded.explained():
        return study(law, loaded.points, draws=draws, convention=loaded.convention, restrictions=restrictions)


def plan_study(loaded: FitSource, fitted: "Study", goal: "Goal") -> "Plan":
    """A plan with the fit `fitted` to a source.

    Raises:
        InputError: the fit does not determine it.
    """
    from scaling_tui.laws.planning.plan import plan_fit

    result = plan_fit(fitted.fit, fitted.draws, goal)
    return replace(result, notes=(*loaded.warnings, *result.notes))


def bill_for(flops: float, machine: "tuple[str, Device] | None") -> Mapping[str, Any] | None:
    """Time and price of `flops` on a device; None without one."""
    if machine is None:
        return None
    name, device = machine
    return {
        "device": name,
        "devices": device.count,
        "flops_per_second": device.flops_per_second,
        "utilisation": device.utilisation,
        "hours": device.hours(flops),
        "cost": device.cost(flops),
    }
