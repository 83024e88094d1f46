"""The law screen: the fit that the command prints, points dropped and restored, other laws, residuals, valleys."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from scaling_tui.plots.figures import DOTTED, Figure
from scaling_tui.runs import Writer, create_sweep
from scaling_tui.tui.app import ScalingApp
from scaling_tui.tui.screens.law import LawScreen
from scaling_tui.tui.widgets.choose import Choose
from scaling_tui.tui.widgets.plot import Plot
from scaling_tui.tui.widgets.run_table import RunTable
from tests.conftest import FINISHED, record_grid, record_sweep
from tests.tui.conftest import choices, choose, until


def words(app: ScalingApp) -> str:
    return str(app.screen.query_one("#words PlainText", Static).render())


def where(app: ScalingApp) -> str:
    return str(app.screen.query_one("#where", Static).render())


def figure(app: ScalingApp) -> Figure:
    return app.screen.query_one("#plot", Plot).figure


async def fitted(pilot: Pilot[None]) -> None:
    """Waits until what is shown is the fit of what is asked for."""
    app = pilot.app
    await until(pilot, lambda: isinstance(app.screen, LawScreen))
    screen = app.screen
    assert isinstance(screen, LawScreen)
    await until(pilot, lambda: screen._result is not None and screen._result.request == screen._request)
    await pilot.pause()


def command(runs: Path, *args: str) -> dict[str, Any]:
    environment = {**os.environ, "SCALING_TUI_RUNS": str(runs)}
    run = [sys.executable, "-m", "scaling_tui", *args, "--json"]
    found: dict[str, Any] = json.loads(subprocess.run(run, env=environment, check=True, stdout=subprocess.PIPE).stdout)
    return found


async def test_it_shows_the_fit_that_the_command_prints(tmp_path: Path) -> None:
    record_sweep(tmp_path, FINISHED)
    printed = command(tmp_path, "fit", "quickstart")
    app = ScalingApp(tmp_path, mode="law")
    async with app.run_test(size=(80, 24)) as pilot:
        await fitted(pilot)
        for name, value in printed["coefficients"].items():
            assert f"{value:.4g}" in words(app), name
            assert f"{printed['intervals'][name][0]:.4g}" in words(app)
        for warning in printed["warnings"]:
            assert warning[:40] in words(app)
        named = {one.name for one in figure(app).series}
        assert {"law", "law beyond", "low", "high"} <= named
        beyond = next(one for one in figure(app).series if one.name == "law beyond")
        assert beyond.mark == DOTTED
        assert beyond.x[-1] == pytest.approx(10 * 443_232)
        assert [one.label for one in figure(app).series if one.mark in ("●", "▲")] == [f"r{k}" for k in range(1, 8)]


async def test_a_run_left_out_by_key_row_or_point_moves_the_fit_and_comes_back(tmp_path: Path) -> None:
    record_sweep(tmp_path, FINISHED)
    app = ScalingApp(tmp_path, mode="law")
    async with app.run_test(size=(80, 24)) as pilot:
        await fitted(pilot)
        whole = words(app)
        assert "7 points" in whole
        await pilot.press("down", "space")
        await fitted(pilot)
        assert "6 points" in words(app)
        assert "without r2" in where(app)
        assert [one.label for one in figure(app).series if one.mark == "○"] == ["r2"]
        assert "out" in app.screen.query_one(RunTable).rows[1].cells[-1]
        await pilot.press("space")
        await fitted(pilot)
        assert words(app) == whole
        await pilot.click(RunTable, offset=(3, 4))  # puts the cursor there
        await pilot.click(RunTable, offset=(3, 4))
        await until(pilot, lambda: "without r4" in where(app))
        await fitted(pilot)
        plot = app.screen.query_one("#plot", Plot)
        frame = plot._drawn().frame
        assert frame is not None
        await pilot.click(plot, offset=(frame.column_of(57_880.0), 5))
        await until(pilot, lambda: "without" not in where(app))


async def test_law_convention_and_view_are_chosen_by_key(tmp_path: Path) -> None:
    record_sweep(tmp_path, FINISHED)
    app = ScalingApp(tmp_path, mode="law")
    async with app.run_test(size=(80, 24)) as pilot:
        await fitted(pilot)
        await pilot.press("n")
        await fitted(pilot)
        assert "N all" in words(app)
        assert "N all" in figure(app).title
        await pilot.press("f")
        await choose(pilot, "kaplan-n")
        await fitted(pilot)
        assert "alpha_N" in words(app)
        await pilot.press("v")
        assert figure(app).title.startswith("measured above the law, %")
        await pilot.press("v", "v")
        assert figure(app).title.startswith("loss")


async def compared(pilot: Pilot[None]) -> None:
    """Waits until the comparison of the laws on the points that are shown is there."""
    await until(pilot, lambda: "best in the sample: " in words(cast("ScalingApp", pilot.app)))
    await pilot.pause()


async def test_laws_are_compared_as_the_command_compares_them(tmp_path: Path) -> None:
    record_sweep(tmp_path, FINISHED)
    printed = command(tmp_path, "fit", "quickstart", "--compare")
    app = ScalingApp(tmp_path, mode="law")
    async with app.run_test(size=(120, 40)) as pilot:
        await fitted(pilot)
        await pilot.press("c")
        await compared(pilot)
        for row in printed["compare"]:
            line = next(line for line in words(app).splitlines() if line.startswith(row["law"]))
            assert f"{row['loo']:.2%}".replace("%", " %") in line
            assert f"{row['holdout_mape']:.2%}".replace("%", " %") in line
        best = printed["compared"]["best_beyond"]
        assert f"best beyond it: {best}" in words(app)
        assert figure(app).title.startswith("mean error on larger runs, %")
        assert {one.name for one in figure(app).series if one.name} == {row["law"] for row in printed["compare"]}
        await pilot.press("down", "space")  # without r2 the laws are compared anew
        await fitted(pilot)
        await until(pilot, lambda: "6 points" in words(app))
        await pilot.press("c")
        await until(pilot, lambda: figure(app).title.startswith("loss"))
        assert "6 points" in words(app)


async def test_a_comparison_of_too_few_runs_says_so(tmp_path: Path) -> None:
    record_sweep(tmp_path, [*["finished"] * 4, *["queued"] * 3])
    app = ScalingApp(tmp_path, mode="law")
    async with app.run_test(size=(80, 24)) as pilot:
        await fitted(pilot)
        await pilot.press("c")
        await until(pilot, lambda: "4 runs for 3 coefficients, want at least 6" in words(app))
        await pilot.press("v")
        assert "estimate" in words(app)


async def test_residuals_and_influence_are_drawn_over_n_d_or_c(tmp_path: Path) -> None:
    record_grid(tmp_path)
    app = ScalingApp(tmp_path, mode="law")
    async with app.run_test(size=(120, 40)) as pilot:
        await fitted(pilot)
        await pilot.press("x")  # the law's own axis is not for choosing
        assert "x N" in figure(app).title
        await pilot.press("v")
        axes = []
        for _ in range(4):
            axes.append(figure(app).title.split(" · x ")[1].split()[0])
            await pilot.press("x")
        assert axes == ["N", "D", "C", "N"]
        await pilot.press("v", "v")
        assert figure(app).title.startswith("without this run: law at N")
        assert figure(app).title.endswith("x D")  # as chosen for the residuals
        printed = command(tmp_path, "fit", "grid")["influence"]
        first = next(line for line in words(app).splitlines() if line.startswith(printed["runs"][0]["runs"][0]))
        assert f"{printed['runs'][0]['prediction']:+.2%}".replace("%", " %") in first
        assert max(abs(one.y).max() for one in figure(app).series) == pytest.approx(
            100 * max(abs(run["prediction"]) for run in printed["runs"])
        )


async def test_a_law_that_the_points_cannot_carry_says_why(tmp_path: Path) -> None:
    record_sweep(tmp_path, ["finished", "finished", *["queued"] * 5])
    app = ScalingApp(tmp_path, mode="law")
    async with app.run_test(size=(80, 24)) as pilot:
        await fitted(pilot)
        assert "2 usable, chinchilla-n has 3 coefficients" in words(app)


async def test_a_sweep_with_sizes_at_equal_budgets_shows_its_valleys(tmp_path: Path) -> None:
    record_grid(tmp_path)
    app = ScalingApp(tmp_path, mode="law")
    async with app.run_test(size=(120, 40)) as pilot:
        await fitted(pilot)
        assert len({one.name for one in figure(app).series if one.name.startswith("D ")}) >= 3
        await pilot.press("v", "v")
        assert figure(app).title.startswith("isoFLOP profiles")
        assert [one.label for one in figure(app).series if one.label] == [f"C 1.0e{k}" for k in (15, 16, 17, 18)]
        assert "isoFLOP profiles, minimum by a skewed parabola near the valley" in words(app)


async def test_without_a_finished_run_it_says_what_to_do(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path, mode="law")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "Press 2 for the Lab" in words(app))
        record_sweep(tmp_path, [*["running"] * 2, *["queued"] * 5])
        await until(pilot, lambda: "no run has finished yet. Press 3 to watch it train" in words(app))


async def test_nothing_of_another_sweep_is_shown_or_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    record_sweep(tmp_path / "runs", FINISHED, "whole")
    record_sweep(tmp_path / "runs", ["stopped", *["queued"] * 6], "begun")
    app = ScalingApp(tmp_path / "runs", "whole", mode="law")
    async with app.run_test(size=(80, 24)) as pilot:
        await fitted(pilot)
        app.sweep = "begun"
        await until(pilot, lambda: "It is stopped; press 3, then r to resume it." in words(app))
        assert figure(app).series == ()
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        await until(pilot, lambda: choices(pilot) == ["screen"])
        await pilot.press("enter")
        await until(pilot, lambda: [path.name for path in tmp_path.glob("*.svg")] == ["begun-law-screen.svg"])
    # Viewers that drop the spaces a text begins with would push what stands on the right into what is on its left.
    assert (tmp_path / "begun-law-screen.svg").read_text().startswith('<svg xml:space="preserve" ')


LOOKS = [
    ("law", (80, 24), ()),
    ("residuals", (80, 24), ("v",)),
    ("influence", (80, 24), ("v", "v")),
    ("dropped", (80, 24), ("space",)),
    ("wide", (120, 40), ()),
]


@pytest.mark.parametrize(("size", "keys"), [look[1:] for look in LOOKS], ids=[look[0] for look in LOOKS])
def test_it_looks_as_it_did(snap_compare: Any, tmp_path: Path, size: tuple[int, int], keys: tuple[str, ...]) -> None:
    record_sweep(tmp_path, FINISHED)

    async def prepare(pilot: Pilot[None]) -> None:
        await fitted(pilot)
        await pilot.press(*keys)
        await fitted(pilot)

    assert snap_compare(ScalingApp(tmp_path, mode="law"), terminal_size=size, run_before=prepare)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
def test_a_comparison_looks_as_it_did(snap_compare: Any, tmp_path: Path, size: tuple[int, int]) -> None:
    record_sweep(tmp_path, FINISHED)

    async def prepare(pilot: Pilot[None]) -> None:
        await fitted(pilot)
        await pilot.press("c")
        await compared(pilot)

    assert snap_compare(ScalingApp(tmp_path, mode="law"), terminal_size=size, run_before=prepare)


def test_valleys_look_as_they_did(snap_compare: Any, tmp_path: Path) -> None:
    record_grid(tmp_path)

    async def prepare(pilot: Pilot[None]) -> None:
        await fitted(pilot)
        await pilot.press("v", "v")
        await pilot.pause()

    assert snap_compare(ScalingApp(tmp_path, mode="law"), terminal_size=(80, 24), run_before=prepare)


async def test_of_seeds_their_mean_is_the_point_and_dropping_it_drops_them(tmp_path: Path) -> None:
    sweep = create_sweep(tmp_path, "seeds", {"fit": {"law": "kaplan-n", "params": "all"}})
    for n in (1000, 2000, 4000, 8000):
        for seed in (1, 2):
            config = {"rung": f"n{n}", "seed": seed, "params": n, "tokens": 5000}
            with Writer.create(sweep / f"n{n}-s{seed}", config) as run:
                run.log(step=1, tokens=5000, val_loss=9 * n**-0.1 + seed / 100)
    app = ScalingApp(tmp_path, mode="law")
    async with app.run_test(size=(100, 30)) as pilot:
        await fitted(pilot)
        assert "4 points, each the mean over 2 seeds" in words(app)
        marks = [series.mark for series in figure(app).series]
        assert (marks.count("●") + marks.count("▲"), marks.count("○")) == (4, 8)
        assert [series.label for series in figure(app).series if series.mark == "○"] == [""] * 8
        screen = app.screen
        assert isinstance(screen, LawScreen)
        screen._toggle("n2000")
        await fitted(pilot)
        assert screen._left_out == {"n2000-s1", "n2000-s2"}
        assert "3 points, each the mean over 2 seeds" in words(app)
        await pilot.press("space")
        await fitted(pilot)
        assert "3 points, each the mean over 1 to 2 seeds" in words(app)
