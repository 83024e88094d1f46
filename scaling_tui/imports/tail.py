"""Lines of text that others append to, as `tail -F` has them: through rotation, truncation and half a line."""

import codecs
import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from scaling_tui import InputError
from scaling_tui.text.files import opened

PIECE = 1 << 18  # bytes read at once
LONGEST = 1 << 20  # characters of a line; a longer one is no line of a log
WITNESS = 64  # last bytes read, by which a file that was written anew is told from one that grew
GZIP = b"\x1f\x8b"
BYTE_ORDER_MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


@dataclass(frozen=True)
class Piece:
    """Whole lines without their newlines. `anew`: the file was replaced or truncated before them."""

    lines: list[str]
    anew: bool


class LogTail:
    """Follows a text file by name: UTF-8 or UTF-16 with a byte order mark; gzip is read once, to its end.

    A file that is rotated away is read to its end before the new one of its name.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.too_long = 0  # lines
        self._descriptor = -1
        self._offset = 0
        self._witness = b""
        self._anew = False
        self._begin()

    def __del__(self) -> None:
        self._close()

    def _begin(self) -> None:
        self._offset, self._witness = 0, b""
        self._decoder: codecs.IncrementalDecoder | None = None
        self._rest = ""
        self._skipping = False

    def _close(self) -> None:
        if self._descriptor >= 0:
            with suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = -1

    def pieces(self, last: bool) -> Iterator[Piece]:
        """What was written since the last time; with `last` a line without its newline too.

        Raises:
            InputError: it is no regular file, or it is broken gzip.
        """
        while True:
            if self._descriptor < 0 and not self._open():
                break
            self._notice_truncation()
            yield from self._read()
            if not self._was_rotated():
                break
            yield from self._flush()
            self._close()
            self._begin()
            self._anew = True
        if last:
            yield from self._flush()
            self._close()

    def _open(self) -> bool:
        try:
            with opened(self.path) as descriptor:
                self._descriptor = os.dup(descriptor)
        except FileNotFoundError:
            return False  # between two rotations
        except OSError as error:
            raise InputError(f"{self.path}: {error.strerror or error}, want a log") from None
        return True

    def _was_rotated(self) -> bool:
        ours = os.fstat(self._descriptor)
        try:
            named = self.path.stat()
        except OSError:
            return False
        return (ours.st_dev, ours.st_ino) != (named.st_dev, named.st_ino)

    def _notice_truncation(self) -> None:
        """Begins anew where the file is shorter than what was read, or no longer holds it."""
        size = os.fstat(self._descriptor).st_size
        before = os.pread(self._descriptor, len(self._witness), max(0, self._offset - len(self._witness)))
        if size < self._offset or before != self._witness:
            self._begin()
            self._anew = True

    def _read(self) -> Iterator[Piece]:
        if self._offset == 0 and os.pread(self._descriptor, 2, 0) == GZIP:
            yield from self._read_gzip()
            return
        while block := os.pread(self._descriptor, PIECE, self._offset):
            self._offset += len(block)
            self._witness = (self._witness + block)[-WITNESS:]
            yield from self._lines(block)

    def _read_gzip(self) -> Iterator[Piece]:
        size = os.fstat(self._descriptor).st_size
        try:
            with os.fdopen(os.dup(self._descriptor), "rb") as file, gzip.open(file) as unpacked:
                while block := unpacked.read(PIECE):
                    yield from self._lines(block)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{self.path}: broken gzip ({error})") from None
        self._offset = size
        self._witness = os.pread(self._descriptor, WITNESS, max(0, size - WITNESS))

    def _lines(self, block: bytes) -> Iterator[Piece]:
        if self._decoder is None:
            self._decoder = codecs.getincrementaldecoder(encoding_of(block))(errors="replace")
            self._rest = ""
        text = self._rest + self._decoder.decode(block)
        *lines, self._rest = text.removeprefix("\ufeff").split("\n")
        if self._skipping and lines:
            lines, self._skipping = lines[1:], False
        if len(self._rest) > LONGEST:
            self.too_long += not self._skipping
            self._rest, self._skipping = "", True
        if lines:
            yield self._piece([line.removesuffix("\r") for line in lines])

    def _flush(self) -> Iterator[Piece]:
        """The line that has no newline."""
        rest, self._rest = self._rest, ""
        if rest and not self._skipping:
            yield self._piece([rest.removesuffix("\r")])

    def _piece(self, lines: list[str]) -> Piece:
        anew, self._anew = self._anew, False
        return Piece(lines, anew)


def encoding_of(head: bytes) -> str:
    return BYTE_ORDER_MARKS.get(head[:2], "utf-8")


def head_of(path: Path, most: int = 1 << 18) -> bytes:
    """The first bytes of a regular file, unpacked where it is gzip; empty where it cannot be read."""
    try:
        with opened(path) as descriptor:
            head = os.pread(descriptor, most, 0)
            if not head.startswith(GZIP):
                return head
            with os.fdopen(os.dup(descriptor), "rb") as file, gzip.open(file) as unpacked:
                return unpacked.read(most)
    except (OSError, EOFError, zlib.error):
        return b""


def text_of(head: bytes) -> str:
    """The text that begins a file; empty where it is none."""
    encoding = encoding_of(head)
    if encoding == "utf-8" and b"\x00" in head:
        return ""
    return codecs.getincrementaldecoder(encoding)(errors="replace").decode(head).removeprefix("\ufeff")
