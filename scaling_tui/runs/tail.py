"""Follows files of lines that others append to: what is new, in pieces, and samples of what is not read yet."""

import os
from collections.abc import Iterator
from pathlib import Path

from scaling_tui.text.files import opened

PIECE = 1 << 16  # bytes that are parsed in one go; more would hold up whoever else wants Python meanwhile
LONGEST = 1 << 20  # bytes of a line; a longer one is no record


class Tail:
    """Follows a file of lines, or its last `last_bytes`. A line without its end yet is left for the next look."""

    def __init__(self, path: Path, last_bytes: int | None = None) -> None:
        self.path = path
        self.offset = 0
        if last_bytes is not None:
            self.offset = max(0, self.unread - last_bytes)
        self._cut = self.offset > 0  # the first line, which is left out

    @property
    def unread(self) -> int:
        """Bytes that were not read yet."""
        try:
            return max(0, self.path.stat().st_size - self.offset)
        except OSError:
            return 0

    def new_lines(self, most: int | None = None) -> Iterator[list[bytes]]:
        """What came since the last look, in pieces of whole lines; about `most` bytes of it."""
        try:
            with opened(self.path) as descriptor:
                size = os.fstat(descriptor).st_size
                if size < self.offset:
                    self.offset, self._cut = 0, False  # written anew
                end = size if most is None else min(size, self.offset + most)
                want = PIECE
                while self.offset < end:
                    block = os.pread(descriptor, want, self.offset)
                    whole, newline, _ = block.rpartition(b"\n")
                    if newline:
                        self.offset += len(whole) + 1
                        want = PIECE
                        lines = whole.split(b"\n")[self._cut :]
                        self._cut = False
                        yield [line for line in lines if line]
                    elif len(block) < want:
                        return
                    elif want < LONGEST:
                        want *= 2
                    else:
                        self.offset += len(block)
        except OSError:
            return

    def sample(self, count: int, length: int = 2048) -> list[bytes]:
        """About `count` whole lines from what is not read yet: half of the places even, half towards the start.

        The start is sampled more densely because it fills most of a logarithmic axis.
        """
        lines: dict[int, bytes] = {}
        try:
            with opened(self.path) as descriptor:
                size = os.fstat(descriptor).st_size
                span = size - self.offset
                if span <= 0:
                    return []
                shares = [k / count for k in range(0, count, 2)] + [(k / count) ** 4 for k in range(1, count, 2)]
                for place in sorted({self.offset + int(span * share) for share in shares} | {size - length}):
                    block = os.pread(descriptor, length, max(place, self.offset))
                    begin = 0 if place <= self.offset else block.find(b"\n") + 1
                    end = block.find(b"\n", begin)
                    if (begin or place <= self.offset) and end > begin:
                        lines[max(place, self.offset) + begin] = block[begin:end]
        except OSError:
            return []
        return [lines[place] for place in sorted(lines)]
