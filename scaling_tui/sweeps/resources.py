"""What a run asks a cluster for: CPUs and GPUs, whole ones or fractions, as its ladder or its rung says."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from scaling_tui import InputError
from scaling_tui.runs.config import known_keys

MOST = 100_000.0


@dataclass(frozen=True)
class Resources:
    """CPUs and GPUs of one worker; None leaves it to the device."""

    num_cpus: float | None = None
    num_gpus: float | None = None

    def __post_init__(self) -> None:
        for name in KEYS:
            value = getattr(self, name)
            if value is None:
                continue
            number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
            if not number or not 0 <= value <= MOST or (name == "num_cpus" and value == 0):
                least = "more than 0" if name == "num_cpus" else "0 or more"
                raise InputError(f"{name}: found {value!r}, want a number of {least}")
            if name == "num_gpus" and value > 1 and value != int(value):
                raise InputError(f"num_gpus: found {value!r}, want a whole number above 1")
            object.__setattr__(self, name, float(value))

    def over(self, others: "Resources") -> "Resources":
        """These, and where they say nothing `others`."""
        return replace(others, **{name: value for name in KEYS if (value := getattr(self, name)) is not None})

    def as_json(self) -> dict[str, float]:
        return {name: value for name in KEYS if (value := getattr(self, name)) is not None}


KEYS = tuple(item.name for item in fields(Resources))
UNSAID = Resources()


def resources_of(table: Any, where: str) -> Resources:
    """The resources that a table of a ladder names.

    Raises:
        InputError: it is no table, or has another key or a value that is no amount.
    """
    return Resources(**known_keys(table, Resources, where))


def recorded(document: Mapping[str, Any], rung: str) -> Resources:
    """What sweep.json says of a rung; nothing where it says nothing, or nothing that can be read."""
    named = document.get("resources")
    found = named.get(rung) if isinstance(named, dict) else None
    try:
        return resources_of(found, rung) if found else Resources()
    except InputError:
        return Resources()
