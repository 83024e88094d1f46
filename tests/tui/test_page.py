"""The frame that all screens share: modes, help, palette, keys of one's own, quitting, copying, small terminals."""

from pathlib import Path

import pytest
from textual.binding import Binding
from textual.events import Resize
from textual.geometry import Size
from textual.widgets import Input, Static

from scaling_tui.runs import latest_request
from scaling_tui.tui import keymap
from scaling_tui.tui.app import ScalingApp
from scaling_tui.tui.help import HelpScreen
from scaling_tui.tui.modes import MODES, Mode
from scaling_tui.tui.page import Page
from scaling_tui.tui.terminal import Appearance
from scaling_tui.tui.widgets.choose import Choose
from scaling_tui.tui.widgets.line_list import LineList
from scaling_tui.tui.widgets.mode_bar import ModeBar
from scaling_tui.tui.widgets.status_line import StatusLine
from tests.conftest import FINISHED, record_sweep
from tests.tui.conftest import choose, until

UNDER_WAY = [*["finished"] * 4, "running", "running", "queued"]


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATA", "CONFIG", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))


def keys_toml(tmp_path: Path, text: str) -> None:
    path = tmp_path / "CONFIG" / "scaling-tui" / "keys.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)


def bar(app: ScalingApp) -> str:
    return app.screen.query_one(ModeBar).render().plain


def told(app: ScalingApp) -> list[str]:
    return [notification.message for notification in app._notifications]


async def test_every_mode_has_a_key_is_built_when_first_shown_and_explains_itself(tmp_path: Path) -> None:
    record_sweep(tmp_path, FINISHED)
    app = ScalingApp(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        assert list(app._screen_stacks) == ["home"]
        for mode in MODES:
            await pilot.press(mode.key)
            await until(pilot, lambda mode=mode: isinstance(app.screen, mode.page_class()))  # type: ignore[misc]
            await until(pilot, lambda mode=mode: mode.title.upper() in bar(app))  # type: ignore[misc]
            await pilot.press("f1")
            await until(pilot, lambda: isinstance(app.screen, HelpScreen))
            shown = " ".join(str(part.render()) for part in app.screen.query(Static))
            about = vars(mode.page_class())["ABOUT"]
            assert 80 < len(about) < 500
            assert about in shown
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, Page))


async def test_keys_of_modes_are_different_and_every_action_says_what_it_does() -> None:
    assert len({mode.key for mode in MODES}) == len(MODES) == 10
    for mode in MODES:
        for binding in mode.page_class().BINDINGS:
            assert not isinstance(binding, tuple)
            assert binding.tooltip, f"{mode.title}: {binding.key}"
            assert binding.id and binding.id.startswith(f"{mode.name}.")


