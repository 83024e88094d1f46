"""A document cut into pieces, to be encoded in parallel and in bounded memory.

GPT-2's pattern splits a run of white space by what follows it, and others take line ends together. So a cut is made
after a lone newline between two characters that are not white space: there the tokens are those of the uncut text. A
text without any, such as one with \\r\\n, is cut before a space or newline that a word follows.
"""

import codecs
import re
from collections.abc import Iterator

from scaling_tui.data.documents import Blocks

PIECE = 1 << 16  # characters; a shorter document is one piece
PATIENCE = 1 << 18  # characters without a lone newline
LONGEST = 1 << 20  # characters without any place for a cut

_LONE_NEWLINE = re.compile(r"(?<=\S\n)(?=\S)")
_BEFORE_WORD = re.compile(r"(?=[ \n]\S)")


def pieces(blocks: Blocks) -> Iterator[str]:
    """The text of a document in pieces; what is not UTF-8 in it becomes U+FFFD."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    held = ""
    for block in blocks:
        held += decoder.decode(block)
        while len(held) > PATIENCE:
            place = _place(held)
            if place is None:
                break
            yield held[:place]
            held = held[place:]
    held += decoder.decode(b"", final=True)
    while len(held) > PIECE and (place := _place(held)) is not None:
        yield held[:place]
        held = held[place:]
    if held:
        yield held


def _place(text: str) -> int | None:
    """Where to cut; None where more of the text, or its end, has to come first."""
    if found := _LONE_NEWLINE.search(text, PIECE):
        return found.start()
    if len(text) > PATIENCE and (found := _BEFORE_WORD.search(text, PIECE)):
        return found.start()
    return LONGEST if len(text) > LONGEST else None
