"""Too little memory, cores or disk, or no permission: said in a line, and nothing half done."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scaling_tui import InputError
from scaling_tui.runs import Status, create_sweep, read_sweep
from scaling_tui.runs.delete import delete_sweep
from scaling_tui.sweeps import limits
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.sweeps.placement import at_a_time
from scaling_tui.sweeps.preflight import check_memory
from tests.conftest import FINISHED, record_sweep

PROGRAM = [sys.executable, "-P", "-m", "scaling_tui"]
V1 = Path("/sys/fs/cgroup/memory")


@pytest.fixture
def cgroups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in place of /sys/fs/cgroup, of which this process knows to be in the groups of both versions."""
    (tmp_path / "self").write_text("4:memory:/docker/abc\n1:cpu,cpuacct:/docker/abc\n0::/box/inner\n")
    monkeypatch.setattr(limits, "OWN_CGROUPS", tmp_path / "self")
    monkeypatch.setattr(limits, "CGROUPS", tmp_path / "cgroup")
    return tmp_path / "cgroup"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({"cpu.max": "50000 100000\n"}, 0.5),
        ({"box/cpu.max": "250000 100000\n", "box/inner/cpu.max": "max 100000\n"}, 2.5),
        ({"cpu,cpuacct/cpu.cfs_quota_us": "50000\n", "cpu,cpuacct/cpu.cfs_period_us": "100000\n"}, 0.5),
        ({"cpu/docker/abc/cpu.cfs_quota_us": "-1\n", "cpu/docker/abc/cpu.cfs_period_us": "100000\n"}, None),
        ({"cpu.max": "nonsense\n"}, None),
        ({}, None),
    ],
)
def test_a_quota_of_cores_counts(cgroups: Path, files: dict[str, str], quota: float | None) -> None:
    for name, text in files.items():
        write(cgroups / name, text)
    assert limits.cpu_quota() == quota


def test_half_a_core_is_one_job(cgroups: Path) -> None:
    write(cgroups / "cpu.max", "50000 100000\n")
    assert (limits.cores(), at_a_time(None, "cpu")) == (1, 1)


@pytest.mark.parametrize(
    "name", ["memory.max", "memory/memory.limit_in_bytes", "memory/docker/abc/memory.limit_in_bytes"]
)
def test_a_cgroup_that_is_too_small_is_told(cgroups: Path, tiny: Path, name: str) -> None:
    write(cgroups / name, f"{128 << 20}\n")
    with pytest.raises(InputError, match=r"need at least 0\.2 GB of memory, the cgroup allows 0\.1 GB"):
        check_memory(load_ladder(str(tiny)), "cpu")


def test_no_limit_is_none(cgroups: Path, tiny: Path) -> None:
    write(cgroups / "memory.max", "max\n")
    write(cgroups / "memory/memory.limit_in_bytes", "9223372036854771712\n")
    check_memory(load_ladder(str(tiny)), "cpu")


@pytest.mark.skipif(os.name != "posix", reason="has no ulimit")
def test_ulimit_v_counts_before_anything_is_written(tiny: Path, tmp_path: Path) -> None:
    line = 'ulimit -v 600000 && exec "$@"'
    command = ["sh", "-c", line, "sh", *PROGRAM, "run", str(tiny), "--runs", str(tmp_path / "runs")]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    )
    assert (done.returncode, "of memory, 'ulimit -v' allows 0.6 GB; want" in done.stderr) == (2, True), done.stderr
    assert not (tmp_path / "runs").exists()


