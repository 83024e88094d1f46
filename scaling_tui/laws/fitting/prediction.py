"""Prediction of a run's loss by a fitted law, with an interval."""

from collections.abc import Mapping, Sequence
from typing import Literal

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
    return _predict(fit, (of,), level, runs, inputs)[0]


def predict_law_and_run(fit: Fit, *, level: float = 0.9, **inputs: float) -> tuple[Prediction, Prediction]:
    """The value of the law at `inputs` and the loss of one new run there, from the same refits; as `predict`."""
    law, run = _predict(fit, ("law", "run"), level, 1, inputs)
    return law, run


def _predict(
    fit: Fit, kinds: Sequence[Literal["run", "law"]], level: float, runs: int, inputs: Mapping[str, float]
) -> list[Prediction]:
    wanted: dict[str, object] = {name: inputs[name] for name in inputs if name in fit.law.inputs}
    if fit.freedom < 1:
        how = f"no interval: {len(fit.points)} points leave no degrees of freedom for {fit.law.name}"
        value = float(fit.loss(**wanted))
        return [Prediction(value, float("nan"), float("nan"), level, of, how) for of in kinds]
    draws = bootstrap(fit, _DRAWS)
    return [draws.predict(level=level, of=of, runs=runs, **wanted) for of in kinds]
