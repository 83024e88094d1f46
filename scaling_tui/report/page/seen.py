"""What there is to see in a figure, in words, for who cannot see it."""

import numpy as np

from scaling_tui.plots.axes import tick_label
from scaling_tui.plots.figures import Figure

NAMED = 8  # curves that the words name


def seen(figure: Figure) -> str:
    """The axes; where each named curve begins and ends; how many points and intervals there are."""
    shown = figure.shown()
    if not shown:
        return figure.empty or "Nothing to show."
    axes = [
        f"{name}{f' in {unit}' if unit else ''}{' (logarithmic)' if log else ''}"
        for name, unit, log in (
            (figure.y_name, figure.y_unit, figure.log_y),
            (figure.x_name, figure.x_unit, figure.log_x),
        )
    ]
    sentences = [f"Plot of {axes[0]} over {axes[1]}."]
    curves = [(curve.name or curve.label, x, y) for curve, x, y in shown if curve.joined and len(x) > 1]
    named = [(name, x, y) for name, x, y in curves if name]
    told = [
        f"{name} goes from {tick_label(float(y[0]))} at {figure.x_text(float(x[0]))} "
        f"to {tick_label(float(y[-1]))} at {figure.x_text(float(x[-1]))}"
        for name, x, y in named[:NAMED]
    ]
    if told:
        more = f"; and {len(named) - NAMED:,} more curves" if len(named) > NAMED else ""
        sentences.append(f"{'; '.join(told)}{more}.")
    points = [(curve.label or curve.name, x, y) for curve, x, y in shown if not curve.joined or len(x) == 1]
    if points:
        count = sum(len(x) for _, x, _ in points)
        lowest, highest = (float(edge(np.concatenate([y for *_, y in points]))) for edge in (np.min, np.max))
        words = f"{count:,} point{'s' * (count != 1)} from {tick_label(lowest)} to {tick_label(highest)}"
        labels = [
            f"{name} {tick_label(float(y[0]))} at {figure.x_text(float(x[0]))}"
            for name, x, y in points
            if name and len(x) == 1
        ]
        sentences.append(f"{words}{': ' + '; '.join(labels) if 0 < len(labels) <= NAMED else ''}.")
    if figure.spans:
        ends = "; ".join(f"{tick_label(low)} to {tick_label(high)}" for _, low, high, _ in figure.spans[:NAMED])
        sentences.append(f"Bars: {ends}.")
    return " ".join(sentences)
