"""The app in a real pseudo-terminal while two workers keep both cores busy: latency, CPU, bytes, a sweep of 1.4 GB.

    python benchmarks/app_speed.py [--records 100000] [--seconds 20]

Nothing but this script's own sweeps is read, in a temporary folder that is deleted at the end. Exit status 1 where a
goal is missed.
"""

import argparse
import contextlib
import json
import os
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, cycle, islice
from pathlib import Path

import numpy as np
import pexpect
import psutil

from scaling_tui.plots.curves import smoothed
from scaling_tui.plots.drawing import draw
from scaling_tui.plots.figures import Figure, Series
from scaling_tui.runs import Status, create_sweep
from scaling_tui.runs.format import claim
from scaling_tui.runs.metrics import described
from scaling_tui.runs.writer import write_run

RUNS, RECORDS = 64, 100_000
WIDTH, HEIGHT = 120, 40
BURN = "import signal\nsignal.alarm(1800)\nwhile True: pass"


SHOWN = ("loss", "epoch", "lr", "grad_norm", "tokens_per_s", "mfu", "cpu_s")  # of `record`, as Live goes through them


@dataclass(frozen=True)
class Measured:
    what: str
    goal: float
    found: float
    unit: str

    @property
    def met(self) -> bool:
        return self.found <= self.goal


