"""What this machine has for a sweep, and what a sweep would use, look by look."""

import dataclasses
import json
import os
import platform
import sys
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from scaling_tui.runs.storage import storage, write_speed
from scaling_tui.sweeps import schedulers
from scaling_tui.sweeps.answers import NoAnswerError, answer
from scaling_tui.sweeps.devices import driver, free_memory, gpus, has_gpu, hidden, kind_of
from scaling_tui.sweeps.limits import address_space, cores, memory
from scaling_tui.sweeps.looks import Look, in_background, not_found, unknown
from scaling_tui.sweeps.machine import installed, machine, versions
from scaling_tui.sweeps.placement import MOST_A_GPU, SMALL_PARAMETERS, WORKER_BYTES, at_a_time, places
from scaling_tui.sweeps.slots import Slots, told
from scaling_tui.sweeps.torch_here import how_to_get_torch
from scaling_tui.text import show

TORCH_S = 60.0  # from a cold network disk torch alone takes half a minute to load
TORCH_HANGS_S = 5.0  # without computing, reading or printing anything
LONGEST_S = 8.0  # for all looks together; they are taken at once
OF_TORCH = ("cpu", "devices", "torch", "bf16", "compile", "gloo", "nccl", "sweep")  # looks that may wait for torch
ELSEWHERE = "choose another folder with --runs or SCALING_TUI_RUNS"
LITTLE_FREE = 2e9  # bytes of disk
SLOW_BYTES_PER_S = 20e6
SLOW_RECORD_S = 0.1
OLDEST_BF16 = "Ampere (8.0)"

NO_GLOO = "processes cannot find each other: make sure that this host's name resolves, or set GLOO_SOCKET_IFNAME=lo"

PACKAGES = (
    "textual", "plotext", "safetensors", "matplotlib", "pyarrow", "transformers", "lightning", "tensorboard", "wandb",
    "zstandard", "ray", "submitit",
)  # fmt: skip

Found = dict[str, Any]


class Torch:
    """What torch says of this machine, asked at once in a process of its own."""

    def __init__(self) -> None:
        self._answers: Future[dict[str, Found]] = in_background(_asked)

    def __getitem__(self, look: str) -> Found:
        """What it found, or the `error`."""
        answers = self._answers.result()
        if look in answers:
            return answers[look]
        # One line tells what is wrong with torch itself; the others need not repeat it.
        return {"error": "torch does not answer"} if "error" in answers["torch"] else answers["end"]

    def answered(self, look: str) -> bool:
        """Whether torch got as far as this look, even if it failed."""
        return look in self._answers.result()

    def known(self, look: str) -> Found:
        """What it found; empty if that is unknown."""
        found = self[look]
        return {} if "error" in found else found


def _asked() -> dict[str, Found]:
    # -P: a torch.py in the current folder must not be taken for torch.
    command = [sys.executable, "-P", "-m", "scaling_tui.train.look"]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        said = answer(command, TORCH_S, environment, stalled=TORCH_HANGS_S)
        end = "the process that asks torch ended too early"
    except NoAnswerError as error:
        said, end = error.said, f"the process that asks torch {error.told}"
    answers: dict[str, Found] = {}
    for line in said.splitlines():
        try:
            told = json.loads(line)
            answers[told.pop("look")] = told
        except (ValueError, TypeError, KeyError, AttributeError):
            continue  # something else that a library printed
    answers["end"] = {"error": end}
    answers.setdefault("torch", answers["end"])
    return answers


def longest(look: str) -> float:
    """Seconds that a look may take: a few, or more if it asks torch, as long as torch makes progress."""
    return TORCH_S + LONGEST_S if look in OF_TORCH else LONGEST_S


