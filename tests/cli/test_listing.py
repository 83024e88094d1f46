"""Commands that list, label, rename and delete sweeps: what they print, refuse and undo, from outside."""

import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scaling_tui.runs import Writer, create_sweep, find_sweep
from scaling_tui.tutor.progress import guesses, keep_guess, progress_file
from tests.cli.conftest import Command
from tests.conftest import FINISHED, record_sweep
from tests.schemas import content

RUNNING = ["finished", "running", *["queued"] * 5]


@pytest.fixture
def command(command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """On the sweeps in `tmp_path / "runs"`."""
    monkeypatch.setenv("SCALING_TUI_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return command


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    record_sweep(tmp_path / "runs", FINISHED)
    record_sweep(tmp_path / "runs", ["finished", "stopped", *["queued"] * 5], "begun")
    with Writer.create(tmp_path / "runs" / "theirs" / "n0", {"params": 1000, "tokens": 500}) as run:
        run.log(step=1, tokens=500, loss=2.0)
    return tmp_path / "runs"


def listed(command: Command, *args: str) -> list[str]:
    status, out, err = command("runs", *args)
    assert status == 0, err
    return [line.split()[1] for line in out.splitlines()[1:] if not line.startswith("  ")]


def undone(command: Command, err: str) -> str:
    """Runs the command that a message offers to undo what was done."""
    marks = "`" if "`scaling-tui " in err else "'"
    offered = err.split(f"{marks}scaling-tui ", 1)[1].split(f"{marks} ", 1)[0]
    status, _, err = command(*shlex.split(offered))
    assert status == 0, err
    return err


def test_runs_lists_those_that_fit_in_the_order_asked_for(command: Command, runs: Path) -> None:
    command("tag", "begun", "+paper")
    assert sorted(listed(command)) == ["begun", "quickstart", "theirs"]
    assert listed(command, "--filter", "state:finished", "--sort", "name") == ["quickstart", "theirs"]
    assert listed(command, "--filter", "tag:paper") == ["begun"]
    assert listed(command, "--filter", "ladder:quickstart") == ["quickstart"]
    assert listed(command, "--filter", "corpus:stdlib", "--filter", "-state:stopped") == ["quickstart"]
    assert listed(command, "--filter", "qst") == ["quickstart"]
    assert listed(command, "--sort", "-name") == ["theirs", "quickstart", "begun"]
    found = json.loads(command("runs", "--json", "--filter", "tag:paper")[1])["sweeps"]
    assert [(one["name"], one["tags"], one["note"], one["archived"]) for one in found] == [
        ("begun", ["paper"], "", False)
    ]
    assert (len(found[0]["runs"]), found[0]["states"]) == (7, {"finished": 1, "stopped": 1, "queued": 5})
    status, out, err = command("runs", "--filter", "state:lost")
    assert (status, out, err) == (0, "", f"no sweep fits 'state:lost', of 3 in {runs}\n")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("runs", "--filter", "laddr:x"), "filter: found 'laddr:', did you mean 'ladder'?"),
        (("runs", "--filter", "state:gone"), "filter: state: found 'gone', known: queued, running"),
        (("runs", "--sort", "nam"), "sort: found 'nam', did you mean 'name'?"),
        (("rename", "quickstart", "begun"), "name 'begun': found in"),
        (("rename", "quickstart", "a/b"), "name 'a/b': not usable as a folder name"),
        (("rename", "quickstart", "../up"), "name '../up': not usable as a folder name"),
        (("rename", "quickstart", ".hidden"), "name '.hidden': not usable as a folder name"),
        (("rename", "quickstart", "x" * 256), "want at most 255"),
        (("rename", "quickstart", "a\x1b[31m"), "not usable as a folder name"),
        (("rename", "quickstart", "quickstart"), "found as the name of this sweep"),
        (("rename", "nope", "x"), "sweep 'nope': not in"),
        (("tag", "nope", "+x"), "sweep 'nope': not in"),
        (("tag", "begun", "+a,b"), "tag 'a,b': want 1 to 64 printable characters"),
        (("tag", "begun", "+"), "tag '': want 1 to 64 printable characters"),
        (("note", "begun", "\x1b]0;owned\x07"), "found a control character, want text"),
        (("restore",), "nothing in its trash, so nothing to restore"),
        (("rm",), "rm: found no sweep, want its name"),
        (("rm", "begun", "--empty-trash"), "--empty-trash: found with a sweep, 'begun', want one of them"),
        (("rm", "begun"), "rm begun: no terminal to ask for confirmation; add --yes"),
        (("run", "quickstart", "--name", "begun"), "name 'begun': found in the runs folder already"),
        (("run", "quickstart", "--name", "a/b", "--dry-run"), "name 'a/b': not usable as a folder name"),
        (("attach", "begun", "--app", "--json"), "--app: found with --json, want one of them"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(command: Command, runs: Path, args: tuple[str, ...], says: str) -> None:
    before = sorted(path.name for path in runs.iterdir())
    status, out, err = command(*args)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert says in err
    assert "\x1b" not in err
    assert sorted(path.name for path in runs.iterdir()) == before


def test_a_sweep_is_renamed_and_back(command: Command, runs: Path) -> None:
    keep_guess("predict:quickstart/r7-s0", 1.5, progress_file())
    content = (runs / "quickstart" / "sweep.json").read_bytes()
    status, out, err = command("rename", "quickstart", "my base's")
    assert (status, out) == (0, "")
    assert "quickstart is now called my base's; " in err
    assert (runs / "my base's" / "sweep.json").read_bytes() == content
    assert guesses(progress_file()) == {"predict:my base's/r7-s0": 1.5}
    assert command("fit", "my base's", "--bootstrap", "0", "--no-plot")[0] == 0
    assert "my base's" in command("runs")[1]
    assert "quickstart" in undone(command, err)
    assert (runs / "quickstart" / "sweep.json").is_file()
    assert guesses(progress_file()) == {"predict:quickstart/r7-s0": 1.5}


def test_a_sweep_that_trains_is_neither_renamed_nor_deleted(command: Command, runs: Path) -> None:
    record_sweep(runs, RUNNING, "live")
    for args in (("rename", "live", "other"), ("rm", "live", "--yes"), ("rm", "live", "--yes", "--for-good")):
        status, _, err = command(*args)
        assert (status, (runs / "live").is_dir()) == (2, True)
        assert "sweep live: still training; stop it first with 'scaling-tui stop live'" in err
    assert command("tag", "live", "+now")[0] == 0


def test_a_sweep_that_begins_to_train_meanwhile_is_moved_back(
    command: Command, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Path] = []

    def begins(path: Path, watch: bool = False) -> bool:
        looks.append(path)
        return len(looks) > 1

    monkeypatch.setattr("scaling_tui.runs.rename.trains", begins)
    status, _, err = command("rename", "quickstart", "other")
    assert (status, "still training" in err) == (2, True)
    assert [path.name for path in looks] == ["quickstart", "other"]
    assert ((runs / "quickstart").is_dir(), (runs / "other").exists()) == (True, False)


def test_tags_are_added_taken_away_listed_and_undone(command: Command, runs: Path) -> None:
    assert command("tag", "theirs", "+base", "paper")[2].startswith(
        "theirs: tags base, paper; 'scaling-tui tag theirs "
    )
    assert command("tag", "theirs")[1] == "base\npaper\n"
    status, _, err = command("tag", "theirs", "+new", "-base")
    assert (status, json.loads(command("tag", "theirs", "--json")[1])["tags"]) == (0, ["paper", "new"])
    undone(command, err)
    assert sorted(command("tag", "theirs")[1].split()) == ["base", "paper"]
    assert command("tag", "theirs", "+BASE")[2] == "theirs: tags paper, base, as before\n"
    assert "base" in command("runs")[1].splitlines()[[*listed(command)].index("theirs") + 1]
    assert (runs / "theirs" / "labels").is_dir(), "a sweep of another trainer has its labels in its folder too"


def test_notes_are_taken_shown_and_undone(command: Command, runs: Path) -> None:
    command("note", "begun", "it's the\ngood one")
    assert command("note", "begun")[1] == "it's the\ngood one\n"
    assert "it's the good one" in command("runs")[1]
    _, _, err = command("note", "begun", "another")
    undone(command, err)
    assert command("note", "begun")[1] == "it's the\ngood one\n"
    _, _, err = command("note", "begun", "")
    assert "its note is gone" in err
    undone(command, err)
    assert content(command("note", "begun", "--json")[1]) == {"sweep": "begun", "note": "it's the\ngood one"}


def test_an_archived_sweep_is_left_out_of_lists_and_is_not_the_latest(command: Command, runs: Path) -> None:
    os.utime(runs / "begun" / "sweep.json", (time.time() + 10,) * 2)
    assert find_sweep(runs) == runs / "begun"
    _, _, err = command("archive", "begun")
    status, out, said = command("runs")
    assert (status, "begun" in out, "1 archived sweep not listed" in said) == (0, False, True)
    assert find_sweep(runs) != runs / "begun"
    assert listed(command, "--filter", "archived:yes") == ["begun"]
    assert command("attach", "begun", "--json")[0] == 1, "by its name it is there"
    undone(command, err)
    assert "begun" in listed(command)
    for name in ("quickstart", "theirs", "begun"):
        command("archive", name)
    assert find_sweep(runs) == runs / "begun", "where all are archived, one of them"


def test_a_deleted_sweep_is_restored(command: Command, runs: Path) -> None:
    command("tag", "begun", "+kept")
    before = {path.relative_to(runs): path.read_bytes() for path in (runs / "begun").rglob("*") if path.is_file()}
    status, _, err = command("rm", "begun", "--yes")
    assert (status, (runs / "begun").exists(), sorted(listed(command))) == (0, False, ["quickstart", "theirs"])
    assert f"deleted {runs}/begun; 'scaling-tui restore begun' brings it back" in err
    undone(command, err)
    after = {path.relative_to(runs): path.read_bytes() for path in (runs / "begun").rglob("*") if path.is_file()}
    assert after == before
    assert not list((runs / ".trash").iterdir())


def test_of_several_deleted_ones_the_last_is_restored_unless_its_name_is_taken(command: Command, runs: Path) -> None:
    command("rm", "begun", "--yes")
    record_sweep(runs, FINISHED, "begun")
    command("rm", "begun", "--yes")
    command("rm", "theirs", "--yes")
    assert "known: theirs, begun, begun" in command("restore", "nope")[2]
    command("restore", "begun")
    assert "7 finished" in command("runs", "--filter", "name:begun")[1]
    status, _, err = command("restore", "begun")
    assert (status, "name 'begun': found in" in err) == (2, True)
    command("restore")
    assert (runs / "theirs").is_dir()
    status, _, err = command("rm", "--empty-trash", "--yes")
    assert (status, "1 deleted sweep, begun" in err) == (0, True)
    assert not (runs / ".trash").exists()
    assert "is empty" in command("rm", "--empty-trash", "--yes")[2]


def test_for_good_nothing_is_kept(command: Command, runs: Path) -> None:
    status, _, err = command("rm", "begun", "--yes", "--for-good")
    assert (status, err) == (0, f"deleted {runs}/begun\n")
    assert not (runs / ".trash").exists()


def test_names_tags_and_notes_of_others_reach_no_terminal_unfiltered(command: Command, runs: Path) -> None:
    hostile = create_sweep(runs, "plain", {"ladder": "\x1b]0;owned\x07", "corpus": {"name": "\u202eevil"}})
    evil = hostile.rename(runs / "evil\x1b[2Jname")
    (evil / "labels").mkdir()
    document = {"tags": ["\x1b[31mred", "fine"], "note": "\x9b31m", "archived": False}
    (evil / "labels" / "1.json").write_text(json.dumps(document))
    for args in (("runs",), ("runs", "--json"), ("runs", "--filter", "evil"), ("tag", evil.name), ("note", evil.name)):
        status, out, err = command(*args)
        assert status == 0, err
        for one in "\x1b\x9b\u202e\x07":
            assert one not in out + err, args
    assert "fine" in command("runs")[1]
    assert "labels/1.json: tags[0]: found" in command("runs")[2]
    status, _, err = command("rename", evil.name, "tame")
    assert (status, "\x1b" in err) == (0, False)


def test_two_processes_that_tag_at_once_lose_nothing(runs: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "scaling_tui", "tag", "begun", f"+t{number}", "--runs", str(runs)],
            stderr=subprocess.DEVNULL,
        )
        for number in range(4)
    ]
    assert [process.wait() for process in processes] == [0] * 4
    out = subprocess.run(
        [sys.executable, "-m", "scaling_tui", "tag", "begun", "--runs", str(runs)],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert sorted(out.split()) == ["t0", "t1", "t2", "t3"]


def test_a_sweep_gets_the_name_of_its_launch(command: Command, tiny: Path, tmp_path: Path) -> None:
    from scaling_tui.sweeps.ladder import load_ladder
    from scaling_tui.sweeps.launch import lay_out

    sweep = lay_out(tmp_path / "runs", load_ladder(str(tiny)), device="cpu", name="mine")
    assert sweep == tmp_path / "runs" / "mine"
    (found,) = json.loads(command("runs", "--json")[1])["sweeps"]
    assert (found["name"], found["ladder"]) == ("mine", "tiny")
    status, _, err = command("run", tiny, "--name", "mine", "--device", "cpu", "--detach")
    assert (status, "name 'mine': found in the runs folder already, want another one" in err) == (2, True)
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["mine"]


def test_attach_opens_the_app_on_the_sweep(command: Command, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[Path, str | None]] = []
    monkeypatch.setattr("scaling_tui.tui.terminal.is_there", lambda: True)
    monkeypatch.setattr("scaling_tui.cli.sweeps.open_tui", lambda _, folder, name: opened.append((folder, name)))
    assert command("attach", "begun", "--app")[0] == 0
    assert opened == [(runs, "begun")]
    monkeypatch.setattr("scaling_tui.tui.terminal.is_there", lambda: False)
    status, out, _ = command("attach", "quickstart", "--app")
    assert (status, out.splitlines()[0]) == (0, "quickstart · finished")


def test_a_list_of_sweeps_that_are_known_needs_no_numpy(runs: Path) -> None:
    """Importing it takes longer than to list a thousand."""
    code = f"""
import sys
import scaling_tui.runs.stamp
scaling_tui.runs.stamp.SETTLES_NS = -10**12
sys.argv = ["scaling-tui", "runs", "--runs", {str(runs)!r}]
from scaling_tui.cli.app import main
try:
    main()
except SystemExit as ended:
    assert not ended.code
print("heavy:", *sorted({{"torch", "numpy", "textual", "rich"}} & set(sys.modules)))
"""
    cold, warm = (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout for _ in "12"
    )
    assert [line.split()[1] for line in cold.splitlines()[:-1]] == [line.split()[1] for line in warm.splitlines()[:-1]]
    assert "numpy" in cold.splitlines()[-1]
    assert warm.splitlines()[-1].strip() == "heavy:"
