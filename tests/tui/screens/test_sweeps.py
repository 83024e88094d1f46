"""The Sweeps screen: what is listed, how one finds among many, what one does to sweeps and takes back."""

from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from scaling_tui.runs import create_sweep, list_sweeps, read_sweep
from scaling_tui.runs.delete import in_trash
from scaling_tui.runs.delete_run import trash_run
from scaling_tui.runs.labels import read_labels
from scaling_tui.tui.app import ScalingApp
from scaling_tui.tui.screens.sweeps import SweepsScreen
from scaling_tui.tui.widgets.ask import Ask
from scaling_tui.tui.widgets.choose import Choose
from scaling_tui.tui.widgets.line_list import LineList
from tests.conftest import FINISHED, record_sweep
from tests.tui.conftest import choices, choose, until

UNDER_WAY = [*["finished"] * 4, "running", "running", "queued"]
STOPPED = ["finished", "finished", "stopped", *["queued"] * 4]
FAILED = ["finished", "failed", *["queued"] * 5]


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATA", "CONFIG", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    for name, states in (("alpha", FINISHED), ("beta", STOPPED), ("gamma-10", FAILED), ("gamma-9", UNDER_WAY)):
        record_sweep(folder, states, name)
    return folder


def listed(pilot: Pilot[None]) -> list[str]:
    return [line.key for line in pilot.app.screen.query_one("#sweeps", LineList).lines]


def said(pilot: Pilot[None], name: str) -> str:
    return str(pilot.app.screen.query_one(f"#{name}", Static).render())


def told(pilot: Pilot[None]) -> list[str]:
    return [notification.message for notification in pilot.app._notifications]


def painted(pilot: Pilot[None]) -> list[str]:
    return [strip.text.rstrip() for strip in pilot.app.screen._compositor.render_strips()]


async def on_screen(pilot: Pilot[None], count: int = 4) -> None:
    await until(pilot, lambda: isinstance(pilot.app.screen, SweepsScreen) and len(listed(pilot)) == count)


async def at(pilot: Pilot[None], name: str) -> None:
    """Moves the cursor to a sweep, by its keys."""
    table = pilot.app.screen.query_one("#sweeps", LineList)
    await pilot.press("home")
    while table.key != name:
        await pilot.press("down")


async def answered(pilot: Pilot[None], text: str) -> None:
    """Types into the dialog that asks, in place of what is there."""
    await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
    pilot.app.screen.query_one(Input).value = text
    await pilot.press("enter")


