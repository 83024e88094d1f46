"""Columns stand below each other in the cells of a terminal, whatever is written in them."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from wcwidth import wcswidth

from scaling_tui.text.columns import columns, cut, cut_front, flush_left, flush_right

NAMES = ["plain", "日本語のはしご", "e\u0301te\u0301", "ladder🚀", "ﬁn", "한국어", "\u2068א\u2069"]


@pytest.mark.parametrize("name", NAMES)
def test_the_second_column_begins_where_it_does_in_every_line(name: str) -> None:
    head, *lines = columns([["sweep", "state", "loss"], [name, "done", "1.5"], ["r1", "done", "12.25"]], (2,)).split(
        "\n"
    )
    at = head.index("state")
    for line in lines:
        before, _, after = line.partition("done")
        assert wcswidth(before) == at
        assert wcswidth(line) == len(head) == at + len("state") + 2 + len("12.25")
        assert after.strip() in ("1.5", "12.25")


LETTERS = st.characters(exclude_categories=("C", "Z", "M", "So", "Sk"))


@given(st.text(LETTERS, max_size=12), st.integers(1, 30))
@example("\ud7b0", 5)
def test_a_cell_is_as_wide_as_the_terminal_shows_it(text: str, width: int) -> None:
    text = unicodedata.normalize("NFC", text)
    short = cut(text, width)
    assert wcswidth(short) <= width
    assert short == text or short.endswith("…")
    assert wcswidth(flush_left(short, width)) == wcswidth(flush_right(short, width)) == width


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [("val/loss", 8, "val/loss"), ("val/loss", 5, "…loss"), ("日本語", 4, "… 語"), ("ab", 1, "…"), ("ab", 0, "")],
)
def test_a_text_cut_at_the_front_keeps_its_end(text: str, width: int, shown: str) -> None:
    assert cut_front(text, width) == shown
