"""The plan screen: numbers as people write them in, the command's answers out, as one types."""

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from scaling_tui.tui.app import ScalingApp
from scaling_tui.tui.screens.plan import PlanScreen
from scaling_tui.tui.widgets.plot import Plot
from tests.conftest import record_grid, record_sweep
from tests.tui.conftest import until
from tests.tui.screens.test_law import command


def text(app: ScalingApp, name: str) -> str:
    return str(app.screen.query_one(name, Static).render())


def answers(app: ScalingApp) -> dict[str, list[str]]:
    """The table by the first word of its rows."""
    rows = [line.split() for line in text(app, "#answers").splitlines() if line.strip()]
    return {row[0]: row[1:] for row in rows}


async def planned(pilot: Pilot[None]) -> None:
    """Waits until what is shown answers what was typed."""
    app = pilot.app
    await until(pilot, lambda: isinstance(app.screen, PlanScreen))
    screen = app.screen
    assert isinstance(screen, PlanScreen)
    await until(pilot, lambda: screen._plans is not None and screen._plans.goal == screen._goal)
    await pilot.pause()


async def given(pilot: Pilot[None], **texts: str) -> None:
    for field in pilot.app.screen.query(Input):
        field.value = texts.get(str(field.id), "")
    await pilot.pause()
    await planned(pilot)


async def test_a_budget_is_planned_as_the_command_does(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path, mode="plan")
    async with app.run_test(size=(120, 40)) as pilot:
        await planned(pilot)
        assert app.screen.query_one("#flops", Input).value == "5.8e23"
        await given(pilot, flops="5.76e23")
        row = answers(app)["chinchilla:besiroglu2024"]
        printed = command(tmp_path, "plan", "--flops", "5.76e23")
        assert row[0] == f"{printed['params'] / 1e9:.0f}B" or row[0].startswith(f"{printed['params'] / 1e9:.1f}"[:3])
        assert row[4] == f"{printed['loss']:.4f}"
        assert "no sweep yet" in text(app, "#answers")
        assert len([one for one in app.screen.query_one("#plot", Plot).figure.series if one.mark == "◆"]) >= 3


