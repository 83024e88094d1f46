"""The commands that steer what waits and tell what happens: `next`, `--notify`, `--bell`."""

from pathlib import Path

import pytest

from scaling_tui.runs.requests import make_request, moved_up
from tests.cli.conftest import Command
from tests.conftest import FINISHED, record_sweep

UNDER_WAY = ["finished", "running", *["queued"] * 5]


def test_next_moves_a_waiting_run_up_and_says_where_it_cannot(command: Command, tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, UNDER_WAY)
    status, _, err = command("next", "--run", "r4-s0", "--runs", tmp_path)
    assert (status, err) == (0, "r4-s0 trains next, once a slot is free\n")
    command("next", "--run", "r3-s0", "--runs", tmp_path)
    assert moved_up(sweep)["r3-s0"] > moved_up(sweep)["r4-s0"]
    make_request(sweep, "stop", "r4-s0")
    assert "r2-s0 is running, want a waiting run" in command("next", "--run", "r2-s0", "--runs", tmp_path)[2]
    status, _, err = command("next", "--runs", tmp_path)
    assert (status, err) == (
        2, "scaling-tui: --run: missing; waiting in quickstart: r3-s0, r4-s0, r5-s0, r6-s0, r7-s0\n",
    )  # fmt: skip
    assert command("next", "--run", "r9", "--runs", tmp_path)[0] == 2


def test_nothing_is_next_in_a_sweep_that_is_over(command: Command, tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, FINISHED)
    assert "quickstart is finished, want" in command("next", "--run", "r4-s0", "--runs", tmp_path)[2]
    assert not moved_up(sweep)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["attach", "--notify", "no-such-program x"], "--notify 'no-such-program': no such program"),
        (["attach", "--notify", "'open"], "No closing quotation"),
        (["attach", "--app", "--notify", "true"], "--notify: found with --app, want one of them"),
        (["resume", "--detach", "--notify", "true"], "--notify: found with --detach, want one of them"),
        (["run", "quickstart", "--dry-run", "--notify", "true"], "--notify: found with --dry-run, want one of them"),
    ],
)
def test_a_notify_that_cannot_be_is_told_before_anything_starts(
    command: Command, tmp_path: Path, options: list[str], told: str
) -> None:
    record_sweep(tmp_path, FINISHED)
    status, _, err = command(*options, "--runs", tmp_path)
    assert status == 2
    assert told in err


def test_attach_tells_nothing_of_what_is_over(command: Command, tmp_path: Path) -> None:
    record_sweep(tmp_path / "runs", FINISHED)
    script = tmp_path / "told"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/was\n")
    script.chmod(0o755)
    assert command("attach", "--notify", script, "--no-plot", "--runs", tmp_path / "runs")[0] == 0
    assert not (tmp_path / "was").exists()
