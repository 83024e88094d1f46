"""Times of the law code on the 245 published runs: medians of five, in CPU seconds.

    SCALING_TUI_DATA=DIR python benchmarks/laws_speed.py

The peers are slow, and a command of their own: laws_peers.py.
"""

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from scaling_tui.laws import find_law, fit, get
from scaling_tui.laws.fitting.bootstrap import bootstrap
from scaling_tui.laws.fitting.tables import read_points


def seconds(work: Callable[[], object]) -> float:
    """Median of five, CPU time of this process."""
    times = []
    for _ in range(5):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return statistics.median(times)


def process_seconds(command: list[str]) -> float:
    """Median of five, CPU time of a child from its start to its end."""
    times = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return statistics.median(times)


def main() -> None:
    path = Path(os.environ.get("SCALING_TUI_DATA", ".")) / "chinchilla_points.csv"
    points = read_points(path)
    points = points.take(np.sort(np.argsort(points.loss)[:240]))
    found = fit("chinchilla", points)
    draws = bootstrap(found, 4000)
    rng = np.random.default_rng(0)
    N, D = 10 ** rng.uniform(0, 15, 1_000_000), 10 ** rng.uniform(0, 15, 1_000_000)
    chosen, law = get("chinchilla").coefficients, find_law("chinchilla")
    command = [sys.executable, "-m", "scaling_tui", "fit", str(path)]
    rows = [
        ("chinchilla fit, 240 points, cold global start", seconds(lambda: fit("chinchilla", points)), 0.3),
        ("4,000 bootstrap refits to convergence", seconds(lambda: bootstrap(found, 4000)), 10.0),
        ("loss at 1,000,000 points", seconds(lambda: law.loss(chosen, params=N, tokens=D)), 0.05),
        ("scaling-tui fit CSV, whole process, 200 draws", process_seconds(command), 1.0),
    ]
    print(f"objective {found.objective:.13g}; refits converged {len(draws)} of 4000")
    print(f"{'':<48}{'CPU s':>8}{'goal':>8}")
    for name, taken, goal in rows:
        print(f"{name:<48}{taken:>8.3f}{goal:>8.2f}{'' if taken <= goal else '  over'}")


if __name__ == "__main__":
    main()
