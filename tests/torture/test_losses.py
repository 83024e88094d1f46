"""Losses that are no success: not finite, above uniform guessing, jumped for good; and laws that predict nothing."""

import json
import math
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from scaling_tui import InputError
from scaling_tui.laws import Points, fit
from scaling_tui.laws.forms import LAWS
from scaling_tui.laws.planning.plan import Goal, plan_fit, plan_law
from scaling_tui.plots.curves import Choice, Curves
from scaling_tui.report.fit import sweep_source
from scaling_tui.report.sweep import report
from scaling_tui.report.sweeps import sweeps_table
from scaling_tui.runs import Writer, create_sweep, read_run, read_sweep
from scaling_tui.runs.curve import COLUMNS, Curve
from scaling_tui.runs.divergence import divergence, uniform_loss
from scaling_tui.runs.format import append_line
from scaling_tui.runs.glance import glance
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.sweeps.launch import lay_out, start_supervisor
from scaling_tui.sweeps.summary import summary, sweep_summary
from scaling_tui.sweeps.sweep_fit import fit_sweep
from tests.conftest import FINISHED, record_sweep
from tests.sweeps.waiting import over
from tests.torture.test_two_at_once import wait_for

UNIFORM = math.log(256)
HOFFMANN = {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}


def curve(loss: Sequence[float], held_out: Sequence[float] | None = None) -> Curve:
    table = np.full((len(COLUMNS), len(loss)), np.nan)
    table[COLUMNS.index("step")] = np.arange(1, len(loss) + 1)
    table[COLUMNS.index("loss")] = loss
    if held_out is not None:
        table[COLUMNS.index("val_loss")] = held_out
    table[COLUMNS.index("stands_for")] = 1
    return Curve.of(table)


def falling(n: int = 200, start: float = 5.6, end: float = 2.0, noise: float = 0.05) -> "np.ndarray":
    steps = np.arange(1, n + 1)
    rng = np.random.default_rng(0)
    return end + (start - end) * steps**-0.4 + noise * rng.standard_normal(n)


NAN = float("nan")
JUMPED = np.where(np.arange(200) < 120, falling(), 7.1)
SPIKE = np.where(abs(np.arange(200) - 120) < 6, 9.0, falling())
BACK = np.where((np.arange(200) > 100) & (np.arange(200) < 150), 6.5, falling())
OVERFITTED = 2.0 + 3.5 * np.abs(np.linspace(-1, 1, 200))


@pytest.mark.parametrize(
    ("name", "loss", "held_out", "uniform", "told"),
    [
        ("it falls", falling(), None, UNIFORM, ""),
        ("it falls, and nobody knows the vocabulary", falling(), None, None, ""),
        ("chaos from the start", 500 + 90 * falling(), None, UNIFORM, "above the 5.55 of uniform guessing"),
        ("it is untrained", falling(200, 5.6, 5.56, 0.01), None, UNIFORM, ""),
        ("it is noise at uniform guessing", UNIFORM + falling(200, 0.0, 0.0, 0.03), None, UNIFORM, ""),
        ("it jumped and stayed", JUMPED, None, None, "jumped from"),
        ("it jumped and stayed, negative", JUMPED - 20, None, None, "jumped from"),
        ("it jumped from 4 to 5 of 11", np.where(np.arange(200) < 120, falling(200, 11, 3), 5.0), None, None, "jumped"),
        ("a spike", SPIKE, None, UNIFORM, ""),
        ("it came back", BACK, None, UNIFORM, ""),
        ("its training loss is 0, its held-out loss high", falling(200, 5.6, 0, 0), [9.0] * 200, UNIFORM, ""),
        ("held-out loss alone, overfitted", [NAN] * 200, OVERFITTED, None, ""),
        ("it was warmed up again", np.where(np.arange(200) < 5, 2.3, falling(200, 2.5, 2.45)), None, UNIFORM, ""),
        ("noise around one value", 2 + falling(200, 0, 0, 0.3), None, None, ""),
        ("zero", [0.0] * 50, None, UNIFORM, ""),
        ("negative", falling() - 20, None, UNIFORM, ""),
        ("NaN from 30 % on", np.where(np.arange(200) < 60, falling(), NAN), None, UNIFORM, "not a finite number"),
        ("infinite at the end", [*falling(50), math.inf], None, UNIFORM, "not a finite number"),
        ("NaN for a moment", np.where(np.arange(200) == 60, NAN, falling()), None, UNIFORM, ""),
        ("every tenth record has a loss", np.where(np.arange(200) % 10 == 0, falling(), NAN), None, UNIFORM, ""),
        ("three records", [9.0, 9.0, 9.0], None, UNIFORM, ""),
        ("none", [], None, UNIFORM, ""),
    ],
)
def test_what_counts_as_diverged(
    name: str, loss: Sequence[float], held_out: Sequence[float] | None, uniform: float | None, told: str
) -> None:
    found = divergence(curve(loss, held_out), uniform)
    assert (told in found) if told else not found, (name, found)


