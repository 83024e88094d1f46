"""Prediction of a run's loss by a fitted law, with an interval."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from scaling_tui.laws.fitting.fitted import Fit, box_for, observations
from scaling_tui.laws.fitting.minimize import minimize
from scaling_tui.laws.student_t import t_quantile
from scaling_tui.text import show

# Trainings that differ only in their seed: the standard deviation of the loss is 0.4 to 0.8 % at the rungs of
# quickstart, 0.4, 1.1 and 0.1 % at those of tiny-shakespeare, 0.2 to 0.4 % in repeat. Five points can by chance lie on
# a curve as if there were no noise, so no interval assumes less than half of the least of these. A floor of the full
# 0.1 % made the intervals of low-noise ladders too wide: 97 % covered for a nominal 90 % at 0.2 % noise.
NOISE_FLOOR = 5e-4
_HELD = 1e6  # weight of a point that the law must pass through


@dataclass(frozen=True)
class Prediction:
    """A loss in nats per token with its interval.

    Args:
        low, high: ends of the interval; nan if the points leave no degrees of freedom.
        of: "run" predicts the loss of one new run, noise included; "law" the value of the law itself.
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
    runs: int = 1,
    **inputs: float,
) -> Prediction:
    """The loss at `inputs` (`params`, `tokens`, …) with an interval suited to few points.

    The interval is the set of losses of the new run that would not contradict the fit: the run is added to the
    points with a loss y, the law is refitted by least squares on log loss, and y is in the interval if the sum of
    squares grows by no more than t²·s² (t: Student's quantile with points minus coefficients degrees of
    freedom; s: residual standard deviation, at least `noise_floor`). For a law linear in its coefficients this is
    the textbook prediction interval; here it also respects E >= 0 and exponents > 0, so it stays finite where the
    points determine them poorly. For `of="law"` the new point is held exactly (profile likelihood). A new point that is
    the mean of several `runs` weighs as much as they do.

    Raises:
        InputError: an input of the law is missing.
    """
    law = fit.law
    wanted: dict[str, object] = {name: inputs[name] for name in inputs if name in law.inputs}
    at, _ = law.logs(wanted)
    x, y = observations(law, fit.points)
    centre = minimize(law, x, y, fit.theta, delta=np.inf, box=box_for(law, y))
    value = float(np.exp(law.log_loss(fit.theta[None], at)[0, 0]))
    if fit.freedom < 1:
        how = f"no interval: {len(fit.points)} points leave no degrees of freedom for {law.name}"
        return Prediction(value, float("nan"), float("nan"), level, of, how)
    middle = float(law.log_loss(centre.theta, at)[0, 0])
    squares = 2 * float(centre.objective[0])
    scale = max(np.sqrt(squares / fit.freedom), noise_floor)
    reach = t_quantile(0.5 + level / 2, fit.freedom) * scale
    # The excess grows nearly as the square of the distance from the centre, so trial losses on both sides are fitted in
    # one batch and the root of the excess is interpolated between them.
    distance = reach * np.geomspace(0.5, 40.0, 20)
    trial = middle + np.concatenate([-distance, distance])
    weights = np.ones((trial.size, y.size + 1))
    weights[:, -1] = runs if of == "run" else _HELD
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
        f"residual s.d. {show.percent(scale, 2)}" + (" (the assumed run-to-run noise)" if scale == noise_floor else "")
    )
    # The interval is by least squares; extend it to the value of a robust fit where that lies outside.
    ends = min(float(np.exp(middle - low)), value), max(float(np.exp(middle + high)), value)
    return Prediction(value, *ends, level, of, how)
