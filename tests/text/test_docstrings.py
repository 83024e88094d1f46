"""What docstrings say of fields."""

from dataclasses import dataclass

from scaling_tui.text.docstrings import meanings


@dataclass(frozen=True)
class Sized:
    """Something with sizes: not a field.

    Args:
        width: of it, which goes
            on: over two lines.
        low, high: ends of it.

    Raises:
        height: is no field.
    """

    width: int
    low: int
    high: int


class Silent: ...


def test_each_field_has_its_text_on_one_line_and_nothing_else_is_a_field() -> None:
    assert meanings(Sized) == {
        "width": "of it, which goes on: over two lines",
        "low": "ends of it",
        "high": "ends of it",
    }
    assert meanings(Silent) == {}
