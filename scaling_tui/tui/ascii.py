"""Signs for terminals that take nothing but ASCII: every sign is replaced by one of the same width on its way out."""

import unicodedata
from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

PLAIN = {
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
def plain(text: str) -> str:
    """`text` in ASCII, as many cells wide as before."""
    # Between words the middle dot sets apart, between factors it multiplies.
    return text if text.isascii() else "".join(map(_sign, text.replace(" · ", " - ")))


def _sign(sign: str) -> str:
    if sign.isascii():
        return sign
    if sign in PLAIN:
        return PLAIN[sign]
    if ord(sign) in BRAILLE:
        return " .::*"[min(4, (ord(sign) - BRAILLE.start).bit_count())]
    bare = unicodedata.normalize("NFKD", sign)[0]
    return (bare if bare.isascii() else "?").ljust(cell_len(sign), " ")[: cell_len(sign)]


class Ascii(LineFilter):
    """The last thing that happens to a line before the terminal gets it."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(plain(text), style, control) for text, style, control in segments]
