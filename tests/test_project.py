"""The project's own files: one version everywhere, a workflow of make targets, and a script for every figure."""

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from scaling_tui import __version__
from tests.test_documents import ROOT, anchors

SOURCES = runpy.run_path(str(ROOT / "benchmarks" / "figures.py"))["SOURCES"]  # scripts are no package
SCRIPTS = {word for source in SOURCES for word in source.command if word.startswith("benchmarks/")}


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_version_is_the_same_wherever_it_stands() -> None:
    assert f"\nversion: {__version__}\n" in text("CITATION.cff")
    dated = re.search(rf"^## \[{re.escape(__version__)}\] - (\d{{4}}-\d\d-\d\d)$", text("CHANGELOG.md"), re.MULTILINE)
    assert dated
    assert f"\ndate-released: {dated[1]}\n" in text("CITATION.cff")
    assert f"[{__version__}]: " in text("CHANGELOG.md")
    assert text(f"docs/releases/{__version__}.md").startswith(f"# scaling-tui {__version__}\n")


def test_what_is_not_released_yet_stands_on_top_of_the_changelog() -> None:
    assert re.findall(r"^## \[(.+?)\]", text("CHANGELOG.md"), re.MULTILINE)[:2] == ["Unreleased", __version__]


@pytest.mark.parametrize("name", ["ci", "release"])
def test_the_workflow_runs_nothing_but_targets_of_the_makefile(name: str) -> None:
    called = re.findall(r"^\s*- run: (.+)$", text(f".github/workflows/{name}.yml"), re.MULTILINE)
    assert called
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))
    for line in called:
        program, target = line.split()
        assert program == "make"
        assert target in targets


def test_every_script_of_benchmarks_is_in_the_list_of_figures() -> None:
    there = {f"benchmarks/{path.name}" for path in ROOT.glob("benchmarks/*.py")} - {"benchmarks/figures.py"}
    assert there == SCRIPTS
    names = [source.name for source in SOURCES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("place", sorted({place for source in SOURCES for place in source.claimed}))
def test_every_figure_is_claimed_where_the_list_says(place: str) -> None:
    page, _, heading = place.partition("#")
    assert heading in anchors(ROOT / page)


def test_every_table_of_the_benchmarks_names_the_script_that_prints_it() -> None:
    """Named under the table's own heading, or under the one above it."""
    named: dict[int, set[str]] = {}
    level = 0
    for line in text("benchmarks/README.md").splitlines():
        if heading := re.match(r"(#+) ", line):
            level = len(heading[1])
            named = {depth: scripts for depth, scripts in named.items() if depth < level}
            named[level] = set()
        named[level] |= set(re.findall(r"benchmarks/\w+\.py", line))
        if line.startswith("| ---"):
            scripts = named[level] or named.get(level - 1, set())
            assert scripts, line
            assert scripts <= SCRIPTS


def test_a_quarter_of_an_hour_prints_the_figures() -> None:
    assert sum(source.minutes for source in SOURCES if source.group == "short") <= 15


def test_the_list_runs_what_it_is_asked_for_and_names_what_is_missing(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "figures.py"), "--only"]
    done = subprocess.run(
        [*command, "timetable", "laws"], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"scaling-tui: {__version__}" in done.stdout
    assert "1,000 runs" in done.stdout
    assert "left out: laws, for want of SCALING_TUI_DATA" in done.stdout
    done = subprocess.run([*command, "lawz"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "lawz" in done.stderr


def test_the_devcontainer_is_json_once_its_comments_are_taken_out() -> None:
    settings = json.loads(re.sub(r"^\s*//.*$", "", text(".devcontainer/devcontainer.json"), flags=re.MULTILINE))
    stage = settings["build"]["target"]
    assert re.search(rf"^FROM \S+ AS {stage}$", text("Dockerfile"), re.MULTILINE)
