"""A worker that fails is told in a line, and the app goes on."""

from pathlib import Path

import pytest

from scaling_tui import InputError
from scaling_tui.tui.app import ScalingApp
from scaling_tui.tui.services.background import OneAtATime
from scaling_tui.tui.services.failures import MOST_BYTES, failures, keep_failure
from tests.tui.conftest import until

GOES_ON = ScalingApp._handle_exception  # before a fixture takes it away


@pytest.fixture(autouse=True)
def goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends_at_a_fault: None) -> None:
    monkeypatch.setattr(ScalingApp, "_handle_exception", GOES_ON)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def told(app: ScalingApp) -> list[str]:
    return [notification.message for notification in app._notifications]


async def test_a_fault_is_told_once_its_traceback_is_kept_and_the_app_goes_on(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path)
    done: list[int] = []

    def work(number: int) -> None:
        if number < 2:
            raise KeyError("\x1b[31mrun")
        done.append(number)

    async with app.run_test(size=(80, 24)) as pilot:
        work_of_a_screen = OneAtATime(app.screen, work)
        for number in (0, 1):
            work_of_a_screen.ask(number)
            await until(pilot, lambda: not work_of_a_screen.busy)
        work_of_a_screen.ask(2)
        await until(pilot, lambda: done == [2] and bool(told(app)))
        await pilot.press("2")
        assert app.current_mode == "lab" and app.is_running
        (message,) = told(app)
    assert message.startswith("A fault of scaling-tui: KeyError: ") and str(failures()) in message
    assert "\x1b" not in message + failures().read_text()
    assert "Traceback" in failures().read_text() and 'raise KeyError("' in failures().read_text()


async def test_what_is_wrong_outside_is_told_without_a_traceback(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path)

    def work() -> None:
        raise InputError("table.csv: found no row, want one")

    async with app.run_test(size=(80, 24)) as pilot:
        app.run_worker(work, thread=True)
        await until(pilot, lambda: bool(told(app)))
        assert told(app) == ["table.csv: found no row, want one"]
    assert not failures().exists()


def test_the_file_of_faults_stays_small_and_says_if_it_cannot_be_written(tmp_path: Path) -> None:
    keep_failure(ValueError("first"))
    keep_failure(ValueError("second"))
    assert failures().read_text().count("ValueError") == 2
    failures().write_text("x" * (MOST_BYTES + 1))
    keep_failure(ValueError("third"))
    assert failures().stat().st_size < 1000
    failures().unlink()
    failures().mkdir()
    assert keep_failure(ValueError("fourth")) == f"its traceback is not saved: {failures()}: Is a directory"
