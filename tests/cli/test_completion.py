"""What the shells complete, asked for as their scripts ask."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.conftest import FINISHED, record_sweep


@pytest.fixture
def completed(command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> "Completed":
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return Completed(command, monkeypatch)


class Completed:
    """The words that bash offers after a line."""

    def __init__(self, command: Command, patch: pytest.MonkeyPatch) -> None:
        self.command, self.patch = command, patch

    def __call__(self, line: str) -> list[str]:
        words = ["scaling-tui", *line.replace(":", " : ").split(" ")]
        words = [word for word in words[:-1] if word] + words[-1:]
        self.patch.setenv("_SCALING_TUI_COMPLETE", "complete_bash")
        self.patch.setenv("COMP_WORDS", "\n".join(words))
        self.patch.setenv("COMP_CWORD", str(len(words) - 1))
        status, told, complained = self.command()
        assert (status, complained) == (0, "")
        return told.split()


def test_ladders_and_their_files(completed: Completed) -> None:
    Path("mine.toml").touch()
    assert completed("run quick") == ["quickstart"]
    assert completed("run mi") == ["mine.toml"]
    assert "isoflop" in completed("count ")


def test_sweeps_and_runs(completed: Completed, tmp_path: Path) -> None:
    record_sweep(tmp_path / "runs", FINISHED, "mine")
    record_sweep(tmp_path / "elsewhere", FINISHED, "other")
    Path("losses.csv").touch()
    assert completed("attach ") == ["mine"]
    assert completed("rename mi") == ["mine"]
    assert set(completed("fit ")) == {"mine", "losses.csv"}
    assert completed("--runs elsewhere attach ") == ["other"]
    assert completed("attach --runs elsewhere ") == ["other"]
    runs = sorted(path.parent.name for path in (tmp_path / "runs" / "mine").glob("*/run.json"))
    assert completed("trace mine/") == [f"mine/{run}" for run in runs]
    assert completed("stop mine --run ") == completed("stop --run ") == runs
    assert completed("quiz take --sweep ") == ["latest", "mine"]


def test_deleted_sweeps(completed: Completed, tmp_path: Path) -> None:
    record_sweep(tmp_path / "runs", FINISHED, "mine")
    completed.patch.delenv("_SCALING_TUI_COMPLETE", raising=False)
    assert completed.command("rm", "mine", "--yes")[0] == 0
    assert completed("attach ") == []
    assert completed("restore ") == ["mine"]


def test_laws_and_sets_though_bash_splits_at_colons(completed: Completed) -> None:
    assert {"chinchilla", "chinchilla-n"} <= set(completed("fit losses.csv --law chin"))
    assert "hoffmann2022" in completed("laws chinchilla:")
    assert completed("loss --law chinchilla:besi") == ["besiroglu2024"]
    assert "allocation:porian2024" in completed("laws allo")


def test_lessons_experiments_questions_and_banks(completed: Completed, tmp_path: Path) -> None:
    assert completed("quiz take --lesson chin") == ["chinchilla"]
    assert {"chinchilla", "glossary", "experiment"} <= set(completed("learn "))
    assert completed("learn lesson gl") == []
    assert completed("learn experiment iso") == ["isoflop"]
    assert completed("quiz show layer-by") == ["layer-by-hand"]
    Path("bank.toml").write_text('[[question]]\nid = "my-own"\n[[question]]\nid = 3\n')
    assert completed("quiz check ") == completed("quiz take --bank ") == ["bank.toml"]
    assert completed("quiz show --bank bank.toml ") == ["my-own"]
    Path("bank.toml").write_text("[[question")
    assert completed("quiz show --bank bank.toml ") == []


@pytest.mark.parametrize("name", ["$(touch owned)", "`id`", "a'b", 'a"b', "a;b", "-x", "a b", "\x1b[31mred"])
def test_a_name_that_a_shell_could_run_is_not_offered(completed: Completed, tmp_path: Path, name: str) -> None:
    record_sweep(tmp_path / "runs", FINISHED, "mine")
    (tmp_path / "runs" / "mine").rename(tmp_path / "runs" / name)
    assert completed("attach ") == []


def test_names_are_completed_without_heavy_imports(tmp_path: Path) -> None:
    code = (
        "import sys, os; os.environ.update(_SCALING_TUI_COMPLETE='complete_bash', COMP_WORDS='scaling-tui\\nrun\\n', "
        "COMP_CWORD='2')\nfrom scaling_tui.cli import main\n"
        "try: main()\n"
        "finally: print(*{'torch', 'textual', 'numpy', 'rich'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "quickstart" in done.stdout
    assert done.stderr.strip() == ""


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not here")
def test_zsh_completes_at_the_first_tab_of_a_session(tmp_path: Path) -> None:
    """zsh loads the installed file as the function that is to complete, and calls it."""
    shown = subprocess.run(  # for the shell that asks; with a command after it, zsh does not make way for Python
        ["zsh", "-fc", '"$0" -m scaling_tui --show-completion && :', sys.executable],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    (tmp_path / "_scaling-tui").write_text(shown.stdout)
    asked = tmp_path / "scaling-tui"
    asked.write_text('#!/bin/sh\necho "echo asked: $_TYPER_COMPLETE_ARGS"\n')
    asked.chmod(0o755)
    tab = "fpath=(. $fpath); autoload -Uz _scaling-tui; compdef() { :; }; words=(scaling-tui run quick); CURRENT=3;"
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["zsh", "-fc", f"{tab} _scaling-tui; echo next; _scaling_tui_completion"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.splitlines() == ["asked: scaling-tui run quick", "next", "asked: scaling-tui run quick"]


@pytest.mark.parametrize("line", ["--version", "runs", "quiz list", "fit --help"])
def test_commands_start_without_heavy_imports(tmp_path: Path, line: str) -> None:
    code = (
        f"import sys; sys.argv = ['scaling-tui', *{line.split()!r}]\nfrom scaling_tui.cli import main\n"
        "try: main()\n"
        "finally:\n    heavy = {'torch', 'textual', 'scipy', 'pandas', 'jsonschema', 'pydantic'} & set(sys.modules)\n"
        "    print('heavy:', *heavy)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.endswith("heavy:\n"), done.stdout + done.stderr
    assert done.returncode == 0
