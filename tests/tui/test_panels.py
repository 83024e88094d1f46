"""Panels: how they share the screen at three sizes, how one fills it, and how they are hidden and come back."""

import re
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from scaling_tui.tui.app import ScalingApp
from scaling_tui.tui.modes import MODES
from scaling_tui.tui.page import Page
from scaling_tui.tui.widgets.choose import Choose
from scaling_tui.tui.widgets.machine_load import MachineLoad
from scaling_tui.tui.widgets.panel import Panel, in_view
from scaling_tui.tui.widgets.plot import Plot
from scaling_tui.tui.widgets.run_table import RunTable
from tests.conftest import FINISHED, record_sweep
from tests.tui.conftest import choose, settled, shown, until

UNDER_WAY = [*["finished"] * 4, "running", "running", "queued"]
ALL = [mode.name for mode in MODES]


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATA", "CONFIG", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))


def page_of(app: ScalingApp) -> Page:
    assert isinstance(app.screen, Page)
    return app.screen


def seen(app: ScalingApp) -> list[str]:
    """The panels in view."""
    return [panel.id or "" for panel in app.screen.query(Panel) if in_view(panel)]


def painted(app: ScalingApp) -> list[str]:
    return [strip.text for strip in app.screen._compositor.render_strips()]


async def opened(pilot: Pilot[None], mode: str) -> None:
    page = next(one for one in MODES if one.name == mode).page_class()
    await until(pilot, lambda: isinstance(pilot.app.screen, page) and bool(pilot.app.screen.query(Panel)))
    if mode == "plan":
        await until(pilot, lambda: "D/N" in str(pilot.app.screen.query_one("#answers", Static).render()))
    await settled(pilot)


@pytest.mark.parametrize("mode", ALL)
async def test_panels_share_the_screen_at_every_size(tmp_path: Path, mode: str) -> None:
    record_sweep(tmp_path, FINISHED)
    app = ScalingApp(tmp_path, mode=mode)
    async with app.run_test(size=(120, 40)) as pilot:
        for size in ((120, 40), (200, 50), (80, 24), (50, 20)):
            await pilot.resize_terminal(*size)
            await opened(pilot, mode)
            panels = [panel for panel in app.screen.query(Panel) if in_view(panel)]
            assert panels, size
            # The bar on top, the footer, and no more than five lines besides are no panel's.
            area = sum(panel.region.area for panel in panels)
            roomy = size[0] >= 110
            assert area >= size[0] * (size[1] - 7) if roomy else area > 0, (size, area)
            assert all(app.screen.region.contains_region(panel.region) for panel in panels), size
            for one in panels:
                overlap = [other for other in panels if other is not one and one.region.intersection(other.region).area]
                assert not overlap, (size, one)
            framed = [panel.title for panel in panels if any(f"─ {panel.title} ─" in line for line in painted(app))]
            assert len(framed) == (len(panels) if roomy else 0), (size, framed)


@pytest.mark.parametrize("mode", ALL)
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
@pytest.mark.slow
async def test_the_current_panel_fills_the_screen_and_the_same_key_brings_the_others_back(
    tmp_path: Path, mode: str, size: tuple[int, int]
) -> None:
    record_sweep(tmp_path, FINISHED)
    app = ScalingApp(tmp_path, mode=mode)
    async with app.run_test(size=size) as pilot:
        await opened(pilot, mode)
        panels = page_of(app).panels
        before = {panel.id: panel.region for panel in app.screen.query(Panel) if in_view(panel)}
        await pilot.press("Z")
        await settled(pilot)
        visited = []
        for _ in panels.all:  # one after the other, also those for which there was no room
            (one,) = seen(app)
            visited.append(one)
            region = app.screen.query_one(f"#{one}").region
            assert region.width >= size[0] - 2
            assert region.height >= size[1] - 8
            await pilot.press("P")
            await settled(pilot)
        assert sorted(visited) == sorted(panel.id or "" for panel in panels.all)
        await pilot.press("Z")
        await settled(pilot)
        after = {panel.id: panel.region for panel in app.screen.query(Panel) if in_view(panel)}
        assert after == before


