"""The live screen: what it shows of a sweep, what its keys do, how it looks."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from scaling_tui.plots.drawing import draw, plain
from scaling_tui.plots.figures import DOTTED, Figure
from scaling_tui.runs import Writer, create_sweep, latest_request
from scaling_tui.runs.format import read_json, write_json
from scaling_tui.runs.requests import moved_up
from scaling_tui.text.visible import HARMFUL
from scaling_tui.tui.app import ScalingApp
from scaling_tui.tui.help import HelpScreen
from scaling_tui.tui.terminal import Appearance
from scaling_tui.tui.widgets.choose import Choose
from scaling_tui.tui.widgets.panel import in_view
from scaling_tui.tui.widgets.plot import Plot
from scaling_tui.tui.widgets.run_table import RunTable
from tests.conftest import FINISHED, record_sweep
from tests.tui.conftest import choices, choose, settled, shown, until

UNDER_WAY = [*["finished"] * 4, "running", "running", "queued"]
PREDICTED = [*["finished"] * 6, "running"]
WENT_WRONG = ["finished", "stopped", "failed", "diverged", "lost", "finished", "queued"]


def text_of(app: ScalingApp, selector: str) -> str:
    return str(app.screen.query_one(selector, Static).render())


async def test_it_shows_rungs_curves_and_how_far_the_sweep_is(tmp_path: Path) -> None:
    record_sweep(tmp_path, UNDER_WAY)
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        assert "quickstart · 4 of 7 finished" in text_of(app, "#where")
        table = app.screen.query_one(RunTable)
        rows = [" ".join([row.signs, row.label, *row.cells]).split() for row in table.rows]
        assert rows[0] == ["✓", "r1", "10.3k", "1.9483"]
        assert rows[4][:3] == ["▶", "r5", "95.6k"]
        assert rows[4][-2:] == ["20", "s"]
        assert rows[6] == ["·", "r7", "467.8k", "queued"]
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
        await pilot.press("l")
        law = app.screen.query_one("#law-plot", Plot)
        await until(pilot, lambda: bool(law.figure.series))
        assert [series.label for series in law.figure.series if series.label][-1] == "r7"


async def test_what_comes_later_is_shown_without_a_key(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, UNDER_WAY)
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        status = sweep / "r5-s0" / "attempt-1" / "status.json"
        status.write_text(status.read_text().replace('"running"', '"finished"'))
        await until(pilot, lambda: "5 of 7 finished" in text_of(app, "#where"))


async def test_it_goes_on_under_a_question_and_under_help(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, UNDER_WAY)
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        live = app.screen
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        status = sweep / "r5-s0" / "attempt-1" / "status.json"
        status.write_text(status.read_text().replace('"running"', '"finished"'))
        await until(pilot, lambda: "5 of 7 finished" in str(live.query_one("#where", Static).render()))
        await pilot.press("escape")
        await pilot.press("1")
        assert not any(watch.listeners for watch in app.watches._watches)


def curves_of(app: ScalingApp) -> Figure:
    return app.screen.query_one("#curves", Plot).figure


async def test_keys_cycle_axes_metric_smoothing_and_what_x_is(tmp_path: Path) -> None:
    record_sweep(tmp_path, FINISHED)
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        axes = []
        for _ in range(4):
            axes.append((curves_of(app).log_x, curves_of(app).log_y))
            await pilot.press("g")
        assert axes == [(True, True), (True, False), (False, True), (False, False)]
        names = []
        for _ in range(4):
            names.append((curves_of(app).x_name, curves_of(app).series[0].x[-1]))
            await pilot.press("x")
        assert names == [("tokens", 1_000_448), ("step", 40), ("FLOPs", 8.6e10), ("seconds", 39)]
        rough = []
        for _ in range(4):
            rough.append(float(np.abs(np.diff(curves_of(app).series[0].y)).sum()))
            await pilot.press("s")
        assert "smooth 0.8" in curves_of(app).title
        assert rough[0] > rough[1] > rough[2]
        assert rough[3] == max(rough)
        await pilot.press("v")
        assert curves_of(app).title.startswith("held-out loss")
        assert list(curves_of(app).series[0].x) == [250_112, 500_224, 750_336, 1_000_448]


async def test_runs_are_marked_hidden_and_pinned_by_key_and_mouse(tmp_path: Path) -> None:
    record_sweep(tmp_path, FINISHED)
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        table = app.screen.query_one(RunTable)
        await pilot.press("down", "down", "space")
        assert {one.label: one.weight for one in curves_of(app).series if one.weight == "strong"} == {"r3": "strong"}
        await pilot.click(RunTable, offset=(3, 5))
        assert table.run_name == "r5-s0"
        await pilot.press("h")
        assert [one.label for one in curves_of(app).series] == ["r1", "r2", "r3", "r4", "r6", "r7"]
        await pilot.press("down", "p")
        assert (table.rows[0].signs, table.rows[0].label) == ("✓^", "r6")
        assert table.run_name == "r6-s0"
        assert curves_of(app).series[-1].label == "r6"
        await pilot.press("a")
        assert {one.weight for one in curves_of(app).series} == {"normal"}
        assert len(curves_of(app).series) == 7
        for _ in range(7):
            await pilot.press("h", "down")
        assert "a shows all" in plain(draw(curves_of(app), 60, 20).rows()) or len(curves_of(app).series) < 7


async def test_a_crosshair_by_mouse_and_by_keyboard_reads_values(tmp_path: Path) -> None:
    record_sweep(tmp_path, FINISHED)
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot)
        plot = app.screen.query_one("#curves", Plot)
        await pilot.hover(Plot, offset=(30, 8))
        assert plot.cursor is not None
        painted = "\n".join(plot.render_line(y).text for y in range(plot.size.height))
        assert painted.startswith("tokens ")
        assert all(f" r{rung} " in painted for rung in range(1, 8))
        await pilot.hover("#where")
        assert plot.cursor is None
        await pilot.press("right")
        middle = plot.cursor
        await pilot.press("right", "shift+right")
        assert middle is not None
        assert plot.cursor > middle
        await pilot.press("backspace")
        assert plot.cursor is None


async def chosen(pilot: Pilot[None], key: str, name: str) -> None:
    """Presses a key that asks, and answers."""
    await pilot.press(key)
    await choose(pilot, name)
    await until(pilot, lambda: not isinstance(pilot.app.screen, Choose))


# --- other metrics


def record_metrics(runs: Path, metrics: dict[str, tuple[float, float, float]], losses: bool = True) -> Path:
    """A sweep of another trainer's: two runs with each metric at three steps, those of the larger one doubled."""
    sweep = create_sweep(runs, "theirs", {})
    for factor, params in ((1, 1e6), (2, 1e7)):
        run = Writer.create(sweep / f"n{factor}", {"params": params, "tokens": 3000})
        with (run.attempt / "metrics.jsonl").open("w") as file:
            for step in range(3):
                record = {"step": step + 1, "tokens": 1000 * (step + 1)} | ({"loss": 3.0 - step / 9} if losses else {})
                record |= {name: factor * values[step] for name, values in metrics.items()}
                file.write(json.dumps(record) + "\n")
        run.end()
    return sweep


