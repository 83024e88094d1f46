"""The documents in files, one after another and in blocks, so that no file has to fit into memory.

A document is an iterator of blocks of UTF-8. The first block is the whole document or at least `BEGINNING` bytes of it.
"""

import codecs
import gzip
import io
import json
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from scaling_tui import InputError
from scaling_tui.data.finding import COMPRESSED, Found
from scaling_tui.text.columns import cut
from scaling_tui.text.files import opened

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Blocks = Iterator[bytes]
Tick = Callable[[int], None]  # told how many bytes have been read from the disk

BLOCK = 1 << 20
BEGINNING = 1 << 16
LONGEST_LINE = 64 << 20  # bytes of one document in JSON Lines
MOST_EXPANSION = 250  # a compressed text that grows more than this is an attack or a mistake
MAY_EXPAND = 1 << 30  # bytes that any compressed file may grow to


def documents(found: Found, files: tuple[Path, ...], key: str, tick: Tick = lambda _: None) -> Iterator[Blocks]:
    """The documents of `files`, which are of the kind of `found`; those without a character are passed over.

    Args:
        found: of which kind the files are.
        files: in the order in which they are read.
        key: the key or column that holds the text.
        tick: called with the bytes read since the last call.

    Raises:
        InputError: a file cannot be read, or is not what its kind says; the message names the place.
    """
    read = {"text": _text, "jsonl": _json_lines, "parquet": _parquet, "arrow": _arrow}[found.kind]
    for path in files:
        try:
            yield from read(path, key, tick)
        except OSError as error:
            raise InputError(f"cannot read {path} ({error.strerror or error})") from error


def blocks_of(text: bytes) -> Blocks:
    """A document that is in memory, in blocks."""
    return (text[start : start + BLOCK] for start in range(0, len(text), BLOCK))


def _text(path: Path, key: str, tick: Tick) -> Iterator[Blocks]:
    with _stream(path, tick) as file:
        first = file.read(BLOCK)
        if first:
            yield _checked(path, first, file)


