"""The app's own themes: what is written can be read, and curves are told apart with any colour vision."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from textual.color import Color

from scaling_tui import InputError
from scaling_tui.plots.figures import RAMP, Colour, colour_of
from scaling_tui.tui.app import ScalingApp
from scaling_tui.tui.modes import MODES
from scaling_tui.tui.terminal import Appearance, theme_named
from scaling_tui.tui.themes import THEMES
from scaling_tui.tui.widgets.plot import theme_colours
from scaling_tui.tui.widgets.run_table import RunTable
from tests.conftest import FINISHED, record_sweep
from tests.tui.colour_vision import VISION, ciede2000, contrast, distance, lab
from tests.tui.conftest import until

TOLD_APART = 10.0  # CIEDE2000 between two curves, for the eyes to which they are most alike
STATES_APART = 10.0  # between two states, and between a state and the background
NORMAL, HIGH = 4.5, 7.0  # contrast of text by WCAG 2.1, levels AA and AAA
RUNGS = 7
DIM = 0.5  # how much of its ink a dim text keeps, at the least, in terminals


def test_the_measures_are_those_of_their_papers() -> None:
    """Pairs 1, 7, 13 and 25 of Sharma, Wu and Dalal 2005; white on black; what a deuteranope confuses."""
    for first, second, wanted in (
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, 2.5, 0), (50, 3.1736, 0.5854), 1.0),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ):
        assert ciede2000(np.array(first), np.array(second)) == pytest.approx(wanted, abs=1e-4)
    assert contrast((255, 255, 255), (0, 0, 0)) == pytest.approx(21.0)
    assert contrast((118, 118, 118), (255, 255, 255)) == pytest.approx(4.54, abs=0.01)
    assert np.allclose(lab((255, 255, 255)), (100, 0, 0), atol=0.02)
    red, green = (200, 80, 60), (130, 120, 50)
    assert distance(red, green, "deuteranopia") < distance(red, green) / 2
    for matrix in VISION.values():
        assert np.allclose(matrix.sum(axis=1), 1.0, atol=1e-5)  # white stays white


@pytest.mark.parametrize("called", THEMES)
async def test_curves_and_states_are_told_apart_with_any_colour_vision(tmp_path: Path, called: str) -> None:
    app = ScalingApp(tmp_path, appearance=Appearance(theme=called))
    async with app.run_test():
        least = HIGH if called == "high-contrast" else NORMAL
        variables = app.theme_variables
        inks = theme_colours(variables)
        background = Color.parse(variables["background"]).rgb
        rungs = [colour_of(place / (RUNGS - 1), inks) for place in range(RUNGS)]
        named = [inks[name] for name in (*RAMP, "accent", "secondary")]
        for vision in VISION:
            for curves in (rungs, named):
                assert min(distance(one, other, vision) for one, other in combinations(curves, 2)) > TOLD_APART
            states = [Color.parse(variables[f"text-{name}"]).rgb for name in ("success", "warning", "error")]
            for one in states:
                assert distance(one, background, vision) > STATES_APART
        for colour in (*rungs, *named):
            assert contrast(colour, background) >= least


@pytest.mark.parametrize("called", THEMES)
@pytest.mark.parametrize("mode", [mode.name for mode in MODES])
async def test_every_text_on_every_screen_can_be_read(tmp_path: Path, called: str, mode: str) -> None:
    """The text as it is painted, cell by cell, with whatever colours the styles of a screen come to."""
    record_sweep(tmp_path, FINISHED)
    app = ScalingApp(tmp_path, mode=mode, appearance=Appearance(theme=called))
    async with app.run_test(size=(100, 34)) as pilot:
        await until(pilot, lambda: bool(app.screen.query("ModeBar")))
        if mode in ("live", "law"):
            await until(pilot, lambda: len(app.screen.query_one(RunTable).rows) == 7)
        for _ in range(5):
            await pilot.pause(0.05)
        least = HIGH if called == "high-contrast" else NORMAL
        assert {pair: text for pair, text in painted(app, dim=False).items() if contrast(*pair) < least} == {}
        # What is dimmed, such as an axis, is a comment on what is not; it still reads at large print's ratio.
        assert all(contrast(ink, ground) >= 3 for ink, ground in painted(app, dim=True))


def painted(app: ScalingApp, dim: bool) -> dict[tuple[Colour, Colour], str]:
    """Ink and ground of all letters, dim or not, each with an example of what is written so."""
    found: dict[tuple[Colour, Colour], str] = {}
    for strip in app.screen._compositor.render_strips():
        for segment in strip:
            style, text = segment.style, segment.text.strip()
            if style is None or not any(sign.isalnum() for sign in text) or bool(style.dim) != dim:
                continue
            if style.color is None or style.bgcolor is None:
                continue
            ink, ground = style.color.triplet, style.bgcolor.triplet
            if ink is not None and ground is not None:
                first, second = (ground, ink) if style.reverse else (ink, ground)
                kept = DIM if dim else 1.0
                red, green, blue = (
                    round(under + (over - under) * kept) for over, under in zip(first, second, strict=True)
                )
                found[(red, green, blue), (second[0], second[1], second[2])] = text
    return found


def test_themes_are_chosen_by_name() -> None:
    known = ["textual-dark", "nord"]
    assert theme_named("dark", known) == "scaling-dark"
    assert theme_named("light", known) == "scaling-light"
    assert theme_named("high-contrast", known) == "high-contrast"
    assert theme_named("nord", known) == "nord"
    with pytest.raises(InputError, match="'neon': not known; want dark, light, high-contrast, or one of nord, text"):
        theme_named("neon", known)


@pytest.mark.parametrize(
    ("text", "theme", "says"),
    [
        ('theme = "light"', "scaling-light", ""),
        ("", "scaling-dark", ""),
        ('theme = "neon"', "scaling-dark", "theme 'neon': not known; want dark, light"),
        ("theme = 3", "scaling-dark", "theme: found 3, want a name"),
        ("colour = 1", "scaling-dark", "colour: not a setting, want theme"),
        ("theme = [", "scaling-dark", "not TOML"),
    ],
)
async def test_the_users_settings_choose_the_theme_and_an_option_goes_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, theme: str, says: str
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "scaling-tui").mkdir()
    (tmp_path / "scaling-tui" / "app.toml").write_text(text)
    app = ScalingApp(tmp_path / "runs")
    async with app.run_test(notifications=True) as pilot:
        await pilot.pause()
        assert app.theme == theme
        told = [note.message for note in app._notifications]
        assert len(told) == bool(says)
        assert all(says in one and "\n" not in one for one in told)
    assert ScalingApp(tmp_path / "runs", appearance=Appearance(theme="high-contrast")).theme == "high-contrast"
