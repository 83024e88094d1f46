"""Where ladders and question banks are found: the package's own and the user's."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

Kind = Literal["models", "quizzes"]


def packaged(kind: Kind) -> Path:
    """The project's own folder of `kind`: inside the package in a wheel, beside it in a checkout."""
    package = Path(__file__).parents[1]
    in_wheel = package / kind
    return in_wheel if in_wheel.is_dir() else package.parent / kind


def user(kind: Kind) -> Path:
    """The user's own folder of `kind`, `$XDG_CONFIG_HOME/scaling-tui/KIND` on Linux; it need not exist."""
    from platformdirs import user_config_path

    return user_config_path("scaling-tui", appauthor=False) / kind


def found(kind: Kind, suffix: str = ".toml") -> Iterator[Path]:
    """Every resource of `kind`, one path a name. A user's file hides the project's of the same name."""
    seen: set[str] = set()
    for folder in (user(kind), packaged(kind)):
        for path in sorted(folder.glob(f"*{suffix}")) if folder.is_dir() else []:
            if path.stem not in seen:
                seen.add(path.stem)
                yield path
