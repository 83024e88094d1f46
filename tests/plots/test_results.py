"""Metrics against size, and what a ladder promised beside what came out."""

from pathlib import Path

import numpy as np
import pytest

from scaling_tui.plots.results import metrics_over_size, result_figure
from scaling_tui.report.sweep import promised_text
from scaling_tui.runs import SweepView, Writer, create_sweep, read_sweep
from scaling_tui.sweeps.results import outcome
from scaling_tui.tui.app import ScalingApp
from scaling_tui.tui.widgets.panel import in_view
from scaling_tui.tui.widgets.plot import Plot
from scaling_tui.tui.widgets.run_table import RunTable
from tests.tui.conftest import until

SIZES = {"small": (100_000, (0.60, 0.62)), "large": (3_000_000, (0.84, 0.86))}


@pytest.fixture
def sweep(tmp_path: Path) -> SweepView:
    cases = {
        "small": {"rung": "small", "expected": {"val_accuracy": [0.55, 0.65]}, "claimed": {}},
        "large": {"rung": "large", "expected": {"val_accuracy": [0.9, 1.0]}, "claimed": {"val_accuracy": 0.95}},
    }
    path = create_sweep(tmp_path, "words", {"ladder": "words", "cases": cases, "corpus": {"ceiling": 0.96}})
    for rung, (size, accuracies) in SIZES.items():
        for seed, accuracy in enumerate(accuracies):
            config = {"rung": rung, "seed": seed, "params": size, "non_embedding": size, "tokens": 1000}
            with Writer.create(path / f"{rung}-s{seed}", config) as run:
                run.log(step=10, tokens=1000, loss=2.0, val_loss=2.0 - accuracy, val_accuracy=accuracy)
    return read_sweep(path)


def test_the_mean_of_each_size_stands_with_its_seeds_the_ceiling_and_the_claim(sweep: SweepView) -> None:
    assert metrics_over_size(sweep) == ("val_accuracy",)
    figure = result_figure(sweep, outcome(sweep), "val_accuracy")
    named = {one.name: one for one in figure.series if one.name}
    assert named["accuracy"].x.tolist() == [100_000, 3_000_000]
    assert np.allclose(named["accuracy"].y, [0.61, 0.85])
    assert named["best possible"].y.tolist() == [0.96, 0.96]
    assert (named["source"].x.tolist(), named["source"].y.tolist()) == ([3_000_000], [0.95])
    for (_, low, high, _), mean in zip(sorted(figure.spans), (0.61, 0.85), strict=True):
        # Two seeds 0.02 apart: Student's t of one degree of freedom, 6.31 times the standard error of 0.01.
        assert low == pytest.approx(mean - 0.0631, abs=1e-3)
        assert high == pytest.approx(mean + 0.0631, abs=1e-3)


def test_what_was_promised_is_told_right_or_wrong(sweep: SweepView) -> None:
    told = promised_text(sweep).plain
    assert "small accuracy 0.61 ± 0.014 (expected 0.55 to 0.65 ✓)" in told
    assert "large accuracy 0.85 ± 0.014 (expected 0.9 to 1 ✗)" in told


async def test_a_key_shows_it_where_there_is_no_law(sweep: SweepView) -> None:
    app = ScalingApp(sweep.path.parent, mode="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: len(app.screen.query_one(RunTable).rows) == 4)
        plot = app.screen.query_one("#law-plot", Plot)
        assert not in_view(plot)
        await pilot.press("l")
        await until(pilot, lambda: plot.figure.title.startswith("accuracy · x N"))
        assert in_view(plot)
        await pilot.press("l")
        assert not in_view(plot)
