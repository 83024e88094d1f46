"""What a key goes through, one after the other."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def after(cycle: Sequence[T], now: T) -> T:
    """What follows `now`; the first follows the last."""
    return cycle[(cycle.index(now) + 1) % len(cycle)]
