"""Schedules that nobody has trained yet, written as a few words: `cosine:72000`, `wsd:20000:24000:final_lr=0.1`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws.schedules.curves import Curve, Schedule
from scaling_tui.laws.schedules.shapes import rate_share
from scaling_tui.text.numbers import read_quantity

KINDS = ("constant", "linear", "cosine", "wsd")
KEYS = ("lr", "warmup", "final_lr")
_POINTS = 400  # of a planned curve
_KNOTS = 2000
_MOST_STEPS = 10**9
WANTED = "KIND:STEPS with KIND constant, linear or cosine, or wsd:COOLDOWN_FROM:STEPS; then :lr=, :warmup=, :final_lr="


@dataclass(frozen=True)
class Defaults:
    """What words leave open, from the schedules of the fitted curves; None where these disagree.

    Args:
        peak: highest learning rate.
        warmup: steps of it.
        final: the lowest rate to which one of them falls, as a share of its peak; 0 where none falls.
    """

    peak: float | None
    warmup: int | None
    final: float

    @classmethod
    def of(cls, schedules: Sequence[Schedule]) -> "Defaults":
        peaks = np.array([one.peak for one in schedules])
        warmups = np.array([one.warmup for one in schedules])
        alike = np.ptp(peaks) <= 0.01 * peaks.max()
        # Records that begin between two steps of a warm-up's end differ by less than their own distance.
        near = np.ptp(warmups) <= max(1.0, 0.02 * max(one.last for one in schedules))
        ends = [float(one.rates[one.steps >= one.warmup].min() / one.peak) for one in schedules]
        falls = [end for end in ends if end < 0.99]
        return cls(
            float(peaks[0]) if alike else None,
            int(np.median(warmups)) if near else None,
            min(falls) if falls else 0.0,
        )


def is_words(text: str) -> bool:
    """Whether `text` can only be a schedule in words."""
    return text.partition(":")[0].strip() in KINDS and ":" in text


def planned(text: str, defaults: Defaults) -> tuple[Curve, str]:
    """The curve that is to be predicted, without losses, and its schedule spelt out.

    Raises:
        InputError: the words are not those of a schedule; or they leave open what the fitted curves disagree on.
    """
    kind, *rest = (part.strip() for part in text.split(":"))
    counts = [part for part in rest if "=" not in part]
    wanted = 2 if kind == "wsd" else 1
    if kind not in KINDS or len(counts) != wanted:
        raise InputError(f"schedule: found {text[:60]!r}, want {WANTED}")
    given: dict[str, float] = {}
    for part in rest:
        key, equals, value = (item.strip() for item in part.partition("="))
        if not equals:
            continue
        if key not in KEYS or key in given:
            raise InputError(f"schedule {text[:60]}: found {key[:30]!r}, want each of {', '.join(KEYS)} once at most")
        given[key] = read_quantity(value, what=f"schedule {text[:60]}, {key}")
    *starts, steps = (_steps(part, text) for part in counts)
    peak = _known(given.get("lr"), defaults.peak, "lr", "peak learning rates", text)
    warmup = round(_known(given.get("warmup"), defaults.warmup, "warmup", "warm-ups", text))
    final = given.get("final_lr", 1.0 if kind == "constant" else defaults.final)
    if not 0 < peak <= 10:
        raise InputError(f"schedule {text[:60]}: found lr {peak:g}, want more than 0 and at most 10")
    if not 0 <= final <= 1:
        raise InputError(f"schedule {text[:60]}: found final_lr {final:g}, want a share of the peak, 0 to 1")
    start = starts[0] if starts else warmup
    if not 0 <= warmup <= start < steps:
        at = f"a cooldown from step {start:,}" if starts else ""
        raise InputError(
            f"schedule {text[:60]}: found a warm-up of {warmup:,} steps{', ' + at if at else ''} and {steps:,} steps "
            "in all, want them in rising order"
        )
    schedule = _schedule(kind, steps, warmup, steps - start, peak, final)
    first = min(steps, max(1, warmup))
    points = np.unique(np.round(np.linspace(first, steps, min(_POINTS, steps - first + 1))))
    told = f"warm-up {warmup:,} steps to {peak:.3g}"
    if kind == "wsd":
        told += f", cooldown from step {start:,} as 1 - sqrt to {peak * final:.3g}"
    elif kind != "constant":
        told += f", {kind} to {peak * final:.3g}"
    return Curve(text, schedule, points, np.full(points.size, np.nan)), f"{text}: {told} at step {steps:,}"


def _schedule(kind: str, steps: int, warmup: int, falling: int, peak: float, final: float) -> Schedule:
    """As the trainer sets it: the first step is 1, and the last one is still short of the final rate."""
    inner = np.round(np.linspace(1, steps, min(_KNOTS, steps)))
    corners = [1, max(1, warmup), warmup + 1, steps - falling, steps - falling + 1, steps]
    knots = np.unique(np.concatenate([inner, [corner for corner in corners if 1 <= corner <= steps]]))
    rates = [
        peak * step / warmup
        if step <= warmup
        else peak * (final + (1 - final) * rate_share(kind, step - 1, steps, warmup, falling))
        for step in knots.astype(int).tolist()
    ]
    return Schedule.recorded(knots, np.array(rates))


def _steps(text: str, words: str) -> int:
    value = read_quantity(text, "steps", f"schedule {words[:60]}")
    if not 1 <= value <= _MOST_STEPS or value != int(value):
        raise InputError(f"schedule {words[:60]}: found {text!r}, want a whole number of steps, up to {_MOST_STEPS:,}")
    return int(value)


def _known(given: float | None, default: float | None, key: str, what: str, words: str) -> float:
    if given is not None:
        return given
    if default is None:
        raise InputError(f"schedule {words[:60]}: the fitted curves have several {what}, want :{key}=…")
    return default
