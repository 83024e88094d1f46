"""Follows line-based files while others append to them: new lines in pieces, and samples of those not read yet."""

import os
from collections.abc import Iterator
from pathlib import Path

from scaling_tui.text.files import opened

PIECE = 1 << 16  # bytes parsed at once; more would keep other threads from running
LONGEST = 1 << 20  # bytes of a line; a longer one cannot be a record


class Tail:
    """Follows a file, or only its last `last_bytes`. A line without its newline is left for the next read.

    Of a file with a `limit` only the first so many bytes are read, whatever is written after them.
    """

    def __init__(self, path: Path, last_bytes: int | None = None, limit: int | None = None) -> None:
        self.path, self.limit = path, limit
        self.offset = 0
        if last_bytes is not None:
            self.offset = max(0, self.unread - last_bytes)
        self._cut = self.offset > 0  # then the first line is partial and is skipped

    @property
    def unread(self) -> int:
        """Bytes that have not been read."""
        try:
            return max(0, self._counted(self.path.stat().st_size) - self.offset)
        except OSError:
            return 0

    def _counted(self, size: int) -> int:
        return size if self.limit is None else min(size, self.limit)

    def new_lines(self, most: int | None = None) -> Iterator[list[bytes]]:
        """Whole lines written since the last read, in pieces, up to about `most` bytes."""
        try:
            with opened(self.path) as descriptor:
                size = os.fstat(descriptor).st_size
                if size < self.offset:
                    self.offset, self._cut = 0, False  # the file was replaced
                size = self._counted(size)
                end = size if most is None else min(size, self.offset + most)
                want = PIECE
                while self.offset < end:
                    block = os.pread(descriptor, min(want, size - self.offset), self.offset)
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
        """About `count` whole lines of the unread part: half spread evenly, half denser towards its start.

        The start fills most of a logarithmic axis.
        """
        lines: dict[int, bytes] = {}
        try:
            with opened(self.path) as descriptor:
                size = self._counted(os.fstat(descriptor).st_size)
                span = size - self.offset
                if span <= 0:
                    return []
                shares = [k / count for k in range(0, count, 2)] + [(k / count) ** 4 for k in range(1, count, 2)]
                for place in sorted({self.offset + int(span * share) for share in shares} | {size - length}):
                    start = max(place, self.offset)
                    block = os.pread(descriptor, max(0, min(length, size - start)), start)
                    begin = 0 if place <= self.offset else block.find(b"\n") + 1
                    end = block.find(b"\n", begin)
                    if (begin or place <= self.offset) and end > begin:
                        lines[start + begin] = block[begin:end]
        except OSError:
            return []
        return [lines[place] for place in sorted(lines)]
