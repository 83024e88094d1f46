"""Requests to a sweep: files, because a signal does not cross hosts. Nothing is deleted; the latest one counts."""

import time
from pathlib import Path
from typing import Literal

from scaling_tui.runs.format import read_json, write_json

Request = Literal["stop", "resume"]


def make_request(sweep: Path, request: Request, run: str | None = None) -> None:
    """Asks the supervisor and the workers of `sweep` to stop or resume: all runs, or one."""
    folder = sweep / "requests"
    folder.mkdir(exist_ok=True)
    write_json(folder / f"{time.time_ns():020d}.json", {"request": request, "run": run})


def latest_request(sweep: Path, run: str | None = None) -> Request | None:
    """The latest request that concerns `run` (or, without one, the whole sweep); None where nobody asked."""
    folder = sweep / "requests"
    try:
        names = sorted((path.name for path in folder.iterdir() if path.suffix == ".json"), reverse=True)
    except OSError:
        return None
    for name in names:
        found = read_json(folder / name)
        if isinstance(found, dict) and found.get("run") in (None, run):
            request = found.get("request")
            if request in ("stop", "resume"):
                return request  # type: ignore[no-any-return]
    return None
