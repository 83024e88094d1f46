"""Any usual table is read by its content; what is broken is named with the row that a spreadsheet or editor shows."""

import bz2
import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scaling_tui import InputError
from scaling_tui.tables import Table, read_table, source
from scaling_tui.tables.read import is_table

PLAIN = "run,params,loss\na,1e6,4\nb,1e7,3\n"
PACKED = gzip.compress(PLAIN.encode(), mtime=0)
CELLS = {"run": ["a", "b"], "params": ["1e6", "1e7"], "loss": ["4", "3"]}


def write(folder: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def cells(table: Table) -> dict[str, list[Any]]:
    return {name: list(column) for name, column in table.columns.items()}


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode(),
        PLAIN.replace(",", "\t").encode(),
        PLAIN.replace(",", ";").encode(),
        PLAIN.replace(",", "  ").encode(),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        PLAIN.encode("utf-16-le"),
        PLAIN.encode("utf-16-be"),
        PACKED,
        b"# by hand\n\n" + PLAIN.encode() + b'# the end, said "he\n',
    ],
)
def test_the_format_is_told_by_the_content(tmp_path: Path, content: bytes) -> None:
    assert cells(read_table(write(tmp_path, content, "anything"))) == CELLS


def test_a_header_that_is_a_comment_as_numpy_writes_it(tmp_path: Path) -> None:
    found = read_table(write(tmp_path, "# seed 0\n# params tokens loss\n1e6 1e8 4.5\n1e7   1e8 4\n"))
    assert cells(found) == {"params": ["1e6", "1e7"], "tokens": ["1e8", "1e8"], "loss": ["4.5", "4"]}
    assert list(found.rows) == [3, 4]


def test_json_in_its_shapes(tmp_path: Path) -> None:
    records = [{"run": "a\u2028b", "config": {"n": 1}}, {"run": "c", "loss": 3.0}]
    wanted = {"run": ["a\u2028b", "c"], "config.n": [1, None], "loss": [None, 3.0]}
    lines = "\n".join(json.dumps(record, ensure_ascii=False) for record in records)
    for text in (lines, json.dumps(records), json.dumps(records, indent=2)):
        assert cells(read_table(write(tmp_path, text))) == wanted
    columns = {"n": [1, 2], "loss": [3.5, 3.0]}
    assert cells(read_table(write(tmp_path, json.dumps(columns)))) == columns
    assert cells(read_table(write(tmp_path, json.dumps(columns, indent=2)))) == columns
    assert list(read_table(write(tmp_path, "\n\n" + lines.replace("\n", "\n\n"))).rows) == [3, 5]


def test_parquet_and_zstd(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "t.parquet"
    table = pyarrow.table({"n": [1, 2], "config": [{"lr": 0.1}, {"lr": 0.2}], "run": ["a", None]})
    parquet.write_table(table, path)
    assert cells(read_table(path)) == {"n": [1, 2], "config.lr": [0.1, 0.2], "run": ["a", None]}
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match="not Parquet"):
        read_table(path)
    packed = pyarrow.compress(PLAIN.encode(), codec="zstd", asbytes=True)
    assert cells(read_table(write(tmp_path, packed))) == CELLS
    with pytest.raises(InputError, match="broken where it is compressed"):
        read_table(write(tmp_path, packed[:8] + b"\0" * 9))


