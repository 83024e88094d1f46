"""What Home says to do next."""

import math
import os
from dataclasses import replace
from pathlib import Path

import pytest

from scaling_tui.runs import Writer, read_sweep
from scaling_tui.runs.labels import change_labels
from scaling_tui.sweeps.listing import Listing
from scaling_tui.sweeps.summary import row_of
from scaling_tui.tui.app import ScalingApp
from scaling_tui.tui.services import overview
from scaling_tui.tui.services.overview import Overview, next_lines
from scaling_tui.tui.widgets.line_list import LineList
from tests.conftest import FINISHED, record_sweep
from tests.tui.conftest import choices, until


def test_a_sweep_of_another_trainer_is_not_offered_for_resuming(tmp_path: Path) -> None:
    run = Writer.create(tmp_path / "theirs" / "a", {"params": 1000})
    run.log(step=1, tokens=100, loss=3.0)
    run.status("stopped", "asked to")
    line = next(next_lines([row_of(read_sweep(tmp_path / "theirs"))], None))
    assert line.text == "theirs is stopped: see why"


def texts(overview: Overview) -> list[str]:
    return [line.text for section in overview.sections() for line in section.lines]


def test_of_many_sweeps_home_shows_the_latest_first_and_says_how_many_it_still_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "PATIENCE_S", 0.0)
    monkeypatch.setattr("scaling_tui.runs.stamp.SETTLES_NS", -(10**12))
    for number in range(3):
        sweep = record_sweep(tmp_path, FINISHED, f"s{number}")
        os.utime(sweep / "sweep.json", (1.7e9 + number, 1.7e9 + number))
    record_sweep(tmp_path, ["stopped", *["queued"] * 6], "latest")
    home = Overview(Listing(tmp_path))
    first = texts(home)
    assert "Reading 3 more sweeps …" in first
    assert any(line.startswith("latest is stopped at ") for line in first)
    assert "Reading 2 more sweeps …" in texts(home)
    texts(home)
    last = texts(home)
    assert not [line for line in last if line.startswith("Reading")]
    assert any(line.startswith("s2 · chinchilla-n") for line in last)


def test_an_archived_sweep_is_not_what_home_tells_of(tmp_path: Path) -> None:
    record_sweep(tmp_path, FINISHED, "kept")
    sweep = record_sweep(tmp_path, ["stopped", *["queued"] * 6], "shelved")
    change_labels(sweep, lambda labels: replace(labels, archived=True))
    assert not [line for line in texts(Overview(Listing(tmp_path))) if "shelved" in line]


async def test_the_choice_of_a_sweep_tells_state_age_size_law_and_tags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scaling_tui.tui.sweep_dialog.PATIENCE_S", math.inf)
    change_labels(record_sweep(tmp_path, FINISHED, "tagged"), lambda labels: labels.tagged(["paper", "x\u0301"]))
    change_labels(record_sweep(tmp_path, FINISHED, "shelved"), lambda labels: replace(labels, archived=True))
    app = ScalingApp(tmp_path)
    async with app.run_test(size=(160, 40)) as pilot:
        await pilot.press("o")
        await until(pilot, lambda: choices(pilot) == ["tagged"])
        (line,) = app.screen.query_one(LineList).lines
        for part in ("tagged", "finished", "7/7", "468k", "1.4479", "chinchilla-n", "paper x\u0301"):
            assert part in line.cells, part
        await pilot.press(*"archived:any")
        await until(pilot, lambda: sorted(choices(pilot)) == ["shelved", "tagged"])
