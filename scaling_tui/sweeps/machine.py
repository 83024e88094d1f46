"""What measurements depend on: this machine, and the versions that are installed on it."""

import platform
from collections.abc import Iterable
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
    """Those that measurements depend on."""
    return {"scaling-tui": __version__, **installed(("torch", "numpy", "tokenizers"))}


def installed(packages: Iterable[str]) -> dict[str, str]:
    """The version of each package, or "not installed"; none is imported."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