def machine_looks(runs: Path) -> dict[str, Callable[[], Look]]:
    """The looks by name; `runs` is the folder of the sweeps."""
    torch = Torch()
    return {
        "cpu": lambda: cpu(torch),
        "memory": main_memory,
        "devices": lambda: devices(torch),
        "driver": gpu_driver,
        "torch": lambda: torch_itself(torch),
        "bf16": lambda: bf16(torch),
        "compile": lambda: compiling(torch),
        "gloo": lambda: gloo(torch),
        "nccl": lambda: nccl(torch),
        "storage": lambda: disk(runs),
        "storage_speed": lambda: disk_speed(runs),
        "ray": schedulers.ray,
        "slurm": schedulers.slurm,
        "versions": all_versions,
        "sweep": lambda: used(torch),
    }


def cpu(torch: Torch) -> Look:
    here = machine()
    instructions = torch.known("torch").get("cpu")
    says = f"{show.counted(cores(), 'core')} of {os.cpu_count() or '?'}, {here['processor']}"
    says += f"; torch uses {instructions}" if instructions else ""
    values = {"cores": cores(), "processor": here["processor"], "instructions": instructions}
    return Look(says, values=values)


def main_memory() -> Look:
    import psutil

    total = int(psutil.virtual_memory().total)
    usable, by_cgroup = memory()
    addresses = address_space()
    says = f"{show.memory(usable)} {'allowed by the cgroup' if by_cgroup else 'free'} of {show.memory(total)}"
    advice = []
    if addresses is not None:
        says += f"; 'ulimit -v' allows {show.memory(addresses)}"
    if min(usable, addresses or usable) < 2 * WORKER_BYTES:
        advice.append("a worker needs 150 MB besides its model: free some memory, or raise the limit")
    values = {"usable": usable, "total": total, "by_cgroup": by_cgroup, "address_space": addresses}
    return Look(says, values=values, advice=tuple(advice))


def devices(torch: Torch) -> Look:
    """The GPUs by the driver's files and by torch; these differ if something is wrong."""
    by_files = gpus()
    told_free = in_background(lambda: free_memory("cuda") if by_files else None)
    seen, asked = torch["gpus"], torch["device"]
    cards = seen.get("gpus", [])
    free = told_free.result() if cards else None
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    values = {"gpus": cards, "counted": len(by_files), "free": free, "CUDA_VISIBLE_DEVICES": visible}
    by_whom = f"CUDA_VISIBLE_DEVICES={visible}"
    if cards:
        says = _cards(cards) + (f"; at least {show.memory(free)} free" if free is not None else "")
        lost = len(by_files) - len(cards)
        advice = (f"torch sees {len(cards)} of {len(by_files)} GPUs: check the others with nvidia-smi",)
        says += f" ({by_whom})" if visible is not None else ""
        return Look(says, values=values, advice=advice if lost > 0 else ())
    if asked.get("device") == "mps":
        return Look("the GPU of this Mac (mps)", values=values)
    if not has_gpu():
        return not_found("no GPU", **values)
    if hidden(os.environ):
        return not_found(f"{by_whom} hides every GPU", "to train on a GPU, unset CUDA_VISIBLE_DEVICES", **values)
    return _unused(show.counted(len(by_files), "GPU") if by_files else "a GPU", seen, asked, values)


def _cards(cards: list[Found]) -> str:
    """The GPUs, grouped by kind: 2 × NVIDIA H100 80GB HBM3, 85.0 GB each."""
    kinds = [(card["name"], card["memory"]) for card in cards]
    return "; ".join(
        f"{kinds.count(kind)} × {kind[0]}, {show.memory(kind[1])}{' each' if kinds.count(kind) > 1 else ''}"
        for kind in dict.fromkeys(kinds)
    )