def test_parquet_without_pyarrow_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(InputError, match=r"pip install 'scaling-tui\[parquet\]'"):
        read_table(write(tmp_path, b"PAR1...PAR1"))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("a,b\n1,2\n\n\n3\n", "row 5 has 1 values, the header has 2"),
        ("# c\na,b\n# \"odd\n1,2\n3,4,5\n", "row 5 has 3 values"),
        ('a,b\n"x\ny",2\n3\n', "row 3 has 1 values"),
        ('{"a": 1}\n\n{"a": \n', "row 3 is not JSON"),
        ('{"a": 1}\n\n7\n', "row 3 is int, want an object"),
        ("[1, 2]", "row 1 is int"),
        ("1,2\n3,4\n", "row 1 is numbers, want a header"),
        (" \n\t\n", "empty"),
        (PACKED[:-9], "broken where it is compressed"),
        (PACKED[:-6] + b"\0" + PACKED[-5:], "broken where it is compressed"),
        (bz2.compress(b"x" * 1000), "not UTF-8 at byte"),
        (b"PK\x03\x04....", "a zip archive or an Excel workbook"),
        (b"a,b\n1,\xe9\n", "not UTF-8 at byte 6"),
        (b"\xff\xfea\0,\0\0\xd8,\0", "not UTF-16 at byte"),
    ],
)  # fmt: skip
def test_what_is_broken_is_one_line_that_says_where(tmp_path: Path, content: str | bytes, says: str) -> None:
    with pytest.raises(InputError) as raised:
        read_table(write(tmp_path, content))
    assert says in str(raised.value) and "\n" not in str(raised.value)


def test_a_cell_too_many_that_is_empty_is_no_cell(tmp_path: Path) -> None:
    assert cells(read_table(write(tmp_path, "a,b\n1,2,\n3,4, ,\n"))) == {"a": ["1", "3"], "b": ["2", "4"]}


def test_no_table_is_larger_than_it_may_be_packed_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MOST_TABLE_BYTES", 1000)
    for content in (b"a\n" * 501, gzip.compress(b"a\n" * 100_000)):
        with pytest.raises(InputError, match="at most"):
            read_table(write(tmp_path, content))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a\n" * 501)))
    with pytest.raises(InputError, match="standard input: more than 1,000 bytes"):
        read_table("-")


def test_what_can_only_be_a_table(tmp_path: Path) -> None:
    assert is_table("-") and is_table("no.csv.gz") and is_table(str(write(tmp_path, PLAIN, "sweep")))
    assert not is_table(str(tmp_path)) and not is_table("quickstart") and not is_table("\0")


TEXT = st.text(alphabet="ab1 ,;\t|\"'#\n\u2028é", max_size=8)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.lists(TEXT, min_size=2, max_size=2), min_size=1, max_size=6), delimiter=st.sampled_from(",;\t|")
)
def test_what_csv_writes_is_read_with_its_row_numbers(tmp_path: Path, rows: list[list[str]], delimiter: str) -> None:
    # A line that begins with # outside quotes is a comment by agreement, whoever wrote it.
    kept = [row for row in rows if any(map(str.strip, row)) and not row[0].lstrip(" ").startswith("#")]
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows([("one", "other"), *kept])
    table = read_table(write(tmp_path, out.getvalue()))
    assert cells(table) == {"one": [a.strip() for a, _ in kept], "other": [b.strip() for _, b in kept]}
    assert list(table.rows) == list(range(2, 2 + len(kept)))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | TEXT, lambda one: st.lists(one, max_size=2)
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=st.lists(st.dictionaries(st.sampled_from("abc"), JSON, min_size=1), min_size=2, max_size=6))
def test_json_lines_are_read_as_they_were_written(tmp_path: Path, records: list[dict[str, Any]]) -> None:
    text = "\n".join(json.dumps(record, ensure_ascii=False) for record in records)
    found = cells(read_table(write(tmp_path, text)))
    assert found == {name: [record.get(name) for record in records] for name in found}
    assert set(found) == {name for record in records for name in record}


ANY: list[Callable[[bytes], bytes]] = [bytes, gzip.compress, lambda data: b"PAR1" + data, lambda data: b"[" + data]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=80), how=st.sampled_from(ANY))
def test_any_bytes_are_a_table_or_one_line(tmp_path: Path, data: bytes, how: Callable[[bytes], bytes]) -> None:
    try:
        table = read_table(write(tmp_path, how(data)))
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert all(len(column) == len(table) for column in table.columns.values())


def test_a_table_in_markdown(tmp_path: Path) -> None:
    text = "| run | params | loss |\n| :--- | ---: |---|\n| a | 1e6 | 4 |\n| b | 1e7 | 3 |\n"
    found = read_table(write(tmp_path, text))
    assert {name: column for name, column in cells(found).items() if name} == CELLS
    assert list(found.rows) == [3, 4]
