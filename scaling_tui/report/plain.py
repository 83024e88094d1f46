"""Words for what a screen reader cannot read: figures as a table and a sentence each, no boxes, no signs of state."""

import re
import textwrap
from collections.abc import Iterable, Iterator

import numpy as np

from scaling_tui.plots.figures import Figure, Series
from scaling_tui.text.visible import visible

ROWS = 6  # of a figure's table
FLAT = 0.01  # of the largest value: a curve that changes by less is called flat
# What decorates, and what stands for words.
_DRAWN = re.compile(r"[\u2500-\u259f\u2800-\u28ff\u25a0-\u25ff]+")
_SAID = {"✓ ": "", "✗ ": "", "✓": "yes", "✗": "no", "…": "..."}
# Between words the middle dot separates; between factors it multiplies, and stays.
_SEPARATES = re.compile(r"(?<=[A-Za-z]{2}) · (?=\w)|(?<=[\d)%]) · (?=[A-Za-z]{2})")


def spoken(text: str) -> str:
    """A text as a screen reader can read it: signs become words or nothing, numbered code says `line 1:`."""
    for sign, word in _SAID.items():
        text = text.replace(sign, word)
    text = _SEPARATES.sub(", ", text)
    text = re.sub(r"(?m)^ *(\d+) [|│] ", r"line \1: ", text)
    return _DRAWN.sub("", text)


def figure_text(figure: Figure) -> str:
    """A figure in words: what is drawn, how each curve runs, and its values at a few places."""
    title = spoken(figure.title)
    shown = figure.shown()
    if not shown:
        return f"Figure: {title}. {figure.empty or 'Nothing to draw yet.'}"
    lines = [f"Figure: {title}."]
    lines += [_course(curve, x, y, figure) for curve, x, y in shown]
    lines += _table(figure)
    return visible("\n".join(lines))


def _course(curve: Series, x: np.ndarray, y: np.ndarray, figure: Figure) -> str:
    """How one series runs, in a sentence."""
    name = curve.name or curve.label or "the curve"
    if not curve.joined:
        return f"{name}: {len(x)} single points."
    first, last = float(y[0]), float(y[-1])
    span = float(np.ptp(y))
    lowest = int(np.argmin(y))
    from_to = f"from {figure.x_text(float(x[0]))} to {figure.x_text(float(x[-1]))}"
    if span <= FLAT * max(abs(first), abs(last), 1e-12):
        return f"{name}: flat at {_value(first)} {from_to}."
    inside = 0 < lowest < len(y) - 1 and min(first, last) - y[lowest] > FLAT * span
    if inside:
        return (
            f"{name}: falls from {_value(first)} to {_value(float(y[lowest]))} at "
            f"{figure.x_text(float(x[lowest]))}, then rises to {_value(last)}, {from_to}."
        )
    return f"{name}: {'falls' if last < first else 'rises'} from {_value(first)} to {_value(last)}, {from_to}."


def _table(figure: Figure) -> Iterator[str]:
    """A line for each of a few places of x: what each curve is there; and a line for each single point."""
    shown = figure.shown()
    joined = [(curve, x, y) for curve, x, y in shown if curve.joined]
    if joined:
        low, high = min(float(x[0]) for _, x, _ in joined), max(float(x[-1]) for _, x, _ in joined)
        places = np.geomspace(low, high, ROWS) if figure.log_x and low > 0 else np.linspace(low, high, ROWS)
        for place in places.tolist():
            values = [
                f"{curve.name or curve.label or 'y'} {_value(_between(place, x, y, figure.log_x))}"
                for curve, x, y in joined
                if x[0] * (1 - 1e-9) <= place <= x[-1] * (1 + 1e-9)
            ]
            if values:
                yield f"  at {figure.x_text(place)}: {', '.join(values)}"
    for curve, x, y in shown:
        if not curve.joined:
            for one, other in list(zip(x.tolist(), y.tolist(), strict=True))[: 2 * ROWS]:
                yield f"  {curve.name or curve.label or 'point'} at {figure.x_text(one)}: {_value(other)}"


def _between(place: float, x: np.ndarray, y: np.ndarray, log: bool) -> float:
    return float(np.interp(np.log(place), np.log(x), y) if log and x[0] > 0 else np.interp(place, x, y))


def _value(number: float) -> str:
    return f"{number:.4g}"


_ROW = re.compile(r"^\s*\|(.*)\|\s*$")


def markdown_text(text: str, width: int) -> str:
    """Markdown as lines of words: a heading says that it is one, a row of a table names its columns.

    A fenced block ```` ```drawing WORDS ```` becomes its words.
    """
    lines: list[str] = []
    paragraph: list[str] = []
    head: list[str] | None = None
    fence: str | None = None

    def flush() -> None:
        if paragraph:
            lines.extend(textwrap.wrap(_inline(" ".join(paragraph)), width, break_on_hyphens=False))
            paragraph.clear()

    for line in text.splitlines():
        if line.startswith("```"):
            flush()
            kind, _, words = line[3:].partition(" ")
            if fence is None and kind == "drawing":
                lines += textwrap.wrap(f"Drawing: {words}", width)
            fence = (kind or "code") if fence is None else None
        elif fence is not None:
            lines += [f"    {line}".rstrip()] if fence != "drawing" else []
        elif row := _ROW.match(line):
            flush()
            cells = [_inline(cell.strip()) for cell in row[1].split("|")]
            if head is None:
                head = cells
            elif not all(re.fullmatch(r":?-+:?", cell) for cell in cells):
                lines += textwrap.wrap(_row_text(head, cells), width, initial_indent="  ", subsequent_indent="    ")
        elif heading := re.match(r"^(#+) (.*)$", line):
            flush()
            lines.append(f"{'Title' if len(heading[1]) == 1 else 'Section'}: {_inline(heading[2])}")
        elif line.startswith("    ") or not line.strip():
            flush()
            lines.append(line.rstrip())
        else:
            if re.match(r"^(- |\d+\. )", line):
                flush()
            paragraph.append(line.strip())
        head = head if _ROW.match(line) else None
    flush()
    return "\n".join(lines)


def _row_text(head: list[str], cells: list[str]) -> str:
    """A row as a sentence: `N: meaning parameters of the model; unit a count`."""
    rest = (f"{name} {cell}".strip() for name, cell in zip(head[1:], cells[1:], strict=False) if cell)
    first = f"{head[0]} {cells[0]}".strip()
    return f"{first}: {'; '.join(rest)}"


def _inline(text: str) -> str:
    text = re.sub(r"\*\*(.+?)\*\*", r"\1", text)
    text = re.sub(r"(?<!\w)\*(\S.*?)\*(?!\w)", r"\1", text)
    text = re.sub(r"`([^`]*)`", r"\1", text)
    return re.sub(r"\[([^\]]+)\]\(([^)]+)\)", r"\1 (\2)", text)


def table_text(rows: Iterable[tuple[str, ...]]) -> str:
    """A table, its names in the first row, as a line for each further row."""
    head, *rest = [tuple(map(spoken, row)) for row in rows]
    return "\n".join(f"  {_row_text(list(head), list(row))}" for row in rest)
