"""Textual's list of options, which marks the highlighted one by a sign as well as by its shade.

In a terminal that is too low to show any of it Textual's own keys for a page end in a KeyError; here they do nothing.
"""

from textual.strip import Strip
from textual.widgets import OptionList

from scaling_tui.tui import signs


class Options(OptionList):
    """An OptionList. The sign stands in the first cell of the highlighted option, which its padding leaves free."""

    DEFAULT_CSS = "Options > .option-list--option { padding: 0 0 0 2; }"

    def action_page_up(self) -> None:
        if self.scrollable_content_region.area:
            super().action_page_up()  # type: ignore[no-untyped-call]

    def action_page_down(self) -> None:
        if self.scrollable_content_region.area:
            super().action_page_down()  # type: ignore[no-untyped-call]

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        if self.highlighted is None or _option(strip) != self.highlighted:
            return strip
        above = self.scroll_offset.y + y > 0 and _option(super().render_line(y - 1)) == self.highlighted
        return strip if above else signs.marked(strip)


def _option(strip: Strip) -> int | None:
    """The number of the option that a row belongs to."""
    for segment in strip:
        if segment.style is not None and "option" in segment.style.meta:
            number: int = segment.style.meta["option"]
            return number
    return None
