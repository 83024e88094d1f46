"""Axes and single runs from the app: zoom, limits, far-off values; delete, undo, train again; a report; any metric."""

import json
from pathlib import Path

import numpy as np
import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from scaling_tui.plots.drawing import plain
from scaling_tui.runs import Writer, create_sweep, latest_request, read_sweep
from scaling_tui.runs.metrics import AXES, KNOWN
from scaling_tui.tui.app import ScalingApp
from scaling_tui.tui.widgets.ask import Ask
from scaling_tui.tui.widgets.plot import Plot
from scaling_tui.tui.widgets.run_table import RunTable
from tests.conftest import FINISHED, record_sweep, trained_sweep
from tests.tui.conftest import choices, choose, settled, shown, until

UNDER_WAY = [*["finished"] * 4, "running", "running", "queued"]


def data_of(plot: Plot) -> tuple[float, float, float, float]:
    axes = plot.axes
    assert axes is not None
    x, y = axes
    return x.value(0.0), x.value(1.0), y.value(0.0), y.value(1.0)


def told(pilot: Pilot[None]) -> str:
    return "\n".join(notification.message for notification in pilot.app._notifications)


async def typed(pilot: Pilot[None], text: str) -> None:
    """Types into the dialog that is about to open, in place of what stands there, and enters it."""
    await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
    pilot.app.screen.query_one(Input).value = text
    await pilot.press("enter")
    await pilot.pause()


def spiked(runs: Path, states: list[str] = FINISHED) -> Path:
    """A recorded sweep, in whose third run a loss is far off for one record."""
    sweep = record_sweep(runs, states)
    path = sweep / "r3-s0" / "attempt-1" / "metrics.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    records[30]["val_loss"] = records[30]["loss"] = 1e6
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return sweep


async def test_a_spike_is_cut_off_marked_and_shown_by_a_key(tmp_path: Path) -> None:
    spiked(tmp_path)
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(100, 30)) as pilot:
        await shown(pilot)
        for _ in range(3):  # to losses as they were recorded
            await pilot.press("s")
        await settled(pilot)
        plot = app.screen.query_one("#curves", Plot)
        assert data_of(plot)[3] < 10
        assert "▲" in plain(plot._rows)
        assert "1 value off the plot" in plain(plot._rows)
        await pilot.press("A")
        await settled(pilot)
        assert data_of(plot)[3] > 1e6
        assert "▲" not in plain(plot._rows)
        await pilot.press("A")
        assert data_of(plot)[3] < 10


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_sweep(tmp_path_factory.mktemp("trained"))


@pytest.mark.parametrize("mode", ["live", "law", "plan", "pipeline"])
async def test_the_same_keys_zoom_pan_and_reset_on_every_screen_with_a_plot(
    tmp_path: Path, mode: str, request: pytest.FixtureRequest
) -> None:
    runs: Path = request.getfixturevalue("trained") if mode == "pipeline" else tmp_path
    if mode != "pipeline":
        record_sweep(tmp_path, FINISHED)
    async with ScalingApp(runs, "words" if mode == "pipeline" else None, mode=mode).run_test(size=(100, 40)) as pilot:
        await until(pilot, lambda: bool(pilot.app.screen.query(Plot)))
        plot = pilot.app.screen.query(Plot).first()
        await until(pilot, lambda: bool(plot.figure.series) and plot.axes is not None)
        await settled(pilot)
        begin = data_of(plot)
        await pilot.press("plus")
        near = data_of(plot)
        assert begin[0] < near[0] < near[1] < begin[1]
        await pilot.press("L")
        assert data_of(plot)[0] > near[0]
        await pilot.press("H", "K")
        assert data_of(plot)[2] > near[2] - abs(near[2]) * 1e-9
        await pilot.press("minus")
        await pilot.press("asterisk")
        assert data_of(plot) == begin
        await pilot.press("equals_sign")
        low, high = near[0], near[1]
        await typed(pilot, f"x {low!r}:{high!r}  y {begin[2]!r}:")
        assert data_of(plot)[:3] == pytest.approx((low, high, begin[2]))
        assert "zoomed" in plain(plot._rows)
        await pilot.press("equals_sign")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        assert pilot.app.screen.query_one(Input).value.startswith("x "), "what is set can be changed"
        await typed(pilot, "x 5")
        assert isinstance(pilot.app.screen, Ask)
        assert "want x LOW:HIGH" in str(pilot.app.screen.query_one("#mistake", Static).render())
        await typed(pilot, "")
        assert data_of(plot) == begin


