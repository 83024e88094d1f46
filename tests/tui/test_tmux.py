"""The app inside tmux, where people leave it running: keys, every size, and the way out."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import FINISHED, record_sweep

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


class Tmux:
    """A server of its own, with one window."""

    def __init__(self, folder: Path) -> None:
        self._name = f"scaling-tui-test-{os.getpid()}"
        self._environment = {
            **os.environ,
            "TERM": "screen",
            "XDG_DATA_HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder),
            "LC_ALL": "C.UTF-8",
        }

    def do(self, *arguments: str) -> str:
        command = ["tmux", "-u", "-L", self._name, "-f", "/dev/null", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=self._environment)
        return done.stdout

    def until(self, wanted: Callable[[str], bool], seconds: float = 30.0) -> str:
        """The screen, once it is as wanted."""
        end = time.monotonic() + seconds
        while not wanted(screen := self.do("capture-pane", "-p")):
            assert time.monotonic() < end, screen
            time.sleep(0.05)
        return screen


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    server = Tmux(tmp_path)
    yield server
    server.do("kill-server")


def test_the_app_lives_in_tmux(tmux: Tmux, tmp_path: Path) -> None:
    record_sweep(tmp_path / "runs", FINISHED)
    app = f"{sys.executable} -m scaling_tui --runs {tmp_path / 'runs'}; echo ended with $?; exec cat"
    tmux.do("new-session", "-d", "-x", "80", "-y", "24", app)
    tmux.until(lambda screen: "Last law" in screen)
    tmux.do("send-keys", "3")
    tmux.until(lambda screen: "held-out loss" in screen or "train loss" in screen)
    tmux.do("resize-window", "-x", "50", "-y", "20")
    narrow = tmux.until(lambda screen: "rung" in screen and len(screen.splitlines()) == 20)
    assert max(map(len, narrow.splitlines())) <= 50
    tmux.do("resize-window", "-x", "40", "-y", "10")
    tmux.until(lambda screen: "1.4479" in screen and "quickstart" in screen)
    tmux.do("resize-window", "-x", "120", "-y", "40")
    tmux.until(lambda screen: "predicted before it ran" in screen)
    tmux.do("send-keys", "F1")
    tmux.until(lambda screen: "Keys on this screen" in screen)
    tmux.do("send-keys", "Escape")
    tmux.until(lambda screen: "Keys on this screen" not in screen)
    tmux.do("send-keys", "C-q")
    tmux.until(lambda screen: "ended with 0" in screen)
