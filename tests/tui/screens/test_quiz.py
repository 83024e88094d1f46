"""The Learn and Quiz screens: a session by keyboard and mouse, what is saved, how it looks."""

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.text import Text
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

from scaling_tui.text.settings import settings_file
from scaling_tui.tui.app import ScalingApp
from scaling_tui.tui.screens.learn import LearnScreen
from scaling_tui.tui.screens.plan import PlanScreen
from scaling_tui.tui.screens.quiz import QuizScreen
from scaling_tui.tui.terminal import Appearance
from scaling_tui.tui.widgets.choose import Choose
from scaling_tui.tui.widgets.code_area import CodeArea
from scaling_tui.tui.widgets.plot import Plot
from scaling_tui.tutor.content.bank import load_banks
from scaling_tui.tutor.course import Course
from scaling_tui.tutor.parsing.numbers import figures
from scaling_tui.tutor.progress import Answer, append, progress_file, read_answers
from scaling_tui.tutor.session import Session
from tests.conftest import FINISHED, record_sweep
from tests.tui.conftest import choose, until


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


async def quiz_of(pilot: Pilot[None], *names: str, seed: int = 7) -> QuizScreen:
    """The quiz screen with a session of exactly these questions."""
    await pilot.press("9")
    await until(pilot, lambda: isinstance(pilot.app.screen, QuizScreen))
    screen = pilot.app.screen
    assert isinstance(screen, QuizScreen)
    await until(pilot, lambda: screen.query_one("#choices", OptionList).option_count == 6)
    known = {question.id: question for bank in load_banks() for question in bank.questions}
    course = Course.load([known[name] for name in names])
    screen._begin(course.session(len(names), seed))
    await pilot.pause()
    return screen


def said(screen: QuizScreen, name: str) -> str:
    return str(screen.query_one(f"#{name}", Static).render())


async def typed(pilot: Pilot[None], text: str) -> None:
    pilot.app.screen.query_one("#answer", Input).value = text
    await pilot.pause()


