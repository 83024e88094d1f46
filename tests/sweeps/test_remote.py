"""Workers on other hosts, with a scheduler of our own in their place: it starts, loses and cuts off processes."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import psutil
import pytest

from scaling_tui import InputError
from scaling_tui.runs import SweepView, liveness, read_sweep
from scaling_tui.runs.format import Status, append_line, claim
from scaling_tui.runs.mailbox import Answer, Hello, Mailbox, WorkersEnd
from scaling_tui.sweeps import limits
from scaling_tui.sweeps import supervisor as supervisors
from scaling_tui.sweeps.engines import Order, Where, remote
from scaling_tui.sweeps.engines.remote import Gone, Remote
from scaling_tui.sweeps.ladder import load_ladder
from scaling_tui.sweeps.launch import launched_with, lay_out, named_again, resume
from scaling_tui.sweeps.resources import Resources
from scaling_tui.sweeps.supervisor import Supervisor
from tests.conftest import record_sweep
from tests.sweeps.gate import Gates

pytestmark = pytest.mark.timeout(1500)  # on a machine that is busy

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
[resources]
num_cpus = 2
[[rungs]]
name = "a"
hidden = 8
[[rungs]]
name = "b"
hidden = 12
num_gpus = 0.5
"""


@pytest.fixture
def ladder(tmp_path: Path) -> Path:
    (tmp_path / "words.txt").write_text("the cat sat on the mat and the dog sat on the log\n" * 200)
    (tmp_path / "pair.toml").write_text(LADDER)
    return tmp_path / "pair.toml"


class Here:
    """A scheduler whose nodes are this machine. What it is told to lose it reports as lost, whether it lives or not."""

    name = "here"
    alone = False

    def __init__(self) -> None:
        self.started: list[subprocess.Popen[bytes]] = []
        self.asked: list[Resources] = []
        self.lost: dict[int, Gone] = {}
        self.cancelled = 0
        self.command = [sys.executable, "-P", "-m", "scaling_tui.train.worker", "--device", "cpu", "--mailbox"]

    def complete(self, resources: Resources) -> Resources:
        return resources.over(Resources(1.0, 0.0))

    def capacity(self, least: Resources) -> int:
        return 2

    def start(self, mailboxes: Sequence[Path], resources: Resources) -> list[int]:
        first = len(self.started)
        for mailbox in mailboxes:
            with (mailbox / "worker.log").open("ab") as log:
                self.started.append(subprocess.Popen([*self.command, str(mailbox)], stdout=log, stderr=log))
            self.asked.append(resources)
        return list(range(first, len(self.started)))

    def began(self, ticket: int) -> bool:
        return True

    def gone(self, tickets: Sequence[int]) -> dict[int, Gone]:
        found = {}
        for place, ticket in enumerate(tickets):
            status = self.started[ticket].poll()
            if ticket in self.lost:
                found[place] = self.lost.pop(ticket)
            elif status is not None:
                found[place] = Gone(status)
        return found

    def cancel(self, ticket: int) -> None:
        self.cancelled += 1
        self.started[ticket].kill()

    def threads(self, resources: Resources, order: Order) -> int:
        return 1

    def queue(self, resources: Resources) -> str:
        return "queued"

    def close(self) -> None:
        pass


