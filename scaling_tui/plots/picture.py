"""Figures as files: SVG, PNG, CSV. One scene of lines and texts is laid out, and each format writes it."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from scaling_tui import InputError
from scaling_tui.plots.axes import Axis, tick_label
from scaling_tui.plots.canvas import Colour, Ink, apart, colour_of
from scaling_tui.plots.drawing import DOTTED, Figure, drawable_points, limits, thin

Array = NDArray[np.float64]

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
GREY, BLACK = (150, 150, 150), (30, 30, 30)
WIDTH, HEIGHT = 760, 470  # pixels of a panel
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 40, 52
SIZE = 13  # of text
GLYPH = 7.2  # pixels of an average character at that size


@dataclass(frozen=True)
class Line:
    """A polyline through (n, 2) points."""

    points: Array
    colour: Colour
    width: float = 1.6
    dashed: bool = False


@dataclass(frozen=True)
class Dot:
    x: float
    y: float
    colour: Colour
    filled: bool = True


@dataclass(frozen=True)
class Words:
    """Text whose `anchor` ("start", "middle" or "end") is at x, its baseline at y."""

    x: float
    y: float
    text: str
    colour: Colour = BLACK
    anchor: str = "start"
    strong: bool = False


Item = Line | Dot | Words


def scene(figures: Sequence[Figure]) -> Iterator[Item]:
    """The figures side by side."""
    for number, figure in enumerate(figures):
        yield from _panel(figure, number * WIDTH)


def svg(figures: Sequence[Figure]) -> str:
    """The figures as one SVG document."""
    width = WIDTH * len(figures)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{HEIGHT}" viewBox="0 0 {width} {HEIGHT}" '
        f'font-family="Helvetica, Arial, sans-serif" font-size="{SIZE}">',
        f'<rect width="{width}" height="{HEIGHT}" fill="white"/>',
    ]
    for item in scene(figures):
        colour = "#{:02x}{:02x}{:02x}".format(*item.colour)
        if isinstance(item, Line):
            places = " ".join(f"{x:.1f},{y:.1f}" for x, y in item.points.tolist())
            dash = ' stroke-dasharray="5 4"' if item.dashed else ""
            parts.append(
                f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="{item.width}"{dash}/>'
            )
        elif isinstance(item, Dot):
            fill = colour if item.filled else "white"
            parts.append(f'<circle cx="{item.x:.1f}" cy="{item.y:.1f}" r="4" fill="{fill}" stroke="{colour}"/>')
        else:
            weight = ' font-weight="bold"' if item.strong else ""
            parts.append(
                f'<text x="{item.x:.1f}" y="{item.y:.1f}" fill="{colour}" text-anchor="{item.anchor}"{weight}>'
                f"{escape(item.text)}</text>"
            )
    return "\n".join([*parts, "</svg>", ""])


def png(figures: Sequence[Figure], scale: int = 2) -> bytes:
    """The figures as one PNG of `scale` pixels a unit.

    Raises:
        InputError: Pillow is not installed.
    """
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError:
        raise InputError(
            "PNG: wants Pillow, which is not installed: pip install 'scaling-tui[png]'; or take svg"
        ) from None
    image = Image.new("RGB", (WIDTH * len(figures) * scale, HEIGHT * scale), "white")
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(SIZE * scale)
    anchors = {"start": "ls", "middle": "ms", "end": "rs"}
    for item in scene(figures):
        if isinstance(item, Line):
            for stretch in _dashes(item.points * scale, 5.0 * scale) if item.dashed else [item.points * scale]:
                pen.line([tuple(place) for place in stretch.tolist()], item.colour, round(item.width * scale), "curve")
        elif isinstance(item, Dot):
            x, y, r = item.x * scale, item.y * scale, 4 * scale
            pen.ellipse((x - r, y - r, x + r, y + r), item.colour if item.filled else "white", item.colour, scale)
        else:
            width = scale // 2 if item.strong else 0
            place = (item.x * scale, item.y * scale)
            pen.text(place, item.text, item.colour, font, anchors[item.anchor], stroke_width=width)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def figure_csv(figure: Figure) -> str:
    """Every point of a figure, a line each: series, x, y."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("series", figure.x_name, figure.y_name))
    for number, one in enumerate(figure.series, 1):
        name = one.name or one.label or f"series {number}"
        writer.writerows((name, x, y) for x, y in zip(one.x.tolist(), one.y.tolist(), strict=True))
    return out.getvalue()


