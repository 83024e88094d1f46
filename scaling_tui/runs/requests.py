"""Requests to a sweep: files, because a signal does not cross hosts. None is deleted; the latest one counts."""

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
class RecordedRequest:
    """A request on disk. `number` identifies it and grows with time."""

    request: Request
    number: int


def latest_request(sweep: Path, run: str | None = None) -> Request | None:
    """The latest request to `run` (without one, to the whole sweep); None where there is none."""
    recorded = latest_recorded_request(sweep, run)
    return recorded.request if recorded else None


def latest_recorded_request(sweep: Path, run: str | None = None) -> RecordedRequest | None:
    """The latest request to `run` (without one, to the whole sweep) with its number; None where there is none."""
    folder = sweep / "requests"
    try:
        names = sorted((path.name for path in folder.iterdir() if path.suffix == ".json"), reverse=True)
    except OSError:
        return None
    for name in names:
        document = read_json(folder / name)
        if isinstance(document, dict) and document.get("run") in (None, run):
            request, number = document.get("request"), name.removesuffix(".json")
            if request in ("stop", "resume") and number.isdecimal():
                return RecordedRequest(request, int(number))
    return None
