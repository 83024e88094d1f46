"""Starts sweeps: lays out the folder, then starts a supervisor that outlives the caller."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaling_tui import InputError
from scaling_tui.runs import SweepView, create_sweep, make_request
from scaling_tui.runs.config import RunConfig
from scaling_tui.runs.format import YIELDED, Status, is_running, numbered
from scaling_tui.runs.glance import glance
from scaling_tui.runs.liveness import last_statuses
from scaling_tui.runs.writer import write_run
from scaling_tui.sweeps.devices import kind_of
from scaling_tui.sweeps.engines import LOCAL, Where
from scaling_tui.sweeps.ladder import Ladder
from scaling_tui.sweeps.machine import machine, versions
from scaling_tui.sweeps.resources import Resources, recorded
from scaling_tui.sweeps.torch_here import check_torch
from scaling_tui.text.visible import visible

if TYPE_CHECKING:
    from scaling_tui.sweeps.estimate import Estimate
    from scaling_tui.sweeps.preflight import Checked

STARTS_WITHIN_S = 30.0  # it may first watch for 6 s whether another one is alive


def lay_out(
    runs: Path,
    ladder: Ladder,
    seed: int | None = None,
    device: str = "auto",
    jobs: int | None = None,
    per_gpu: int | None = None,
    checked: "Checked | None" = None,
    where: Where | None = None,
    name: str | None = None,
) -> Path:
    """Writes the sweep's folder with all its runs queued, and the options that it resumes with; returns it.

    Its `name` is that of the ladder, with a number where that is taken. `checked` is what `preflight.check_ladder`
    returned for this ladder and device; None has it checked here.

    Raises:
        InputError: the ladder cannot be trained on this machine, torch is missing here, the `name` that is given is
            taken or unusable, or `runs` cannot be written to. Nothing is left over.
    """
    from scaling_tui.data import tokenizer_sha256
    from scaling_tui.sweeps.estimate import estimate
    from scaling_tui.sweeps.preflight import check_ladder
    from scaling_tui.sweeps.speeds import evidence

    where = where or LOCAL
    if where.here:
        check_torch()
    checked = checked or check_ladder(ladder, device, jobs, here=where.here)
    read = checked.corpus
    seeds = ladder.seeds if seed is None else (seed,)
    estimated = estimate(
        ladder, evidence(runs, device), seeds=len(seeds), device=device, jobs=jobs, per_gpu=per_gpu,
        corpus_s=checked.seconds,
    )  # fmt: skip
    corpus: Mapping[str, Any] = {
        **asdict(ladder.corpus),
        "sha256": read.sha256,
        "source": read.source,
        "tokenizer_sha256": tokenizer_sha256(ladder.corpus),
        # Of a synthetic source: the least possible loss in nats per target and the best possible accuracy.
        "entropy": read.drawn_from.entropy if read.drawn_from else None,
        "ceiling": read.drawn_from.ceiling if read.drawn_from else None,
    }
    configs = [config for each in seeds for config in ladder.configs(each, corpus)]
    planned = {
        name: _without_rate(config)
        for name, config in configs
        if ladder.tune is not None and config.rung not in ladder.probes
    }
    sweep = create_sweep(
        runs,
        name or ladder.name,
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
            "data": asdict(checked.data),
            "runs": [name for name, _ in configs],
            "versions": versions(),
            # What other machines train tells nothing of the speed of this one.
            "machine": {**machine(), "device": kind_of(device) if where.here else where.on},
            **({"tune": asdict(ladder.tune) | {"probes": ladder.probes}, "planned": planned} if ladder.tune else {}),
            **({"resources": ladder.resources} if ladder.resources else {}),
            "launch": {
                "device": device,
                "jobs": jobs,
                "per_gpu": per_gpu,
                **({"at_a_time": estimated.at_a_time} if where.here else where.as_json()),
            },
            "estimate": _written(ladder, estimated) if where.here else None,
        },
        exactly=name is not None,
    )
    try:
        for run, config in configs:
            if run in planned:
                continue
            write_run(sweep / run, config.as_json())
    except BaseException as error:
        # A partial folder would be taken for a sweep and trained.
        shutil.rmtree(sweep, ignore_errors=True)
        if isinstance(error, OSError):
            raise InputError(f"runs folder {runs}: cannot be written to ({error.strerror})") from error
        raise
    return sweep


def _written(ladder: "Ladder", estimated: "Estimate") -> dict[str, Any] | None:
    """What of an estimate stands in sweep.json: nothing where it is more of a guess."""
    if not estimated.known:
        return None
    cases = {rung.case: round(seconds, 3) for rung, seconds in zip(ladder.rungs, estimated.seconds, strict=True)}
    return {"seconds": round(estimated.total, 1), "seconds_from": estimated.basis, "cases": cases}


def _without_rate(config: RunConfig) -> dict[str, Any]:
    document = config.as_json()
    return {**document, "training": {key: value for key, value in document["training"].items() if key != "lr"}}


def launch(
    runs: Path,
    ladder: Ladder,
    *,
    seed: int | None = None,
    jobs: int | None = None,
    device: str = "auto",
    per_gpu: int | None = None,
    checked: "Checked | None" = None,
    where: Where | None = None,
    name: str | None = None,
) -> Path:
    """Lays out a sweep of `ladder` in `runs` and starts its supervisor; returns the sweep's folder.

    `seed` is the only seed to train; None trains all seeds of the ladder. `checked` and `name` are as in `lay_out`.
    """
    sweep = lay_out(runs, ladder, seed, device, jobs, per_gpu, checked, where, name)
    start_supervisor(sweep, jobs, device, per_gpu, where)
    return sweep


def resume(
    sweep: Path,
    *,
    jobs: int | None = None,
    device: str | None = None,
    per_gpu: int | None = None,
    run: str | None = None,
    address: str = "",
    take_over: bool = False,
    gpus: int | None = None,
) -> SweepView:
    """Resumes a sweep, or one run of it, and starts a supervisor where none is alive.

    Without `jobs`, `device` and `per_gpu` those of the launch hold. It trains where it was launched on; a Ray cluster
    has to be named again, as `address` or in $RAY_ADDRESS. A copy of what may still train on another host is resumed
    only with `take_over`. With `gpus` so many processes train each run from now on.

    Raises:
        InputError: no such device, too few of them, no torch, nothing to resume, a cluster that nobody but the
            sweep's files names, or a copy.
    """
    from scaling_tui.sweeps.placement import check_gpus

    view = glance(sweep)
    check_copy(view, take_over)
    launched = launched_with(view)
    options = view.document.get("launch")
    said = options.get("on", "local") if isinstance(options, dict) else "local"
    if said != launched.where.on:
        raise InputError(f"sweep {view.name}: cannot follow where sweep.json says that it trains ({said!r:.100})")
    asked = {"--jobs": jobs, "--device": device, "--per-gpu": per_gpu, "--gpus": gpus}
    if (given := [option for option, value in asked.items() if value]) and supervised(sweep):
        raise InputError(f"sweep {view.name}: {' and '.join(given)} found while it trains; stop it first")
    jobs, device, per_gpu = jobs or launched.jobs, device or launched.device, per_gpu or launched.per_gpu
    launched.where.check_device(device)
    where = named_again(launched.where, address, view.name)
    candidates = resumable(view)
    if not candidates or run not in (None, *candidates):
        raise InputError(f"sweep {view.name}: nothing to resume, {why_not(view, run)}")
    for each in view.runs:
        if each.name not in (candidates if run is None else [run]):
            continue
        needed = Resources(gpus=gpus) if gpus else recorded(view.document, each.rung)
        try:
            needed.check((each.config.get("training") or {}).get("batch") or needed.processes)
            if launched.where.here:
                check_gpus(needed.processes, device)
        except InputError as error:
            raise InputError(f"run {each.name}: {error}") from error
    if launched.where.here:
        check_torch()
    make_request(sweep, "resume", run)
    if not supervised(sweep):
        start_supervisor(sweep, jobs, device, per_gpu, where, gpus)
    return glance(sweep)


def check_copy(view: SweepView, take_over: bool) -> None:
    """Raises InputError where the sweep is a copy of one that may still train elsewhere: two would write one history.

    `take_over` says that it does not train any more; a heartbeat of the last minute says that it does.
    """
    copy = view.copy
    if copy is None or not view.trains:
        return
    if not take_over:
        raise InputError(
            f"sweep {view.name}: a copy of a sweep {copy.says}; want '{copy.command('resume')}', or --take-over once "
            f"{copy.host} is gone for good"
        )
    statuses = last_statuses(view.path, (run.path for run in view.runs))
    if any(status.derived() == "running" for _, status in statuses):
        raise InputError(
            f"sweep {view.name}: a copy, and {copy.host} was training it less than a minute ago; stop it there first"
        )


def named_again(where: Where, address: str, sweep: str) -> Where:
    """Where to resume a sweep. What a cluster answers can run code here, so its address is not taken from a file.

    Raises:
        InputError: it trains on a Ray cluster that is named neither by `address` nor by $RAY_ADDRESS.
    """
    if not where.address:
        return where
    named = address or os.environ.get("RAY_ADDRESS", "")
    if not named:
        raise InputError(
            f"sweep {sweep}: trains on a Ray cluster; want --address, such as --address {visible(where.address)}"
        )
    return replace(where, address=named)


@dataclass(frozen=True)
class LaunchOptions:
    """The options of a launch that `resume` keeps; None was left to the machine."""

    device: str = "auto"
    jobs: int | None = None
    per_gpu: int | None = None
    where: Where = LOCAL


def launched_with(sweep: SweepView) -> LaunchOptions:
    """The options that the sweep was launched with, as far as its sweep.json tells them."""
    options = sweep.document.get("launch")
    found = options if isinstance(options, dict) else {}
    device = found.get("device")
    jobs, per_gpu = (
        value if isinstance(value := found.get(name), int) and not isinstance(value, bool) and value > 0 else None
        for name in ("jobs", "per_gpu")
    )
    return LaunchOptions(device if isinstance(device, str) else "auto", jobs, per_gpu, Where.recorded(found))


def resumable(sweep: SweepView) -> list[str]:
    """The runs that can be resumed: none of another trainer's sweep; of ours none that has finished or diverged.

    Nor one whose run.json cannot be read. A diverged run would see the same batches and diverge again.
    """
    if "ladder" not in sweep.document:
        return []
    return [run.name for run in sweep.runs if run.state not in ("finished", "diverged", "unreadable")]


def why_not(sweep: SweepView, run: str | None = None) -> str:
    """Why nothing in a sweep, or not `run`, can be resumed, in words."""
    if "ladder" not in sweep.document:
        return "another trainer wrote it; want a sweep of 'scaling-tui run'"
    diverged = [view.name for view in sweep.runs if view.state == "diverged" and run in (None, view.name)]
    if diverged:
        return f"{', '.join(diverged)} diverged and would diverge again; want a new sweep with a lower lr"
    unreadable = [view for view in sweep.runs if view.state == "unreadable" and run in (None, view.name)]
    if unreadable:
        return f"{unreadable[0].name} is unreadable: {unreadable[0].reason}"
    return f"{run or sweep.name} is finished"


def supervised(sweep: Path) -> bool:
    """Whether a supervisor is alive."""
    return any(is_running(path) for _, path in numbered(sweep, "supervisor"))


def start_supervisor(
    sweep: Path,
    jobs: int | None,
    device: str,
    per_gpu: int | None = None,
    where: Where | None = None,
    gpus: int | None = None,
) -> None:
    """Starts a detached supervisor and waits for its first status; one that finds another alive yields to it.

    Raises:
        InputError: it did not start; the message ends with the last line that it wrote. Nothing of it goes on.
    """
    # -P: a queue.py in the current folder must not shadow the standard library's.
    command = [sys.executable, "-P", "-m", "scaling_tui.sweeps.supervisor", str(sweep), "--device", device]
    if jobs is not None:
        command += ["--jobs", str(jobs)]
    if per_gpu is not None:
        command += ["--per-gpu", str(per_gpu)]
    if gpus is not None:
        command += ["--gpus", str(gpus)]
    if where is not None and not where.here:
        command += ["--where", json.dumps(where.as_json())]
    try:
        _start(command, sweep)
    except OSError as error:
        raise InputError(f"sweep {sweep.name}: its supervisor did not start ({error.strerror})") from error


def _start(command: list[str], sweep: Path) -> None:
    # What it says before it has a log of its own.
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, close_fds=True
        )
        deadline = time.monotonic() + STARTS_WITHIN_S
        while not _has_claimed(sweep, process.pid):
            status = process.poll()
            if status == YIELDED:
                return
            if status is not None or time.monotonic() > deadline:
                why = _kill(process) if status is None else ""
                output.seek(0)
                lines = output.read().decode(errors="replace").strip().splitlines()
                raise InputError(
                    f"sweep {sweep.name}: its supervisor did not start ({why or (lines[-1] if lines else 'no log')})"
                )
            time.sleep(0.02)


def _has_claimed(sweep: Path, pid: int) -> bool:
    claimed = numbered(sweep, "supervisor")[-2:]
    statuses = [Status.read(path / "status.json") for _, path in claimed]
    return any(status is not None and status.is_here and status.pid == pid for status in statuses)


def _kill(process: "subprocess.Popen[bytes]") -> str:
    """Kills a supervisor with the workers that it may have started; returns why, in words."""
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
    return f"no sign of life after {STARTS_WITHIN_S:.0f} s, so it was killed"
