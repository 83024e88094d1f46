"""An answer is read as people write it, or refused with a reason; it is never guessed at."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_tui import InputError
from scaling_tui.text import show
from scaling_tui.text.numbers import read_number, read_quantity
from scaling_tui.tutor.parsing.numbers import figures, plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.0947", 0.0947),
        ("9.47e-2", 0.0947),
        ("9.47E−2", 0.0947),
        ("1.2×10^3", 1200.0),
        ("1.2·10³", 1200.0),
        ("1.2 x 10^-3", 0.0012),
        ("1.2*10**3", 1200.0),
        ("10^21", 1e21),
        ("1,000", 1000.0),
        ("1,234,567", 1234567.0),
        ("40 000", 40000.0),
        ("40\u202f000", 40000.0),
        ("5%", 0.05),
        ("5 %", 0.05),
        ("1.4T", 1.4e12),
        ("70B", 70e9),
        ("70 billion", 70e9),
        ("1.4 T tokens", 1.4e12),
        ("3 tokens", 3.0),
        ("−3", -3.0),
        ("+.5", 0.5),
        ("= 0.5", 0.5),
        ("≈ 18.4", 18.4),
    ],
)
def test_reads_what_people_write(text: str, value: float) -> None:
    assert read_number(text, "tokens").value == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "nothing given"),
        ("abc", "cannot read"),
        ("nan", "cannot read"),
        ("inf", "cannot read"),
        ("0,0947", "two different numbers"),
        ("0,947", "two different numbers"),
        ("1.000.000", "two different numbers"),
        ("1,00", "two different numbers"),
        ("1e400", "too large"),
        ("3 nats", "found nats, want a number in tokens"),
        ("3 apples", "cannot parse 'apples'"),
        ("0x10", "after '0'"),
        ("1e", "after '1'"),
        ("3 + 4", "cannot parse '+ 4'"),
        ("٣", "cannot read"),
        ("1" * 61, "at most 60"),
    ],
)
def test_refuses_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(InputError, match=re.escape(why)):
        read_number(text, "tokens")


def test_significant_figures_that_were_written() -> None:
    assert [read_number(t).figures for t in ("0.0947", "9.470e-2", "0.09", "1,000", "1000.0")] == [3, 4, 1, 1, 5]


@given(st.floats(min_value=1e-30, max_value=1e30), st.integers(1, 9))
def test_what_is_written_is_read_again(value: float, digits: int) -> None:
    again = read_number(figures(value, digits)).value
    assert math.isclose(again, value, rel_tol=0.51 * 10.0 ** (1 - digits))


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_given_number_is_printed_to_be_typed_back(value: float) -> None:
    assert math.isclose(read_number(plain(value)).value, value, rel_tol=1e-9)


@given(st.text(max_size=80))
def test_any_text_is_a_number_or_an_input_error(text: str) -> None:
    try:
        assert math.isfinite(read_number(text, "nats").value)
    except InputError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("124M", 124e6), ("1.4T", 1.4e12), ("1,279,395,840", 1_279_395_840), ("6e20", 6e20), ("1_000_000", 1e6),
        ("70B", 70e9), ("1.5 B", 1.5e9), ("6.2k", 6200), ("1 000 000", 1e6), ("3 tokens", 3), (" 2.5e9 ", 2.5e9),
    ],
)  # fmt: skip
def test_sizes_as_people_write_them(text: str, value: float) -> None:
    assert read_quantity(text, "tokens", "D") == value


@pytest.mark.parametrize("text", ["5%", "5 percent", "1.279.395.840", "1,5", "10_00", "", "nan", "1e", "B"])
def test_what_is_no_size_is_refused_by_the_name_of_the_thing(text: str) -> None:
    with pytest.raises(InputError, match=r"^D: "):
        read_quantity(text, "tokens", "D")


@given(st.integers(0, 10**15), st.sampled_from(["", "k", "M", "B", "T"]), st.sampled_from(["", ",", "_", " "]))
def test_grouped_and_scaled_counts_are_read_exactly(number: int, multiple: str, mark: str) -> None:
    text = f"{number:,}".replace(",", mark) + multiple
    scale = {"": 0, "k": 3, "M": 6, "B": 9, "T": 12}[multiple]
    assert read_quantity(text) == float(f"{number}e{scale}")


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([10_300, 468_000, 95_600], ["10.3k", "468.0k", "95.6k"]),
        ([10_300, 1_230_000], ["10.30k", "1.23M"]),
        ([940, None, 1_400_000], ["940", "–", "1.40M"]),
        ([], []),
    ],
)
def test_a_column_of_counts_has_the_same_decimals_in_every_row(values: list[float | None], texts: list[str]) -> None:
    assert show.counts(values) == texts


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0.0047, 0.019], ["0.0047", "0.0190"]),
        ([1, None, 0.5], ["1.0", "–", "0.5"]),
        ([1e-7, 0.1], ["1.00e-07", "1.00e-01"]),
    ],
)
def test_a_column_of_numbers_has_the_same_decimals_in_every_row(values: list[float | None], texts: list[str]) -> None:
    assert show.decimals(values) == texts


@given(st.lists(st.floats(0, 1e9), max_size=60), st.integers(1, 40))
def test_a_sparkline_is_never_wider_than_its_room_and_highest_at_the_largest(values: list[float], width: int) -> None:
    line = show.sparkline(values, width)
    assert len(line) == min(len(values), width)
    assert set(line) <= set("▁▂▃▄▅▆▇")
    if len(values) <= width and any(value > 0 for value in values):
        assert line[values.index(max(values))] == "▇"
