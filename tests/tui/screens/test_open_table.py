"""Law and Plan open a table of one's own: the fit that the command prints, and what is wrong is said in the dialog."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from scaling_tui import InputError
from scaling_tui.laws import find_law, get
from scaling_tui.tui.app import ScalingApp
from scaling_tui.tui.open_dialog import OpenFile
from scaling_tui.tui.screens.law import LawScreen
from scaling_tui.tui.services.table_form import completions, open_table, read_options
from scaling_tui.tui.widgets.plot import Plot
from scaling_tui.tui.widgets.run_table import RunTable
from tests.conftest import FINISHED, record_grid, record_sweep
from tests.tui.conftest import choose, until
from tests.tui.screens.test_law import command, fitted, where, words
from tests.tui.screens.test_plan import answers, planned, text
from tests.tui.screens.test_plan import given as given_goal


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twelve runs of a known law, in a folder that one stands in."""
    law = find_law("chinchilla")
    coefficients = get("chinchilla:besiroglu2024").coefficients
    rows = [(f"run{i}", n, d, float(law.loss(coefficients, params=n, tokens=d)) * (1 + 0.002 * (i % 3)))
            for i, (n, d) in enumerate((n, d) for n in (1e7, 1e8, 1e9) for d in (1e9, 3e9, 1e10, 4e10))]  # fmt: skip
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "mine.csv").write_text("\n".join(["run,N,D,loss", *(",".join(map(str, row)) for row in rows)]))
    (folder / "broken.csv").write_text("run,N,D,loss\na,1e7,1e9,4\nb,1e8\n")
    (folder / "two.csv").write_text("N,D,loss,val_loss\n" + "".join(f"{n},{d},{y},{y + 1}\n" for _, n, d, y in rows))
    (folder / "notes.md").write_text("no table")
    monkeypatch.chdir(folder)
    return folder / "mine.csv"


def app_in(tmp_path: Path, mode: str) -> ScalingApp:
    runs = tmp_path / "runs"
    record_sweep(runs, FINISHED)
    return ScalingApp(runs, mode=mode)


async def opened(pilot: Pilot[None], path: str, options: str = "") -> None:
    await pilot.press("t")
    await until(pilot, lambda: isinstance(pilot.app.screen, OpenFile))
    pilot.app.screen.query_one("#path", Input).value = path
    pilot.app.screen.query_one("#options", Input).value = options
    await pilot.press("enter")


def problem(app: ScalingApp) -> str:
    return str(app.screen.query_one("#problem").render())


async def test_law_shows_the_fit_that_the_command_prints(tmp_path: Path, table: Path) -> None:
    printed = command(tmp_path, "fit", str(table))
    app = app_in(tmp_path, "law")
    async with app.run_test(size=(100, 30)) as pilot:
        await fitted(pilot)
        assert "quickstart" in where(app)
        await opened(pilot, "mine.csv")
        await until(pilot, lambda: isinstance(app.screen, LawScreen))
        await fitted(pilot)
        assert where(app).startswith("mine.csv · chinchilla")
        for value in printed["coefficients"].values():
            assert f"{value:.4g}" in words(app) or f"{value:.3e}".replace("e+", "e") in words(app)
        assert [row.label for row in app.screen.query_one(RunTable).rows][:2] == ["run0", "run1"]
        await pilot.press("down", "space")
        await fitted(pilot)
        assert "11 points" in words(app) and "without run1" in where(app)
        await pilot.press("t")
        await fitted(pilot)
        assert "quickstart" in where(app) and "7 points" in words(app)


async def test_plan_goes_by_the_table_that_law_shows(tmp_path: Path, table: Path) -> None:
    app = app_in(tmp_path, "law")
    async with app.run_test(size=(120, 40)) as pilot:
        await fitted(pilot)
        await opened(pilot, str(table))
        await until(pilot, lambda: app.table is not None)
        await app.visit("plan")
        await planned(pilot)
        await until(pilot, lambda: "mine.csv" in answers(app))
        given = app.screen.query_one("#flops", Input).value
        printed = command(tmp_path, "plan", "--fit", str(table), "--flops", given)
        await until(pilot, lambda: answers(app)["mine.csv"][4] == f"{printed['loss']:.4f}")
        assert "mine.csv" in [one.name for one in app.screen.query_one("#plot", Plot).figure.series]
        await pilot.press("t")
        await until(pilot, lambda: "quickstart:" in text(app, "#answers"))


@pytest.mark.parametrize("source", ["sweep", "table"])
async def test_runs_of_one_ratio_are_shown_and_planned_along_their_line(tmp_path: Path, source: str) -> None:
    record_grid(tmp_path / "runs", "line", ratio=20)
    law = find_law("chinchilla")
    coefficients = get("chinchilla:besiroglu2024").coefficients
    sizes = [1e7 * 2**k for k in range(8)]
    rows = [
        f"run{k},{n},{20 * n},{float(law.loss(coefficients, params=n, tokens=20 * n))}" for k, n in enumerate(sizes)
    ]
    table = tmp_path / "line.csv"
    table.write_text("run,N,D,loss\n" + "\n".join(rows))
    app = ScalingApp(tmp_path / "runs", mode="law")
    async with app.run_test(size=(120, 40)) as pilot:
        await fitted(pilot)
        if source == "table":
            await opened(pilot, str(table))
            await until(pilot, lambda: app.table is not None)
            await fitted(pilot)
        assert "all points have D = 20 N" in " ".join(words(app).split())
        await pilot.press("v")
        await fitted(pilot)
        await app.visit("plan")
        await planned(pilot)
        name = "line.csv" if source == "table" else "line"
        await until(pilot, lambda: name in answers(app))
        for field, value in (("flops", "1e22"), ("loss", "2.9"), ("params", "2e9"), ("tokens", "4e10")):
            await given_goal(pilot, **{field: value})
            assert answers(app)[name][2] == "20.0", field
        assert name in [one.name for one in app.screen.query_one("#plot", Plot).figure.series]
        await given_goal(pilot, params="1e9", tokens="1e9")
        assert "the fitted runs all have D = 20 N" in " ".join(text(app, "#answers").split())


