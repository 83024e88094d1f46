"""Which device a run can be trained on here, told from names and device files: torch is never asked."""

import platform
import re
from pathlib import Path

from scaling_tui import InputError

# NVIDIA's driver, NVIDIA and AMD under WSL, AMD's driver (torch calls its GPUs cuda too).
GPU_FILES = ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/dxg", "/dev/kfd")
NVIDIA_GPUS = Path("/proc/driver/nvidia/gpus")


def has_gpu() -> bool:
    """Whether there is a GPU that torch would call cuda."""
    return any(Path(file).exists() for file in GPU_FILES)


def check_device(name: str) -> str:
    """`name`, if it can be a device of this machine.

    Raises:
        InputError: not the name of a device, or of one that this machine does not have.
    """
    if not re.fullmatch(r"auto|cpu|mps|cuda(:[0-9]{1,3})?", name):
        raise InputError(f"--device {name!r}: not a device; want auto, cpu, cuda, cuda:1 or mps")
    if name.startswith("cuda"):
        if not has_gpu():
            raise InputError(f"--device {name!r}: there is no GPU on this machine; want auto or cpu")
        there = len(list(NVIDIA_GPUS.iterdir())) if NVIDIA_GPUS.is_dir() else 0
        number = int(name.partition(":")[2] or 0)
        if there and number >= there:
            raise InputError(f"--device {name!r}: this machine has {there} GPUs; want cuda:0 to cuda:{there - 1}")
    if name == "mps" and platform.system() != "Darwin":
        raise InputError("--device 'mps': Apple's GPUs alone are called so; want auto or cpu")
    return name


def kind_of(name: str) -> str:
    """cpu, cuda or mps: what a run on the device `name` is trained on here, as the worker will choose it."""
    if name != "auto":
        return name.partition(":")[0]
    if has_gpu():
        return "cuda"
    return "mps" if (platform.system(), platform.machine()) == ("Darwin", "arm64") else "cpu"


def on_gpu(name: str) -> bool:
    """Whether a run on the device `name` has its weights on a GPU with memory of its own."""
    return kind_of(name) == "cuda"
