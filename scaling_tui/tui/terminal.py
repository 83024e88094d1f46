"""The terminal the app runs in, or the server that shows it in a browser: what it can show, and its going away."""

import os
import select
import signal
import sys
import termios
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scaling_tui import InputError

if TYPE_CHECKING:
    from textual.app import App

POLL_S = 1.0


@dataclass(frozen=True)
class Appearance:
    """How the app looks.

    Args:
        ascii: only ASCII characters reach the terminal.
        slow_link: no animation, and files are read every two seconds.
        theme: `dark`, `light`, `high-contrast` or a Textual theme; None leaves it to the user's settings.
        bell: alerts ring the bell and notify the desktop, besides being shown.
    """

    ascii: bool = False
    slow_link: bool = False
    theme: str | None = None
    bell: bool = True


def is_there() -> bool:
    """Whether the app can be shown: in a browser, or on a terminal that can move its cursor."""
    return is_browser() or (sys.stdin.isatty() and sys.stdout.isatty() and not is_dumb())


def is_browser() -> bool:
    """Whether a server has started this app to show it in a browser: it then speaks to the server through pipes."""
    return os.environ.get("TEXTUAL_DRIVER", "").endswith(":WebDriver")


def is_dumb() -> bool:
    return os.environ.get("TERM", "") in ("dumb", "unknown")


def wants_ascii() -> bool:
    """Whether the user's locale says that the terminal does not take UTF-8. A browser takes it.

    Python replaces a plain C locale with C.UTF-8 and leaves that in LC_CTYPE, so a LANG that names C counts.
    """
    if is_browser():
        return False
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_CTYPE") or os.environ.get("LANG") or ""
    if locale == "C.UTF-8" and not os.environ.get("LC_ALL"):
        locale = os.environ.get("LANG") or locale
    return bool(locale) and "utf8" not in locale.lower().replace("-", "")


def check_theme(name: str) -> None:
    """Raises InputError if there is no theme of this name."""
    from textual.theme import BUILTIN_THEMES

    theme_named(name, BUILTIN_THEMES)


def theme_named(name: str, known: Collection[str]) -> str:
    """The theme that `name` stands for.

    Raises:
        InputError: there is none.
    """
    from scaling_tui.tui.themes import THEMES

    own = {called: theme.name for called, (theme, _) in THEMES.items()}
    theme = own.get(name, name)
    if theme not in {*known, *own.values()}:
        others = ", ".join(sorted(set(known) - set(own.values())))
        raise InputError(f"--theme {name!r}: not known; want {', '.join(own)}, or one of {others}")
    return theme


def follow_window_size() -> None:
    """Forgets COLUMNS and LINES: where a shell exports them, Textual keeps to them and never sees a resize.

    In a browser they are the size of its window at the start, and a resize is a message of the server.
    """
    if is_browser():
        return
    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)


def end_with_terminal(app: "App[None]") -> None:
    """Ends the app when its terminal or server is gone, and restores the terminal when the process is asked to end.

    SIGHUP announces the closing, and its default action is right: nothing is left to tidy. Where it never arrives
    (ignored at start, or a session without this terminal), reads of the dead terminal return at once for ever and
    keep a core busy; so the terminal is polled. So is the pipe from a server, which may be killed.
    """
    import asyncio

    if app.is_headless:
        return
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, app.exit, None, 128 + signal.SIGTERM)
    app.set_interval(POLL_S, _check_server if is_browser() else _check_terminal)


def _check_terminal() -> None:
    try:
        termios.tcgetattr(0)
    except termios.error:
        signal.raise_signal(signal.SIGHUP)


def _check_server() -> None:
    pipe = select.poll()
    pipe.register(0, 0)
    if pipe.poll(0):
        signal.raise_signal(signal.SIGHUP)
