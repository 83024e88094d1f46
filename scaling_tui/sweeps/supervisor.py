"""The process that runs one sweep: `python -m scaling_tui.sweeps.supervisor SWEEP`.

It claims a folder `supervisor-K`; where another supervisor is alive it yields, with the exit status `YIELDED`.

`decide` chooses the next step from what is on disk alone, so a supervisor that died can be replaced by another, which
also takes over the workers that outlived the first.
"""

import argparse
import os
import shutil
import signal
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

from scaling_tui import InputError
from scaling_tui.runs import (
    RunView,
    SweepReader,
    SweepView,
    append_prediction,
    make_request,
)
from scaling_tui.runs.format import HEARTBEAT_S, YIELDED, State, Status, claim_if_alone, is_running, numbered
from scaling_tui.runs.requests import RecordedRequest, latest_recorded_request
from scaling_tui.runs.writer import checkpoint_at, write_run
from scaling_tui.sweeps.limits import cores, memory
from scaling_tui.sweeps.placement import at_a_time, per_gpu_for, places, threads_for
from scaling_tui.sweeps.size import Size
from scaling_tui.sweeps.slots import told
from scaling_tui.sweeps.sweep_fit import last_runs, point_of, predict_run, predicted_runs
from scaling_tui.sweeps.tuning import can_choose, further_probes, give_rates, is_probe, rates_told
from scaling_tui.sweeps.workers import Workers
from scaling_tui.text import show

POLL_S = 0.25
ATTEMPTS = 3  # for a run whose worker is killed
AGAIN_S = 2.0  # from a worker that yielded to the next one for the same run
AHEAD_S = 15.0  # a worker is started so long before a trunk lets its branches begin


@dataclass(frozen=True)
class Decision:
    """What the supervisor does now: start these runs, after predicting the loss of `predict`; choose rates; or end."""

    start: tuple[str, ...] = ()
    predict: str | None = None
    tune: bool = False
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
        sweep: its current view.
        requests: the latest request to each run.
        started: attempts that this supervisor has started, by run.
        working: runs with a live worker.
        jobs: how many workers may run at a time.
        early: branches whose trunk has not reached their first step.
    """
    could = [run for run in sweep.runs if run.name not in working and can_start(run, requests, started)]
    waiting = [run for run in could if run.name not in early and not run.planned]
    busy = {*working, *(run.name for run in waiting)}
    probing = any(run.name in busy for run in sweep.runs if is_probe(sweep, run))
    if any(run.planned for run in could) and not probing and can_choose(sweep):
        return Decision(tune=True)
    last = last_runs(sweep)
    # The largest first, so that cores do not idle at the end; but predicted runs after all others.
    others = sorted((run for run in waiting if run.name not in last), key=lambda run: run.flops or 0, reverse=True)
    free = jobs - len(working)
    if others:
        return Decision(start=tuple(run.name for run in others[: max(0, free)]))
    if working:
        return Decision()
    predicted = next((run.name for run in waiting if run.name in last), None)
    return Decision(start=(predicted,), predict=predicted) if predicted else Decision(end=True)


def can_start(run: RunView, requests: Mapping[str, str | None], started: Mapping[str, int]) -> bool:
    """Whether to start a worker for `run`.

    A failed run gets one attempt for each request to resume; a diverged one none, as it would diverge again.
    """
    request, tried = requests.get(run.name), started.get(run.name, 0)
    if request == "stop" or run.state in ("running", "finished", "diverged", "unreadable"):
        return False
    return tried < (ATTEMPTS if run.state != "failed" else 1 if request == "resume" else 0)


def early_branches(sweep: SweepView) -> list[str]:
    """Runs that wait for their trunk's checkpoint."""
    return [
        run.name
        for run in sweep.runs
        if run.state == "queued" and (trunk := run.trunk) and not checkpoint_at(sweep.path / trunk.run, trunk.step)
    ]


def soon(sweep: SweepView, early: Collection[str]) -> int:
    """How many of the `early` branches can start within AHEAD_S, at the speed of their trunks."""
    count = 0
    for name in early:
        run = sweep.run(name)
        if run is None or run.trunk is None or (trunk := sweep.run(run.trunk.run)) is None:
            continue
        done, speed = trunk.curve.last("tokens"), trunk.steady_speed
        if trunk.state == "running" and done is not None and speed:
            count += (run.trunk.tokens - done) / speed < AHEAD_S
    return count