def _unused(counted: str, seen: Found, asked: Found, values: Found) -> Look:
    """GPUs that the driver sees and torch does not use."""
    fault = seen.get("error") or asked.get("error")
    if fault:
        return unknown(f"the driver sees {counted}, but torch does not answer: {fault}", **values)
    why = asked["why_no_gpu"]
    advice = "torch and the driver do not match: update the driver, or install a torch built for an older CUDA"
    if why == "torch is built for CPUs":
        advice = "install a torch built for CUDA or ROCm (pytorch.org/get-started); until then runs train on the CPU"
    return Look(f"the driver sees {counted}, but torch uses none: {why}", values=values, advice=(advice,))


def gpu_driver() -> Look:
    found = driver()
    if found:
        return Look(found, values={"driver": found})
    if has_gpu():
        return unknown("a GPU's device files are there, but no driver reports a version", driver=None)
    return not_found(driver=None)


def torch_itself(torch: Torch) -> Look:
    found = torch["torch"]
    if "error" not in found:
        return Look(f"{found['version']}, built for {found['built_for']}", values=found)
    if found.get("missing") == "torch":
        return not_found("not installed", f"training and traces need torch: {how_to_get_torch()}", version=None)
    version = installed(("torch",))["torch"]
    return unknown(found["error"], "try to load it: python -c 'import torch'", version=version)


def _of_torch(torch: Torch, look: str) -> tuple[Found, Look | None]:
    """What it found, and if that is an error, the look that says so."""
    found = torch[look]
    return found, unknown(found["error"]) if "error" in found else None


def bf16(torch: Torch) -> Look:
    found, fault = _of_torch(torch, "bf16")
    if fault:
        return fault
    if found["bf16"] is None:
        return not_found("only GPUs train in bfloat16; a CPU trains in float32", **found)
    if found["bf16"]:
        return Look("yes: GPUs train in bfloat16", values=found)
    return Look(
        "no: this GPU does not multiply in bfloat16", values=found,
        advice=(f"bfloat16 needs {OLDEST_BF16} or newer; this GPU emulates it slowly",),
    )  # fmt: skip


def compiling(torch: Torch) -> Look:
    found, fault = _of_torch(torch, "compile")
    if fault:
        return fault
    lacks = []
    if found["compiler"] is None:
        lacks.append("a C++ compiler (such as Debian's g++)")
    if not found["headers"]:
        lacks.append("Python.h (such as Debian's python3-dev)")
    if found["triton"] is False:
        lacks.append("Triton (pip install triton)")
    if lacks:
        what = " and ".join(lacks)
        return not_found(
            f"torch.compile lacks {what}",
            f"long runs would train faster with {what}, but they also train without",
            **found,
        )
    has = [Path(found["compiler"]).name, "Python.h"] + ["Triton"] * bool(found["triton"])
    return Look(f"all that torch.compile needs is there ({', '.join(has)}); long runs try it", values=found)


def gloo(torch: Torch) -> Look:
    found, fault = _of_torch(torch, "gloo")
    if fault:
        return dataclasses.replace(fault, advice=(NO_GLOO,)) if torch.answered("gloo") else fault
    return Look("works", values=found) if found["works"] else not_found("this torch is built without it", **found)


def nccl(torch: Torch) -> Look:
    found, fault = _of_torch(torch, "nccl")
    if fault:
        return fault
    if found["version"] is None:
        return not_found("this torch is built without it; GPUs need it, CPUs use gloo", **found)
    return Look(f"{found['version']}{', works' if found['works'] else '; no GPU to try it on'}", values=found)


