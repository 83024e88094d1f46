"""Every screen at every size in every look: nothing is wider than the terminal, the frame is whole, no look leaks."""

from itertools import product
from pathlib import Path

import pytest
from textual.color import Color

from scaling_tui.tui.app import ScalingApp
from scaling_tui.tui.modes import MODES
from scaling_tui.tui.page import PageFooter
from scaling_tui.tui.terminal import Appearance
from scaling_tui.tui.widgets.mode_bar import ModeBar
from tests.conftest import record_sweep
from tests.tui.conftest import until

SIZES = ((120, 40), (80, 24), (50, 20))
LOOKS = {
    "dark": Appearance(),
    "light": Appearance(theme="light"),
    "ascii": Appearance(ascii=True),
    "no-colour": Appearance(),
}
GRID = [(mode.name, size, look) for mode, size, look in product(MODES, SIZES, LOOKS)]


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "size", "look"), GRID, ids=[f"{m}-{w}x{h}-{look}" for m, (w, h), look in GRID])
async def test_a_screen_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, size: tuple[int, int], look: str
) -> None:
    for name in ("DATA", "CONFIG", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    if look == "no-colour":
        monkeypatch.setenv("NO_COLOR", "1")
    width, height = size
    record_sweep(tmp_path / "runs", [*["finished"] * 6, "running"])
    app = ScalingApp(tmp_path / "runs", mode=mode, appearance=LOOKS[look])
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: bool(app.screen.query(PageFooter)))
        await until(pilot, lambda: app.screen._compositor.render_strips()[-1].text.rstrip().endswith("? help"))
        await until(pilot, lambda: any(strip.text.strip() for strip in app.screen._compositor.render_strips()[1:-1]))
        strips = app.screen._compositor.render_strips()
        assert {strip.cell_length for strip in strips} == {width}
        assert len(strips) == height
        titles = {name for one in MODES if one.name == mode for name in (one.title.upper(), one.short.upper())}
        assert any(title in strips[0].text for title in titles)
        assert app.screen.query_one(ModeBar).region.height == 1
        if look == "ascii":
            assert all(strip.text.isascii() for strip in strips)
        if look == "no-colour":
            styles = [segment.style for strip in strips for segment in strip if segment.style]
            colours = {colour for style in styles for colour in (style.color, style.bgcolor) if colour is not None}
            assert all(len(set(Color.from_rich_color(colour).rgb)) == 1 for colour in colours)
