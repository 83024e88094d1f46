"""Starts sweeps: lays out the folder, then a supervisor that outlives whoever asked for it."""

import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scaling_tui import InputError, __version__
from scaling_tui.runs import SweepView, create_sweep, make_request
from scaling_tui.runs.format import Status, claim, numbered
from scaling_tui.runs.glance import glance
from scaling_tui.runs.writer import write_run
from scaling_tui.sweeps.devices import kind_of
from scaling_tui.sweeps.ladder import Ladder

STARTS_WITHIN_S = 15.0


def machine() -> dict[str, Any]:
    """What a figure measured here depends on."""
    return {
        "host": platform.node(),
        "system": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cores": cores(),
        "python": platform.python_version(),
    }


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {"scaling-tui": __version__}
    for package in ("torch", "numpy", "tokenizers"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def lay_out(runs: Path, ladder: Ladder, seed: int | None = None, device: str = "auto") -> Path:
    """Writes the sweep's folder with all its runs, queued; returns it.

    Raises:
        InputError: the ladder cannot be trained on this machine, or `runs` cannot be written to; nothing is left there.
    """
    from scaling_tui.sweeps.preflight import check_ladder

    read = check_ladder(ladder, device)
    corpus: Mapping[str, Any] = {
        **asdict(ladder.corpus),
        "sha256": read.sha256,
        "source": read.source,
        # What is best possible, where the corpus is a synthetic source: in nats per target, and as an accuracy.
        "entropy": read.drawn_from.entropy if read.drawn_from else None,
        "ceiling": read.drawn_from.ceiling if read.drawn_from else None,
    }
    seeds = ladder.seeds if seed is None else (seed,)
    configs = [config for one in seeds for config in ladder.configs(one, corpus)]
    sweep = create_sweep(
        runs,
        ladder.name,
        {
            "ladder": ladder.name,
            "summary": ladder.summary,
            "source": ladder.source,
            "expected": ladder.expected,
            "cases": {
                rung.case: {"rung": rung.name, "expected": rung.expected, "claimed": rung.claimed}
                for rung in ladder.rungs
            },
            "document": ladder.document,
            "fit": asdict(ladder.fit) if ladder.fit else None,
            "seeds": list(seeds),
            "corpus": corpus,
            "runs": [name for name, _ in configs],
            "versions": versions(),
            "machine": {**machine(), "device": kind_of(device)},
        },
    )
    try:
        for name, config in configs:
            write_run(sweep / name, config.as_json())
    except BaseException as error:
        # Half of it would be taken for a sweep and trained.
        shutil.rmtree(sweep, ignore_errors=True)
        if isinstance(error, OSError):
            raise InputError(f"runs folder {runs}: cannot write there ({error.strerror})") from error
        raise
    return sweep


def launch(
    runs: Path, ladder: Ladder, *, seed: int | None = None, jobs: int | None = None, device: str = "auto"
) -> Path:
    """Lays out a sweep of `ladder` in `runs` and starts its supervisor; returns the sweep's folder.

    `seed` is the one seed to train with; None stands for all of the ladder's.
    """
    sweep = lay_out(runs, ladder, seed, device)
    start_supervisor(sweep, jobs, device)
    return sweep


def resume(sweep: Path, *, jobs: int | None = None, device: str = "auto", run: str | None = None) -> SweepView:
    """Asks for a sweep (or one run of it) to go on, and starts a supervisor where none is alive.

    Raises:
        InputError: no such device; or nothing of it can be gone on with.
    """
    from scaling_tui.sweeps.devices import check_device

    check_device(device)
    view = glance(sweep)
    left = resumable(view)
    if not left or run not in (None, *left):
        raise InputError(f"sweep {view.name}: nothing to resume, {why_not(view, run)}")
    make_request(sweep, "resume", run)
    if not supervised(sweep):
        start_supervisor(sweep, jobs, device)
    return glance(sweep)


def resumable(sweep: SweepView) -> list[str]:
    """The runs that can be gone on with: not finished, nor diverged (they would see what they saw and diverge again),
    and none of a sweep that another trainer wrote."""
    if "ladder" not in sweep.document:
        return []
    return [run.name for run in sweep.runs if run.state not in ("finished", "diverged")]


def why_not(sweep: SweepView, run: str | None = None) -> str:
    """Why nothing of a sweep, or not the run asked for, can be gone on with, in words."""
    if "ladder" not in sweep.document:
        return "another trainer wrote it; want a sweep that 'scaling-tui run' began"
    diverged = [one.name for one in sweep.runs if one.state == "diverged" and run in (None, one.name)]
    if diverged:
        return f"{', '.join(diverged)} diverged and would again; want a new sweep with a lower lr"
    return f"{run or sweep.name} is finished"


def supervised(sweep: Path) -> bool:
    """Whether a supervisor is alive."""
    supervisors = numbered(sweep, "supervisor")
    status = Status.read(supervisors[-1][1] / "status.json") if supervisors else None
    return status is not None and status.derived() == "running"


def start_supervisor(sweep: Path, jobs: int | None, device: str) -> None:
    """Starts a detached supervisor and waits until it has reported.

    Raises:
        InputError: it did not come up; with its last words.
    """
    folder = claim(sweep, "supervisor")
    # -P: a queue.py in the folder that one stands in is not Python's.
    command = [sys.executable, "-P", "-m", "scaling_tui.sweeps.supervisor", str(folder), "--device", device]
    if jobs is not None:
        command += ["--jobs", str(jobs)]
    log = folder / "supervisor.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, close_fds=True
        )
    deadline = time.monotonic() + STARTS_WITHIN_S
    while not (folder / "status.json").exists():
        if process.poll() is not None or time.monotonic() > deadline:
            said = log.read_text(errors="replace").strip().splitlines()
            raise InputError(f"sweep {sweep.name}: its supervisor did not start ({said[-1] if said else 'no word'})")
        time.sleep(0.02)
