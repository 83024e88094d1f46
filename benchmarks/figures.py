"""Every figure that the documents claim of this project: which script prints it, and all of them printed.

    python benchmarks/figures.py [short|long|peers|gpu] [--only NAME…] [--list]

`short` takes a quarter of an hour on two idle cores; where the documents show shares of 200 datasets it draws fewer.
`long` takes some two hours and prints the tables as they stand. `peers` needs what NANOGPT and SCALING_TUI_DATA name,
`gpu` a GPU. First come the machine and the versions. Exit status 1 where a script fails or a goal is missed; what a
machine lacks is named and left out.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from scaling_tui.sweeps.machine import installed, machine, versions

ROOT = Path(__file__).parents[1]
Group = Literal["short", "long", "peers", "gpu"]
GROUPS: tuple[Group, ...] = ("short", "long", "peers", "gpu")
DATA = "SCALING_TUI_DATA"
# What the figures depend on beside what every run of a sweep names.
PACKAGES = ("textual", "plotext", "scipy", "ray", "submitit", "simple-scaling-laws")


@dataclass(frozen=True)
class Source:
    """What prints figures.

    Args:
        name: for `--only`.
        group: when it is run.
        command: arguments of Python; `$NAME` stands for an environment variable.
        minutes: on two idle cores, about.
        claimed: where the figures stand: pages with their headings.
        needs: environment variables, and modules of extras.
    """

    name: str
    group: Group
    command: tuple[str, ...]
    minutes: float
    claimed: tuple[str, ...]
    needs: tuple[str, ...] = ()

    def lacks(self) -> list[str]:
        """What is not there of what it needs."""
        return [
            name
            for name in self.needs
            if (name.isupper() and not os.environ.get(name)) or (not name.isupper() and find_spec(name) is None)
        ]


LAWS = "benchmarks/README.md#laws"
INTERVALS = "docs/explanation/intervals.md#how-often-they-contain-the-truth"
VALLEYS = "benchmarks/README.md#isoflop-profiles"
SEEDS = "benchmarks/README.md#quickstart-at-twenty-seeds"
# The ladders of the experiments, and about how many minutes all their seeds take.
EXPERIMENTS = {
    "simple-llm": 6, "text-prediction": 5, "text-prediction-dropout": 7, "tiny-shakespeare": 8, "known-law": 3,
    "emergence": 1, "isoflop": 2, "repeat": 3, "budgets": 1,
}  # fmt: skip
SOURCES = (
    Source("laws", "short", ("benchmarks/laws_speed.py",), 0.3, (LAWS,), (DATA,)),
    Source("tables", "short", ("benchmarks/published_tables.py",), 0.6, ("docs/tables.md#published-tables",), (DATA,)),
    Source(
        "comparison", "short", ("benchmarks/compare_laws.py",), 0.2,
        ("benchmarks/README.md#laws-compared", "docs/explanation/fits.md#which-law"), (DATA,),
    ),
    Source(
        "timetable", "short", ("benchmarks/timetable.py", "--speed"), 0.1,
        ("benchmarks/README.md#timetables", "docs/architecture.md#engines"),
    ),
    Source(
        "traces", "short", ("benchmarks/trace_speed.py",), 0.4,
        ("benchmarks/README.md#traces", "docs/traces.md#how-to-read-one"),
    ),
    Source(
        "choices", "short", ("benchmarks/choices.py",), 1,
        ("docs/architecture.md#workers-and-slots", "docs/architecture.md#how-a-step-is-computed"),
    ),
    Source(
        "plain-step", "short", ("benchmarks/plain_step.py",), 1,
        ("benchmarks/README.md#training", "docs/experiments.md#experiments"),
    ),
    Source("app", "short", ("benchmarks/app_speed.py",), 3, ("benchmarks/README.md#the-app",), ("pexpect", "pyte")),
    Source("many-sweeps", "short", ("benchmarks/many_sweeps.py",), 2, ("benchmarks/README.md#many-sweeps",)),
    Source(
        "quickstart", "short",
        ("benchmarks/quickstart_seeds.py", "--seeds", "0-0", "--runs", "runs-quickstart-seeds"), 1.6,
        ("README.md#example-output", SEEDS),
    ),
    Source("coverage-few", "short", ("benchmarks/laws_coverage.py", "30"), 1.8, (LAWS,)),
    Source("isoflop-profiles-few", "short", ("benchmarks/laws_isoflop.py", "30"), 0.6, (VALLEYS,)),
    Source("tasks-few", "short", ("benchmarks/laws_tasks.py", "30"), 1.1, ("docs/commands.md#tasks",)),
    Source(
        "differences-few", "short", ("benchmarks/compare_coverage.py", "--pairs", "20"), 0.7,
        ("benchmarks/README.md#differences-between-sources", "docs/commands.md#compare"),
    ),
    Source("coverage", "long", ("benchmarks/laws_coverage.py",), 12, (LAWS, INTERVALS)),
    Source("isoflop-profiles", "long", ("benchmarks/laws_isoflop.py",), 4, (VALLEYS,)),
    Source("tasks", "long", ("benchmarks/laws_tasks.py",), 8, ("docs/commands.md#tasks",)),
    Source(
        "quickstart-seeds", "long", ("benchmarks/quickstart_seeds.py", "--runs", "runs-quickstart-seeds"), 30,
        ("README.md#example-output", SEEDS),
    ),
    Source(
        "differences", "long", ("benchmarks/compare_coverage.py", "--runs", "runs-quickstart-seeds"), 4,
        ("benchmarks/README.md#differences-between-sources", "docs/commands.md#compare"),
    ),
    *(
        Source(
            ladder, "long", ("-m", "scaling_tui", "run", ladder, "--runs", "runs-experiments"), minutes,
            ("docs/experiments.md#experiments",),
        )
        for ladder, minutes in EXPERIMENTS.items()
    ),
    Source(
        "experiments", "long", ("benchmarks/experiments.py", "--runs", "runs-experiments", "--markdown"), 0.2,
        ("docs/experiments.md#experiments",),
    ),
    Source(
        "formulas", "long",
        ("-m", "pytest", "tests/tutor/grading/test_sympy.py", "-m", "slow", "-s", "--durations=1"), 10,
        ("docs/architecture.md#layers",), ("sympy",),
    ),
    Source("on-ray", "long", ("benchmarks/on_ray.py",), 8, ("benchmarks/README.md#clusters",), ("ray",)),
    Source("timetable-ray", "long", ("benchmarks/timetable.py",), 2, ("benchmarks/README.md#timetables",), ("ray",)),
    Source(
        "timetable-slurm", "long", ("benchmarks/timetable.py", "--on", "slurm"), 2,
        ("benchmarks/README.md#timetables",), ("submitit",),
    ),
    Source(
        "nanogpt", "peers", ("benchmarks/training_speed.py", "--nanogpt", "$NANOGPT"), 8,
        ("benchmarks/README.md#training",), ("NANOGPT",),
    ),
    Source(
        "nanogpt-quickstart", "peers", ("benchmarks/training_speed.py", "--nanogpt", "$NANOGPT", "--quickstart"), 5,
        ("benchmarks/README.md#training",), ("NANOGPT",),
    ),
    Source("published-procedures", "peers", ("benchmarks/laws_peers.py",), 30, (LAWS,), (DATA, "scipy")),
    Source("gpu", "gpu", ("benchmarks/on_gpu.py",), 5, ("benchmarks/README.md#training",)),
    Source(
        "gpu-nanogpt", "gpu", ("benchmarks/on_gpu.py", "--nanogpt", "$NANOGPT"), 6,
        ("benchmarks/README.md#training",), ("NANOGPT",),
    ),
)  # fmt: skip


def chosen(group: Group, names: list[str]) -> Iterator[Source]:
    """The sources of a group, or those that are named, whatever their group."""
    unknown = set(names) - {source.name for source in SOURCES}
    if unknown:
        known = ", ".join(source.name for source in SOURCES)
        print(f"--only: found {', '.join(sorted(unknown))}, want {known}", file=sys.stderr)
        sys.exit(2)
    for source in SOURCES:
        if source.name in names if names else source.group == group:
            yield source


def heading() -> None:
    """The machine, the versions, the load: what the figures depend on."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    others = {name: version for name, version in installed(PACKAGES).items() if version != "not installed"}
    for name, value in {**machine(), **versions(), **others}.items():
        print(f"{name}: {value}")
    print(f"processor model: {processor()}")
    print(f"commit: {commit or 'unknown'}; {datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
    print(f"load before: {os.getloadavg()[0]:.1f}; figures want a machine that does nothing else")


def processor() -> str:
    """As Linux names it; elsewhere what `machine` says has to do."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "unknown"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def printed(source: Source) -> bool:
    """Runs a source and lets it print. Whether it ended with 0."""
    command = [os.environ[word[1:]] if word.startswith("$") else word for word in source.command]
    print(f"\n## {source.name}: python {' '.join(command)}\nclaimed in {', '.join(source.claimed)}\n", flush=True)
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
        check=False,
    )
    print(f"\n{source.name}: {(time.monotonic() - began) / 60:.1f} min, exit status {done.returncode}", flush=True)
    return done.returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("group", nargs="?", choices=GROUPS, default="short")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME")
    parser.add_argument("--list", action="store_true", help="what would be run, as JSON lines")
    options = parser.parse_args()
    sources = list(chosen(options.group, options.only))
    if options.list:
        for source in sources:
            print(json.dumps({"name": source.name, "minutes": source.minutes, "claimed": source.claimed}))
        return
    heading()
    left_out = {source.name: source.lacks() for source in sources if source.lacks()}
    failed = [source.name for source in sources if source.name not in left_out and not printed(source)]
    print()
    for name, lacking in left_out.items():
        print(f"left out: {name}, for want of {', '.join(lacking)}")
    if failed:
        sys.exit(f"failed, or missed a goal: {', '.join(failed)}")


if __name__ == "__main__":
    main()
