"""The terminal that the app is in: what it can show, how it looks, and what happens when it goes away."""

import os
import signal
import sys
import termios
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scaling_tui import InputError

if TYPE_CHECKING:
    from textual.app import App

LOOK_S = 1.0


@dataclass(frozen=True)
class Looks:
    """How the app is to look.

    Args:
        ascii: nothing but ASCII signs reaches the terminal.
        slow_link: no animation, and files are looked at every two seconds.
        theme: `light`, `dark` or a theme of Textual's; None is Textual's own choice.
    """

    ascii: bool = False
    slow_link: bool = False
    theme: str | None = None


def is_there() -> bool:
    """Whether the app can be shown: input and output are a terminal that can move its cursor."""
    return sys.stdin.isatty() and sys.stdout.isatty() and not is_dumb()


def is_dumb() -> bool:
    return os.environ.get("TERM", "") in ("dumb", "unknown")


def wants_ascii() -> bool:
    """Whether the user's locale says that the terminal takes no UTF-8.

    Python puts C.UTF-8 in the place of a plain C locale and leaves that in LC_CTYPE, so a LANG that names C counts.
    """
    said = os.environ.get("LC_ALL") or os.environ.get("LC_CTYPE") or os.environ.get("LANG") or ""
    if said == "C.UTF-8" and not os.environ.get("LC_ALL"):
        said = os.environ.get("LANG") or said
    return bool(said) and "utf8" not in said.lower().replace("-", "")


def theme_named(name: str, known: Collection[str]) -> str:
    """The theme that `name` stands for.

    Raises:
        InputError: there is none.
    """
    theme = {"light": "textual-light", "dark": "textual-dark"}.get(name, name)
    if theme not in known:
        raise InputError(f"--theme {name!r}: not known; want light, dark or one of {', '.join(sorted(known))}")
    return theme


def end_with_terminal(app: "App[None]") -> None:
    """Ends the app when its terminal is closed, and leaves the terminal in order where the process is asked to end.

    The closing is told by SIGHUP, whose default is right: there is nothing left to tidy. Where it does not come
    (started with it ignored, or in a session without this terminal) a read of the dead terminal returns at once, for
    ever, which would keep a core busy; so the terminal is looked at.
    """
    import asyncio

    if app.is_headless:
        return
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, app.exit, None, 128 + signal.SIGTERM)
    app.set_interval(LOOK_S, _look)


def _look() -> None:
    try:
        termios.tcgetattr(0)
    except termios.error:
        signal.raise_signal(signal.SIGHUP)
