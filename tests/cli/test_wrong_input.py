"""Wrong input on purpose: one line on stderr that names it, status 2, nothing on stdout."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scaling_tui import InputError
from scaling_tui.tutor.classroom.assignment import Assignment, load_exercise
from scaling_tui.tutor.classroom.roster import table_rows

from .conftest import Command

TABLE = "params,tokens,loss\n" + "".join(
    f"{n:g},{n * r:g},{1.69 + 406.4 / n**0.34 + 410.7 / (n * r) ** 0.28:.6f}\n"
    for n in (1e6, 3e6, 1e7, 3e7)
    for r in (5, 20, 80)
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a table, one without a finite loss, a folder, a pipe and a loop of links."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SCALING_TUI_RUNS", raising=False)
    (tmp_path / "good.csv").write_text(TABLE)
    (tmp_path / "nan.csv").write_text("params,tokens,loss\n1e6,2e7,nan\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe.toml")
    return tmp_path


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["nosuch"], "No such command 'nosuch'; 'scaling-tui --help' lists them"),
        (["run"], "Missing argument 'ladder'; 'scaling-tui run --help' tells what it takes"),
        (["run", "quickstart", "more"], "Got unexpected extra arguments: more; 'scaling-tui run --help'"),
        (["run", "quickstart", "--seed", "x"], "Invalid value for '--seed': found 'x', want a whole number"),
        (["run", "quickstart", "--jobs", "0"], "Invalid value for '--jobs': found 0, want 1 or more"),
        (["run", "quickstart", "--per-gpu", "65"], "Invalid value for '--per-gpu': found 65, want 1 to 64"),
        (["run", "quickstart", "--set", "tokens=1e18"], "training.tokens: found 1e+18, want at most 1e+15"),
        (["run", "quickstart", "--set", "lr=1", "--set", "lr=2"], "--set lr: found it twice, want one value"),
        (["run", "quickstart", "--detach", "--app"], "--app: found with --detach, want one of them"),
        (["run", "folder"], "ladder 'folder': not a file, want the name of a ladder or a .toml file"),
        (["run", "pipe.toml"], "pipe.toml: a pipe, socket or device, not a regular file"),
        (["run", "quickstart", "--dry-run", "--runs", "good.csv"], "runs folder good.csv: not a folder, want one"),
        (["runs", "--runs", "good.csv/below"], "lies within good.csv, which is not a folder"),
        (["attach", "--runs", "loop"], "runs folder loop: "),
        (["import", "loop"], "loop: no such file, want a log or a folder of logs"),
        (["fit", "nan.csv"], "points: none has a finite loss: row 2 left out"),
        (["fit", "good.csv", "--law", "chinchila"], "law: found 'chinchila', did you mean 'chinchilla'?"),
        (["fit", "good.csv", "--level", "nan"], "Invalid value for '--level': found nan, want a number"),
        (["fit", "good.csv", "--columns", "loss="], "--columns: found 'loss=', want the column of the loss"),
        (["fit", "good.csv", "--fix", "E=1e300"], "--fix E: found 1e+300, want at most 1e+100"),
        (["fit", "good.csv", "--prior", "E=1±1e300"], "--prior E: found 1 ± 1e+300, want numbers from"),
        (["fit", "good.csv", "--xlim", ":"], "--xlim: found ':', want LOW:HIGH"),
        (["loss", "--params", "1e9", "--tokens", "1e9", "--coef", "E=1", "--coef", "E=2"], "--coef E: found it twice"),
        (["plan", "--tokens", "1e300"], "asks for params above 1e300; want smaller values"),
        (["plan", "--flops", "1e20", "--device", "1e-300"], "--device: found '1e-300', want"),
        (["count", "--layers", "1e308", "--hidden", "1e308"], "layers: found more than 1,000,000,000,000,000"),
        (["laws", "--params", "1e-300", "--tokens", "1e-300"], "params: found 1e-300, want 1e-100 to 1e+100"),
        (["export", "--format", "png", "--output", "x.svg"], "--output x.svg: found with --format png, want a name"),
        (["quiz", "exam", "a.toml", "--students", "s.csv", "--output", "p", "--bank", "loop"], "a.toml: no such file"),
        (["quiz", "mark", "good.csv", "--assignment", "a.toml"], "a.toml: no such file"),
    ],
)
@pytest.mark.usefixtures("here")
def test_wrong_input_is_named_on_one_line(command: Command, args: list[str], told: str) -> None:
    status, out, err = command(*args)
    assert (status, out) == (2, "")
    assert told in err
    assert err.startswith("scaling-tui: ")
    assert err.count("\n") == 1


@pytest.mark.usefixtures("here")
def test_a_closed_stdout_takes_what_is_printed() -> None:
    shell = f"'{sys.executable}' -m scaling_tui loss --params 1e9 --tokens 1e10 >&-"
    done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_export_that_cannot_be_written_says_only_that(command: Command, here: Path) -> None:
    assert command("import", "good.csv", "--name", "done")[0] == 0
    (here / "there.csv").write_text("kept")
    status, out, err = command("export", "done", "--output", "there.csv")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "exists already, want a new name" in err
    assert (here / "there.csv").read_text() == "kept"


def test_a_table_with_two_columns_for_one_question_is_refused(here: Path) -> None:
    (here / "answers.csv").write_text("id,q1,q1\ns1,3,4\n")
    with pytest.raises(InputError, match="two columns 'q1', want one"):
        list(table_rows(here / "answers.csv", "answers (.csv)", ("id",)))


def test_a_bank_behind_a_loop_of_links_is_one_line(here: Path) -> None:
    with pytest.raises(InputError, match=r"^loop: [^\n]*links, want a bank"):
        load_exercise(Assignment(Path("week.toml"), "week", "Week", ()), (Path("loop"),))


def test_what_was_not_saved_is_not_to_be_continued(
    command: Command, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "file").write_text("")
    monkeypatch.setenv("XDG_DATA_HOME", str(here / "file"))
    monkeypatch.setattr("sys.stdin", io.StringIO("3\n"))
    status, out, err = command("quiz", "take", "--count", "1")
    assert status == 0
    assert "not saved" in out + err
    assert "--resume" not in out + err
