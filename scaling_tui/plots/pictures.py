"""Figures as pictures for papers and slides: SVG, PNG and PDF. The only file that imports matplotlib, an extra."""

import io
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from xml.etree import ElementTree

import numpy as np

from scaling_tui import InputError
from scaling_tui.plots.axes import Axis, apart, labels, thin, tick_label
from scaling_tui.plots.figures import DOTTED, Colour, Figure, Ink, colour_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

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
DPI = 200  # dots an inch of a PNG
SIZE = 9  # points, of text
COLUMNS = 600  # that a curve's lowest and highest points are kept of
POINTS = 60_000  # of all curves together, beyond 40 columns of each: 500 curves would take megabytes
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


# In a page whatever is not coloured has the colour of the page's text, so that it is seen on light and on dark.
_TEXT = "#010203"
_SVG, _LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_PAGE_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "text.color": _TEXT,
    "axes.edgecolor": _TEXT,
    "axes.labelcolor": _TEXT,
    "xtick.color": _TEXT,
    "ytick.color": _TEXT,
}


@dataclass(frozen=True)
class _Look:
    """Width and height of a panel in inches; colours by name, of what is faint, inside a hollow mark, of the grid."""

    width: float
    height: float
    colours: Mapping[str, Colour]
    faint: tuple[float, ...]
    inside: str
    grid: tuple[float, ...]


def _shares(colour: Colour) -> tuple[float, ...]:
    """A colour as matplotlib takes it."""
    return tuple(value / 255 for value in colour)


_PAPER = _Look(6.4, 4.2, PRINT, _shares(FAINT), "white", (0.9, 0.9, 0.9))


def picture(figures: Sequence[Figure], kind: Format) -> bytes:
    """The figures side by side, on white.

    Raises:
        InputError: matplotlib is not installed.
    """
    out = io.BytesIO()
    with _canvas(len(figures), _PAPER, kind.upper()) as canvas:
        for axes, figure in zip(canvas.subplots(1, len(figures), squeeze=False)[0], figures, strict=True):
            _panel(axes, figure, _PAPER)
        canvas.savefig(out, format=kind, metadata=METADATA[kind])
    return out.getvalue()


def page_svg(figure: Figure, colours: Mapping[str, Colour], prefix: str) -> str:
    """The figure as an SVG element to stand inside a page: see-through, in the colour of the page's text.

    Args:
        figure: without its title, which the page says.
        colours: by name, for what is not in the colour of the text; they stand on light and on dark.
        prefix: of its ids, by which the figures of a page are told apart.

    Raises:
        InputError: matplotlib is not installed.
    """
    out = io.BytesIO()
    text: Colour = (1, 2, 3)  # `_TEXT`
    # Smaller, so that its words are read on a phone.
    look = _Look(5.2, 3.6, {**colours, "foreground": text}, (*_shares(text), 0.5), "none", (*_shares(text), 0.15))
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with _canvas(1, look, "figures", _PAGE_STYLE) as canvas:
        _panel(canvas.subplots(), figure, look, titled=False)
        canvas.savefig(out, format="svg", metadata=nothing, transparent=True)
    return _as_element(ElementTree.fromstring(out.getvalue()), prefix)


def _as_element(svg: ElementTree.Element, prefix: str) -> str:
    """An SVG document as an element of HTML: without what only a document has, and with ids of its own."""
    for parent in list(svg.iter()):
        for child in list(parent):
            if child.tag in (f"{{{_SVG}}}metadata", f"{{{_SVG}}}style"):
                parent.remove(child)
    for element in svg.iter():
        element.tag = element.tag.removeprefix(f"{{{_SVG}}}")
        for name, value in list(element.attrib.items()):
            del element.attrib[name]
            plain = name.removeprefix(f"{{{_LINK}}}")
            if plain == "id":
                changed = f"{prefix}-{value}"
            elif plain == "href":
                changed = f"#{prefix}-{value.removeprefix('#')}"
            else:
                changed = re.sub(r"url\(#([^)]*)\)", rf"url(#{prefix}-\1)", value).replace(_TEXT, "currentColor")
            element.set(plain, changed)
    for name in ("width", "height", "version"):
        svg.attrib.pop(name, None)
    svg.set("aria-hidden", "true")  # what is seen is said beside it
    return ElementTree.tostring(svg, encoding="unicode", short_empty_elements=False)


