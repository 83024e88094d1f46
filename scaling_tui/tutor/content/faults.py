"""All faults of a bank or a question are reported at once, not the first alone."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from scaling_tui import InputError
from scaling_tui.tutor.content.table import Table

T = TypeVar("T")


class FaultyBank(InputError):  # noqa: N818 - a bank with faults, as `Unreadable` is a formula that is unreadable
    """Everything that is wrong in a bank or a question; as text the first fault and how many more there are."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        more = f" (and {len(faults) - 1} more; 'scaling-tui quiz check FILE' lists them)" if len(faults) > 1 else ""
        super().__init__(faults[0] + more)


class Faults:
    """Collects the faults of a question, so that all of them are reported at once."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def of(self, read: Callable[[], T], instead: T) -> T:
        """What `read` returns; `instead`, if it finds a fault."""
        try:
            return read()
        except FaultyBank as error:
            self.found += error.faults
        except InputError as error:
            self.found.append(str(error))
        return instead

    def tell(self) -> None:
        """Raises what was found."""
        if self.found:
            raise FaultyBank(self.found)


def only(table: Table, allowed: Iterable[str]) -> None:
    """Raises every field that is not allowed."""
    if unknown := table.unknown(allowed):
        raise FaultyBank([str(error) for error in unknown])
