"""The plot widget paints no more than what changed; what it shows is written as a file of any format."""

from pathlib import Path

import numpy as np
import pytest
from textual.app import App, ComposeResult
from textual.geometry import Region

from scaling_tui.plots.figures import Figure, Series
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
            await until(pilot, path.exists)
            assert path.read_bytes().startswith(begins)
