"""`doctor` from outside: in a pipe, without torch, with broken surroundings; it never fails and leaves nothing."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pexpect
import psutil
import pytest

from scaling_tui.report.doctor import GROUPS
from tests.schemas import content

ROOT = Path(__file__).parents[2]
NO_TORCH = 'raise ModuleNotFoundError("No module named \'torch\'", name="torch")'

Doctor = Callable[..., "subprocess.CompletedProcess[str]"]


def executable(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def surroundings(tmp_path: Path) -> dict[str, str]:
    """An environment with an empty home and PATH, and a torch that cannot be imported."""
    for name in ("home", "bin", "work", "tmp"):
        (tmp_path / name).mkdir()
    fake = tmp_path / "fake" / "torch"
    fake.mkdir(parents=True)
    (fake / "__init__.py").write_text(NO_TORCH)
    return {
        "HOME": str(tmp_path / "home"),
        "PATH": str(tmp_path / "bin"),
        "PYTHONPATH": f"{tmp_path / 'fake'}:{ROOT}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "SCALING_TUI_SLOTS": str(tmp_path / "slots"),
        "RAY_TMPDIR": str(tmp_path / "tmp"),
        "TERM": "dumb",
        "LANG": "C.UTF-8",
    }


@pytest.fixture
def doctor(surroundings: dict[str, str], tmp_path: Path) -> Doctor:
    def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "scaling_tui", "doctor", *arguments], cwd=tmp_path / "work", text=True,
            env=surroundings | environment, stdin=subprocess.DEVNULL, capture_output=True, check=False,
        )  # fmt: skip

    return run


def files(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def looks(done: "subprocess.CompletedProcess[str]") -> Mapping[str, dict[str, Any]]:
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, dict[str, Any]] = content(done.stdout)
    assert set(found) == {name for names in GROUPS.values() for name in names}, "every look by name"
    for look in found.values():
        assert look["status"] in ("found", "not_found", "unknown")
        assert look["says"]
        assert "\n" not in look["says"]
        assert isinstance(look["advice"], list)
    return found


def line_of(text: str, label: str) -> str:
    (line,) = [line for line in text.splitlines() if line.startswith(f"  {label} ")]
    return line


def test_without_torch_path_home_or_terminal_it_tells_what_is_there_and_leaves_nothing(
    doctor: Doctor, tmp_path: Path
) -> None:
    before = files(tmp_path)
    done = doctor()
    assert (done.returncode, done.stderr) == (0, "")
    text = done.stdout
    for group in GROUPS:
        assert f"\n{group}\n" in f"\n{text}"
    assert "not found: not installed" in line_of(text, "torch")
    assert "! training and traces need torch: pip install torch" in text
    assert "not found: no sbatch in PATH" in line_of(text, "SLURM")
    assert "a pipe or a file; TERM=dumb" in line_of(text, "terminal")
    assert "runs (not there yet)" in " ".join(text.split())
    assert re.search(r"^\d+ problems?: see the lines that begin with !$", text, re.MULTILINE)
    assert "Traceback" not in text
    assert all(len(line) <= 100 for line in text.splitlines())
    assert files(tmp_path) == before


def test_as_json_every_look_has_its_name(doctor: Doctor) -> None:
    found = looks(doctor("--json"))
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    assert 1 <= found["cpu"]["cores"] <= allowed
    assert found["torch"]["status"] == "not_found"
    for name in ("bf16", "compile", "gloo", "nccl"):
        assert (found[name]["status"], found[name]["advice"]) == ("unknown", [])
        assert found[name]["says"] == "unknown: torch does not answer"
    assert found["storage_speed"]["bytes_per_s"] is None
    assert found["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["sweep"]["jobs"] == len(found["sweep"]["slots"])
    assert found["terminal"]["app"] is False


def test_the_speed_of_a_folder_that_is_there_is_measured_and_nothing_stays(doctor: Doctor, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    found = looks(doctor("--json", "--runs", str(runs)))
    if found["storage"]["free"] > 1 << 30:
        assert found["storage_speed"]["bytes_per_s"] > 0
        assert found["storage_speed"]["record_s"] > 0
    assert found["storage"]["kind"] in ("local", "network", "memory", "container", "unknown")
    assert found["storage"]["folder"] == str(runs.resolve())
    assert not files(runs)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder that nobody, not even root, can write to")
def test_a_folder_that_cannot_be_written_to_is_told_with_what_to_do(doctor: Doctor) -> None:
    found = looks(doctor("--json", "--runs", "/proc"))
    assert found["storage_speed"]["status"] == "unknown"
    assert "nothing can be written" in str(found["storage_speed"]["says"])
    assert "--runs" in str(found["storage_speed"]["advice"])


def test_runs_that_are_a_file_are_told(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    found = looks(doctor("--json", "--runs", str(tmp_path / "notes.txt" / "runs")))
    assert found["storage"]["status"] == "unknown"
    assert "a file, not a folder" in str(found["storage"]["says"])


@pytest.mark.parametrize(
    ("torch", "says"),
    [
        ("raise ImportError('libcudart.so.13: cannot open shared object file')", "libcudart.so.13"),
        ("import os; os.abort()", "ended with status -6"),
        ("print('a library that talks'); raise RuntimeError('\\x1b[31mred')", "RuntimeError"),
    ],
    ids=["library missing", "crash", "talk"],
)
def test_a_torch_that_does_not_load_is_told_with_the_reason(
    doctor: Doctor, tmp_path: Path, torch: str, says: str
) -> None:
    (tmp_path / "fake" / "torch" / "__init__.py").write_text(torch)
    found = looks(doctor("--json"))
    assert found["torch"]["status"] == "unknown"
    assert says in str(found["torch"]["says"])
    assert found["torch"]["advice"] == ["try to load it: python -c 'import torch'"]
    assert "\x1b" not in doctor().stdout


def test_a_ray_cluster_is_connected_to(doctor: Doctor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        there = looks(doctor("--json", RAY_ADDRESS=address))["ray"]
    gone = looks(doctor("--json", RAY_ADDRESS=address))["ray"]
    assert (there["address"], there["answers"]) == (address, True)
    assert (gone["answers"], "does not answer" in str(gone["says"])) == (False, True)
    assert "unset RAY_ADDRESS" in str(gone["advice"])
    assert looks(doctor("--json", RAY_ADDRESS="nonsense"))["ray"]["answers"] is False


def test_slurm_tells_its_partitions(doctor: Doctor, tmp_path: Path) -> None:
    executable(tmp_path / "bin" / "sbatch", "exit 0")
    executable(tmp_path / "bin" / "sinfo", "echo 'debug*|up|2|gpu:4'; echo 'old|down|1|(null)'; echo nonsense")
    found = looks(doctor("--json", SLURM_JOB_ID="123"))["slurm"]
    assert found["partitions"] == [{"name": "debug", "nodes": "2", "gres": "gpu:4"}]
    assert "debug (2 nodes, gpu:4); inside job 123" in str(found["says"])
    executable(tmp_path / "bin" / "sinfo", "echo 'sinfo: error: Unable to contact slurm controller' >&2; exit 1")
    found = looks(doctor("--json"))["slurm"]
    assert found["status"] == "unknown"
    assert "Unable to contact slurm controller" in str(found["says"])
    assert "'sinfo'" in str(found["advice"])


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("sleep 1000 & sleep 1000", "took longer than"),
        ("kill -9 $$", "ended with status -9"),
        ("printf '\\033]0;mine\\007'; printf '\\033[31mred' >&2; exit 1", "red"),
        ("exec cat /dev/zero", "printed more than 1 MiB"),
    ],
    ids=["hangs", "crashes", "rubbish", "endless"],
)
def test_commands_that_hang_crash_or_print_rubbish_are_told_and_leave_nothing(
    doctor: Doctor, tmp_path: Path, script: str, says: str
) -> None:
    for name in ("nvidia-smi", "sbatch", "sinfo", "tmux"):
        executable(tmp_path / "bin" / name, f"PATH=/usr/bin:/bin; echo $$ >> {tmp_path}/pids; {script}")
    found = looks(doctor("--json", TMUX="/tmp/tmux,1,0"))
    assert (found["slurm"]["status"], found["clipboard"]["status"]) == ("unknown", "unknown")
    assert says in str(found["slurm"]["says"])
    assert found["driver"]["status"] == "not_found"
    # Each was in a session of its own, of which nothing is left.
    sessions = {int(line) for line in (tmp_path / "pids").read_text().split()}
    assert sessions
    until = time.monotonic() + 60  # init may be slow to bury them
    while any(session_of(process.pid) in sessions for process in psutil.process_iter()):
        assert time.monotonic() < until
    assert "\x1b" not in doctor().stdout


def session_of(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return -1


def test_a_torch_that_hangs_is_given_up_and_holds_up_no_other(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "fake" / "torch" / "__init__.py").write_text("import time; time.sleep(1000)")
    found = looks(doctor("--json"))
    assert (found["torch"]["status"], found["cpu"]["status"]) == ("unknown", "found")
    assert "did nothing for" in str(found["torch"]["says"])


def test_a_locale_without_utf8_is_told_and_the_output_survives_it(doctor: Doctor) -> None:
    done = doctor(LANG="C", LC_ALL="C", PYTHONIOENCODING="ascii:strict", PYTHONUTF8="0")
    assert (done.returncode, done.stderr) == (0, "")
    assert "no, by LC_ALL=C" in line_of(done.stdout, "UTF-8")


def test_an_option_that_it_does_not_know_is_the_only_error(doctor: Doctor) -> None:
    done = doctor("--jsn")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1


def test_on_a_terminal_it_tells_its_size_and_colours(surroundings: dict[str, str], tmp_path: Path) -> None:
    environment = {**surroundings, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    child = pexpect.spawn(
        sys.executable, ["-m", "scaling_tui", "doctor"], cwd=str(tmp_path / "work"), env=environment,
        dimensions=(20, 70), encoding="utf-8", timeout=200,
    )  # fmt: skip
    child.expect(pexpect.EOF)
    child.close()
    text = str(child.before).replace("\r\n", "\n")
    assert child.exitstatus == 0
    assert "70×20, TERM=xterm-256color" in line_of(text, "terminal")
    assert "make the window larger" in " ".join(text.split())
    assert "16 million" in line_of(text, "colours")
    assert all(len(line) <= 70 for line in text.splitlines()[1:])
