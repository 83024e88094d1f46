"""Sweeps and files side by side in the app, and files given wherever it asks for a sweep."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input
from textual.widgets._footer import FooterKey

from scaling_tui.laws import find_law, get
from scaling_tui.plots.figures import DOTTED
from scaling_tui.report.comparison.comparing import compare_sources
from scaling_tui.report.comparison.sources import open_source, with_own_names
from scaling_tui.report.comparison.words import comparison_text
from scaling_tui.runs import create_sweep
from scaling_tui.tui.app import ScalingApp
from scaling_tui.tui.compare_dialog import CompareDialog
from scaling_tui.tui.open_dialog import OpenFile
from scaling_tui.tui.screens.law import LawScreen
from scaling_tui.tui.widgets.choose import Choose
from scaling_tui.tui.widgets.line_list import LineList
from scaling_tui.tui.widgets.plot import Plot
from scaling_tui.tui.widgets.text import PlainText
from tests.conftest import FINISHED, record_grid, record_sweep
from tests.tui.conftest import choices, choose, until

SIZES = [(80, 24), (120, 40)]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    record_sweep(folder, FINISHED, "first")
    record_sweep(folder, FINISHED, "second")
    record_grid(folder, "grid")
    return folder


@pytest.fixture
def table(tmp_path: Path) -> Path:
    law, coefficients = find_law("chinchilla"), get("chinchilla:besiroglu2024").coefficients
    rows = [
        f"run{k},{n},{d},{float(law.loss(coefficients, params=n, tokens=d)) * (1 + 0.002 * (k % 3))}"
        for k, (n, d) in enumerate((n, d) for n in (1e7, 1e8, 1e9) for d in (1e9, 3e9, 1e10, 4e10))
    ]
    path = tmp_path / "mine.csv"
    path.write_text("run,N,D,loss\n" + "\n".join(rows) + "\n")
    return path


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Four trainings of another trainer's, which nobody has imported."""
    folder = tmp_path / "theirs"
    for k, size in enumerate((1e6, 4e6, 1.6e7, 6.4e7)):
        (folder / f"n{k}").mkdir(parents=True)
        (folder / f"n{k}" / "run.json").write_text(json.dumps({"params": size, "tokens": 1e8}))
        ends = [(step, 2 + 100 / size**0.3 + 3 / step) for step in range(10, 101, 10)]
        rows = [f"{step},{step * 1e6},{loss},{loss}" for step, loss in ends]
        (folder / f"n{k}" / "log.csv").write_text("step,tokens,loss,val_loss\n" + "\n".join(rows) + "\n")
    return folder


def shown(app: ScalingApp) -> str:
    """The text of the comparison that is open; empty before it is there."""
    if not isinstance(app.screen, CompareDialog):
        return ""
    return str(app.screen.query_one("#words PlainText", PlainText).render())


def told(app: ScalingApp) -> str:
    return " ".join(shown(app).split())


async def comparing(pilot: Pilot[None], ready: Callable[[str], bool]) -> None:
    app = pilot.app
    assert isinstance(app, ScalingApp)
    await until(pilot, lambda: "90 % intervals" in shown(app) and ready(shown(app)))


async def open_by_path(pilot: Pilot[None], path: Path) -> None:
    """In the dialog that asks for a sweep."""
    await until(pilot, lambda: isinstance(pilot.app.screen, Choose))
    await pilot.press("ctrl+o")
    await until(pilot, lambda: isinstance(pilot.app.screen, OpenFile))
    pilot.app.screen.query_one("#path", Input).value = str(path)
    await pilot.press("enter")
    await until(pilot, lambda: not isinstance(pilot.app.screen, OpenFile))


@pytest.mark.parametrize("size", SIZES)
async def test_marked_sweeps_are_compared_as_the_command_does(runs: Path, size: tuple[int, int]) -> None:
    app = ScalingApp(runs, mode="sweeps")
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: len(app.screen.query_one(LineList).lines) == 3)
        await pilot.press("a", "c")
        await comparing(pilot, lambda text: "settings that differ" in text)
        opened = with_own_names([open_source(name, runs, runs) for name in ("first", "second", "grid")])
        found = compare_sources(opened)
        rows = comparison_text(found, 500).splitlines()
        assert rows[0].split()[3:] == ["first", "second", "grid"]
        for side in found.sides:
            assert side.study is not None
            for value in side.study.fit.coefficients.values():
                assert f"{value:.4g}" in shown(app)
        plot = app.screen.query_one("#plot", Plot)
        assert {"first", "second", "grid"} <= {one.name for one in plot.figure.series}
        await until(pilot, lambda: plot.size.height > 5)
        footer = [key for key in app.screen.query(FooterKey) if key.region.right <= size[0]]
        assert len(footer) == len(app.screen.query(FooterKey))
        await pilot.press("v")
        await until(pilot, lambda: "first/r7" in {one.name for one in plot.figure.series})
        assert "second/r7" in {one.name for one in plot.figure.series}
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, CompareDialog))


