"""The pipeline screen: the same six stages as the command, the losses, a row an evaluation; another run by key."""

import shutil
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from scaling_tui.runs import find_run
from scaling_tui.runs.delete_run import trash_run
from scaling_tui.sweeps.data_stages import stages
from scaling_tui.tui.app import ScalingApp
from scaling_tui.tui.screens.pipeline import PipelineScreen
from scaling_tui.tui.widgets.choose import Choose
from scaling_tui.tui.widgets.plot import Plot
from tests.conftest import record_sweep, trained_sweep
from tests.tui.conftest import until


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_sweep(tmp_path_factory.mktemp("piped"))


def said(pilot: Pilot[None], selector: str) -> str:
    return str(pilot.app.screen.query_one(selector, Static).render())


@pytest.mark.parametrize("size", [(80, 24), (50, 20)])
async def test_it_shows_the_stages_of_the_command_with_its_losses(runs: Path, size: tuple[int, int]) -> None:
    async with ScalingApp(runs, "words", mode="pipeline").run_test(size=size) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, PipelineScreen))
        await until(pilot, lambda: "words/large-s0" in said(pilot, "#where"))
        shown = said(pilot, "#before") + said(pilot, "#after")
        for number, stage in enumerate(stages(find_run(runs, "words/large-s0")), 1):
            assert f"{number} {stage.name}" in shown
            assert stage.says in shown
        assert "held-out loss falls by" in shown
        figure = pilot.app.screen.query_one(Plot).figure
        assert [series.label for series in figure.series] == ["training", "held out"]
        assert figure.log_x
        await pilot.press("x")
        assert not pilot.app.screen.query_one(Plot).figure.log_x


async def test_another_run_is_a_key_away(runs: Path) -> None:
    async with ScalingApp(runs, "words", mode="pipeline").run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, PipelineScreen))
        await until(pilot, lambda: "words/large-s0" in said(pilot, "#where"))
        await pilot.press("comma")
        await until(pilot, lambda: "words/small-s0" in said(pilot, "#where"))
        await pilot.press("r")
        await until(pilot, lambda: isinstance(pilot.app.screen, Choose))
        await pilot.press("down", "enter")
        await until(pilot, lambda: "words/large-s0" in said(pilot, "#where"))


async def test_from_a_run_that_was_deleted_the_keys_go_to_one_that_is_there(runs: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(runs, tmp_path / "copied")
    async with ScalingApp(copied, "words", mode="pipeline").run_test() as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, PipelineScreen))
        await until(pilot, lambda: "words/large-s0" in said(pilot, "#where"))
        trash_run(copied / "words", "large-s0")
        await pilot.press("full_stop")
        await until(pilot, lambda: "words/small-s0" in said(pilot, "#where"))


async def test_a_run_of_another_trainer_is_told_what_is_missing(tmp_path: Path) -> None:
    record_sweep(tmp_path, ["finished"] * 7)
    async with ScalingApp(tmp_path, mode="pipeline").run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, PipelineScreen))
        await until(pilot, lambda: "run.json has no corpus and architecture" in said(pilot, "#before"))
        assert "Press 2 for the Lab" in said(pilot, "#before")
