"""TensorBoard's event files: the scalars of a folder, which is a run.

The files are read here and not by the tensorboard package: that checks every byte of pictures and histograms in Python,
believes any length, and would have to be installed. Formats: TFRecord (length, its masked CRC-32C, data, their masked
CRC-32C) of `Event` messages (tensorflow/core/util/event.proto, summary.proto, tensor.proto) in protobuf's wire format.
"""

import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scaling_tui import InputError
from scaling_tui.imports.metrics import Names
from scaling_tui.imports.source import PIECE, News, Record
from scaling_tui.imports.tables import is_name
from scaling_tui.text.files import opened

SIGN = b"brain.Event:"
PATTERN = "*tfevents*"
MOST_CHECKED = 1 << 14  # bytes of a record of scalars; larger ones hold pictures, graphs, histograms, and are skipped
_HEAD, _CRC = 12, 4
_START = 1  # SessionLog.SessionStatus: what follows replaces later steps
_FLOAT, _DOUBLE = 1, 2  # DataType


@dataclass(frozen=True)
class Event:
    step: int
    time: float
    scalars: tuple[tuple[str, float], ...]
    starts: bool


class EventFolder:
    """The event files of one folder, in the order of their names, which begin with the time of their making."""

    def __init__(self, path: Path, run: str, columns: Mapping[str, str]) -> None:
        self.path, self._run = path, run
        self._names = Names(columns, str(path))
        self._files: dict[Path, _EventFile] = {}
        self._last: dict[str, int] = {}  # step by tag, of the files before the current one

    def poll(self, last: bool) -> Iterator[News]:
        files = sorted(self.path.glob(PATTERN)) if self.path.is_dir() else [self.path]
        for path in files:
            file = self._files.get(path)
            if file is None:
                file = self._files[path] = _EventFile(path)
            yield from self._of_file(file)
        self._names.strict = False

    def left_out(self) -> tuple[str, ...]:
        damaged = [file for file in self._files.values() if file.damaged or file.broken_at is not None]
        return self._names.unseen() + tuple(
            f"{file.path}: "
            + (
                f"{file.damaged:,} damaged records"
                if file.broken_at is None
                else f"all from byte {file.broken_at:,} on"
            )
            for file in damaged
        )

    def _of_file(self, file: "_EventFile") -> Iterator[News]:
        news, record = News(self._run, path=self.path), Record()
        step: int | None = None
        for event in file.events():
            # What follows such an event replaces the steps from its own on.
            replaced = event.starts and max((self._last | file.last).values(), default=-1) >= event.step
            if replaced:
                yield from self._closed(news, record)
                news, record, step = News(self._run, path=self.path, restarted=True), Record(), None
            for tag, value in event.scalars:
                key = self._names.metric(tag) or (tag if is_name(tag) else None)
                if key is None or key == "step":
                    continue
                # What an earlier file had already is trained again from here.
                again = not file.restarted and event.step <= self._last.get(tag, -1)
                if again or event.step != step or key in record:
                    if again or len(news.records) >= PIECE:
                        yield from self._closed(news, record)
                        news = News(self._run, path=self.path, restarted=again)
                        file.restarted |= again
                    elif record:
                        news.records.append(record)
                    record, step = {"step": float(event.step)}, event.step
                    if event.time > 0:
                        record["time"] = event.time
                record[key] = value
                file.last[tag] = event.step
        self._last |= file.last
        yield from self._closed(news, record)

    @staticmethod
    def _closed(news: News, record: Record) -> Iterator[News]:
        if record:
            news.records.append(record)
        yield news


