"""Columns fit the room there is, what matters most stays, and nothing grows beyond what it needs."""

from hypothesis import given
from hypothesis import strategies as st

from scaling_tui.text.list_columns import ListColumn, layout

COLUMN = st.builds(ListColumn, st.just("x"), st.integers(0, 5), st.booleans(), st.none() | st.integers(1, 10))


@given(st.lists(st.tuples(COLUMN, st.integers(0, 40)), min_size=1, max_size=8), st.integers(1, 200))
def test_the_least_important_go_first_and_the_rest_fits(pairs: list[tuple[ListColumn, int]], room: int) -> None:
    columns, widths = [column for column, _ in pairs], [width for _, width in pairs]
    found = layout(columns, widths, room)
    kept = dict(found.columns)
    assert list(kept) == sorted(kept)
    assert all(width <= max(widths[place], 1) for place, width in kept.items())
    there = [place for place, width in enumerate(widths) if width or columns[place].rank == 0]
    gone = [place for place in there if place not in kept]
    if gone and kept:
        assert max(columns[place].rank for place in kept) <= min(columns[place].rank for place in gone)
    if not any(columns[place].rank == 0 for place in there):
        assert len(kept) == 1 or sum(kept.values()) + found.gap * (len(kept) - 1) <= room
    if sum(widths) + 2 * (len(widths) - 1) <= room:
        assert [kept[place] for place in there] == [widths[place] for place in there]


def test_what_may_be_cut_is_cut_before_a_column_goes() -> None:
    columns = (ListColumn("name", least=10), ListColumn("state", 1), ListColumn("note", 2, least=4))
    assert layout(columns, (20, 8, 30), 62).columns == ((0, 20), (1, 8), (2, 30))
    assert layout(columns, (20, 8, 30), 40).columns == ((0, 20), (1, 8), (2, 8))
    assert layout(columns, (20, 8, 30), 25).columns == ((0, 11), (1, 8), (2, 4))
    assert layout(columns, (20, 8, 30), 20).columns == ((0, 11), (1, 8))
    assert layout(columns, (20, 8, 0), 20).columns == ((0, 10), (1, 8))
