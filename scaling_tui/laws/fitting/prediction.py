"""Prediction of a run's loss by a fitted law, with an interval."""

from typing import Literal

from scaling_tui.laws.arguments import instance
from scaling_tui.laws.fitting.bootstrap import bootstrap
from scaling_tui.laws.fitting.fitted import Fit, Prediction

_DRAWS = 2000


def predict(
    fit: Fit, *, level: float = 0.9, of: Literal["run", "law"] = "run", runs: int = 1, **inputs: float
) -> Prediction:
    """The loss at `inputs` (`params`, `tokens`, …) with an interval from refits.

    Args:
        fit: the fit.
        level: confidence level of the interval.
        of: "run" for the loss of new runs, noise included; "law" for the value of the law itself.
        runs: how many new runs the loss is the mean of.
        inputs: the law's inputs; others are ignored.

    Raises:
        InputError: an input of the law is missing.
    """
    instance("fit", fit, Fit, "what laws.fit gives")
    wanted: dict[str, object] = {name: inputs[name] for name in inputs if name in fit.law.inputs}
    if fit.freedom < 1:
        how = f"no interval: {len(fit.points)} points leave no degrees of freedom for {fit.law.name}"
        return Prediction(float(fit.loss(**wanted)), float("nan"), float("nan"), level, of, how)
    return bootstrap(fit, _DRAWS).predict(level=level, of=of, runs=runs, **wanted)