async def test_it_reads_numbers_as_people_write_them_and_says_how(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path, mode="plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await planned(pilot)
        await given(pilot, params="70B", tokens="1.4T")
        assert "read as N = 70.0B parameters, D = 1.40T tokens" in text(app, "#reading")
        assert answers(app)["chinchilla:hoffmann2022"][2] == "20.0"
        field = app.screen.query_one("#params", Input)
        for wrong in ("seventy", "1,5", "70 tokens", "-4"):
            field.value = wrong
            await until(pilot, lambda: "✗" in text(app, "#reading"))
        field.value = "70B"
        await until(pilot, lambda: "✗" not in text(app, "#reading"))
        await given(pilot, loss="0.5")
        assert "not reachable" in text(app, "#reading") or "not reachable" in text(app, "#answers")


async def test_own_fit_stands_first_with_intervals_where_it_carries_a_plan(tmp_path: Path) -> None:
    record_grid(tmp_path)
    app = ScalingApp(tmp_path, mode="plan")
    async with app.run_test(size=(120, 40)) as pilot:
        await planned(pilot)
        assert app.screen.query_one("#flops", Input).value == "1.0e19"
        printed = command(tmp_path, "plan", "--fit", "grid", "--flops", "1e19")
        row = answers(app)["grid"]
        assert row[4] == f"{printed['loss']:.4f}"
        low, high = printed["intervals"]["loss"]
        assert f"L [{low:.4f}, {high:.4f}]" in text(app, "#answers")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [("flops", "", "Enter one of C, L, N, D"), ("flops", "abc", "C: cannot read 'abc'"),
     ("flops", "1e-30", "want from 1 to 1e40 FLOPs")],
)  # fmt: skip
async def test_no_answer_to_an_earlier_question_stays(tmp_path: Path, name: str, value: str, says: str) -> None:
    app = ScalingApp(tmp_path, mode="plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await planned(pilot)
        assert text(app, "#answers")
        app.screen.query_one(f"#{name}", Input).value = value
        await until(pilot, lambda: says in text(app, "#reading"))
        assert text(app, "#answers") == ""
        assert app.screen.query_one("#plot", Plot).figure.series == ()


def values(app: ScalingApp) -> dict[str, str]:
    return {str(field.id): field.value for field in app.screen.query(Input) if field.value}


async def test_the_newest_of_two_fields_that_contradict_wins_and_a_key_undoes_it(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path, mode="plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await planned(pilot)
        await pilot.press("tab", "tab", *"2.1")
        await planned(pilot)
        assert values(app) == {"loss": "2.1"}
        assert "read as L = 2.1000 nats per token · C cleared; ctrl+z undoes it" in text(app, "#reading")
        assert "chinchilla:hoffmann2022" in answers(app)
        await pilot.press("ctrl+z")
        await planned(pilot)
        assert values(app) == {"flops": "5.8e23"}
        assert text(app, "#reading").endswith("FLOPs") and "chinchilla:hoffmann2022" in answers(app)
        # The other way round, and with what fits beside both.
        await given(pilot, loss="2.1", params="70B")
        app.screen.query_one("#flops", Input).value = "1e24"
        await until(pilot, lambda: values(app) == {"flops": "1e24", "params": "70B"})
        await planned(pilot)
        assert "L cleared" in text(app, "#reading")


async def test_a_third_field_clears_the_oldest_and_what_cannot_be_read_clears_nothing(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path, mode="plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await planned(pilot)
        for name, typed in (("params", "70B"), ("tokens", "1T")):
            app.screen.query_one(f"#{name}", Input).value = typed
            await planned(pilot)
        assert values(app) == {"params": "70B", "tokens": "1T"}
        app.screen.query_one("#loss", Input).value = "two"
        await until(pilot, lambda: "cannot read 'two'" in text(app, "#reading"))
        assert values(app) == {"params": "70B", "tokens": "1T", "loss": "two"}
        app.screen.query_one("#loss", Input).value = "2"
        await until(pilot, lambda: values(app) == {"loss": "2", "tokens": "1T"})


async def test_a_field_is_selected_when_it_is_entered(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path, mode="plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, PlanScreen))
        await pilot.press("tab")  # before the suggestion is there, perhaps
        await planned(pilot)
        await pilot.press("7")
        assert values(app) == {"flops": "7"}
        await pilot.click("#loss")
        await pilot.press("2")
        await pilot.click("#flops")
        await pilot.press("1", "e", "9")
        await until(pilot, lambda: values(app) == {"flops": "1e9"})


async def test_a_fit_that_carries_no_plan_says_what_is_missing(tmp_path: Path) -> None:
    record_sweep(tmp_path, ["finished"] * 7)
    app = ScalingApp(tmp_path, mode="plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await planned(pilot)
        assert "has no D term" in " ".join(text(app, "#answers").split())
        await pilot.press("escape", "d")
        await pilot.pause()
        assert "has no D term" in text(app, "#words PlainText")


async def test_all_published_plans_are_one_line_and_a_band(tmp_path: Path) -> None:
    record_grid(tmp_path)
    app = ScalingApp(tmp_path, mode="plan")
    async with app.run_test(size=(80, 24)) as pilot:
        await planned(pilot)
        lines = text(app, "#answers").splitlines()
        assert lines[-1].startswith("published: N ") and len(lines) <= 8, "own rows stay in view"
        printed = command(tmp_path, "plan", "--fit", "grid", "--flops", "1e19")["published"]
        assert f"({len(printed['sets'])} sets)" in lines[-1]
        figure = app.screen.query_one("#plot", Plot).figure
        band = [one for one in figure.series if one.weight == "faint"]
        assert figure.y_name == "N" and len(band) == 2
        at = abs(band[0].x / 1e19 - 1).argmin()
        low, high = sorted(one.y[at] for one in band)
        assert low == pytest.approx(printed["params"][0], rel=0.15)
        assert high == pytest.approx(printed["params"][1], rel=0.15)
        await pilot.press("escape", "v")
        await pilot.pause()
        assert app.screen.query_one("#plot", Plot).figure.y_name == "loss"
        await pilot.press("d")
        await pilot.pause()
        words = text(app, "#words PlainText")
        assert all(item["name"] in words for item in printed["sets"]) and "measured at such budgets" in words


LOOKS = [
    ("own", True, (80, 24)),
    ("published", False, (80, 24)),
    ("wide", True, (120, 40)),
    ("narrow", False, (50, 20)),
]


@pytest.mark.parametrize(("own", "size"), [look[1:] for look in LOOKS], ids=[look[0] for look in LOOKS])
def test_it_looks_as_it_did(snap_compare: Any, tmp_path: Path, own: bool, size: tuple[int, int]) -> None:
    if own:
        record_grid(tmp_path)

    async def prepare(pilot: Pilot[None]) -> None:
        await planned(pilot)
        for field in pilot.app.screen.query(Input):
            field.cursor_blink = False
        await pilot.pause()

    assert snap_compare(ScalingApp(tmp_path, mode="plan"), terminal_size=size, run_before=prepare)