class Sweep:
    """A sweep under a supervisor that runs in a thread of the test."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path, self.scheduler = path, Here()
        monkeypatch.setattr(
            supervisors, "engine", lambda where, folder, view, *_: Remote(self.scheduler, folder, view, None)
        )
        self.supervisor = Supervisor(claim(path, "supervisor"), None, "cpu")
        self.lines: list[str] = []
        monkeypatch.setattr(self.supervisor, "log", self.lines.append)
        self.thread = threading.Thread(target=self.supervisor.run, daemon=True)

    def start(self) -> None:
        self.thread.start()

    def until(self, reached: Callable[[SweepView], bool]) -> SweepView:
        deadline = time.monotonic() + 1200
        while not reached(view := read_sweep(self.path)):
            assert time.monotonic() < deadline, (self.lines, view.log)
            time.sleep(0.05)
        return view

    def end(self) -> SweepView:
        self.thread.join(1200)
        assert not self.thread.is_alive(), self.lines
        return read_sweep(self.path)

    def worker_of(self, run: str) -> int:
        """The place of the worker that was handed `run` last."""
        handed = sorted(self.path.glob("supervisor-1/worker-*/handed.jsonl"), key=lambda path: path.stat().st_mtime_ns)
        return int([path for path in handed if f'"{run}"' in path.read_text()][-1].parent.name.rpartition("-")[2]) - 1


@pytest.fixture
def sweep(ladder: Path, tmp_path: Path, gates: Gates, monkeypatch: pytest.MonkeyPatch) -> Sweep:
    return Sweep(lay_out(tmp_path / "runs", load_ladder(str(ladder)), 0, "cpu"), monkeypatch)


def test_a_node_that_is_cut_off_and_comes_back_writes_nothing_into_the_run_that_another_owns(
    sweep: Sweep, gates: Gates
) -> None:
    run = sweep.path / "a-s0"
    gates.close("a-s0")
    sweep.start()
    gates.wait_for("a-s0")
    place = sweep.worker_of("a-s0")
    process = sweep.scheduler.started[place]
    process.send_signal(signal.SIGSTOP)
    before = (run / "attempt-1" / "status.json").read_bytes(), (run / "attempt-1" / "metrics.jsonl").read_bytes()
    sweep.scheduler.lost[place] = Gone(-9, "lost node", "lost its node")
    gates.open("a-s0")
    view = sweep.end()
    assert [(found.name, found.state, found.attempts) for found in view.runs] == [
        ("a-s0", "finished", 2), ("b-s0", "finished", 1),
    ], sweep.lines  # fmt: skip
    assert "a-s0 worker lost its node: resumes from its last checkpoint (lost node, 1st time)" in sweep.lines
    assert json.loads((sweep.path / "supervisor-1" / "retries.json").read_text()) == {"a-s0": {"lost node": 1}}
    assert "from step" in (run / "attempt-2" / "worker.log").read_text()
    process.send_signal(signal.SIGCONT)
    process.wait(300)
    log = (sweep.path / "supervisor-1" / f"worker-{place + 1}" / "worker.log").read_text()
    assert "a-s0 exits: another worker took over" in log
    after = (run / "attempt-1" / "status.json").read_bytes(), (run / "attempt-1" / "metrics.jsonl").read_bytes()
    assert after == before
    assert (np.diff(view.runs[0].curve["step"]) > 0).all()


def test_each_run_gets_a_worker_of_the_size_that_its_ladder_asks_for(sweep: Sweep) -> None:
    sweep.start()
    assert sweep.end().state == "finished", sweep.lines
    assert sorted(sweep.scheduler.asked, key=str) == [Resources(2.0, 0.0), Resources(2.0, 0.5)]
    assert read_sweep(sweep.path).document["resources"] == {
        "a": {"num_cpus": 2.0}, "b": {"num_cpus": 2.0, "num_gpus": 0.5}
    }  # fmt: skip
    for process in sweep.scheduler.started:
        assert process.wait(300) == 0, "they leave"


def test_a_run_in_several_processes_gets_one_worker_that_holds_all(
    ladder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = load_ladder(str(ladder), ["rungs.b.gpus=2", "rungs.b.num_gpus=2", "tokens=16_000"])
    sweep = Sweep(lay_out(tmp_path / "runs", short, 0, "cpu"), monkeypatch)
    sweep.start()
    view = sweep.end()
    assert view.state == "finished", sweep.lines
    assert sorted(sweep.scheduler.asked, key=str) == [Resources(2.0, 0.0), Resources(4.0, 2.0, 2)]
    assert "b-s0 starts on cpu × 2 with" in (sweep.path / "b-s0" / "attempt-1" / "worker.log").read_text()
    assert [run.attempts for run in view.runs] == [1, 1]


def test_a_worker_that_its_scheduler_ends_says_so_and_the_run_goes_on(sweep: Sweep, gates: Gates) -> None:
    gates.close("b-s0")
    sweep.start()
    gates.wait_for("b-s0")
    sweep.scheduler.started[sweep.worker_of("b-s0")].send_signal(signal.SIGUSR2)
    gates.open("b-s0")
    view = sweep.end()
    assert view.state == "finished", sweep.lines
    line = (
        "b-s0 worker was asked to leave and wrote a checkpoint: resumes from its last checkpoint (preempted, 1st time)"
    )
    assert line in sweep.lines
    assert view.runs[1].attempts == 2


def edit(run: Path, part: str, **changes: object) -> None:
    config = json.loads((run / "run.json").read_text())
    config[part] |= changes
    (run / "run.json").write_text(json.dumps(config))


def test_a_worker_whose_run_fails_is_handed_no_other_and_what_fails_or_diverges_stops_nothing(
    ladder: Path, tmp_path: Path, hooked: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many runs fail, and each ends its worker; those beside them cost none of their attempts."""
    path = lay_out(tmp_path / "runs", load_ladder(str(ladder), ["seeds=0,1,2,3,4,5"]), None, "cpu")
    edit(path / "a-s1", "training", lr=10.0, weight_decay=1.0, warmup=0.0)
    for seed in range(6):
        edit(path / f"b-s{seed}", "corpus", sha256="0" * 64)
    sweep = Sweep(path, monkeypatch)
    monkeypatch.setattr(sweep.scheduler, "complete", lambda resources: Resources(1.0, 0.0))
    sweep.start()
    view = sweep.end()
    expected = {f"a-s{seed}": ("finished", 1) for seed in range(6)} | {"a-s1": ("diverged", 1)}
    expected |= {f"b-s{seed}": ("failed", 1) for seed in range(6)}
    assert {run.name: (run.state, run.attempts) for run in view.runs} == expected, sweep.lines
    assert not (path / "supervisor-1" / "retries.json").exists()
    assert not any(line.startswith(("a-", "b-")) for line in sweep.lines), sweep.lines


