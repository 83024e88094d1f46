"""Starts sweeps: lays out the folder, then starts a supervisor that outlives the caller."""

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
    """What measurements on this machine depend on."""
    return {
        "host": platform.node(),
        "system": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cores": cores(),
        "python": platform.python_version(),
    }


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    installed = {"scaling-tui": __version__}
    for package in ("torch", "numpy", "tokenizers"):
        try:
            installed[package] = version(package)
        except PackageNotFoundError:
            installed[package] = "not installed"
    return installed


def lay_out(runs: Path, ladder: Ladder, seed: int | None = None, device: str = "auto") -> Path:
    """Writes the sweep's folder with all its runs queued; returns it.

    Raises:
        InputError: the ladder cannot be trained on this machine, or `runs` cannot be written to. Nothing is left over.
    """
    from scaling_tui.sweeps.preflight import check_ladder

    checked = check_ladder(ladder, device)
    corpus: Mapping[str, Any] = {
        **asdict(ladder.corpus),
        "sha256": checked.sha256,
        "source": checked.source,
        # Of a synthetic source: the least possible loss in nats per target and the best possible accuracy.
        "entropy": checked.drawn_from.entropy if checked.drawn_from else None,
        "ceiling": checked.drawn_from.ceiling if checked.drawn_from else None,
    }
    seeds = ladder.seeds if seed is None else (seed,)
    configs = [config for each in seeds for config in ladder.configs(each, corpus)]
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
        # A partial folder would be taken for a sweep and trained.
        shutil.rmtree(sweep, ignore_errors=True)
        if isinstance(error, OSError):
            raise InputError(f"runs folder {runs}: cannot be written to ({error.strerror})") from error
        raise
    return sweep


def launch(
    runs: Path, ladder: Ladder, *, seed: int | None = None, jobs: int | None = None, device: str = "auto"
) -> Path:
    """Lays out a sweep of `ladder` in `runs` and starts its supervisor; returns the sweep's folder.

    `seed` is the only seed to train; None trains all seeds of the ladder.
    """
    sweep = lay_out(runs, ladder, seed, device)
    start_supervisor(sweep, jobs, device)
    return sweep


def resume(sweep: Path, *, jobs: int | None = None, device: str = "auto", run: str | None = None) -> SweepView:
    """Resumes a sweep, or one run of it, and starts a supervisor where none is alive.

    Raises:
        InputError: no such device, or nothing to resume.
    """
    from scaling_tui.sweeps.devices import check_device

    check_device(device)
    view = glance(sweep)
    candidates = resumable(view)
    if not candidates or run not in (None, *candidates):
        raise InputError(f"sweep {view.name}: nothing to resume, {why_not(view, run)}")
    make_request(sweep, "resume", run)
    if not supervised(sweep):
        start_supervisor(sweep, jobs, device)
    return glance(sweep)


def resumable(sweep: SweepView) -> list[str]:
    """The runs that can be resumed: none of another trainer's sweep, and of ours none that finished or diverged.

    A diverged run would see the same batches and diverge again.
    """
    if "ladder" not in sweep.document:
        return []
    return [run.name for run in sweep.runs if run.state not in ("finished", "diverged")]


def why_not(sweep: SweepView, run: str | None = None) -> str:
    """Why nothing in a sweep, or not `run`, can be resumed, in words."""
    if "ladder" not in sweep.document:
        return "another trainer wrote it; want a sweep of 'scaling-tui run'"
    diverged = [view.name for view in sweep.runs if view.state == "diverged" and run in (None, view.name)]
    if diverged:
        return f"{', '.join(diverged)} diverged and would again; want a new sweep with a lower lr"
    return f"{run or sweep.name} is finished"


def supervised(sweep: Path) -> bool:
    """Whether a supervisor is alive."""
    supervisors = numbered(sweep, "supervisor")
    status = Status.read(supervisors[-1][1] / "status.json") if supervisors else None
    return status is not None and status.derived() == "running"


def start_supervisor(sweep: Path, jobs: int | None, device: str) -> None:
    """Starts a detached supervisor and waits for its first status.

    Raises:
        InputError: it did not start; the message ends with the last line of its log.
    """
    folder = claim(sweep, "supervisor")
    # -P: a queue.py in the current folder must not shadow the standard library's.
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
            lines = log.read_text(errors="replace").strip().splitlines()
            raise InputError(f"sweep {sweep.name}: its supervisor did not start ({lines[-1] if lines else 'no log'})")
        time.sleep(0.02)
