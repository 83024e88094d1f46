"""The glossary as text, for `learn glossary` and the app."""

from collections.abc import Callable, Sequence

from scaling_tui import InputError
from scaling_tui.report.wrapping import wrapped
from scaling_tui.text.visible import visible
from scaling_tui.tutor.content.glossary import Entry, find_entry, load_glossary


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


def with_glossary(ask: Callable[[str], str], tell: Callable[[str], None]) -> Callable[[str], str]:
    """A prompt that explains a word on `glossary WORD`, and asks again."""

    def asking(prompt: str) -> str:
        while True:
            line = ask(prompt)
            command, _, word = line.strip().partition(" ")
            if command.casefold() != "glossary":
                return line
            tell(_looked_up(word.strip()))

    return asking


def _looked_up(word: str) -> str:
    if not word:
        return "  glossary WORD explains a word or a symbol, such as N"
    try:
        return entry_text(find_entry(load_glossary(), word))
    except InputError as error:
        return f"  {error}"
