"""Text in aligned columns, in bullets, and intervals of numbers. Widths are in cells of a terminal, not characters."""

import unicodedata
from collections.abc import Iterable, Sequence

from scaling_tui.text import show

OURS = frozenset("…·–−×±" + "".join(show.SIGNS.values()))  # one cell each


def columns(rows: Iterable[Sequence[str]], numeric: Iterable[int] = ()) -> str:
    """Rows as aligned columns, two spaces apart; `numeric` ones to the right."""
    table = [list(row) for row in rows]
    right = set(numeric)
    widths = [max(cell_len(row[i]) for row in table) for i in range(len(table[0]))]
    return "\n".join(
        "  ".join(
            flush_right(cell, width) if i in right else flush_left(cell, width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    )


def cell_len(text: str) -> int:
    """How many cells a terminal shows `text` in."""
    if text.isascii() or all(sign in OURS or _is_a_cell(sign) for sign in text):
        return len(text)
    # Only for what needs it: a list of sweeps must not wait for its import.
    from rich.cells import cell_len as measured

    return measured(text)


def _is_a_cell(sign: str) -> bool:
    """Whether it is of a script before Hangul, where what is no mark is as wide as any other."""
    return sign < "\u1100" and unicodedata.category(sign)[0] not in "MC"


def flush_left(text: str, width: int) -> str:
    """`text`, and spaces up to `width` cells."""
    return text + " " * (width - cell_len(text))


def flush_right(text: str, width: int) -> str:
    """Spaces, and `text` up to `width` cells."""
    return " " * (width - cell_len(text)) + text


def cut(text: str, width: int) -> str:
    """`text` in at most `width` cells, with an ellipsis if it is cut."""
    if cell_len(text) <= width:
        return text
    from rich.cells import set_cell_size

    return set_cell_size(text, max(0, width - 1)) + "…"[:width]


def cut_front(text: str, width: int) -> str:
    """As `cut`, but what is kept is the end: a path or the name of a metric is told apart there."""
    if cell_len(text) <= width:
        return text
    from rich.cells import set_cell_size

    return "…"[:width] + set_cell_size(text[::-1], max(0, width - 1))[::-1]


def bullet(texts: Iterable[str]) -> str:
    """One text a line, wrapped behind a sign."""
    import textwrap

    return "\n".join(
        textwrap.fill(text, 100, initial_indent="! ", subsequent_indent="  ") for text in dict.fromkeys(texts)
    )
