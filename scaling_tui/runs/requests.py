"""Requests to a sweep: files, because a signal does not cross hosts. None is deleted; the latest one counts.

Their order is that of their numbers, each above all that are there. The time would not do: clocks are set back.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from scaling_tui import InputError
from scaling_tui.runs.format import read_json
from scaling_tui.runs.liveness import copy_of

Request = Literal["stop", "resume"]
AnyRequest = Literal["stop", "resume", "next"]  # the last only moves a run to the front of the queue


def make_request(sweep: Path, request: AnyRequest, run: str | None = None) -> None:
    """Asks the supervisor and the workers of `sweep` to stop or resume: all runs, or one; or to train one next.

    Raises:
        InputError: to steer what trains elsewhere, in a copy of its folder, out of which no request comes; or the
            folder cannot be written to, and nothing was asked.
    """
    if request != "resume" and (copy := copy_of(sweep)) is not None:
        raise InputError(
            f"sweep {sweep.name}: a copy, from which requests do not reach {copy.host}; want '{copy.command(request)}'"
        )
    line = json.dumps({"request": request, "run": run}, ensure_ascii=False).encode() + b"\n"
    try:
        _write(sweep / "requests", line)
    except OSError as error:
        raise InputError(f"sweep {sweep.name}: cannot be written to ({error.strerror}); nothing was asked") from error


def _write(folder: Path, line: bytes) -> None:
    folder.mkdir(exist_ok=True)
    number = 1 + max(_numbers(folder), default=0)
    while True:
        try:
            # Exclusive: of two requests at once the second gets the next number. A reader passes over an empty file.
            descriptor = os.open(folder / f"{number:020d}.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            break
        except FileExistsError:
            number += 1
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(line)
    except OSError:
        (folder / f"{number:020d}.json").unlink(missing_ok=True)
        raise


@dataclass(frozen=True)
class RecordedRequest:
    """A request on disk. `number` identifies it; a later one has a higher number."""

    request: Request
    number: int


def latest_request(sweep: Path, run: str | None = None) -> Request | None:
    """The latest request to `run` (without one, to the whole sweep); None where there is none."""
    recorded = latest_recorded_request(sweep, run)
    return recorded.request if recorded else None


def latest_recorded_request(sweep: Path, run: str | None = None) -> RecordedRequest | None:
    """The latest request to `run` (without one, to the whole sweep) with its number; None where there is none."""
    names = _numbers(sweep / "requests")
    for number in sorted(names, reverse=True):
        document = read_json(sweep / "requests" / names[number])
        if isinstance(document, dict) and document.get("run") in (None, run):
            request = document.get("request")
            if request in ("stop", "resume"):
                return RecordedRequest(request, number)
    return None


def latest_requests(sweep: Path, runs: Iterable[str]) -> dict[str, RecordedRequest]:
    """The latest request to each of `runs` that has any; each file is read once, however many runs there are."""
    left, found = set(runs), dict[str, RecordedRequest]()
    names = _numbers(sweep / "requests")
    for number in sorted(names, reverse=True):
        if not left:
            break
        document = read_json(sweep / "requests" / names[number])
        request = document.get("request") if isinstance(document, dict) else None
        if request not in ("stop", "resume"):
            continue
        run = document.get("run")
        reached = left if run is None else left & {run} if isinstance(run, str) else set()
        found |= dict.fromkeys(reached, RecordedRequest(request, number))
        left = left - reached
    return found


def moved_up(sweep: Path) -> dict[str, int]:
    """The runs that were asked to train next, with the number of the latest such request: the highest trains first."""
    names = _numbers(sweep / "requests")
    found: dict[str, int] = {}
    for number in sorted(names):
        document = read_json(sweep / "requests" / names[number])
        if isinstance(document, dict) and document.get("request") == "next" and isinstance(document.get("run"), str):
            found[document["run"]] = number
    return found


def _numbers(folder: Path) -> dict[int, str]:
    """The names of the requests in `folder` by their numbers; earlier versions numbered them by time in ns."""
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError:
        return {}
    stems = {name: name.removesuffix(".json") for name in names if name.endswith(".json")}
    return {int(stem): name for name, stem in stems.items() if stem.isascii() and stem.isdecimal()}
