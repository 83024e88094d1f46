"""Machine load: processors, memory, and GPUs where NVIDIA's library is installed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psutil

from scaling_tui.text import show


@dataclass(frozen=True)
class Gpu:
    """Shares from 0 to 1, memory in bytes."""

    name: str
    busy: float
    used: float
    memory: float


@dataclass(frozen=True)
class Load:
    """`cores` are each processor's busy share since the last reading; memory in bytes."""

    cores: tuple[float, ...]
    used: float
    memory: float
    gpus: tuple[Gpu, ...]


def read_load() -> Load:
    """Reads the machine's load. The first reading has nothing to compare with and shows idle processors."""
    memory = psutil.virtual_memory()
    cores = tuple(share / 100 for share in psutil.cpu_percent(percpu=True))
    return Load(cores, memory.total - memory.available, memory.total, tuple(_gpus()))


def _gpus() -> Iterator[Gpu]:
    try:
        import pynvml  # NVIDIA's own; where it is not installed, no GPU is shown
    except ImportError:
        return
    library: Any = pynvml
    try:
        library.nvmlInit()
        for index in range(library.nvmlDeviceGetCount()):
            device = library.nvmlDeviceGetHandleByIndex(index)
            name, memory = library.nvmlDeviceGetName(device), library.nvmlDeviceGetMemoryInfo(device)
            busy = library.nvmlDeviceGetUtilizationRates(device).gpu / 100
            yield Gpu(name if isinstance(name, str) else name.decode(), busy, memory.used, memory.total)
    except library.NVMLError:
        return  # no driver, or one that does not answer


def machine_text(load: Load, workers: int) -> str:
    """A line on processors and memory, and one per GPU."""
    busy = sum(load.cores) / max(1, len(load.cores))
    each = " ".join(show.percent(share) for share in load.cores) if len(load.cores) <= 8 else ""
    lines = [
        f"CPU {show.percent(busy)} of {len(load.cores)} cores{f' ({each})' if each else ''} · "
        f"memory {load.used / 1e9:.1f} of {load.memory / 1e9:.1f} GB · {workers} workers"
    ]
    lines += [
        f"GPU {gpu.name} {show.percent(gpu.busy)} · memory {gpu.used / 1e9:.1f} of {gpu.memory / 1e9:.1f} GB"
        for gpu in load.gpus
    ]
    return "\n".join(lines)
