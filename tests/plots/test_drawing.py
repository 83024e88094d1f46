"""Drawing: thinning loses nothing that shows, nothing lies outside the axes, any data and size gives a picture."""

import math
import re
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scaling_tui.plots.axes import Axis, apart, labels, power_label, straightened, thin, tick_label, ticks
from scaling_tui.plots.curves import smoothed
from scaling_tui.plots.drawing import Cells, draw, plain
from scaling_tui.plots.figures import DOTTED, Figure, Ink, Series, readings
from scaling_tui.plots.limits import Limits

finite = st.floats(-1e6, 1e6)


@given(
    st.integers(1, 3000).flatmap(
        lambda n: st.tuples(
            arrays(np.float64, n, elements=finite), arrays(np.float64, n, elements=st.floats(1e-3, 1e6)).map(np.sort)
        )
    ),
    st.integers(1, 200),
    st.booleans(),
)
def test_thinning_keeps_every_columns_highest_and_lowest(
    points: tuple[np.ndarray, np.ndarray], columns: int, log: bool
) -> None:
    y, x = points
    axis = Axis.around(float(x[0]), float(x[-1]), log, 0.01)
    edges = axis.edges(columns)
    kept_x, kept_y = thin(x, y, edges)
    assert len(kept_x) <= max(2 * columns, 1)
    assert (np.diff(kept_x) >= 0).all()
    column, kept = np.searchsorted(edges[1:-1], x, side="right"), np.searchsorted(edges[1:-1], kept_x, side="right")
    for which in np.unique(column):
        assert kept_y[kept == which].max() == y[column == which].max()
        assert kept_y[kept == which].min() == y[column == which].min()


@given(
    arrays(np.float64, st.integers(1, 200), elements=st.floats(0, 60)),
    st.floats(0.0, 3.0),
)
def test_straightening_moves_a_line_by_two_dots_at_most(y: np.ndarray, step: float) -> None:
    x = np.arange(float(len(y))) * step
    kept_x, kept_y = straightened(x, y)
    assert (kept_x[0], kept_y[0], kept_x[-1], kept_y[-1]) == (x[0], y[0], x[-1], y[-1])
    if step > 0.01:
        assert np.abs(np.interp(x, kept_x, kept_y) - y).max() <= 2.0


def test_straightening_leaves_corners_and_little_else() -> None:
    y = np.concatenate([np.linspace(40, 10, 50), [55.0], np.linspace(10, 0, 49)])
    kept_x, kept_y = straightened(np.arange(100.0), y)
    assert len(kept_x) < 20
    assert 55.0 in kept_y


@given(low=st.floats(1e-6, 1e12), factor=st.floats(1.001, 1e9), log=st.booleans(), most=st.integers(1, 12))
def test_ticks_lie_within_and_are_few(low: float, factor: float, log: bool, most: int) -> None:
    high = low * factor
    found = ticks(low, high, log, most)
    assert len(found) <= most
    slack = (high - low) * 1e-6
    assert all(low - slack <= value <= high + slack for value in found)
    assert found == sorted(found)


@pytest.mark.parametrize(
    ("value", "label"),
    [
        (0, "0"), (0.5, "0.5"), (2.4, "2.4"), (1000, "1k"), (30_000, "30k"), (1e6, "1M"), (1.5e9, "1.5B"),
        (3e15, "3e15"), (1.5e15, "1.5e15"), (1e-5, "1e-5"), (-0.5, "-0.5"),
    ],
)  # fmt: skip
def test_tick_labels_are_short(value: float, label: str) -> None:
    assert tick_label(value) == label


@given(st.lists(st.integers(0, 20), max_size=30), st.integers(0, 15))
def test_labels_are_moved_apart_in_their_order_and_stay_inside(places: list[int], size: int) -> None:
    moved = apart(places, size)
    there = [(place, row) for place, row in zip(places, moved, strict=True) if row is not None]
    rows = [row for _, row in there]
    assert len(set(rows)) == len(rows) == min(len(places), size)
    assert all(0 <= row < size for row in rows)
    by_row = [place for place, _ in sorted(there, key=lambda item: item[1])]
    assert by_row == sorted(by_row)


