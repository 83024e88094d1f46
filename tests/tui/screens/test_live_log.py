"""The log on Live: of the chosen run and of the supervisor, followed and searched."""

from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Input, Static

from scaling_tui.runs import read_sweep
from scaling_tui.runs.logs import LONGEST, LogTail, matches
from scaling_tui.text.visible import HARMFUL
from scaling_tui.tui.app import ScalingApp
from scaling_tui.tui.log_dialog import LogDialog, LogLines
from tests.conftest import record_sweep
from tests.tui.conftest import shown, until

UNDER_WAY = [*["finished"] * 4, "running", "running", "queued"]


def painted(app: ScalingApp) -> str:
    return "\n".join("".join(segment.text for segment in line) for line in app.screen._compositor.render_strips())


def title(app: ScalingApp) -> str:
    return str(app.screen.query_one("#log-title", Static).render())


async def opened(pilot: Pilot[None], lines: int) -> LogLines:
    await pilot.press("w")
    await until(pilot, lambda: isinstance(pilot.app.screen, LogDialog))
    found = pilot.app.screen.query_one(LogLines)
    await until(pilot, lambda: len(found._lines) == lines)
    await pilot.pause()
    return found


async def test_the_log_of_the_chosen_run_is_followed_and_searched(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, UNDER_WAY)
    log = sweep / "r5-s0" / "attempt-1" / "worker.log"
    log.write_text("".join(f"2026-11-22 16:00:{n // 10:02} r5-s0 step {n} Loss\n" for n in range(100)))
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press("down", "down", "down", "down")
        lines = await opened(pilot, 100)
        await until(pilot, lambda: "step 99 Loss" in painted(app))
        assert title(app) == "quickstart/r5-s0 · log of the worker · 100 lines"
        with log.open("a") as file:
            file.write('Traceback (most recent call last):\n  File "train.py"\nValueError: \x1b[2Jno\ttab\n')
        await until(pilot, lambda: "ValueError: ␛[2Jno" in painted(app))
        assert not HARMFUL.search(painted(app))

        await pilot.press("slash", *"step 1")
        await until(pilot, lambda: "/step 1: " in title(app))
        assert "11 matches" in title(app)
        await pilot.press("enter")
        assert not app.screen.query_one(Input).display
        await pilot.press("n")
        here = lines._here
        assert here is not None
        await pilot.press("n")
        assert lines._here != here
        await pilot.press("N")
        assert lines._here == here
        await until(pilot, lambda: f"step {here} Loss" in painted(app))
        top = lines.scroll_offset.y
        with log.open("a") as file:
            file.write("2026-11-22 16:00:11 r5-s0 step 1000\n")
        await until(pilot, lambda: "12 matches" in title(app))
        assert lines.scroll_offset.y == top, "who has scrolled away is left there"
        await pilot.press("end")
        await until(pilot, lambda: "step 1000" in painted(app))

        await pilot.press("tab")
        await until(pilot, lambda: "log of the supervisor" in title(app))
        await until(pilot, lambda: "held-out 1.9483" in painted(app))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, LogDialog))


async def test_a_run_without_a_log_says_so_and_escape_leaves_the_search_first(tmp_path: Path) -> None:
    record_sweep(tmp_path, UNDER_WAY)
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(50, 20)) as pilot:
        await shown(pilot)
        await opened(pilot, 0)
        await until(pilot, lambda: "no log yet" in title(app))
        await pilot.press("slash", "x", "n", "escape")
        assert isinstance(app.screen, LogDialog)
        await pilot.press("n", "N", "end", "home", "escape")
        await until(pilot, lambda: not isinstance(app.screen, LogDialog))


def test_lines_of_one_second_keep_the_order_in_which_they_were_written(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, UNDER_WAY)
    told = ["2026-11-22 16:00:01 z first", "2026-11-22 16:00:01 a second", "2026-11-22 16:00:00 late"]
    (sweep / "r5-s0" / "attempt-1" / "worker.log").write_text("\n".join(told) + "\n")
    assert list(read_sweep(sweep).log[-3:]) == [told[2], told[0], told[1]]


def test_attempts_are_told_apart_and_long_files_and_lines_are_cut(tmp_path: Path) -> None:
    run = tmp_path / "run"
    for number in (1, 2):
        (run / f"attempt-{number}").mkdir(parents=True)
        (run / f"attempt-{number}" / "worker.log").write_text(f"from {number}\n")
    tail = LogTail(tmp_path, "run")
    assert tail.poll()
    assert tail.lines == ["from 1", "--- attempt-2", "from 2"]
    assert not tail.poll()
    with (run / "attempt-2" / "worker.log").open("a") as file:
        file.write("x" * 5000 + "\nhalf")
    assert tail.poll()
    assert [len(line) for line in tail.lines] == [6, 13, 6, LONGEST]
    assert not tail.left_out
    (run / "attempt-1" / "worker.log").write_text("y" * 99 + "\n" * 2 + "0123456789\n" * 200_000)
    later = LogTail(tmp_path, "run")
    later.poll()
    assert later.left_out


def test_upper_case_in_what_is_searched_counts() -> None:
    lines = ["Loss 1", "loss 2", "gain"]
    assert (matches(lines, "loss"), matches(lines, "Loss"), matches(lines, "")) == ([0, 1], [0], [])
