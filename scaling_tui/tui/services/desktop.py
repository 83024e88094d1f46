"""Desktop notifications by escape sequence: OSC 9 or OSC 777, where the terminal is known to take one of them.

A terminal tells nobody whether it does, so its name has to. What it does not know, another may print or take for
something else: of ConEmu and Windows Terminal, OSC 9 is the progress of the taskbar.
"""

import os
import shutil
from collections.abc import Mapping
from typing import Literal

from scaling_tui.sweeps.answers import answer
from scaling_tui.text.columns import cut
from scaling_tui.text.visible import visible

Protocol = Literal["9", "777"]

TITLE = "scaling-tui"
LONGEST = 200  # cells
TMUX_S = 3.0
BY_NAME: Mapping[str, Mapping[str, Protocol]] = {
    "TERM": {"foot": "777", "foot-direct": "777", "xterm-ghostty": "777", "xterm-kitty": "9"},
    "TERM_PROGRAM": {"WezTerm": "777", "ghostty": "777", "iTerm.app": "9"},
    "LC_TERMINAL": {"iTerm2": "9"},  # iTerm2 sends it along over SSH
}
# As terminals answer tmux, which asks them what they are.
BY_ANSWER: Mapping[str, Protocol] = {"foot": "777", "ghostty": "777", "WezTerm": "777", "kitty": "9", "iTerm2": "9"}


def notification(text: str, in_browser: bool = False) -> str:
    """The sequence that notifies the desktop of `text`; empty where the terminal is not known to take one."""
    if in_browser or os.environ.get("STY"):
        return ""
    if os.environ.get("TMUX"):
        outside = _outside_tmux()
        return "" if outside is None else passed_through_tmux(sequence(text, outside))
    protocol = protocol_of(os.environ)
    return "" if protocol is None else sequence(text, protocol)


def protocol_of(environment: Mapping[str, str]) -> Protocol | None:
    """What the terminal takes, by its names in the environment."""
    for variable, names in BY_NAME.items():
        if (protocol := names.get(environment.get(variable, ""))) is not None:
            return protocol
    return None


def sequence(text: str, protocol: Protocol) -> str:
    """The notification. Nothing in `text` can end it or begin another."""
    shown = cut(" ".join(visible(text).split()), LONGEST)
    if protocol == "777":
        return f"\x1b]777;notify;{TITLE};{shown.replace(';', ',')}\x1b\\"
    return f"\x1b]9;{TITLE}: {shown}\x1b\\"  # with a digit in front it would be another command


def passed_through_tmux(inner: str) -> str:
    """A sequence for the terminal that tmux runs in."""
    return "\x1bPtmux;" + inner.replace("\x1b", "\x1b\x1b") + "\x1b\\"


def _outside_tmux() -> Protocol | None:
    """What the terminal around tmux takes; None too where tmux passes nothing on."""
    if shutil.which("tmux") is None:
        return None
    try:
        asked = "#{allow-passthrough}|#{client_termname}|#{client_termtype}"
        told = answer(["tmux", "display-message", "-p", asked], TMUX_S).split("|", 2)
    except OSError:
        return None
    passes, name, kind = [*told, "", ""][:3]
    if passes not in ("1", "on", "all"):
        return None
    by_kind = next((protocol for known, protocol in BY_ANSWER.items() if kind.startswith(known)), None)
    return by_kind or BY_NAME["TERM"].get(name)
