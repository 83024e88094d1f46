"""Predict, then run in the app: by key from the quiz, scored at once or when the run has ended."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from textual.containers import VerticalScroll
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

from scaling_tui.runs.format import append_line
from scaling_tui.tui.app import ScalingApp
from scaling_tui.tui.screens.prediction_game import PredictionGameScreen
from scaling_tui.tui.screens.quiz import QuizScreen
from scaling_tui.tui.widgets.choose import Choose
from scaling_tui.tutor.progress import progress_file, read_answers
from tests.conftest import record_sweep
from tests.tui.conftest import until


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


async def asked(pilot: Pilot[None]) -> None:
    await pilot.press("9")
    await until(pilot, lambda: isinstance(pilot.app.screen, QuizScreen))
    await until(pilot, lambda: pilot.app.screen.query_one("#choices", OptionList).option_count == 6)
    await pilot.press("f")
    await until(pilot, lambda: isinstance(pilot.app.screen, PredictionGameScreen))
    await until(pilot, lambda: isinstance(pilot.app.focused, Input))


def said(pilot: Pilot[None], name: str) -> str:
    return str(pilot.app.screen.query_one(f"#{name}", Static).render())


def end_largest(sweep: Path) -> None:
    """The largest run ends, as its worker would tell."""
    attempt = sweep / "r7-s0" / "attempt-1"
    append_line(attempt / "metrics.jsonl", {"step": 41, "tokens": 1_000_448, "val_loss": 1.4479})
    status = attempt / "status.json"
    status.write_text(json.dumps({**json.loads(status.read_text()), "state": "finished"}))


async def test_a_finished_run_is_scored_at_once(tmp_path: Path) -> None:
    record_sweep(tmp_path / "runs", ["finished"] * 7)
    app = ScalingApp(tmp_path / "runs")
    async with app.run_test(size=(80, 24)) as pilot:
        await asked(pilot)
        assert "1.4479" not in said(pilot, "question")
        await pilot.press(*"much", "enter")
        assert "not counted: answer: cannot read 'much'" in said(pilot, "read")
        app.screen.query_one("#answer", Input).value = "1.45"
        await pilot.press("enter")
        assert "r7 measured: 1.4479" in said(pilot, "feedback")
        assert "practice and does not count" in said(pilot, "feedback")
        assert read_answers(progress_file()) == []
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, QuizScreen))


async def test_a_run_under_way_is_waited_for(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path / "runs", [*["finished"] * 6, "running"])
    app = ScalingApp(tmp_path / "runs")
    async with app.run_test(size=(80, 24)) as pilot:
        await asked(pilot)
        app.screen.query_one("#answer", Input).value = "1.45"
        await pilot.press("enter")
        await until(pilot, lambda: "r7-s0 is training: 45 %" in said(pilot, "feedback"))
        end_largest(sweep)
        await until(pilot, lambda: "r7 measured: 1.4479" in said(pilot, "feedback"))


async def test_an_answer_is_kept_until_the_run_has_ended_though_the_app_is_closed(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path / "runs", [*["finished"] * 6, "running"])
    app = ScalingApp(tmp_path / "runs")
    async with app.run_test(size=(80, 24)) as pilot:
        await asked(pilot)
        app.screen.query_one("#answer", Input).value = "1.46"
        await pilot.press("enter")
        await until(pilot, lambda: "your answer is kept" in said(pilot, "feedback"))
    assert read_answers(progress_file()) == []
    end_largest(sweep)
    again = ScalingApp(tmp_path / "runs")
    async with again.run_test(size=(80, 24)) as pilot:
        await asked(pilot)
        await until(pilot, lambda: "r7 measured: 1.4479" in said(pilot, "feedback"))
        assert re.search(r"you +1\.4600", said(pilot, "feedback"))
        assert [one.question for one in read_answers(progress_file())] == ["predict:quickstart/r7-s0"]
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(again.screen, QuizScreen))
        await pilot.press("f")
        await until(pilot, lambda: isinstance(again.screen, PredictionGameScreen))
        assert said(pilot, "feedback") == ""


async def test_who_has_no_sweep_is_offered_one(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path / "runs")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("9")
        await until(pilot, lambda: isinstance(app.screen, QuizScreen))
        await until(pilot, lambda: app.screen.query_one("#choices", OptionList).option_count == 6)
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        await pilot.press("escape")
        assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (50, 20)], ids=["normal", "wide", "narrow"])
def test_it_looks_as_it_did(snap_compare: Any, tmp_path: Path, size: tuple[int, int]) -> None:
    record_sweep(tmp_path / "runs", ["finished"] * 7)
    app = ScalingApp(tmp_path / "runs")

    async def prepare(pilot: Pilot[None]) -> None:
        await asked(pilot)
        app.screen.query_one("#answer", Input).cursor_blink = False
        app.screen.query_one("#answer", Input).value = "1.49"
        await pilot.press("enter")
        body = app.screen.query_one("#body", VerticalScroll)
        await until(pilot, lambda: body.scroll_y == body.max_scroll_y and (size[1] == 40 or body.scroll_y > 0))

    assert snap_compare(app, terminal_size=size, run_before=prepare)
