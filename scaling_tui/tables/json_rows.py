"""JSON lines, a JSON array of objects, or an object of arrays; faults name the row."""

import json
from collections.abc import Mapping
from typing import Any

from scaling_tui import InputError
from scaling_tui.tables.table import Table

_DEEPEST = 8  # objects within objects
_WANTED = 'an object such as {"params": 1e6, "tokens": 2e7, "loss": 4.1}'


def json_table(text: str, where: str) -> Table:
    """The table of a JSON text. An object within a row gives columns such as `config.lr`.

    Raises:
        InputError: not JSON, or a row is not an object; names the row.
    """
    records, rows = _records(text, where)
    columns: dict[str, list[Any]] = {}
    for place, (number, record) in enumerate(zip(rows, records, strict=True)):
        if not isinstance(record, dict):
            raise InputError(f"{where}: row {number} is {type(record).__name__}, want {_WANTED}")
        for name, value in _flat(record):
            column = columns.setdefault(name, [])
            if len(column) == place:
                column.append(value)
            elif len(column) < place:
                column.extend([None] * (place - len(column)))
                column.append(value)
    for column in columns.values():
        column.extend([None] * (len(records) - len(column)))
    return Table(where, columns, rows)


def _records(text: str, where: str) -> tuple[list[Any], list[int]]:
    if text.lstrip()[0] == "[":
        records = _parsed(text, f"{where}:", "at line")
        return records, list(range(1, len(records) + 1))
    # A newline ends a row and nothing else does: U+2028 may stand in a string.
    numbered = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if len(numbered) == 1 or numbered[0][1].strip() == "{":
        whole = _parsed(text, f"{where}: row 1 is" if len(numbered) == 1 else f"{where}:", "")
        lists = [value for value in whole.values() if isinstance(value, list)] if isinstance(whole, dict) else []
        if lists and len(lists) == len(whole) and len({len(one) for one in lists}) == 1:
            size = len(lists[0])
            return [{name: whole[name][i] for name in whole} for i in range(size)], list(range(1, size + 1))
        return [whole], [numbered[0][0]]
    records = [_parsed(line, f"{where}: row {number} is", "") for number, line in numbered]
    return records, [number for number, _ in numbered]


def _parsed(text: str, where: str, after: str) -> Any:
    """`text` as JSON; `where` and, with a line number, `after` begin the error."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{where} not JSON{after and f' {after} {error.lineno}'}: {error.msg}") from None
    except RecursionError:
        raise InputError(f"{where} not a row of values: nested too deeply") from None
    except ValueError as error:
        raise InputError(f"{where} not JSON: {str(error).partition(';')[0]}") from None


def _flat(record: Mapping[str, Any], prefix: str = "", depth: int = 0) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in record.items():
        if isinstance(value, dict) and depth < _DEEPEST:
            found += _flat(value, f"{prefix}{name}.", depth + 1)
        else:
            found.append((prefix + name, value))
    return found