def disk(runs: Path) -> Look:
    """Where the runs are, on what kind of disk, and how much is free."""
    try:
        found = storage(runs)
    except OSError as error:
        return unknown(show.fault(error), ELSEWHERE)
    kinds = {
        "local": "a local disk", "network": "a network disk", "memory": "main memory",
        "container": "a container's own layer", "unknown": "a disk of unknown kind",
    }  # fmt: skip
    says = f"{found.folder}{'' if found.exists else ' (not there yet)'}: {found.file_system or 'file system unknown'}, "
    says += f"{kinds[found.kind]}, {show.memory(found.free)} free"
    values = {
        "folder": str(found.folder), "exists": found.exists, "writable": found.writable, "kind": found.kind,
        "file_system": found.file_system or None, "mount": found.mount or None, "free": found.free,
        "total": found.total,
    }  # fmt: skip
    advice = []
    if not found.writable:
        advice.append(f"{found.nearest} cannot be written to: {ELSEWHERE}")
    if found.total and found.free < LITTLE_FREE:
        advice.append("the disk is nearly full: free some space, or choose another folder with --runs")
    if found.kind in ("memory", "container"):
        ends = "at the next boot" if found.kind == "memory" else "with the container"
        advice.append(f"runs there are gone {ends}: choose a folder on a disk with --runs or SCALING_TUI_RUNS")
    return Look(says, values=values, advice=tuple(advice))


def disk_speed(runs: Path) -> Look:
    """How fast the runs folder can be written to; not measured if it does not exist yet."""
    nothing = {"bytes_per_s": None, "record_s": None}
    if not runs.is_dir():
        return unknown("measured once the folder exists", **nothing)
    try:
        speed = write_speed(runs)
    except OSError as error:
        # The path is that of a temporary file, or none.
        return unknown(f"nothing can be written ({error.strerror or error})", ELSEWHERE, **nothing)
    if speed is None:
        return unknown("too little free space to measure it", **nothing)
    says = f"writes {show.memory(speed.bytes_per_s)}/s; a record is on disk after {1e3 * speed.record:.2g} ms"
    advice = []
    if speed.bytes_per_s < SLOW_BYTES_PER_S or speed.record > SLOW_RECORD_S:
        advice.append(
            "the disk is slow, or busy now: set fewer checkpoints in the ladder, or choose a faster disk with --runs"
        )
    return Look(says, values={"bytes_per_s": speed.bytes_per_s, "record_s": speed.record}, advice=tuple(advice))


def all_versions() -> Look:
    """Of this program, of Python and of the packages; those of extras may be missing."""
    found = {"python": platform.python_version(), **versions(), **installed(PACKAGES)}
    here = [f"{name} {version}" for name, version in found.items() if version != "not installed"]
    missing = [name for name, version in found.items() if version == "not installed"]
    says = ", ".join(here) + (f"; not installed: {', '.join(missing)}" if missing else "")
    values = {name: None if version == "not installed" else version for name, version in found.items()}
    return Look(says, values={**values, "system": machine()["system"]})


def used(torch: Torch) -> Look:
    """What a sweep that is launched now with no options would train on."""
    # Its slots are counted without torch; its workers then train on what torch finds.
    planned = kind_of("auto")
    slots, runs = places("auto"), at_a_time(None, "auto")
    device = torch.known("device").get("device") or planned
    each, alone = max(1, cores() // runs), cores()
    looking = Slots(make=False)
    try:
        held = looking.holders(slots)
    finally:
        looking.close()
    name = {"cpu": "the CPU", "cuda": "the GPU" if len(slots) == 1 else "the GPUs", "mps": "the Mac's GPU"}[device]
    says = f"{name}; {show.counted(runs, 'run')} at a time, in the {'slot' if len(slots) == 1 else 'slots'} "
    says += (
        f"{show.listed([slot.name for slot in slots], 8)}; {'up to ' * (each > 1)}{show.counted(each, 'thread')} each, "
    )
    says += f"up to {alone} for a run alone"
    if planned == "cuda":
        says += f"; up to {MOST_A_GPU} runs per GPU below {show.count(SMALL_PARAMETERS)} parameters"
    if held:
        says += f"; now {told(held)}"
    values = {
        "device": device, "jobs": runs, "slots": [slot.name for slot in slots], "threads": each,
        "threads_alone": alone,
        "held": [{"sweep": who.sweep, "pid": who.pid, "slots": what} for who, what in held.items()],
    }  # fmt: skip
    return Look(says, values=values)
