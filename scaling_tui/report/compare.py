"""Laws compared, as `fit --compare` and the Law screen tell it."""

import math
from dataclasses import asdict
from typing import Any

from scaling_tui.laws.fitting.compare import EQUAL, Comparison, Contender
from scaling_tui.laws.forms import SYMBOLS
from scaling_tui.text import show
from scaling_tui.text.columns import columns


def compare_document(found: Comparison) -> dict[str, Any]:
    """For JSON: `compare`, a law each, and how they were compared."""
    beyond = found.best_beyond
    return {
        "compare": [
            {
                "law": one.fit.law.name,
                "form": one.fit.law.text,
                "coefficients": one.fit.coefficients,
                "parameters": one.parameters,
                "objective": one.fit.objective,
                "aicc": one.aicc,
                "loo": one.loo,
                "holdout_mape": one.holdout_mape,
                "holdout_bias": one.holdout_bias,
                "origins": [{"mape": error, "bias": bias} for error, bias in zip(one.errors, one.biases, strict=True)],
            }
            for one in found.contenders
        ],
        "compared": {
            "points": len(found.points),
            "points_given": found.given,
            "delta": found.delta,
            "likelihood": likelihood(found.delta),
            "leaves_out": found.groups.each,
            "folds": found.folds,
            "by": found.by,
            "origins": [asdict(origin) for origin in found.origins],
            "not_compared": found.excluded,
            "best_within": found.best_within.fit.law.name,
            "best_beyond": beyond.fit.law.name if beyond else None,
            "summary": _summary(found),
        },
    }


def likelihood(delta: float) -> str:
    """The density of residuals that AICc is computed on, in words."""
    if math.isinf(delta):
        return "normal residuals of log loss"
    return f"density of log-loss residuals exp(-Huber({delta:g})/tau)/Z(tau)"


def compare_text(found: Comparison, narrow: bool = False) -> str:
    """The table of the laws, which is best in the sample and which beyond it, and what the columns mean.

    `narrow` leaves out the columns that say least, for less than 70 characters.
    """
    least = found.best_within.aicc
    rows = [("law", "coefs", "objective", "AICc", "left out", "beyond", "bias")]
    rows += [
        (
            one.fit.law.name,
            str(one.parameters - 1),
            f"{one.fit.objective:.4g}",
            _relative(one.aicc - least),
            show.percent(one.loo, 2),
            show.percent(one.holdout_mape, 2),
            show.percent(one.holdout_bias, 2, sign=True),
        )
        for one in found.contenders
    ]
    shown = (0, 3, 4, 5) if narrow else range(7)
    table = columns([[row[k] for k in shown] for row in rows], numeric=range(1, len(shown)))
    lines = [table, "", *_summary(found), "", *_how(found)]
    if found.excluded:
        reasons = dict.fromkeys(found.excluded.values())
        lines += ["", "not compared:"]
        lines += [
            f"  {', '.join(name for name, why in found.excluded.items() if why == reason)}: {reason}"
            for reason in reasons
        ]
    return "\n".join(lines)


def _summary(found: Comparison) -> list[str]:
    """Which law is best in the sample and which beyond it, and what to make of that."""
    beyond = found.best_beyond
    if beyond is None:
        return [_within(found), "beyond it: unknown, too few sizes to fit the smaller ones and predict the larger ones"]
    return [_within(found), _beyond(found, beyond), _advice(found, beyond)]


def _relative(difference: float) -> str:
    return "–" if not math.isfinite(difference) else "best" if difference == 0 else f"+{difference:.1f}"


def _within(found: Comparison) -> str:
    first, *others = found.contenders
    if not others:
        return f"in the sample: only {first.fit.law.name} can be fitted"
    close = [one.fit.law.name for one in others if one.aicc - first.aicc < EQUAL]
    name = first.fit.law.name
    if close:
        return f"best in the sample: {name}, with {show.listed(close)} as good (AICc within {EQUAL:g})"
    return f"best in the sample: {name}, AICc {others[0].aicc - first.aicc:.1f} below {others[0].fit.law.name}"


def _beyond(found: Comparison, best: Contender) -> str:
    tested = [one for one in found.contenders if not math.isnan(one.holdout_mape)]
    name = best.fit.law.name
    if len(tested) < 2:
        return f"beyond it: {name}, with an error of {show.percent(best.holdout_mape, 2)}"
    second = min((one for one in tested if one is not best), key=lambda one: one.holdout_mape)
    wins = sum(best.errors[k] <= min(one.errors[k] for one in tested) for k in range(len(found.origins)))
    return (
        f"best beyond it: {name}, {show.percent(best.holdout_mape, 2)} against "
        f"{show.percent(second.holdout_mape, 2)} by {second.fit.law.name}; best from {wins} of "
        f"{show.counted(len(found.origins), 'origin')}"
    )


def _advice(found: Comparison, best: Contender) -> str:
    if best is not found.best_within:
        return "They differ, as they often do: to predict larger runs, trust the error beyond the sample, not the fit."
    reach = max(origin.reach for origin in found.origins)
    return (
        "Here one law is best in both, which is often not so. This holds only as far as the runs reach: "
        f"{reach:.3g} times the {SYMBOLS[found.by]} fitted."
    )


def _how(found: Comparison) -> list[str]:
    symbol, count = SYMBOLS[found.by], len(found.origins)
    left = f"left out: mean error on each {found.groups.each} by the fit without it"
    if found.folds < len(found.groups):
        left = f"left out: mean error on each of {found.folds} parts of the runs by the fit without it"
    sampled = f" of {found.given:,}, at random" if found.given > len(found.points) else ""
    lines = [
        f"{len(found.points):,} points{sampled}",
        f"AICc: difference from the best, by the likelihood of the objective ({likelihood(found.delta)})",
        left,
    ]
    if count:
        first, last = found.origins[0], found.origins[-1]
        span = f"{first.fitted}" if count == 1 else f"{first.fitted} to {last.fitted}"
        lines.append(
            f"beyond: fitted to the {span} runs of lowest {symbol}, mean error on all larger ones, "
            f"{show.counted(count, 'origin')}"
        )
    return lines
