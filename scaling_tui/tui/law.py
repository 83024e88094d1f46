"""The law of a sweep as it forms, as a picture and in words; from plain data, for any screen."""

import math

import numpy as np
from rich.text import Text

from scaling_tui import show
from scaling_tui.runs import RunView, SweepView
from scaling_tui.sweep.points import SweepFit
from scaling_tui.sweep.summary import prediction_summary
from scaling_tui.tui.curves import labels
from scaling_tui.tui.drawing import DOTTED, LINE, Figure, Series


def size_of(run: RunView, convention: str) -> float:
    """N of a run under the convention that the law is fitted in."""
    return float((run.non_embedding if convention == "non-embedding" else run.params) or math.nan)


def law_figure(sweep: SweepView, fitted: SweepFit | None) -> Figure:
    """Loss against N: the runs, the law through them, its extrapolation to the largest rung, the prediction."""
    convention = fitted.fit.convention if fitted else "non-embedding"
    done = [run for run in sweep.runs if run.state == "finished" and run.loss]
    title = f"held-out loss, nats/token · x N {convention}"
    series = []
    if fitted is not None:
        used = [size_of(run, convention) for run in done if run.name in fitted.runs]
        top = max(size_of(run, convention) for run in sweep.runs)
        for low, high, mark, name in ((min(used), max(used), LINE, "law"), (max(used), top, DOTTED, "beyond")):
            if high > low:
                n = np.geomspace(low, high, 200)
                series.append(Series(n, fitted.loss(n, float(done[0].tokens or 1)), "accent", mark=mark, name=name))
    names = labels(sweep)
    for run in done:
        at = np.array([size_of(run, convention)])
        colour, mark = ("primary", "●") if fitted and run.name in fitted.runs else ("success", "◆")
        series.append(Series(at, np.array([run.loss]), colour, names[run.name], mark))
    spans = []
    for prediction in sweep.predictions[-1:]:
        foretold = sweep.run(prediction.run)
        if foretold is not None and prediction.low is not None and prediction.high is not None:
            spans.append((size_of(foretold, convention), prediction.low, prediction.high, "accent"))
    return Figure(
        title,
        tuple(series),
        tuple(spans),
        log_x=True,
        log_y=True,
        x_name="N",
        y_name="loss",
        x_text=show.count,
        empty="No run has finished yet.",
    )


def law_text(sweep: SweepView, fitted: SweepFit | None) -> Text:
    """The law's coefficients, and predicted against measured; before there is a law, what it waits for."""
    lines = []
    if fitted is None:
        if sweep.document.get("fit"):
            finished = sum(run.state == "finished" for run in sweep.runs)
            lines.append(f"law: {finished} runs finished, too few to fit yet")
    else:
        coefficients = "  ".join(f"{name} {show.coefficient(value)}" for name, value in fitted.fit.coefficients.items())
        lines.append(f"law {fitted.fit.law.name} · {len(fitted.runs)} runs · {coefficients}")
    found = prediction_summary(sweep)
    if found:
        interval = show.interval(found["predicted"], found["low"], found["high"])
        text = f"{found['rung']} predicted before it ran: {interval}"
        if found["measured"] is not None:
            text += f" · measured {show.loss(found['measured'])}, {show.share(found['error'])}"
        lines.append(text)
    return Text("\n".join(lines))