async def test_one_finds_a_sweep_by_filter_and_order_and_opens_it(runs: Path) -> None:
    app = ScalingApp(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("0")
        await on_screen(pilot)
        assert said(pilot, "where") == "Sweeps · 4 · 1 training · by latest"
        for part in ("▶ gamma-9", "■ gamma-10", "running", "4/7", "chinchilla-n"):
            await until(pilot, lambda part=part: any(part in line for line in painted(pilot)))  # type: ignore[misc]
        await pilot.press("s")
        await choose(pilot, "name")
        await until(pilot, lambda: listed(pilot) == ["alpha", "beta", "gamma-9", "gamma-10"])
        await pilot.press("S")
        assert listed(pilot) == ["gamma-10", "gamma-9", "beta", "alpha"]
        assert "by name reversed" in said(pilot, "where")
        await pilot.press("slash", *"-state:finished gm")
        await until(pilot, lambda: listed(pilot) == ["gamma-10", "gamma-9"])
        await pilot.press("down")
        assert app.screen.query_one("#sweeps", LineList).key == "gamma-9", "the arrows work while one types"
        await pilot.press(*" state:nonsense ")
        await until(pilot, lambda: "found 'nonsense'" in said(pilot, "problem"))
        assert listed(pilot) == ["gamma-10", "gamma-9"], "what cannot be understood changes nothing"
        await pilot.press("escape")
        await until(pilot, lambda: len(listed(pilot)) == 4 and not app.screen.query_one("#filter", Input).display)
        await pilot.press("slash", *"nosuchsweep", "enter")
        await until(pilot, lambda: "None of 4 sweeps fits 'nosuchsweep'" in said(pilot, "empty"))
        await pilot.press("escape")
        await on_screen(pilot)
        await at(pilot, "beta")
        await pilot.press("enter")
        await until(pilot, lambda: app.current_mode == "live" and app.sweep == "beta")


async def test_labels_are_given_to_all_that_are_marked_and_taken_back(runs: Path) -> None:
    app = ScalingApp(runs, mode="sweeps")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await on_screen(pilot)
        assert not app.screen.check_action("undo", ())
        await pilot.press("slash", *"-name:gamma*", "enter")
        await on_screen(pilot, 2)
        await pilot.press("a", "t")
        await answered(pilot, "-")
        await until(pilot, lambda: "want 1 to 64 printable characters" in said(pilot, "mistake"))
        await answered(pilot, "+base, long")
        await until(pilot, lambda: "Tagged beta, alpha +base +long; u undoes it." in told(pilot))
        await until(pilot, lambda: sum("base long" in line for line in painted(pilot)) >= 2)
        assert [read_labels(runs / name)[0].tags for name in ("alpha", "beta")] == [("base", "long")] * 2
        await pilot.press("a")  # none is marked: the one under the cursor
        await at(pilot, "alpha")
        await pilot.press("n")
        await answered(pilot, "as in the paper ↵ second line")
        await until(pilot, lambda: read_labels(runs / "alpha")[0].note == "as in the paper\nsecond line")
        await until(pilot, lambda: "as in the paper second line" in said(pilot, "about"))
        await pilot.press("h")
        await until(pilot, lambda: listed(pilot) == ["beta"])
        await pilot.press("escape", "slash", *"archived:yes", "enter")
        await until(pilot, lambda: listed(pilot) == ["alpha"])
        await pilot.press("u")
        await until(pilot, lambda: listed(pilot) == [])
        assert not read_labels(runs / "alpha")[0].archived
        await pilot.press("u")
        await until(pilot, lambda: read_labels(runs / "alpha")[0].note == "")
        assert read_labels(runs / "alpha")[0].tags == ("base", "long"), "nothing else is taken back"
        await pilot.press("u")
        await until(pilot, lambda: read_labels(runs / "beta")[0].tags == ())
        await until(pilot, lambda: not app.screen.check_action("undo", ()))


async def test_a_sweep_is_renamed_deleted_and_brought_back(runs: Path) -> None:
    before = {path.name: sorted(str(one.relative_to(path)) for one in path.rglob("*")) for path in list_sweeps(runs)}
    app = ScalingApp(runs, "alpha", mode="sweeps")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await on_screen(pilot)
        await at(pilot, "alpha")
        await pilot.press("r")
        await answered(pilot, "beta")
        await until(pilot, lambda: "found in the runs folder already" in said(pilot, "mistake"))
        await answered(pilot, "../x")
        await until(pilot, lambda: "not usable as a folder name" in said(pilot, "mistake"))
        await answered(pilot, "omega")
        await until(pilot, lambda: app.sweep == "omega")
        await until(pilot, lambda: "omega" in listed(pilot) and "alpha" not in listed(pilot))
        await at(pilot, "omega")
        await pilot.press("space")
        await at(pilot, "beta")
        await pilot.press("space", "d")
        await until(pilot, lambda: sorted(listed(pilot)) == ["gamma-10", "gamma-9"])
        assert sorted(one.name for one in in_trash(runs)) == ["beta", "omega"]
        assert app.sweep is None
        await pilot.press("u")
        await on_screen(pilot)
        await pilot.press("u")
        await until(pilot, lambda: "alpha" in listed(pilot))
        # What trains stays, and the one line says why.
        await at(pilot, "gamma-9")
        await pilot.press("d")
        await until(pilot, lambda: any("gamma-9: still training; stop it first" in line for line in told(pilot)))
        await pilot.press("r")
        await answered(pilot, "other")
        await until(pilot, lambda: sum("gamma-9: still training" in line for line in told(pilot)) == 2)
        assert not app.screen.check_action("undo", ())
    after = {path.name: sorted(str(one.relative_to(path)) for one in path.rglob("*")) for path in list_sweeps(runs)}
    assert after == before


async def test_the_trash_gives_back_until_it_is_emptied(runs: Path, tmp_path: Path) -> None:
    elsewhere = record_sweep(tmp_path / "elsewhere", FINISHED, "linked")
    (runs / "linked").symlink_to("../elsewhere/linked")
    app = ScalingApp(runs, mode="sweeps")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await on_screen(pilot, 5)
        await pilot.press("R")
        await until(pilot, lambda: any("is empty" in line for line in told(pilot)))
        for name in ("linked", "alpha", "beta"):
            await at(pilot, name)
            await pilot.press("d")
            await until(pilot, lambda name=name: name not in listed(pilot))  # type: ignore[misc]
        assert elsewhere.exists()
        assert sorted(one.name for one in in_trash(runs)) == ["alpha", "beta"]
        await pilot.press("R")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        await pilot.press(*"alp")
        await until(pilot, lambda: len(choices(pilot)) == 1)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SweepsScreen) and "alpha" in listed(pilot))
        await pilot.press("X")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        await pilot.press("enter")  # the first answer keeps them
        await until(pilot, lambda: isinstance(app.screen, SweepsScreen))
        assert len(in_trash(runs)) == 1
        await pilot.press("X")
        await choose(pilot, "empty")
        await until(pilot, lambda: in_trash(runs) == [])
        await until(pilot, lambda: isinstance(app.screen, SweepsScreen))
        await pilot.press("u", "u")  # alpha goes again; beta is gone for good
        await until(pilot, lambda: any("restore beta: no longer in the trash" in line for line in told(pilot)))
        await pilot.press("u", "u")
        await until(pilot, (runs / "linked").is_symlink)
        assert (runs / "linked").resolve() == elsewhere


