"""Text in aligned columns, in bullets, and intervals of numbers."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from scaling_tui.text import show


def columns(rows: Iterable[Sequence[str]], numeric: Iterable[int] = ()) -> str:
    """Rows as aligned columns, two spaces apart; `numeric` ones to the right."""
    table = [list(row) for row in rows]
    right = set(numeric)
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    )


def bullet(texts: Iterable[str], sign: str = "!") -> str:
    """One text a line, wrapped under its sign."""
    import textwrap

    return "\n".join(
        textwrap.fill(text, 100, initial_indent=f"{sign} ", subsequent_indent="  ") for text in dict.fromkeys(texts)
    )


def span(low: float, high: float, text: Any = show.coefficient) -> str:
    """An interval, or a dash."""
    if math.isnan(low) or math.isnan(high):
        return "–"
    return f"[{text(low)}, {text(high)}]" if math.isfinite(high) else f"[{text(low)}, ∞)"