async def test_a_wrong_number_is_read_diagnosed_and_asked_anew(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await quiz_of(pilot, "two-term-loss")
        session = screen._session
        assert session is not None
        first = session.asked
        assert "What is L at N =" in said(screen, "question")
        await typed(pilot, "nonsense")
        assert "cannot read 'nonsense'" in said(screen, "read")
        await pilot.press("enter")
        assert read_answers(progress_file()) == []
        a, b, N = (first.values[name] for name in ("a", "b", "N"))
        await typed(pilot, figures(a * N**-b, 4))
        assert said(screen, "read").startswith("read as ")
        await pilot.press("enter")
        assert "✗ Not yet. This is the first term alone" in said(screen, "feedback")
        assert [(answer.slip, answer.correct) for answer in read_answers(progress_file())] == [("one-term", False)]
        await pilot.press("enter")
        assert session.asked.values != first.values
        await typed(pilot, session.asked.expected)
        await pilot.press("enter")
        assert "✓ Right." in said(screen, "feedback")
        await pilot.press("enter")
        assert "0 of 1 right on the first try" in said(screen, "question")


async def test_choices_by_letter_and_by_mouse(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await quiz_of(pilot, "why-negative", "simplified-law")
        session = screen._session
        assert session is not None
        right = next(option.letter for option in session.asked.options if option.right)
        await pilot.press("enter")
        assert session.results == []  # nothing is chosen yet
        await pilot.press(right)
        assert session.results == []
        await pilot.press("enter")
        assert "✓ Right." in said(screen, "feedback")
        await pilot.press("enter")
        await pilot.pause()
        await pilot.click("#choices", offset=(5, 1))
        await until(pilot, lambda: len(session.results) == 2)
        assert len(read_answers(progress_file())) == 2


async def test_hints_and_solutions_by_key_and_none_in_a_test(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await quiz_of(pilot, "two-term-loss")
        await pilot.press("f5")
        assert "Hint: Two terms" in said(screen, "feedback")
        await pilot.press("f6")
        assert "With the previous numbers:" in said(screen, "feedback")
        session = screen._course.test(3) if screen._course else None
        assert session is not None
        screen._begin(session)
        await pilot.press("f5")
        assert said(screen, "feedback") == ""
        for _ in range(10):
            await pilot.press("f8")
        assert "0 of 10 right. Nothing answered" in said(screen, "question")


async def test_a_test_tells_at_its_end_alone_what_was_wrong_and_what_is_right(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await quiz_of(pilot, "why-negative")
        assert screen._course is not None
        known = {question.id: question for bank in load_banks() for question in bank.questions}
        session = Session([known["why-negative"], known["two-term-loss"]], None, lambda one: 3, test=True)
        screen._begin(session)
        wrong = next(option for option in session.asked.options if not option.right)
        await pilot.press(wrong.letter, "enter")
        assert "right" not in said(screen, "where")
        await typed(pilot, session.asked.expected)
        await pilot.press("enter")
        told = " ".join(said(screen, "question").split())
        assert told.startswith("1 of 2 right on the first try.")
        assert f"You: {wrong.letter}) {wrong.text}" in told
        assert " ".join(wrong.diagnosis.split()) in told


async def test_long_feedback_scrolls_on_the_smallest_screen(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path)
    async with app.run_test(size=(50, 20)) as pilot:
        screen = await quiz_of(pilot, "what-laws-describe")
        assert screen._session is not None
        wrong = next(option for option in screen._session.asked.options if not option.right)
        await pilot.press(wrong.letter, "enter")
        body = screen.query_one("#body")
        await pilot.press("end")
        await until(pilot, lambda: body.scroll_y == body.max_scroll_y > 0)
        await pilot.press("enter")
        assert screen._session.over


async def test_an_answered_questions_numbers_open_in_plan_and_back_again(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await quiz_of(pilot, "tokens-for-budget")
        assert screen._session is not None
        asked = screen._session.asked
        assert not screen.check_action("plan", ())  # the plan would give the answer away
        await typed(pilot, "1")
        await pilot.press("enter")
        await pilot.press("f7")
        await until(pilot, lambda: isinstance(app.screen, PlanScreen))
        fields = {one.id: one.value for one in app.screen.query(Input)}
        assert (float(fields["flops"]), float(fields["params"])) == (asked.values["C"], asked.values["N"])
        assert (fields["loss"], fields["tokens"]) == ("", "")
        await until(pilot, lambda: "read as C = " in str(app.screen.query_one("#reading", Static).render()))
        await pilot.press("escape")
        assert app.screen is screen
        assert "Not yet" in said(screen, "feedback")


async def test_a_lesson_opens_with_plots_and_leads_to_its_questions(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("8")
        await until(pilot, lambda: isinstance(app.screen, LearnScreen))
        lessons = app.screen.query_one("#lessons", OptionList)
        await until(pilot, lambda: lessons.option_count == 18)  # six are experiments
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: app.screen.has_class("-reading"))
        assert len(app.screen.query(Plot)) == 1
        await pilot.press("n")
        await until(pilot, lambda: "4 of 12" in str(app.screen.query_one("#where", Static).render()))
        await pilot.press("z")
        await until(pilot, lambda: isinstance(app.screen, QuizScreen))
        screen = app.screen
        assert isinstance(screen, QuizScreen)
        await until(pilot, lambda: screen._session is not None)
        assert "The simple form" in said(screen, "where")


async def test_own_runs_of_a_lesson_are_offered_where_there_are_none(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path / "runs")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("8")
        await until(pilot, lambda: isinstance(app.screen, LearnScreen))
        await until(pilot, lambda: app.screen.query_one("#lessons", OptionList).option_count == 18)
        await pilot.press("enter")
        await until(pilot, lambda: app.screen.has_class("-reading"))
        await pilot.press("y")
        await until(pilot, lambda: not isinstance(app.screen, LearnScreen))
        await pilot.press("escape")
        assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("size", "answer", "how"),
    [
        ((80, 24), "wrong", ""), ((80, 24), "right", ""), ((120, 40), "wrong", ""), ((120, 40), "right", ""),
        ((120, 40), "wrong", "light"), ((120, 40), "right", "no colour"),
    ],
    ids=["wrong", "right", "wide", "wide-right", "light", "no-color"],
)  # fmt: skip
def test_a_session_looks_as_it_did(
    snap_compare: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
    answer: str,
    how: str,
) -> None:
    if how == "no colour":
        monkeypatch.setenv("NO_COLOR", "1")
    # The days of those who run the test.
    monkeypatch.setattr("scaling_tui.tui.widgets.learning.day_lines", lambda days, today, size: Text("1 day"))
    app = ScalingApp(tmp_path, appearance=Appearance(theme="light") if how == "light" else Appearance())

    async def prepare(pilot: Pilot[None]) -> Awaitable[None] | None:
        screen = await quiz_of(pilot, "two-term-loss")
        session = screen._session
        assert session is not None
        a, b, N = (session.asked.values[name] for name in ("a", "b", "N"))
        await typed(pilot, session.asked.expected if answer == "right" else figures(a * N**-b, 4))
        screen.query_one("#answer", Input).cursor_blink = False
        await pilot.press("enter")
        await pilot.pause()
        return None

    assert snap_compare(app, terminal_size=size, run_before=prepare)


async def test_enter_pressed_twice_is_one_answer(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await quiz_of(pilot, "two-term-loss")
        session = screen._session
        assert session is not None
        await typed(pilot, session.asked.expected)
        answer = screen.query_one("#answer", Input)
        for _ in range(2):
            answer.post_message(Input.Submitted(answer, answer.value))
        await pilot.pause()
        assert [recorded.correct for recorded in read_answers(progress_file())] == [True]


async def test_esc_in_a_test_asks_first_and_a_test_left_is_offered_again(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await quiz_of(pilot, "why-negative")
        assert screen._course is not None
        session = screen._course.test(3)
        screen._begin(session)
        await pilot.press("f8")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)
        assert screen._session is session
        assert "2 of 10" in said(screen, "where")
        screen.open("power-laws")  # from Learn
        assert screen._session is session
        await pilot.press("escape")
        await choose(pilot, "later")
        await until(pilot, lambda: screen._session is None)
        choices = screen.query_one("#choices", OptionList)
        assert "Continue the test: 0 of 10 answered" in str(choices.get_option_at_index(0).prompt)
        await pilot.press("enter")
        await until(pilot, lambda: screen._session is not None)
        assert screen._session is not None
        assert screen._session.sitting == session.sitting
        assert [each.id for each in screen._session.questions] == [each.id for each in session.questions]
        assert "1 of 10" in said(screen, "where")
        await pilot.press("escape")
        await choose(pilot, "end")
        await until(pilot, lambda: "0 of 10 right" in said(screen, "question"))
        assert screen._course.left() is None


async def test_a_lesson_counts_as_read_at_its_end_and_not_before(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("8")
        await until(pilot, lambda: isinstance(app.screen, LearnScreen))
        await until(pilot, lambda: app.screen.query_one("#lessons", OptionList).option_count == 18)
        await pilot.press("enter")
        page = app.screen.query_one("#page")
        await until(pilot, lambda: app.screen.has_class("-reading") and page.max_scroll_y > 0)
        await pilot.press("pagedown")
        await until(pilot, lambda: page.scroll_y > 0)
        assert read_answers(progress_file()) == []
        page.scroll_end(animate=False)
        await until(pilot, lambda: len(read_answers(progress_file())) == 1)
        await pilot.press("n")
        await until(pilot, lambda: "2 of 12" in str(app.screen.query_one("#where", Static).render()))
        await until(pilot, lambda: page.scroll_y == 0 and page.max_scroll_y > 0)
        await pilot.press("n", "p", "escape")
        assert [one.lesson for one in read_answers(progress_file())] == ["what-scaling-laws-say"]


async def test_a_lesson_that_fits_on_the_screen_is_read_when_its_reader_goes_on(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path)
    async with app.run_test(size=(120, 400)) as pilot:
        await pilot.press("8")
        await until(pilot, lambda: isinstance(app.screen, LearnScreen))
        await until(pilot, lambda: app.screen.query_one("#lessons", OptionList).option_count == 18)
        await pilot.press("enter")
        await until(pilot, lambda: app.screen.has_class("-reading"))
        assert read_answers(progress_file()) == []
        await pilot.press("escape")
        assert [one.lesson for one in read_answers(progress_file())] == ["what-scaling-laws-say"]


async def test_a_function_is_written_run_and_mended(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path)
    async with app.run_test(size=(80, 30)) as pilot:
        screen = await quiz_of(pilot, "code-layer-weights")
        program = screen.query_one("#program", CodeArea)
        assert program.display and "mlp = ..." in program.text
        assert "For example, layer(" in said(screen, "code")
        program.load_text("def layer(hidden, ffn)")
        await pilot.pause()
        assert "SyntaxError: expected ':'" in said(screen, "read")
        await pilot.press("f9")
        assert "not counted: " in said(screen, "read")
        assert read_answers(progress_file()) == []
        program.load_text("")
        for sign in "def layer(h, f):":
            await pilot.press(
                {"(": "left_parenthesis", ")": "right_parenthesis", ",": "comma", ":": "colon", " ": "space"}.get(
                    sign, sign
                )
            )
        await pilot.press("enter")
        assert program.text == "def layer(h, f):\n    "
        program.insert("return 4*h**2")
        await pilot.pause()
        assert said(screen, "read") == "read as layer(h, f), 2 lines"
        await pilot.press("f9")
        feedback = said(screen, "feedback")
        assert "✗ Not yet." in feedback and "returned" in feedback and "want" in feedback
        await pilot.press("enter")
        assert program.text.endswith("return 4*h**2")  # what was written is still there
        program.move_cursor(program.document.end)
        program.insert(" + 2*h*f")
        await pilot.press("f9")
        assert "✓ Right. One way to write it:" in said(screen, "feedback")
        assert [answer.correct for answer in read_answers(progress_file())] == [False, True]


async def test_escape_leaves_the_editor_before_the_question(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path)
    async with app.run_test(size=(80, 30)) as pilot:
        screen = await quiz_of(pilot, "code-layer-weights")
        await pilot.press("escape")
        assert screen._state == "asking"
        assert screen.focused is None
        await pilot.press("escape")
        await until(pilot, lambda: screen._state == "start")


async def test_a_plot_is_shown_to_be_read(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path)
    async with app.run_test(size=(80, 30)) as pilot:
        screen = await quiz_of(pilot, "read-a-valley")
        plot = screen.query_one("#plot", Plot)
        assert plot.display and plot.size.height == 15
        assert plot.figure.title.startswith("loss, nats per token")
        assert screen._session is not None
        await typed(pilot, screen._session.asked.expected)
        await pilot.press("enter")
        assert "✓ Right." in said(screen, "feedback")
        await pilot.press("enter")
        assert not plot.display


async def test_learn_asks_about_ones_own_runs_or_says_why_not(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path / "none")
    async with app.run_test(size=(80, 30)) as pilot:
        await pilot.press("8")
        await until(pilot, lambda: isinstance(pilot.app.screen, LearnScreen))
        await pilot.press("a")
        await until(pilot, lambda: any("no sweep with a law" in note.message for note in app._notifications))
    record_sweep(tmp_path / "runs", FINISHED)
    app = ScalingApp(tmp_path / "runs")
    async with app.run_test(size=(80, 30)) as pilot:
        await pilot.press("8")
        await until(pilot, lambda: isinstance(pilot.app.screen, LearnScreen))
        await pilot.press("a")
        await until(pilot, lambda: isinstance(pilot.app.screen, QuizScreen))
        screen = pilot.app.screen
        assert isinstance(screen, QuizScreen)
        await until(pilot, lambda: screen._state == "asking")
        assert "Your sweep quickstart" in said(screen, "question")
        await typed(pilot, "1.45")
        await pilot.press("enter")
        assert "and any answer from" in said(screen, "feedback")


async def test_mistakes_and_history_are_shown_and_asked_again(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await quiz_of(pilot, "why-negative", "two-term-loss")
        assert screen._session is not None
        asked = screen._session.asked
        wrong = next(option for option in asked.options if not option.right)
        await pilot.press(wrong.letter, "enter", "enter", "escape")
        await until(pilot, lambda: screen._state == "over")
        await pilot.press("h")
        assert "1 day, 1 in a row" in said(screen, "question")
        await pilot.press("m")
        told = " ".join(said(screen, "question").split())
        assert f"You: {wrong.letter}) {' '.join(wrong.text.split())}" in told
        assert f"Right: {' '.join(asked.expected.split())}" in told
        await pilot.press("enter")
        assert screen._state == "asking"
        assert [each.id for each in screen._session.questions] == ["why-negative"]
        await pilot.press("escape")
        choices = screen.query_one("#choices", OptionList)
        shown = [option.id for option in choices.options]
        assert shown[:3] == ["resume", "session", "mistakes"] and "history" in shown
        await pilot.press("8")
        await until(pilot, lambda: isinstance(app.screen, LearnScreen))
        await pilot.press("m")
        await until(pilot, lambda: app.screen is screen and screen._state == "mistakes")


async def test_the_option_under_the_cursor_has_a_sign_in_colour_too(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await quiz_of(pilot, "why-negative")

        def marked() -> list[str]:
            strips = screen._compositor.render_strips()
            rows = ["".join(segment.text for segment in strip) for strip in strips]
            return [row.strip()[:4] for row in rows if row.strip().startswith("›")]

        assert marked() == []
        await pilot.press("b")
        await pilot.pause()
        assert marked() == ["› b)"]


async def test_learn_marks_what_was_read_and_tells_what_is_mastered(tmp_path: Path) -> None:
    question = next(each for bank in load_banks() for each in bank.questions if each.lesson == "power-laws")
    now = datetime.now(UTC)
    for record in (
        Answer(now - timedelta(days=1), "power-laws", question.id, correct=True, seconds=30.0),
        Answer(now, "power-laws", question.id, correct=True, seconds=30.0),
        Answer(now, "power-laws"),
    ):
        append(record, progress_file())
    app = ScalingApp(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("8")
        await until(pilot, lambda: isinstance(app.screen, LearnScreen))
        lessons = app.screen.query_one("#lessons", OptionList)
        await until(pilot, lambda: lessons.option_count == 18)
        head = str(app.screen.query_one("#where", Static).render())
        assert "1 of 12 lessons read (✓) · 2 days in a row · 1 answer, 30 s today" in head
        assert str(lessons.get_option_at_index(2).prompt).startswith("✓ 3  Power laws")
        assert " mastered" in str(lessons.get_option_at_index(2).prompt)
        assert str(lessons.get_option_at_index(1).prompt).startswith("  2  ")


async def test_numbers_are_shown_with_the_thousands_of_the_settings(tmp_path: Path) -> None:
    file = settings_file()
    file.parent.mkdir(parents=True)
    file.write_text('thousands = ","')
    app = ScalingApp(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await quiz_of(pilot, "two-term-loss", seed=0)
        assert "D = 7,000,000" in said(screen, "question")
