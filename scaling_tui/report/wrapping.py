"""Paragraphs as wide as the terminal, for pages and dialogues of the tutor."""

import shutil
import textwrap

WIDTH = 80  # columns of a page, on a terminal that is wide enough


def width() -> int:
    """Columns of a page on this terminal, at most `WIDTH`."""
    return min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns)


def wrapped(text: str, indent: str = "", columns: int = 0) -> str:
    """Wraps paragraphs to `columns`, else to the width; indented lines (code) stay as they are."""
    room = max(20, (columns or width()) - len(indent))
    lines = []
    for line in text.splitlines():
        if line.startswith("    "):
            lines.append(indent + line)
        else:
            lines += textwrap.wrap(line, room, break_on_hyphens=False, break_long_words=False) or [""]
    return "\n".join(indent + line if not line.startswith(indent + "    ") else line for line in lines)
