"""The user's settings, from app.toml: `theme = "light"`, `thousands = ","`."""

import re
from pathlib import Path
from typing import Any

from scaling_tui import InputError
from scaling_tui.text.files import read_toml

KEYS = ("theme", "thousands")
THOUSANDS = (" ", ",", "'", "_")
_GROUPED = re.compile("(?<=[0-9])\u00a0(?=[0-9]{3}(?![0-9]))")  # as every number is written until it is shown


def settings_file() -> Path:
    """`app.toml` in the user's configuration folder; it need not exist."""
    from platformdirs import user_config_path

    return user_config_path("scaling-tui", appauthor=False) / "app.toml"


def read_settings(path: Path) -> dict[str, Any]:
    """What the file sets; nothing without a file.

    Raises:
        InputError: not TOML, or a key that is no setting.
    """
    chosen = read_toml(path, "settings (.toml)") if path.exists() else {}
    for key in chosen:
        if key not in KEYS:
            raise InputError(f"{path}: {key}: not a setting, want {' or '.join(KEYS)}")
    return chosen


def read_thousands(path: Path) -> str:
    """The sign between the thousands of numbers that are shown; a space unless the file names another.

    Raises:
        InputError: as `read_settings`, or no such sign. A point is none: it is the decimal sign.
    """
    sign = read_settings(path).get("thousands", THOUSANDS[0])
    if sign not in THOUSANDS:
        wanted = ", ".join(f'"{each}"' for each in THOUSANDS)
        raise InputError(f"{path}: thousands: found {sign!r}, want one of {wanted}")
    return str(sign)


def in_thousands(text: str, sign: str) -> str:
    """`text` with another sign, as wide, between the thousands of its numbers."""
    return text if sign == THOUSANDS[0] else _GROUPED.sub(sign, text)


def in_own_thousands(text: str) -> str:
    """`text` with the sign of the user's settings; as it is where these cannot be read, which is told elsewhere.

    To be called before the text is wrapped: lines may break at a space, and a number must not be torn.
    """
    if "\u00a0" not in text:
        return text
    try:
        return in_thousands(text, read_thousands(settings_file()))
    except InputError:
        return text