@pytest.mark.parametrize(
    ("path", "options", "says"),
    [
        ("no.csv", "", "no.csv: no such file"),
        ("broken.csv", "", "broken.csv: row 3 has 2 values"),
        ("two.csv", "", "--columns loss=val_loss"),
        ("notes.md", "", "header without rows"),
        (".", "", "directory"),
        ("-", "", "want a path"),
        ("~nobody/x.csv", "", "no such file"),
        ("mine.csv", "--column loss=N", "did you mean '--columns'?"),
        ("mine.csv", "--columns", "--columns has no value"),
        ("mine.csv", "loss=N", "options: found"),
        ("mine.csv", "--columns 'loss=N", "quotes in pairs"),
        ("mine.csv", "--points some", "want last or all"),
        ("[red]x[/red]\x1b[2J", "", "no such file"),
        ("", "", "Enter a path"),
    ],
)
async def test_what_is_wrong_is_said_and_can_be_mended(
    tmp_path: Path, table: Path, path: str, options: str, says: str
) -> None:
    app = app_in(tmp_path, "law")
    async with app.run_test(size=(100, 30)) as pilot:
        await fitted(pilot)
        await opened(pilot, path, options)
        await until(pilot, lambda: says in " ".join(problem(app).split()))
        app.screen.query_one("#path", Input).value = "two.csv"
        app.screen.query_one("#options", Input).value = "--columns loss=val_loss --where 'N<5e8'"
        await pilot.pause()
        assert problem(app) == ""
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LawScreen))
        await fitted(pilot)
        assert "8 points" in words(app)


async def test_names_are_offered_and_chosen_by_keys(tmp_path: Path, table: Path) -> None:
    (table.parent / "more").mkdir()
    (table.parent / "more" / "deep.csv").write_text(table.read_text())
    app = app_in(tmp_path, "law")
    async with app.run_test(size=(100, 30)) as pilot:
        await fitted(pilot)
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, OpenFile))
        listed = app.screen.query_one(OptionList)
        await until(pilot, lambda: listed.option_count == 4)
        await pilot.press("m", "o")
        await until(pilot, lambda: listed.option_count == 1)
        await pilot.press("down", "enter")
        path = app.screen.query_one("#path", Input)
        await until(pilot, lambda: path.value == "more/" and path.has_focus and listed.option_count == 1)
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, LawScreen))
        await fitted(pilot)
        assert where(app).startswith("deep.csv")


async def test_escape_changes_nothing_and_another_sweep_takes_the_place_of_the_table(
    tmp_path: Path, table: Path
) -> None:
    app = app_in(tmp_path, "law")
    async with app.run_test(size=(100, 30)) as pilot:
        await fitted(pilot)
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, OpenFile))
        await pilot.press("n", "o", "escape")
        await fitted(pilot)
        assert "quickstart" in where(app)
        await opened(pilot, "mine.csv")
        await until(pilot, lambda: app.table is not None)
        await pilot.press("o")
        await choose(pilot, "quickstart")
        await until(pilot, lambda: isinstance(app.screen, LawScreen))
        await fitted(pilot)
        assert app.table is None and "quickstart" in where(app)


async def test_a_table_that_no_law_fits_says_so(tmp_path: Path, table: Path) -> None:
    table.write_text("N,D,loss\n1e7,1e9,4\n1e8,1e9,3\n")
    app = app_in(tmp_path, "law")
    async with app.run_test(size=(100, 30)) as pilot:
        await fitted(pilot)
        await opened(pilot, "mine.csv")
        await until(pilot, lambda: app.table is not None)
        await fitted(pilot)
        assert "2 usable" in words(app)


def test_points_of_one_name_can_be_told_apart(table: Path) -> None:
    table.write_text("model,label,N,D,loss\nx,a,1e7,1e9,4\nx,a,1e7,3e9,3.5\n")
    assert open_table("mine.csv", "--points all").source.points.labels == ("a (1)", "a (2)")


def test_completions_are_folders_and_tables(table: Path) -> None:
    (table.parent / ".hidden.csv").touch()
    assert list(completions("")) == ["broken.csv", "mine.csv", "two.csv"]
    assert list(completions(f"{table.parent.parent}/da")) == [f"{table.parent.parent}/data/"]
    assert list(completions(".h")) == [".hidden.csv"]
    assert not any(map(completions, ("/nowhere/x", "~nobody/x", "\0")))


@settings(max_examples=200, deadline=None)
@given(path=st.text(max_size=20), options=st.text(alphabet="-columnsbetfhrpi=,'\"\\ lN*1x<", max_size=40))
def test_whatever_is_typed_is_a_table_or_one_line(path: str, options: str) -> None:
    list(completions(path))
    for call in (lambda: read_options(options), lambda: open_table(f"/nowhere/{path}x", options)):
        try:
            call()
        except InputError as error:
            assert "\n" not in str(error) or "\n" in path
