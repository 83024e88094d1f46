"""The keys: those that help lists, and the user's own from keys.toml.

Every binding has an id. A line in keys.toml rebinds an id:

    quit = "ctrl+x"
    [live]
    stop = "S"
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from textual.app import App
from textual.binding import ActiveBinding, Binding
from textual.screen import Screen

from scaling_tui import InputError
from scaling_tui.text.files import read_toml
from scaling_tui.text.suggest import did_you_mean
from scaling_tui.tui.modes import MODES


def documented(screen: Screen[Any]) -> Iterator[ActiveBinding]:
    """The keys with a tooltip that work on `screen` now, each action once, the nearest first."""
    seen = set()
    for active in screen.active_bindings.values():
        if active.tooltip and active.binding.action not in seen:
            seen.add(active.binding.action)
            yield active


def keymap_file() -> Path:
    from platformdirs import user_config_path

    return user_config_path("scaling-tui", appauthor=False) / "keys.toml"


def read_keymap(path: Path) -> dict[str, str]:
    """The user's keys: id to keys as Textual names them, comma-separated. Empty without a file.

    Raises:
        InputError: the file is not TOML, or a value is not a string.
    """
    if not path.exists():
        return {}
    chosen = dict(_flat(read_toml(path, "a key map (.toml)")))
    for name, keys in chosen.items():
        if not isinstance(keys, str) or not keys.strip(" ,"):
            raise InputError(f'{path}: {name}: found {keys!r}, want a key such as "ctrl+x", or several: "x,f5"')
    return chosen


def _flat(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in document.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def usable(app: type[App[None]], chosen: Mapping[str, str], path: Path) -> tuple[dict[str, str], list[str]]:
    """The entries of `chosen` that can be used, and a line for each other: an unknown id, or a key that is taken."""
    everywhere = _by_id(app)
    screens = {mode.title: _by_id(mode.page_class()) for mode in MODES}
    known = {**everywhere, **{name: keys for bindings in screens.values() for name, keys in bindings.items()}}
    used, problems = {}, []
    for name, keys in chosen.items():
        if name not in known:
            problems.append(f"{path}: {name}: not an action; {did_you_mean(name, known, 'F1 shows the ids')}")
        else:
            used[name] = keys
    for title, bindings in screens.items():
        owner: dict[str, str] = {}
        here = {**everywhere, **bindings}
        for name in sorted(here, key=lambda name: name in used):
            for key in _keys(used.get(name, here[name])):
                if name in used and key in owner and owner[key] != name:
                    problems.append(f"{path}: {name}: {key} is taken on {title} by {owner[key]!r}")
                    del used[name]
                    break
                owner.setdefault(key, name)
    return used, problems


def _by_id(owner: type[Any]) -> dict[str, str]:
    """The id and keys of every binding of an app or a screen."""
    keys: dict[str, list[str]] = {}
    for binding in Binding.make_bindings(owner.BINDINGS):
        if binding.id:
            keys.setdefault(binding.id, []).append(binding.key)
    return {name: ",".join(parts) for name, parts in keys.items()}


def _keys(keys: str) -> Iterator[str]:
    """The single keys as Textual names them: `?` is `question_mark`."""
    for binding in Binding.make_bindings([Binding(keys, "any")]):
        yield binding.key


def apply(app: App[None]) -> None:
    """Applies the user's keys. An entry that cannot be used keeps its default key and is reported in a line."""
    path = keymap_file()
    try:
        chosen = read_keymap(path)
        used, problems = usable(type(app), chosen, path) if chosen else ({}, [])
    except InputError as error:
        used, problems = {}, [str(error)]
    if used:
        app.set_keymap(used)
    for problem in problems:
        app.notify(problem, severity="warning", markup=False, timeout=10)
