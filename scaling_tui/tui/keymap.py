"""The keys: which ones are documented, and the user's own from keys.toml.

Every binding has an id. A line of keys.toml gives an id other keys:

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
    """The keys that work on `screen` now and say what they do, an action once, the nearest first."""
    seen = set()
    for active in screen.active_bindings.values():
        if active.tooltip and active.binding.action not in seen:
            seen.add(active.binding.action)
            yield active


def file() -> Path:
    from platformdirs import user_config_path

    return user_config_path("scaling-tui", appauthor=False) / "keys.toml"


def read(path: Path) -> dict[str, str]:
    """The user's keys: ids with keys as Textual names them, several separated by commas. Empty without a file.

    Raises:
        InputError: the file is not TOML, or a value is not a text.
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


def sound(app: type[App[None]], chosen: Mapping[str, str], path: Path) -> tuple[dict[str, str], list[str]]:
    """What of `chosen` can be used, and a line for each entry that cannot: an unknown id, or a key that is taken."""
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
    """Id and keys of every binding of an app or a screen."""
    found: dict[str, list[str]] = {}
    for binding in Binding.make_bindings(owner.BINDINGS):
        if binding.id:
            found.setdefault(binding.id, []).append(binding.key)
    return {name: ",".join(keys) for name, keys in found.items()}


def _keys(keys: str) -> Iterator[str]:
    """The single keys as Textual names them: `?` is `question_mark`."""
    for binding in Binding.make_bindings([Binding(keys, "any")]):
        yield binding.key


def use(app: App[None]) -> None:
    """Lays the user's keys over the app's own. What cannot be used is told in a line and left as it was."""
    path = file()
    try:
        chosen = read(path)
        used, problems = sound(type(app), chosen, path) if chosen else ({}, [])
    except InputError as error:
        used, problems = {}, [str(error)]
    if used:
        app.set_keymap(used)
    for problem in problems:
        app.notify(problem, severity="warning", markup=False, timeout=10)
