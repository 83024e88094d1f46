"""Runs whose N and D grow together, as those of most ladders do: the line that they lie on, and the law along it.

Where every run has the same D/N, or D follows a power of N, the loss tells nothing of N and D apart. It tells how the
loss falls along that line, and so the run of a budget on it; whether another split would be better, it does not.
"""

from dataclasses import dataclass
from math import exp, log

import numpy as np

from scaling_tui.laws.counting import LOG6
from scaling_tui.laws.fitting.points import Points
from scaling_tui.laws.fitting.restrictions import Restrictions
from scaling_tui.laws.forms import Law
from scaling_tui.laws.published import find_law

_SPREAD = 0.05  # s.d. of log D about the line up to which the runs lie on it
_COLLINEAR = 0.995  # correlation of log N and log D beyond which runs are nearly on one line
_RATIO = 0.02  # of the slope from 1 up to which D/N counts as fixed


@dataclass(frozen=True)
class Ray:
    """The line log D = offset + slope · log N on which all runs lie."""

    slope: float
    offset: float

    @property
    def text(self) -> str:
        """In words, such as `D = 20 N`."""
        if self.slope == 1:
            return f"D = {exp(self.offset):.3g} N"
        return f"D = {exp(self.offset):.3g} N^{self.slope:.2f}"

    def of_params(self, params: float) -> float:
        """D at N."""
        return exp(self.offset + self.slope * log(params))

    def of_tokens(self, tokens: float) -> float:
        """N at D."""
        return exp((log(tokens) - self.offset) / self.slope)

    def of_flops(self, flops: float) -> float:
        """N at C = 6ND."""
        return exp((log(flops) - LOG6 - self.offset) / (1 + self.slope))

    def holds(self, params: float, tokens: float) -> bool:
        """Whether a run lies on the ray, as nearly as the fitted ones may."""
        return abs(log(tokens / self.of_params(params))) <= 2 * _SPREAD


def ray_of(points: Points) -> Ray | None:
    """The ray on which all points lie; None where N and D vary apart, or one of them not at all."""
    if points.params is None or points.tokens is None or len(points) < 2:
        return None
    n, d = np.log(points.params), np.log(points.tokens)
    if np.ptp(n) < _SPREAD or np.ptp(d) < _SPREAD or not np.isfinite(n + d).all():
        return None
    slope, offset = np.polyfit(n, d, 1)
    if abs(slope - 1) < _RATIO:
        slope, offset = 1.0, float((d - n).mean())
    if slope <= 0 or float(np.std(d - offset - slope * n)) > _SPREAD:
        return None
    return Ray(float(slope), float(offset))


def near_ray(points: Points) -> bool:
    """Whether N and D vary so little apart that a split of the budget between them rests on very little."""
    if points.params is None or points.tokens is None:
        return False
    if len(points) < 3:
        return True
    logs = np.log([points.params, points.tokens])
    return bool(np.ptp(logs, axis=1).min() > 0 and abs(np.corrcoef(logs)[0, 1]) > _COLLINEAR)


def law_along(law: Law) -> Law:
    """The law of N alone that holds along a ray in place of `law`: with a floor where that has one."""
    return find_law("chinchilla-n" if law.floor else "kaplan-n")


def restrictions_along(law: Law, given: Restrictions) -> tuple[Restrictions, str]:
    """Those that the law along a ray keeps, and the others in words.

    It has the floor of `law` and no other coefficient of it. Its one exponent is as good as two that are tied.
    """
    kept = Restrictions(
        {name: value for name, value in given.fixed.items() if name == law.floor},
        (),
        {name: prior for name, prior in given.priors.items() if name == law.floor},
    )
    others = Restrictions(
        {name: value for name, value in given.fixed.items() if name != law.floor},
        tuple(pair for pair in given.ties if not set(pair) <= law.exponents),
        {name: prior for name, prior in given.priors.items() if name != law.floor},
    )
    return kept, others.text
