"""Text that came from files, arguments and other processes, made harmless before a terminal gets it.

A terminal obeys control characters: an escape sequence in a log line can set the window's title, move the cursor or
answer for the user. `harmless` puts the filter under `print`, `say` and every other write to the standard streams;
the app has it as its last line filter (`tui.line_filters`). What the program itself sends as sequences, such as the
colours of a plot, goes to `terminal_of(stream)`.
"""

import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

PICTURES = {chr(code): chr(0x2400 + code) for code in range(32)} | {"\x7f": "␡"}
# C0 but for newline and tab, DEL, C1, line separators, marks and overrides of direction, lone surrogates. First-strong
# isolates pass: text from right to left is shown between them, and what they hold cannot reorder its surroundings.
HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066\u2067\ud800-\udfff]")


def visible(text: str) -> str:
    """`text` with every character that a terminal would obey shown in its place: ␛, \\x9b, \\u202e."""
    return HARMFUL.sub(lambda match: escaped(match[0]), text)


def escaped(character: str) -> str:
    """The picture of a control character, or its escape."""
    return PICTURES.get(character) or character.encode("unicode_escape", "surrogatepass").decode()


class _Harmless(io.TextIOWrapper):
    """A text stream that lets nothing through that a terminal would obey."""

    def __init__(self, under: io.TextIOWrapper) -> None:
        super().__init__(
            under.buffer, encoding=under.encoding, errors="replace", line_buffering=under.line_buffering,
            write_through=under.write_through,
        )  # fmt: skip
        self.under = under

    def write(self, text: str) -> int:
        super().write(visible(text))
        return len(text)


@contextmanager
def harmless() -> Iterator[None]:
    """Filters all that is written to the standard streams inside the block."""
    before = sys.stdout, sys.stderr
    filtered = [_Harmless(stream) if isinstance(stream, io.TextIOWrapper) else None for stream in before]
    sys.stdout, sys.stderr = (new or old for new, old in zip(filtered, before, strict=True))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        for stream in filtered:
            if stream is not None:
                stream.flush()
                stream.detach()  # the buffer belongs to the stream below


def terminal_of(stream: TextIO) -> TextIO:
    """The unfiltered stream under `stream`, for sequences of our own; text from elsewhere has to be `visible`."""
    stream.flush()
    return stream.under if isinstance(stream, _Harmless) else stream
