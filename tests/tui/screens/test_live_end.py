"""The end of a sweep that Live shows: the law is fitted again, through the same runs."""

from pathlib import Path

from scaling_tui.runs.format import append_line
from scaling_tui.tui.app import ScalingApp
from scaling_tui.tui.widgets.plot import Plot
from tests.conftest import record_sweep
from tests.tui.conftest import shown, until


async def test_the_measured_point_joins_the_law_that_predicted_it(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, [*["finished"] * 6, "running"])
    app = ScalingApp(tmp_path, mode="live")
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot)
        law = app.screen.query_one("#law-plot", Plot)
        await until(pilot, lambda: bool(law.figure.series))
        before = law.figure
        attempt = sweep / "r7-s0" / "attempt-1"
        append_line(attempt / "metrics.jsonl", {"step": 99, "tokens": 1_000_448, "loss": 1.44, "val_loss": 1.4479})
        status = attempt / "status.json"
        status.write_text(status.read_text().replace('"running"', '"finished"'))
        await until(pilot, lambda: law.figure is not before)
        await pilot.press("?")
        await pilot.pause()
        assert app.is_running
