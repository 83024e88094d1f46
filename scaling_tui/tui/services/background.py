"""Work in a thread, one piece at a time."""

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

from textual.dom import DOMNode

T = TypeVar("T")


class OneAtATime(Generic[T]):
    """Does `work` in a thread of `owner`; of the requests that arrive meanwhile, only the latest is done next.

    A thread cannot be cancelled: one started at every key or tick would slow the others and the screen.
    """

    def __init__(self, owner: DOMNode, work: Callable[[T], None]) -> None:
        self._owner, self._work = owner, work
        self._lock = Lock()
        self._next: list[T] = []
        self.busy = False

    def ask(self, request: T) -> None:
        with self._lock:
            self._next = [request]
            if self.busy:
                return
            self.busy = True
        self._owner.run_worker(self._drain, thread=True)

    def _drain(self) -> None:
        try:
            while (request := self._take()) is not None:
                self._work(request[0])
        except BaseException:
            with self._lock:
                self.busy = False  # the next request is done all the same
            raise

    def _take(self) -> list[T] | None:
        with self._lock:
            taken, self._next = self._next, []
            self.busy = bool(taken)
            return taken or None
