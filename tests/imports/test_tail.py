"""Lines are whole and in order however the file grows, is cut, or is put away."""

import os
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from scaling_tui.imports.tail import LogTail

LINES = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n\r\ufeff"), max_size=12))


def lines_of(tail: LogTail, last: bool = False) -> list[str]:
    return [line for piece in tail.pieces(last) for line in piece.lines]


@settings(deadline=None)
@given(LINES, st.lists(st.integers(0, 200)))
def test_lines_are_the_same_however_they_come(lines: list[str], cuts: list[int]) -> None:
    content = "".join(f"{line}\n" for line in lines).encode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log")
        path.touch()
        tail, found, before = LogTail(path), list[str](), 0
        for cut in sorted({*(min(cut, len(content)) for cut in cuts), len(content)}):
            with path.open("ab") as file:
                file.write(content[before:cut])
            before = cut
            found += lines_of(tail)
        assert found == lines


def test_half_a_line_waits_unless_it_is_the_last(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("one\ntw")
    tail = LogTail(path)
    assert lines_of(tail) == ["one"]
    with path.open("a") as file:
        file.write("o\nthree")
    assert lines_of(tail) == ["two"]
    assert lines_of(tail, last=True) == ["three"]


def test_a_file_that_was_rotated_is_read_to_its_end_first(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("1\n")
    tail = LogTail(path)
    assert lines_of(tail) == ["1"]
    with path.open("a") as file:
        file.write("2\n3")
    path.rename(tmp_path / "log.1")
    assert lines_of(tail) == ["2"], "no new file yet"
    path.write_text("4\n")
    pieces = list(tail.pieces(last=False))
    assert [(piece.lines, piece.anew) for piece in pieces] == [(["3"], False), (["4"], True)]


def test_a_file_that_was_cut_or_written_anew_is_read_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("first 1\nfirst 2\n")
    tail = LogTail(path)
    assert len(lines_of(tail)) == 2
    os.truncate(path, 0)
    assert lines_of(tail) == []
    with path.open("a") as file:
        file.write("x\n")
    assert lines_of(tail) == ["x"]
    # Longer than what was read, within one look.
    path.write_text("another begin 1\nanother begin 2\nanother 3\n")
    assert lines_of(tail) == ["another begin 1", "another begin 2", "another 3"]
