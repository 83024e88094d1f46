"""Asking why in the app: `i` lists the numbers in view, enter explains one, enter again opens its lesson."""

from pathlib import Path

import pytest
from textual.pilot import Pilot

from scaling_tui.tui.app import ScalingApp
from scaling_tui.tui.screens.learn import LearnScreen
from scaling_tui.tui.why_dialog import WhyDialog
from scaling_tui.tui.widgets.choose import Choose
from scaling_tui.tui.widgets.line_list import LineList
from scaling_tui.tui.widgets.plot import Plot
from scaling_tui.tui.widgets.run_table import RunTable
from scaling_tui.tui.widgets.text import PlainText
from tests.conftest import FINISHED, record_grid, record_sweep
from tests.tui.conftest import until


def listed(pilot: Pilot[None]) -> list[tuple[str, ...]]:
    return [line.cells[:2] for lines in pilot.app.screen.query(LineList) for line in lines.lines]


async def ask(pilot: Pilot[None]) -> list[tuple[str, ...]]:
    """Presses the key until the dialog is there: what it explains may still be computed."""
    await pilot.press("i")
    await until(pilot, lambda: isinstance(pilot.app.screen, Choose) and bool(listed(pilot)))
    return listed(pilot)


async def explained(pilot: Pilot[None], typed: str) -> str:
    """The explanation of the number that fits best."""
    await pilot.press(*("space" if sign == " " else sign for sign in typed))
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, WhyDialog))
    await pilot.pause()
    return str(pilot.app.screen.query_one(PlainText).render())


async def test_a_number_of_live_is_explained_and_its_lesson_opens(tmp_path: Path) -> None:
    record_sweep(tmp_path, FINISHED)
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        table = app.screen.query_one(RunTable)
        await until(pilot, lambda: len(table.rows) == 7)
        await pilot.press("down")
        offered = await ask(pilot)
        assert offered[0] == ("r2-s0", "N")
        assert {("r2-s0", "loss"), ("law", "alpha"), ("prediction", "error"), ("sweep", "done")} <= set(offered)
        text = await explained(pilot, "r2 loss")
        assert "r2-s0/attempt-1/metrics.jsonl, field val_loss" in text
        assert "held-out loss" in text
        assert "nats per token" in text
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        field = app.screen.query_one("Input")
        assert getattr(field, "value", "") == "r2 loss"
        await pilot.press("ctrl+u")
        text = await explained(pilot, "pred error")
        assert "measured/predicted - 1" in text
        assert "1.4479/1.459 - 1 = -0.8 %" in " ".join(text.split())
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LearnScreen) and app.screen.has_class("-reading"))
        await until(pilot, lambda: "How a fit goes wrong" in str(app.screen.query_one("#where").render()))
        await pilot.press("escape", "3")
        await until(pilot, lambda: app.current_mode == "live")


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("law", {("fit", "alpha"), ("fit", "held-out error"), ("n0-c0-s0", "off"), ("n0-c0-s0", "loss")}),
        ("plan", {("grid", "N"), ("grid", "L"), ("chinchilla:hoffmann2022", "D/N")}),
        ("sweeps", {("sweep", "best"), ("law", "beta"), ("n0-c0-s0", "loss")}),
        ("home", {("law", "E"), ("law", "alpha")}),
    ],
)
async def test_the_numbers_of_other_screens_can_be_asked(
    tmp_path: Path, mode: str, expected: set[tuple[str, str]]
) -> None:
    record_grid(tmp_path)
    app = ScalingApp(tmp_path, mode=mode)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        ready = {
            "law": lambda: bool(app.screen.query_one("#plot", Plot).figure.series),
            "plan": lambda: "grid" in str(app.screen.query_one("#answers", PlainText).render()),
            "sweeps": lambda: app.screen.query_one(LineList).key == "grid",
            "home": lambda: "chinchilla" in app.export_screenshot(),
        }
        await until(pilot, ready[mode])
        offered = await ask(pilot)
        assert expected <= set(offered)
        await pilot.press("escape")
        await until(pilot, lambda: len(app.screen_stack) == 1)


async def test_without_a_number_a_line_says_so(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(notifications=True) as pilot:
        await until(pilot, lambda: bool(app.screen.query("#where")))
        await pilot.press("i")
        await until(pilot, lambda: any("no number" in note.message for note in app._notifications))
