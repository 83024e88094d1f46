"""Output for ASCII-only terminals: every other character is replaced by ASCII of the same width on its way out."""

import unicodedata
from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

REPLACEMENTS = {
    **dict.fromkeys("─━╌┄┈╴╶╸╺═⎯", "-"),
    **dict.fromkeys("│┃║╎┆┊▏▕▎▍▌▐┤├", "|"),
    **dict.fromkeys("┌┐└┘╭╮╰╯┬┴┼┏┓┗┛╔╗╚╝╠╣╦╩╬", "+"),
    **dict.fromkeys("█▇▆▅▓", "#"),
    **dict.fromkeys("▄▃▂▁▔▀░▒", "="),
    **dict.fromkeys("–—−", "-"),
    **dict.fromkeys("·⋅∙", "*"), "•": "-",
    **dict.fromkeys("▶▸›»→↦", ">"),
    **dict.fromkeys("◀‹«←", "<"),
    **dict.fromkeys("▲△↑", "^"),
    **dict.fromkeys("▼▽↓", "v"),
    **dict.fromkeys("●■◆▮", "*"),
    **dict.fromkeys("○□◇◌", "o"),
    **dict.fromkeys("“”„", '"'),
    **dict.fromkeys("‘’", "'"),
    "␣": "_", "↵": "$", "⇥": ">",
    "✓": "v", "✗": "x", "×": "x", "…": "~", "±": "~", "≈": "~", "≤": "<", "≥": ">", "√": "V", "∞": "8",
    "α": "a", "β": "b", "γ": "g", "δ": "d", "λ": "l", "σ": "s", "ε": "e", "μ": "u", "Δ": "D", "Σ": "S",
}  # fmt: skip
BRAILLE = range(0x2800, 0x2900)


@lru_cache(4096)
def to_ascii(text: str) -> str:
    """`text` in ASCII, as many cells wide as before."""
    # Between words the middle dot separates; between factors it multiplies.
    return text if text.isascii() else "".join(map(_ascii, text.replace(" · ", " - ")))


def _ascii(char: str) -> str:
    if char.isascii():
        return char
    if char in REPLACEMENTS:
        return REPLACEMENTS[char]
    if ord(char) in BRAILLE:
        return " .::*"[min(4, (ord(char) - BRAILLE.start).bit_count())]
    base = unicodedata.normalize("NFKD", char)[0]
    return (base if base.isascii() else "?").ljust(cell_len(char), " ")[: cell_len(char)]


class Ascii(LineFilter):
    """Replaces what is not ASCII, last before a line goes to the terminal."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(to_ascii(text), style, control) for text, style, control in segments]
