"""Drawing: nothing a plot shows is lost by thinning, ticks are round, any data and size gives a picture."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scaling_tui.tui.plot import Figure, Series, apart, draw, thin, tick_label, ticks

COLOURS = {"foreground": (200, 200, 200), "primary": (1, 120, 212)}
finite = st.floats(-1e6, 1e6)


@given(st.integers(1, 3000).flatmap(lambda n: arrays(np.float64, n, elements=finite)), st.integers(1, 200))
def test_thinning_keeps_every_columns_highest_and_lowest(y: np.ndarray, columns: int) -> None:
    x = np.arange(len(y), dtype=np.float64)
    kept_x, kept_y = thin(x, y, columns)
    assert len(kept_x) <= max(2 * columns, 1)
    assert (np.diff(kept_x) > 0).all()
    assert (kept_y.min(), kept_y.max()) == (y.min(), y.max())
    column = np.minimum((x / max(x.max(), 1) * columns).astype(int), columns - 1)
    kept = np.minimum((kept_x / max(x.max(), 1) * columns).astype(int), columns - 1)
    for which in np.unique(column):
        assert kept_y[kept == which].max() == y[column == which].max()


@given(low=st.floats(1e-6, 1e12), factor=st.floats(1.001, 1e9), log=st.booleans(), most=st.integers(1, 12))
def test_ticks_lie_within_and_are_few(low: float, factor: float, log: bool, most: int) -> None:
    high = low * factor
    found = ticks(low, high, log, most)
    assert len(found) <= most + 1
    slack = (high - low) * 1e-6
    assert all(low - slack <= value <= high + slack for value in found)
    assert found == sorted(found)


@pytest.mark.parametrize(
    ("value", "label"),
    [(0, "0"), (0.5, "0.5"), (2.4, "2.4"), (1000, "1k"), (30_000, "30k"), (1e6, "1M"), (1.5e9, "1.5B"), (3e15, "3e15")],
)
def test_tick_labels_are_short(value: float, label: str) -> None:
    assert tick_label(value) == label


@given(st.lists(st.floats(0, 10), max_size=12))
def test_labels_are_moved_apart_and_stay_above_the_floor(heights: list[float]) -> None:
    moved = sorted(apart(heights, 0.5, 0.0))
    assert all(b - a >= 0.5 - 1e-9 for a, b in pairwise(moved))
    assert all(value >= 0 for value in moved)


values = st.lists(st.floats(allow_nan=True, allow_infinity=True, width=64), min_size=0, max_size=30)


@settings(max_examples=60, deadline=None)
@given(y=values, log_x=st.booleans(), log_y=st.booleans(), width=st.integers(1, 130), height=st.integers(1, 50))
def test_any_data_at_any_size_gives_a_picture_that_fits(
    y: list[float], log_x: bool, log_y: bool, width: int, height: int
) -> None:
    x = np.arange(len(y), dtype=np.float64)
    figure = Figure("title", (Series(x, np.array(y, dtype=np.float64), "primary", "r1"),), log_x=log_x, log_y=log_y)
    lines = draw(figure, width, height, COLOURS).plain.split("\n")
    if len(lines) > 1:
        assert len(lines) <= height
        assert all(len(line) <= width for line in lines)


def test_a_curve_comes_down_from_left_to_right() -> None:
    x = np.linspace(1, 100, 50)
    lines = draw(Figure("", (Series(x, 1 / x),)), 60, 20, COLOURS).plain.split("\n")
    drawn = [[column for column, sign in enumerate(line) if "⠀" < sign <= "⣿"] for line in lines]
    rows = [sum(columns) / len(columns) for columns in drawn if columns]
    assert rows == sorted(rows)
    assert math.isclose(len(rows), 17, abs_tol=2)
