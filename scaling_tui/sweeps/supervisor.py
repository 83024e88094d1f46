"""The process that runs one sweep: `python -m scaling_tui.sweeps.supervisor SWEEP`.

It claims a folder `supervisor-K`; where another supervisor is alive it yields, with the exit status `YIELDED`.

`policy.decide` chooses the next step from what is on disk alone, so a supervisor that died can be replaced by another,
which also takes over the workers that outlived the first.
"""

import argparse
import json
import os
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import FrameType

from scaling_tui import InputError
from scaling_tui.runs import (
    SweepReader,
    SweepView,
    append_prediction,
    make_request,
)
from scaling_tui.runs.format import (
    HEARTBEAT_S,
    YIELDED,
    State,
    Status,
    claim_if_alone,
    is_running,
    numbered,
    write_json,
)
from scaling_tui.runs.heartbeat import beating
from scaling_tui.runs.requests import RecordedRequest, latest_requests, moved_up
from scaling_tui.runs.writer import write_run
from scaling_tui.sweeps.engines import LOCAL, NOT_THE_RUNS, Cause, Ended, Engine, Order, Where, engine
from scaling_tui.sweeps.policy import ATTEMPTS, decide, early_branches, soon
from scaling_tui.sweeps.resources import recorded, with_gpus
from scaling_tui.sweeps.size import Size
from scaling_tui.sweeps.sweep_fit import last_runs, point_of, predict_run, predicted_runs
from scaling_tui.sweeps.tuning import further_probes, give_rates, rates_told
from scaling_tui.text import show

POLL_S = 0.25
MOST_LOSSES = 20  # of a run's workers, for one cause that is not the run's fault, before they count as attempts
AGAIN_S = 2.0  # from a worker that yielded to the next one for the same run


