"""Looks at this machine that never fail: each is limited in time, and reports what goes wrong in it."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as OverTimeError
from dataclasses import dataclass, field
from threading import Thread
from time import monotonic
from typing import Any, Literal, TypeVar

from scaling_tui.text import show

T = TypeVar("T")


@dataclass(frozen=True)
class Look:
    """What one look found.

    Args:
        says: it, in a line.
        status: whether there is such a thing here.
        values: it, for programs.
        advice: a line for each thing that is wrong: what it is and what to do.
    """

    says: str
    status: Literal["found", "not found", "unknown"] = "found"
    values: Mapping[str, Any] = field(default_factory=dict)
    advice: tuple[str, ...] = ()


def not_found(says: str = "", *advice: str, **values: Any) -> Look:
    return Look(f"not found: {says}" if says else "not found", "not found", values, advice)


def unknown(why: str, *advice: str, **values: Any) -> Look:
    return Look(f"unknown: {why}", "unknown", values, advice)


def in_background(work: Callable[[], T]) -> "Future[T]":
    """Does `work` in a thread that nobody has to wait for, not even the end of this process."""
    future: Future[T] = Future()

    def do() -> None:
        try:
            result = work()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    Thread(target=do, daemon=True).start()
    return future


def take(looks: Mapping[str, Callable[[], Look]], seconds: Callable[[str], float]) -> dict[str, Look]:
    """Takes all `looks` at once; one that fails, or has not ended after its `seconds`, is unknown, with the reason.

    A disk or a driver that hangs holds up its own look alone.
    """
    began = monotonic()
    futures = {name: in_background(look) for name, look in looks.items()}
    return {
        name: _ended(future, max(0.0, began + seconds(name) - monotonic()), seconds(name))
        for name, future in futures.items()
    }


def _ended(future: "Future[Look]", left: float, seconds: float) -> Look:
    try:
        return future.result(left)
    except OverTimeError:
        if not future.done():
            return unknown(f"took longer than {seconds:g} s")
        return unknown("a time limit of the system expired")
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return unknown(show.fault(error))
