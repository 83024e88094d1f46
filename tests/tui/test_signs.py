"""Without colour, and in ASCII, what is chosen can be read from the text of the screen alone."""

from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from scaling_tui.tui.app import ScalingApp
from scaling_tui.tui.modes import MODES
from scaling_tui.tui.terminal import Appearance
from scaling_tui.tui.widgets.choose import Choose
from scaling_tui.tui.widgets.line_list import LineList
from scaling_tui.tui.widgets.options import Options
from scaling_tui.tui.widgets.run_table import RunTable
from tests.conftest import FINISHED, record_sweep
from tests.tui.conftest import until

HOW = {"no-colour": ("›", "▌"), "ascii": (">", "|")}


def lines(app: ScalingApp) -> list[str]:
    """The screen as text: no style reaches this."""
    return ["".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips()]


@pytest.fixture(params=HOW)
def how(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "no-colour":
        monkeypatch.setenv("NO_COLOR", "1")
    return str(request.param)


def opened(runs: Path, how: str, mode: str = "home") -> ScalingApp:
    return ScalingApp(runs, mode=mode, appearance=Appearance(ascii=how == "ascii"))


def chosen(app: ScalingApp, sign: str) -> list[str]:
    """The lines with the sign, from it on."""
    return [line[line.index(f"{sign}") :] for line in lines(app) if line.lstrip("|│ ").startswith(sign)]


async def test_the_current_screen_stands_in_brackets(tmp_path: Path, how: str) -> None:
    app = opened(tmp_path, how)
    async with app.run_test(size=(80, 24)) as pilot:
        for mode in MODES:
            await pilot.press(mode.key)
            name = mode.name
            await until(pilot, lambda name=name: app.current_mode == name and bool(app.screen.query("ModeBar")))  # type: ignore[misc]
            await pilot.pause()
            assert f"[{mode.key} {mode.title.upper()}]" in lines(app)[0]
            assert lines(app)[0].count("[") == 1
        for width, title in ((120, f"{mode.key} {mode.title}"), (50, mode.short)):
            await pilot.resize_terminal(width, 24)
            await until(pilot, lambda title=title: f"[{title.upper()}]" in lines(app)[0])  # type: ignore[misc]
            assert lines(app)[0].count("[") == 1


async def test_the_highlighted_option_has_a_sign(tmp_path: Path, how: str) -> None:
    sign, _ = HOW[how]
    record_sweep(tmp_path, FINISHED)
    app = opened(tmp_path, how)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "Next" in "\n".join(lines(app)))
        before = chosen(app, sign)
        assert len(before) == 1
        await pilot.press("down")
        await pilot.pause()
        after = chosen(app, sign)
        assert len(after) == 1
        assert after != before
        await pilot.press("8")
        await until(pilot, lambda: bool(app.screen.query("#lessons")) and len(chosen(app, sign)) == 1)
        await pilot.press("down")
        await until(pilot, lambda: any(" 2 " in line for line in chosen(app, sign)))
        await pilot.press("9")
        await until(pilot, lambda: bool(app.screen.query("#choices")) and bool(app.screen.query_one(Options).options))
        await until(pilot, lambda: len(chosen(app, sign)) == 1)


async def test_the_row_under_the_cursor_has_a_sign(tmp_path: Path, how: str) -> None:
    sign, _ = HOW[how]
    record_sweep(tmp_path, FINISHED)
    app = opened(tmp_path, how, "live")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: len(app.screen.query_one(RunTable).rows) == 7)
        await pilot.press("down")
        await until(pilot, lambda: any(f"{sign}✓ r2" in line or f"{sign}v r2" in line for line in lines(app)))
        assert sum(line.count(f"{sign}✓") + line.count(f"{sign}v ") for line in lines(app)) == 1
        await pilot.press("0")
        await until(pilot, lambda: app.current_mode == "sweeps" and app.screen.query_one(LineList).key is not None)
        await until(pilot, lambda: any("quickstart" in line for line in chosen(app, sign)))


async def test_the_line_of_a_dialog_and_the_focused_field_have_signs(tmp_path: Path, how: str) -> None:
    sign, bar = HOW[how]
    record_sweep(tmp_path, FINISHED, "first")
    record_sweep(tmp_path, FINISHED, "second")
    app = opened(tmp_path, how, "plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "off" in "\n".join(lines(app)))
        assert fields(app, bar) == 0
        await pilot.press("tab")
        await pilot.pause()
        assert fields(app, bar) == 1
        first = next(line for line in lines(app) if bar in line[:40]).index(bar)
        await pilot.press("tab")
        await pilot.pause()
        assert fields(app, bar) == 1
        assert next(line for line in lines(app) if line.startswith((" C", "C"))).index(bar) > first
        await pilot.press("escape", "o")
        await until(pilot, lambda: isinstance(app.screen, Choose) and app.screen.query_one(LineList).key is not None)
        await pilot.pause()
        under = app.screen.query_one(LineList).key
        assert under is not None
        assert [under in line for line in chosen(app, sign)] == [True]


def fields(app: ScalingApp, bar: str) -> int:
    """How many of the fields begin with the sign of the focus."""
    rows = lines(app)
    return sum(rows[field.region.y][field.region.x] == bar for field in app.screen.query(Input) if field.region)


async def test_the_command_palette_marks_its_line_and_the_theme_can_be_chosen_there(tmp_path: Path, how: str) -> None:
    sign, _ = HOW[how]
    app = opened(tmp_path, how, "live")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+p")
        await until(pilot, lambda: len(app.screen_stack) == 2 and len(chosen(app, sign)) == 1)
        await typed(pilot, "theme")
        await pilot.press("enter")
        await until(pilot, lambda: "Which theme" in "\n".join(lines(app)))
        await typed(pilot, "contrast")
        await until(pilot, lambda: any("high-contrast" in line for line in chosen(app, sign)))
        await pilot.press("enter")
        await until(pilot, lambda: app.theme == "high-contrast")


async def typed(pilot: Pilot[None], text: str) -> None:
    await pilot.press(*text)
    await pilot.pause()
