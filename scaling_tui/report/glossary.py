"""The glossary as text, for `learn glossary` and the app."""

from collections.abc import Sequence

from scaling_tui.report.tutor import wrapped
from scaling_tui.text.visible import visible
from scaling_tui.tutor.content.glossary import Entry


def entry_text(entry: Entry) -> str:
    """An entry: its words, its meaning, its unit, and where to read on."""
    also = f" (also {', '.join(entry.also)})" if entry.also else ""
    lines = [f"{entry.name}{also}", wrapped(entry.means, "  ")]
    if entry.unit:
        lines.append(wrapped(f"Unit: {entry.unit}.", "  "))
    if entry.lesson:
        lines.append(f"  Lesson: scaling-tui learn {entry.lesson}")
    return visible("\n".join(lines))


def glossary_text(entries: Sequence[Entry]) -> str:
    return "\n\n".join(map(entry_text, entries))