class Supervisor:
    def __init__(
        self,
        folder: Path,
        jobs: int | None,
        device: str,
        per_gpu: int | None = None,
        where: Where | None = None,
        gpus: int | None = None,
    ) -> None:
        self.folder, self.sweep = folder, folder.parent
        self.where = where or LOCAL
        self.device = device
        self.reader = SweepReader(self.sweep)
        self.jobs, self.per_gpu, self.gpus = jobs, per_gpu, gpus
        self.started: dict[str, int] = {}
        self.retries: dict[str, Counter[Cause]] = {}  # by run, how often its workers were lost, by cause
        self.over: dict[str, int] = {}  # by run, the last attempt whose worker is known to be gone
        self.requests: dict[str, RecordedRequest | None] = {}
        self.yielded: dict[str, float] = {}  # when a worker of a run yielded to another, by the monotonic clock
        self.state = Status.of_this_process("running")
        self.waiting = ""  # for whom it waits, in words
        self._last_heartbeat = 0.0

    def plan(self) -> None:
        """Decides how many runs to train at a time, and where."""
        view = self._view()
        self.engine: Engine = engine(self.where, self.folder, view, self.device, self.jobs, self.per_gpu)

    def _view(self) -> SweepView:
        view = self.reader.poll()
        return replace(view, document=with_gpus(view.document, (run.rung for run in view.runs), self.gpus))

    @property
    def at_a_time(self) -> int:
        return self.engine.at_a_time

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
        with beating(lambda: self.report(reason=self.waiting)):  # a cluster can take a minute to start
            self.plan()
        try:
            self._see_through()
        finally:
            self.engine.close()

    def _see_through(self) -> None:
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
            view = self._without_the_gone(self._view())
            self._read_requests(view)
            requests = {name: recorded.request if recorded else None for name, recorded in self.requests.items()}
            just_now = {name for name, moment in self.yielded.items() if time.monotonic() - moment < AGAIN_S}
            running = {run.name for run in view.runs if run.state == "running"}
            working = sorted({*self.engine.training, *just_now, *running})
            early = early_branches(view)
            decision = decide(
                view, requests, self.started, working, self.at_a_time, early, self.engine.alone, moved_up(self.sweep)
            )
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
            if decision.alone:
                # It gets the cores of the others.
                self.engine.settle(1)
                if not self.engine.is_empty:
                    self.engine.wait(POLL_S)
                    continue
            started = [self._start(view, name) for name in decision.start]
            self.engine.settle(soon(view, early))
            self._say_that_it_waits(not all(started))
            self.engine.wait(POLL_S)

    def _read_requests(self, view: SweepView) -> bool:
        """Reads the requests; returns whether any is new. A new request to resume a run renews its attempts."""
        found = latest_requests(self.sweep, (run.name for run in view.runs))
        latest = {run.name: found.get(run.name) for run in view.runs}
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
        """Has a worker train the run; returns whether there was one for it."""
        run, last = view.run(name), name in last_runs(view)
        if last:
            self._predict(view, name)
        resources = recorded(view.document, run.rung if run else "")
        order = Order(
            run=self.sweep / name,
            size=Size.of_config(run.config, resources.processes) if run else None,
            alone=last and self.engine.alone,
            resources=resources,
            over=self.over.get(name, 0),
        )
        if not self.engine.order(order):
            return False
        self.started[name] = self.started.get(name, 0) + 1
        return True

    def _say_that_it_waits(self, waits: bool) -> None:
        """Says in the status and the log for whom the sweep waits, if it does; a change once."""
        waiting = self.engine.waits() if waits else ""
        if waiting != self.waiting:
            self.waiting = waiting
            self.report(reason=waiting)
            if waiting:
                self.log(waiting)

    def _without_the_gone(self, view: SweepView) -> SweepView:
        """The view, with runs whose worker is known to be gone as lost; by the heartbeat alone that takes a minute."""
        runs = tuple(
            replace(run, state="lost") if run.state == "running" and run.attempts <= self.over.get(run.name, 0) else run
            for run in view.runs
        )
        return replace(view, runs=runs) if self.over else view

    def _reap(self) -> None:
        for ended in self.engine.ended():
            if ended.run is None:
                self.log(f"a worker without a run {ended.how}")
            elif ended.status == YIELDED:
                # It did not train, so it does not count.
                self.started[ended.run] = max(0, self.started[ended.run] - 1)
                self.yielded[ended.run] = time.monotonic()
            elif ended.cause is not None:
                self._retry(ended.run, ended.cause, ended)
            elif ended.status and ended.how:
                self.log(f"{ended.run} worker {ended.how}; see {ended.run}/attempt-*/worker.log{self._space()}")

    def _retry(self, name: str, cause: Cause, ended: Ended) -> None:
        """Counts a lost worker; up to MOST_LOSSES that are not the run's fault use up none of its attempts."""
        counts = self.retries.setdefault(name, Counter())
        counts[cause] += 1
        if ended.host:
            self.over[name] = max(self.over.get(name, 0), last_attempt_of(self.sweep / name, ended.host, ended.pid))
        if cause in NOT_THE_RUNS and counts[cause] <= MOST_LOSSES:
            self.started[name] = max(0, self.started.get(name, 0) - 1)
        left = ATTEMPTS - self.started.get(name, 0)
        if left <= 0:
            further = "given up"
        elif cause in NOT_THE_RUNS:
            further = f"resumes from its last checkpoint ({cause}, {ordinal(counts[cause])} time)"
        else:
            further = f"resumes from its last checkpoint, {left} more attempt{'s' * (left > 1)}"
        self.log(f"{name} worker {ended.how}: {further}")
        with suppress(OSError):
            document = {run: dict(found) for run, found in self.retries.items()}
            write_json(self.folder / "retries.json", document)

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


def last_attempt_of(run: Path, host: str, pid: int) -> int:
    """The number of the last attempt of `run` that a process of another host, or this one, has claimed; 0 without."""
    found = [
        number
        for number, path in numbered(run, "attempt")
        if (status := Status.read(path / "status.json")) is not None and (status.host, status.pid) == (host, pid)
    ]
    return max(found, default=0)


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="scaling_tui.sweeps.supervisor")
    parser.add_argument("sweep", type=Path)
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--per-gpu", type=int)
    parser.add_argument("--gpus", type=int)
    parser.add_argument("--where", default="{}", help="a document as the launch in sweep.json")
    options = parser.parse_args()
    where = Where.recorded(json.loads(options.where))
    try:
        folder = claim_if_alone(options.sweep, "supervisor")
        if folder is None:
            sys.exit(YIELDED)
        log = (folder / "supervisor.log").open("ab")
    except OSError as error:
        sys.exit(f"{options.sweep}: {error.strerror}")
    os.dup2(log.fileno(), sys.stdout.fileno())
    os.dup2(log.fileno(), sys.stderr.fileno())
    supervisor = Supervisor(folder, options.jobs, options.device, options.per_gpu, where, options.gpus)

    def on_term(number: int, frame: FrameType | None) -> None:
        # The workers read the request themselves; the loop ends after them.
        make_request(supervisor.sweep, "stop")

    signal.signal(signal.SIGTERM, on_term)
    try:
        supervisor.run()
    except InputError as error:
        supervisor.report("failed", str(error))
        sys.exit(str(error))
    except Exception as error:
        supervisor.report("failed", f"{type(error).__name__}: {error}")
        raise


if __name__ == "__main__":
    main()
