"""The whole of it in a real pseudo-terminal: a ladder trains, the app is killed, another one finds the run whole."""

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pexpect
import psutil
import pyte
import pytest

from scaling_tui.runs import latest_request, make_request, read_sweep
from tests.conftest import interruptible, record_sweep

WIDTH, HEIGHT = 80, 24
TITLES = ("HOME", "LAB", "LIVE", "LAW", "PLAN", "TRACE", "PIPE", "LEARN", "QUIZ")


class Terminal:
    """A process in a pseudo-terminal and the screen that it has painted."""

    def __init__(self, *args: str, cwd: Path, env: Mapping[str, str] | None = None) -> None:
        terminal = {"TERM": "xterm-256color", "COLUMNS": str(WIDTH), "LINES": str(HEIGHT)}
        environment = {**os.environ, **terminal, **(env or {})}
        self.process = pexpect.spawn(
            sys.executable,
            ["-m", "scaling_tui", *args],
            dimensions=(HEIGHT, WIDTH),
            env=environment,
            cwd=str(cwd),
            preexec_fn=interruptible,
        )
        self.written = b""  # every byte that reached the terminal
        self._screen = pyte.Screen(WIDTH, HEIGHT)
        self._stream = pyte.ByteStream(self._screen)

    def read(self) -> str:
        """The screen as text, once all that waits to be painted is."""
        while True:
            try:
                new = self.process.read_nonblocking(1 << 16, timeout=0.1)
                self.written += new
                self._stream.feed(new)
            except (pexpect.TIMEOUT, pexpect.EOF):
                return "\n".join(self._screen.display)

    def wait_for(self, reached: Callable[[str], bool], seconds: float = 90) -> str:
        deadline = time.monotonic() + seconds
        while not reached(screen := self.read()):
            assert time.monotonic() < deadline, f"not reached; the screen is\n{screen}"
        return screen

    def ends(self, seconds: float = 10) -> None:
        self.wait_for(lambda _: not self.process.isalive(), seconds)


def test_killing_the_app_harms_no_run_and_opening_it_again_shows_everything(tiny: Path, tmp_path: Path) -> None:
    runs = str(tmp_path / "runs")
    app = Terminal("run", str(tiny), "--app", "--runs", runs, "--jobs", "2", "--device", "cpu", cwd=tmp_path)
    app.wait_for(lambda screen: "tiny" in screen and "▶" in screen)
    app.process.kill(signal.SIGKILL)
    app.ends()

    again = Terminal("--runs", runs, cwd=tmp_path)
    again.wait_for(lambda screen: "tiny" in screen)
    again.process.send("3")
    screen = again.wait_for(lambda screen: "tiny · finished" in screen and "measured" in screen)
    assert all(f"✓ {rung}" in screen for rung in "abcd")
    assert "predicted before it ran" in screen
    again.process.send("q")
    again.ends()
    assert again.process.exitstatus == 0

    view = read_sweep(tmp_path / "runs" / "tiny")
    assert [(run.state, run.attempts) for run in view.runs] == [("finished", 1)] * 4
    for run in view.runs:
        steps = list(run.curve["step"])
        assert steps == sorted(set(steps))
        assert run.curve.last("tokens") == run.tokens