async def test_limits_stay_while_a_run_trains_and_leave_with_the_sweep(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, UNDER_WAY)
    record_sweep(tmp_path, FINISHED, "another")
    app = ScalingApp(tmp_path, "quickstart", mode="live")
    async with app.run_test(size=(100, 30)) as pilot:
        await shown(pilot)
        plot = app.screen.query_one("#curves", Plot)
        await pilot.press("equals_sign")
        await typed(pilot, "x 100k:300k")
        before = data_of(plot)
        assert before[:2] == pytest.approx((1e5, 3e5))
        with (sweep / "r5-s0" / "attempt-1" / "metrics.jsonl").open("a") as file:
            file.write('{"step": 41, "tokens": 470000, "loss": 1.7}\n')
        await until(pilot, lambda: max(series.x.max() for series in plot.figure.series) > 1.0e6)
        await until(pilot, lambda: any(series.x.max() == 470_000 for series in plot.figure.series))
        assert data_of(plot)[:2] == before[:2]
        await pilot.press("v", "v")
        assert data_of(plot)[:2] == before[:2], "x is the same with another metric"
        app.sweep = "another"
        await until(pilot, lambda: "another" in str(app.screen.query_one("#where", Static).render()))
        await until(pilot, lambda: not plot.limits.is_set)
        assert data_of(plot)[1] > 1e6


async def at(pilot: Pilot[None], run: str) -> None:
    table = pilot.app.screen.query_one(RunTable)
    for _ in range(20):
        if table.run_name == run:
            return
        await pilot.press("down")
    raise AssertionError(f"{run} is not listed")


def listed(pilot: Pilot[None]) -> list[str]:
    return [row.run for row in pilot.app.screen.query_one(RunTable).rows]


async def test_a_run_is_deleted_and_brought_back_by_keys(tmp_path: Path) -> None:
    record_sweep(tmp_path, UNDER_WAY)
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await at(pilot, "r2-s0")
        await pilot.press("d")
        await until(pilot, lambda: "r2-s0" not in listed(pilot))
        assert "Deleted r2-s0 of quickstart; ctrl+z brings it back." in told(pilot)
        await until(pilot, lambda: "3 runs" in str(app.screen.query_one("#law", Static).render()))
        plot = app.screen.query_one("#curves", Plot)
        assert "r2" not in [series.label for series in plot.figure.series]
        await pilot.press("ctrl+z")
        await until(pilot, lambda: len(listed(pilot)) == 7)
        assert "Brought back r2-s0" in told(pilot)
        await at(pilot, "r5-s0")
        await pilot.press("d")
        await until(pilot, lambda: "run r5-s0: still training" in told(pilot))
        assert len(read_sweep(tmp_path / "quickstart").runs) == 7