MMLU, WINO = (0.25, 0.3, 0.4), (0.0, 0.5, 0.6)


def painted(app: ScalingApp) -> str:
    """The cells of the screen as the terminal gets them, without the ANSI of its own colours."""
    return "\n".join("".join(segment.text for segment in line) for line in app.screen._compositor.render_strips())


async def metrics_shown(pilot: Pilot[None]) -> None:
    app = pilot.app
    assert isinstance(app, ScalingApp)
    await until(pilot, lambda: len(app.screen.query_one(RunTable).rows) == 2 and bool(curves_of(app).title))
    await pilot.pause()


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_key_goes_through_every_metric_that_was_recorded(tmp_path: Path, size: tuple[int, int]) -> None:
    record_metrics(tmp_path, {"eval/mmlu": MMLU, "eval/wino": WINO, "lr": (0.0, 0.1, 0.01)})
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=size) as pilot:
        await metrics_shown(pilot)
        titles = []
        for _ in range(5):
            titles.append(curves_of(app).title.split(" · ")[0])
            await pilot.press("v")
        assert titles == ["train loss, nats", "learning rate", "eval/mmlu", "eval/wino", "train loss, nats"]
        await pilot.press("v")
        figure = curves_of(app)
        assert figure.title.startswith("eval/mmlu · tokens")
        assert (figure.y_name, figure.y_unit, figure.log_y) == ("eval/mmlu", "", False)
        assert [(one.label, one.y.tolist()) for one in figure.series] == [("n1", [*MMLU]), ("n2", [0.5, 0.6, 0.8])]
        table = app.screen.query_one(RunTable)
        assert [row.cells[-1].strip() for row in table.rows] == ["0.4", "0.8"]
        assert "eval/mmlu · tokens" in painted(app)
        await pilot.press("g")
        assert not curves_of(app).log_x
        await pilot.press("v", "v")
        assert (curves_of(app).title.split(" · ")[0], curves_of(app).log_y) == ("train loss, nats", True)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_metric_is_found_as_one_types_and_a_pattern_limits_the_key(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    record_metrics(
        tmp_path, {f"train/m{number}": MMLU for number in range(40)} | {"eval/wino": WINO, "eval/mmlu": MMLU}
    )
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=size) as pilot:
        await metrics_shown(pilot)
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        await until(pilot, lambda: len(choices(pilot)) == 43)
        await pilot.press(*"EVAL/*")
        await until(pilot, lambda: len(choices(pilot)) == 2)
        assert "eval/mmlu  (2 runs, last 0.4 … 0.8)" in painted(app)
        await pilot.press("down", "enter")
        await until(pilot, lambda: not isinstance(app.screen, Choose))
        assert curves_of(app).title == "eval/wino · tokens, log x · v: EVAL/*"
        await pilot.press("v")
        assert curves_of(app).title.startswith("eval/mmlu")
        await pilot.press("v")
        assert curves_of(app).title.startswith("eval/wino")
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        await pilot.press(*["backspace"] * 6, *"zzz", "enter")
        assert isinstance(app.screen, Choose), "nothing is called that"
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, Choose))
        assert curves_of(app).title.startswith("eval/wino")