def _checked(path: Path, first: bytes, file: IO[bytes]) -> Blocks:
    """The blocks of a file, refused where they are no text."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    block, offset = first, 0
    while True:
        held = len(decoder.getstate()[0])
        try:
            decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            at = offset - held + error.start
            raise InputError(not_text(path, error.object[error.start], at, first)) from None
        if (zero := block.find(0)) >= 0:
            raise InputError(not_text(path, 0, offset + zero, first))
        if not block:
            return
        yield block
        offset += len(block)
        block = file.read(BLOCK)


def not_text(path: Path, byte: int, offset: int, beginning: bytes) -> str:
    """What is wrong with a byte that is no text, and what to do."""
    where = f"{path}: byte 0x{byte:02x} at offset {offset:,} is not UTF-8"
    if byte == 0:
        where = f"{path}: byte 0x00 at offset {offset:,} is not text"
    marks = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "Zstandard",
             b"PAR1": "Parquet", b"PK\x03\x04": "a zip archive", b"%PDF": "a PDF"}  # fmt: skip
    looks = next((name for mark, name in marks.items() if beginning.startswith(mark)), None)
    advice = {
        "UTF-16": "iconv -f UTF-16 -t UTF-8 makes it text",
        "gzip": "a name that ends in .txt.gz or .jsonl.gz says so",
        "Zstandard": "a name that ends in .txt.zst or .jsonl.zst says so",
        "Parquet": "a name that ends in .parquet says so",
    }
    if looks:
        return f"{where}: this looks like {looks}; {advice.get(looks, 'want text')}"
    return (
        f"{where}; want UTF-8 text (iconv -f LATIN1 -t UTF-8 converts other text), or for token ids corpus.format "
        "= 'tokens' and corpus.tokenizer or corpus.vocab"
    )


def _json_lines(path: Path, key: str, tick: Tick) -> Iterator[Blocks]:
    with _stream(path, tick) as file:
        number = 0
        while line := file.readline(LONGEST_LINE + 1):
            number += 1
            if len(line) > LONGEST_LINE:
                raise InputError(
                    f"{path} line {number:,}: longer than {LONGEST_LINE >> 20} MB, want one document a line"
                )
            if number == 1:
                line = line.removeprefix(codecs.BOM_UTF8)
            if line.strip():
                text = _text_of(line, key, f"{path} line {number:,}")
                if text:
                    yield blocks_of(text)


def _text_of(line: bytes, key: str, where: str) -> bytes:
    try:
        row = json.loads(line.decode())
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise InputError(f"{where}: byte 0x{byte:02x} at place {error.start + 1:,} is not UTF-8") from None
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply or too long a number"
        raise InputError(f"{where}: not JSON ({reason}), want an object with the text under {key!r}") from None
    if not isinstance(row, dict):
        raise InputError(f"{where}: found {_brief(row)}, want an object with the text under {key!r}")
    if key not in row:
        raise InputError(f"{where}: no key {key!r}{_others([name for name in row if isinstance(row[name], str)])}")
    return _utf8(row[key], key, where)


def _utf8(value: Any, key: str, where: str) -> bytes:
    if value is None:
        return b""
    if not isinstance(value, str):
        raise InputError(f"{where}: {key!r} is {_brief(value)}, want a string")
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{where}: half a surrogate pair at character {error.start + 1:,}, want text") from None


def _others(names: list[str]) -> str:
    """What to write instead of a key that is not there."""
    if not names:
        return ", and no other with a string"
    brief = [cut(name, 40) for name in names[:8]]
    return f", found {', '.join(map(repr, brief))}; corpus.text = {brief[0]!r} reads that"


def _brief(value: Any) -> str:
    return cut(repr(value), 40)


def _parquet(path: Path, key: str, tick: Tick) -> Iterator[Blocks]:
    parquet = _arrow_library("pyarrow.parquet", "parquet")
    with opened(path) as descriptor, os.fdopen(os.dup(descriptor), "rb") as file, _arrow_errors(path, "Parquet"):
        table = parquet.ParquetFile(file)
        _has_column(path, table.schema_arrow, key)
        row = 0
        for batch in table.iter_batches(batch_size=256, columns=[key]):
            for value in batch.column(0):
                row += 1
                if text := _cell(value, key, f"{path} row {row:,}"):
                    yield blocks_of(text)
        tick(os.fstat(descriptor).st_size)


def _arrow(path: Path, key: str, tick: Tick) -> Iterator[Blocks]:
    """An Arrow stream, as Hugging Face's `save_to_disk` writes it, or an Arrow file. No code in it, none run."""
    pyarrow = _arrow_library("pyarrow", "datasets")
    with opened(path) as descriptor, os.fdopen(os.dup(descriptor), "rb") as file, _arrow_errors(path, "Arrow"):
        if file.read(6) == b"ARROW1":
            whole = pyarrow.ipc.open_file(file)
            batches = (whole.get_batch(number) for number in range(whole.num_record_batches))
        else:
            file.seek(0)
            whole = pyarrow.ipc.open_stream(file)
            batches = iter(whole)
        _has_column(path, whole.schema, key)
        row = 0
        for batch in batches:
            for value in batch.column(whole.schema.get_field_index(key)):
                row += 1
                if text := _cell(value, key, f"{path} row {row:,}"):
                    yield blocks_of(text)
        tick(os.fstat(descriptor).st_size)


def _cell(value: Any, key: str, where: str) -> bytes:
    try:
        return _utf8(value.as_py(), key, where)
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise InputError(f"{where}: byte 0x{byte:02x} at place {error.start + 1:,} is not UTF-8") from None


def _has_column(path: Path, schema: Any, key: str) -> None:
    if schema.names.count(key) != 1:
        strings = [field.name for field in schema if str(field.type) in ("string", "large_string", "string_view")]
        raise InputError(f"{path}: no column {key!r}{_others(strings)}")