@given(
    low=st.floats(1e-6, 1e12),
    factor=st.floats(1.0001, 1e9),
    log=st.booleans(),
    most=st.integers(5, 12),
    write=st.sampled_from([tick_label, power_label]),
)
def test_there_are_three_ticks_at_least_and_no_two_labels_are_the_same(
    low: float, factor: float, log: bool, most: int, write: Callable[[float, int], str]
) -> None:
    found = ticks(low, low * factor, log, most)
    assert len(found) >= 3
    told = labels(found, write)
    assert len(set(told)) == len(told)


def test_ticks_of_a_narrow_axis_are_told_apart_and_a_short_log_axis_has_three() -> None:
    assert ticks(1.9, 4.7, True, 5) == [2, 3, 4]
    assert labels([2.30011, 2.30012, 2.30013], tick_label) == ["2.30011", "2.30012", "2.30013"]
    assert labels([2.0, 3.0], tick_label) == ["2", "3"]


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 119), st.integers(0, 55)), min_size=2, max_size=12), max_size=3),
    st.booleans(),
)
@settings(max_examples=50, deadline=None)
def test_a_drawn_line_has_no_gap(curves: list[list[tuple[int, int]]], braille: bool) -> None:
    """Every cell of a curve touches another one of it, from its first point to its last."""
    for points in curves:
        x, y = (np.array(side, dtype=np.float64) for side in zip(*sorted(points), strict=True))
        lines = plain(draw(Figure("", (Series(x, y),), limits=Limits(whole=True)), 60, 17, braille).rows()).split("\n")[
            1:-2
        ]
        left = max(line.find("┤") for line in lines) + 1
        cells = {
            (row, column) for row, line in enumerate(lines) for column in range(left, len(line)) if line[column] != " "
        }
        reached, todo = set(), [next(iter(cells))]
        while todo:
            row, column = todo.pop()
            reached.add((row, column))
            near = {(row + down, column + right) for down in (-1, 0, 1) for right in (-1, 0, 1)} & cells
            todo += near - reached
        assert reached == cells


values = st.lists(st.floats(allow_nan=True, allow_infinity=True, width=64), min_size=0, max_size=30)


@settings(max_examples=100, deadline=None)
@given(
    y=values,
    log_x=st.booleans(),
    log_y=st.booleans(),
    braille=st.booleans(),
    mark=st.sampled_from(["line", DOTTED, "●"]),
    cursor=st.none() | st.floats(-1, 40),
    width=st.integers(1, 130),
    height=st.integers(1, 50),
)
def test_any_data_at_any_size_gives_a_picture_that_fits(
    y: list[float], log_x: bool, log_y: bool, braille: bool, mark: str, cursor: float | None, width: int, height: int
) -> None:
    x = np.arange(len(y), dtype=np.float64)
    series = (Series(x, np.array(y, dtype=np.float64), "primary", "r1", mark, name="r1"),)
    rows = draw(Figure("title", series, log_x=log_x, log_y=log_y), width, height, braille).rows(cursor)
    assert len(rows) == height
    assert all(sum(len(text) for text, _ in row) <= width for row in rows)


def curve(row: str) -> list[int]:
    return [column for column, sign in enumerate(row) if "⠀" < sign <= "⣿"]


def test_a_curve_comes_down_from_left_to_right_and_stays_inside_the_axes() -> None:
    x = np.linspace(1, 100, 50)
    lines = plain(draw(Figure("", (Series(x, 1 / x),)), 60, 20).rows()).split("\n")
    rows = [sum(columns) / len(columns) for line in lines if (columns := curve(line))]
    assert rows == sorted(rows)
    assert math.isclose(len(rows), 17, abs_tol=2)
    left = max(line.find("┤") for line in lines)
    assert all(column > left for line in lines for column in curve(line))