def test_uniform_guessing_is_known_from_the_architecture() -> None:
    assert uniform_loss({"architecture": {"vocab": 256, "classes": None}}) == UNIFORM
    assert uniform_loss({"architecture": {"vocab": 256, "classes": 2}}) == math.log(2)
    for config in ({}, {"architecture": 3}, {"architecture": {"vocab": "x"}}, {"architecture": {"vocab": 0}}):
        assert uniform_loss(config) is None


def diverged_sweep(runs: Path) -> Path:
    """A finished sweep whose second run was trained with too high a learning rate."""
    sweep = record_sweep(runs, FINISHED)
    attempt = sweep / "r2-s0" / "attempt-1"
    config = json.loads((sweep / "r2-s0" / "run.json").read_text())
    (sweep / "r2-s0" / "run.json").write_text(json.dumps({**config, "architecture": {"vocab": 256}}))
    (attempt / "metrics.jsonl").unlink()
    for step in range(1, 41):
        record = {"step": step, "tokens": 25_000 * step, "loss": 591.0 - step}
        append_line(attempt / "metrics.jsonl", record | ({"val_loss": 7.94} if step == 40 else {}))
    return sweep


def test_a_run_above_uniform_guessing_is_in_no_law_and_named_everywhere(tmp_path: Path) -> None:
    view = read_sweep(diverged_sweep(tmp_path))
    assert [run.state for run in view.runs].index("diverged") == 1
    fitted = fit_sweep(view)
    assert fitted is not None
    assert "r2-s0" not in fitted.runs
    warning = "r2-s0 diverged and is left out of the law: its loss ends at 551, above the 5.55 of uniform guessing"
    assert warning in report(summary(view))
    assert "1 diverged" in sweeps_table([sweep_summary(view)], 1.7e9)
    source = sweep_source(view)
    assert warning in source.warnings
    assert "r2-s0" not in source.points.labels
    program = [sys.executable, "-m", "scaling_tui"]
    for command in ("attach", "fit"):
        done = subprocess.run(
            [*program, command, "quickstart", "--runs", str(tmp_path)], capture_output=True, text=True, check=False
        )
        assert "r2-s0 diverged and is left out of the law" in done.stdout + done.stderr, done


@pytest.mark.parametrize("worse", [math.nan, math.inf])
def test_another_trainers_run_that_became_nan_is_diverged(tmp_path: Path, worse: float) -> None:
    sweep = create_sweep(tmp_path, "theirs", {"summary": "another trainer's"})
    with Writer.create(sweep / "small", {"rung": "small", "params": 9, "tokens": 100}) as run:
        for step in range(1, 101):
            run.log(step=step, tokens=step, loss=2.7554 if step <= 30 else worse)
    assert json.loads((run.attempt / "status.json").read_text())["state"] == "diverged"
    # Also where the trainer said otherwise.
    run.status("finished")
    found = read_run(sweep / "small")
    assert (found.state, found.reason) == ("diverged", "its loss is not a finite number after step 30")


@pytest.mark.parametrize("values", [(0.0, 0.0), (-3.0, -4.5)])
def test_zero_and_negative_losses_are_values(tmp_path: Path, values: tuple[float, float]) -> None:
    sweep = create_sweep(tmp_path, "theirs", {"summary": "another trainer's"})
    with Writer.create(sweep / "small", {"rung": "small", "params": 9, "tokens": 100}) as run:
        for step in range(1, 41):
            run.log(step=step, tokens=step, loss=values[0] if step < 40 else values[1], val_loss=values[1])
    view = read_sweep(sweep)
    assert (view.runs[0].state, view.runs[0].loss) == ("finished", values[1])
    assert sweep_summary(view)["best"] == {"run": "small", "loss": values[1], "loss_is_held_out": True}
    assert f"{values[1]:.4f}" in report(summary(view))


