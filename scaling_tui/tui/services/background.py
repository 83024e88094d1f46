"""Work away from the screen, one piece at a time."""

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

from textual.dom import DOMNode

T = TypeVar("T")


class OneAtATime(Generic[T]):
    """Does `work` in a thread of `owner`; of what is asked meanwhile only the latest is done, next.

    A thread cannot be called off: started anew at every key or tick, several would slow each other and the screen.
    """

    def __init__(self, owner: DOMNode, work: Callable[[T], None]) -> None:
        self._owner, self._work = owner, work
        self._lock = Lock()
        self._next: list[T] = []
        self.busy = False

    def ask(self, what: T) -> None:
        with self._lock:
            self._next = [what]
            if self.busy:
                return
            self.busy = True
        self._owner.run_worker(self._work_off, thread=True)

    def _work_off(self) -> None:
        while (what := self._taken()) is not None:
            self._work(what[0])

    def _taken(self) -> list[T] | None:
        with self._lock:
            taken, self._next = self._next, []
            self.busy = bool(taken)
            return taken or None
