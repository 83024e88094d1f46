"""A finished sweep of quickstart, recorded without its checkpoints: what the commands in README and docs are shown on.

`python docs/recorded.py SWEEP` records the folder of a sweep in docs/quickstart.zip. Of the training losses every
tenth record is kept, and names of hosts and folders are left out. All figures that `attach` and `fit` print stay.
"""

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

ARCHIVE = Path(__file__).parent / "quickstart.zip"
KEPT = ("sweep.json", "predictions.jsonl", "run.json", "metrics.jsonl", "status.json", "engine.json")
EVERY = 10
PRIVATE = {"host": "box", "hostname": "box", "folder": "", "incarnation": "", "pid": 0, "inode": 0}
THEN = (2026, 1, 1, 0, 0, 0)  # the same bytes whenever it is recorded


def anonymous(value: Any) -> Any:
    """A document without what tells whose machine it was."""
    if isinstance(value, dict):
        return {key: PRIVATE.get(key, anonymous(item)) for key, item in value.items()}
    return [anonymous(item) for item in value] if isinstance(value, list) else value


def thinned(lines: list[str]) -> list[str]:
    """Every evaluation, the last tenth of the records, and a tenth of the others."""
    tail = len(lines) - len(lines) // 10 - 1
    return [line for n, line in enumerate(lines) if n % EVERY == 0 or n >= tail or "val_loss" in line]


def record(sweep: Path) -> None:
    with zipfile.ZipFile(ARCHIVE, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(sweep.rglob("*.json*")):
            inside = path.relative_to(sweep)
            if path.name not in KEPT or any(part.startswith("checkpoint-") for part in inside.parts):
                continue
            text = path.read_text(encoding="utf-8")
            if path.suffix == ".jsonl":
                lines = text.splitlines()
                lines = thinned(lines) if path.name == "metrics.jsonl" else lines
                text = "".join(json.dumps(anonymous(json.loads(line))) + "\n" for line in lines)
            else:
                text = json.dumps(anonymous(json.loads(text)), indent=1) + "\n"
            archive.writestr(zipfile.ZipInfo(str(inside), THEN), text, zipfile.ZIP_DEFLATED)


def unpack(runs: Path) -> Path:
    """The recorded sweep as RUNS/quickstart."""
    sweep = runs / "quickstart"
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(sweep)
    return sweep


if __name__ == "__main__":
    record(Path(sys.argv[1]))
