"""The theme that the user's settings name."""

from collections.abc import Collection
from pathlib import Path

from scaling_tui import InputError
from scaling_tui.text.settings import read_settings
from scaling_tui.tui import terminal

DEFAULT_THEME = "dark"


def read_theme(path: Path, known: Collection[str]) -> str:
    """The theme that the file names; the default without a file, or where it names none.

    Raises:
        InputError: as `read_settings`, or no such theme.
    """
    name = read_settings(path).get("theme", DEFAULT_THEME)
    if not isinstance(name, str):
        raise InputError(f'{path}: theme: found {name!r}, want a name such as "light"')
    try:
        return terminal.theme_named(name, known)
    except InputError as error:
        raise InputError(f"{path}: {str(error).removeprefix('--')}") from None
