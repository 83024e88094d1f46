"""What this terminal can do, look by look, from the environment alone: the terminal is not queried."""

import os
import shutil
import sys
from collections.abc import Callable

from scaling_tui.sweeps.answers import answer
from scaling_tui.sweeps.looks import Look, not_found, unknown
from scaling_tui.text.visible import terminal_of
from scaling_tui.tui import terminal
from scaling_tui.tui.services.clipboard import copies

WHOLE = (80, 24)  # what the app needs to show everything
COLOURS = {"standard": 16, "windows": 16, "256": 256, "truecolor": 1 << 24}
TMUX_S = 3.0

# How terminals treat OSC 52, the escape sequence that copies, for those that name themselves.
TAKES_COPIES = {"TERM": ("alacritty", "foot", "xterm-ghostty", "xterm-kitty"), "TERM_PROGRAM": ("WezTerm", "ghostty")}
NO_COPIES = {"TERM_PROGRAM": ("Apple_Terminal",)}


def terminal_looks() -> dict[str, Callable[[], Look]]:
    """The looks by name."""
    return {"terminal": size, "colours": colours, "utf8": utf8, "clipboard": clipboard}


def _columns_and_lines() -> tuple[int, int] | None:
    for stream in (sys.__stdout__, sys.__stderr__, sys.__stdin__):
        try:
            if stream is not None and stream.isatty():
                found = os.get_terminal_size(stream.fileno())
                return found.columns, found.lines
        except (OSError, ValueError):
            continue
    return None


def size() -> Look:
    name, found = os.environ.get("TERM"), _columns_and_lines()
    values = {
        "term": name, "columns": found[0] if found else None, "lines": found[1] if found else None,
        "stdout": sys.stdout.isatty(), "app": terminal.is_there(),
    }  # fmt: skip
    called = f"TERM={name}" if name else "TERM is not set"
    if found is None:
        return not_found(f"a pipe or a file; {called}", **values)
    says = f"{found[0]}×{found[1]}, {called}"
    advice = []
    if terminal.is_dumb():
        advice.append(
            "the app needs a terminal that can move its cursor: set TERM to this terminal's type, such as xterm"
        )
    if found[0] < WHOLE[0] or found[1] < WHOLE[1]:
        advice.append("the app needs 80×24 to show everything: make the window larger")
    return Look(says, values=values, advice=tuple(advice))


def colours() -> Look:
    from rich.console import Console

    system = Console(file=terminal_of(sys.stdout), force_terminal=not terminal.is_dumb()).color_system
    limited = os.environ.get("TEXTUAL_COLOR_SYSTEM")
    off = bool(os.environ.get("NO_COLOR"))
    number = COLOURS.get(system or "", 0)
    values = {"colours": number, "NO_COLOR": off, "TEXTUAL_COLOR_SYSTEM": limited}
    by = " and ".join(f"{name}={value}" for name in ("TERM", "COLORTERM") if (value := os.environ.get(name)))
    says = "none" if not number else "16 million" if number > 256 else str(number)
    says += f", by {by}" if by else ""
    if off:
        return Look(f"{says}; NO_COLOR turns them off", values=values)
    if limited:
        says += f"; TEXTUAL_COLOR_SYSTEM={limited} in the app"
    advice = []
    if 0 < number < 256 and not limited and _columns_and_lines():
        advice.append("most terminals have 256 colours: set TERM to this terminal's type, such as xterm-256color")
    return Look(says, values=values, advice=tuple(advice))


def utf8() -> Look:
    named = [f"{name}={value}" for name in ("LC_ALL", "LC_CTYPE", "LANG") if (value := os.environ.get(name))]
    by = f", by {' '.join(named)}" if named else ", as no locale says otherwise"
    values = {"utf8": not terminal.wants_ascii(), "encoding": sys.stdout.encoding}
    if values["utf8"]:
        return Look(f"yes{by}", values=values)
    advice = "the app draws in ASCII: if this terminal shows UTF-8, set LC_ALL=C.UTF-8 or give --no-ascii"
    return Look(f"no{by}", values=values, advice=(advice,))


def clipboard() -> Look:
    """Whether a copy by OSC 52 arrives; either way the app keeps the last one in a file."""
    kept = f"the app also keeps the last copy in {copies()}"
    values = {"osc52": None, "file": str(copies())}
    if os.environ.get("TMUX"):
        setting = _tmux_setting()
        if setting == "on":
            return Look(f"tmux passes copies on; {kept}", values={**values, "osc52": True})
        if setting in ("off", "external"):
            return Look(
                f"tmux does not let programs copy (set-clipboard {setting}); {kept}", "found",
                {**values, "osc52": False}, ("put 'set -s set-clipboard on' in ~/.tmux.conf",),
            )  # fmt: skip
        return unknown(f"tmux does not say whether it passes copies on; {kept}", **values)
    if os.environ.get("STY"):
        return Look(f"screen passes no copies on; {kept}", values={**values, "osc52": False})
    for told, takes in ((TAKES_COPIES, True), (NO_COPIES, False)):
        for name, known in told.items():
            if (value := os.environ.get(name, "")) in known:
                says = f"{value} {'lets programs copy' if takes else 'does not let programs copy'}; {kept}"
                return Look(says, values={**values, "osc52": takes})
    return unknown(f"this terminal does not say whether programs can copy; {kept}", **values)


def _tmux_setting() -> str:
    if shutil.which("tmux") is None:
        return ""
    try:
        return answer(["tmux", "show-options", "-sv", "set-clipboard"], TMUX_S).strip()
    except OSError:
        return ""