class _EventFile:
    """Follows one event file; an incomplete record at its end is left for the next time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged = 0  # records
        self.broken_at: int | None = None  # byte from which nothing can be found any more
        self.restarted = False
        self.last: dict[str, int] = {}
        self._offset = 0
        self._inode = 0

    def events(self) -> Iterator[Event]:
        """Raises InputError: it cannot be read."""
        if self.broken_at is not None:
            return
        try:
            with opened(self.path) as descriptor:
                stat = os.fstat(descriptor)
                if stat.st_size < self._offset or (self._inode and stat.st_ino != self._inode):
                    self._offset = 0
                self._inode = stat.st_ino
                with os.fdopen(os.dup(descriptor), "rb") as file:
                    file.seek(self._offset)
                    while self._offset + _HEAD <= stat.st_size:
                        head = file.read(_HEAD)
                        (length, crc) = struct.unpack("<QI", head)
                        if masked_crc(head[:8]) != crc:
                            self.broken_at = self._offset
                            return
                        end = self._offset + _HEAD + length + _CRC
                        if end > stat.st_size:
                            return
                        event = self._event(file.read(length + _CRC)) if length <= MOST_CHECKED else None
                        if length > MOST_CHECKED:
                            file.seek(end)
                        self._offset = end
                        if event is not None:
                            yield event
        except FileNotFoundError:
            return
        except OSError as error:
            raise InputError(f"{self.path}: {error.strerror or error}") from None

    def _event(self, data: bytes) -> Event | None:
        message, (crc,) = data[:-_CRC], struct.unpack("<I", data[-_CRC:])
        if masked_crc(message) != crc:
            self.damaged += 1
            return None
        try:
            return event_of(message)
        except (ValueError, IndexError, struct.error):
            self.damaged += 1
            return None


def event_of(message: bytes) -> Event | None:
    """The scalars of an `Event`; None where it has none and starts no session.

    Raises:
        ValueError, IndexError, struct.error: it is no such message.
    """
    time, step, scalars, starts = 0.0, 0, list[tuple[str, float]](), False
    for number, value in fields(message):
        if number == 1 and isinstance(value, bytes):
            (time,) = struct.unpack("<d", value)
        elif number == 2 and isinstance(value, int):
            step = value
        elif number == 5 and isinstance(value, bytes):
            scalars += [found for at, item in fields(value) if at == 1 and (found := _scalar(item)) is not None]
        elif number == 7 and isinstance(value, bytes):
            starts = dict(fields(value)).get(1) == _START
    return Event(step, time, tuple(scalars), starts) if scalars or starts else None


def _scalar(value: "int | bytes") -> tuple[str, float] | None:
    """Tag and number of a `Summary.Value`: a simple value, or a tensor of one float."""
    if not isinstance(value, bytes):
        return None
    tag, found = "", None
    for number, item in fields(value):
        if number == 1 and isinstance(item, bytes):
            tag = item.decode("utf-8", "replace")
        elif number == 2 and isinstance(item, bytes):
            (found,) = struct.unpack("<f", item)
        elif number == 8 and isinstance(item, bytes):
            found = _tensor(item)
    return None if found is None or not tag else (tag, float(found))


def _tensor(tensor: bytes) -> float | None:
    kind, content = 0, b""
    for number, item in fields(tensor):
        if number == 1 and isinstance(item, int):
            kind = item
        elif number in (4, 5, 6) and isinstance(item, bytes):
            content = item
    form = {_FLOAT: "<f", _DOUBLE: "<d"}.get(kind)
    if form is None or len(content) != struct.calcsize(form):
        return None
    value: float = struct.unpack(form, content)[0]
    return value


def fields(message: bytes) -> Iterator[tuple[int, "int | bytes"]]:
    """The fields of a protobuf message: numbers with whole numbers, or with the bytes of anything else.

    Raises:
        ValueError, IndexError: it is no such message.
    """
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield number, value
            continue
        if kind == 2:
            length, at = _varint(message, at)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise ValueError(f"wire type {kind}")
        if at + length > len(message):
            raise ValueError("cut off")
        yield number, message[at : at + length]
        at += length


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A signed 64-bit number, and where it ends."""
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            break
        if shift > 63:
            raise ValueError("a number of more than 64 bits")
    return value - (1 << 64) if value >= 1 << 63 else value, at


@cache
def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


def masked_crc(data: bytes) -> int:
    """CRC-32C (Castagnoli), rotated and shifted as TFRecord has it."""
    table, crc = _crc_table(), 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
