"""What torch can do on this machine: `python -m scaling_tui.train.look` prints a line of JSON for each look.

In a process of its own, because a driver may hang or crash it. Each line is printed before the next look begins, and
holds the `look` and what it found, or the `error`.
"""

import json
import os
import shutil
import sys
import sysconfig
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from scaling_tui.text import show

Found = dict[str, Any]


def torch_itself() -> Found:
    import torch

    built_for = f"CUDA {torch.version.cuda}" if torch.version.cuda else ""
    built_for = built_for or (f"ROCm {torch.version.hip}" if torch.version.hip else "CPUs")
    return {"version": torch.__version__, "built_for": built_for, "cpu": torch.backends.cpu.get_cpu_capability()}


def device() -> Found:
    """What a worker would train on, as it would find out."""
    from scaling_tui.train.worker import device_named

    return {"device": device_named("auto").type, "why_no_gpu": _why_no_gpu()}


def _why_no_gpu() -> str:
    import torch

    if torch.cuda.is_available():
        return ""
    if torch.version.cuda is None and torch.version.hip is None:
        return "torch is built for CPUs"
    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]
    except Exception as error:
        return show.fault(error)
    return "torch finds none"


def gpus() -> Found:
    """All that torch sees, with bytes of memory."""
    import torch

    found = []
    for number in range(torch.cuda.device_count()):
        card = torch.cuda.get_device_properties(number)
        found.append(
            {
                "device": f"cuda:{number}", "name": card.name, "memory": card.total_memory,
                "capability": f"{card.major}.{card.minor}",
            }
        )  # fmt: skip
    return {"gpus": found}


def bf16() -> Found:
    """Whether the GPU has products in bfloat16; None without a GPU."""
    import torch

    has = torch.cuda.is_available()
    return {"bf16": torch.cuda.is_bf16_supported(including_emulation=False) if has else None}


def compiling() -> Found:
    """What torch.compile needs beside torch; trying it would take up to a minute."""
    import torch

    named = os.environ.get("CXX")
    compiler = next(filter(None, map(shutil.which, [named] if named else ["g++", "clang++"])), None)
    on_gpu = torch.cuda.is_available()
    return {
        "compiler": compiler,
        "headers": Path(sysconfig.get_path("include"), "Python.h").exists(),
        "triton": find_spec("triton") is not None if on_gpu else None,
    }


def gloo() -> Found:
    import torch
    import torch.distributed as dist

    if not (dist.is_available() and dist.is_gloo_available()):
        return {"works": False}
    return {"works": _adds_up("gloo", torch.device("cpu"))}


def nccl() -> Found:
    import torch
    import torch.distributed as dist

    if not (dist.is_available() and dist.is_nccl_available()):
        return {"works": False, "version": None}
    version = ".".join(map(str, torch.cuda.nccl.version()))  # type: ignore[no-untyped-call]
    return {"works": torch.cuda.is_available() and _adds_up("nccl", torch.device("cuda", 0)), "version": version}


def _adds_up(backend: str, where: Any) -> bool:
    """Whether a group of one process does its work: most that fails, an interface or a library, fails here too."""
    import torch
    import torch.distributed as dist

    # HashStore keeps to this process: no port is opened.
    store = dist.HashStore()  # type: ignore[attr-defined]
    dist.init_process_group(backend, store=store, rank=0, world_size=1)
    try:
        one = torch.ones(1, device=where)
        dist.all_reduce(one)
        return one.item() == 1
    finally:
        dist.destroy_process_group()


LOOKS: dict[str, Callable[[], Found]] = {
    "torch": torch_itself, "device": device, "gpus": gpus, "bf16": bf16, "compile": compiling, "gloo": gloo,
    "nccl": nccl,
}  # fmt: skip


def main() -> int:
    for name, look in LOOKS.items():
        try:
            answer = look()
        except Exception as error:
            answer = {"error": show.fault(error), "missing": isinstance(error, ModuleNotFoundError) and error.name}
        print(json.dumps({"look": name, **answer}), flush=True)
        if name == "torch" and "error" in answer:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
