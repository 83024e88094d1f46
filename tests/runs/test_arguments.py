"""Paths that are none, and folders of runs that are something else: one line each."""

from pathlib import Path
from typing import Any

import pytest

from scaling_tui import InputError, runs

any_runs: Any = runs


@pytest.mark.parametrize("wrong", [3, None, "a\0b"])
@pytest.mark.parametrize("read", ["read_sweep", "read_run", "list_sweeps"])
def test_no_path_is_said_so(read: str, wrong: object) -> None:
    with pytest.raises(InputError, match=r"^[^\n]*want a path$"):
        getattr(any_runs, read)(wrong)


def test_a_folder_of_runs_may_be_given_as_text(tmp_path: Path) -> None:
    assert any_runs.list_sweeps(str(tmp_path)) == []
    with pytest.raises(InputError, match="sweep 'x': not in"):
        any_runs.find_sweep(str(tmp_path), "x")


@pytest.mark.parametrize("below", ["", "/deeper/still"])
def test_a_file_is_no_folder_of_runs(tmp_path: Path, below: str) -> None:
    (tmp_path / "table.csv").write_text("params\n")
    with pytest.raises(InputError, match=r"table\.csv.*not a folder, want one"):
        runs.runs_folder(Path(f"{tmp_path}/table.csv{below}"))


def test_a_loop_of_links_is_no_folder_of_runs(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InputError, match=r"runs folder .*loop: "):
        runs.runs_folder(tmp_path / "loop")
