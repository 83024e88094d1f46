"""Tables of the tutor's TOML files, read field by field. Every error names the file, the table and the field."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from scaling_tui import InputError
from scaling_tui.text.suggest import did_you_mean

T = TypeVar("T")
S = TypeVar("S", bound=str)


@dataclass(frozen=True)
class Table:
    """A TOML table, with its place in the file for error messages. `kind` is what its file lists, if anything."""

    where: str
    table: dict[str, Any]
    kind: str = "question"

    def wrong(self, field: str, why: str) -> InputError:
        return InputError(f"{self.where}: field {field!r}: {why}")

    def unknown(self, allowed: Iterable[str]) -> list[InputError]:
        """Its fields that are not allowed, as errors."""
        known = sorted(allowed)
        wanted = f"want one of {', '.join(known)}"
        return [
            self.wrong(field, f"unknown, {did_you_mean(field, known, wanted)}")
            for field in self.table
            if field not in known
        ]

    def only(self, allowed: Iterable[str]) -> None:
        for error in self.unknown(allowed):
            raise error

    def get(self, field: str, kind: type[T], default: T | None = None) -> T:
        value = self.table.get(field, default)
        if value is None:
            raise self.wrong(field, "missing")
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.wrong(field, f"found {value!r}, want {_KINDS[kind]}")
        if isinstance(value, str) and not value.strip() and default is None:
            raise self.wrong(field, "empty")
        return value

    def one_of(self, field: str, allowed: Collection[S], default: S | None = None) -> S:
        instead: str | None = default
        value = self.get(field, str, instead)
        for one in allowed:
            if one == value:
                return one
        raise self.wrong(field, f"found {value!r}, want one of {', '.join(allowed)}")

    def tables(self, field: str, least: int) -> list["Table"]:
        tables = self.get(field, list, [])
        if len(tables) < least or not all(isinstance(item, dict) for item in tables):
            name = f"{self.kind}.{field}" if self.kind else field
            raise self.wrong(field, f"found {len(tables)}, want at least {least} tables [[{name}]]")
        return [Table(f"{self.where}: {field} {number}", item, self.kind) for number, item in enumerate(tables, 1)]

    def read(self, field: str, reader: Callable[[str], T], default: str | None = None) -> T:
        """A text field parsed by `reader`, whose error is raised again with the place."""
        text = self.get(field, str, default)
        try:
            return reader(text)
        except InputError as error:
            raise self.wrong(field, str(error)) from None
        except RecursionError:
            raise self.wrong(field, "nested too deeply") from None


_KINDS: dict[type, str] = {str: "a string", float: "a number", int: "a whole number", list: "a list", dict: "a table",
                           bool: "true or false"}  # fmt: skip
