"""Requests to a sweep: files, because a signal does not cross hosts. Nothing is deleted; the latest one counts."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from scaling_tui.runs.format import read_json, write_json

Request = Literal["stop", "resume"]


def make_request(sweep: Path, request: Request, run: str | None = None) -> None:
    """Asks the supervisor and the workers of `sweep` to stop or resume: all runs, or one."""
    folder = sweep / "requests"
    folder.mkdir(exist_ok=True)
    write_json(folder / f"{time.time_ns():020d}.json", {"request": request, "run": run})


@dataclass(frozen=True)
class Asked:
    """A request that was made; `number` tells it from any other, later ones are higher."""

    request: Request
    number: int


def latest_request(sweep: Path, run: str | None = None) -> Request | None:
    """What was asked last of `run` (or, without one, of the whole sweep); None where nobody asked."""
    found = latest_asked(sweep, run)
    return found.request if found else None


def latest_asked(sweep: Path, run: str | None = None) -> Asked | None:
    """The latest request that concerns `run` (or, without one, the whole sweep); None where nobody asked."""
    folder = sweep / "requests"
    try:
        names = sorted((path.name for path in folder.iterdir() if path.suffix == ".json"), reverse=True)
    except OSError:
        return None
    for name in names:
        found = read_json(folder / name)
        if isinstance(found, dict) and found.get("run") in (None, run):
            request, number = found.get("request"), name.removesuffix(".json")
            if request in ("stop", "resume") and number.isdecimal():
                return Asked(request, int(number))
    return None
