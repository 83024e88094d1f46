"""Machine load: processors, memory, and each NVIDIA GPU with those who hold it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import psutil

from scaling_tui.runs import SweepView
from scaling_tui.runs.format import Status, numbered
from scaling_tui.text import show
from scaling_tui.text.columns import columns

T = TypeVar("T")


@dataclass(frozen=True)
class Holder:
    """A process that holds memory of a GPU; None where the driver does not tell how many bytes."""

    pid: int
    memory: int | None


@dataclass(frozen=True)
class Gpu:
    """Busy share from 0 to 1, memory in bytes, °C, watts; None is what the driver does not tell of this GPU."""

    index: int
    name: str
    busy: float | None
    used: int | None
    memory: int | None
    temperature: float | None
    power: float | None
    most_power: float | None
    holders: tuple[Holder, ...]


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
    """Nothing where there is no GPU, no driver, or none that answers."""
    try:
        import pynvml  # of nvidia-ml-py; it loads the driver's library only when it is asked
    except ImportError:
        return
    library: Any = pynvml
    try:
        library.nvmlInit()
    except library.NVMLError:
        return
    try:
        for index in range(library.nvmlDeviceGetCount()):
            with suppress(library.NVMLError):  # one that fell off the bus hides no other
                yield _gpu(library, index)
    except library.NVMLError:
        return
    finally:
        with suppress(library.NVMLError):
            library.nvmlShutdown()


def _gpu(library: Any, index: int) -> Gpu:
    device = library.nvmlDeviceGetHandleByIndex(index)

    def told(ask: Callable[[], T]) -> T | None:
        """Not every GPU tells everything: one split into MIG devices has no utilisation, a small one no power."""
        try:
            return ask()
        except (library.NVMLError, AttributeError):  # the driver, or the library, is older than the question
            return None

    name = told(lambda: library.nvmlDeviceGetName(device)) or "GPU"
    memory = told(lambda: library.nvmlDeviceGetMemoryInfo(device))
    power = told(lambda: library.nvmlDeviceGetPowerUsage(device))
    most = told(lambda: library.nvmlDeviceGetEnforcedPowerLimit(device))
    busy = told(lambda: library.nvmlDeviceGetUtilizationRates(device).gpu)
    return Gpu(
        index=index,
        name=(name if isinstance(name, str) else name.decode(errors="replace")).removeprefix("NVIDIA "),
        busy=None if busy is None else busy / 100,
        used=memory and memory.used,
        memory=memory and memory.total,
        temperature=told(lambda: library.nvmlDeviceGetTemperature(device, library.NVML_TEMPERATURE_GPU)),
        power=None if power is None else power / 1000,
        most_power=None if most is None else most / 1000,
        holders=tuple(
            Holder(process.pid, process.usedGpuMemory)
            for process in told(lambda: library.nvmlDeviceGetComputeRunningProcesses(device)) or ()
        ),
    )


def workers_here(sweep: SweepView) -> dict[int, str]:
    """The runs of a sweep that train on this host, by the pid of their worker."""
    found = {}
    for run in sweep.runs:
        if run.state == "running":
            for _, attempt in numbered(run.path, "attempt")[-1:]:
                status = Status.read(attempt / "status.json")
                if status is not None and status.is_here:
                    found[status.pid] = run.name
    return found


def holder_name(pid: int, runs: Mapping[int, str]) -> str:
    """Who a process is: the run that it, or a process above it, trains; else its program, its user and its pid.

    Of a process that cannot be seen, in another container, only the pid is known.
    """
    try:
        process = psutil.Process(pid)
        for one in (process, *process.parents()):
            if one.pid in runs:
                return runs[one.pid]
        return f"{process.name()} of {process.username()} (pid {pid})"
    except (psutil.Error, OSError, KeyError):
        return runs.get(pid) or f"pid {pid}"


def load_text(sweep: SweepView | None) -> str:
    """The machine's load as it is now, with the runs of `sweep` by their names."""
    load, runs = read_load(), workers_here(sweep) if sweep else {}
    workers = sum(run.state == "running" for run in sweep.runs) if sweep else 0
    return machine_text(load, workers, lambda pid: holder_name(pid, runs))


def machine_text(load: Load, workers: int, names: Callable[[int], str]) -> str:
    """A line on processors and memory, and one per GPU; `names` tells who a process is."""
    busy = sum(load.cores) / max(1, len(load.cores))
    each = " ".join(show.percent(share) for share in load.cores) if len(load.cores) <= 8 else ""
    lines = [
        f"CPU {show.percent(busy)} of {len(load.cores)} cores{f' ({each})' if each else ''} · "
        f"memory {load.used / 1e9:.1f} of {load.memory / 1e9:.1f} GB · {show.counted(workers, 'worker')}"
    ]
    if load.gpus:
        lines.append(columns([_gpu_row(gpu, names) for gpu in load.gpus], numeric=range(2, 6)))
    return "\n".join(lines)


def _gpu_row(gpu: Gpu, names: Callable[[int], str]) -> list[str]:
    memory = "–" if gpu.used is None or gpu.memory is None else f"{gpu.used / 1e9:.1f} of {gpu.memory / 1e9:.1f} GB"
    power = "–" if gpu.power is None else f"{gpu.power:.0f} W"
    if gpu.power is not None and gpu.most_power:
        power = f"{gpu.power:.0f} of {gpu.most_power:.0f} W"
    warm = "–" if gpu.temperature is None else f"{gpu.temperature:.0f} °C"
    held = list(dict.fromkeys(names(holder.pid) for holder in gpu.holders))
    return [f"GPU {gpu.index}", gpu.name, show.percent(gpu.busy), memory, warm, power, show.listed(held, 3) or "free"]