def test_bars_are_shown_on_a_terminal_and_ctrl_c_asks(tiny: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    args = ("run", str(tiny), "--runs", str(runs), "--jobs", "2", "--device", "cpu", "--set", "tokens=20_000_000")
    watched = Terminal(*args, cwd=tmp_path)
    watched.wait_for(lambda screen: "tok/s" in screen and "━" in screen)
    watched.process.sendintr()
    watched.wait_for(lambda screen: "[s]top it, [l]eave it running, or [w]atch?" in screen)
    watched.process.send("l\r")
    watched.ends()
    assert watched.process.exitstatus == 130
    sweep = runs / "tiny"
    assert latest_request(sweep) is None
    assert read_sweep(sweep).state == "running"
    make_request(sweep, "stop")
    deadline = time.monotonic() + 60
    while read_sweep(sweep).state == "running":
        assert time.monotonic() < deadline


def test_when_the_terminal_goes_away_the_app_ends_by_itself(tmp_path: Path) -> None:
    app = Terminal("--runs", str(tmp_path), cwd=tmp_path)
    app.wait_for(lambda screen: "Train the ladder quickstart" in screen)
    process = psutil.Process(app.process.pid)
    app.process.close(force=False)
    process.wait(timeout=2)


def test_it_ends_with_its_terminal_also_where_no_signal_tells_it(tmp_path: Path) -> None:
    """A process of another session gets no SIGHUP, and a read of its dead terminal returns at once, for ever."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "scaling_tui", "--runs", str(tmp_path)]
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
    app = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, env=environment)
    os.close(theirs)
    seen = b""
    while b"quickstart" not in seen:
        seen += os.read(ours, 1 << 16)
    os.close(ours)
    assert app.wait(timeout=5) == -signal.SIGHUP


def test_asked_to_end_it_leaves_the_terminal_in_order(tmp_path: Path) -> None:
    app = Terminal("--runs", str(tmp_path), cwd=tmp_path)
    app.wait_for(lambda screen: "Train the ladder quickstart" in screen)
    app.process.kill(signal.SIGTERM)
    written = b""
    while app.process.isalive() or b"[?1049l" not in written:
        try:
            written += app.process.read_nonblocking(1 << 16, timeout=0.1)
        except pexpect.TIMEOUT:
            continue
        except pexpect.EOF:
            break
    assert b"[?1049l" in written
    assert b"[?25h" in written
    app.ends()
    assert app.process.exitstatus == 128 + signal.SIGTERM


@pytest.mark.parametrize(("locale", "ascii_only"), [("C", True), ("C.UTF-8", False), ("de_DE.ISO-8859-1", True)])
def test_a_locale_without_utf_8_gets_ascii(tmp_path: Path, locale: str, ascii_only: bool) -> None:
    record_sweep(tmp_path, ["finished"] * 7)
    app = Terminal("--runs", str(tmp_path), cwd=tmp_path, env={"LC_ALL": locale})
    screen = app.wait_for(lambda screen: "quickstart" in screen)
    assert screen.isascii() == ascii_only
    app.process.send("q")
    app.ends()


def test_a_dumb_terminal_is_told_in_one_line(tmp_path: Path) -> None:
    app = Terminal("--runs", str(tmp_path), cwd=tmp_path, env={"TERM": "dumb"})
    screen = app.wait_for(lambda screen: "TERM=dumb" in screen)
    assert "needs a terminal that can move its cursor" in " ".join(screen.split())
    app.ends()
    assert app.process.exitstatus == 2


def test_dragging_the_window_leaves_every_screen_calm_and_answering(tmp_path: Path) -> None:
    record_sweep(tmp_path, ["finished"] * 7)
    app = Terminal("--runs", str(tmp_path), cwd=tmp_path)
    app.wait_for(lambda screen: "HOME" in screen)
    for key in "123456789":
        app.process.send(key)
        app.wait_for(lambda screen, title=TITLES[int(key) - 1]: title in screen.splitlines()[0])  # type: ignore[misc]
        for turn in range(27):
            app.process.setwinsize(HEIGHT + turn % 5, WIDTH + 3 * (turn % 9))
            with contextlib.suppress(pexpect.TIMEOUT):
                app.process.read_nonblocking(1 << 20, timeout=0.015)
        app.process.setwinsize(HEIGHT, WIDTH)
        app.process.send("?")
        app.wait_for(lambda screen: "esc closes" in screen)
        app.process.send("\x1b")
        app.wait_for(lambda screen: "esc closes" not in screen)
    app.process.send("q")
    app.ends()


def test_a_process_that_the_app_writes_to_may_die(tmp_path: Path) -> None:
    """A broken pipe is an error to show; with the default of SIGPIPE it would end the app."""
    app = Terminal("--runs", str(tmp_path), cwd=tmp_path)
    app.wait_for(lambda screen: "Train the ladder quickstart" in screen)
    app.process.kill(signal.SIGPIPE)
    app.process.send("?")
    app.wait_for(lambda screen: "esc closes" in screen)
    app.process.send("\x1b")
    app.wait_for(lambda screen: "esc closes" not in screen)
    app.process.send("q")
    app.ends()
