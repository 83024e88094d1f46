"""Runs `scaling-tui ARGS…` in this process, with its sweeps in a folder of the test."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest

from scaling_tui.cli import app as cli
from scaling_tui.runs import SweepView, read_sweep


class Command(Protocol):
    """Status, stdout and stderr of a command."""

    def __call__(self, *args: object) -> tuple[int, str, str]: ...


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, runs: Path) -> Command:
    def run(*args: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["scaling-tui", "--runs", str(runs), *map(str, args)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, captured.out, captured.err

    return run


@pytest.fixture
def imported(command: Command, runs: Path) -> Callable[..., tuple[SweepView, dict[str, Any]]]:
    """Imports with these arguments; the sweep, and what `--json` says of it."""

    def run(*args: object) -> tuple[SweepView, dict[str, Any]]:
        status, out, err = command("import", *args, "--json")
        assert status == 0, err
        document = json.loads(out)
        return read_sweep(runs / document["sweep"]), document

    return run


def wait_for(reached: Callable[[], bool], what: str, seconds: float = 90) -> None:
    """Looks again and again until something is so."""
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, f"not reached: {what}"
        time.sleep(0.02)