async def test_sources_come_and_go_and_one_law_is_fitted_to_all(runs: Path, table: Path) -> None:
    app = ScalingApp(runs, "first", mode="law")
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("C")
        await until(pilot, lambda: isinstance(app.screen, Choose) and bool(choices(pilot)))
        assert "first" not in choices(pilot)
        await open_by_path(pilot, table)
        await comparing(pilot, lambda text: "mine.csv" in text)
        assert "coefficients are not subtracted: their laws differ" in told(app)
        await pilot.press("a")
        await choose(pilot, "grid")
        await comparing(pilot, lambda text: "grid minus mine.csv" in text)
        await pilot.press("f")
        await choose(pilot, "chinchilla-n")
        await comparing(pilot, lambda text: "grid minus mine.csv" in text and "beta" not in text)
        await pilot.press("d")
        await choose(pilot, "1")
        await comparing(pilot, lambda text: "mine.csv" not in text and "grid minus first" in text)
        assert "count N differently" in told(app)


async def test_a_file_opened_by_o_stays_in_the_list(runs: Path, table: Path) -> None:
    app = ScalingApp(runs, "first", mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("o")
        await open_by_path(pilot, table)
        # A table has no curves: Law shows it.
        await until(pilot, lambda: isinstance(app.screen, LawScreen) and app.table is not None)
        where = app.screen.query_one("#where", PlainText)
        await until(pilot, lambda: str(where.render()).startswith("mine.csv"))
        await pilot.press("o")
        await choose(pilot, "second")
        await until(pilot, lambda: str(where.render()).startswith("second"))
        assert app.table is None
        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, Choose) and str(table) in choices(pilot))
        assert app.screen.query_one(LineList).key == "second"
        await pilot.press(*"mine", "enter")
        await until(pilot, lambda: app.table is not None and str(where.render()).startswith("mine.csv"))


async def test_the_table_in_view_is_compared(runs: Path, table: Path) -> None:
    app = ScalingApp(runs, "first", mode="law")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("o")
        await open_by_path(pilot, table)
        await until(pilot, lambda: app.table is not None)
        await pilot.press("C")
        await until(pilot, lambda: isinstance(app.screen, Choose) and bool(choices(pilot)))
        assert str(table) not in choices(pilot)
        await choose(pilot, "grid")
        await comparing(pilot, lambda text: "grid minus mine.csv" in text)


async def test_logs_and_sweeps_elsewhere_open_on_every_screen(runs: Path, logs: Path, tmp_path: Path) -> None:
    elsewhere = record_sweep(tmp_path / "elsewhere", FINISHED, "far")
    before = sorted(path.name for path in runs.iterdir())
    app = ScalingApp(runs, "first", mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        where = app.screen.query_one("#where", PlainText)
        await pilot.press("o")
        await open_by_path(pilot, elsewhere)
        await until(pilot, lambda: str(where.render()).startswith("far"))
        await pilot.press("o")
        await open_by_path(pilot, logs)
        await until(pilot, lambda: str(where.render()).startswith("theirs"))
        kept = app.keep
        assert any(kept.iterdir())
        await pilot.press("4")
        await until(pilot, lambda: isinstance(app.screen, LawScreen))
        law = app.screen.query_one("#where", PlainText)
        await until(pilot, lambda: str(law.render()).startswith("theirs · chinchilla-n"))
        await pilot.press("C")
        await choose(pilot, str(elsewhere))
        await comparing(pilot, lambda text: "far" in text)
        assert "logs, not imported" in shown(app)
    assert sorted(path.name for path in runs.iterdir()) == before


async def test_live_lays_several_beside_one(runs: Path, logs: Path) -> None:
    app = ScalingApp(runs, "first", mode="live")
    async with app.run_test(size=(120, 40)) as pilot:

        def beside() -> set[str]:
            return {one.label for one in app.screen.query_one("#curves", Plot).figure.series if one.mark == DOTTED}

        await until(pilot, lambda: len(app.screen.query_one("#curves", Plot).figure.series) == 7)
        await pilot.press("c")
        await choose(pilot, "second")
        await until(pilot, lambda: "r7'" in beside())
        await pilot.press("c")
        await open_by_path(pilot, logs)
        await until(pilot, lambda: "n3''" in beside() and "r7'" in beside())
        assert "'' dotted: theirs" in app.screen.query_one("#curves", Plot).figure.title
        await pilot.press("C")
        await comparing(pilot, lambda text: "second" in text and "theirs" in text)
        await pilot.press("escape", "c")
        await choose(pilot, "second")
        await until(pilot, lambda: "n3'" in beside() and "r7'" not in beside())
        await pilot.press("c")
        await choose(pilot, "-")
        await until(pilot, lambda: not beside())


async def test_what_cannot_be_compared_says_why(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    app = ScalingApp(runs, mode="law")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("C")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, CompareDialog))
        assert "Press a to add a sweep or a file" in shown(app)
        await pilot.press("escape")
        create_sweep(runs, "empty", {})
        record_sweep(runs, FINISHED, "full")
        await pilot.press("C")
        await until(pilot, lambda: isinstance(app.screen, Choose) and len(choices(pilot)) == 1)
        await choose(pilot, choices(pilot)[0])
        await comparing(pilot, lambda text: "no law: no finished run yet" in " ".join(text.split()))
