"""The live screen: what it shows of a sweep, what its keys do, how it looks."""

from pathlib import Path

import pytest
from textual.widgets import DataTable, OptionList, Static

from scaling_tui.runs import latest_request
from scaling_tui.tui.app import ScalingApp
from scaling_tui.tui.plot import Plot
from tests.conftest import record_sweep
from tests.tui.conftest import shown, until

FINISHED = ["finished"] * 7
UNDER_WAY = [*["finished"] * 4, "running", "running", "queued"]
FORETOLD = [*["finished"] * 6, "running"]
WENT_WRONG = ["finished", "stopped", "failed", "diverged", "lost", "finished", "queued"]


def text_of(app: ScalingApp, selector: str) -> str:
    return str(app.screen.query_one(selector, Static).render())


async def test_it_shows_rungs_curves_and_how_far_the_sweep_is(tmp_path: Path) -> None:
    record_sweep(tmp_path, UNDER_WAY)
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        assert "quickstart · 4 of 7 finished" in text_of(app, "#where")
        table = app.screen.query_one("#rungs", DataTable)
        rows = [" ".join(str(cell) for cell in table.get_row_at(index)) for index in range(7)]
        assert rows[0].startswith("✓ r1 10.3k 1.9483")
        assert rows[4].startswith("▶ r5 95.6k")
        assert "20 s" in rows[4]
        assert rows[6].startswith("· r7 468k  queued")
        assert "law chinchilla-n · 4 runs" in text_of(app, "#law")
        curves = app.screen.query_one("#curves", Plot).figure
        assert [series.label for series in curves.series] == ["r1", "r2", "r3", "r4", "r5", "r6"]


async def test_predicted_stands_beside_measured(tmp_path: Path) -> None:
    record_sweep(tmp_path, FINISHED)
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        told = text_of(app, "#law")
        assert "r7 predicted before it ran: 1.4590 [1.3846, 1.5224] · measured 1.4479, -0.8 %" in told
        figure = app.screen.query_one("#law-plot", Plot).figure
        assert [series.label for series in figure.series if series.label][-1] == "r7"


async def test_what_comes_later_is_shown_without_a_key(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, UNDER_WAY)
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        status = sweep / "r5-s0" / "attempt-1" / "status.json"
        status.write_text(status.read_text().replace('"running"', '"finished"'))
        await until(pilot, lambda: "5 of 7 finished" in text_of(app, "#where"))


async def test_keys_switch_axes_metric_and_law(tmp_path: Path) -> None:
    record_sweep(tmp_path, FINISHED)
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        curves, law = app.screen.query_one("#curves", Plot), app.screen.query_one("#law-plot", Plot)
        assert (curves.figure.log_x, curves.figure.log_y) == (True, True)
        await pilot.press("x")
        assert (curves.figure.log_x, curves.figure.log_y) == (False, True)
        await pilot.press("y")
        assert (curves.figure.log_x, curves.figure.log_y) == (False, False)
        assert curves.figure.title.startswith("training loss")
        await pilot.press("v")
        assert curves.figure.title.startswith("held-out loss")
        assert (curves.display, law.display) == (True, False)
        await pilot.press("l")
        assert (curves.display, law.display) == (False, True)


async def test_stop_is_a_request_on_disk_and_quitting_makes_none(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, UNDER_WAY)
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press("q")
        await until(pilot, lambda: bool(app.screen.query(OptionList)))
        await pilot.press("enter")
    assert latest_request(sweep) is None
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press("s")
    assert latest_request(sweep) == "stop"


async def test_a_finished_sweep_is_neither_stopped_nor_resumed(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, FINISHED)
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press("s", "r")
    assert latest_request(sweep) is None


async def test_without_a_sweep_it_says_what_to_do_and_finds_the_first_one(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "no sweep there; start one" in text_of(app, "#law"))
        await pilot.press("n")
        await until(pilot, lambda: bool(app.screen.query(OptionList)))
        options = app.screen.query_one(OptionList)
        assert "quickstart" in {option.id for option in options.options}
        await pilot.press("escape")
        record_sweep(tmp_path, UNDER_WAY)
        await shown(pilot)


async def test_another_sweep_can_be_opened(tmp_path: Path) -> None:
    record_sweep(tmp_path, FINISHED, "first")
    record_sweep(tmp_path, UNDER_WAY, "second")
    app = ScalingApp(tmp_path, "second", mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press("o")
        await until(pilot, lambda: bool(app.screen.query(OptionList)))
        options = app.screen.query_one(OptionList)
        options.highlighted = [option.id for option in options.options].index("first")
        await pilot.press("enter")
        await until(pilot, lambda: "first · finished" in text_of(app, "#where"))


async def test_resizing_at_any_time_breaks_nothing(tmp_path: Path) -> None:
    record_sweep(tmp_path, FORETOLD)
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        for size in ((120, 40), (50, 20), (30, 10), (12, 4), (200, 60), (80, 24)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
        assert "quickstart" in text_of(app, "#where")


LOOKS = [
    ("finished", FINISHED, (80, 24), ()),
    ("under-way", UNDER_WAY, (80, 24), ()),
    ("law", FORETOLD, (80, 24), ("l",)),
    ("linear-held-out", FINISHED, (80, 24), ("v", "x", "y")),
    ("went-wrong", WENT_WRONG, (80, 24), ()),
    ("help", FINISHED, (80, 24), ("question_mark",)),
    ("wide", FORETOLD, (120, 40), ()),
    ("narrow", FORETOLD, (50, 20), ()),
    ("choose", FINISHED, (80, 24), ("o",)),
]


@pytest.mark.parametrize(("states", "size", "keys"), [look[1:] for look in LOOKS], ids=[look[0] for look in LOOKS])
def test_it_looks_as_it_did(
    snap_compare: object, tmp_path: Path, states: list[str], size: tuple[int, int], keys: tuple[str, ...]
) -> None:
    record_sweep(tmp_path, states)

    async def prepare(pilot: object) -> None:
        await shown(pilot)  # type: ignore[arg-type]
        await pilot.press(*keys)  # type: ignore[attr-defined]
        await pilot.pause()  # type: ignore[attr-defined]

    app = ScalingApp(tmp_path, mode="live")
    assert snap_compare(app, terminal_size=size, run_before=prepare)  # type: ignore[operator]
