"""Sweeps under SLURM: with submitit's local executor everywhere, and with a SLURM of one node where one can be started.

`SCALING_TUI_SLURM` names a folder into which Debian's packages of SLURM were unpacked (see .ci/slurm).
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest

from scaling_tui import InputError
from scaling_tui.runs import read_sweep
from scaling_tui.sweeps.engines import Where
from scaling_tui.sweeps.engines.remote import Gone
from scaling_tui.sweeps.engines.slurm import Slurm, check_commands
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.sweeps.launch import launched_with, lay_out, start_supervisor
from scaling_tui.sweeps.resources import Resources
from tests.sweeps import waiting
from tests.sweeps.gate import Gates
from tests.sweeps.waiting import over

pytest.importorskip("submitit", reason="submitit is not installed")
pytestmark = pytest.mark.timeout(1800)

LADDER = """
[corpus]
name = "words.txt"
[model]
context = 16
layers = 1
[training]
tokens = 64_000
batch = 8
lr = 1e-2
evaluations = 4
checkpoints = 8
held_out_tokens = 512
[[rungs]]
name = "a"
hidden = 8
[[rungs]]
name = "b"
hidden = 12
"""
HERE = Where("slurm", options={"executor": "local"})


@pytest.fixture(scope="module")
def ladder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ladder")
    (folder / "words.txt").write_text("the cat sat on the mat and the dog sat on the log\n" * 200)
    (folder / "pair.toml").write_text(LADDER)
    return folder / "pair.toml"


wait_for = partial(waiting.wait_for, seconds=600)


def test_a_job_that_is_warned_writes_a_checkpoint_and_goes_back_into_the_queue(
    ladder: Path, tmp_path: Path, gates: Gates
) -> None:
    gates.close("a-s0", "b-s0")  # the other job is busy, so it is the same one that goes on
    sweep = lay_out(tmp_path / "runs", load_ladder(str(ladder)), 0, "cpu", 2, where=HERE)
    assert launched_with(read_sweep(sweep)).where == HERE
    start_supervisor(sweep, 2, "cpu", where=HERE)
    gates.wait_for("a-s0", "b-s0")
    worker = psutil.Process(json.loads((sweep / "a-s0" / "attempt-1" / "status.json").read_text())["pid"])
    job = worker.parent()
    assert job is not None
    job.send_signal(signal.SIGUSR2)
    wait_for(sweep, lambda view: view.runs[0].attempts == 2)
    gates.open("a-s0", "b-s0")
    view = wait_for(sweep, over)
    log = (sweep / "supervisor-1" / "supervisor.log").read_text()
    assert [(run.name, run.state) for run in view.runs] == [("a-s0", "finished"), ("b-s0", "finished")], log
    assert "a-s0 worker was asked to leave and wrote a checkpoint" in log
    assert "(preempted, 1st time)" in log
    run = view.runs[0]
    assert run.attempts == 2
    assert (np.diff(run.curve["step"]) > 0).all()
    assert "from step" in (run.path / "attempt-2" / "worker.log").read_text()
    again = [path for path in sweep.glob("supervisor-1/worker-*/answers.jsonl") if path.read_text().count("hello") == 2]
    assert len(again) == 1, "the job came back with the same mailbox"


def test_a_job_that_is_killed_costs_its_run_one_of_its_attempts(ladder: Path, tmp_path: Path, gates: Gates) -> None:
    gates.close("b-s0")
    sweep = lay_out(tmp_path / "runs", load_ladder(str(ladder)), 0, "cpu", 1, where=HERE)
    start_supervisor(sweep, 1, "cpu", where=HERE)
    gates.wait_for("b-s0")
    psutil.Process(json.loads((sweep / "b-s0" / "attempt-1" / "status.json").read_text())["pid"]).kill()
    gates.open("b-s0")
    view = wait_for(sweep, over)
    log = (sweep / "supervisor-1" / "supervisor.log").read_text()
    assert view.state == "finished", log
    assert "resumes from its last checkpoint" in log
    assert (sweep / "supervisor-1" / "slurm").stat().st_mode & 0o077 == 0
    deadline = time.monotonic() + 60  # the supervisor reports its end before it tidies up
    while list((sweep / "supervisor-1" / "slurm").glob("*_submitted.pkl")):
        assert time.monotonic() < deadline, "nothing is left that could be loaded as code"
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (
            {"time": "04:00:00", "executor": "local"},
            "--slurm time: found '04:00:00', want minutes up to 525600, such",
        ),
        ({"time": "1" + "0" * 150, "executor": "local"}, "--slurm time: found '1000"),
        ({"time": "1", "executor": "local"}, "--slurm time: found 1 with signal_delay 90, want more minutes than 90 s"),
        ({"signal_delay": "3600", "executor": "local"}, "--slurm time: found 60 with signal_delay 3600, want more"),
        ({"executor": "ray"}, "--slurm executor: found 'ray', want local"),
    ],
)
def test_options_that_cannot_be_followed_are_told(options: dict[str, str], fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        check_commands(Where("slurm", options=options))


def test_parts_of_a_gpu_are_refused(tmp_path: Path) -> None:
    scheduler = Slurm(HERE, "cuda", tmp_path, None)
    assert scheduler.complete(Resources(2.0)) == Resources(2.0, 1.0)
    with pytest.raises(InputError, match=r"num_gpus: found 0.5, want whole GPUs from SLURM"):
        scheduler.complete(Resources(num_gpus=0.5))


def test_what_squeue_says_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answers as SLURM 22.05 gives them; a job that it has forgotten has ended."""

    class Job:
        def __init__(self, job_id: str) -> None:
            self.job_id = job_id

    scheduler = Slurm(HERE, "cpu", tmp_path, None)
    scheduler.local = False
    jobs = [Job(f"7_{number}") for number in range(5)]
    answers = iter([
        "7_0 RUNNING\n7_1 PENDING\n7_2 RUNNING\n7_3 RUNNING\n",
        "7_0 NODE_FAIL\n7_1 PREEMPTED\n7_2 COMPLETED\n7_4 OUT_OF_MEMORY\n",
    ])  # fmt: skip
    monkeypatch.setattr("scaling_tui.sweeps.engines.slurm.LOOK_S", -1.0)
    monkeypatch.setattr(
        subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 0, next(answers), "")
    )
    assert scheduler.gone(jobs) == {}
    assert scheduler.began(jobs[0])
    assert not scheduler.began(jobs[4])
    assert scheduler.gone(jobs) == {
        0: Gone(-1, "lost node", "lost its SLURM job 7_0 (node fail)"),
        1: Gone(-1, "preempted", "lost its SLURM job 7_1 (preempted)"),
        2: Gone(),
        3: Gone(),
        4: Gone(-1, "out of memory", "lost its SLURM job 7_4 (out of memory)"),
    }


