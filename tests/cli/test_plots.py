"""Plots that commands print: on a terminal, where they are asked for, and never beside a JSON document."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from tests.conftest import FINISHED, record_sweep

COMMANDS = [
    (("fit", "quickstart"), ("loss, nats/token · x N", "r7", "●")),
    (("plan", "--flops", "1e21"), ("loss of the optimal run", "besiroglu2024", "◆")),
    (("attach", "quickstart"), ("train loss", "held-out loss", "r7", "●")),
]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    record_sweep(tmp_path, FINISHED)
    return tmp_path


def command(runs: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SCALING_TUI_RUNS": str(runs), "COLUMNS": "100"}
    return subprocess.run(
        [sys.executable, "-m", "scaling_tui", *arguments], check=False, capture_output=True, text=True, env=environment
    )


def on_a_terminal(runs: Path, *arguments: str, **environment: str) -> str:
    known = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS")}
    known |= {"SCALING_TUI_RUNS": str(runs), "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **environment}
    run = ["-m", "scaling_tui", *arguments]
    child = pexpect.spawn(sys.executable, run, dimensions=(40, 72), env=known, encoding="utf-8", timeout=120)
    told = str(child.read())
    child.close()
    assert child.exitstatus == 0, told
    return told


@pytest.mark.parametrize(("arguments", "wanted"), COMMANDS)
def test_a_plot_follows_the_text_where_it_is_asked_for(
    runs: Path, arguments: tuple[str, ...], wanted: tuple[str, ...]
) -> None:
    text = command(runs, *arguments).stdout
    done = command(runs, *arguments, "--plot")
    assert done.returncode == 0
    assert done.stdout.startswith(text + "\n"), "what is printed without a plot is printed first"
    plot = done.stdout.removeprefix(text + "\n")
    assert all(word in plot for word in wanted)
    assert "\x1b" not in done.stdout, "no colour where there is no terminal"
    assert max(map(len, plot.split("\n"))) in range(80, 101)
    assert "┤" not in text


@pytest.mark.parametrize(("arguments", "wanted"), COMMANDS)
def test_with_json_there_is_one_document_and_no_plot(
    runs: Path, arguments: tuple[str, ...], wanted: tuple[str, ...]
) -> None:
    json.loads(command(runs, *arguments, "--json").stdout)
    both = command(runs, *arguments, "--json", "--plot")
    assert (both.returncode, both.stdout) == (2, "")
    assert both.stderr == "scaling-tui: --plot: found with --json, want one of them\n"


def test_on_a_terminal_a_plot_is_drawn_unless_it_is_declined(runs: Path) -> None:
    plan = ("plan", "--flops", "1e21")
    drawn = on_a_terminal(runs, *plan)
    assert "┤" in drawn and "⠤" in drawn
    assert "\x1b[38;5;" in drawn, "in colour"
    assert "┤" not in on_a_terminal(runs, *plan, "--no-plot")
    colourless = on_a_terminal(runs, *plan, NO_COLOR="1")
    assert "┤" in colourless and "\x1b[38;" not in colourless


@pytest.mark.parametrize("how", [("--ascii",), ()])
def test_ascii_is_kept_to(runs: Path, how: tuple[str, ...]) -> None:
    drawn = on_a_terminal(runs, *how, "plan", "--flops", "1e21", **({} if how else {"LC_ALL": "C"}))
    plot = drawn.partition("loss of the optimal run")[2]
    assert "besiroglu2024" in plot and "***" in plot
    assert plot.partition("3e22")[0].isascii()


def test_a_run_ends_with_its_curves_and_its_law(tiny: Path, tmp_path: Path) -> None:
    done = command(tmp_path / "runs", "run", str(tiny), "--device", "cpu", "--plot")
    assert done.returncode == 0, done.stderr
    report, _, plot = done.stdout.partition("\ntrain loss, nats")
    assert "┤" not in report
    assert "held-out loss, nats/token · x N" in plot
    assert plot.count("└") == 2


def test_limits_of_the_axes_are_options_and_ask_for_the_plot(runs: Path) -> None:
    done = command(runs, "attach", "quickstart", "--xlim", "500k:", "--ylim", ":2")
    assert done.returncode == 0
    curves, law = done.stdout.split("train loss")[1].split("held-out loss")
    ticks = curves.splitlines()[-1].split()
    assert ticks[0] == "500k"
    assert "1M" in ticks
    assert "zoomed" in curves
    assert "10k" in law, "the law has its own axes"
    assert "100k" in command(runs, "fit", "quickstart", "--xlim", "20k:100k").stdout.splitlines()[-1]
    assert "zoomed" in command(runs, "plan", "--flops", "1e21", "--ylim", "2:3").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("attach", "--xlim", "5"), "--xlim: found '5', want LOW:HIGH, such as 1e5:10M, or one of the ends"),
        (("fit", "quickstart", "--ylim", "3:2"), "--ylim: found 3 to 2, want the lower end first"),
        (("fit", "quickstart", "--ylim", "x:2"), "--ylim: cannot read 'x' as a number"),
        (("plan", "--flops", "1e21", "--xlim", "1:2", "--json"), "--xlim, --ylim: found with --json, want one of them"),
        (("attach", "--xlim", "1:2", "--no-plot"), "--xlim, --ylim: found with --no-plot, want one of them"),
        (("export", "--xlim", "1:2"), "--xlim, --ylim: found with csv, want them with svg, png or pdf"),
    ],
)
def test_limits_that_are_none_are_told_in_a_line(runs: Path, arguments: tuple[str, ...], said: str) -> None:
    done = command(runs, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"scaling-tui: {said}")
    assert done.stderr.count("\n") == 1