HOSTILE = ("\x1b]0;owned\x07", "\u202egnp.exe", "a\nb", "\x9b31m")
ODD = ("[red]bold[/red]", "律" * 30, "eval/" + "x" * 115, "e\u0301", "a=b;c|d", "-", "[/]")


async def test_no_name_of_a_metric_reaches_the_terminal_unfiltered(tmp_path: Path) -> None:
    record_metrics(tmp_path, dict.fromkeys((*HOSTILE, *ODD), MMLU))
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await metrics_shown(pilot)
        seen = set()
        for _ in range(len(ODD) + 1):
            await pilot.press("v")
            seen.add(curves_of(app).y_name)
            assert not HARMFUL.search(painted(app).replace("\n", ""))
        assert seen == {*ODD, "train loss"}
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        await until(pilot, lambda: len(choices(pilot)) == len(ODD) + 1)
        assert "[red]bold[/red]" in painted(app)
        assert not HARMFUL.search(painted(app).replace("\n", ""))


async def test_what_a_trainer_does_not_log_is_not_asked_for(tmp_path: Path) -> None:
    """Held-out loss alone, over steps alone."""
    sweep = create_sweep(tmp_path, "theirs", {})
    for name in ("a", "b"):
        with Writer.create(sweep / name, {"params": 10}) as run:
            for step in (1, 2, 3):
                run.log(step=step, val_loss=3.0 - step / 9)
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await metrics_shown(pilot)
        assert curves_of(app).title == "held-out loss, nats · step, log-log"
        assert [len(one.x) for one in curves_of(app).series] == [3, 3]


async def test_a_sweep_without_runs_says_so(tmp_path: Path) -> None:
    create_sweep(tmp_path, "theirs", {})
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "theirs" in text_of(app, "#where"))
        assert text_of(app, "#where") == "theirs · no runs yet"
        await pilot.press("v", "f", "l", "down")
        assert app.is_running


async def test_another_sweep_is_laid_beside_this_one(tmp_path: Path) -> None:
    record_sweep(tmp_path, FINISHED, "first")
    record_sweep(tmp_path, UNDER_WAY, "second")
    app = ScalingApp(tmp_path, "second", mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await chosen(pilot, "c", "first")
        await until(pilot, lambda: len(curves_of(app).series) == 13)
        beside = [one for one in curves_of(app).series if one.mark == DOTTED]
        assert [one.label for one in beside][-1] == "r1'"
        assert len(beside) == 7
        await chosen(pilot, "c", "-")
        await until(pilot, lambda: len(curves_of(app).series) == 6)


async def test_one_run_or_the_sweep_is_stopped_and_quitting_stops_none(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, UNDER_WAY)
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        app.exit()
    assert latest_request(sweep) is None
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press("down", "down", "down", "down")
        await chosen(pilot, "t", "r5-s0")
        assert latest_request(sweep) is None
        assert latest_request(sweep, "r5-s0") == "stop"
        table = app.screen.query_one(RunTable)
        await until(pilot, lambda: "stopping" in table.rows[4].cells[-1])
        assert "28 s" in table.rows[5].cells[-1]
        await chosen(pilot, "t", "sweep")
        assert latest_request(sweep) == "stop"
        await until(pilot, lambda: "stopping" in table.rows[5].cells[-1])


async def test_a_waiting_run_is_held_back_resumed_and_moved_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = record_sweep(tmp_path, ["finished", "running", *["queued"] * 5])
    asked: list[str | None] = []
    monkeypatch.setattr("scaling_tui.tui.screens.live.resume", lambda path, run=None: asked.append(run))
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        table = app.screen.query_one(RunTable)
        await pilot.press("u")
        assert not moved_up(sweep), "what is finished cannot be moved"
        await pilot.press("down", "down", "u", "down", "u")
        assert sorted(moved_up(sweep), key=moved_up(sweep).__getitem__) == ["r3-s0", "r4-s0"]
        await until(pilot, lambda: [row.cells[-1].strip() for row in table.rows[2:5]] == ["next", "next", "queued"])
        await chosen(pilot, "t", "r4-s0")
        await until(pilot, lambda: "stopped" in table.rows[3].cells[-1])
        await chosen(pilot, "r", "r4-s0")
        await until(pilot, lambda: asked == ["r4-s0"])


async def test_one_run_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record_sweep(tmp_path, WENT_WRONG)
    asked: list[tuple[str, str | None]] = []
    monkeypatch.setattr("scaling_tui.tui.screens.live.resume", lambda path, run=None: asked.append((path.name, run)))
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press("down")
        await chosen(pilot, "r", "r2-s0")
        await chosen(pilot, "r", "sweep")
        await until(pilot, lambda: len(asked) == 2)
    assert asked == [("quickstart", "r2-s0"), ("quickstart", None)]


async def test_a_finished_sweep_is_neither_stopped_nor_resumed(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, FINISHED)
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press("t", "r")
    assert latest_request(sweep) is None


async def test_without_a_sweep_it_says_what_to_do_and_finds_the_first_one(tmp_path: Path) -> None:
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "no sweep there; start one" in text_of(app, "#law"))
        assert "Press 2 for the Lab" in text_of(app, "#law")
        record_sweep(tmp_path, UNDER_WAY)
        await shown(pilot)