# --- a SLURM of one node

CONF = """
ClusterName=test
SlurmctldHost=localhost
AuthType=auth/none
CredType=cred/none
SlurmUser=root
SlurmdUser=root
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
PluginDir={root}/usr/lib/x86_64-linux-gnu/slurm-wlm
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SchedulerType=sched/builtin
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
KillWait=30
InactiveLimit=0
JobRequeue=1
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
NodeName=localhost CPUs=2 RealMemory=2000 State=UNKNOWN
PartitionName=short Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


@pytest.fixture
def slurm(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A SLURM of this machine, installed nowhere; slurmd has the path of a part built in, so it gets a mount.

    In a folder with a short path: slurmd's socket in it may have 107 letters.
    """
    root = os.environ.get("SCALING_TUI_SLURM")
    if not root or not (Path(root) / "usr/sbin/slurmd-wlm").exists():
        pytest.skip("SCALING_TUI_SLURM names no unpacked SLURM; .ci/slurm fetches one")
    if os.geteuid() or not shutil.which("unshare"):
        pytest.skip("slurmd wants root and a mount of its own")
    kept = tempfile.TemporaryDirectory(prefix="slurm-")
    folder = Path(kept.name)
    for name in ("state", "spool", "sbin"):
        (folder / name).mkdir()
    (folder / "sbin" / "slurmstepd").symlink_to(f"{root}/usr/sbin/slurmstepd-wlm")
    ports = [free_port(), free_port()]
    (folder / "slurm.conf").write_text(CONF.format(root=root, folder=folder, ports=ports))
    libraries = f"{root}/usr/lib/x86_64-linux-gnu"
    monkeypatch.setenv("LD_LIBRARY_PATH", f"{libraries}:{libraries}/slurm-wlm")
    monkeypatch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
    monkeypatch.setenv("PATH", f"{root}/usr/bin:{root}/usr/sbin:{os.environ['PATH']}")
    mounts = f"mount -t overlay overlay -o lowerdir={folder}/sbin:/usr/sbin /usr/sbin"
    both = [
        ["slurmctld-wlm", "-D"],
        ["unshare", "-m", "bash", "-c", f"{mounts} && exec slurmd-wlm -D -N localhost"],
    ]
    logs = [(folder / name).open("wb") for name in ("slurmctld.log", "slurmd.log")]
    daemons = [
        subprocess.Popen(command, stdout=log, stderr=log) for command, log in zip(both, logs, strict=True)
    ]  # fmt: skip
    try:
        deadline = time.monotonic() + 120
        while "idle" not in subprocess.run(["sinfo", "-h", "-o", "%T"], capture_output=True, text=True, check=False).stdout:  # fmt: skip # noqa: E501
            if time.monotonic() > deadline:
                pytest.fail("".join((folder / name).read_text() for name in ("slurmctld.log", "slurmd.log")))
            time.sleep(0.5)
        yield
        print((folder / "slurmctld.log").read_text()[-3000:])
    finally:
        subprocess.run(["scancel", "--user=root"], capture_output=True, check=False)
        for daemon in reversed(daemons):
            daemon.terminate()
            daemon.wait(60)
        for log in logs:
            log.close()
        kept.cleanup()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def test_a_sweep_trains_under_a_real_slurm_and_survives_a_warning(
    hooked: None, slurm: None, ladder: Path, tmp_path: Path, gates: Gates
) -> None:
    gates.close("a-s0", "b-s0")
    command = [sys.executable, "-P", "-m", "scaling_tui", "run", str(ladder), "--on", "slurm", "--partition", "short"]
    command += ["--slurm", "time=30", "--jobs", "2", "--device", "cpu", "--runs", str(tmp_path / "runs"), "--detach"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    sweep = tmp_path / "runs" / "pair"
    gates.wait_for("a-s0", "b-s0")
    squeue = subprocess.run(["squeue", "-h", "-r", "-o", "%i %T %j"], capture_output=True, text=True, check=True)
    assert squeue.stdout.count("RUNNING scaling-tui") == 2, squeue.stdout
    gates.open("b-s0")
    folder = next(
        path.parent for path in sweep.glob("supervisor-1/worker-*/handed.jsonl") if '"a-s0"' in path.read_text()
    )
    number = int(folder.name.rpartition("-")[2]) - 1
    array = squeue.stdout.split()[0].partition("_")[0]
    subprocess.run(["scancel", "--signal=USR2", f"{array}_{number}"], check=True)
    wait_for(sweep, lambda view: view.runs[0].attempts == 2)
    gates.open("a-s0")
    view = wait_for(sweep, over)
    log = (sweep / "supervisor-1" / "supervisor.log").read_text()
    assert view.state == "finished", log
    assert "a-s0 worker was asked to leave and wrote a checkpoint" in log
    assert (np.diff(view.runs[0].curve["step"]) > 0).all()
    assert "from step" in (sweep / "a-s0" / "attempt-2" / "worker.log").read_text()
    deadline = time.monotonic() + 600  # one that goes back into the queue late stays there for two minutes
    while "scaling-tui" in subprocess.run(["squeue", "-h", "-o", "%j"], capture_output=True, text=True, check=True).stdout:  # fmt: skip # noqa: E501
        assert time.monotonic() < deadline, "its jobs left"
        time.sleep(0.5)
