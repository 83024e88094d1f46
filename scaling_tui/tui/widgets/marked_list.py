"""A list whose chosen option has a sign before it: colour alone would not tell everybody which one it is."""

from typing import Any

from rich.segment import Segment
from textual.strip import Strip
from textual.widgets import OptionList

CHOSEN, OTHER = "▸ ", "  "


class MarkedList(OptionList):
    """An option list; the first line of the highlighted option begins with `▸`."""

    def _get_left_gutter_width(self) -> int:
        # Textual's own SelectionList makes room for its boxes this way.
        return len(CHOSEN)

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        option = _option_of(strip)
        first = option is not None and (y == 0 or _option_of(super().render_line(y - 1)) != option)
        sign = CHOSEN if first and option == self.highlighted else OTHER
        style = next((segment.style for segment in strip), None)
        return Strip([Segment(sign, style), *strip])


def _option_of(strip: Strip) -> Any:
    """The number of the option that a line belongs to; None for a line below the last one."""
    for segment in strip:
        if segment.style is not None and "option" in segment.style.meta:
            return segment.style.meta["option"]
    return None