def _arrow_library(module: str, extra: str) -> Any:
    import importlib

    try:
        importlib.import_module("pyarrow.ipc")
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(f"reading this corpus needs pyarrow; run pip install 'scaling-tui[{extra}]'") from error


@contextmanager
def _arrow_errors(path: Path, kind: str) -> Iterator[None]:
    pyarrow = _arrow_library("pyarrow", "parquet")
    try:
        yield
    except pyarrow.ArrowException as error:
        reason = (str(error).splitlines() or [""])[0]
        raise InputError(f"{path}: not {kind}: {reason[:120]}") from None


class _Counting(io.FileIO):
    """A file that tells how much of it has been read, and refuses to grow without bound once decompressed."""

    def __init__(self, descriptor: int, tick: Tick) -> None:
        super().__init__(descriptor, "rb")
        self._tick = tick
        self.read_so_far = 0

    def readinto(self, buffer: "WriteableBuffer", /) -> int | None:
        size = super().readinto(buffer)
        if size:
            self._tick(size)
            self.read_so_far += size
        return size


class _Bounded(io.RawIOBase):
    """What a decompressor gives, up to `MOST_EXPANSION` times what it was given."""

    def __init__(self, inner: IO[bytes], source: _Counting, path: Path) -> None:
        self._inner, self._source, self._path = inner, source, path
        self._given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer).cast("B")
        data = self._inner.read(min(len(view), BLOCK))
        self._given += len(data)
        if self._given > max(MAY_EXPAND, MOST_EXPANSION * self._source.read_so_far):
            raise InputError(
                f"{self._path}: grows to more than {MOST_EXPANSION} times its size; decompress it first if you trust it"
            )
        view[: len(data)] = data
        return len(data)


class _Frames:
    """The content of Zstandard frames. The library's own stream ends a file that was cut off without a word."""

    PIECE = 4096  # a block of 4 bytes may hold 128 KB

    def __init__(self, source: IO[bytes], zstandard: Any) -> None:
        self._source, self._library = source, zstandard
        self._frame: Any = None
        self._unused = self._ready = b""

    def read(self, size: int) -> bytes:
        while not self._ready:
            piece = self._unused or self._source.read(self.PIECE)
            self._unused = b""
            if not piece:
                if self._frame is not None:
                    raise EOFError("it ends within a frame")
                return b""
            self._frame = self._frame or self._library.ZstdDecompressor().decompressobj()
            self._ready = self._frame.decompress(piece)
            if self._frame.eof:
                self._unused, self._frame = self._frame.unused_data, None
        data, self._ready = self._ready[:size], self._ready[size:]
        return data


@contextmanager
def _stream(path: Path, tick: Tick) -> Iterator[IO[bytes]]:
    """The bytes of a file, decompressed where its name says so.

    Raises:
        OSError: it cannot be opened or read.
        InputError: it is not compressed as its name says, or the library for that is missing.
    """
    with opened(path) as descriptor, _Counting(os.dup(descriptor), tick) as source:
        suffix = path.suffix.lower()
        buffered = io.BufferedReader(source, BLOCK)
        if suffix not in COMPRESSED:
            yield buffered
            return
        inner: Any
        broken: tuple[type[Exception], ...]
        if suffix == ".gz":
            inner, broken = gzip.GzipFile(fileobj=buffered), (gzip.BadGzipFile, zlib.error, EOFError)
        else:
            zstandard = _zstandard()
            inner, broken = _Frames(buffered, zstandard), (zstandard.ZstdError, EOFError)
        try:
            yield io.BufferedReader(_Bounded(inner, source, path), BLOCK)
        except broken as error:
            raise InputError(f"{path}: not a whole {suffix} file ({error})") from None


def _zstandard() -> Any:
    import importlib

    try:
        return importlib.import_module("zstandard")
    except ImportError as error:
        raise InputError("reading .zst needs zstandard; run pip install 'scaling-tui[zstd]'") from error
