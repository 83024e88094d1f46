"""Keys mean one thing, and footers and help show them whole on a terminal of 80 columns."""

from collections import defaultdict
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import pytest
from textual.binding import Binding
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets._footer import FooterKey

import scaling_tui.tui
from scaling_tui.tui.app import ScalingApp
from scaling_tui.tui.help import HelpScreen
from scaling_tui.tui.keymap import documented
from scaling_tui.tui.modes import MODES
from scaling_tui.tui.page import Page
from tests.conftest import FINISHED, record_sweep
from tests.tui.conftest import settled, until

UNDER_WAY = [*["finished"] * 4, "running", "running", "queued"]
# What a key of the app may mean on a screen or in a dialog besides: going back is going back.
BACK = {"escape"}


def owners() -> list[type[Any]]:
    """Every screen, dialog and widget of the app that binds keys."""
    for module in walk_packages(scaling_tui.tui.__path__, "scaling_tui.tui."):
        import_module(module.name)
    found: list[type[Any]] = []
    for name, module in sorted(__import__("sys").modules.items()):
        if name.startswith("scaling_tui.tui."):
            found += [
                one for one in vars(module).values()
                if isinstance(one, type) and one.__module__ == name and one.__dict__.get("BINDINGS")
            ]  # fmt: skip
    return found


def bound(owner: type[Any]) -> list[Binding]:
    return list(Binding.make_bindings(owner.__dict__["BINDINGS"]))


def test_a_key_of_the_app_means_the_same_on_every_screen() -> None:
    everywhere = {binding.key: binding.action for binding in bound(ScalingApp)}
    assert {"o", "q", "1", "9", "f1", "question_mark"} <= everywhere.keys()
    seen = 0
    for owner in owners():
        if owner is ScalingApp:
            continue
        for binding in bound(owner):
            seen += 1
            closes = binding.action.startswith("dismiss")  # the keys that open or leave a dialog close it
            same = closes or binding.key in BACK or everywhere.get(binding.key, binding.action) == binding.action
            assert same, f"{owner.__name__}: {binding.key} is {everywhere[binding.key]} everywhere"
    assert seen > 80


def test_a_key_has_one_meaning_on_a_screen_and_a_meaning_one_key_on_all() -> None:
    keys: dict[str, dict[str, set[str]]] = defaultdict(dict)
    for mode in MODES:
        page = mode.page_class()
        here = [binding.key for binding in bound(page)]
        assert len(here) == len(set(here)), mode.title
        for binding in bound(page):
            if binding.tooltip:
                keys[binding.tooltip].setdefault(mode.name, set()).add(binding.key)
    for tooltip, by_screen in keys.items():
        chosen = list(by_screen.values())
        assert all(one == chosen[0] for one in chosen), f"{tooltip!r}: {by_screen}"


def cut_off(screen: Screen[Any]) -> list[str]:
    """The keys of the footer that cannot be read whole."""
    listed = {key.action: key for key in screen.query(FooterKey)}
    edge = min((key.region.x for action, key in listed.items() if action.endswith("help")), default=80)
    return [
        action for action, key in listed.items()
        if not action.endswith("help") and (key.region.right > edge or not key.region)
    ]  # fmt: skip


async def opened(pilot: Pilot[None], mode: str) -> None:
    page = next(one for one in MODES if one.name == mode).page_class()
    await until(pilot, lambda: isinstance(pilot.app.screen, page))
    await settled(pilot)


@pytest.mark.parametrize("mode", [mode.name for mode in MODES])
async def test_every_footer_fits_80_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    record_sweep(tmp_path / "runs", FINISHED, "first")
    record_sweep(tmp_path / "runs", UNDER_WAY, "second")
    app = ScalingApp(tmp_path / "runs", "second", mode=mode)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, mode)
        assert cut_off(app.screen) == []
        states: list[tuple[str, ...]] = {
            "plan": [("tab",), ("tab", "2", "tab", "2"), ("d",)],  # after an entry that cleared another
            "law": [("c",), ("c", "d"), ("d", "v")],
            "learn": [("enter",)],
            "quiz": [("enter",), ("f6",), ("f8",)],
            "lab": [("e",)],
            "live": [("l",), ("w",), ("m",)],
            "sweeps": [("space",), ("slash",), ("d",), ("u",)],
        }.get(mode, [])  # type: ignore[assignment]
        for keys in states:
            await pilot.press(*keys)
            await settled(pilot)
            if not isinstance(app.screen, Page):  # a dialog: it has a footer of its own, and closes
                assert cut_off(app.screen) == [], keys
                await pilot.press("escape")
                await settled(pilot)
            assert cut_off(app.screen) == [], keys


@pytest.mark.parametrize("mode", [mode.name for mode in MODES])
async def test_help_shows_every_key_whole_at_80_columns(tmp_path: Path, mode: str) -> None:
    record_sweep(tmp_path, UNDER_WAY)
    app = ScalingApp(tmp_path, mode=mode)
    async with app.run_test(size=(80, 150)) as pilot:
        await opened(pilot, mode)
        wanted = {app.get_key_display(key.binding) for key in documented(app.screen)}
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await settled(pilot)
        painted = [strip.text for strip in app.screen._compositor.render_strips()]
        rows = {line[3:].strip().split("  ")[0] for line in painted}  # right of the dialog's border
        assert wanted - rows == set()