class App:
    """The app in a pseudo-terminal of its own; every byte that it writes is counted."""

    def __init__(self, runs: Path, *options: str) -> None:
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        command = ["-m", "scaling_tui", *options, "--runs", str(runs)]
        self._terminal = pexpect.spawn(sys.executable, command, dimensions=(HEIGHT, WIDTH), env=environment)
        self.process = psutil.Process(self._terminal.pid)
        self.bytes = 0

    def cpu_s(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def read(self, seconds: float) -> bytes:
        """What is written within `seconds`, returned as soon as there is something."""
        if not select.select([self._terminal.child_fd], [], [], seconds)[0]:
            return b""
        found = os.read(self._terminal.child_fd, 1 << 16)
        self.bytes += len(found)
        return found

    def press(self, key: str, *texts: bytes, seconds: float = 120.0) -> float:
        """Seconds from the key to one of the texts painted."""
        began = time.perf_counter()
        os.write(self._terminal.child_fd, key.encode())
        return self.until(*texts, began=began, seconds=seconds)

    def until(self, *texts: bytes, began: float | None = None, seconds: float = 120.0) -> float:
        """Seconds until one of the texts is painted."""
        began, seen = time.perf_counter() if began is None else began, b""
        while not any(text in seen for text in texts):
            seen = seen[-4096:] + self.read(0.5)
            if time.perf_counter() - began > seconds:
                raise TimeoutError(f"{texts} not painted; the last was {seen[-400:]!r}")
        return time.perf_counter() - began

    def idle(self, seconds: float) -> None:
        """Reads along for a while, as a terminal does."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.read(left)

    def end(self) -> None:
        self._terminal.close(force=True)


@contextlib.contextmanager
def busy() -> Iterator[None]:
    """Two processes that never rest."""
    burners = [subprocess.Popen([sys.executable, "-c", BURN]) for _ in range(2)]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


def record(step: int, run: int, rng_noise: float) -> bytes:
    """A line of about 220 bytes, as the trainer writes them."""
    loss = 1.4 + 0.01 * run + 5 * (step + 1) ** -0.35 + rng_noise
    values = {
        "time": 1.7e9 + step * 0.137,
        "step": step,
        "epoch": step / 50_000,
        "tokens": step * 4096,
        "flops": step * 4096 * 6.1e5,
        "loss": round(loss, 6),
        "lr": 0.0005,
        "grad_norm": round(0.4 + rng_noise, 6),
        "tokens_per_s": 31_234.5,
        "mfu": 0.3712,
        "cpu_s": round(step * 0.131, 3),
    }
    return json.dumps(values).encode() + b"\n"


def lay_out(runs: Path, name: str, count: int, states: str = "finished") -> list[Path]:
    """A sweep of `count` runs; returns their metrics files."""
    sweep = create_sweep(runs, name, {"fit": {"law": "chinchilla-n", "params": "all"}})
    files = []
    for run in range(count):
        folder = sweep / f"r{run:02}-s0"
        params = 10_000 * 1.2**run
        write_run(folder, {"rung": f"r{run:02}", "seed": 0, "params": round(params), "tokens": 4096 * RECORDS})
        attempt = claim(folder, "attempt")
        Status.of_this_process(states).write(attempt / "status.json")  # type: ignore[arg-type]
        files.append(attempt / "metrics.jsonl")
    return files


def latencies(app: App, presses: int, wait: float = 0.2) -> list[float]:
    """Milliseconds from a key to the plot that answers it."""
    found = []
    for metric in islice(cycle(SHOWN), 1, presses + 1):
        app.idle(wait)
        found.append(1000 * app.press("v", f"{described(metric).titled} ·".encode()))
    return found


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


@contextlib.contextmanager
def growing(runs: Path, count: int) -> Iterator[None]:
    """A sweep of `count` runs, two of which write ten records a second."""
    files = lay_out(runs, "live", count, "running")
    noise = np.random.default_rng(0).normal(0, 0.02, (count, 1000))
    for run, path in enumerate(files):
        path.write_bytes(b"".join(record(step, run, noise[run, step]) for step in range(1, 1000)))
    writer = subprocess.Popen([sys.executable, __file__, "--write", *map(str, files[:2])])
    try:
        yield
    finally:
        writer.kill()
        writer.wait()


def keys(folder: Path, count: int, goal: float) -> Iterator[Measured]:
    """How soon a key is answered with `count` runs live, and what of that is the app's own work."""
    runs = folder / f"keys-{count}"
    with growing(runs, count):
        app = App(runs)
        try:
            app.until(b"Home", b"HOME")
            app.press("3", b"train loss")
            app.idle(3)
            cpu = app.cpu_s()
            found = latencies(app, 60)
            yield Measured(f"key to painted answer with {count} runs live, p95", goal, p95(found), "ms")
            yield Measured("the same, median", goal, statistics.median(found), "ms")
            yield Measured(
                "CPU time a key, records that came meanwhile read along", 50, 1000 * (app.cpu_s() - cpu) / 60, "ms"
            )
        finally:
            app.end()


def live(folder: Path, seconds: float) -> Iterator[Measured]:
    """A sweep of seven runs, as the quickstart ladder has, is watched."""
    runs = folder / "live"
    with growing(runs, 7):
        for options in ((), ("--slow-link",)):
            app = App(runs, *options)
            try:
                app.until(b"Home", b"HOME")
                first = app.cpu_s()
                app.press("3", b"train loss")
                app.idle(3)
                if not options:
                    yield Measured("first frame, CPU time", 0.8, first, "s")
                cpu, sent = app.cpu_s(), app.bytes
                app.idle(seconds)
                slow = " with --slow-link" if options else ""
                yield Measured(
                    f"CPU watching a live sweep{slow}", 5, 100 * (app.cpu_s() - cpu) / seconds, "% of a core"
                )
                goal = 2.0 if options else 15.0
                yield Measured(f"on the wire{slow}", goal, (app.bytes - sent) / seconds / 1000, "KB/s")
            finally:
                app.end()


def big(folder: Path, records: int) -> Iterator[Measured]:
    """64 runs of 100,000 records."""
    runs = folder / "big"
    files = lay_out(runs, "big", RUNS)
    noise = np.random.default_rng(0).normal(0, 0.02, records)
    text = b"".join(record(step, 0, noise[step]) for step in range(records))
    for path in files:
        path.write_bytes(text)
    size = sum(path.stat().st_size for path in files) / 1e9
    app = App(runs)
    try:
        app.until(b"Home", b"HOME")
        app.idle(1)
        took = app.press("3", b"sampled", b"finished")
        yield Measured(f"every curve of {size:.2f} GB shown from samples", 1.5, took, "s")
        found = latencies(app, 40, wait=0.5)
        yield Measured("key to painted answer meanwhile, p95", 80, p95(found), "ms")
        yield Measured("the same, median", 80, statistics.median(found), "ms")
        began, most = time.perf_counter(), 0
        quiet = 0
        while quiet < 8 and time.perf_counter() - began < 300:
            before = app.cpu_s()
            app.idle(0.5)
            most = max(most, app.process.memory_info().rss)
            quiet = quiet + 1 if app.cpu_s() - before < 0.1 else 0
        print(f"all of it was read {time.perf_counter() - began:.0f} s after the last key")
        yield Measured("memory at most", 300, most / 1e6, "MB")
    finally:
        app.end()


def million() -> Measured:
    x = np.arange(1.0, 1e6 + 1)
    y = 2 + 5 * x**-0.2 + np.random.default_rng(0).normal(0, 0.02, len(x))
    figure = Figure("loss", (Series(x, y, label="r1", name="r1"),), log_x=True, log_y=True)
    times = []
    for _ in range(9):
        began = time.process_time()
        draw(figure, 78, 18).rows()
        times.append(1000 * (time.process_time() - began))
    return Measured("a curve of 1,000,000 points drawn, CPU time", 25, statistics.median(times), "ms")


def many(curves: int, goal: float) -> Measured:
    """Curves of 2,000 points each, smoothed as the app smooths them."""
    rng, steps = np.random.default_rng(0), np.arange(1.0, 2001)
    series = []
    for run in range(curves):
        loss = smoothed(1.4 + 0.01 * run + 5 * steps**-0.35 + rng.normal(0, 0.02, len(steps)), np.ones(len(steps)), 0.8)
        series.append(Series(steps, loss, run / max(1, curves - 1), f"r{run}", name=f"r{run}"))
    figure = Figure("loss", tuple(series), log_x=True, log_y=True)
    times = []
    for _ in range(9):
        began = time.process_time()
        draw(figure, 78, 18).rows()
        times.append(1000 * (time.process_time() - began))
    return Measured(f"{curves} curves drawn, CPU time", goal, statistics.median(times), "ms")


def write(paths: list[str]) -> None:
    """Ten records a second into each file, until killed."""
    step = 1000
    while os.getppid() != 1:
        for run, path in enumerate(paths):
            with Path(path).open("ab") as file:
                file.write(record(step, run, 0.02 * np.sin(step)))
        step += 1
        time.sleep(0.1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=RECORDS, help="records of each of the 64 runs")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long the live sweep is watched")
    parser.add_argument("--write", nargs="*", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.write:
        write(asked.write)
        return 0
    needed = RUNS * asked.records * 230
    if shutil.disk_usage(tempfile.gettempdir()).free < 2 * needed:
        parser.error(f"{tempfile.gettempdir()} has no room for {needed / 1e9:.1f} GB")
    found = [million(), many(6, 10), many(16, 20), many(64, 40)]
    with tempfile.TemporaryDirectory() as name, busy():
        folder = Path(name)
        for measured in chain(
            live(folder, asked.seconds), keys(folder, 16, 50), keys(folder, 64, 80), big(folder, asked.records)
        ):
            found.append(measured)
            print(f"{measured.what}: {measured.found:.3g} {measured.unit}", flush=True)
    print("\n| | goal | measured |\n| --- | --- | --- |")
    for one in found:
        print(
            f"| {one.what} | {one.goal:g} {one.unit} | {one.found:.3g} {one.unit}{'' if one.met else ' **missed**'} |"
        )
    return int(not all(one.met for one in found))


if __name__ == "__main__":
    sys.exit(main())