@pytest.mark.parametrize(("width", "height"), [(16, 6), (78, 18), (230, 70)])
def test_a_plot_fills_the_size_it_is_given_whatever_the_terminal_is(
    width: int, height: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("LINES", "10")
    x = np.linspace(1, 100, 50)
    lines = plain(draw(Figure("", (Series(x, x),)), width, height).rows()).split("\n")
    assert len(lines) == height
    assert lines[-2].lstrip().startswith("└")
    assert len(lines[-2]) == width
    assert any(curve(line) for line in lines[: 2 + height // 10]), "up to the top"
    assert max(column for line in lines for column in curve(line)) >= width * 0.9 - 2, "up to the right"


def test_one_spike_among_a_million_points_is_seen() -> None:
    x, y = np.arange(1e6), np.ones(1_000_000)
    y[678_901] = 9.0
    lines = plain(draw(Figure("", (Series(x, y),)), 80, 24).rows()).split("\n")
    top = next(line for line in lines[1:] if curve(line))
    assert curve(top) == [pytest.approx(0.68 * 80, abs=4)]


def test_labels_of_curves_that_end_together_are_all_readable() -> None:
    x = np.linspace(1, 100, 50)
    series = tuple(Series(x, 2 + 1e-4 * k + 1 / x, k / 6, f"rung{k}") for k in range(7))
    text = plain(draw(Figure("", series), 60, 20).rows())
    assert all(f"rung{k}" in text for k in range(7))
    assert [f"rung{k}" for k in range(6, -1, -1)] == [word for word in text.split() if word.startswith("rung")] or all(
        above.index("rung") for above in text.split("\n") if "rung" in above
    )


def test_labels_of_curves_that_end_together_are_in_the_order_of_their_values() -> None:
    x = np.linspace(1, 100, 50)
    ends = [2.02, 2.05, 2.01, 2.04, 2.03]
    series = tuple(Series(x, np.linspace(9, end, 50), 0.5, f"at{end}") for end in ends)
    text = plain(draw(Figure("", series), 60, 20).rows())
    assert re.findall(r"at[.\d]+", text) == [f"at{end}" for end in sorted(ends, reverse=True)]


def test_every_cell_has_the_ink_of_its_series() -> None:
    x = np.linspace(1, 100, 50)
    inks = [Ink("primary"), Ink(0.25), Ink("accent", "strong"), Ink("warning")]
    series = (
        Series(x, np.full(50, 1.0), "primary"),
        Series(x, np.full(50, 2.0), 0.25),
        Series(x, np.full(50, 3.0), "accent", weight="strong"),
        Series(x, np.full(50, 4.0), "warning", mark="●"),
    )
    rows = draw(Figure("", series), 60, 20).rows()
    found = {ink for row in rows for text, ink in row if set(text) & {"●", "⣀", "⠤", "⠒", "⠉"}}
    assert found == set(inks)
    assert {ink for row in rows for text, ink in row if "│" in text or "┬" in text} == {Ink(weight="faint")}


def test_what_is_faint_lies_under_the_rest() -> None:
    x = np.linspace(1, 100, 50)
    over, under = Series(x, x, "primary"), Series(x, x, "error", weight="faint")
    rows = draw(Figure("", (over, under)), 60, 20).rows()
    assert not any(ink == under.ink for row in rows for _, ink in row)


def test_names_cannot_send_anything_to_the_terminal() -> None:
    x = np.linspace(1, 100, 50)
    rows = draw(Figure("a\x1b[31mtitle", (Series(x, x, label="b\x07", name="c\x9b"),)), 60, 20).rows(cursor=50.0)
    assert all(sign.isprintable() for row in rows for text, _ in row for sign in text)


def test_the_drawing_engine_is_not_started_before_something_is_drawn() -> None:
    program = (
        "import sys, numpy as np\n"
        "import scaling_tui.cli.app, scaling_tui.tui.app, scaling_tui.report.lesson\n"
        "from scaling_tui.plots import curves, drawing, law_plots, pictures, plans, results\n"
        "from scaling_tui.plots.figures import Figure, Series\n"
        "drawing.draw(Figure('', (), empty='nothing yet'), 60, 20)\n"
        "before = {'plotext', 'matplotlib'} & set(sys.modules)\n"
        "drawing.draw(Figure('', (Series(np.arange(9.0), np.arange(9.0)),)), 60, 20)\n"
        "print(sorted(before), {'plotext', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.split("\n")[0] == "[] {'plotext'}"


def test_without_braille_curves_have_signs_of_their_own() -> None:
    x = np.linspace(1, 100, 50)
    text = plain(draw(Figure("t", (Series(x, x), Series(x, 2 * x))), 60, 20, braille=False).rows())
    assert "*" in text
    assert "+" in text
    assert not any("⠀" < sign <= "⣿" for sign in text)


def test_the_crosshair_tells_the_value_of_the_nearest_point_of_each_curve() -> None:
    x = np.array([1.0, 10.0, 100.0])
    figure = Figure(
        "title",
        (Series(x, np.array([3.0, 2.0, 1.0]), name="low"), Series(x, np.array([6.0, 5.0, 4.0]), name="high")),
        log_x=True,
        x_name="tokens",
    )
    assert [(one.name, value) for one, value in readings(figure, 20.0)] == [("high", 5.0), ("low", 2.0)]
    text = plain(draw(figure, 60, 16).rows(cursor=10.0))
    assert text.startswith("tokens 10")
    assert "low  2" in text
    assert "high 5" in text


@pytest.mark.parametrize("gap", [math.nan, math.inf, 0.0, -1.0])
def test_values_that_cannot_be_drawn_are_left_out(gap: float) -> None:
    x = np.array([1.0, 2.0, 3.0, 4.0])
    whole, broken = np.array([4.0, 3.0, 2.0, 1.0]), np.array([4.0, 3.0, gap, 1.0])
    drawn = draw(Figure("", (Series(x, broken),), log_y=True), 40, 12)
    assert (
        plain(drawn.rows()).split("\n")[1:]
        == plain(draw(Figure("", (Series(x[[0, 1, 3]], whole[[0, 1, 3]]),), log_y=True), 40, 12).rows()).split("\n")[1:]
    )


def test_text_in_cells_is_cut_at_their_edges() -> None:
    cells = Cells(5, 2)
    cells.write(0, -2, "abcd", Ink("primary"))
    cells.write(1, 3, "wxyz")
    cells.write(2, 0, "below")
    assert plain(cells.rows()) == "cd\n   wx"


@given(
    st.lists(st.tuples(st.floats(0.1, 20), st.integers(1, 9)), min_size=1, max_size=400),
    st.sampled_from([0.5, 0.8, 0.99]),
)
def test_smoothing_is_the_exponential_mean_of_every_record(records: list[tuple[float, int]], weight: float) -> None:
    mean = mass = 0.0
    wanted = []
    for value, count in records:
        for _ in range(count):
            mean, mass = mean * weight + value * (1 - weight), mass * weight + (1 - weight)
        wanted.append(mean / mass)
    values, counts = (np.array(side, dtype=np.float64) for side in zip(*records, strict=True))
    assert smoothed(values, counts, weight) == pytest.approx(wanted, rel=1e-9)


@given(
    st.lists(st.tuples(st.floats(0.1, 20), st.integers(1, 10_000_000)), min_size=1, max_size=100),
    st.sampled_from([0.5, 0.8, 0.95, 0.99]),
)
def test_smoothing_gives_a_value_whatever_a_record_stands_for(records: list[tuple[float, int]], weight: float) -> None:
    mean = mass = 0.0
    wanted = []
    for value, count in records:
        past = weight**count
        mean, mass = mean * past + value * (1 - past), mass * past + (1 - past)
        wanted.append(mean / mass)
    values, counts = (np.array(side, dtype=np.float64) for side in zip(*records, strict=True))
    assert smoothed(values, counts, weight) == pytest.approx(wanted, rel=1e-9)


def test_a_long_name_leaves_the_curve_half_of_the_width() -> None:
    x = np.linspace(0.0, 1.0, 50)
    drawing = draw(Figure("t", (Series(x, x, label="r" * 100),)), 70, 10)
    assert drawing.frame is not None
    assert drawing.frame.column_of(1.0) > 30
    assert "r…" in plain(drawing.rows())


def test_what_a_logarithmic_axis_cannot_show_is_counted_in_the_title() -> None:
    curve = Series(np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.0, 0.0, -1.0, np.nan]))
    assert draw(Figure("loss · tokens", (curve,), log_y=True), 60, 12).rows()[0][0][0] == (
        "loss · 2 values ≤ 0 not shown · tokens"
    )
    assert Figure("loss · tokens", (curve,)).heading == "loss · tokens"
