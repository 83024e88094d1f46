"""Home and Lab: from nothing to a running sweep; what is wrong with a setting stands beside it; how both look."""

import sys
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input, OptionList, Static

from scaling_tui.runs import list_sweeps, read_sweep
from scaling_tui.runs.format import Status, claim
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.sweeps.size import Size
from scaling_tui.sweeps.speeds import Evidence, Speed, Trained
from scaling_tui.tui.app import ScalingApp
from scaling_tui.tui.screens.lab import LabScreen
from scaling_tui.tui.terminal import Appearance
from scaling_tui.tui.widgets.choose import Choose
from tests.conftest import FINISHED, record_sweep
from tests.tui.conftest import missing_torch, until

UNDER_WAY = [*["finished"] * 4, "running", "running", "queued"]


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATA", "CONFIG", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    monkeypatch.setattr("scaling_tui.sweeps.estimate.cores", lambda: 2)
    monkeypatch.setattr("scaling_tui.sweeps.placement.core_numbers", lambda: [0, 1])


@pytest.fixture
def no_supervisor(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int | None, str]]:
    """Sweeps are laid out as ever, but nothing trains; returns what the supervisors were asked for."""
    asked = []

    def start(sweep: Path, jobs: int | None, device: str, *_: object) -> None:
        asked.append((jobs, device))
        Status.of_this_process("running").write(claim(sweep, "supervisor") / "status.json")

    monkeypatch.setattr(sys.modules["scaling_tui.sweeps.launch"], "start_supervisor", start)
    return asked


def lines(app: ScalingApp) -> list[str]:
    options = app.screen.query_one("#lines", OptionList)
    return [" ".join(str(option.prompt).split()) for option in options.options if str(option.prompt)]


def painted(app: ScalingApp) -> list[str]:
    return [strip.text for strip in app.screen._compositor.render_strips()]


def said(app: ScalingApp, name: str) -> str:
    return str(app.screen.query_one(f"#{name}", Static).render())


async def in_lab(pilot: Pilot[None]) -> None:
    app = pilot.app
    await until(pilot, lambda: isinstance(app.screen, LabScreen) and bool(app.screen.query("#table")))
    await until(pilot, lambda: "rung" in str(app.screen.query_one("#table", Static).render()))


async def test_from_home_by_the_lab_to_a_sweep_that_one_watches(
    tmp_path: Path, tiny: Path, no_supervisor: list[tuple[int | None, str]]
) -> None:
    models = tmp_path / "CONFIG" / "scaling-tui" / "models"
    models.mkdir(parents=True)
    (models / "quickstart.toml").write_text(tiny.read_text().replace("words.txt", str(tmp_path / "words.txt")))
    runs = tmp_path / "runs"
    app = ScalingApp(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "Next" in lines(app))
        assert lines(app)[1].startswith("Train the ladder quickstart")
        await pilot.press("enter")
        await in_lab(pilot)
        assert "Lab · quickstart · 4 runs · C" in said(app, "where")
        await pilot.press("e", *"8192", "enter", "enter", *"3,4", "enter", "1", "enter", "2")
        await until(pilot, lambda: "8 runs" in said(app, "where"))
        assert "8.19k" in said(app, "table")
        await pilot.press("escape", "l")
        await until(pilot, lambda: isinstance(app.screen, Choose))  # with what it will take
        await pilot.press("enter")
        await until(pilot, lambda: app.current_mode == "live")
    assert app.sweep == "quickstart"
    assert no_supervisor == [(1, "auto")]
    view = read_sweep(runs / "quickstart")
    assert view.document["launch"]["per_gpu"] == 2
    assert [run.name for run in view.runs][:4] == ["a-s3", "b-s3", "c-s3", "d-s3"]
    assert {run.tokens for run in view.runs} == {8192}


