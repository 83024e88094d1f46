"""Columns of a list that has to fit a width: what matters least goes first, what may be cut is cut next."""

from collections.abc import Sequence
from dataclasses import dataclass

GAPS = (2, 1)  # cells between columns: the first that lets all of them stay


@dataclass(frozen=True)
class ListColumn:
    """A column of a list.

    Args:
        rank: where there is no room, columns of the highest rank go first; of rank 0 none does.
        right: whether its cells stand at the right.
        least: cells that it may be cut to; None where it is never cut.
    """

    head: str
    rank: int = 0
    right: bool = False
    least: int | None = None


@dataclass(frozen=True)
class Layout:
    """The columns that fit: the place of each among all and its width in cells; `gap` cells lie between them."""

    columns: tuple[tuple[int, int], ...]
    gap: int


def layout(columns: Sequence[ListColumn], widths: Sequence[int], room: int) -> Layout:
    """Fits `columns`, which want `widths`, into `room` cells; a column of no width is left out: its cells are empty."""
    wanted = {place: width for place, width in enumerate(widths) if width or columns[place].rank == 0}
    least = {place: min(width, _or(columns[place].least, width)) for place, width in wanted.items()}
    gap = next((gap for gap in GAPS if sum(least.values()) + gap * (len(least) - 1) <= room), GAPS[-1])
    while len(least) > 1 and sum(least.values()) + gap * (len(least) - 1) > room:
        last = max(least, key=lambda place: (columns[place].rank, place))
        if columns[last].rank == 0:
            break
        del least[last]
    spare = room - sum(least.values()) - gap * (len(least) - 1)
    given = dict(least)
    for place in sorted(given, key=lambda place: (columns[place].rank, place)):
        more = max(0, min(spare, wanted[place] - given[place]))
        given[place] += more
        spare -= more
    if spare < 0:
        first = min(given)
        given[first] = max(1, given[first] + spare)
    return Layout(tuple(given.items()), gap)


def _or(value: int | None, other: int) -> int:
    return other if value is None else value
