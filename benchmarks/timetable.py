"""The timetable that `run --dry-run --on ray` tells, beside what happens on a Ray cluster of two nodes of this machine.

    python benchmarks/timetable.py             # with scaling-tui[ray]; two cores; about two minutes
    python benchmarks/timetable.py --on slurm  # with scaling-tui[slurm], whose jobs are then processes of this machine
    python benchmarks/timetable.py --speed     # only how long it takes to simulate 1,000 runs on 512 GPUs

Each node has one CPU. The first timetable is from a probe of this machine, the second from the runs that were trained.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from scaling_tui.runs import read_sweep
from scaling_tui.sweeps.cluster import Cluster, Nodes
from scaling_tui.sweeps.engines import Where
from scaling_tui.sweeps.ladder import Ladder, load_ladder
from scaling_tui.sweeps.launch import lay_out, start_supervisor
from scaling_tui.sweeps.preflight import check_ladder
from scaling_tui.sweeps.resources import Resources
from scaling_tui.sweeps.simulation import Rules, Task, simulate
from scaling_tui.sweeps.timetable import Timetable, cluster_of, timetable

SETTINGS = ("tokens=200_000", "runs=1", "seeds=[0, 1]", "num_cpus=1")
JOBS = 2
LONGEST_S = 1800.0


@contextmanager
def two_nodes() -> Iterator[str]:
    """The address of a Ray cluster with two nodes of one CPU each, and a head that trains nothing."""
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # it listens on 127.0.0.1 only
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    for waits in ("RAY_raylet_start_wait_time_s", "RAY_agent_register_timeout_ms"):
        os.environ[waits] = "60" if waits.endswith("_s") else "60000"
    from ray.cluster_utils import Cluster as Local

    lean = {"object_store_memory": 10**8, "include_dashboard": False}
    cluster = started(lambda: Local(initialize_head=True, head_node_args={"num_cpus": 0, **lean}))
    try:
        for _ in range(2):
            started(lambda: cluster.add_node(num_cpus=1, **lean))
        yield cluster.address
    finally:
        cluster.shutdown()


def started(start: Callable[[], Any]) -> Any:
    """What `start` returns at last: a node of Ray gives up where a part of it takes 15 s to come up."""
    left = 5
    while True:
        left -= 1
        try:
            return start()
        except Exception as error:
            if not left:
                raise
            print(f"once more: {str(error).splitlines()[0]}")


def told(ladder: Ladder, runs: Path, where: Where, cluster: Cluster) -> Timetable:
    return timetable(runs, ladder, check_ladder(ladder, here=False), ladder.seeds, where, cluster, "cpu", JOBS)


def trained(ladder: Ladder, runs: Path, where: Where) -> dict[str, tuple[float, float]]:
    """When each run began and ended, in seconds from the launch."""
    sweep = lay_out(runs, ladder, device="cpu", jobs=JOBS, where=where)
    launched = time.time()
    start_supervisor(sweep, JOBS, "cpu", where=where)
    began: dict[str, float] = {}
    ended: dict[str, float] = {}
    while (view := read_sweep(sweep)).trains or view.state in ("queued", "running"):
        now = time.time() - launched
        assert now < LONGEST_S, view.state
        for run in view.runs:
            if run.attempts:
                began.setdefault(run.name, now)
            if run.state == "finished":
                ended.setdefault(run.name, now)
        time.sleep(0.1)
    assert view.state == "finished", view.log
    return {run.name: (began[run.name], ended.get(run.name, time.time() - launched)) for run in view.runs}


def compare(first: Timetable, second: Timetable, measured: dict[str, tuple[float, float]]) -> None:
    """Prints the predicted courses beside the measured one."""
    courses = [{one.run: (one.began, one.ended) for one in each.course.stints} for each in (first, second)]
    print(f"{'':14}{'from a probe':>16}{'from these runs':>18}{'measured':>16}")
    print(f"{'run':14}{'began':>8}{'ended':>8}{'began':>10}{'ended':>8}{'began':>8}{'ended':>8}")
    for name in sorted(measured, key=lambda name: measured[name]):
        (a, b), (c, d), (e, f) = courses[0][name], courses[1][name], measured[name]
        print(f"{name:14}{a:8.1f}{b:8.1f}{c:10.1f}{d:8.1f}{e:8.1f}{f:8.1f}")
    end = max(ended for _, ended in measured.values())
    busy = sum(ended - began for began, ended in measured.values())
    spans = [first.makespan, second.makespan, end]
    print(f"{'makespan':14}{spans[0]:16.1f}{spans[1]:18.1f}{spans[2]:16.1f}")
    print(f"{'  of measured':14}{spans[0] / end - 1:16.1%}{spans[1] / end - 1:18.1%}")
    shares = [first.utilisation, second.utilisation, busy / (first.devices * end)]
    print(f"{'utilisation':14}{shares[0]:16.1%}{shares[1]:18.1%}{shares[2]:16.1%}")
    print(f"first: {first.basis}\nthen: {second.basis}")


def speed() -> None:
    """Prints the CPU seconds of simulating 1,000 runs on 512 GPUs, and ten times as many on ten times as many."""
    for factor in (1, 10):
        for name, asks in (("one GPU each", ((1, 1),)), ("of 1/4 to 8 GPUs", ((1, 1), (1, 0.25), (4, 8)))):
            tasks = [
                Task(
                    f"r{number}", f"r{number % 8}", Resources(*asks[number % len(asks)]), (60.0 * (1 + number % 97),),
                    number % 97, last=number % 97 == 96,
                )
                for number in range(1000 * factor)
            ]  # fmt: skip
            took = []
            for _ in range(5):
                began = time.process_time()
                course = simulate(tasks, [Nodes(64 * factor, 8, 96)], Rules(512 * factor, 5.0, 0.1, 0.5))
                took.append(time.process_time() - began)
            print(
                f"{len(tasks):,} runs, {name}, {512 * factor:,} GPUs: {statistics.median(took):.3f} s, "
                f"{course.events:,} events, {course.makespan / 3600:.1f} h"
            )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--on", choices=("ray", "slurm"), default="ray")
    options = parser.parse_args()
    speed()
    if options.speed:
        return
    ladder = load_ladder("quickstart", SETTINGS)
    with tempfile.TemporaryDirectory() as folder, two_nodes() if options.on == "ray" else nullcontext("") as address:
        runs = Path(folder) / "runs"
        where, cluster = Where("slurm", options={"executor": "local"}), Cluster((Nodes(2, cpus=1.0),), "this machine")
        if options.on == "ray":
            where = Where("ray", address=address)
            cluster = cluster_of(where, None)
        first = told(ladder, runs, where, cluster)
        measured = trained(ladder, runs, where)
        compare(first, told(ladder, runs, where, cluster), measured)


if __name__ == "__main__":
    main()
