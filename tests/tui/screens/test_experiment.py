"""Guided experiments and the glossary in the app, by keyboard."""

from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

from scaling_tui.tui.app import ScalingApp
from scaling_tui.tui.glossary import GlossaryScreen
from scaling_tui.tui.screens.experiment import ExperimentScreen
from scaling_tui.tui.screens.learn import LearnScreen
from scaling_tui.tui.screens.quiz import QuizScreen
from scaling_tui.tui.widgets.choose import Choose
from scaling_tui.tui.widgets.plot import Plot
from tests.experiments import GROWING, record_results
from tests.tui.conftest import settled, until


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


async def experiment(pilot: Pilot[None], name: str) -> ExperimentScreen:
    """Opens an experiment from the list of lessons."""
    await until(pilot, lambda: isinstance(pilot.app.screen, LearnScreen))
    page = pilot.app.screen
    assert isinstance(page, LearnScreen)
    lessons = page.query_one("#lessons", OptionList)
    await until(pilot, lambda: lessons.option_count > 0)
    lessons.highlighted = lessons.get_option_index(f"experiment:{name}")
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, ExperimentScreen))
    await pilot.pause()
    assert isinstance(pilot.app.screen, ExperimentScreen)
    return pilot.app.screen


def said(pilot: Pilot[None], name: str) -> str:
    return str(pilot.app.screen.query_one(f"#{name}", Static).render())


async def predict(pilot: Pilot[None], value: str) -> None:
    pilot.app.screen.query_one("#answer", Input).value = value
    await pilot.pause()
    await pilot.press("enter")
    await pilot.pause()


async def test_an_experiment_from_prediction_to_meaning_and_back_to_it(tmp_path: Path) -> None:
    record_results(tmp_path / "runs", "text-prediction", ("seeds=0",), GROWING)
    app = ScalingApp(tmp_path / "runs", mode="learn")
    async with app.run_test(size=(80, 40)) as pilot:
        await experiment(pilot, "text-prediction")
        assert "Best possible accuracy" in said(pilot, "told")
        assert "Only the size changes" not in said(pilot, "help")
        await pilot.press("f5")
        assert "Hint 1 of 3" in said(pilot, "help")
        pilot.app.screen.query_one("#answer", Input).value = "1000 %"
        await pilot.pause()
        assert "want 0.0 % to 100.0 %" in said(pilot, "read")
        await predict(pilot, "60")
        assert "small: 60.0 %" in said(pilot, "told")
        await predict(pilot, "85 %")
        await until(pilot, lambda: "u  use text-prediction" in said(pilot, "ask"))
        await pilot.press("u")
        await until(pilot, lambda: isinstance(pilot.app.screen, Choose))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ExperimentScreen))
        await until(pilot, lambda: "What it means" in said(pilot, "results"))
        assert "The bigger model predicts better" in said(pilot, "results")
        assert "1.0 points above your prediction" in said(pilot, "results")
        assert pilot.app.screen.query_one("#curves", Plot).figure.series
        assert "Bonus" in said(pilot, "ask")
        await pilot.press("f6")
        assert "Only the size changes" in said(pilot, "help")
        await pilot.press("escape")
        await experiment(pilot, "text-prediction")  # comes back to the results
        await until(pilot, lambda: "What it means" in said(pilot, "results"))
        await pilot.press("enter")
        await pilot.pause()
        assert "without dropout" in said(pilot, "ask")


async def test_a_launch_is_watched_beside_its_curves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny: Path
) -> None:
    from tests.cli.test_experiments import MINE

    folder = tmp_path / "config" / "scaling-tui"
    (folder / "quizzes" / "experiments").mkdir(parents=True)
    (folder / "models").mkdir()
    (folder / "models" / "tiny.toml").write_text(tiny.read_text().replace("words.txt", str(tmp_path / "words.txt")))
    (folder / "quizzes" / "experiments" / "mine.toml").write_text(MINE)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    app = ScalingApp(tmp_path / "runs", mode="learn")
    async with app.run_test(size=(80, 40)) as pilot:
        await experiment(pilot, "mine")
        await predict(pilot, "2.5")
        await until(pilot, lambda: "enter  launch" in said(pilot, "ask"))
        await pilot.press("enter")
        await until(pilot, lambda: "What it means" in said(pilot, "results"))
        assert "d ends at" in said(pilot, "results")
        assert "end of this experiment" in said(pilot, "ask")


async def test_the_glossary_opens_over_a_lesson_and_over_a_question(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path, mode="learn")
    async with app.run_test(size=(80, 30)) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, LearnScreen))
        await settled(pilot)
        await pilot.press("enter", "f4")
        await until(pilot, lambda: isinstance(pilot.app.screen, GlossaryScreen))
        await pilot.press(*"undertr")
        await pilot.pause()
        assert said(pilot, "entries").startswith("undertrained")
        await pilot.press("escape", "9")
        await until(pilot, lambda: isinstance(pilot.app.screen, QuizScreen))
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        question = said(pilot, "question")
        await pilot.press("f4")
        await until(pilot, lambda: isinstance(pilot.app.screen, GlossaryScreen))
        await pilot.press(*"N")
        await pilot.pause()
        assert said(pilot, "entries").startswith("N · ")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, QuizScreen))
        assert said(pilot, "question") == question


async def test_the_chosen_option_has_a_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = ScalingApp(tmp_path, mode="quiz")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, QuizScreen))
        await settled(pilot)

        def signs() -> list[int]:
            rows = [strip.text for strip in pilot.app.screen._compositor.render_strips()]
            return [number for number, row in enumerate(rows) if "›" in row]

        first = signs()
        assert len(first) == 1
        await pilot.press("down")
        await settled(pilot)
        assert signs() == [first[0] + 1]
