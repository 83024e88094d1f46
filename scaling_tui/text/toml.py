"""TOML of plain data: what a document that was read as TOML, and kept as JSON, looked like."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from scaling_tui.text.visible import HARMFUL

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml_value(value: Any) -> str:
    """A value as it stands after `key =` on one line; as in `toml_text`."""
    return _string(value) if isinstance(value, str) else _value(value)


def toml_text(document: Mapping[str, Any]) -> str:
    """A document of strings, numbers, truth values, lists and tables; null, which TOML has not, is left out.

    `tomli.loads` gives the document again. Lone surrogates, which no TOML may hold, become U+FFFD.
    """
    return "\n".join(_table(document, ())).strip("\n") + "\n"


def _table(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    inner = {key: value for key, value in table.items() if _is_table(value) or _is_tables(value)}
    for key, value in table.items():
        if key not in inner and value is not None:
            yield f"{_key(key)} = {_value(value)}"
    for key, value in inner.items():
        name = ".".join(map(_key, (*path, key)))
        for each in value if isinstance(value, list) else [value]:
            yield ""
            yield f"[[{name}]]" if isinstance(value, list) else f"[{name}]"
            yield from _table(each, (*path, key))


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping)


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_table, value))


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _string(key)


def _value(value: Any) -> str:
    if isinstance(value, str):
        return _lines(value) if "\n" in value.strip("\n") else _string(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items() if item is not None)
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(item) for item in value if item is not None)}]"
    return str(value)


def _string(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    # JSON leaves DEL, C1 and marks of direction as they are; a lone surrogate is no character.
    return HARMFUL.sub(lambda match: f"\\u{ord(match[0]):04x}" if not _is_half(match[0]) else "\ufffd", quoted)


def _lines(text: str) -> str:
    """A string of several lines, a line each."""
    inner = "\n".join(_string(line)[1:-1] for line in text.split("\n"))
    return f'"""\n{inner}"""'


def _is_half(character: str) -> bool:
    return "\ud800" <= character <= "\udfff"
