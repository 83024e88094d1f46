"""The plot widget paints no more than what changed, zooms and moves; what it shows is written in any format."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.pilot import Pilot

from scaling_tui.plots.drawing import plain
from scaling_tui.plots.figures import Figure, Series
from scaling_tui.plots.limits import Limits
from scaling_tui.tui.save_dialog import Picture, save
from scaling_tui.tui.widgets.plot import Plot
from tests.tui.conftest import choose, until

X = np.linspace(1, 100, 50)


def figure(end: float) -> Figure:
    """Two curves, of which the lower one ends at `end`."""
    low = np.append(np.full(49, 2.0), end)
    return Figure("loss", (Series(X, np.full(50, 9.0), label="up"), Series(X, low, "error", label="low")))


class OnePlot(App[None]):
    def compose(self) -> ComposeResult:
        yield Plot()


async def test_only_what_changed_is_painted(monkeypatch: pytest.MonkeyPatch) -> None:
    app = OnePlot()
    async with app.run_test(size=(60, 20)) as pilot:
        plot = app.query_one(Plot)
        plot.figure = figure(2.0)
        await pilot.pause()
        painted: list[Region] = []
        monkeypatch.setattr(plot, "refresh", lambda *regions, **_: painted.extend(regions))
        plot.figure = figure(2.0)
        assert painted == [], "the same picture"
        plot.figure = figure(4.0)
        assert {region.y for region in painted} == set(range(12, 18)), "the rows of the curve that moved"
        assert all(region.x > 0 for region in painted), "without the axis, which did not"


async def test_what_is_shown_is_written_in_every_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    app = OnePlot()
    async with app.run_test(size=(60, 20)) as pilot:
        for kind, begins in (("svg", b"<?xml"), ("pdf", b"%PDF"), ("png", b"\x89PNG"), ("csv", b"series,x,y\n")):
            save(app.screen, Picture("mine", "curves", figure(2.0)))
            await choose(pilot, kind)
            path = tmp_path / f"mine-curves.{kind}"
            await until(pilot, lambda: path.exists() and path.read_bytes().startswith(begins))  # noqa: B023 - awaited here


def data_of(plot: Plot) -> tuple[float, float, float, float]:
    """The limits of x and y as they are drawn."""
    axes = plot.axes
    assert axes is not None
    x, y = axes
    return x.value(0.0), x.value(1.0), y.value(0.0), y.value(1.0)


async def test_the_wheel_zooms_where_the_pointer_is() -> None:
    app = OnePlot()
    async with app.run_test(size=(60, 20)) as pilot:
        plot = app.query_one(Plot)
        plot.figure = figure(4.0)
        await pilot.pause()
        frame = plot._drawn().frame
        assert frame is not None
        before, cell = data_of(plot), (20, 9)
        x, y = (axis.value(share) for axis, share in zip((frame.data, frame.y), frame.shares_at(*cell), strict=True))
        await pilot._post_mouse_events([events.MouseScrollUp], Plot, offset=cell, button=0)
        near = data_of(plot)
        frame = plot._drawn().frame
        assert frame is not None
        assert near[1] - near[0] == pytest.approx((before[1] - before[0]) / 1.5)
        assert near[3] - near[2] == pytest.approx((before[3] - before[2]) / 1.5)
        again = (axis.value(share) for axis, share in zip((frame.data, frame.y), frame.shares_at(*cell), strict=True))
        assert tuple(again) == pytest.approx((x, y), abs=0.5), "within a cell"
        await pilot._post_mouse_events([events.MouseScrollDown], Plot, offset=cell, button=0)
        assert data_of(plot)[1] - data_of(plot)[0] == pytest.approx(before[1] - before[0], rel=0.02)


async def dragged(pilot: Pilot[None], begin: tuple[int, int], end: tuple[int, int], button: int = 1) -> None:
    await pilot._post_mouse_events([events.MouseDown], Plot, offset=begin, button=button)
    await pilot._post_mouse_events([events.MouseMove], Plot, offset=end, button=button)


async def test_dragging_selects_a_box_and_the_right_button_moves_what_is_in_view() -> None:
    app = OnePlot()
    async with app.run_test(size=(60, 20)) as pilot:
        plot = app.query_one(Plot)
        plot.figure = figure(4.0)
        await pilot.pause()
        before = data_of(plot)
        await dragged(pilot, (15, 4), (30, 12))
        assert "┌" in plain(plot._rows), "the box is seen while it is drawn"
        await pilot._post_mouse_events([events.MouseUp], Plot, offset=(30, 12), button=1)
        box = data_of(plot)
        assert before[0] < box[0] < box[1] < before[1]
        assert before[2] < box[2] < box[3] < before[3]
        assert "┌" not in plain(plot._rows)
        await dragged(pilot, (20, 8), (30, 8), button=3)
        await pilot._post_mouse_events([events.MouseUp], Plot, offset=(30, 8), button=3)
        on = data_of(plot)
        assert on[0] < box[0]
        assert on[1] - on[0] == pytest.approx(box[1] - box[0])
        assert on[2:] == pytest.approx(box[2:])
        await pilot.click(Plot, offset=(20, 8), times=2)
        assert data_of(plot) == before


async def test_a_click_is_no_drag_and_tells_where_it_was() -> None:
    told: list[tuple[float, float]] = []

    class Listens(OnePlot):
        def on_plot_clicked(self, event: Plot.Clicked) -> None:
            told.append((event.x, event.y))

    app = Listens()
    async with app.run_test(size=(60, 20)) as pilot:
        plot = app.query_one(Plot)
        plot.figure = figure(4.0)
        await pilot.pause()
        await pilot.click(Plot, offset=(20, 8))
        assert len(told) == 1
        await dragged(pilot, (15, 4), (30, 12))
        await pilot._post_mouse_events([events.MouseUp, events.Click], Plot, offset=(30, 12), button=1)
        assert len(told) == 1
        assert plot.limits.is_set


async def test_limits_stay_while_a_run_goes_on_and_belong_to_what_is_on_the_axis() -> None:
    app = OnePlot()
    async with app.run_test(size=(60, 20)) as pilot:
        plot = app.query_one(Plot)
        plot.figure = replace(figure(4.0), x_name="tokens", y_name="loss")
        await pilot.pause()
        follows = data_of(plot)
        plot.figure = replace(longer(200.0), x_name="tokens", y_name="loss")
        assert data_of(plot)[1] > follows[1], "limits follow the data until somebody sets them"
        plot.limits = Limits((10.0, 50.0), (2.0, 4.0))
        plot.figure = replace(longer(400.0), x_name="tokens", y_name="loss")
        assert data_of(plot) == pytest.approx((10.0, 50.0, 2.0, 4.0))
        plot.figure = replace(longer(400.0), x_name="tokens", y_name="speed")
        assert data_of(plot)[:2] == pytest.approx((10.0, 50.0)), "the same x"
        assert data_of(plot)[3] > 9.0, "another y, which follows the data"
        plot.figure = replace(longer(400.0), x_name="step", y_name="loss")
        assert data_of(plot)[1] > 399
        assert data_of(plot)[2:] == pytest.approx((2.0, 4.0))
        plot.follow_data()
        plot.figure = replace(longer(400.0), x_name="tokens", y_name="loss")
        assert data_of(plot)[1] > 399


async def test_keys_zoom_x_and_y_follows_until_it_is_moved() -> None:
    app = OnePlot()
    async with app.run_test(size=(60, 20)) as pilot:
        plot = app.query_one(Plot)
        falls = Figure("loss", (Series(X, 10 / X),))
        plot.figure = falls
        await pilot.pause()
        plot.cursor = 90.0
        plot.zoom(8.0)
        x0, x1, y0, y1 = data_of(plot)
        assert x0 < 90.0 < x1 < 101
        assert x1 - x0 < 14
        assert 0 < y0 < y1 < 0.2, "what is in view"
        plot.pan("left")
        assert data_of(plot)[0] < x0
        plot.pan("up")
        moved = data_of(plot)
        plot.zoom(2.0)
        assert data_of(plot)[3] - data_of(plot)[2] == pytest.approx((moved[3] - moved[2]) / 2)
        plot.follow_data()
        assert data_of(plot)[0] < 2
        assert data_of(plot)[1] > 99


def longer(end: float) -> Figure:
    x = np.linspace(1, end, 50)
    return Figure("loss", (Series(x, np.linspace(9.0, 10.0, 50)), Series(x, np.full(50, 2.0))))
