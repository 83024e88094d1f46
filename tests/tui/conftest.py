"""Waiting for what the watching thread tells, without sleeping longer than it takes."""

import sys
from collections.abc import Callable

import pytest
from textual.pilot import Pilot

from scaling_tui.tui.widgets.choose import Choose
from scaling_tui.tui.widgets.line_list import LineList
from scaling_tui.tui.widgets.run_table import RunTable


@pytest.fixture(autouse=True)
def no_keys_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Help names the file of the user's keys: a home with a longer path would break its lines elsewhere."""
    monkeypatch.setenv("XDG_CONFIG_HOME", "/nowhere")


@pytest.fixture(autouse=True)
def machine_at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Screens that show the load of the machine would look different every second."""
    text = "CPU 50 % of 2 cores (50 % 50 %) · memory 3.0 of 8.0 GB · 0 workers"
    monkeypatch.setattr("scaling_tui.tui.services.machine.load_text", lambda sweep: text)


def missing_torch(patch: pytest.MonkeyPatch) -> None:
    """From here on the test runs as where torch is not installed."""
    patch.setitem(sys.modules, "torch", None)
    patch.setattr("scaling_tui.sweeps.torch_here.find_spec", lambda name: None)


async def until(pilot: Pilot[None], reached: Callable[[], bool]) -> None:
    """Lets the app work until `reached`; the test's own time limit ends what never comes."""
    while not reached():
        await pilot.pause(0.02)


async def choose(pilot: Pilot[None], key: str) -> None:
    """Takes a line of the dialog that is open, or is about to."""
    await until(pilot, lambda: isinstance(pilot.app.screen, Choose) and bool(choices(pilot)))
    lines = pilot.app.screen.query_one(LineList)
    lines.show(lines.lines, key)
    assert lines.key == key
    await pilot.press("enter")


def choices(pilot: Pilot[None]) -> list[str]:
    """The keys of what the open dialog lists."""
    return [line.key for lines in pilot.app.screen.query(LineList) for line in lines.lines]


async def shown(pilot: Pilot[None]) -> None:
    """Waits until the seven rungs of a recorded sweep are on the screen."""
    table = pilot.app.screen.query_one(RunTable)
    await until(pilot, lambda: len(table.rows) == 7)
    await pilot.pause()


async def settled(pilot: Pilot[None]) -> None:
    """Lets the app work until three looks at the screen in a row show the same."""
    alike, before = 0, ""
    while alike < 3:
        await pilot.pause(0.05)
        now = pilot.app.export_screenshot()
        alike, before = (alike + 1 if now == before else 0), now
