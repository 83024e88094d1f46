"""What a learner's program may spend: steps, processor time, and the size of each value."""

import time
from collections.abc import Sized

STEPS = 100_000
SECONDS = 2.0  # of this thread's processor time: a busy machine must not fail a right answer
MOST_BITS = 4_096  # of a whole number
MOST_CHARACTERS = 10_000
MOST_ITEMS = 10_000
MOST_CALLS = 100  # within each other
MOST_PRINTED = 2_000  # characters
_LOOK = 512  # steps between two looks at the clock


class Stopped(Exception):  # noqa: N818 - shown to the learner under this name
    """The budget is spent."""


class Budget:
    """Counts what a program spends. A value costs as many steps as it has items, so memory is bounded by the steps.

    Args:
        steps: nodes of the syntax tree and items of values.
        seconds: of processor time.
    """

    def __init__(self, steps: int = STEPS, seconds: float = SECONDS) -> None:
        self.steps, self._all = steps, steps
        self._seconds, self._ends = seconds, time.thread_time() + seconds
        self._look = steps - _LOOK

    def tick(self, steps: int = 1) -> None:
        """Spends steps.

        Raises:
            Stopped: there are none left, or the time is over.
        """
        self.steps -= steps
        if self.steps < self._look:
            self._look = self.steps - _LOOK
            if self.steps < 0:
                raise Stopped(f"after {self._all:,} steps; is there an endless loop?")
            if time.thread_time() > self._ends:
                raise Stopped(f"after {self._seconds:g} s; is there an endless loop?")

    def items(self, number: int) -> None:
        """Room for a list, tuple or dict of so many items.

        Raises:
            MemoryError: too many.
        """
        if number > MOST_ITEMS:
            raise MemoryError(f"{number:,} items in one value; this exercise allows {MOST_ITEMS:,}")
        self.tick(number)

    def characters(self, number: int) -> None:
        """Room for a string.

        Raises:
            MemoryError: too long.
        """
        if number > MOST_CHARACTERS:
            raise MemoryError(f"a string of {number:,} characters; this exercise allows {MOST_CHARACTERS:,}")
        self.tick(number // 8)

    def bits(self, number: int) -> None:
        """Room for a whole number.

        Raises:
            MemoryError: too large.
        """
        if number > MOST_BITS:
            raise MemoryError(f"a whole number of more than {MOST_BITS:,} bits; use a float for such sizes")

    def held(self, value: object) -> None:
        """Room for a value that was computed elsewhere, such as by `int`."""
        match value:
            case int():
                self.bits(value.bit_length())
            case str():
                self.characters(len(value))
            case list() | tuple() | dict():
                assert isinstance(value, Sized)
                self.items(len(value))
