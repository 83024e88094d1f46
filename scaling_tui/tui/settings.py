"""The user's settings of the app, from app.toml: `theme = "light"`."""

from collections.abc import Collection
from pathlib import Path

from scaling_tui import InputError
from scaling_tui.text.files import read_toml
from scaling_tui.tui import terminal

DEFAULT_THEME = "dark"


def settings_file() -> Path:
    from platformdirs import user_config_path

    return user_config_path("scaling-tui", appauthor=False) / "app.toml"


def read_theme(path: Path, known: Collection[str]) -> str:
    """The theme that the file names; the default without a file, or where it names none.

    Raises:
        InputError: not TOML, a key that is no setting, or no such theme.
    """
    chosen = read_toml(path, "settings (.toml)") if path.exists() else {}
    for key in chosen:
        if key != "theme":
            raise InputError(f"{path}: {key}: not a setting, want theme")
    name = chosen.get("theme", DEFAULT_THEME)
    if not isinstance(name, str):
        raise InputError(f'{path}: theme: found {name!r}, want a name such as "light"')
    try:
        return terminal.theme_named(name, known)
    except InputError as error:
        raise InputError(f"{path}: {str(error).removeprefix('--')}") from None