def test_a_run_that_is_lost_for_ever_is_given_up_and_the_other_finishes(
    ladder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisors, "MOST_LOSSES", 2)
    path = lay_out(tmp_path / "runs", load_ladder(str(ladder)), 0, "cpu")
    config = json.loads((path / "a-s0" / "run.json").read_text())
    config["training"]["tokens"] = config["tokens"] = 128_000_000
    (path / "a-s0" / "run.json").write_text(json.dumps(config))
    sweep = Sweep(path, monkeypatch)
    sweep.start()
    killed: set[int] = set()
    while sweep.thread.is_alive():
        status = next(
            (
                found
                for attempt in sorted((path / "a-s0").glob("attempt-*"))
                if (found := Status.read(attempt / "status.json"))
                and found.pid not in killed
                and found.state == "running"
            ),
            None,
        )
        if status is not None:
            place = next(at for at, process in enumerate(sweep.scheduler.started) if process.pid == status.pid)
            killed.add(status.pid)
            sweep.scheduler.lost[place] = Gone(-9, "lost node", "lost its node")
            os.kill(status.pid, signal.SIGKILL)
        time.sleep(0.05)
    view = sweep.end()
    assert [run.state for run in view.runs] == ["lost", "finished"], sweep.lines
    assert "a-s0 worker lost its node: given up" in sweep.lines
    assert json.loads((path / "supervisor-1" / "retries.json").read_text())["a-s0"] == {"lost node": 5}


