"""Laws, fits, plans and counts as text: what the commands print and the app may show. From plain data."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from scaling_tui import show

if TYPE_CHECKING:
    from scaling_tui.laws import Count, Prediction
    from scaling_tui.laws.envelope import Envelope
    from scaling_tui.laws.planning import Plan
    from scaling_tui.laws.study import Study
    from scaling_tui.laws.valleys import PowerLaw, Profiles


def columns(rows: Iterable[Sequence[str]], numeric: Iterable[int] = ()) -> str:
    """Rows as aligned columns, two spaces apart; `numeric` ones to the right."""
    table = [list(row) for row in rows]
    right = set(numeric)
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    )


def bullet(texts: Iterable[str], sign: str = "!") -> str:
    """One text a line, wrapped under its sign."""
    import textwrap

    return "\n".join(
        textwrap.fill(text, 100, initial_indent=f"{sign} ", subsequent_indent="  ") for text in dict.fromkeys(texts)
    )


def span(low: float, high: float, text: Any = show.coefficient) -> str:
    """An interval, or a dash."""
    if math.isnan(low) or math.isnan(high):
        return "–"
    return f"[{text(low)}, {text(high)}]" if math.isfinite(high) else f"[{text(low)}, ∞)"


def fit_text(study: "Study") -> str:
    """A fit with its intervals, held-out error and conventions."""
    fit = study.fit
    document = study.document()
    lines = [
        f"{fit.law.name}   {fit.law.text}",
        f"{len(fit.points)} points, N {fit.convention}, "
        f"C {document['convention']['flops']}; objective {fit.objective:.6g} ({document['objective_kind']}); "
        f"residual s.d. {document['residual_sd']:.2%} of the loss",
        "",
        columns(
            [
                ("", "estimate", f"{study.level:.0%} interval"),
                *(
                    (name, show.coefficient(value), span(*study.intervals[name]))
                    for name, value in fit.coefficients.items()
                ),
            ],
            numeric=(1,),
        ),
    ]
    if study.draws:
        lines.append(f"intervals: {study.draws.how}; they take the law itself for true")
    if study.holdout:
        held = study.holdout
        symbol = {"flops": "C", "params": "N", "tokens": "D"}[held.by]
        lines += [
            "",
            f"held out: {held.points} with {symbol} ≥ {held.threshold:.3g}, fitted on the other {held.fitted}: "
            f"mean error {held.mape:.3%}, bias {held.bias:+.3%}",
        ]
    if study.conventions:
        lines += ["", conventions_text(study)]
    return "\n".join(lines)


def conventions_text(study: "Study") -> str:
    """How far the exponents move when N or C is counted otherwise."""
    exponents = [name for name in study.fit.law.coefficients if name in study.fit.law.exponents]
    rows = [("convention", *exponents, "objective")]
    for name, other in study.conventions.items():
        moved = []
        for key in exponents:
            own = study.fit.coefficients[key]
            change = other.coefficients[key] / own - 1
            moved.append(f"{other.coefficients[key]:.4f}" + (f" ({change:+.1%})" if other is not study.fit else ""))
        rows.append((name, *moved, f"{other.objective:.5g}"))
    return columns(rows, numeric=range(1, len(rows[0])))


def power_text(symbol: str, law: "PowerLaw | None", level: float) -> str:
    """N = k · C^a with the interval of a."""
    if law is None:
        return f"{symbol}: no power law"
    ends = "" if math.isnan(law.low) else f"   {level:.0%} [{law.low:.3f}, {law.high:.3f}]"
    return f"{symbol} = {law.scale:.4g} · C^{law.exponent:.4f}{ends}"


def profiles_text(found: "Profiles") -> str:
    """The valleys and the power laws through them."""
    rows = [("C", "points", "N of least loss", "D = C/6N", "D/N", "loss", "")]
    rows += [
        (
            show.scientific(v.flops),
            str(v.points),
            show.count(v.params),
            show.count(v.tokens),
            f"{v.tokens / v.params:.1f}",
            show.loss(v.loss),
            "at the edge" if v.edge else "",
        )
        for v in found.valleys
    ]
    return "\n".join(
        [
            f"isoFLOP profiles, minimum by {found.shape}",
            "",
            columns(rows, numeric=range(6)),
            "",
            power_text("N", found.params, found.level),
            power_text("D", found.tokens, found.level),
        ]
    )


def envelope_text(found: "Envelope") -> str:
    """The envelope in brief."""
    fit = found.law
    return "\n".join(
        [
            f"envelope of training curves: {found.sizes} sizes on it, C {found.flops[0]:.3g} to {found.flops[-1]:.3g}",
            f"{fit.law.text}:  " + "  ".join(f"{k} {show.coefficient(v)}" for k, v in fit.coefficients.items()),
            power_text("N", found.params_law, 0.9),
            power_text("D", found.tokens_law, 0.9),
        ]
    )


def plan_text(made: "Plan", bill: Mapping[str, Any] | None) -> str:
    """A plan with its price."""

    def row(name: str, key: str, text: Any, unit: str) -> tuple[str, str, str, str]:
        ends = made.intervals.get(key)
        return name, text(getattr(made, key)), unit, span(*ends, text) if ends else ""

    rows = [("", "", "", f"{made.level:.0%} interval")] if made.intervals else []
    rows += [
        row("N", "params", show.count, "parameters"),
        row("D", "tokens", show.count, "tokens"),
        row("D/N", "tokens_per_param", lambda v: f"{v:.1f}", "tokens per parameter"),
        row("C", "flops", lambda v: f"{v:.3g}".replace("e+", "e"), "training FLOPs, 6ND"),
        row("L", "loss", show.loss, "nats per token"),
    ]
    counted = f", N {made.convention}" if made.convention else ""
    lines = [made.law + counted, columns(rows, numeric=(1,))]
    if made.excess > 1e-6:
        lines.append(
            f"off the optimum: {made.excess:+.2%} loss at this budget (optimal {made.optimal_loss:.4f}); "
            f"{made.overhead:+.1%} FLOPs for this loss"
        )
    if made.epochs is not None:
        lines.append(f"each unique token is seen {made.epochs:.2f} times")
    if made.serving_flops:
        lines.append(
            f"serving: {made.serving_flops:.3g} FLOPs at 2N a token, {made.serving_flops / made.flops:.2f}× training"
        )
    if bill:
        price = "" if bill["cost"] is None else f", cost {bill['cost']:,.0f}"
        lines.append(
            f"time: {hours(bill['hours'])} on {bill['devices']} × {bill['device']} "
            f"({bill['flops_per_second']:.3g} FLOP/s at {bill['utilisation']:.0%} utilisation){price}"
        )
    return "\n".join(lines)


def hours(value: float) -> str:
    """Hours, or days where they are many."""
    return (
        f"{value:.3g} h" if value < 100 else f"{value / 24:,.3g} days" if value < 24e3 else f"{value / 8766:,.3g} years"
    )


def prediction_text(law: str, found: "Prediction") -> str:
    """A predicted loss with its interval."""
    interval = "" if math.isnan(found.low) else f"   {found.level:.0%} [{found.low:.4f}, {found.high:.4f}]"
    return f"{law}: {found.value:.4f} nats per token{interval}\n{found.how}"


def count_text(made: "Count", left_out: Sequence[str]) -> str:
    """Parameters by part and FLOPs by convention."""
    parts = [
        (f"layers ({made.layers} × {made.per_layer:,})", made.layers * made.per_layer),
        ("token embedding", made.embedding),
        ("positions", made.positions),
        ("final norm", made.final_norm),
        ("head", made.head),
        ("head bias", made.head_bias),
    ]
    rows = [(name, f"{value:,}", f"{value / max(made.total, 1):.1%}") for name, value in parts if value]
    rows += [("total", f"{made.total:,}", ""), ("non-embedding", f"{made.non_embedding:,}", "")]
    flops = [(name, show.coefficient(value)) for name, value in made.flops_per_token.items()]
    text = [columns(rows, numeric=(1, 2)), "", "training FLOPs per token", columns(flops, numeric=(1,))]
    if left_out:
        text += ["", f"left out: {', '.join(left_out)} (ask with an option to count them)"]
    return "\n".join(text)


def rungs_text(rungs: Iterable[tuple[str, "Count"]]) -> str:
    """The counts of a ladder's rungs."""
    rows = [("rung", "total", "non-embedding", "a layer", "embedding", "head", "FLOPs/token (matmul+attention)")]
    rows += [
        (
            name,
            f"{made.total:,}",
            f"{made.non_embedding:,}",
            f"{made.per_layer:,}",
            f"{made.embedding:,}",
            f"{made.head + made.head_bias:,}",
            show.coefficient(made.flops_per_token["matmul+attention"]),
        )
        for name, made in rungs
    ]
    return columns(rows, numeric=range(1, 7))


def laws_text(document: Mapping[str, Any]) -> str:
    """The published sets."""
    blocks = []
    for item in document["laws"]:
        values = item["coefficients"]
        blocks.append(
            f"{item['name']}\n  {item['form']}\n"
            + (
                "  " + "  ".join(f"{k} {show.coefficient(v)}" for k, v in values.items()) + f"   N {item['params']}\n"
                if values
                else ""
            )
            + f"  {item['source']}"
            + (f"\n  {item['note']}" if item["note"] else "")
        )
    return "\n\n".join(blocks)