async def test_another_sweep_can_be_opened(tmp_path: Path) -> None:
    record_sweep(tmp_path, FINISHED, "first")
    record_sweep(tmp_path, UNDER_WAY, "second")
    app = ScalingApp(tmp_path, "second", mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot)
        await pilot.press("o")
        await choose(pilot, "first")
        await until(pilot, lambda: "first · finished" in text_of(app, "#where"))


async def test_resizing_at_any_time_breaks_nothing(tmp_path: Path) -> None:
    record_sweep(tmp_path, PREDICTED)
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
    ("law", PREDICTED, (80, 24), ("l",)),
    ("linear-held-out", FINISHED, (80, 24), ("v", "g", "g", "g")),
    ("went-wrong", WENT_WRONG, (80, 24), ()),
    ("help", FINISHED, (80, 24), ("question_mark",)),
    ("wide", PREDICTED, (120, 40), ()),
    ("narrow", PREDICTED, (50, 20), ()),
    ("marked", UNDER_WAY, (80, 24), ("down", "space", "down", "h", "right")),
    ("compare", FINISHED, (80, 24), ("c",)),
]


@pytest.mark.parametrize(("states", "size", "keys"), [look[1:] for look in LOOKS], ids=[look[0] for look in LOOKS])
def test_it_looks_as_it_did(
    snap_compare: object, tmp_path: Path, states: list[str], size: tuple[int, int], keys: tuple[str, ...]
) -> None:
    record_sweep(tmp_path, states)
    if keys == ("c",):
        other = record_sweep(tmp_path, states, "another")
        for path in (tmp_path / "quickstart" / "sweep.json", other / "sweep.json"):
            # An age in days looks the same however long the test takes.
            write_json(path, {**read_json(path), "created": time.time() - 3.5 * 86400})

    async def prepare(pilot: Pilot[None]) -> None:
        await shown(pilot)
        # What lies under a dialog is laid out no more.
        await settled(pilot)
        await pilot.press(*keys)
        await settled(pilot)

    app = ScalingApp(tmp_path, mode="live")
    assert snap_compare(app, terminal_size=size, run_before=prepare)  # type: ignore[operator]


TERMINALS = {"ascii": Appearance(ascii=True), "light": Appearance(theme="light"), "no-color": Appearance()}


async def ready(pilot: Pilot[None]) -> None:
    """Waits until the screen of this mode shows what there is of the recorded sweep."""
    table = pilot.app.screen.query_one(RunTable)
    await until(pilot, lambda: len(table.rows) == 7 or not table.display)
    figures = [plot for plot in pilot.app.screen.query(Plot) if in_view(plot)]
    await until(pilot, lambda: all(plot.figure.series for plot in figures))
    await pilot.pause()


@pytest.mark.parametrize("terminal", TERMINALS)
def test_it_looks_as_it_did_on_other_terminals(
    snap_compare: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terminal: str
) -> None:
    if terminal == "no-color":
        monkeypatch.setenv("NO_COLOR", "1")
    record_sweep(tmp_path, UNDER_WAY)
    app = ScalingApp(tmp_path, mode="live", appearance=TERMINALS[terminal])
    assert snap_compare(app, terminal_size=(80, 24), run_before=ready)