async def test_a_hidden_panel_gives_its_room_away_stays_hidden_and_comes_back(tmp_path: Path) -> None:
    record_sweep(tmp_path, FINISHED)
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot)
        await settled(pilot)
        plots = app.screen.query_one("#plots")
        whole = app.screen.size.width
        assert plots.region.width < whole * 2 / 3
        for name in ("runs-panel", "run-panel"):
            await pilot.press("V")
            await choose(pilot, name)
            await settled(pilot)
            assert name not in seen(app)
        assert plots.region.width == whole
        await pilot.press("1", "3")
        await opened(pilot, "live")
        assert "runs-panel" not in seen(app)
        await pilot.press("V")
        await choose(pilot, "/")
        await settled(pilot)
        assert {"runs-panel", "run-panel"} <= set(seen(app))


async def test_one_panel_stays(tmp_path: Path) -> None:
    record_sweep(tmp_path, FINISHED)
    app = ScalingApp(tmp_path, mode="learn")
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, "learn")
        for name in ("lessons-panel", "page-panel"):
            await pilot.press("V")
            await choose(pilot, name)
            await settled(pilot)
        assert seen(app) == ["page-panel"]


async def test_escape_brings_the_others_back_and_a_click_chooses(tmp_path: Path) -> None:
    record_sweep(tmp_path, FINISHED)
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot)
        await settled(pilot)
        law = app.screen.query_one("#law-panel")
        await pilot.click("#law-panel", offset=(3, 3))
        assert page_of(app).panels.current == "law-panel"
        await pilot.press("right")
        assert app.screen.query_one("#law-plot", Plot).cursor is not None
        assert app.screen.query_one("#curves", Plot).cursor is None
        await pilot.click("#law-panel", offset=(4, 0), times=2)
        await until(pilot, lambda: seen(app) == ["law-panel"])
        await pilot.press("escape")
        await until(pilot, lambda: len(seen(app)) > 3)
        assert in_view(law)
        assert app.current_mode == "live"


async def test_what_is_not_in_view_is_neither_read_nor_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[object] = []

    def load_text(sweep: object) -> str:
        read.append(sweep)
        return "load"

    monkeypatch.setattr("scaling_tui.tui.services.machine.load_text", load_text)
    record_sweep(tmp_path, FINISHED)
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        machine = app.screen.query_one(MachineLoad)
        machine.look()
        await settled(pilot)
        assert not read
        law = app.screen.query_one("#law-plot", Plot)
        assert not law.figure.series
        await pilot.resize_terminal(120, 40)
        await until(pilot, lambda: bool(read) and bool(law.figure.series))
        await pilot.press("m")
        await settled(pilot)
        assert "machine-panel" not in seen(app)
        before = len(read)
        machine.look()
        await settled(pilot)
        assert len(read) == before


async def test_a_wide_table_tells_in_which_settings_runs_differ_and_how_their_speed_went(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, UNDER_WAY)
    for place, path in enumerate(sorted(sweep.glob("r*-s0/run.json"))):
        text = path.read_text().rstrip().removesuffix("}").rstrip()
        path.write_text(f'{text}, "training": {{"lr": {0.01 / (place + 1):.4g}, "batch": 8, "warmup": {place}}}}}\n')
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(200, 50)) as pilot:
        await shown(pilot)
        await settled(pilot)
        table = app.screen.query_one(RunTable)
        heads = next(line for line in painted(app) if " rung " in line).split("rung")[1].split()
        assert {"N", "loss", "lr", "warmup", "speed"} <= set(heads)
        assert "batch" not in heads  # the same for all
        cells = list(zip(*(row.cells for row in table.rows), strict=True))
        columns = [name for name, _ in table._heads[1:]]
        for name in ("N", "loss", "lr"):
            decimals = {len(re.sub(r"\D", "", text.partition(".")[2])) for text in cells[columns.index(name)] if text}
            assert len(decimals) == 1, (name, cells[columns.index(name)])
        assert set("".join(cells[columns.index("speed")])) <= set("▁▂▃▄▅▆▇")
        assert "lr" in str(app.screen.query_one("#run", Static).render())
        await pilot.resize_terminal(80, 24)
        await settled(pilot)
        assert [name for name, _ in table._heads][-1] == "left"


async def test_panels_are_left_alone_under_a_dialog(tmp_path: Path) -> None:
    record_sweep(tmp_path, FINISHED)
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot)
        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        await pilot.press("Z")
        await pilot.press("escape")
        await opened(pilot, "live")
        assert not page_of(app).panels.zoomed
