"""What a law of learning-rate schedules looks like: curves as measured and as predicted, and their rates."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scaling_tui.laws.schedules.curves import Curve
from scaling_tui.plots.figures import DOTTED, Figure, Series
from scaling_tui.text import show

Array = NDArray[np.float64]


def curve_figure(shown: Sequence[tuple[Curve, Array, bool]]) -> Figure:
    """Loss over steps; each curve with its predicted losses (n,), and whether it was fitted."""
    series = []
    for number, (curve, loss, fitted) in enumerate(shown):
        colour = number / max(1, len(shown) - 1)
        if curve.measured:
            series.append(Series(curve.steps, curve.loss, colour, mark="·", weight="faint", name=curve.name))
        mark = DOTTED if fitted else "line"
        series.append(
            Series(curve.steps, loss, colour, curve.name, mark, "normal" if fitted else "strong", f"{curve.name} law")
        )
    return Figure(
        "loss, nats/token · x step · dots measured, dotted fitted, lines predicted",
        tuple(series),
        log_x=True,
        x_name="step",
        y_name="loss",
        x_text=show.count,
        y_unit="nats per token",
    )


def rate_figure(curves: Sequence[Curve]) -> Figure:
    """The learning rates over steps."""
    series = []
    for number, curve in enumerate(curves):
        schedule = curve.schedule
        colour = number / max(1, len(curves) - 1)
        series.append(Series(schedule.steps, schedule.rates, colour, curve.name, name=curve.name))
    return Figure(
        "learning rate · x step",
        tuple(series),
        x_name="step",
        y_name="learning rate",
        x_text=show.count,
    )
