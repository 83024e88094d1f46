"""What a run trains on, as its ladder or its rung says: on how many GPUs at a time, and what it asks a cluster for."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from scaling_tui import InputError
from scaling_tui.runs.config import known_keys, whole

LEAST, MOST = 0.001, 100_000.0  # Ray counts in ten thousandths
MOST_GPUS = 128  # of one machine; a slot's locks are handed over in one message


@dataclass(frozen=True)
class Resources:
    """What a run gets; None leaves it to the device.

    Args:
        num_cpus: CPUs of each of its processes.
        num_gpus: GPUs of all of them; a fraction where runs share one.
        gpus: how many processes train it together, each on a GPU of its own, or on cores of its own.
    """

    num_cpus: float | None = None
    num_gpus: float | None = None
    gpus: int | None = None

    def __post_init__(self) -> None:
        for name in ("num_cpus", "num_gpus"):
            value = getattr(self, name)
            if value is None:
                continue
            number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
            none = name == "num_gpus" and value == 0
            if not number or not (none or LEAST <= value <= MOST):
                wanted = f"{'0, or ' if name == 'num_gpus' else ''}a number from {LEAST:g} to {MOST:,.0f}"
                raise InputError(f"{name}: found {value!r}, want {wanted}")
            if name == "num_gpus" and value > 1 and value != int(value):
                raise InputError(f"num_gpus: found {value!r}, want a whole number if above 1")
            object.__setattr__(self, name, float(value))
        if self.gpus is None:
            return
        gpus = whole(self.gpus)
        if not isinstance(gpus, int) or isinstance(gpus, bool) or not 1 <= gpus <= MOST_GPUS:
            raise InputError(f"gpus: found {self.gpus!r}, want a whole number from 1 to {MOST_GPUS}")
        object.__setattr__(self, "gpus", gpus)

    def over(self, others: "Resources") -> "Resources":
        """These, and where they say nothing `others`."""
        return replace(others, **{name: value for name in KEYS if (value := getattr(self, name)) is not None})

    @property
    def processes(self) -> int:
        """How many train the run together."""
        return self.gpus or 1

    def in_all(self) -> "Resources":
        """What a slot for all the processes holds, once it is known what one of them gets."""
        if self.processes == 1:
            return self
        cpus, gpus = (self.num_cpus or 1.0) * self.processes, float(self.processes) if self.num_gpus else 0.0
        return replace(self, num_cpus=cpus, num_gpus=gpus)

    def check(self, batch: int) -> None:
        """Checks whether the processes can share out a batch, and whether `num_gpus` agrees with their number.

        Raises:
            InputError: no.
        """
        if batch % self.processes:
            raise InputError(f"batch: found {batch} with gpus {self.gpus}, want a multiple of {self.gpus}")
        if self.gpus is None or self.num_gpus is None or max(self.num_gpus, self.gpus) <= 1:
            return
        if self.num_gpus != self.gpus:
            found = f"found {self.num_gpus:g} with gpus {self.gpus}"
            raise InputError(f"num_gpus: {found}, want {self.gpus}, or only one of the two keys")

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


def with_gpus(document: Mapping[str, Any], rungs: Iterable[str], gpus: int | None) -> dict[str, Any]:
    """What sweep.json says, but with so many processes for each run of these rungs; None leaves it as it is."""
    if gpus is None:
        return dict(document)
    named = {rung: Resources(recorded(document, rung).num_cpus, gpus=gpus).as_json() for rung in rungs}
    return {**document, "resources": named}


def recorded(document: Mapping[str, Any], rung: str) -> Resources:
    """What sweep.json says of a rung; nothing where it says nothing, or nothing that can be read."""
    named = document.get("resources")
    found = named.get(rung) if isinstance(named, dict) else None
    try:
        return resources_of(found, rung) if found else Resources()
    except InputError:
        return Resources()
