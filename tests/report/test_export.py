"""`export`: a sweep's points and curves for other programs, its pictures for people; and never over another file."""

import csv
import io
import json
import struct
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from scaling_tui import InputError
from scaling_tui.laws.fitting.envelope import envelope
from scaling_tui.laws.fitting.tables import read_points
from scaling_tui.plots.figures import DOTTED, Figure, Series
from scaling_tui.plots.picture import figure_csv, png, svg
from scaling_tui.report.export import export
from scaling_tui.runs import read_sweep
from scaling_tui.tui.save_dialog import free_file
from tests.conftest import FINISHED, record_grid, record_sweep


def test_csv_holds_every_record_and_is_read_again(tmp_path: Path) -> None:
    view = read_sweep(record_sweep(tmp_path, FINISHED))
    text = export(view, "csv").decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 7 * 40
    assert [float(row["loss"]) for row in rows[:40]] == view.runs[0].curve["loss"].tolist()
    assert (rows[0]["run"], rows[0]["params"], rows[0]["step"], rows[0]["val_loss"]) == ("r1-s0", "10320", "1", "")
    path = tmp_path / "curves.csv"
    path.write_text(text)
    points, _ = read_points(path)
    assert envelope(points).sizes >= 2


def test_json_is_what_attach_says_with_the_curves(tmp_path: Path) -> None:
    view = read_sweep(record_grid(tmp_path))
    found = json.loads(export(view, "json"))
    assert len(found["runs"]) == 16
    assert found["fit"]["law"] == "chinchilla"
    first = found["runs"][0]
    assert first["loss"] == first["curve"]["val_loss"][-1] == view.runs[0].loss
    assert first["curve"]["val_loss"][0] is None


def test_svg_shows_curves_and_law(tmp_path: Path) -> None:
    text = export(read_sweep(record_sweep(tmp_path, FINISHED)), "svg").decode()
    root = ElementTree.fromstring(text)
    words = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert {f"r{k}" for k in range(1, 8)} <= set(words)
    assert any(word and "x N non-embedding" in word for word in words)
    assert sum(element.tag.endswith("circle") for element in root.iter()) == 7


def test_png_is_a_picture_of_the_size_that_it_says(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    content = export(read_sweep(record_sweep(tmp_path, FINISHED)), "png")
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", content[16:24]) == (2 * 2 * 760, 2 * 470)


def test_names_of_others_are_text_in_a_picture_and_not_markup() -> None:
    x = np.array([1.0, 2.0])
    series = Series(x, x, label="<script>alert(1)</script>&", mark=DOTTED)
    root = ElementTree.fromstring(svg([Figure("a < b", (series,))]))
    assert [element.tag.rpartition("}")[2] for element in root.iter() if "script" in element.tag] == []


def test_a_picture_of_a_million_points_stays_small() -> None:
    x = np.arange(1.0, 1e6)
    figure = Figure("t", (Series(x, np.sin(x), name="wave"),))
    assert len(svg([figure])) < 60_000
    assert figure_csv(figure).count("\n") == len(x) + 1


def test_without_pillow_png_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(InputError, match=r"pip install 'scaling-tui\[png\]'"):
        png([Figure("t", ())])


def test_a_file_that_is_there_is_never_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    paths = [free_file("a-curves", "svg", content) for content in (b"1", b"2", b"3")]
    assert [(path.name, path.read_bytes()) for path in paths] == [
        ("a-curves.svg", b"1"),
        ("a-curves-2.svg", b"2"),
        ("a-curves-3.svg", b"3"),
    ]


def test_the_command_writes_to_stdout_or_to_a_new_file(tmp_path: Path) -> None:
    record_sweep(tmp_path / "runs", FINISHED)
    command = [sys.executable, "-m", "scaling_tui", "export", "quickstart", "--runs", str(tmp_path / "runs")]

    def run(*options: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([*command, *options], check=False, capture_output=True)

    assert run().stdout.startswith(b"run,rung,seed,params,non_embedding,step,")
    output = tmp_path / "out.svg"
    written = run("--format", "svg", "--output", str(output))
    assert (written.returncode, written.stdout) == (0, b"")
    again = run("--format", "svg", "--output", str(output))
    assert again.returncode == 2
    assert b"is there already, want a name that is free" in again.stderr
    wrong = run("--format", "pdf")
    assert (wrong.returncode, wrong.stderr.count(b"\n")) == (2, 1)
