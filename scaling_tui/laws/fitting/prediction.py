"""What a fitted law says about a run that has not been made, and how far to believe it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from scaling_tui.laws.fitting.fitted import Fit, box_for, observations
from scaling_tui.laws.fitting.minimize import minimize
from scaling_tui.laws.student_t import t_quantile

# Two trainings of one small model that differ by their seed alone differ by some 0.1 % of the loss or more. Five points
# can lie on a curve by chance as if there were no noise, so no interval assumes less than half of that. A floor of
# 0.1 % itself made the intervals of quiet ladders too wide: 97 % covered for a nominal 90 at 0.2 % noise.
NOISE_FLOOR = 5e-4
_HELD = 1e6  # weight of a point that the law must pass through


@dataclass(frozen=True)
class Prediction:
    """A loss in nats per token with its interval.

    Args:
        low, high: ends of the interval; nan where the points leave no degree of freedom.
        of: "run" is the loss that one new run will show, its noise included; "law" is the law's own value.
        how: the method, in words.
    """

    value: float
    low: float
    high: float
    level: float
    of: Literal["run", "law"]
    how: str


def predict(
    fit: Fit,
    *,
    level: float = 0.9,
    of: Literal["run", "law"] = "run",
    noise_floor: float = NOISE_FLOOR,
    **inputs: float,
) -> Prediction:
    """The loss at `inputs` (`params`, `tokens`, …) with an interval that is meant for few points.

    The interval is the set of losses that the new run could show without contradicting the fit: the run is put among
    the points with a loss y, the law refitted by least squares on log loss, and y belongs to the interval while the
    sum of squares grows by no more than t²·s² (t: Student's quantile with points minus coefficients degrees of
    freedom; s: residual standard deviation, at least `noise_floor`). For a law linear in its coefficients this is
    the textbook prediction interval; here it also respects E >= 0 and exponents > 0, so it stays finite where the
    points determine them poorly. For `of="law"` the new point is held exactly (profile likelihood).

    Raises:
        InputError: an input of the law is missing or of no use to it.
    """
    law = fit.law
    wanted: dict[str, object] = {name: inputs[name] for name in inputs if name in law.inputs}
    at, _ = law.logs(wanted)
    x, y = observations(law, fit.points)
    centre = minimize(law, x, y, fit.theta, delta=np.inf, box=box_for(law, y))
    value = float(np.exp(law.log_loss(fit.theta[None], at)[0, 0]))
    if fit.freedom < 1:
        how = f"no interval: {len(fit.points)} points leave no degree of freedom for {law.name}"
        return Prediction(value, float("nan"), float("nan"), level, of, how)
    middle = float(law.log_loss(centre.theta, at)[0, 0])
    squares = 2 * float(centre.objective[0])
    scale = max(np.sqrt(squares / fit.freedom), noise_floor)
    reach = t_quantile(0.5 + level / 2, fit.freedom) * scale
    # The excess grows from the centre outwards, nearly as the square of the distance: trial losses on both sides in
    # one batch, and its root is read off between two of them.
    distance = reach * np.geomspace(0.5, 40.0, 20)
    trial = middle + np.concatenate([-distance, distance])
    weights = np.ones((trial.size, y.size + 1))
    weights[:, -1] = 1.0 if of == "run" else _HELD
    box = box_for(law, y)
    if law.floor:
        box[1][law.coefficients.index(law.floor)] = max(float(y.max()), float(trial.max()))
    refit = minimize(
        law,
        np.concatenate([x, at], axis=1),
        np.concatenate([np.tile(y, (trial.size, 1)), trial[:, None]], axis=1),
        centre.theta,
        delta=np.inf,
        weights=weights,
        box=box,
        tolerance=1e-6,
    )
    root = np.sqrt(np.maximum(2 * refit.objective - squares, 0.0)).reshape(2, -1)
    root = np.maximum.accumulate(np.pad(root, ((0, 0), (1, 0))), axis=1)
    low, high = (float(np.interp(reach, side, np.pad(distance, (1, 0)))) for side in root)
    how = (
        f"profile of least squares on log loss, Student t with {fit.freedom} degrees of freedom, "
        f"residual s.d. {scale:.2%}" + (" (the stated run-to-run noise)" if scale == noise_floor else "")
    )
    # A robust fit's value need not be the middle of an interval by least squares; it belongs to it all the same.
    ends = min(float(np.exp(middle - low)), value), max(float(np.exp(middle + high)), value)
    return Prediction(value, *ends, level, of, how)
