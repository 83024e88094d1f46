"""The last thing that happens to a line before the terminal gets it, whatever widget painted it."""

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from scaling_tui.text.visible import visible


class Harmless(LineFilter):
    """Shows what a terminal would obey; a line stays as many cells wide as it was."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        safe = [
            Segment(visible(text).replace("\n", "␊").replace("\t", " "), style, control)
            for text, style, control in segments
        ]
        if all(new.text == old.text for new, old in zip(safe, segments, strict=True)):
            return segments
        width = sum(cell_len(segment.text) for segment in segments)
        return Segment.adjust_line_length(safe, width, pad=False)
