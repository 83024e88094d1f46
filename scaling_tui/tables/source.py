"""The bytes of a table: of a file or standard input, unpacked and decoded, never more than a table may have."""

import gzip
import io
import sys
import zlib
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from pathlib import Path

from scaling_tui import InputError
from scaling_tui.text.files import MOST_TABLE_BYTES, read_bytes

STDIN = "-"
WANTED = "a table: CSV, TSV, JSONL or Parquet"
_GZIP, _ZSTD, _ZIP = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"


def read_source(source: str | Path) -> tuple[str, bytes]:
    """What to call `source` in errors, and its bytes as the author of the table wrote them.

    Args:
        source: a path, or `-` for standard input.

    Raises:
        InputError: no such file, not a regular one, too large, or broken where it is packed.
    """
    if str(source) == STDIN:
        where, data = "standard input", _standard_input()
    else:
        where, data = str(source), _file(Path(source))
    return where, _unpacked(data, where)


def _standard_input() -> bytes:
    if sys.stdin.isatty():
        raise InputError(f"standard input: found a terminal, want {WANTED}, such as from 'cat runs.csv |'")
    data = sys.stdin.buffer.read(MOST_TABLE_BYTES + 1)
    if len(data) > MOST_TABLE_BYTES:
        raise InputError(f"standard input: more than {MOST_TABLE_BYTES:,} bytes, want {WANTED} of at most that")
    return data


def _file(path: Path) -> bytes:
    try:
        return read_bytes(path, MOST_TABLE_BYTES)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file, want {WANTED}") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}, want {WANTED}") from None
    except ValueError:  # a NUL in the name
        raise InputError(f"{str(path)!r}: not a file name, want {WANTED}") from None


def _unpacked(data: bytes, where: str) -> bytes:
    if data.startswith(_ZIP):
        raise InputError(f"{where}: a zip archive or an Excel workbook, want {WANTED}: unpack it, or save it as CSV")
    try:
        if data.startswith(_GZIP):
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
                data = file.read(MOST_TABLE_BYTES + 1)
        elif data.startswith(_ZSTD):
            data = _from_zstd(data, where)
    except (EOFError, OSError, zlib.error) as error:
        raise InputError(f"{where}: broken where it is compressed: {error}") from None
    if len(data) > MOST_TABLE_BYTES:
        raise InputError(f"{where}: more than {MOST_TABLE_BYTES:,} bytes unpacked, want {WANTED} of at most that")
    return data


def _from_zstd(data: bytes, where: str) -> bytes:
    from scaling_tui.tables import parquet

    return parquet.from_zstd(data, MOST_TABLE_BYTES + 1, where)


def decoded(data: bytes, where: str) -> str:
    """UTF-8 or UTF-16, with or without a mark of the order of bytes; lines end in a newline alone.

    Raises:
        InputError: neither; says at which byte.
    """
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        encoding = "utf-16"
    elif data.startswith(BOM_UTF8):
        encoding = "utf-8-sig"
    elif data[1:2] == b"\0" and data[:1] != b"\0":
        encoding = "utf-16-le"
    elif data[:1] == b"\0" and data[1:2] != b"\0":
        encoding = "utf-16-be"
    else:
        encoding = "utf-8"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        named = "UTF-8" if encoding.startswith("utf-8") else "UTF-16"
        raise InputError(f"{where}: not {named} at byte {error.start}, want {WANTED}") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")