@contextmanager
def _canvas(panels: int, look: _Look, what: str, style: Mapping[Any, Any] | None = None) -> "Iterator[Canvas]":
    """An empty picture for so many panels side by side, of which a look tells the size.

    Raises:
        InputError: matplotlib, which `what` needs, is not installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure as Canvas
    except ImportError:
        raise InputError(
            f"{what}: needs matplotlib, which is not installed; run pip install 'scaling-tui[figures]'"
        ) from None
    with matplotlib.rc_context({**STYLE, **(style or {})}), warnings.catch_warnings():
        # A name in a script that the font lacks is drawn as boxes in a PNG; nothing else is lost.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield Canvas(figsize=(look.width * panels, look.height), dpi=DPI, layout="constrained")


def _panel(axes: "Axes", figure: Figure, look: _Look, titled: bool = True) -> None:
    if titled:
        axes.set_title(_plain(figure.heading), loc="left", fontsize=SIZE)
    view = figure.view
    if view is None:
        axes.set_axis_off()
        axes.text(0, 0.9, figure.empty or "nothing to show")
        return
    shown, x_axis, y_axis = view.curves, view.x, view.y
    room = max((len(curve.label) for curve, *_ in shown), default=0) * SIZE * 0.6 + 8
    x_axis = x_axis.widened(room / max(72 * (look.width - 0.8) - room, room))
    _scale(axes, "x", x_axis, figure, look)
    _scale(axes, "y", y_axis, figure, look)
    edges = x_axis.edges(min(COLUMNS, max(40, POINTS // (2 * max(1, len(shown))))))
    for curve, x, y in shown:
        line: dict[str, Any] = {
            "color": _colour(curve.ink, look),
            "linewidth": {"strong": 2.2, "faint": 0.8}.get(curve.weight, 1.3),
        }
        if curve.joined:
            axes.plot(*thin(x, y, edges), linestyle="--" if curve.mark == DOTTED else "-", **line)
        else:
            hollow = {"markerfacecolor": look.inside} if curve.mark == "○" else {}
            axes.plot(x, y, MARKS.get(curve.mark, "o"), markersize=5, zorder=3, **line | hollow)
    edge: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "clip_on": False, "markersize": 4}
    for curve, above, below in view.cut:
        for mark, x, height in (("^", above, 1.0), ("v", below, 0.0)):
            axes.plot(x, np.full(len(x), height), mark, color=_colour(curve.ink, look), **edge)
    for at, low, high, colour in view.spans:
        line = {"color": _colour(Ink(colour), look), "linewidth": 1.3, "marker": "_", "markersize": 7, "zorder": 3}
        axes.plot([at, at], [low, high], **line)
    height = 72 * (look.height - 0.8) / (SIZE * 1.2)  # lines of text in a panel
    labelled = [(curve, x[-1], y[-1]) for curve, x, y in shown if curve.label and y_axis.holds(y)]
    ends = [(curve, x, (1 - y_axis.share(y)) * height) for curve, x, y in labelled]
    for (curve, at, _), place in zip(ends, apart([down for *_, down in ends], int(height)), strict=True):
        if place is not None:
            axes.annotate(
                _plain(curve.label), (at, 1 - place / height), (6, 0), ("data", "axes fraction"), "offset points",
                color=_colour(Ink(curve.colour), look), verticalalignment="center",
            )  # fmt: skip


def _scale(axes: "Axes", which: Literal["x", "y"], axis: Axis, figure: Figure, look: _Look) -> None:
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
        axes.grid(axis="y", color=look.grid, linewidth=0.6)
        axes.set_axisbelow(True)


def _colour(ink: Ink, look: _Look) -> tuple[float, ...]:
    return look.faint if ink.weight == "faint" else _shares(colour_of(ink.colour, look.colours))


def _plain(text: str) -> str:
    """Without control characters, which no SVG may hold."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)
