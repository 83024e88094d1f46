"""Limits of axes: what is set stays, what is not follows the data, and a spike does not flatten the rest."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scaling_tui import InputError
from scaling_tui.plots.axes import FAR, Axis, pieces
from scaling_tui.plots.drawing import draw, plain
from scaling_tui.plots.figures import DOTTED, Figure, Series
from scaling_tui.plots.limits import (
    FREE,
    Limits,
    Range,
    applied,
    between,
    moved,
    range_text,
    read_limits,
    read_range,
    zoomed,
)

ends = st.floats(-1e12, 1e12).filter(lambda value: value == 0 or abs(value) > 1e-12)


def in_order(found: Range) -> bool:
    low, high = found
    return low is None or high is None or (low < high and not math.isclose(low, high))


ranges: st.SearchStrategy[Range] = st.tuples(st.none() | ends, st.none() | ends).filter(in_order)
axes = st.builds(
    lambda low, size, log: Axis(low, low + size, log), st.floats(-20, 20), st.floats(1e-3, 30), st.booleans()
)
shares = st.floats(0.0, 1.0)


@given(ranges, ranges)
def test_limits_are_read_as_they_are_written(x: Range, y: Range) -> None:
    limits = Limits(x, y)
    read = read_limits(str(limits))
    for before, after in zip((*x, *y), (*read.x, *read.y), strict=True):
        assert after == (before if before is None else pytest.approx(before, rel=1e-9))


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("", Limits()),
        ("x 1e5:10M", Limits(x=(1e5, 1e7))),
        ("X=100k:  y :3.5", Limits(x=(1e5, None), y=(None, 3.5))),
        ("y 2:3, x 1:2", Limits(x=(1, 2), y=(2, 3))),
        ("y -1:1", Limits(y=(-1, 1))),
    ],
)
def test_limits_are_typed_as_people_write_numbers(typed: str, wanted: Limits) -> None:
    assert read_limits(typed) == wanted


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("1:2", "limits: found '1:2', want x LOW:HIGH or y LOW:HIGH, such as x 1e5:10M"),
        ("x 3:2", "x: found 3 to 2, want the lower end first"),
        ("x 2:2", "x: found 2 to 2, want the lower end first"),
        ("x 1:2 x 1:3", "limits: found x twice, want it once"),
        ("x 1:2 and more", "limits: found 'and more', want x LOW:HIGH or y LOW:HIGH, such as x 1e5:10M"),
        ("y 1e300:", "y: found 1e+300, want at most 1e+60"),
    ],
)
def test_what_are_no_limits_is_said_in_a_line(typed: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read_limits(typed)
    assert str(caught.value) == said


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_in_a_line(text: str) -> None:
    for read in (read_limits, lambda text: read_range(text, "--xlim")):
        try:
            read(text)
        except InputError as error:
            assert "\n" not in str(error).replace(text, "")


@given(axes, ranges, st.booleans())
def test_what_is_set_is_where_the_axis_ends(data: Axis, found: Range, log: bool) -> None:
    data = Axis(data.low, data.high, log)
    axis = applied(data, found, log)
    assert axis.low < axis.high
    for end, drawn in zip(found, (axis.low, axis.high), strict=True):
        if end is not None and (end > 0 or not log):
            assert drawn == pytest.approx(math.log10(end) if log else end)
    if found == FREE:
        assert axis == data


@given(axes, shares, st.floats(1.1, 4.0))
def test_what_is_under_the_pointer_stays_there_and_zooming_out_undoes_zooming_in(
    axis: Axis, share: float, factor: float
) -> None:
    near = applied(axis, zoomed(axis, factor, share), axis.log)
    size = axis.high - axis.low
    assert near.high - near.low == pytest.approx(size / factor, rel=1e-6)
    assert near.low + (near.high - near.low) * share == pytest.approx(axis.low + size * share, abs=size * 1e-6)
    back = applied(near, zoomed(near, 1 / factor, share), axis.log)
    assert (back.low, back.high) == pytest.approx((axis.low, axis.high), abs=size * 1e-5)


@example(Axis(1.0, 31.0, log=True), 1.0)  # as far as an axis goes
@given(axes, st.floats(-1.0, 1.0))
def test_moving_keeps_the_size(axis: Axis, share: float) -> None:
    on = applied(axis, moved(axis, share), axis.log)
    size = axis.high - axis.low
    assert on.high - on.low == pytest.approx(size, rel=1e-6)
    furthest = 60.0 - size if axis.log else math.inf
    assert on.low == pytest.approx(min(axis.low + size * share, furthest), abs=size * 1e-6)


@given(axes, shares, shares)
def test_a_box_is_what_is_seen_then(axis: Axis, first: float, last: float) -> None:
    box = applied(axis, between(axis, first, last), axis.log)
    assert box.low < box.high
    low, high = sorted((first, last))
    if high - low > 1e-3:
        size = axis.high - axis.low
        assert (box.low, box.high) == pytest.approx((axis.low + size * low, axis.low + size * high), abs=size * 1e-6)


@given(axes, st.lists(st.tuples(st.sampled_from([0.01, 0.5, 2.0, 1e3]), shares), max_size=60))
def test_however_often_one_zooms_there_is_an_axis_with_ticks(axis: Axis, steps: list[tuple[float, float]]) -> None:
    for factor, share in steps:
        axis = applied(axis, zoomed(axis, factor, share), axis.log)
        assert axis.low < axis.high
        assert axis.ticks(6)


@given(
    arrays(np.float64, st.integers(2, 60), elements=st.floats(-3, 4).map(lambda value: round(value, 9))),
)
def test_a_line_is_cut_where_it_crosses_the_edges(y: np.ndarray) -> None:
    x = np.arange(float(len(y)))
    parts = pieces(x, y)
    for part_x, part_y in parts:
        assert ((part_y >= 0) & (part_y <= 1)).all()
        assert (np.diff(part_x) >= 0).all()
        assert np.interp(part_x, x, y) == pytest.approx(part_y, abs=1e-9), "on the line"
    inside = int(((y >= 0) & (y <= 1)).sum())
    own = sum(int(np.isin(part_x, x).sum()) for part_x, _ in parts)
    assert own >= inside, "no point is lost"
    length = sum(float(part_x[-1] - part_x[0]) for part_x, _ in parts)
    fine = np.linspace(0, len(y) - 1, 4001)
    at = np.interp(fine, x, y)
    assert length == pytest.approx(((at >= 0) & (at <= 1)).mean() * (len(y) - 1), abs=0.1 * len(y) ** 0.5)


values = st.lists(st.floats(allow_nan=True, allow_infinity=True, width=64), min_size=0, max_size=30)


@settings(max_examples=150, deadline=None)
@given(
    y=values,
    log_x=st.booleans(),
    log_y=st.booleans(),
    braille=st.booleans(),
    mark=st.sampled_from(["line", DOTTED, "●"]),
    x_range=ranges,
    y_range=ranges,
    whole=st.booleans(),
    box=st.none() | st.tuples(*[st.integers(-5, 140)] * 4),
    width=st.integers(1, 130),
    height=st.integers(1, 40),
)
def test_any_limits_of_any_data_give_a_picture_that_fits(
    y: list[float], log_x: bool, log_y: bool, braille: bool, mark: str, x_range: Range,
    y_range: Range, whole: bool, box: tuple[int, int, int, int] | None, width: int, height: int,
) -> None:  # fmt: skip
    x = np.arange(len(y), dtype=np.float64)
    series = (Series(x, np.array(y, dtype=np.float64), "primary", "r1", mark, name="r1"),)
    spans = ((3.0, 1.0, 2.0, "accent"),)
    figure = Figure("t", series, spans, log_x=log_x, log_y=log_y, limits=Limits(x_range, y_range, whole))
    rows = draw(figure, width, height, braille).rows(None, box)
    assert len(rows) == height
    assert all(sum(len(text) for text, _ in row) <= width for row in rows)


def fall(n: int, end: float = 3.0, start: float = 10.8) -> tuple[np.ndarray, np.ndarray]:
    """Tokens and losses of a training, with a little noise."""
    x = np.arange(1.0, n + 1) * 1e4
    noise = np.random.default_rng(n).normal(0.0, 0.02, n)
    return x, end + (start - end) * np.exp(-6 * (x / x[-1]) ** 0.4) + noise


def reaches(figure: Figure) -> tuple[float, float]:
    view = figure.view
    assert view is not None
    return view.y.value(0.0), view.y.value(1.0)


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(60, 3000),
    where=st.floats(0.05, 0.95),
    width=st.integers(1, 2),
    height=st.floats(60.0, 1e6),
    log_x=st.booleans(),
    log_y=st.booleans(),
)
def test_one_spike_does_not_flatten_the_rest(
    n: int, where: float, width: int, height: float, log_x: bool, log_y: bool
) -> None:
    x, y = fall(n)
    calm = Figure("loss · tokens", (Series(x, y),), log_x=log_x, log_y=log_y)
    at = int(where * n)
    # As drawn it must be narrow: on a logarithmic axis early records are far apart.
    if log_x and math.log10(x[min(at + width, n - 1)] / x[at - 1]) > math.log10(n) / 40:
        return
    if not log_x and n < 130:
        return
    y = y.copy()
    y[at : at + width] = height
    spiked = Figure("loss · tokens", (Series(x, y),), log_x=log_x, log_y=log_y)
    assert reaches(spiked)[1] <= max(2 * reaches(calm)[1], 17.0)
    assert spiked.view is not None
    ((_, above, below),) = spiked.view.cut
    assert above.tolist() == x[at : at + width].tolist()
    assert not below.size
    assert f"{len(above)} value{'s' * (len(above) > 1)} off the plot" in spiked.heading
    assert "▲" in plain(draw(spiked, 80, 24).rows())
    whole = Figure("loss · tokens", (Series(x, y),), log_x=log_x, log_y=log_y, limits=Limits(whole=True))
    assert reaches(whole)[1] >= height * 0.999
    assert whole.heading == "loss · tokens"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0.0, 1.0), min_size=2, max_size=400),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_what_only_falls_or_only_rises_is_shown_whole(
    steps: list[float], rises: bool, log_x: bool, log_y: bool
) -> None:
    """How a loss falls at its beginning is no spike, however steep; nor is how one run diverges at its end."""
    y = 1.0 + np.cumsum(np.array(steps) ** 4)
    x = np.arange(1.0, len(y) + 1)
    figure = Figure("", (Series(x, y if rises else y[::-1]),), log_x=log_x, log_y=log_y)
    low, high = reaches(figure)
    assert low <= y.min()
    assert high >= y.max()


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.float64, st.integers(1, 300), elements=st.floats(0.1, 1e6)),
    st.sampled_from(["line", "●"]),
    st.booleans(),
    st.booleans(),
)
def test_what_is_cut_off_is_little_and_worth_it(y: np.ndarray, mark: str, log_x: bool, log_y: bool) -> None:
    x = np.arange(1.0, len(y) + 1)
    figure = Figure("", (Series(x, y, mark=mark),), log_x=log_x, log_y=log_y)
    view = figure.view
    assert view is not None
    gone = sum(above.size + below.size for _, above, below in view.cut)
    assert gone < max(1, len(y) / 2)
    size = view.y.high - view.y.low
    counted = np.log10(y) if log_y else y
    if gone:
        assert counted.max() - counted.min() > size, "the whole would be larger than the plot"
    else:
        assert view.y.low <= counted.min() and counted.max() <= view.y.high


def test_of_several_curves_one_that_diverges_is_cut_off_and_named() -> None:
    series = []
    for k in range(6):
        x, y = fall(400, 3.4 - 0.2 * k)
        if k == 2:
            y = y.copy()
            y[250:] = np.linspace(5, 4000, 150)
        series.append(Series(x, y, k / 5, f"r{k}"))
    figure = Figure("loss · tokens", tuple(series), log_x=True, log_y=True)
    assert reaches(figure)[1] < 20
    text = plain(draw(figure, 80, 20).rows())
    assert text.count("▲") > 1
    assert "r2" in text.splitlines()[1], "where it left"
    alone = Figure("loss · tokens", (series[2],), log_x=True, log_y=True)
    assert reaches(alone)[1] >= 4000, "of one run it is the news"


def test_one_point_far_from_a_law_does_not_flatten_the_others() -> None:
    n = np.geomspace(1e6, 1e9, 12)
    loss = 2.0 + 400 / n**0.35
    loss[3] = 90.0
    line = Series(n, 2.0 + 400 / n**0.35)
    figure = Figure("loss · N", (line, Series(n, loss, mark="●")), log_x=True)
    assert reaches(figure)[1] < 10
    assert "1 value off the plot" in figure.heading
    few = Figure("loss · N", (Series(n[:4], loss[:4], mark="●"),), log_x=True)
    assert reaches(few)[1] >= 90


def test_y_follows_what_is_in_view() -> None:
    x, y = fall(1000)
    figure = Figure("loss", (Series(x, y, label="r1"),), limits=Limits(x=(5e6, 9e6)))
    low, high = reaches(figure)
    inside = y[(x >= 5e6) & (x <= 9e6)]
    assert low <= inside.min()
    assert inside.max() <= high < 3.5
    drawing = draw(figure, 80, 20)
    assert "zoomed" in plain(drawing.rows())
    assert drawing.frame is not None
    assert drawing.frame.data.value(0.0) == pytest.approx(5e6)
    assert drawing.frame.data.value(1.0) == pytest.approx(9e6)


def test_between_two_records_there_is_the_line_that_joins_them() -> None:
    figure = Figure("", (Series(np.array([0.0, 10.0]), np.array([0.0, 100.0])),), limits=Limits(x=(4.0, 6.0)))
    assert figure.view is not None
    ((_, x, y),) = figure.view.curves
    assert x.tolist() == [4.0, 6.0]
    assert y.tolist() == pytest.approx([40.0, 60.0])


def test_limits_without_data_in_view_are_an_empty_plot() -> None:
    figure = Figure("loss", (Series(np.arange(9.0), np.arange(9.0), label="r1"),), limits=Limits(x=(100.0, 200.0)))
    text = plain(draw(figure, 60, 12).rows())
    assert "r1" not in text
    assert "100" in text
    assert "200" in text


def test_a_picture_has_the_limits_of_the_plot(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from scaling_tui.plots.pictures import picture

    x, y = fall(400)
    y[200] = 1e4
    text = picture([Figure("loss · tokens", (Series(x, y, label="r1"),))], "svg").decode()
    assert "1 value off the plot" in text
    assert ">10k<" not in text
    text = picture([Figure("loss", (Series(x, y, label="r1"),), limits=Limits((1e6, 2e6), whole=True))], "svg").decode()
    assert ">1.2M<" in text


def test_a_range_is_written_with_the_digits_it_needs() -> None:
    assert range_text((1e5, None)) == "100000:"
    assert range_text((None, 1.23456789012)) == ":1.23456789012"


@pytest.mark.parametrize(
    "found", [(1.0, 1.0 + 1e-12), (1e15, 1e15 + 1), (-FAR, FAR), (None, FAR), (1 / 3, 2 / 3), (1e5, None)]
)
def test_what_is_set_can_be_read_again_as_it_is_shown(found: Range) -> None:
    assert read_limits(str(Limits(found, found))) == Limits(found, found)
