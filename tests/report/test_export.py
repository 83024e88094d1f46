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

from scaling_tui.laws.fitting.envelope import envelope
from scaling_tui.laws.fitting.tables import TableOptions, table_points
from scaling_tui.plots.figures import DOTTED, Figure, Series, figure_csv
from scaling_tui.plots.pictures import Format, picture
from scaling_tui.report.export import export
from scaling_tui.runs import read_sweep
from scaling_tui.tui.save_dialog import free_file
from tests.conftest import FINISHED, record_grid, record_sweep


def test_csv_holds_every_record_and_is_read_again(tmp_path: Path) -> None:
    view = read_sweep(record_sweep(tmp_path, FINISHED))
    text = export(view, "csv", curves=True).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 7 * 40
    assert [float(row["loss"]) for row in rows[:40]] == view.runs[0].curve["loss"].tolist()
    assert (rows[0]["run"], rows[0]["params"], rows[0]["step"], rows[0]["val_loss"]) == ("r1-s0", "10320", "1", "")
    path = tmp_path / "curves.csv"
    path.write_text(text)
    points = table_points(path, TableOptions(points="all")).points
    assert envelope(points).sizes >= 2


def test_json_is_what_attach_says_with_the_curves(tmp_path: Path) -> None:
    view = read_sweep(record_grid(tmp_path))
    found = json.loads(export(view, "json"))
    assert len(found["runs"]) == 16
    assert found["fit"]["law"] == "chinchilla"
    first = found["runs"][0]
    assert first["loss"] == first["curve"]["val_loss"][-1] == view.runs[0].loss
    assert first["curve"]["val_loss"][0] is None


def words(svg: bytes) -> list[str]:
    """Every text of an SVG."""
    elements = ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    return ["".join(element.itertext()) for element in elements]


def test_svg_shows_curves_and_law(tmp_path: Path) -> None:
    found = words(export(read_sweep(record_sweep(tmp_path, FINISHED)), "svg"))
    # Both pictures name every run: its curve, and its point on the law.
    assert all(found.count(f"r{k}") == 2 for k in range(1, 8))
    assert {"tokens", "train loss, nats per token", "N, non-embedding parameters", "loss, nats per token"} <= set(found)
    assert {"100k", "1M"} <= set(found), "ticks of a logarithmic axis"
    assert any("x N non-embedding" in word for word in found)


@pytest.mark.parametrize(("kind", "magic"), [("svg", b"<?xml"), ("png", b"\x89PNG\r\n\x1a\n"), ("pdf", b"%PDF-")])
def test_a_picture_is_the_same_whenever_it_is_drawn(tmp_path: Path, kind: Format, magic: bytes) -> None:
    content = export(read_sweep(record_sweep(tmp_path, FINISHED)), kind)
    assert content.startswith(magic)
    again = [sys.executable, "-m", "scaling_tui", "export", "quickstart", "--runs", str(tmp_path), "--format", kind]
    assert subprocess.run(again, check=True, capture_output=True).stdout == content
    if kind == "png":
        assert struct.unpack(">II", content[16:24]) == (2 * 1280, 840)


@pytest.mark.parametrize("name", ["<script>alert(1)</script>&", "a $x^ b", "back\\slash_{", "nul\x00 bell\x07", "模型"])
@pytest.mark.parametrize("kind", ["svg", "pdf"])
def test_names_of_others_are_text_in_a_picture_and_not_markup(name: str, kind: Format) -> None:
    x = np.array([1.0, 2.0])
    content = picture([Figure(name, (Series(x, x, label=name, mark=DOTTED),))], kind)
    if kind == "svg":
        told = "".join(sign if sign.isprintable() else "?" for sign in name)
        assert words(content).count(told) == 2
        assert not any("script" in element.tag for element in ElementTree.fromstring(content).iter())


def test_a_bar_a_mark_and_an_empty_figure_are_drawn() -> None:
    x = np.array([1.0, 2.0])
    bars = Figure("bars", (Series(x, x, mark="○"), Series(x, x, mark="?")), ((1.5, 1.0, 2.0, "accent"),))
    assert "nothing yet" in words(picture([bars, Figure("none", (), empty="nothing yet")], "svg"))


def test_a_picture_of_a_million_points_stays_small() -> None:
    x = np.arange(1.0, 1e6)
    figure = Figure("t", (Series(x, np.sin(x), name="wave"),))
    assert len(picture([figure], "svg")) < 60_000
    assert figure_csv(figure).count("\n") == len(x) + 1


def test_without_matplotlib_one_line_says_what_to_install(tmp_path: Path) -> None:
    record_sweep(tmp_path, FINISHED)
    blocked = "import sys; sys.modules['matplotlib'] = None; from scaling_tui.cli.app import main; main()"
    options = ["export", "quickstart", "--runs", str(tmp_path), "--format", "svg"]
    done = subprocess.run([sys.executable, "-c", blocked, *options], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "scaling-tui: SVG: needs matplotlib, which is not installed; run pip install 'scaling-tui[figures]'\n"
    )


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

    assert run("--curves").stdout.startswith(b"run,rung,seed,params,non_embedding,step,")
    assert run().stdout.startswith(b"run,rung,seed,params,non_embedding,tokens,")
    output = tmp_path / "out.svg"
    written = run("--format", "svg", "--output", str(output))
    assert (written.returncode, written.stdout) == (0, b"")
    again = run("--format", "svg", "--output", str(output))
    assert again.returncode == 2
    assert b"exists already, want a new name" in again.stderr
    wrong = run("--format", "gif")
    assert (wrong.returncode, wrong.stderr.count(b"\n")) == (2, 1)
