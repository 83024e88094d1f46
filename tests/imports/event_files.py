"""Event files as TensorBoard's writers make them, byte by byte: for tests where no writer is installed."""

import struct
from collections.abc import Iterable, Mapping

from scaling_tui.imports.tensorboard import masked_crc


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    found = b""
    while True:
        value, low = value >> 7, value & 0x7F
        found += bytes([low | (0x80 if value else 0)])
        if not value:
            return found


def piece(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def record(message: bytes) -> bytes:
    head = struct.pack("<Q", len(message))
    return head + struct.pack("<I", masked_crc(head)) + message + struct.pack("<I", masked_crc(message))


def event(step: int, scalars: Mapping[str, float], time: float = 1.7e9, double: bool = False) -> bytes:
    """An Event of scalars: as simple values, or as tensors of doubles."""
    values = b""
    for tag, value in scalars.items():
        if double:
            number = piece(8, b"\x08\x02" + piece(6, struct.pack("<d", value)))
        else:
            number = varint(2 << 3 | 5) + struct.pack("<f", value)
        values += piece(1, piece(1, tag.encode()) + number)
    return record(b"\x09" + struct.pack("<d", time) + b"\x10" + varint(step) + piece(5, values))


def version() -> bytes:
    return record(b"\x09" + struct.pack("<d", 1.7e9) + piece(3, b"brain.Event:2"))


def start(step: int) -> bytes:
    """A SessionLog START: what follows replaces the steps from `step` on."""
    return record(b"\x09" + struct.pack("<d", 1.7e9) + b"\x10" + varint(step) + piece(7, b"\x08\x01"))


def event_file(events: Iterable[bytes]) -> bytes:
    return version() + b"".join(events)