async def test_screens_change_by_neighbour_by_click_and_back_also_from_inside_a_field(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.click(ModeBar, offset=(11, 0))
        await until(pilot, lambda: app.current_mode == "lab")
        await until(pilot, lambda: bool(app.screen.query("#tokens")))
        await pilot.press("e")
        assert isinstance(app.focused, Input)
        await pilot.press("3", "q", "o")
        assert app.focused.value == "3qo"
        await pilot.press("escape")
        assert app.focused is None
        assert app.current_mode == "lab"
        await pilot.press("e", "f3")
        await until(pilot, lambda: app.current_mode == MODES[2].name)
        await pilot.press("ctrl+pageup")
        await until(pilot, lambda: app.current_mode == "lab")
        await pilot.press("escape", "escape")
        await until(pilot, lambda: app.current_mode == MODES[2].name)


async def test_a_sweep_opened_anywhere_is_in_view_everywhere(tmp_path: Path) -> None:
    record_sweep(tmp_path, FINISHED, "first")
    record_sweep(tmp_path, UNDER_WAY, "second")
    app = ScalingApp(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("o")
        await choose(pilot, "first")
        await until(pilot, lambda: app.sweep == "first")
        await pilot.press("3")
        await until(pilot, lambda: bool(app.screen.query("#where")))
        where = app.screen.query_one("#where", Static)
        await until(pilot, lambda: "first · finished" in str(where.render()))
        assert bar(app).rstrip().endswith("first")


async def test_the_choice_of_a_sweep_opens_on_what_is_known_and_then_looks_again(tmp_path: Path) -> None:
    record_sweep(tmp_path, FINISHED, "first")
    app = ScalingApp(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.listing.latest is not None and len(app.listing.latest.rows) == 1)
        record_sweep(tmp_path, UNDER_WAY, "second")

        def names() -> set[str]:
            return {line.key for table in app.screen.query(LineList) for line in table.lines}

        with app.listing._lock:  # someone is at a long look
            await pilot.press("o")
            await until(pilot, lambda: "first" in names())
        await until(pilot, lambda: {"first", "second"} <= names())


async def test_quitting_asks_only_where_something_runs(tmp_path: Path) -> None:
    record_sweep(tmp_path, FINISHED)
    app = ScalingApp(tmp_path)
    async with app.run_test() as pilot:
        await pilot.press("ctrl+q")
    assert app.return_code == 0


@pytest.mark.parametrize(("downs", "request_made", "ends"), [(0, None, True), (1, "stop", True), (2, None, False)])
async def test_the_question_when_quitting(tmp_path: Path, downs: int, request_made: str | None, ends: bool) -> None:
    sweep = record_sweep(tmp_path, UNDER_WAY)
    app = ScalingApp(tmp_path)
    async with app.run_test() as pilot:
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        await pilot.press(*["down"] * downs, "enter")
        await until(pilot, lambda: app._exit or not isinstance(app.screen, Choose))
        assert app._exit == ends
    assert latest_request(sweep) == request_made


async def test_copying_says_where_the_copy_is_and_a_hint_where_nothing_is_selected(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path, mode="lab")
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until(pilot, lambda: bool(app.screen.query("#tokens")))
        await pilot.press("ctrl+c")
        await until(pilot, lambda: any("Nothing is selected" in text for text in told(app)))
        await pilot.press("e", "4", "2", "shift+home", "ctrl+c")
        await until(pilot, lambda: any("if it takes OSC 52" in text for text in told(app)))
    assert (tmp_path / "STATE" / "scaling-tui" / "copied.txt").read_text() == "42"


async def test_the_palette_lists_the_keys_that_work_here(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test() as pilot:
        await until(pilot, lambda: bool(app.screen.query("#where")))
        titles = [command.title for command in app.get_system_commands(app.screen)]
        assert any("Switch the x axis: tokens, steps, FLOPs, time" in title for title in titles)
        assert any(title.startswith("Lab (2): Choose a ladder") for title in titles)
        assert len(titles) == len(set(titles))


async def test_the_palette_offers_to_quit_and_a_dialog_is_answered_first(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path)
    async with app.run_test() as pilot:
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        offered = [line.cells[0] for line in app.screen.query_one(LineList).lines]
        assert any(title.startswith("Quit") for title in offered)
        await pilot.press(*"lab2", "enter")
        await until(pilot, lambda: app.current_mode == "lab" and len(app.screen_stack) == 1)
        await pilot.press("f1")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        assert not app.check_action("quit", ())
        await pilot.press("1", "f3", "o")
        assert isinstance(app.screen, HelpScreen) and app.current_mode == "lab"


@pytest.mark.parametrize("mode", MODES, ids=[mode.name for mode in MODES])
def test_every_key_has_a_name_of_its_own(mode: Mode) -> None:
    names = [binding.id for binding in Binding.make_bindings(mode.page_class().BINDINGS)]
    actions = [binding.action for binding in Binding.make_bindings(mode.page_class().BINDINGS)]
    assert len(set(names)) == len(set(actions))


async def test_keys_of_ones_own_replace_the_apps(tmp_path: Path) -> None:
    keys_toml(tmp_path, 'lab = "ctrl+l"\n[live]\nstop = "S"\n')
    sweep = record_sweep(tmp_path, UNDER_WAY)
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(notifications=True) as pilot:
        await until(pilot, lambda: "4 of 7" in str(app.screen.query_one("#where", Static).render()))
        assert told(app) == []
        await pilot.press("t")
        assert not isinstance(app.screen, Choose)
        await pilot.press("S")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        await pilot.press("escape")
        assert latest_request(sweep) is None
        await pilot.press("ctrl+l")
        await until(pilot, lambda: app.current_mode == "lab")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("lab = [", "not TOML"),
        ("lab = 3", "lab: found 3, want a key"),
        ('[live]\nstopp = "x"', "live.stopp: not an action; did you mean 'live.stop'?"),
        ('[live]\nstop = "v"', "live.stop: v is taken on Live by 'live.metric'"),
        ('[live]\nstop = "2"', "live.stop: 2 is taken on Live by 'lab'"),
    ],
)
async def test_a_bad_key_file_is_one_line_and_the_app_opens_with_its_own_keys(
    tmp_path: Path, text: str, says: str
) -> None:
    keys_toml(tmp_path, text)
    app = ScalingApp(tmp_path)
    async with app.run_test(notifications=True) as pilot:
        await until(pilot, lambda: bool(told(app)))
        assert len(told(app)) == 1
        assert says in told(app)[0]
        assert "\n" not in told(app)[0]
        await pilot.press("2")
        await until(pilot, lambda: app.current_mode == "lab")


def test_keys_that_change_places_do_not_clash(tmp_path: Path) -> None:
    used, problems = keymap.usable(ScalingApp, {"home": "2", "lab": "1"}, tmp_path)
    assert (used, problems) == ({"home": "2", "lab": "1"}, [])


@pytest.mark.parametrize("size", [(49, 24), (80, 19), (30, 8), (20, 3)])
async def test_a_small_terminal_shows_state_and_loss_and_how_large_it_has_to_be(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    record_sweep(tmp_path, FINISHED)
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=size) as pilot:
        status_line = app.screen.query_one(StatusLine)
        await until(pilot, lambda: "finished r7 1.4479" in str(status_line.render()))
        assert [widget for widget in app.screen.children if widget.display] == [status_line]
        assert f"screens want 50×20, found {size[0]}×{size[1]}" in str(status_line.render())
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: not status_line.display)
        assert app.screen.query_one("#where").display


