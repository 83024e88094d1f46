"""Influence of runs, correlation of coefficients and residuals, as `fit` and the Law screen tell them."""

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_tui.laws.fitting.influence import TOGETHER, Influence, correlations
from scaling_tui.laws.fitting.residuals import measured_inputs, patterns
from scaling_tui.laws.forms import SYMBOLS
from scaling_tui.text import show
from scaling_tui.text.columns import columns

if TYPE_CHECKING:
    from scaling_tui.laws import Points
    from scaling_tui.laws.fitting.bootstrap import Bootstrap
    from scaling_tui.laws.fitting.fitted import Fit
    from scaling_tui.laws.fitting.study import Study

NAMED = 3  # runs that the text names
_ALL = 10_000  # residuals that a document lists
_LEAST = 4.0  # Cook's distance times groups from which a run is worth a line (Bollen and Jackman 1990)


def influence_document(study: "Study", found: Influence | None) -> dict[str, Any]:
    """For JSON: `influence`, `correlations` and `residuals`; null where there is nothing to tell."""
    fit = study.fit
    return {
        "influence": None if found is None else _influence(fit, found),
        "correlations": [
            {"coefficients": list(pair), "rank_correlation": value}
            for pair, value in (correlations(study.draws).items() if study.draws else ())
        ],
        "residuals": _residuals(fit) if len(fit.points) <= _ALL else None,
        "residual_patterns": [asdict(pattern) for pattern in patterns(fit)],
    }


def _influence(fit: "Fit", found: Influence) -> dict[str, Any]:
    return {
        "leaves": found.kind,
        "at": dict(found.at),
        "runs": [
            {
                "runs": [_label(fit.points, int(index)) for index in found.groups[number]],
                "cook": float(found.cook[number]),
                "prediction": float(found.prediction[number]),
                "coefficients": dict(zip(fit.law.coefficients, found.coefficients[number].tolist(), strict=True)),
            }
            for number in found.order().tolist()
        ],
    }


def _residuals(fit: "Fit") -> list[dict[str, Any]]:
    points, inputs = fit.points, measured_inputs(fit)
    return [
        {"run": _label(points, index)}
        | {str(name): float(column[index]) for name, column in inputs.items()}
        | {"loss": float(points.loss[index]), "residual": float(off)}
        for index, off in enumerate(np.expm1(fit.residuals).tolist())
    ]


def _label(points: "Points", index: int) -> str:
    return points.labels[index] if points.labels else f"point {index + 1}"


def _called(fit: "Fit", found: Influence, number: int) -> str:
    return show.listed([_label(fit.points, int(index)) for index in found.groups[number]], 2)


def _at(found: Influence) -> str:
    return ", ".join(
        f"{SYMBOLS[name]} {show.scientific(value) if name == 'flops' else show.count(value)}"
        for name, value in found.at.items()
    )


def influence_lines(fit: "Fit", found: Influence) -> list[str]:
    """A line for each of the most influential runs: what leaving it out does."""
    lines: list[str] = []
    for number in found.order()[:NAMED].tolist():
        if lines and found.cook[number] * len(found.groups) < _LEAST:
            break
        moves = dict(zip(fit.law.coefficients, found.coefficients[number].tolist(), strict=True))
        known = {name: move for name, move in moves.items() if not math.isnan(move)}
        most = max(known, key=lambda name: abs(known[name]), default=None)
        moved = f", {most} {show.percent(known[most], 1, sign=True)}" if most else ""
        lines.append(
            f"without {_called(fit, found, number)}: "
            f"loss at {_at(found)} {show.percent(found.prediction[number], 2, sign=True)}{moved} "
            f"(Cook's distance {found.cook[number]:.2g})"
        )
    return lines


def correlation_lines(draws: "Bootstrap | None") -> list[str]:
    """A line for each pair of coefficients that the points cannot tell apart."""
    if draws is None or len(draws) < 20:
        return []
    tied = {frozenset(pair) for pair in draws.fit.restrictions.ties}
    found = {pair: value for pair, value in correlations(draws).items() if frozenset(pair) not in tied}
    return [
        f"{one} and {other} are correlated (rank correlation {value:+.2f} over the draws): do not read one alone"
        for (one, other), value in found.items()
        if abs(value) > TOGETHER
    ]


def pattern_lines(fit: "Fit") -> list[str]:
    """At most one line: the input along which the residuals have the clearest pattern, where they have one."""
    clear = [
        (abs(t), pattern, kind)
        for pattern in patterns(fit)
        for kind, t in (("bend", pattern.bend), ("trend", pattern.trend))
        if abs(t) > pattern.limit
    ]
    if not clear:
        return []
    _, pattern, kind = max(clear, key=lambda one: one[0])
    symbol = SYMBOLS[pattern.over]
    if kind == "bend":
        side = "above" if pattern.bend > 0 else "below"
        return [
            f"residuals bend with {symbol} (t {pattern.bend:+.1f}): runs lie {side} the law at both ends of {symbol}"
        ]
    verb, side = ("rise", "above") if pattern.trend > 0 else ("fall", "below")
    return [f"residuals {verb} with {symbol} (t {pattern.trend:+.1f}): runs of large {symbol} lie {side} the law"]


MOST_LISTED = 50


def influence_text(study: "Study", found: Influence | None, narrow: bool = False) -> str:
    """The runs as a table, the most influential first: what leaving each out does; `narrow` without coefficients."""
    fit = study.fit
    if found is None:
        return "Too few runs to leave one out, or too many for one to matter."
    rows = [(f"without {found.kind}", "Cook", "loss", *fit.law.coefficients)]
    order = found.order().tolist()
    rows += [
        (
            _called(fit, found, number),
            f"{found.cook[number]:.2g}",
            show.percent(found.prediction[number], 2, sign=True),
            *(show.percent(move, 1, sign=True) for move in found.coefficients[number].tolist()),
        )
        for number in order[:MOST_LISTED]
    ]
    lines = [
        f"What leaving out a {found.kind} changes: the loss at {_at(found)} (the largest run) and the coefficients.",
        f"Cook's distance: near or above 1, the fit depends heavily on that {found.kind}.",
        "",
        columns([row[:3] for row in rows] if narrow else rows, numeric=range(1, 3 if narrow else len(rows[0]))),
    ]
    if len(order) > MOST_LISTED:
        lines.append(f"and {len(order) - MOST_LISTED:,} more with less influence")
    return "\n".join([*lines, *(["", *pairs] if (pairs := correlation_lines(study.draws)) else [])])
