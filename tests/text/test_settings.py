"""The sign between thousands: what a settings file may say, and which numbers it changes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_tui import InputError
from scaling_tui.text.numbers import read_number
from scaling_tui.text.settings import THOUSANDS, in_thousands, read_thousands
from scaling_tui.tutor.parsing.numbers import plain


@pytest.mark.parametrize("text", ['thousands = "."', "thousands = 3", 'thousands = ""', "thousand = 1", "not toml"])
def test_a_setting_that_is_none_names_the_file(tmp_path: Path, text: str) -> None:
    file = tmp_path / "app.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=r"app\.toml"):
        read_thousands(file)


def test_without_a_file_a_space_separates(tmp_path: Path) -> None:
    assert read_thousands(tmp_path / "none.toml") == " "


@given(st.integers(min_value=0, max_value=10**8 - 1), st.sampled_from(THOUSANDS))
def test_a_number_as_shown_is_read_back_as_itself(value: int, sign: str) -> None:
    shown = in_thousands(plain(float(value)), sign)
    assert read_number(shown).value == value
    assert len(shown) == len(plain(float(value)))


def test_text_that_is_no_number_stays() -> None:
    assert in_thousands("7\u00a0077\u00a0888 and 5\u00a0h", ",") == "7,077,888 and 5\u00a0h"
