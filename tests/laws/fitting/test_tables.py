"""Files of points, good and bad: a fit, or one line that names row and column."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scaling_tui import InputError
from scaling_tui.laws import fit
from scaling_tui.laws.fitting.tables import read_points

GOOD = [(1e6, 1e8, 4.0), (1e7, 1e9, 3.2), (1e8, 1e10, 2.6)]


def write(folder: Path, text: str, name: str = "runs.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("start", ["", "\ufeff", "\n"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_any_usual_delimiter_with_or_without_bom(tmp_path: Path, delimiter: str, start: str, end: str) -> None:
    rows = [delimiter.join(("Params", " tokens", "loss"))] + [delimiter.join(map(str, row)) for row in GOOD]
    points, warnings = read_points(write(tmp_path, start + end.join(rows) + end))
    assert points.params is not None and points.tokens is not None
    assert list(zip(points.params, points.tokens, points.loss, strict=True)) == GOOD
    assert warnings == ()


def test_json_lines_and_json_list(tmp_path: Path) -> None:
    records = [{"params": N, "tokens": D, "loss": L, "run": f"r{i}"} for i, (N, D, L) in enumerate(GOOD)]
    lines, _ = read_points(write(tmp_path, "\n".join(map(json.dumps, records)), "a.jsonl"))
    whole, _ = read_points(write(tmp_path, json.dumps(records), "b.json"))
    assert lines.labels == whole.labels == ("r0", "r1", "r2")
    assert np.array_equal(lines.loss, whole.loss)


def test_what_two_columns_give_of_the_third(tmp_path: Path) -> None:
    points, warnings = read_points(write(tmp_path, "params,flops,loss\n1e6,6e14,4\n1e7,6e16,3\n"))
    assert points.tokens is not None and points.tokens == pytest.approx([1e8, 1e9])
    assert warnings == ("no column tokens: D = C/(6N)",)


def test_runs_that_did_not_finish_are_left_out_and_named(tmp_path: Path) -> None:
    text = "params,tokens,loss,state\n1e6,1e8,4,finished\n1e7,1e8,,running\n1e8,1e8,nan,finished\n1e9,1e8,9,diverged\n"
    points, warnings = read_points(write(tmp_path, text))
    assert len(points) == 1
    assert "row 5 left out: state diverged" in warnings
    assert "row 4 left out: no finite loss (diverged or unfinished)" in warnings


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("params,tokens,loss\n", "header without rows"),
        ("params,tokens\n1,2\n", "no column loss, found params, tokens"),
        ("params,tokens,loss\n1e6,1e8,4\n1e7,many,3\n", "row 3, column tokens: found 'many'"),
        ("params,tokens,loss\n1e6,1e8,4\n1e7,,3\n", "row 3, column tokens: found nothing"),
        ("params,tokens,loss\n1e6,1e8,4\n0,1e9,3\n", "row 3, column params: found 0"),
        ("params,tokens,loss\n1e6,1e8,4\n1e7,1e9,-3\n", "row 3, column loss: found -3"),
        ("params,tokens,loss\n1e6,inf,4\n", "row 2, column tokens: found inf"),
        ("params,tokens,loss\n1e6,1e8\n", "row 2 has 2 values, the header has 3"),
        ("params,params,loss\n1,2,3\n", "column params appears twice"),
        ('{"params": 1, "tokens": 2, "loss": 3}\n{"params": \n', "row 2 is not JSON"),
        ('{"params": 1, "tokens": 2, "loss": 3}\n[1]\n', "row 2 is list"),
        ('{"params": true, "tokens": 2, "loss": 3}\n', "row 1, column params: found True"),
    ],
)
def test_bad_files_name_row_and_column(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InputError) as raised:
        read_points(write(tmp_path, text))
    assert says in str(raised.value) and "\n" not in str(raised.value)


def test_files_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"params,tokens,loss\n\xff\xfe\n")
    for path, says in (
        (tmp_path / "x.csv", "not UTF-8"),
        (tmp_path, "directory"),
        (tmp_path / "no.csv", "no such file"),
    ):
        with pytest.raises(InputError, match=f"(?i){says}"):
            read_points(path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(alphabet="params,tokenls\n\r\t;|\"'{}[]:0123456789.e+-naif \ufeffµ", max_size=120), head=st.booleans()
)
def test_any_text_is_a_fit_or_one_line(tmp_path: Path, text: str, head: bool) -> None:
    path = tmp_path / "fuzz.csv"
    path.write_bytes((("params,tokens,loss\n" if head else "") + text).encode())
    try:
        fit(read_points(path)[0], "chinchilla-n")
    except InputError as error:
        assert "\n" not in str(error)


def test_a_million_rows(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    N, D = 10 ** rng.uniform(7, 10, 1_000_000), 10 ** rng.uniform(8, 12, 1_000_000)
    loss = (1.8 + 480 / N**0.35 + 2000 / D**0.37) * np.exp(0.01 * rng.standard_normal(N.size))
    path = tmp_path / "many.csv"
    np.savetxt(
        path, np.stack([N, D, loss], axis=1), delimiter=",", header="params,tokens,loss", comments="", fmt="%.7g"
    )
    began = time.process_time()
    found = fit(read_points(path)[0], "chinchilla")
    assert found.coefficients["alpha"] == pytest.approx(0.35, abs=0.003)
    assert time.process_time() - began < 60