async def test_without_torch_the_lab_says_how_to_get_it_and_lays_out_nothing(
    tmp_path: Path, tiny: Path, no_supervisor: list[tuple[int | None, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    missing_torch(monkeypatch)
    models = tmp_path / "CONFIG" / "scaling-tui" / "models"
    models.mkdir(parents=True)
    (models / "quickstart.toml").write_text(tiny.read_text().replace("words.txt", str(tmp_path / "words.txt")))
    app = ScalingApp(tmp_path / "runs", mode="lab")
    async with app.run_test(size=(120, 40)) as pilot:
        await in_lab(pilot)
        await pilot.press("l")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        await pilot.press("enter")
        await until(pilot, lambda: any("pip install torch" in notice.message for notice in app._notifications))
        assert any(notice.message.startswith("torch: not installed") for notice in app._notifications)
        assert app.current_mode == "lab"
    assert no_supervisor == []
    assert list_sweeps(tmp_path / "runs") == []


@pytest.mark.parametrize(
    ("field", "wrong", "says", "right"),
    [
        ("tokens", "many", "found 'many', want a whole number", "100_000"),
        ("settings", "hiden=3", "did you mean 'hidden'?", "batch=16"),
        ("seeds", "1,1", "want a list of distinct whole numbers", "1,2"),
        ("jobs", "0", "want a whole number, 1 or more", "2"),
        ("per_gpu", "65", "want a whole number, 1 to 64", "2"),
        ("device", "gpu", "want auto, cpu, cuda, cuda:1 or mps", "cpu"),
        ("name", "../up", "not usable as a folder name", "mine"),
    ],
)
async def test_a_mistake_stands_below_its_field_until_it_is_mended(
    tmp_path: Path, field: str, wrong: str, says: str, right: str
) -> None:
    app = ScalingApp(tmp_path / "runs", mode="lab")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await in_lab(pilot)
        typed = app.screen.query_one(f"#{field}", Input)
        told = app.screen.query_one(f"#{field}-mistake", Static)
        button = app.screen.query_one("#launch", Button)
        typed.value = wrong
        await until(pilot, lambda: told.display)
        assert says in str(told.render())
        assert [one.id for one in app.screen.query(".mistake") if one.display] == [f"{field}-mistake"]
        assert button.disabled
        await pilot.press("l")
        assert not (tmp_path / "runs").exists()
        typed.value = right
        await until(pilot, lambda: not told.display)
        assert not button.disabled


async def test_a_sweep_gets_the_name_that_was_typed(
    tmp_path: Path, tiny: Path, no_supervisor: list[tuple[int | None, str]]
) -> None:
    models = tmp_path / "CONFIG" / "scaling-tui" / "models"
    models.mkdir(parents=True)
    (models / "quickstart.toml").write_text(tiny.read_text().replace("words.txt", str(tmp_path / "words.txt")))
    record_sweep(tmp_path / "runs", FINISHED, "taken")
    app = ScalingApp(tmp_path / "runs", mode="lab")
    async with app.run_test(size=(80, 40)) as pilot:
        await in_lab(pilot)
        name = app.screen.query_one("#name", Input)
        name.value = "taken"
        await until(pilot, lambda: "found in the runs folder already" in said(app, "name-mistake"))
        name.value = "mine"
        await until(pilot, lambda: not app.screen.query_one("#name-mistake").display)
        await pilot.press("l")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        await pilot.press("enter")
        await until(pilot, lambda: app.current_mode == "live")
    assert app.sweep == "mine"
    assert sorted(path.name for path in list_sweeps(tmp_path / "runs")) == ["mine", "taken"]


async def test_a_launch_that_fails_is_told_and_can_be_tried_again(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file where the folder should be")
    app = ScalingApp(tmp_path / "runs", mode="lab")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await in_lab(pilot)
        await pilot.press("l")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        await pilot.press("enter")
        await until(pilot, lambda: any("runs folder" in one.message for one in app._notifications))
        await until(pilot, lambda: not app.screen.query_one("#launch", Button).disabled)
        assert app.current_mode == "lab"


async def test_home_says_what_runs_what_came_out_and_what_is_next(tmp_path: Path) -> None:
    record_sweep(tmp_path / "runs", FINISHED, "first")
    record_sweep(tmp_path / "runs", UNDER_WAY, "second")
    app = ScalingApp(tmp_path / "runs")
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "Training" in lines(app) and not any("Reading" in line for line in lines(app)))
        text = "\n".join(lines(app))
        assert "▶ second 4 of 7 finished, about 2.4 min left (1.5 to 4.4)" in text
        assert "first · chinchilla-n · 6 runs · E 1.298 A 11.15 alpha 0.3261" in text
        assert "r7 -0.8 % from the prediction: 1.4479 measured, 1.4590 predicted" in text
        assert "Read: What scaling laws say" in text
        await pilot.press("enter")
        await until(pilot, lambda: app.current_mode == "live")
        assert app.sweep == "second"


async def test_home_leads_by_click_to_the_lesson_it_names(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path / "runs")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: any("Read:" in line for line in painted(app)))
        row = next(index for index, line in enumerate(painted(app)) if "Read:" in line)
        await pilot.click(offset=(8, row))
        await until(pilot, lambda: app.current_mode == "learn")
        await until(pilot, lambda: app.screen.has_class("-reading"))


async def test_home_tells_of_a_sweep_that_cannot_be_read(tmp_path: Path) -> None:
    record_sweep(tmp_path / "runs", FINISHED, "whole")
    (tmp_path / "runs" / "broken").mkdir()
    (tmp_path / "runs" / "broken" / "sweep.json").write_text("{")
    app = ScalingApp(tmp_path / "runs")
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "Cannot be read" in lines(app))
        assert any("broken" in line for line in lines(app))
        assert any(line.startswith("whole ·") for line in lines(app))
    assert len(list_sweeps(tmp_path / "runs")) == 2


# None of these is slow: syrupy calls a picture unused, and the whole run failed, where its test is deselected.
LOOKS = [
    ("home-80x24", "home", (80, 24), Appearance()),
    ("home-120x40", "home", (120, 40), Appearance()),
    ("home-50x20", "home", (50, 20), Appearance()),
    ("home-light", "home", (80, 24), Appearance(theme="light")),
    ("home-ascii", "home", (80, 24), Appearance(ascii=True)),
    ("lab-80x24", "lab", (80, 24), Appearance()),
    ("lab-120x40", "lab", (120, 40), Appearance()),
    ("lab-50x20", "lab", (50, 20), Appearance()),
    ("lab-light", "lab", (80, 24), Appearance(theme="light")),
    ("lab-ascii", "lab", (80, 24), Appearance(ascii=True)),
    ("lab-no-colour", "lab", (80, 24), Appearance()),
]


@pytest.mark.parametrize(("name", "mode", "size", "appearance"), LOOKS, ids=[look[0] for look in LOOKS])
def test_home_and_lab_look_as_they_did(
    snap_compare: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    mode: str,
    size: tuple[int, int],
    appearance: Appearance,
) -> None:
    if name.endswith("no-colour"):
        monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("platform.node", lambda: "nowhere")
    record_sweep(tmp_path / "runs", FINISHED, "first")
    record_sweep(tmp_path / "runs", UNDER_WAY, "second")

    async def prepare(pilot: Pilot[None]) -> None:
        if mode == "lab":
            await in_lab(pilot)
        else:
            # Last to come: by then both sweeps have been read.
            await until(pilot, lambda: "Last law" in lines(pilot.app))  # type: ignore[arg-type]
        await pilot.pause()

    app = ScalingApp(tmp_path / "runs", "second", mode=mode, appearance=appearance)
    assert snap_compare(app, terminal_size=size, run_before=prepare)


async def test_the_estimate_is_by_the_speeds_of_the_device_that_was_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def known(runs: Path, device: str = "auto") -> Evidence:
        asked.append(device)
        size = Size.of_rung(load_ladder("quickstart").rungs[0])
        return Evidence({Trained(size, 1, 2): Speed(1e-6)} if device == "cpu" else {})

    monkeypatch.setattr("scaling_tui.tui.screens.lab.evidence", known)
    app = ScalingApp(tmp_path, mode="lab")
    async with app.run_test(size=(120, 40)) as pilot:
        await in_lab(pilot)
        await until(pilot, lambda: "two-core machine" in said(app, "table"))
        app.screen.query_one("#device", Input).value = "cpu"
        await until(pilot, lambda: "1 earlier run " in said(app, "table"))
        assert asked == ["auto", "cpu"]