async def test_a_run_is_trained_again_by_a_key_after_a_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []

    def rerun(sweep: Path, run: str) -> None:
        asked.append((sweep.name, run))

    monkeypatch.setattr("scaling_tui.tui.run_keys.rerun", rerun)
    sweep = record_sweep(tmp_path, ["finished", "failed", "stopped", "diverged", "running", "queued", "queued"])
    path = sweep / "sweep.json"
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        for run in ("r1-s0", "r2-s0", "r3-s0", "r4-s0"):
            await at(pilot, run)
            await pilot.press("R")
            await choose(pilot, run)
            await until(pilot, lambda run=run: (path.parent.name, run) in asked)  # type: ignore[misc]
        await pilot.press("R")
        await until(pilot, lambda: choices(pilot) == ["", "r4-s0"])
        await pilot.press("escape")
        await at(pilot, "r5-s0")
        await pilot.press("R")
        await until(pilot, lambda: "r5-s0: still training" in told(pilot))
        await at(pilot, "r6-s0")
        await pilot.press("R")
        await until(pilot, lambda: "r6-s0: has not begun" in told(pilot))
        assert len(asked) == 4


async def test_a_run_and_a_sweep_pause_by_keys(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, UNDER_WAY)
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        for run in ("r5-s0", "r7-s0"):  # one that trains and one that waits
            await at(pilot, run)
            await pilot.press("t")
            await choose(pilot, run)
            await until(pilot, lambda run=run: latest_request(sweep, run) == "stop")  # type: ignore[misc]
        assert latest_request(sweep, "r6-s0") is None
        await pilot.press("0")
        await until(pilot, lambda: bool(app.screen.query("#sweeps")))
        await settled(pilot)
        await pilot.press("p")
        await until(pilot, lambda: latest_request(sweep) == "stop")
        assert "Asked quickstart to stop, with checkpoints" in told(pilot)


@pytest.mark.parametrize("mode", ["live", "sweeps"])
async def test_the_report_is_written_where_one_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    record_sweep(tmp_path / "runs", FINISHED)
    app = ScalingApp(tmp_path / "runs", mode=mode)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: bool(app.screen.query("#where")))
        await settled(pilot)
        await pilot.press("E")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        assert app.screen.query_one(Input).value == "quickstart-report.html"
        await typed(pilot, "mine.txt")
        assert "want a name that ends in .html or .md" in str(app.screen.query_one("#mistake", Static).render())
        await typed(pilot, "~nobody-is-called-so/mine.html")
        assert "this user has no home folder" in str(app.screen.query_one("#mistake", Static).render())
        await typed(pilot, "quickstart-report.html")
        await until(pilot, lambda: "Written: " in told(pilot))
        path = tmp_path / "here" / "quickstart-report.html"
        assert f"Written: {path}" in told(pilot)
        assert path.read_text().startswith("<!DOCTYPE html>")
        await pilot.press("E")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        assert app.screen.query_one(Input).value == "quickstart-report-2.html"
        await typed(pilot, "quickstart-report.html")
        assert "exists already, want a new name" in str(app.screen.query_one("#mistake", Static).render())


async def test_every_metric_that_was_recorded_can_be_chosen(tmp_path: Path) -> None:
    others = ["accuracy", "eval/mmlu", "eval/gsm8k [5-shot]", "loss*", "größe", "a" * 120, "0"]
    every = [*(name for name in KNOWN if name not in AXES), *others]
    sweep = create_sweep(tmp_path, "wide", {})
    for number in (1, 2):
        with Writer(sweep / f"run{number}", config={"params": number * 1000}) as writer:
            for step in range(1, 21):
                values = {name: number + np.log(step + place) for place, name in enumerate(every)}
                writer.log(step=step, tokens=step * 100, **values)
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(140, 40)) as pilot:
        await until(pilot, lambda: len(listed(pilot)) == 2)
        await settled(pilot)
        plot = app.screen.query_one("#curves", Plot)
        seen = set()
        for _ in every:
            assert len(plot.figure.series) == 2
            assert plot.axes is not None
            seen.add(plot.figure.y_name)
            await pilot.press("v")
        assert seen == {KNOWN[name].name if name in KNOWN else name for name in every}
        for name in every:
            await pilot.press("f")
            await choose(pilot, name)
            await until(pilot, lambda name=name: plot.figure.y_name in (name, KNOWN.get(name, KNOWN["loss"]).name))  # type: ignore[misc]
            assert len(plot.figure.series) == 2