def test_a_real_cgroup_counts(tiny: Path) -> None:
    group = V1 / f"scaling-tui-test-{os.getpid()}"
    try:
        group.mkdir()
        limit = group / "memory.limit_in_bytes"
        limit.write_text(str(140 << 20))
    except OSError:
        pytest.skip("no cgroup of version 1 can be made here")
    try:
        line = f'echo $$ > {group}/cgroup.procs && exec "$@"'
        command = ["sh", "-c", line, "sh", *PROGRAM, "run", str(tiny), "--dry-run"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, "the cgroup allows 0.1 GB" in done.stderr) == (2, True), done.stderr
    finally:
        group.rmdir()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 256 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(disk: Path) -> None:
    with (disk / "ballast").open("ab", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError:
            return


def test_run_into_a_full_disk_leaves_nothing(tiny: Path, small_disk: Path) -> None:
    fill(small_disk)
    done = subprocess.run(
        [*PROGRAM, "run", str(tiny), "--runs", str(small_disk / "runs")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    assert "cannot be written to (No space left on device)" in done.stderr.splitlines()[-1]
    assert [path.name for path in small_disk.iterdir()] == ["ballast"]


def test_a_status_is_told_on_a_full_disk(small_disk: Path) -> None:
    path = small_disk / "status.json"
    status = Status.of_this_process("running", "a long reason " * 10)
    status.write(path)
    fill(small_disk)
    for reason in ("No space left on device", ""):
        Status.of_this_process("failed", reason).write(path)
        found = Status.read(path)
        assert found is not None
        assert (found.state, found.reason) == ("failed", reason)


@pytest.mark.slow
def test_a_disk_that_fills_while_a_sweep_trains_is_named(tiny: Path, small_disk: Path) -> None:
    command = [*PROGRAM, "run", str(tiny), "--set", "tokens=20_000_000", "--device", "cpu", "--runs", str(small_disk)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        sweep = small_disk / "tiny"
        while not any(path.stat().st_size for path in sweep.glob("*/attempt-1/metrics.jsonl")):
            assert process.poll() is None
            time.sleep(0.05)
        fill(small_disk)
        process.communicate()
    view = read_sweep(sweep)
    assert view.state == "failed"
    assert "failed" in view.reason
    assert not view.trains
    reasons = {run.reason for run in view.runs if run.state == "failed"}
    assert any("No space left on device" in reason for reason in reasons), reasons


def test_rm_that_may_not_delete_a_part_deletes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = record_sweep(tmp_path, FINISHED)
    before = sorted(path for path in sweep.rglob("*"))
    if os.getuid() == 0:  # to whom everything is permitted
        access = os.access
        monkeypatch.setattr(os, "access", lambda path, mode: "attempt-1" not in str(path) and access(path, mode))
    else:
        (sweep / "r3-s0" / "attempt-1").chmod(0o500)
    with pytest.raises(InputError, match=r"no permission to delete files in .*attempt-1; nothing was deleted"):
        delete_sweep(sweep)
    assert sorted(path for path in sweep.rglob("*")) == before


def test_rm_deletes_a_sweep_whose_name_fills_all_bytes_of_a_name(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, FINISHED).rename(tmp_path / ("律" * 85))
    delete_sweep(sweep)
    assert not list(tmp_path.iterdir())


def test_rm_that_fails_to_rename_deletes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = record_sweep(tmp_path, FINISHED)

    def refuse(path: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(InputError, match="Permission denied; nothing was deleted"):
        delete_sweep(sweep)
    assert (sweep / "r7-s0" / "run.json").exists()


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="needs another user")
def test_rm_of_another_users_sweep_deletes_nothing(tmp_path: Path) -> None:
    shared = Path("/tmp") / f"scaling-tui-test-{os.getpid()}"
    shared.mkdir(mode=0o755)
    try:
        sweep = record_sweep(shared, FINISHED)
        before = sorted(sweep.rglob("*"))
        code = (
            "import os, sys; from pathlib import Path; from scaling_tui.runs.delete import delete_sweep\n"
            "os.setuid(65534); delete_sweep(Path(sys.argv[1]))"
        )
        done = subprocess.run([sys.executable, "-c", code, str(sweep)], capture_output=True, text=True, check=False)
        assert "nothing was deleted" in done.stderr
        assert sorted(sweep.rglob("*")) == before
    finally:
        shutil.rmtree(shared)


def test_a_sweep_that_is_being_deleted_is_listed_no_more(tmp_path: Path) -> None:
    from scaling_tui.runs import list_sweeps

    sweep = create_sweep(tmp_path, "mine", {})
    sweep.rename(tmp_path / ".mine.deleted")
    assert list_sweeps(tmp_path) == []