def test_workers_that_cannot_begin_end_the_sweep_with_their_last_words(
    ladder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = read_sweep(lay_out(tmp_path / "runs", load_ladder(str(ladder)), 0, "cpu"))
    scheduler = Here()
    scheduler.command = ["sh", "-c", "echo no such library; exit 3"]
    engine = Remote(scheduler, claim(view.path, "supervisor"), view, None)
    with pytest.raises(InputError, match="here: no such library"):
        for _ in range(600):
            assert not engine.order(Order(view.path / "a-s0", None, False))
            engine.settle(0)
            assert all(ended.run is None for ended in engine.ended())
            engine.wait(0.05)


def test_workers_that_are_killed_before_they_begin_end_the_sweep_but_lost_nodes_do_not(
    ladder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = read_sweep(lay_out(tmp_path / "runs", load_ladder(str(ladder)), 0, "cpu"))
    scheduler = Here()
    scheduler.command = ["sleep", "1000"]
    engine = Remote(scheduler, claim(view.path, "supervisor"), view, None)

    def lose(gone: Gone, times: int) -> None:
        for _ in range(times):
            engine.order(Order(view.path / "a-s0", None, False))
            engine.settle(0)
            scheduler.started[-1].kill()
            scheduler.lost[len(scheduler.started) - 1] = gone
            assert [ended.cause for ended in engine.ended()] == [gone.cause]

    lose(Gone(-9, "lost node", "lost its node"), 30)
    lose(Gone(-9, "out of memory", "was killed because its node ran out of memory"), 19)
    with pytest.raises(InputError, match="here: worker after worker was killed because its node ran out of memory"):
        lose(Gone(-9, "out of memory", "was killed because its node ran out of memory"), 1)


class Queue(Here):
    """A scheduler that starts nothing: what a job does, the test does in its place."""

    def __init__(self) -> None:
        super().__init__()
        self.running: set[int] = set()
        self.mailboxes: list[Path] = []
        self.told: set[int] = set()

    def start(self, mailboxes: Sequence[Path], resources: Resources) -> list[int]:
        self.mailboxes += mailboxes
        self.asked += [resources] * len(mailboxes)
        return list(range(len(self.mailboxes) - len(mailboxes), len(self.mailboxes)))

    def began(self, ticket: int) -> bool:
        return ticket in self.running

    def gone(self, tickets: Sequence[int]) -> dict[int, Gone]:
        """Those that were told to leave by the last time that it was asked: none ends in an instant."""
        before, self.told = self.told, {ticket for ticket in tickets if self.leaves(ticket)}
        return {place: Gone() for place, ticket in enumerate(tickets) if ticket in before}

    def leaves(self, ticket: int) -> bool:
        return "leave" in (self.mailboxes[ticket] / "handed.jsonl").read_text()

    def cancel(self, ticket: int) -> None:
        self.cancelled += 1


@pytest.fixture
def queue(ladder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Queue, Remote]:
    """An engine that looks at its workers each time that it is asked; its supervisor lives."""
    monkeypatch.setattr(remote, "LOOK_S", 0.0)
    view = read_sweep(lay_out(tmp_path / "runs", load_ladder(str(ladder)), 0, "cpu"))
    supervisor = claim(view.path, "supervisor")
    Status.of_this_process("running").write(supervisor / "status.json")
    scheduler = Queue()
    return scheduler, Remote(scheduler, supervisor, view, None)


def test_a_job_that_goes_back_into_the_queue_may_wait_there(
    queue: tuple[Queue, Remote], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler, engine = queue
    order = Order(tmp_path / "runs" / "x" / "a-s0", None, False)
    assert not engine.order(order)
    engine.settle(0)
    scheduler.running.add(0)
    assert engine.ended() == [], "it begins, and says nothing yet"
    for times in (1, 2):
        worker = WorkersEnd(scheduler.mailboxes[0])
        assert engine.ended() == []
        assert engine.order(order)
        worker.answer("a-s0", -signal.SIGTERM)
        assert [(ended.run, ended.cause) for ended in engine.ended()] == [("a-s0", "preempted")]
        scheduler.running.clear()
        assert engine.ended() == []
        with monkeypatch.context() as patch:
            patch.setattr(remote, "SHOWS_WITHIN_S", 0.0)
            assert engine.ended() == [], f"it waits, for the {times}. time"
        scheduler.running.add(0)
        assert engine.ended() == [], "nobody has said anything yet, but it has only begun"
    assert (len(scheduler.mailboxes), scheduler.cancelled) == (1, 0)


def test_a_predicted_run_that_asks_for_another_worker_than_the_others_gets_it(
    queue: tuple[Queue, Remote], tmp_path: Path
) -> None:
    scheduler, engine = queue
    others, own = Resources(2.0, 0.0), Resources(2.0, 0.5)
    engine.order(Order(tmp_path / "a-s0", None, False, others))
    engine.settle(0)
    WorkersEnd(scheduler.mailboxes[0])
    assert engine.ended() == []
    for _ in range(6):  # as the supervisor does while a run waits that trains alone
        engine.settle(1)
        if engine.is_empty:
            assert not engine.order(Order(tmp_path / "b-s0", None, True, own))
            engine.settle(0)
        assert engine.ended() == []
    assert (scheduler.asked, scheduler.cancelled) == ([others, own], 0)
    WorkersEnd(scheduler.mailboxes[1])
    assert engine.ended() == []
    assert engine.order(Order(tmp_path / "b-s0", None, True, own))


def elsewhere(path: Path, heartbeat: float) -> None:
    Status("running", 1, 0.0, "another host", heartbeat).write(path / "status.json")


@pytest.mark.parametrize("wrong_by", [-3600.0, 3600.0])
def test_a_worker_whose_clock_is_wrong_keeps_its_run(
    queue: tuple[Queue, Remote], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong_by: float
) -> None:
    scheduler, engine = queue
    assert not engine.order(Order(tmp_path / "a-s0", None, False))
    engine.settle(0)
    (mailbox,) = scheduler.mailboxes
    WorkersEnd(mailbox)
    assert engine.ended() == []
    assert engine.order(Order(tmp_path / "a-s0", None, False))
    elsewhere(mailbox, time.time() + wrong_by)
    assert engine.ended() == []
    monkeypatch.setattr(remote, "TOLD_WITHIN_S", 0.0)
    elsewhere(mailbox, time.time() + wrong_by + 5)
    assert engine.ended() == []
    assert engine.training == {"a-s0"}
    monkeypatch.setattr(liveness, "LOST_AFTER_S", 0.0)
    assert [(ended.run, ended.how) for ended in engine.ended()] == [("a-s0", "fell silent")]


@pytest.mark.parametrize("alive", [True, False])
def test_a_worker_heeds_a_supervisor_whose_clock_is_wrong_until_it_is_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alive: bool
) -> None:
    sweep = record_sweep(tmp_path, ["queued"] * 7)
    mailbox = Mailbox(claim(sweep, "supervisor") / "worker-1")
    supervisor = mailbox.folder.parent
    elsewhere(supervisor, time.time() - 3600)
    worker, slept = WorkersEnd(mailbox.folder), 0.0

    def sleep(seconds: float) -> None:
        nonlocal slept
        slept += seconds
        if alive:
            elsewhere(supervisor, time.time() - 3600 + slept)
        if slept > 60:
            mailbox.hand("r1-s0", 1, 0)

    now = time.monotonic
    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(time, "monotonic", lambda: now() + slept)
    handed = next(worker.commands(), None)
    assert (handed is not None) == alive


def test_a_host_that_does_not_see_the_folder_says_so(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-P",
        "-m",
        "scaling_tui.train.worker",
        "--mailbox",
        str(tmp_path / "supervisor-1" / "w"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "want RUNS on storage that every host sees under this path" in done.stderr


def test_a_worker_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, ["queued"] * 7)
    mailbox = Mailbox(claim(sweep, "supervisor") / "worker-1")
    Status.of_this_process("running").write(mailbox.folder.parent / "status.json")
    code = "import os, subprocess, sys; subprocess.run([*sys.argv[1:], '--die-with', str(os.getpid())])"
    command = [sys.executable, "-c", code, sys.executable, "-P", "-m", "scaling_tui.train.worker", "--device", "cpu"]
    with subprocess.Popen([*command, "--mailbox", str(mailbox.folder)]) as parent:
        deadline = time.monotonic() + 120
        while not (said := mailbox.answers()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert isinstance(said[0], Hello)
        worker = psutil.Process(said[0].pid)
        parent.kill()
        assert psutil.wait_procs([worker], timeout=60)[1] == []


def test_a_worker_that_is_started_again_heeds_only_what_it_is_handed_then(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, ["queued"] * 7)
    mailbox = Mailbox(claim(sweep, "supervisor") / "worker-1")
    Status.of_this_process("running").write(mailbox.folder.parent / "status.json")
    first = WorkersEnd(mailbox.folder)
    assert mailbox.hand("r1-s0", 1, 0) == 0
    assert next(first.commands()).run == sweep / "r1-s0"
    second = WorkersEnd(mailbox.folder)
    assert mailbox.hand("r2-s0", 2, 1) == 1
    handed = next(second.commands())
    assert (handed.run, handed.threads, handed.over) == (sweep / "r2-s0", 2, 1)
    second.answer("r2-s0", 0)
    append_line(mailbox.folder / "answers.jsonl", {"run": "../../etc", "status": 0})
    with (mailbox.folder / "answers.jsonl").open("a") as file:
        file.write('nonsense\n{"hello": 3}\n[]\n')
    said = mailbox.answers()
    assert [answer.heeds_from for answer in said if isinstance(answer, Hello)] == [0, 1]
    assert [answer for answer in said if isinstance(answer, Answer)] == [Answer("r2-s0", 0)]


def test_the_kernel_tells_how_many_processes_it_killed_for_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "COUNTERS", tmp_path / "vmstat")
    assert limits.oom_kills() == 0, "not on Linux"
    (tmp_path / "vmstat").write_text("nr_free_pages 30\noom_kill 7\ndrop_pagecache 0\n")
    assert limits.oom_kills() == 7


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"on": "mars"}, "--on 'mars': not known here; want local, ray or slurm"),
        ({"address": "a:1"}, "--address: found with --on local, want --on ray"),
        ({"on": "ray", "partition": "short"}, "--partition: found with --on ray, want --on slurm"),
        *(
            ({"on": "ray", "address": address}, "^--address .*: want HOST:PORT such as head:6379, or auto$")
            for address in ["this://x", "file:///x", "ray://h:1", "head", ":1", "h:0", "h:65536", "h:٣", "h:-1"]
        ),
        ({"on": "slurm", "options": {"wrap": "sh"}}, "--slurm wrap: not known here"),
        ({"on": "slurm", "options": {"output": "/etc/x"}}, "--slurm output: not known here"),
        ({"on": "slurm", "options": {"comment": "a\nrm -rf x"}}, r"found 'a\\nrm -rf x', want at most 200 printable"),
        ({"on": "slurm", "partition": "a\nb"}, "want at most 200 printable characters"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict[str, object], fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        Where(**options)  # type: ignore[arg-type]


def test_resume_trains_where_the_launch_did(tmp_path: Path) -> None:
    sweep = record_sweep(tmp_path, ["queued"] * 7)
    for where in (Where("ray", "head:6379", True), Where("slurm", partition="short", options={"time": "30"})):
        document = json.loads((sweep / "sweep.json").read_text()) | {"launch": {"device": "cpu", **where.as_json()}}
        (sweep / "sweep.json").write_text(json.dumps(document))
        assert launched_with(read_sweep(sweep)).where == where
    for broken in ({"on": 3}, {"on": "mars"}, {"on": "local", "address": "a:1"}, {"on": ["ray"]}, {}):
        assert Where.recorded(broken) == Where()


@pytest.mark.parametrize("launch", [{"on": 3}, {"on": "mars\x1b[2J"}, {"on": "ray", "address": "this://x"}])
def test_a_sweep_whose_engine_cannot_be_followed_does_not_train_here_instead(tmp_path: Path, launch: object) -> None:
    sweep = record_sweep(tmp_path, ["queued"] * 7)
    document = json.loads((sweep / "sweep.json").read_text()) | {"launch": launch}
    (sweep / "sweep.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"cannot follow where sweep.json says that it trains \([^\x1b]*\)$"):
        resume(sweep)


def test_a_cluster_that_only_the_files_of_a_sweep_name_is_not_connected_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it answers could run code here."""
    sweep = record_sweep(tmp_path, ["queued"] * 7)
    launch = {"device": "cpu", **Where("ray", "evil:6379").as_json()}
    document = json.loads((sweep / "sweep.json").read_text()) | {"launch": launch}
    (sweep / "sweep.json").write_text(json.dumps(document))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(InputError, match="trains on a Ray cluster; want --address, such as --address evil:6379"):
        resume(sweep)
    assert named_again(Where("ray", "evil:6379"), "mine:1", "x") == Where("ray", "mine:1")
    assert named_again(Where("ray"), "", "x") == Where("ray")


@pytest.mark.parametrize(
    ("setting", "fault"),
    [
        ("num_gpus=1.5", "num_gpus: found 1.5, want a whole number if above 1"),
        ("num_cpus=0", "num_cpus: found 0, want a number from 0.001 to 100,000"),
        ("rungs.a.num_gpus=-1", "num_gpus: found -1, want 0, or a number from 0.001 to 100,000"),
        ("resources.gpu=1", r"resources.gpu: not a key here"),
        ("num_cpus=true", "num_cpus: found True, want a number from 0.001 to 100,000"),
        ("num_cpus=1e9", "num_cpus: found 1000000000.0, want a number from 0.001 to 100,000"),
        ("num_gpus=1e-300", "num_gpus: found 1e-300, want 0, or a number from 0.001 to 100,000"),
    ],
)
def test_amounts_that_are_none_are_refused(ladder: Path, setting: str, fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        load_ladder(str(ladder), [setting])
