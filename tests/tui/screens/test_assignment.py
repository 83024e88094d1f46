"""An assignment taken in the app: what is told, what is kept, and where one goes on."""

from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Label, OptionList, Static

from scaling_tui.tui.app import ScalingApp
from scaling_tui.tui.screens.quiz import QuizScreen
from scaling_tui.tui.widgets.ask import Ask
from scaling_tui.tutor.classroom.sitting import Sitting
from scaling_tui.tutor.classroom.submission import read_submission
from scaling_tui.tutor.progress import progress_file, read_answers
from tests.tui.conftest import until

ASSIGNMENT = """
id = "hw"
title = "Homework"
tries = 2
feedback = "FEEDBACK"
deadline = 2099-01-01T00:00:00Z

[[question]]
id = "two-term-loss"
points = 2

[[question]]
id = "why-negative"

[[question]]
id = "write-two-terms"
"""


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def said(screen: QuizScreen, name: str) -> str:
    return str(screen.query_one(f"#{name}", Static).render())


def asked(pilot: Pilot[None]) -> str:
    """What the dialog on the screen asks for; empty if there is none."""
    dialog = pilot.app.screen
    return str(dialog.query_one(Label).render()) if isinstance(dialog, Ask) and dialog.is_mounted else ""


async def opened(pilot: Pilot[None], path: Path, student: str = "s1") -> tuple[QuizScreen, Sitting]:
    """The quiz screen with the assignment in `path`, by its keys alone."""
    await pilot.press("9")
    await until(pilot, lambda: isinstance(pilot.app.screen, QuizScreen))
    screen = pilot.app.screen
    assert isinstance(screen, QuizScreen)
    choices = screen.query_one("#choices", OptionList)
    await until(pilot, lambda: choices.option_count == 6)
    await pilot.press("end", "enter")
    for title, text in (("Path of the assignment", str(path)), ("your id in the class", student)):
        await until(pilot, lambda title=title: title in asked(pilot))  # type: ignore[misc]
        pilot.app.screen.query_one(Input).value = text
        await pilot.press("enter")
    await until(pilot, lambda: isinstance(screen._session, Sitting) and pilot.app.screen is screen)
    assert isinstance(screen._session, Sitting)
    return screen, screen._session


async def typed(pilot: Pilot[None], text: str) -> None:
    pilot.app.screen.query_one("#answer", Input).value = text
    await pilot.pause()
    await pilot.press("enter")
    await pilot.pause()


async def test_an_assignment_is_taken_left_and_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "hw.toml"
    path.write_text(ASSIGNMENT.replace("FEEDBACK", "now"))
    app = ScalingApp(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        screen, sitting = await opened(pilot, path)
        assert "Homework · s1 · 3 questions, 4 points" in said(screen, "question")
        await pilot.press("enter")
        assert "What is L at N =" in said(screen, "question")
        assert "1 of 3 · 2 points" in said(screen, "where")
        first = sitting.asked
        await pilot.press("f5", "f6")
        assert said(screen, "feedback") == "", "nothing helps"
        await typed(pilot, "0.123456")
        assert "✗ Wrong." in said(screen, "feedback")
        assert "1 try left" in said(screen, "feedback")
        assert first.expected not in said(screen, "feedback")
        await pilot.press("enter")
        assert sitting.asked == first, "the numbers stay"
        await typed(pilot, first.expected)
        assert "✓ Right." in said(screen, "feedback")
        await pilot.press("enter", "escape")
        await pilot.pause()
        assert "1 of 3 answered" in said(screen, "question")
        assert f"receipt {sitting.receipt}" in said(screen, "question")
        choices = screen.query_one("#choices", OptionList)
        shown = [str(choices.get_option_at_index(place).prompt) for place in range(choices.option_count)]
        assert [text.rpartition(" · ")[2] for text in shown[:3]] == ["✓ right", "open", "open"]
        assert choices.highlighted == 1
    file = tmp_path / "hw-s1.submission.jsonl"
    assert [each.correct for each in read_submission(file).answers] == [False, True]
    assert read_answers(progress_file()) == []
    async with ScalingApp(tmp_path).run_test(size=(80, 24)) as pilot:
        screen, sitting = await opened(pilot, path)
        assert "1 of 3 answered so far" in said(screen, "question")
        await pilot.press("enter")
        wrong = next(option.letter for option in sitting.asked.options if not option.right)
        right = next(option.letter for option in sitting.asked.options if option.right)
        await pilot.press(wrong, "enter", "enter", right, "enter")
        await pilot.pause()
        assert "✓ Right." in said(screen, "feedback")
        await pilot.press("enter")
        await pilot.pause()
        await typed(pilot, sitting.asked.expected)
        await pilot.press("enter")
        await pilot.pause()
        assert "3 of 3 answered" in said(screen, "question")
    assert [each.correct for each in read_submission(file).answers] == [False, True, False, True, True]


async def test_nothing_is_told_before_the_deadline_and_all_of_it_after(tmp_path: Path) -> None:
    path = tmp_path / "hw.toml"
    path.write_text(ASSIGNMENT.replace("FEEDBACK", "after-deadline"))
    async with ScalingApp(tmp_path).run_test(size=(80, 24)) as pilot:
        screen, sitting = await opened(pilot, path)
        await pilot.press("enter")
        await typed(pilot, "0.123456")
        assert sitting.asked.question.id == "why-negative"
        assert said(screen, "feedback") == ""
        await pilot.press("escape")
        await pilot.pause()
        choices = screen.query_one("#choices", OptionList)
        assert "answered · 1 try left" in str(choices.get_option_at_index(0).prompt)
        assert "Come back after 2099-01-01" in said(screen, "question")
        await pilot.press("home", "enter")
        await typed(pilot, sitting.asked.expected)
    path.write_text(path.read_text().replace("2099", "2020"))
    async with ScalingApp(tmp_path).run_test(size=(80, 24)) as pilot:
        screen, sitting = await opened(pilot, path)
        assert sitting.closed
        assert "✓ You: " in said(screen, "question")
        assert "2 of 4 points." in said(screen, "question")
        assert screen.query_one("#choices", OptionList).option_count == 1


async def test_what_cannot_be_opened_is_said_where_it_was_typed(tmp_path: Path) -> None:
    async with ScalingApp(tmp_path).run_test(size=(80, 24)) as pilot:
        await pilot.press("9")
        await until(pilot, lambda: isinstance(pilot.app.screen, QuizScreen))
        choices = pilot.app.screen.query_one("#choices", OptionList)
        await until(pilot, lambda: choices.option_count == 6)
        await pilot.press("end", "enter")
        await until(pilot, lambda: bool(asked(pilot)))
        pilot.app.screen.query_one(Input).value = str(tmp_path / "none.toml")
        await pilot.press("enter")
        await pilot.pause()
        mistake = pilot.app.screen.query_one("#mistake", Static)
        assert "no such file, want an assignment" in str(mistake.render())
