"""Why any figure that tables show is what it is, from the functions that computed it."""

from scaling_tui.report.why.explanation import Explanation, Step, evaluated, matching

__all__ = ["Explanation", "Step", "evaluated", "matching"]
