"""A grid of character cells to draw on: dots in Braille (2 × 4 a cell), signs and text. NumPy does the drawing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Cells = NDArray[np.int64]
Weight = Literal["normal", "strong", "faint"]
Colour = tuple[int, int, int]
RAMP = ("primary", "success", "warning", "error")


@dataclass(frozen=True)
class Ink:
    """How something is drawn: a name of the theme, or a place from 0 to 1 on the theme's ramp; and how heavily."""

    colour: str | float = "foreground"
    weight: Weight = "normal"


Run = tuple[str, Ink]  # neighbouring characters of one ink

_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], dtype=np.uint8)
_BRAILLE = 0x2800
COLUMNS, ROWS = 2, 4  # dots a cell
NONE = Ink()


class Canvas:
    """`width` × `height` cells. Dots are counted from the top left, 2 to a cell across and 4 down."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._dots = np.zeros((height, width), dtype=np.uint8)
        self._signs = np.full((height, width), " ", dtype="<U1")
        self._inks = np.zeros((height, width), dtype=np.int16)
        self._palette: list[Ink] = [NONE]
        self._numbers: dict[Ink, int] = {NONE: 0}

    def copy(self) -> "Canvas":
        """Another canvas with the same on it."""
        other = Canvas(0, 0)
        other.__dict__ |= self.__dict__ | {
            name: getattr(self, name).copy() for name in ("_dots", "_signs", "_inks", "_palette", "_numbers")
        }
        return other

    def line(self, x: Array, y: Array, ink: Ink, every: int = 1) -> None:
        """Joins the points (in dots, inside the canvas) by straight lines, of which every `every`-th dot is drawn."""
        columns, rows = traced(x, y)
        if every > 1:
            columns, rows = columns[::every], rows[::every]
        cells = rows // ROWS, columns // COLUMNS
        np.bitwise_or.at(self._dots, cells, _BITS[rows % ROWS, columns % COLUMNS])
        self._inks[cells] = self._number(ink)

    def signs(self, x: Array, y: Array, sign: str, ink: Ink) -> None:
        """Puts `sign` into the cells of the points (in dots)."""
        self._stamp(y.astype(np.int64) // ROWS, x.astype(np.int64) // COLUMNS, sign, ink)

    def signed_line(self, x: Array, y: Array, sign: str, ink: Ink, every: int = 1) -> None:
        """A line of `sign`s, a cell each: for terminals without Braille."""
        columns, rows = traced(x // COLUMNS, y // ROWS)
        self._stamp(rows[::every], columns[::every], sign, ink)

    def write(self, row: int, column: int, text: str, ink: Ink = NONE) -> None:
        """Text from a cell on, over what is there; what falls outside is cut off."""
        if not 0 <= row < self.height or column >= self.width or column + len(text) <= 0:
            return
        text = text[max(0, -column) : self.width - column]
        first = max(0, column)
        place = slice(first, first + len(text))
        self._signs[row, place] = list(text)
        self._dots[row, place] = 0
        self._inks[row, place] = self._number(ink)

    def inked(self, rows: slice, columns: slice) -> int:
        """How many of these cells have something in them."""
        return int(((self._dots[rows, columns] != 0) | (self._signs[rows, columns] != " ")).sum())

    def column(self, column: int, rows: range, sign: str, ink: Ink) -> None:
        """`sign` in every cell of a column that has nothing in it."""
        for row in rows:
            if not self.inked(slice(row, row + 1), slice(column, column + 1)):
                self.write(row, column, sign, ink)

    def rows(self) -> Iterator[list[Run]]:
        """Each row as runs of characters of one ink, without blanks at the end."""
        text = np.where(
            self._signs != " ",
            self._signs,
            np.where(self._dots != 0, (_BRAILLE + self._dots.astype(np.uint32)).view("<U1"), " "),
        )
        blank = text == " "
        for row in range(self.height):
            there = np.flatnonzero(~blank[row])
            if not len(there):
                yield []
                continue
            size = int(there[-1]) + 1
            # A blank takes the ink of what stands before it, so that fewer runs are told apart.
            source = np.maximum.accumulate(np.where(blank[row, :size], 0, np.arange(size)))
            inks = self._inks[row, source]
            cuts = [0, *(np.flatnonzero(np.diff(inks)) + 1).tolist(), size]
            line = "".join(text[row, :size].tolist())
            yield [(line[a:b], self._palette[inks[a]]) for a, b in pairwise(cuts)]

    def _stamp(self, rows: Cells, columns: Cells, sign: str, ink: Ink) -> None:
        self._signs[rows, columns] = sign
        self._inks[rows, columns] = self._number(ink)

    def _number(self, ink: Ink) -> int:
        if ink not in self._numbers:
            self._numbers[ink] = len(self._palette)
            self._palette.append(ink)
        return self._numbers[ink]


def traced(x: Array, y: Array) -> tuple[Cells, Cells]:
    """The grid points on the straight lines that join (x, y), in order, without a gap."""
    a, b = np.rint(x).astype(np.int64), np.rint(y).astype(np.int64)
    if len(a) < 2:
        return a, b
    across, down = np.diff(a), np.diff(b)
    steps = np.maximum(np.maximum(np.abs(across), np.abs(down)), 1)
    before = np.cumsum(steps) - steps
    share = (np.arange(int(steps.sum())) - np.repeat(before, steps)) / np.repeat(steps, steps)
    columns = np.repeat(a[:-1], steps) + np.rint(share * np.repeat(across, steps)).astype(np.int64)
    rows = np.repeat(b[:-1], steps) + np.rint(share * np.repeat(down, steps)).astype(np.int64)
    return np.append(columns, a[-1]), np.append(rows, b[-1])


def apart(places: Sequence[int], size: int) -> list[int | None]:
    """`places` (rows wanted by labels) moved so that no two are the same and all lie in 0 … size - 1, in their order.

    Where there are more than `size`, some have no place: evenly chosen ones keep theirs.
    """
    order = sorted(range(len(places)), key=lambda index: places[index])
    if len(order) > size:
        kept = {round(k * (len(order) - 1) / max(1, size - 1)) for k in range(size)} if size else set()
        order = [index for rank, index in enumerate(order) if rank in kept]
    moved: list[int | None] = [None] * len(places)
    least = 0
    for index in order:
        moved[index] = least = max(places[index], least)
        least += 1
    most = size - 1
    for index in reversed(order):
        moved[index] = most = min(moved[index] or 0, most)
        most -= 1
    return moved


def plain(rows: Iterable[list[Run]]) -> str:
    """The text of rows of runs."""
    return "\n".join("".join(text for text, _ in row) for row in rows)


def colour_of(colour: str | float, colours: Mapping[str, Colour]) -> Colour:
    """A named colour, or one on the ramp: neighbours in size are neighbours in hue."""
    if isinstance(colour, str):
        return colours.get(colour, colours["foreground"])
    place = min(max(colour, 0.0), 1.0) * (len(RAMP) - 1)
    first = min(int(place), len(RAMP) - 2)
    share = place - first
    low, high = colours[RAMP[first]], colours[RAMP[first + 1]]
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(low, high, strict=True))
    return red, green, blue
