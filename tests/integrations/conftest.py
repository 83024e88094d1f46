"""Libraries of other trainers: a test of one is skipped where it is not installed, unless CI was to install it."""

import importlib
import os
from pathlib import Path
from types import ModuleType

import pytest
import tomli

ROOT = Path(__file__).parents[2]


def library(name: str) -> ModuleType:
    """The library called `name`; without it the test or module that asks is skipped."""
    dev = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]["dev"]
    if os.environ.get("CI") == "true" and any(entry.startswith(name) for entry in dev):
        return importlib.import_module(name)
    found: ModuleType = pytest.importorskip(name)
    return found


def example(heading: str) -> str:
    """The Python example under a heading of docs/trainers.md."""
    section = (ROOT / "docs" / "trainers.md").read_text(encoding="utf-8").split(f"## {heading}\n")[1]
    return section.split("```python\n")[1].split("```")[0]
