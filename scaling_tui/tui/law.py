"""The law of a sweep as it forms, as a picture and in words; from plain data, for any screen."""

import math

import numpy as np
from rich.text import Text

from scaling_tui import show
from scaling_tui.laws.forms import SYMBOLS, Input
from scaling_tui.runs import RunView, SweepView
from scaling_tui.sweep.points import SweepFit
from scaling_tui.sweep.summary import prediction_summary
from scaling_tui.tui.curves import labels
from scaling_tui.tui.drawing import Figure, Series
from scaling_tui.tui.studies import axis_of, lines


def law_figure(sweep: SweepView, fitted: SweepFit | None) -> Figure:
    """Loss against N (or what the law is of): the runs, the law, its way to the largest rung, the prediction."""
    over: Input = axis_of(fitted.fit) if fitted else "params"
    convention = fitted.fit.convention if fitted else "non-embedding"

    def place(run: RunView) -> float:
        size = run.non_embedding if convention == "non-embedding" else run.params
        return float({"params": size, "tokens": run.tokens, "flops": run.flops}.get(over) or math.nan)

    series = []
    if fitted is not None:
        series += lines(fitted.fit, over, max((place(run) for run in sweep.runs), default=0.0))
    names = labels(sweep)
    for run in sweep.runs:
        if run.state == "finished" and run.loss:
            at = np.array([place(run)]), np.array([run.loss])
            colour, mark = ("primary", "●") if fitted and run.name in fitted.runs else ("success", "◆")
            series.append(Series(*at, colour, names[run.name], mark))
    spans = []
    for prediction in sweep.predictions[-1:]:
        foretold = sweep.run(prediction.run)
        if foretold is not None and prediction.low is not None and prediction.high is not None:
            spans.append((place(foretold), prediction.low, prediction.high, "accent"))
    return Figure(
        f"held-out loss, nats/token · x {f'N {convention}' if over == 'params' else SYMBOLS[over]}",
        tuple(series),
        tuple(span for span in spans if math.isfinite(span[0])),
        log_x=True,
        log_y=True,
        x_name=SYMBOLS[over],
        y_name="loss",
        x_text=show.scientific if over == "flops" else show.count,
        empty="No run has finished yet.",
    )


def law_text(sweep: SweepView, fitted: SweepFit | None) -> Text:
    """The law's coefficients, and predicted against measured; before there is a law, what it waits for."""
    lines = []
    if fitted is None:
        if sweep.document.get("fit"):
            finished = sum(run.state == "finished" for run in sweep.runs)
            wanting = "fitted once their records are read" if sweep.unread else "too few to fit yet"
            lines.append(f"law: {finished} runs finished, {wanting}")
    else:
        coefficients = "  ".join(f"{name} {show.coefficient(value)}" for name, value in fitted.fit.coefficients.items())
        doubt = "  ! see 4 Law" if fitted.fit.warnings else ""
        lines.append(f"law {fitted.fit.law.name} · {len(fitted.runs)} runs · {coefficients}{doubt}")
    found = prediction_summary(sweep)
    if found:
        interval = show.interval(found["predicted"], found["low"], found["high"])
        text = f"{found['rung']} predicted before it ran: {interval}"
        if found["measured"] is not None:
            text += f" · measured {show.loss(found['measured'])}, {show.share(found['error'])}"
        lines.append(text)
    return Text("\n".join(lines))
