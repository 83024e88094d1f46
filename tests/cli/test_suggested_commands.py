"""Commands that messages suggest work as they are printed: they exist, with their options, and know the runs folder."""

import ast
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

import scaling_tui
from scaling_tui.cli.app import app, main
from scaling_tui.runs.commands import command
from tests.conftest import FINISHED, record_sweep

SOURCES = sorted(Path(scaling_tui.__file__).parent.rglob("*.py"))
ELSEWHERE = "report/page"  # a page is read on other machines, where its folder tells nothing
NEEDS_RUNS = {
    "archive", "attach", "export", "import", "note", "pipeline", "rename", "report", "restore", "resume", "rm", "run",
    "runs", "stop", "tag", "trace", "unarchive",
}  # fmt: skip


Run = Callable[..., str]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `scaling-tui ARGS…` in this process; returns what it says on stderr."""

    def run(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["scaling-tui", *map(str, arguments)])
        with pytest.raises(SystemExit):
            main()
        return capsys.readouterr().err

    return run


def texts(path: Path) -> Iterator[str]:
    """Every text in a source but for documentation; what is put into one is {}."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)  # type: ignore[misc]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts | told:
            yield node.value


SUGGESTED = sorted(
    {
        (match[1].strip(), str(path.relative_to(SOURCES[0].parent)))
        for path in SOURCES
        for text in texts(path)
        for match in re.finditer(r"scaling-tui ((?:--)?[a-z][^'\";,()]*)", text)
        if text != match[0] or "'" in text
        if re.search(rf"['`:] ?{re.escape(match[0])}", text)
    }
)


def test_there_are_some() -> None:
    assert len(SUGGESTED) > 5


@pytest.mark.parametrize(("line", "where"), SUGGESTED)
def test_a_suggested_command_exists_and_is_not_one_that_needs_the_runs_folder(line: str, where: str) -> None:
    group = typer.main.get_command(app)
    words = line.split()
    assert isinstance(group, TyperGroup)
    found = group.commands.get(words[0])
    assert found is not None, f"{where}: scaling-tui {line}"
    if isinstance(found, TyperGroup) and len(words) > 1 and words[1] in found.commands:
        found = found.commands[words[1]]
    elif words[0] == "learn":
        found = found.commands["lesson"] if isinstance(found, TyperGroup) and "lesson" in found.commands else found
    options = {name for parameter in found.params for name in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options, f"{where}: scaling-tui {line}"
    # The name of a command alone, as in "a sweep of 'scaling-tui run'", suggests nothing.
    free = words[0] not in NEEDS_RUNS or line == "run" or where.startswith(ELSEWHERE)
    assert free, f"{where}: use runs.commands.command for scaling-tui {line}"


@pytest.mark.parametrize("sweep", ["plain", "with space", "-dash", "qu'ote"])
def test_the_line_can_be_read_back_by_a_shell_and_by_the_command(tmp_path: Path, sweep: str, said: Run) -> None:
    record_sweep(tmp_path, FINISHED, "made").rename(tmp_path / sweep)
    words = shlex.split(command(tmp_path, "stop", sweep))
    assert words[0] == "scaling-tui"
    assert "is finished: nothing to stop" in said(*words[1:])


def test_the_folder_is_left_out_where_it_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SCALING_TUI_RUNS", raising=False)
    monkeypatch.chdir(tmp_path)
    assert command(Path("runs"), "attach", "a") == command(tmp_path / "runs", "attach", "a") == "scaling-tui attach a"
    assert command(Path("other")) == "scaling-tui --runs other"
    monkeypatch.setenv("SCALING_TUI_RUNS", "other")
    assert command(Path("other"), "attach", "a") == "scaling-tui attach a"
    assert command(Path("runs"), "attach", "a") == "scaling-tui attach a --runs runs"


def test_a_command_started_with_a_folder_suggests_it(tmp_path: Path, said: Run) -> None:
    folder = tmp_path / "my runs"
    assert f"`scaling-tui run quickstart --runs '{folder}'` starts one" in said("--runs", folder, "runs")
    record_sweep(folder, ["running", *["queued"] * 6], "one")
    assert f"`scaling-tui resume one --runs '{folder}'` resumes it" in said("stop", "one", "--runs", folder)
    assert f"`scaling-tui stop one --runs '{folder}'`" in said("rm", "one", "--yes", "--runs", folder)
