"""What measurements depend on: this machine, and the versions that are installed on it."""

import platform
from typing import Any

from scaling_tui import __version__
from scaling_tui.sweeps.limits import cores


def machine() -> dict[str, Any]:
    """What measurements on this machine depend on."""
    return {
        "host": platform.node(),
        "system": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cores": cores(),
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    installed = {"scaling-tui": __version__}
    for package in ("torch", "numpy", "tokenizers"):
        try:
            installed[package] = version(package)
        except PackageNotFoundError:
            installed[package] = "not installed"
    return installed