async def test_undo_does_not_overwrite_what_somebody_changed_since(runs: Path) -> None:
    from scaling_tui.runs.labels import Labels, change_labels

    app = ScalingApp(runs, mode="sweeps")
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await on_screen(pilot)
        await at(pilot, "alpha")
        await pilot.press("n")
        await answered(pilot, "mine")
        await until(pilot, lambda: read_labels(runs / "alpha")[0].note == "mine")
        await until(pilot, lambda: app.screen.check_action("undo", ()) is True)
        change_labels(runs / "alpha", lambda labels: Labels(("kept",), "theirs"))
        await pilot.press("u")
        await until(pilot, lambda: any("its note has been changed since" in line for line in told(pilot)))
        assert read_labels(runs / "alpha")[0] == Labels(("kept",), "theirs")


async def test_an_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path / "none", mode="sweeps")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "Press 2 for the Lab" in said(pilot, "empty"))
        await pilot.press("d", "r", "t", "n", "h", "space", "a", "enter", "down", "end")
        assert isinstance(app.screen, SweepsScreen)


async def test_a_picker_finds_sweeps_as_the_filter_does(runs: Path) -> None:
    app = ScalingApp(runs, mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.sweep == "gamma-9")
        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, Choose) and len(choices(pilot)) == 4)
        heads = "sweep state done age N best law"
        await until(pilot, lambda: any(heads in " ".join(line.split()) for line in painted(pilot)))
        await pilot.press("end")
        assert app.screen.query_one(LineList).key == "alpha"
        await pilot.press(*"gm10")
        await until(pilot, lambda: choices(pilot) == ["gamma-10"])
        await pilot.press(*["backspace"] * 4, *"state:stopped bet")
        await until(pilot, lambda: choices(pilot) == ["beta"])
        await pilot.press("escape", "c")
        await until(pilot, lambda: isinstance(app.screen, Choose) and len(choices(pilot)) == 3)
        await pilot.press(*"alp", "enter")
        await until(pilot, lambda: not isinstance(app.screen, Choose))
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, Choose) and choices(pilot)[0] == "-")
        await pilot.press("escape")


async def test_a_thousand_names_scroll_and_only_those_in_sight_are_drawn(tmp_path: Path) -> None:
    for number in range(150):
        create_sweep(tmp_path, f"s{number:04}", {})
    app = ScalingApp(tmp_path, mode="sweeps")
    async with app.run_test(size=(80, 24)) as pilot:
        await on_screen(pilot, 150)
        await pilot.press("s")
        await choose(pilot, "name")
        await pilot.press("end")
        await until(pilot, lambda: any("s0149" in line for line in painted(pilot)))
        assert not any("s0100" in line for line in painted(pilot))
        await pilot.press("pageup")
        table = app.screen.query_one("#sweeps", LineList)
        assert table.key is not None and "s0120" < table.key < "s0140"
        await pilot.press("pagedown", "home", "up")
        assert table.key == "s0000"


async def test_a_run_is_brought_back_from_the_trash_of_its_sweep(runs: Path) -> None:
    trash_run(runs / "alpha", "r2-s0")
    app = ScalingApp(runs, mode="sweeps")
    async with app.run_test(size=(80, 24)) as pilot:
        await on_screen(pilot)
        await pilot.press("R")
        await until(pilot, lambda: isinstance(app.screen, Choose) and bool(choices(pilot)))
        assert [line.cells[0] for line in app.screen.query_one(LineList).lines] == ["alpha/r2-s0"]
        await pilot.press("enter")
        await until(pilot, lambda: any("restored r2-s0 of alpha" in one.lower() for one in told(pilot)))
        assert len(read_sweep(runs / "alpha").runs) == 7
        await pilot.press("u")
        await until(pilot, lambda: any("undone" in one.lower() for one in told(pilot)))
        assert len(read_sweep(runs / "alpha").runs) == 6
