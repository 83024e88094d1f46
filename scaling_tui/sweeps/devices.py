"""Which devices a run can train on here, from names and device files alone, without importing torch."""

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
    """`name`, if this machine can have such a device.

    Raises:
        InputError: not the name of a device, or a device that this machine lacks.
    """
    if not re.fullmatch(r"auto|cpu|mps|cuda(:[0-9]{1,3})?", name):
        raise InputError(f"--device {name!r}: not a device; want auto, cpu, cuda, cuda:1 or mps")
    if name.startswith("cuda"):
        if not has_gpu():
            raise InputError(f"--device {name!r}: this machine has no GPU; want auto or cpu")
        gpus = len(list(NVIDIA_GPUS.iterdir())) if NVIDIA_GPUS.is_dir() else 0
        number = int(name.partition(":")[2] or 0)
        if gpus and number >= gpus:
            raise InputError(f"--device {name!r}: this machine has {gpus} GPUs; want cuda:0 to cuda:{gpus - 1}")
    if name == "mps" and platform.system() != "Darwin":
        raise InputError("--device 'mps': only Macs have it; want auto or cpu")
    return name


def kind_of(name: str) -> str:
    """cpu, cuda or mps: the kind of device that the worker will choose for `name` on this machine."""
    if name != "auto":
        return name.partition(":")[0]
    if has_gpu():
        return "cuda"
    return "mps" if (platform.system(), platform.machine()) == ("Darwin", "arm64") else "cpu"


def on_gpu(name: str) -> bool:
    """Whether a run on the device `name` keeps its weights in the memory of a GPU."""
    return kind_of(name) == "cuda"
