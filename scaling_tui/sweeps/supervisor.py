"""The process that sees one sweep through: `python -m scaling_tui.sweeps.supervisor SWEEP/supervisor-K`.

What to do next is decided by `plan` from what lies on disk alone, so a supervisor that died is replaced by another
that goes on where things stand, also with workers that outlived the first.
"""

import argparse
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from scaling_tui.runs import (
    RecordedPrediction,
    RunView,
    SweepReader,
    SweepView,
    append_prediction,
    make_request,
)
from scaling_tui.runs.format import HEARTBEAT_S, Status, numbered
from scaling_tui.runs.requests import Asked, latest_asked
from scaling_tui.runs.writer import checkpoint_at
from scaling_tui.sweeps.estimate import workers
from scaling_tui.sweeps.launch import cores
from scaling_tui.sweeps.sweep_fit import fit_sweep

LOOK_S = 0.25
ATTEMPTS = 3  # of a run whose worker was killed from outside
OVER = ("finished", "failed", "diverged")


@dataclass(frozen=True)
class Decision:
    """What the supervisor does now: start these runs; foretell the loss of that one first; or end."""

    start: tuple[str, ...] = ()
    predict: str | None = None
    end: bool = False


def decide(
    sweep: SweepView,
    requests: Mapping[str, str | None],
    started: Mapping[str, int],
    working: Sequence[str],
    jobs: int,
    early: Collection[str] = (),
) -> Decision:
    """Decides from what is on disk.

    Args:
        sweep: how things stand.
        requests: the latest request for each run.
        started: attempts of each run that this supervisor knows of.
        working: runs with a live worker.
        jobs: workers at a time.
        early: branches whose trunk is not yet where they begin.
    """
    waiting = [
        run
        for run in sweep.runs
        if run.name not in working and run.name not in early and can_start(run, requests, started)
    ]
    last = last_runs(sweep)
    # The largest first, so that at the end no core waits for it; but the predicted ones after all others.
    others = sorted((run for run in waiting if run.name not in last), key=lambda run: run.flops or 0, reverse=True)
    free = jobs - len(working)
    if others:
        return Decision(start=tuple(run.name for run in others[: max(0, free)]))
    if working:
        return Decision()
    foretold = next((run.name for run in waiting if run.name in last), None)
    return Decision(start=(foretold,), predict=foretold) if foretold else Decision(end=True)


def can_start(run: RunView, requests: Mapping[str, str | None], started: Mapping[str, int]) -> bool:
    """Whether a worker may be started for `run`; one that failed only where it was asked to resume, and once."""
    request, tried = requests.get(run.name), started.get(run.name, 0)
    if request == "stop" or run.state in ("running", "finished"):
        return False
    return tried < (ATTEMPTS if run.state not in OVER else 1 if request == "resume" else 0)


def early_branches(sweep: SweepView) -> list[str]:
    """Runs that wait for their trunk to leave the checkpoint they begin with."""
    return [
        run.name
        for run in sweep.runs
        if run.state == "queued" and (trunk := run.trunk) and not checkpoint_at(sweep.path / trunk.run, trunk.step)
    ]


def last_runs(sweep: SweepView) -> tuple[str, ...]:
    """The runs that the ladder wants predicted, one a seed: they start when all others are over."""
    rung = (sweep.document.get("fit") or {}).get("predict")
    return tuple(run.name for run in sweep.runs if run.rung == rung) if rung else ()


