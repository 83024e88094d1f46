"""Which devices a run can train on here, from names and device files alone, without importing torch."""

import os
import platform
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from scaling_tui import InputError
from scaling_tui.sweeps.answers import answer

# NVIDIA's driver, NVIDIA and AMD under WSL, AMD's driver (torch calls its GPUs cuda too).
GPU_FILES = ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/dxg", "/dev/kfd")
NVIDIA_GPUS = Path("/proc/driver/nvidia/gpus")
NVIDIA_FILES = Path("/dev")
NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")
AMD_DRIVER = Path("/sys/module/amdgpu/version")
SMI_S = 4.0  # the driver takes seconds to wake where no process keeps it awake


def has_gpu() -> bool:
    """Whether there is a GPU that torch would call cuda."""
    return any(Path(file).exists() for file in GPU_FILES)


def built_for_cpus() -> bool:
    """Whether the torch that is installed can use no GPU, by the file that says what it was built for.

    False where there is no such file: then only torch itself can tell.
    """
    from importlib.util import find_spec

    try:
        spec = find_spec("torch")
    except (ImportError, ValueError):
        return False
    told = _told(Path(spec.origin).with_name("version.py")) if spec is not None and spec.origin else ""
    builds = re.findall(r"^(?:cuda|hip)\b[^=\n]*=\s*(\S+)", told, re.MULTILINE)
    return bool(builds) and all(build == "None" for build in builds)


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
        if built_for_cpus():
            raise InputError(f"--device {name!r}: the torch here is built for CPUs; want auto or cpu, or another torch")
        found, number = len(gpus()), int(name.partition(":")[2] or 0)
        if not found and hidden(os.environ):
            raise InputError(f"--device {name!r}: CUDA_VISIBLE_DEVICES hides every GPU; want auto or cpu")
        if found and number >= found:
            have = f"{found} GPU{'s' * (found > 1)}"
            want = "cuda:0" if found == 1 else f"cuda:0 to cuda:{found - 1}"
            raise InputError(f"--device {name!r}: this machine has {have}; want {want}")
    if name == "mps" and platform.system() != "Darwin":
        raise InputError("--device 'mps': only Macs have it; want auto or cpu")
    return name


def kind_of(name: str) -> str:
    """cpu, cuda or mps: the kind of device that the worker will choose for `name` on this machine."""
    if name != "auto":
        return name.partition(":")[0]
    if has_gpu() and not hidden(os.environ) and not built_for_cpus():
        return "cuda"
    return "mps" if (platform.system(), platform.machine()) == ("Darwin", "arm64") else "cpu"


def on_gpu(name: str) -> bool:
    """Whether a run on the device `name` keeps its weights in the memory of a GPU."""
    return kind_of(name) == "cuda"


def gpus() -> list[str]:
    """The GPUs that torch would call cuda:0, cuda:1 …, each by a name that every process gives it.

    That is the driver's number of it, or a UUID from `CUDA_VISIBLE_DEVICES`. Empty where they cannot be counted, as
    AMD's.
    """
    identities = _identities()
    return visible_gpus(len(identities), os.environ, identities)


def visible_gpus(count: int, environment: Mapping[str, str], uuids: Sequence[str] = ()) -> list[str]:
    """The GPUs of `count` that `CUDA_VISIBLE_DEVICES` leaves, in its order; an entry that fits none ends it.

    A UUID, or the beginning of one, becomes the number of the GPU among `uuids`; a part of a GPU (MIG) stays as it is.
    """
    names = environment.get("CUDA_VISIBLE_DEVICES")
    if names is None:
        return [str(number) for number in range(count)]
    found: list[str] = []
    for name in (entry.strip() for entry in names.split(",")):
        if name.isascii() and name.isdecimal():
            own = str(int(name)) if int(name) < count else ""
        elif re.fullmatch(r"GPU-[0-9a-f-]+", name):
            own = next((str(number) for number, uuid in enumerate(uuids) if uuid.startswith(name)), "")
            own = own or ("" if any(uuids) else name)
        else:
            own = name if re.fullmatch(r"MIG-[0-9A-Za-z-]+", name) else ""
        if not own or own in found:
            break
        found.append(own)
    return found


def hidden(environment: Mapping[str, str]) -> bool:
    """Whether `CUDA_VISIBLE_DEVICES` leaves no GPU at all, as "" and "-1" do."""
    return environment.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1")


def _identities() -> list[str]:
    """The UUID of each NVIDIA GPU in the driver's order, "" where it is not told; empty without any."""
    try:
        folders = sorted(NVIDIA_GPUS.iterdir())
    except OSError:
        folders = []
    if folders:
        return [_uuid(folder / "information") for folder in folders]
    numbered = [path for path in NVIDIA_FILES.glob("nvidia[0-9]*") if path.name.removeprefix("nvidia").isdecimal()]
    return [""] * len(numbered) or (_smi_uuids() if has_gpu() else [])


def _uuid(path: Path) -> str:
    found = re.search(r"GPU UUID:\s*(GPU-[0-9a-f-]+)", _told(path))
    return found[1] if found else ""


@cache
def _smi_uuids() -> list[str]:
    return re.findall(r"^GPU \d+:.*?(GPU-[0-9a-f-]+)", _smi("-L"), re.MULTILINE)


def driver() -> str:
    """The driver of the GPUs with its version, such as "NVIDIA 550.54.15"; "" where none is found."""
    if found := re.search(r"^NVRM version:.*?\s(\d+\.[\d.]+)\s", _told(NVIDIA_DRIVER), re.MULTILINE):
        return f"NVIDIA {found[1]}"
    if found := re.match(r"\d+\.[\d.]+", _smi("--query-gpu=driver_version", "--format=csv,noheader")):
        return f"NVIDIA {found[0]}"
    if Path("/dev/kfd").exists():
        return f"amdgpu {_told(AMD_DRIVER).strip() or '(part of the kernel)'}"
    return ""


def _told(path: Path) -> str:
    """What a file of the system says; "" where there is none."""
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _smi(*arguments: str) -> str:
    """What `nvidia-smi` says; "" where there is none or it fails."""
    try:
        return answer(["nvidia-smi", *arguments], SMI_S)
    except OSError:
        return ""


def free_memory(device: str) -> int | None:
    """Bytes free on the fullest GPU of `device`, by the driver; None where it does not tell."""
    told = _smi("--query-gpu=index,memory.free", "--format=csv,noheader,nounits")
    free = {number: int(mib) << 20 for number, mib in re.findall(r"^(\d+), (\d+)$", told, re.MULTILINE)}
    names = gpus()
    if ":" in device:
        names = names[int(device.partition(":")[2]) :][:1]
    known = [free[name] for name in names if name in free]
    return min(known) if len(known) == len(names) and known else None
