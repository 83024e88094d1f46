"""Signs that say without colour what is chosen: for terminals with NO_COLOR, and for those that show ASCII alone."""

from rich.cells import cell_len
from rich.segment import Segment
from textual.app import App
from textual.strip import Strip

CURSOR = "›"  # stands before the row or option that is chosen
# ▌ before the text of a field.
CSS = """
ScalingApp.-signs Input:focus { border-left: outer $foreground !important; }
"""


def wanted(app: App[object]) -> bool:
    """Whether shades and colours may not be seen, so that signs stand beside them."""
    return app.has_class("-signs")


def marked(strip: Strip) -> Strip:
    """A row with the sign of the cursor in its first cell."""
    first = next((segment for segment in strip if segment.text), None)
    if first is None:
        return strip
    rest = strip.crop(cell_len(first.text[0]))
    return Strip([Segment(CURSOR, first.style), *rest])