def test_a_law_without_a_finite_coefficient_ends_no_sweep(tiny: Path, tmp_path: Path) -> None:
    sweep = lay_out(tmp_path / "runs", load_ladder(str(tiny), ["lr=10", "clip=0", "rungs.d.tokens=1024"]), 0, "cpu")
    for number, name in enumerate(("a", "b", "c")):
        config = json.loads((sweep / f"{name}-s0" / "run.json").read_text())
        with Writer(sweep / f"{name}-s0") as writer:
            # A slope of exp(-800): no double holds its Nc.
            writer.log(step=1, tokens=config["tokens"], loss=3.0, val_loss=3.0 + 1e-12 * number)
    start_supervisor(sweep, 2, "cpu")
    view = wait_for(sweep, over)
    assert [run.attempts for run in view.runs] == [1, 1, 1, 1], view.log
    assert any("d-s0 is not predicted: kaplan-n through 3 runs gives no finite" in line for line in view.log), view.log
    assert view.predictions == ()
    text = report(summary(view))
    assert "d-s0 is not predicted: kaplan-n through 3 runs gives no finite" in text
    assert "inf" not in text.replace("information", "")
    assert "nan" not in text


def test_a_fit_whose_coefficient_no_double_holds_is_still_drawn_and_plans_nothing(tmp_path: Path) -> None:
    sizes = np.array([1e3, 2e3, 4e3, 8e3])
    fitted = fit("kaplan-n", Points.of([3.0, 3.1, 3.0, 3.05], params=sizes), convention="all")
    assert not math.isfinite(fitted.coefficients["Nc"])
    assert fitted.loss(params=sizes) == pytest.approx(3.04, abs=0.1)
    assert np.shape(fitted.loss(params=1e3)) == ()
    with pytest.raises(InputError, match="the fit gives no finite Nc"):
        plan_fit(fitted, None, Goal(params=1e6))


def test_a_plan_of_less_than_a_token_is_one_clear_error() -> None:
    with pytest.raises(
        InputError, match=r"leaves tokens = 0\.024, less than one; want flops of at least 6·N = 4\.2e\+11"
    ):
        plan_law(LAWS["chinchilla"], HOFFMANN, Goal(params=7e10, flops=1e10))


def test_the_command_says_it_too() -> None:
    command = [sys.executable, "-m", "scaling_tui", "plan", "--params", "7e10", "--flops", "1e10"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done
    assert "less than one" in done.stderr


def test_a_jump_early_in_a_long_run_is_seen_at_a_glance_too(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "theirs", {"summary": "another trainer's"})
    losses = falling(4000)
    losses[2000:] = 7.1
    with Writer.create(sweep / "small", {"rung": "small", "params": 9, "tokens": 4000}) as run:
        for step, loss in enumerate(losses.tolist(), 1):
            run.log(step=step, tokens=step, loss=loss)
    (seen,) = glance(sweep).runs
    (whole,) = read_sweep(sweep).runs
    assert len(seen.curve) < len(whole.curve) == 4000
    assert (seen.state, whole.state) == ("diverged", "diverged")


def test_a_finished_run_without_a_loss_is_named(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, FINISHED)
    with Writer.create(sweep / "mute", {"rung": "mute", "params": 9, "tokens": 100}) as run:
        run.log(step=1, tokens=100)
    assert "mute left out: no loss recorded" in sweep_source(read_sweep(sweep)).warnings


def test_a_diverged_run_is_marked_on_the_plot(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "theirs", {"summary": "another trainer's"})
    with Writer.create(sweep / "small", {"rung": "small", "params": 9, "tokens": 200}) as run:
        for step, loss in enumerate(JUMPED.tolist(), 1):
            run.log(step=step, tokens=step, loss=loss)
    figure = Curves().figure(read_sweep(sweep), Choice())
    assert [series.label for series in figure.series] == ["small ✗"]
