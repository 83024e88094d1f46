"""What `--on ray` costs beside `--on local`: one ladder, two runs at a time, on a cluster of this machine.

    python benchmarks/on_ray.py [LADDER] [--set KEY=VALUE]… [--repeats 5]

Each repeat trains the ladder on both, in alternating order. From the sweep's files: `start` is from the start of the
supervisor to that of its first worker, where Ray's own start is; `training` from there until the sweep is over. Exit
status 1 where the goal is missed: at most GOAL more time for the training.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from scaling_tui.runs import Status, read_sweep
from scaling_tui.runs.format import numbered
from scaling_tui.text.columns import columns

GOAL = 0.05
ENGINES = ("local", "ray")


@dataclass(frozen=True)
class Took:
    """Seconds of one sweep."""

    command: float
    start: float
    training: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ladder", nargs="?", default="quickstart")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    further = [word for setting in options.set for word in ("--set", setting)]
    found: dict[str, list[Took]] = {name: [] for name in ENGINES}
    for repeat in range(options.repeats):
        for name in ENGINES if repeat % 2 == 0 else reversed(ENGINES):
            with tempfile.TemporaryDirectory() as runs:
                found[name].append(measured(name, options.ladder, options.jobs, further, Path(runs)))
            took = found[name][-1]
            print(f"{name}: start {took.start:.2f} s, training {took.training:.2f} s", file=sys.stderr)
    parts = ("command", "start", "training")
    medians = {
        name: [statistics.median(getattr(took, part) for took in found[name]) for part in parts] for name in ENGINES
    }
    rows = [[name, *(f"{seconds:.2f} s" for seconds in medians[name])] for name in ENGINES]
    print(columns([["on", *parts], *rows], numeric=(1, 2, 3)))
    more = medians["ray"][2] / medians["local"][2] - 1
    print(f"training on Ray takes {more:+.1%}; goal {GOAL:+.0%}")
    return int(more > GOAL)


def measured(name: str, ladder: str, jobs: int, further: list[str], runs: Path) -> Took:
    command = [sys.executable, "-P", "-m", "scaling_tui", "run", ladder, "--on", name, "--device", "cpu"]
    command += ["--jobs", str(jobs), "--runs", str(runs), *further]
    begin = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - begin
    if done.returncode:
        sys.exit(f"--on {name}: {done.stderr.strip()}")
    sweep = next(path.parent for path in runs.glob("*/sweep.json"))
    supervisor = status_of(numbered(sweep, "supervisor")[-1][1])
    first = min(
        status_of(attempt).pid_started for run in read_sweep(sweep).runs for _, attempt in numbered(run.path, "attempt")
    )
    return Took(seconds, first - supervisor.pid_started, supervisor.heartbeat - first)


def status_of(claimed: Path) -> Status:
    status = Status.read(claimed / "status.json")
    if status is None:
        sys.exit(f"{claimed}: has no status")
    return status


if __name__ == "__main__":
    sys.exit(main())