@pytest.mark.parametrize("mode", [mode.name for mode in MODES])
async def test_no_size_breaks_a_screen(tmp_path: Path, mode: str) -> None:
    record_sweep(tmp_path, UNDER_WAY)
    app = ScalingApp(tmp_path, mode=mode)
    async with app.run_test(size=(80, 24)) as pilot:
        for size in ((120, 40), (50, 20), (20, 3), (1, 1), (200, 60), (80, 24)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
        assert MODES[[one.name for one in MODES].index(mode)].title.upper() in bar(app)


@pytest.mark.parametrize("mode", [mode.name for mode in MODES])
async def test_ascii_is_all_that_leaves_the_app_if_asked_for(tmp_path: Path, mode: str) -> None:
    record_sweep(tmp_path, UNDER_WAY)
    app = ScalingApp(tmp_path, mode=mode, appearance=Appearance(ascii=True))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.3)
        lines = [strip.text for strip in app.screen._compositor.render_strips()]
        assert any(line.strip() for line in lines)
        assert all(line.isascii() for line in lines)
        assert {len(line) for line in lines} == {80}


async def test_a_slow_link_has_no_animation_and_looks_seldom(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path, mode="lab", appearance=Appearance(slow_link=True, theme="light"))
    async with app.run_test() as pilot:
        await until(pilot, lambda: bool(app.screen.query("#tokens")))
        assert app.animation_level == "none"
        assert app.refresh_s >= 1
        assert not any(field.cursor_blink for field in app.screen.query(Input))
        assert app.theme == "scaling-light"


def test_a_size_told_late_gives_way_to_the_terminals_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scaling_tui.tui.app.shutil.get_terminal_size", lambda *_, **__: (80, 24))
    monkeypatch.setattr(ScalingApp, "is_headless", False)
    told = Resize(Size(104, 25), Size(104, 25))
    ScalingApp(tmp_path).on_resize(told)
    assert told.size == Size(80, 24)