class Supervisor:
    def __init__(self, folder: Path, jobs: int | None, device: str) -> None:
        self.folder, self.sweep = folder, folder.parent
        self.cores = cores()
        self.jobs = workers(jobs, device)
        self.device = device
        self.reader = SweepReader(self.sweep)
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self.started: dict[str, int] = {}
        self.asked: dict[str, Asked | None] = {}
        self.state = Status.of_this_process("running")
        self._told = 0.0

    def say(self, text: str) -> None:
        print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}", flush=True)

    def tell(self, state: str = "running", reason: str = "") -> None:
        status = Status(state, self.state.pid, self.state.pid_started, self.state.host, time.time(), reason)  # type: ignore[arg-type]
        status.write(self.folder / "status.json")
        self._told = time.monotonic()

    def run(self) -> None:
        """Sees the sweep through to its end or to a request to stop."""
        self.tell()
        while True:
            if time.monotonic() - self._told > HEARTBEAT_S:
                self.tell()
            earlier, later = self._others()
            if later:
                self.say("another supervisor took over")
                self.tell("stopped", "another supervisor took over")
                return
            if earlier:
                time.sleep(LOOK_S)
                continue
            self._reap()
            view = self.reader.poll()
            self._listen(view)
            requests = {name: asked.request if asked else None for name, asked in self.asked.items()}
            working = sorted({*self.workers, *(run.name for run in view.runs if run.state == "running")})
            todo = decide(view, requests, self.started, working, self.jobs, early_branches(view))
            if todo.end:
                self._end(view, requests)
                # Who asked to resume while we still said that we run has started no other supervisor.
                if not self._listen(view):
                    return
                self.tell()
                continue
            if todo.predict:
                self._predict(view, todo.predict)
            for name in todo.start:
                self._start(view, name)
            time.sleep(LOOK_S)

    def _listen(self, view: SweepView) -> bool:
        """Reads the requests; whether any is new. A run that is asked anew to resume has all its attempts again."""
        asked = {run.name: latest_asked(self.sweep, run.name) for run in view.runs}
        new = [name for name, found in asked.items() if found != self.asked.get(name)]
        for name in new:
            if (found := asked[name]) is not None and found.request == "resume":
                self.started[name] = 0
        self.asked = asked
        return bool(new)

    def _others(self) -> tuple[bool, bool]:
        """Whether earlier and later supervisors live: of two that started at once the later one stays."""
        own = int(self.folder.name.rpartition("-")[2])
        live = [
            number
            for number, path in numbered(self.sweep, "supervisor")
            if number != own and (status := Status.read(path / "status.json")) and status.derived() == "running"
        ]
        return any(number < own for number in live), any(number > own for number in live)

    def _start(self, view: SweepView, name: str) -> None:
        run = view.run(name)
        alone = name in last_runs(view)
        threads = worth_threads(run, self.cores if alone else max(1, self.cores // self.jobs)) if run else 1
        command = [sys.executable, "-P", "-m", "scaling_tui.train.worker", str(self.sweep / name)]
        command += ["--device", self.device, "--threads", str(threads)]
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        self.workers[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment)
        self.started[name] = self.started.get(name, 0) + 1

    def _reap(self) -> None:
        for name, process in list(self.workers.items()):
            status = process.poll()
            if status is None:
                continue
            del self.workers[name]
            if status < 0:
                left = ATTEMPTS - self.started[name]
                further = f"goes on from its last checkpoint, {left} more attempts" if left else "given up"
                self.say(f"{name} worker was killed by {signal.Signals(-status).name}: {further}")
            elif status:
                self.say(f"{name} worker failed with status {status}; see {name}/attempt-*/worker.log{self._space()}")

    def _space(self) -> str:
        free = shutil.disk_usage(self.sweep).free
        return f"; only {free / 1e6:.0f} MB are free on its disk" if free < 50e6 else ""

    def _predict(self, view: SweepView, name: str) -> None:
        """Writes down what the smaller rungs say of `name`, unless that was done before it first started."""
        run = view.run(name)
        if run is None or run.attempts or any(done.run == name for done in view.predictions):
            return
        fitted = fit_sweep(view, leave_out=last_runs(view))
        if fitted is None:
            self.say(f"{name} is not predicted: too few rungs finished to fit a law")
            return
        found = fitted.predict(run)
        append_prediction(
            self.sweep,
            RecordedPrediction(
                rung=run.rung,
                run=name,
                law=fitted.fit.law.name,
                coefficients=fitted.fit.coefficients,
                points=list(fitted.runs),
                predicted=found.value,
                low=found.low if math.isfinite(found.low) else None,
                high=found.high if math.isfinite(found.high) else None,
                level=found.level,
                time=time.time(),
            ),
        )
        self.say(
            f"{name} predicted before it runs: {found.value:.4f} [{found.low:.4f}, {found.high:.4f}] nats per token"
        )

    def _end(self, view: SweepView, requests: Mapping[str, str | None]) -> None:
        left = [run for run in view.runs if run.state != "finished"]
        if not left:
            self.tell("finished")
            self.say("finished")
            return
        reason = ", ".join(f"{run.name} {run.state}" for run in left)
        stopped = any(requests[run.name] == "stop" for run in left)
        self.tell("stopped" if stopped else "failed", reason)
        self.say(f"{'stopped' if stopped else 'ended'}: {reason}")


def worth_threads(run: RunView, at_most: int) -> int:
    """Threads for a worker. One is worth its keep from about 2 GFLOPs a step on: below that threads wait for each
    other more than they work, and where another process holds a core they stall (seen: 50 times slower)."""
    training, architecture = run.config.get("training", {}), run.config.get("architecture", {})
    tokens_per_step = training.get("batch", 1) * architecture.get("context", 1)
    flops_per_step = (run.flops or 0.0) / max(1, run.tokens or 1) * tokens_per_step
    return max(1, min(at_most, int(flops_per_step / 2e9)))


def main() -> None:
    parser = argparse.ArgumentParser(prog="scaling_tui.sweeps.supervisor")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--device", default="auto")
    given = parser.parse_args()
    supervisor = Supervisor(given.folder, given.jobs, given.device)

    def on_term(number: int, frame: FrameType | None) -> None:
        # The workers see the request themselves; the loop then ends by itself.
        make_request(supervisor.sweep, "stop")

    signal.signal(signal.SIGTERM, on_term)
    try:
        supervisor.run()
    except Exception as error:
        supervisor.tell("failed", f"{type(error).__name__}: {error}")
        raise


if __name__ == "__main__":
    main()