class Supervisor:
    def __init__(self, folder: Path, jobs: int | None, device: str, per_gpu: int | None = None) -> None:
        self.folder, self.sweep = folder, folder.parent
        self.cores = cores()
        self.device = device
        self.reader = SweepReader(self.sweep)
        self.jobs, self.per_gpu = jobs, per_gpu
        self.started: dict[str, int] = {}
        self.requests: dict[str, RecordedRequest | None] = {}
        self.yielded: dict[str, float] = {}  # when a worker of a run yielded to another, by the monotonic clock
        self.state = Status.of_this_process("running")
        self.waiting = ""  # for whom it waits, in words
        self.starts_ahead = True
        self._last_heartbeat = 0.0

    def plan(self) -> None:
        """Decides how many runs to train at a time, and where."""
        view = self.reader.poll()
        last = last_runs(view)
        sizes = [Size.of_config(run.config) for run in view.runs if run.name not in last]
        beside = [size for size in sizes if size is not None]
        per_gpu = self.per_gpu or per_gpu_for(beside, self.device)
        self.workers = Workers(self.sweep, places(self.device, self.jobs, per_gpu))
        self.at_a_time = at_a_time(self.jobs, self.device, per_gpu, beside)

    def log(self, text: str) -> None:
        # A full disk must not end the sweep: its status says what there is to say.
        with suppress(OSError):
            print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}", flush=True)

    def report(self, state: State = "running", reason: str = "") -> None:
        status = replace(self.state, state=state, heartbeat=time.time(), reason=reason)
        status.write(self.folder / "status.json")
        self._last_heartbeat = time.monotonic()

    def run(self) -> None:
        """Runs the sweep until it is over or asked to stop."""
        self.report()
        self.plan()
        while True:
            if time.monotonic() - self._last_heartbeat > HEARTBEAT_S:
                self.report(reason=self.waiting)
            earlier, later = self._others()
            if later:
                self.log("another supervisor took over")
                self.report("stopped", "another supervisor took over")
                return
            if earlier:
                time.sleep(POLL_S)
                continue
            self._reap()
            view = self.reader.poll()
            self._read_requests(view)
            requests = {name: recorded.request if recorded else None for name, recorded in self.requests.items()}
            just_now = {name for name, moment in self.yielded.items() if time.monotonic() - moment < AGAIN_S}
            running = {run.name for run in view.runs if run.state == "running"}
            handed = {worker.run for worker in self.workers.all if worker.run}
            working = sorted({*handed, *just_now, *running})
            early = early_branches(view)
            decision = decide(view, requests, self.started, working, self.at_a_time, early)
            if decision.tune:
                self._tune(view)
                continue
            if decision.end:
                self._end(view, requests)
                # A request to resume that came before we reported the end started no other supervisor.
                if not self._read_requests(view):
                    return
                self.report()
                continue
            if decision.predict:
                # It trains alone: the cores of the others are for it.
                self.workers.let_go(but=1)
                if len(self.workers.all) > len(self.workers.idle):
                    self.workers.wait(POLL_S)
                    continue
            started = [self._start(view, name) for name in decision.start]
            self._say_that_it_waits(not all(started))
            ahead = soon(view, early) if self.starts_ahead else 0
            self.workers.let_go(but=ahead)
            if len(self.workers.idle) < ahead and len(self.workers.all) < self.at_a_time:
                self.workers.start(load=True)
            self.workers.wait(POLL_S)

    def _read_requests(self, view: SweepView) -> bool:
        """Reads the requests; returns whether any is new. A new request to resume a run renews its attempts."""
        latest = {run.name: latest_recorded_request(self.sweep, run.name) for run in view.runs}
        new = [name for name, recorded in latest.items() if recorded != self.requests.get(name)]
        for name in new:
            if (recorded := latest[name]) is not None and recorded.request == "resume":
                self.started[name] = 0
        self.requests = latest
        return bool(new)

    def _others(self) -> tuple[bool, bool]:
        """Whether an earlier and a later supervisor is alive.

        Both can be where one comes back that counted as dead, or that had reported its end: the later one stays.
        """
        own = int(self.folder.name.rpartition("-")[2])
        live = [number for number, path in numbered(self.sweep, "supervisor") if number != own and is_running(path)]
        return any(number < own for number in live), any(number > own for number in live)

    def _start(self, view: SweepView, name: str) -> bool:
        """Hands the run to a worker that waits for one, or to a new one; returns whether there was a slot for it."""
        run, alone = view.run(name), name in last_runs(view)
        worker = next(iter(self.workers.idle), None) or self.workers.start()
        if worker is None:
            return False
        if alone:
            self._predict(view, name)
        size = Size.of_config(run.config) if run else None
        threads = threads_for(size, alone, self.cores, self.at_a_time)
        extra = []
        if worker.slot.place.device == "cpu":
            extra = self.workers.extra(threads - 1)
            threads = 1 + len(extra)
        for slot in extra:
            slot.name_holder(self.sweep.name, worker.process.pid)
        share = memory()[0] // (1 if alone else self.at_a_time)
        worker.hand(self.sweep / name, threads, share, extra)
        self.started[name] = self.started.get(name, 0) + 1
        return True

    def _say_that_it_waits(self, waits: bool) -> None:
        """Says in the status and the log for whom the sweep waits, if it does; a change once."""
        another = "another slot" if self.workers.all else "a slot"
        waiting = f"waits for {another}: {told(self.workers.who_else())}" if waits else ""
        if waiting != self.waiting:
            self.waiting = waiting
            self.report(reason=waiting)
            if waiting:
                self.log(waiting)

    def _reap(self) -> None:
        ended, gone = self.workers.reap()
        for name, status in ended:
            if status == YIELDED:
                # It did not train, so it does not count.
                self.started[name] = max(0, self.started[name] - 1)
                self.yielded[name] = time.monotonic()
        for run, status in gone:
            how = f"was killed by {signal_name(-status)}" if status < 0 else f"failed with status {status}"
            if run is None:
                self.log(f"a worker without a run {how}")
                self.starts_ahead = False  # or it would do so again and again
            elif status < 0:
                left = ATTEMPTS - self.started[run]
                more = f"{left} more attempt{'s' * (left > 1)}"
                further = f"resumes from its last checkpoint, {more}" if left else "given up"
                self.log(f"{run} worker {how}: {further}")
            elif status:
                self.log(f"{run} worker {how}; see {run}/attempt-*/worker.log{self._space()}")

    def _space(self) -> str:
        free = shutil.disk_usage(self.sweep).free
        return f"; the disk has only {free / 1e6:.0f} MB free" if free < 50e6 else ""

    def _predict(self, view: SweepView, name: str) -> None:
        """Records the law's prediction for the point of `name`, unless any run of it began or was predicted before."""
        run, point = view.run(name), point_of(view, name)
        if run is None or point is None or any(other.attempts for other in point.runs) or name in predicted_runs(view):
            return
        # Whatever fails here, a law without a finite prediction or a full disk, the run is trained all the same.
        try:
            prediction = predict_run(view, run, last_runs(view))
            append_prediction(self.sweep, prediction)
        except Exception as error:
            told = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
            self.log(f"{name} is not predicted: {told}")
            return
        interval = show.interval(prediction.predicted, prediction.low, prediction.high)
        what = name if len(point.runs) == 1 else run.rung
        self.log(f"{what} predicted before it runs: {interval} nats per token")

    def _tune(self, view: SweepView) -> None:
        """Probes further, or gives the runs that wait for their learning rate the one that the probes say."""
        known = view.rates is not None
        further = {} if known else further_probes(view)
        for name, config in further.items():
            write_run(self.sweep / name, config)
            self.log(f"{name} probes a rate beyond the best so far")
        if further:
            return
        rates = give_rates(view)
        if not known:
            self.log(rates_told(rates))

    def _end(self, view: SweepView, requests: Mapping[str, str | None]) -> None:
        left = [run for run in view.runs if run.state != "finished"]
        if not left:
            self.report("finished")
            self.log("finished")
            return
        reason = ", ".join(f"{run.name} {run.state}" + (f" ({run.reason})" if run.planned else "") for run in left)
        stopped = any(requests[run.name] == "stop" for run in left)
        self.report("stopped" if stopped else "failed", reason)
        self.log(f"{'stopped' if stopped else 'ended'}: {reason}")


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # most real-time signals have no name
        return f"signal {number}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="scaling_tui.sweeps.supervisor")
    parser.add_argument("sweep", type=Path)
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--per-gpu", type=int)
    options = parser.parse_args()
    try:
        folder = claim_if_alone(options.sweep, "supervisor")
        if folder is None:
            sys.exit(YIELDED)
        log = (folder / "supervisor.log").open("ab")
    except OSError as error:
        sys.exit(f"{options.sweep}: {error.strerror}")
    os.dup2(log.fileno(), sys.stdout.fileno())
    os.dup2(log.fileno(), sys.stderr.fileno())
    supervisor = Supervisor(folder, options.jobs, options.device, options.per_gpu)

    def on_term(number: int, frame: FrameType | None) -> None:
        # The workers read the request themselves; the loop ends after them.
        make_request(supervisor.sweep, "stop")

    signal.signal(signal.SIGTERM, on_term)
    try:
        supervisor.run()
    except Exception as error:
        supervisor.report("failed", f"{type(error).__name__}: {error}")
        raise


if __name__ == "__main__":
    main()
