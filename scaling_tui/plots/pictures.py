"""Figures as pictures for papers and slides: SVG, PNG and PDF. The only file that imports matplotlib, an extra."""

import io
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from scaling_tui import InputError
from scaling_tui.plots.axes import Axis, apart, labels, thin, tick_label
from scaling_tui.plots.figures import DOTTED, Colour, Figure, Ink, colour_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Format = Literal["svg", "png", "pdf"]

# For paper: dark enough on white, and told apart in grey too by their lightness.
PRINT: dict[str, Colour] = {
    "primary": (20, 80, 160),
    "success": (30, 130, 70),
    "warning": (200, 120, 0),
    "error": (180, 30, 40),
    "accent": (120, 60, 160),
    "secondary": (0, 120, 130),
    "foreground": (40, 40, 40),
}
FAINT = (150, 150, 150)
WIDTH, HEIGHT, DPI = 6.4, 4.2, 200  # inches of a panel; dots an inch of a PNG
SIZE = 9  # points, of text
COLUMNS = 600  # that a curve's lowest and highest points are kept of
MARKS = {"●": "o", "○": "o", "◆": "D", "◇": "d", "▲": "^", "×": "x", "·": "."}
STYLE: dict[Any, Any] = {
    "font.size": SIZE,
    "text.parse_math": False,  # names are other people's, and a dollar sign in one is a dollar sign
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.fonttype": "none",  # text stays text, to be found and edited
    "pdf.fonttype": 42,
    "svg.hashsalt": "scaling-tui",  # else the same picture has other names inside every time
}
# No date either; and no program's name in a PNG, which would make a new version of matplotlib another picture.
METADATA: dict[Format, dict[str, None]] = {
    "svg": {"Date": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None},
}


def picture(figures: Sequence[Figure], kind: Format) -> bytes:
    """The figures side by side, on white.

    Raises:
        InputError: matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure as Canvas
    except ImportError:
        raise InputError(
            f"{kind.upper()}: needs matplotlib, which is not installed; run pip install 'scaling-tui[figures]'"
        ) from None
    out = io.BytesIO()
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        # A name in a script that the font lacks is drawn as boxes in a PNG; nothing else is lost.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        canvas = Canvas(figsize=(WIDTH * len(figures), HEIGHT), dpi=DPI, layout="constrained")
        for axes, figure in zip(canvas.subplots(1, len(figures), squeeze=False)[0], figures, strict=True):
            _panel(axes, figure)
        canvas.savefig(out, format=kind, metadata=METADATA[kind])
    return out.getvalue()


def _panel(axes: "Axes", figure: Figure) -> None:
    axes.set_title(_plain(figure.heading), loc="left", fontsize=SIZE)
    shown = figure.shown()
    if not shown:
        axes.set_axis_off()
        axes.text(0, 0.9, figure.empty or "nothing to show")
        return
    x_axis, y_axis = figure.axes(shown)
    room = max((len(curve.label) for curve, *_ in shown), default=0) * SIZE * 0.6 + 8
    x_axis = x_axis.widened(room / max(72 * (WIDTH - 0.8) - room, room))
    _scale(axes, "x", x_axis, figure)
    _scale(axes, "y", y_axis, figure)
    edges = x_axis.edges(COLUMNS)
    for curve, x, y in shown:
        look: dict[str, Any] = {
            "color": _colour(curve.ink),
            "linewidth": {"strong": 2.2, "faint": 0.8}.get(curve.weight, 1.3),
        }
        if curve.joined:
            axes.plot(*thin(x, y, edges), linestyle="--" if curve.mark == DOTTED else "-", **look)
        else:
            hollow = {"markerfacecolor": "white"} if curve.mark == "○" else {}
            axes.plot(x, y, MARKS.get(curve.mark, "o"), markersize=5, zorder=3, **look | hollow)
    for at, low, high, colour in figure.spans:
        look = {"color": _colour(Ink(colour)), "linewidth": 1.3, "marker": "_", "markersize": 7, "zorder": 3}
        axes.plot([at, at], [low, high], **look)
    height = 72 * (HEIGHT - 0.8) / (SIZE * 1.2)  # lines of text in a panel
    ends = [(curve, x[-1], (1 - y_axis.share(y[-1])) * height) for curve, x, y in shown if curve.label]
    for (curve, at, _), place in zip(ends, apart([down for *_, down in ends], int(height)), strict=True):
        if place is not None:
            axes.annotate(
                _plain(curve.label), (at, 1 - place / height), (6, 0), ("data", "axes fraction"), "offset points",
                color=_colour(Ink(curve.colour)), verticalalignment="center",
            )  # fmt: skip


def _scale(axes: "Axes", which: Literal["x", "y"], axis: Axis, figure: Figure) -> None:
    """Limits, ticks and name of one axis."""
    from matplotlib.ticker import NullFormatter

    name, unit = (figure.x_name, figure.x_unit) if which == "x" else (figure.y_name, figure.y_unit)
    values = axis.ticks(8)
    axes.set(**{f"{which}scale": "log" if axis.log else "linear", f"{which}lim": (axis.value(0.0), axis.value(1.0))})
    drawn = axes.xaxis if which == "x" else axes.yaxis
    drawn.set_ticks(values, labels(values, figure.x_label if which == "x" else tick_label))
    drawn.set_minor_formatter(NullFormatter())
    drawn.set_label_text(f"{name}, {unit}" if unit else name)
    if which == "y":
        axes.grid(axis="y", color="0.9", linewidth=0.6)
        axes.set_axisbelow(True)


def _colour(ink: Ink) -> tuple[float, ...]:
    return tuple(np.divide(FAINT if ink.weight == "faint" else colour_of(ink.colour, PRINT), 255).tolist())


def _plain(text: str) -> str:
    """Without control characters, which no SVG may hold."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)
