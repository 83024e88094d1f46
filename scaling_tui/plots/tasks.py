"""What a task's two steps look like: accuracy over bits per byte, the sigmoid, and what is predicted on it."""

from collections.abc import Sequence

import numpy as np

from scaling_tui.laws.fitting.sigmoid import accuracies
from scaling_tui.laws.fitting.tasks import TaskFit, TaskPrediction
from scaling_tui.plots.figures import DOTTED, Figure, Series


def task_view(made: TaskFit, task: str, predictions: Sequence[TaskPrediction] = ()) -> Figure:
    """Accuracy over bits per byte: runs, sigmoid, its interval, guessing, and predictions with theirs."""
    low, high = float(made.bpb.min()), float(made.bpb.max())
    reach = high - low
    left = min([low - 0.3 * reach, *(prediction.bpb - 0.1 * reach for prediction in predictions)])
    x = np.linspace(max(left, 0.0), high + 0.2 * reach, 160)
    inside = (x >= low) & (x <= high)
    curve = accuracies(np.tile(made.sigmoid.row, (x.size, 1)), x)
    series = [Series(x, curve, "accent", "", DOTTED, name="sigmoid"), Series(x[inside], curve[inside], "accent")]
    if len(made.sigmoids) > 1:
        tail = (1 - made.level) / 2
        spread = np.array([accuracies(made.sigmoids, np.full(len(made.sigmoids), at)) for at in x])
        series += [
            Series(x, np.quantile(spread, share, axis=1), "foreground", "", DOTTED, "faint", name)
            for share, name in ((tail, "low"), (1 - tail, "high"))
        ]
    if made.chance is not None:
        series.append(Series(x[[0, -1]], np.full(2, made.chance), "foreground", "guessing", weight="faint"))
    series.append(Series(made.bpb, made.accuracy, "primary", "", "●", name="runs"))
    spans = []
    for prediction in predictions:
        at = np.array([prediction.bpb]), np.array([prediction.accuracy])
        series.append(Series(*at, "success", "predicted", "◆", "strong", "predicted"))
        if np.isfinite(prediction.low):
            spans.append((prediction.bpb, prediction.low, prediction.high, "success"))
    return Figure(
        f"{task}: accuracy · x bits per byte of the right answers",
        tuple(series),
        tuple(spans),
        x_name="bpb",
        y_name="accuracy",
        x_unit="bits per byte",
    )
