"""W&B's offline runs: a `.wandb` file is LevelDB's log format around records that the installed wandb knows.

Format of the log: blocks of 32 KiB; each piece has a CRC, a length of two bytes, and a type: whole, first, middle or
last. W&B puts seven bytes before the first: `:W&B`, a magic number, a version.
"""

import json
import os
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scaling_tui import InputError
from scaling_tui.imports.metrics import Names, facts_from, number
from scaling_tui.imports.source import MOST_SETTINGS, PIECE, News, Record
from scaling_tui.imports.tables import LONGEST_NAME, flat, is_name
from scaling_tui.text.files import opened

SIGN = b":W&B"
_BLOCK, _HEADER, _FILE_HEADER = 1 << 15, 7, 7
_WHOLE, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
MOST_BYTES = 64 << 20  # of a record


class OfflineRun:
    """One `.wandb` file, which is a run."""

    def __init__(self, path: Path, run: str, columns: Mapping[str, str]) -> None:
        self.path, self._run = path, run
        self._names = Names(columns, str(path))
        self._record_type = _record_type(path)
        self._offset = _FILE_HEADER
        self._broken = 0

    def poll(self, last: bool) -> Iterator[News]:
        news = self._news()
        for data in self._records():
            message = self._record_type()
            try:
                message.ParseFromString(data)
            except Exception:  # protobuf raises its own kinds
                self._broken += 1
                continue
            kind = message.WhichOneof("record_type")
            if kind == "run":
                self._run = message.run.display_name or message.run.run_id or self._run
                if not news.records:
                    news.run = self._run
                self._add_config(news, message.run.config.update)
            elif kind == "config":
                self._add_config(news, message.config.update)
            elif kind == "history":
                if record := self._record(message.history):
                    news.records.append(record)
            elif kind == "exit":
                code = message.exit.exit_code
                news.ended, news.reason = ("failed", f"exit status {code}") if code else ("finished", "")
            if len(news.records) == PIECE:
                yield news
                news = self._news()
        self._names.strict = False
        yield news

    def left_out(self) -> tuple[str, ...]:
        damaged = (f"{self.path}: {self._broken:,} damaged records",) if self._broken else ()
        return (*damaged, *self._names.unseen())

    def _news(self) -> News:
        return News(self._run, path=self.path)

    def _add_config(self, news: News, updates: Any) -> None:
        config = {item.key or "/".join(item.nested_key): _value(item.value_json) for item in updates}
        known = flat({key: value for key, value in config.items() if key != "_wandb"})
        news.facts = {
            **news.facts,
            **{key: fact for key, fact in facts_from(known, str(self.path)).items() if key not in ("run", "state")},
        }
        plain = {key[:LONGEST_NAME]: value for key, value in known.items() if value is not None}
        news.settings = dict(list({**news.settings, **plain}.items())[:MOST_SETTINGS])

    def _record(self, history: Any) -> Record | None:
        record: Record = {}
        for item in history.item:
            name = item.key or "/".join(item.nested_key)
            value = number(_value(item.value_json))
            if value is None or name == "_runtime":
                continue
            key = self._names.metric(name) or (name if is_name(name) and name not in ("_step", "_timestamp") else None)
            if key is not None:
                record[key] = value
        if "step" not in record and history.HasField("step"):
            record["step"] = float(history.step.num)
        return record if record.keys() - {"step", "time"} else None

    def _records(self) -> Iterator[bytes]:
        """The whole records written since the last time.

        Raises:
            InputError: it cannot be read.
        """
        try:
            with opened(self.path) as descriptor:
                size = os.fstat(descriptor).st_size
                with os.fdopen(os.dup(descriptor), "rb") as file:
                    yield from self._framed(file, size)
        except OSError as error:
            raise InputError(f"{self.path}: {error.strerror or error}") from None

    def _framed(self, file: Any, size: int) -> Iterator[bytes]:
        at, parts = self._offset, list[bytes]()
        while True:
            left = _BLOCK - at % _BLOCK
            if left < _HEADER:
                at += left
                continue
            if at + _HEADER > size:
                return
            file.seek(at)
            _, length, kind = struct.unpack("<IHB", file.read(_HEADER))
            if at + _HEADER + length > size:
                return
            if kind == 0 or kind > _LAST or length > left - _HEADER:
                # Space that was set aside and not written, or damage: the next block begins anew.
                self._broken += kind != 0
                at, parts = at + left, []
                self._offset = min(at, size)
                continue
            piece = file.read(length)
            at += _HEADER + length
            parts = [piece] if kind in (_WHOLE, _FIRST) else [*parts, piece]
            if kind in (_WHOLE, _LAST) and sum(map(len, parts)) <= MOST_BYTES:
                yield b"".join(parts)
            if kind in (_WHOLE, _LAST):
                self._offset, parts = at, []


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _record_type(path: Path) -> Any:
    try:
        from wandb.proto import wandb_internal_pb2
    except ImportError:
        raise InputError(
            f"{path}: a run of W&B needs wandb, which is not installed; run pip install 'scaling-tui[wandb]'"
        ) from None
    return wandb_internal_pb2.Record
