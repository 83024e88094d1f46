"""Whether torch is there and can be loaded, without loading it into this process, and how to get it.

Everything but training and traces works without it. A torch that is there may still not load: a wheel for another CUDA,
a library that the system lacks. Only loading it tells, so that is done once for each installation, in a process of its
own, and what loaded once is taken to load again.
"""

import hashlib
import platform
import sys
from importlib.util import find_spec
from pathlib import Path

from scaling_tui import InputError
from scaling_tui.sweeps.answers import NoAnswerError, answer

LOADS_WITHIN_S = 60.0  # from a cold network disk it takes half a minute
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
ELSEWHERE = (
    f"pip install torch --index-url {CPU_INDEX} (for CPUs, 0.2 GB to download) or pip install torch (CUDA, 5.3 GB)"
)
_LOAD = (
    "try:\n    import torch\n    torch.empty(1)\n"
    "except Exception as error:\n    print(f'{type(error).__name__}: {error}')\n"
)


def how_to_get_torch() -> str:
    """The command that installs torch; on Linux and Windows that for CPUs and that for CUDA, with their sizes."""
    return "pip install torch (0.1 GB to download)" if platform.system() == "Darwin" else ELSEWHERE


def check_torch() -> None:
    """Raises InputError where torch is missing or cannot be loaded; the message says how to get it."""
    if "torch" in sys.modules and sys.modules["torch"] is not None:
        return
    try:
        spec = find_spec("torch")
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        raise InputError(f"torch: not installed, and training and traces need it; {how_to_get_torch()}")
    stamp = _stamp(Path(spec.origin)) if spec.origin else None
    if stamp is not None and stamp.exists():
        return
    try:
        # -P: a torch.py in the current folder must not be taken for torch.
        fault = answer([sys.executable, "-P", "-c", _LOAD], LOADS_WITHIN_S)
    except NoAnswerError as error:
        fault = f"loading it {error.told}"
    if fault:
        told = fault.splitlines()[0]
        raise InputError(f"torch: installed, but it cannot be loaded ({told}); install another: {how_to_get_torch()}")
    if stamp is not None:
        try:
            stamp.parent.mkdir(parents=True, exist_ok=True)
            stamp.touch()
        except OSError:
            return  # then it is loaded again the next time


def _stamp(torch: Path) -> Path | None:
    """The file that says that this torch was loaded by this Python; None where its version cannot be told."""
    from platformdirs import user_cache_path

    try:
        installed = torch.with_name("version.py").stat()
    except OSError:
        return None
    told = f"{sys.executable} {torch} {installed.st_mtime_ns} {installed.st_size}"
    key = hashlib.sha256(told.encode()).hexdigest()[:16]
    return user_cache_path("scaling-tui", appauthor=False) / "torch" / key