def _panel(figure: Figure, offset: float) -> Iterator[Item]:
    yield Words(offset + LEFT, TOP - 16, figure.title, strong=True)
    shown = [(one, x, y) for one in figure.series for x, y in (drawable_points(one, figure),) if len(x)]
    if not shown:
        yield Words(offset + LEFT, TOP + 20, figure.empty or "nothing to show")
        return
    x_axis, y_axis = limits(figure, shown)
    room = max((len(one.label) for one, *_ in shown), default=0) * GLYPH + 8
    inner_width, inner_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    x_axis = x_axis.widened(room / (inner_width - room))

    def places(x: Array, y: Array) -> Array:
        across = offset + LEFT + x_axis.shares(x) * inner_width
        return np.stack([across, TOP + (1 - y_axis.shares(y)) * inner_height], axis=1)

    yield from _axes(figure, x_axis, y_axis, offset)
    edges = x_axis.edges(inner_width)
    for one, x, y in shown:
        colour = _colour(one.ink)
        if one.joined:
            width = {"strong": 2.6, "faint": 0.8}.get(one.weight, 1.6)
            yield Line(places(*thin(x, y, edges)), colour, width, one.mark == DOTTED)
        else:
            for across, down in places(x, y).tolist():
                yield Dot(across, down, colour, filled=one.mark != "○")
    for at, low, high, name in figure.spans:
        yield Line(places(np.array([at, at]), np.array([low, high])), _colour(Ink(name)), 3.0)
    ends = [(one, *places(x[-1:], y[-1:])[0].tolist()) for one, x, y in shown if one.label]
    rows = apart([round((down - TOP) / SIZE) for _, _, down in ends], inner_height // SIZE)
    wanted = [round((down - TOP) / SIZE) for _, _, down in ends]
    for (one, across, down), row, was in zip(ends, rows, wanted, strict=True):
        if row is not None:
            yield Words(across + 7, down + (row - was) * SIZE + SIZE / 3, one.label, _colour(Ink(one.colour)))


def _axes(figure: Figure, x_axis: Axis, y_axis: Axis, offset: float) -> Iterator[Item]:
    left, right, bottom = offset + LEFT, offset + WIDTH - RIGHT, float(HEIGHT - BOTTOM)
    for value in y_axis.ticks(8):
        y = TOP + (1 - float(y_axis.shares(np.array([value]))[0])) * (HEIGHT - TOP - BOTTOM)
        yield Line(np.array([[left, y], [right, y]]), (225, 225, 225), 0.8)
        yield Words(left - 6, y + SIZE / 3, tick_label(value), anchor="end")
    for value in x_axis.ticks(8):
        x = left + float(x_axis.shares(np.array([value]))[0]) * (WIDTH - LEFT - RIGHT)
        yield Line(np.array([[x, bottom], [x, bottom + 4]]), GREY, 1.0)
        yield Words(x, bottom + 18, figure.x_label(value), anchor="middle")
    yield Line(np.array([[left, TOP], [left, bottom], [right, bottom]]), GREY, 1.0)
    yield Words((left + right) / 2, bottom + 38, figure.x_name, anchor="middle")


def _colour(ink: Ink) -> Colour:
    return GREY if ink.weight == "faint" else colour_of(ink.colour, PRINT)


def _dashes(points: Array, length: float) -> Iterator[Array]:
    """Every other stretch of `length` along a polyline."""
    away = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    for start in np.arange(0.0, away[-1], 2 * length):
        at = np.array([start, min(start + length, away[-1])])
        yield np.stack([np.interp(at, away, points[:, 0]), np.interp(at, away, points[:, 1])], axis=1)
