"""What a log does not say and its user does: `--columns`, `--set`, `--table`, and a run.json beside the log."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from scaling_tui import InputError
from scaling_tui.imports.metrics import facts_from
from scaling_tui.imports.source import MOST_RUNS
from scaling_tui.runs.format import read_json
from scaling_tui.runs.metrics import METRICS
from scaling_tui.text.files import read_text
from scaling_tui.text.numbers import read_quantity
from scaling_tui.text.suggest import did_you_mean

Facts = Mapping[str, float | str]
SETTABLE = ("params", "non_embedding", "tokens", "unique_tokens", "flops", "seed", "steps", "tokens_per_step")
COLUMNS = (*METRICS, "run", "state", "params", "non_embedding", "seed", "rung")


@dataclass(frozen=True)
class Given:
    """Names by metric, facts of every run, facts by run, and the bytes per token of the held-out text."""

    columns: Mapping[str, str] = field(default_factory=dict)
    facts: Facts = field(default_factory=dict)
    of_run: Mapping[str, Facts] = field(default_factory=dict)
    bytes_per_token: float | None = None

    @classmethod
    def from_json(cls, document: object) -> Self:
        """What `as_json` made; nothing of any other document."""
        found = document if isinstance(document, dict) else {}
        texts = {key: name for key, name in _table(found.get("columns")).items() if isinstance(name, str)}
        of_run = {run: _facts(facts) for run, facts in _table(found.get("of_run")).items()}
        per_token = found.get("bytes_per_token")
        return cls(
            {key: name for key, name in texts.items() if key in COLUMNS},
            _facts(found.get("facts")),
            of_run,
            float(per_token) if isinstance(per_token, int | float) and per_token > 0 else None,
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "columns": dict(self.columns),
            "facts": dict(self.facts),
            "of_run": {run: dict(facts) for run, facts in self.of_run.items()},
            "bytes_per_token": self.bytes_per_token,
        }

    def over(self, before: Self) -> "Given":
        """This, and where it says nothing what was given before."""
        of_run = {run: {**before.of_run.get(run, {}), **facts} for run, facts in self.of_run.items()}
        return Given(
            {**before.columns, **self.columns},
            {**before.facts, **self.facts},
            {**before.of_run, **of_run},
            before.bytes_per_token if self.bytes_per_token is None else self.bytes_per_token,
        )


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _facts(value: object) -> dict[str, float | str]:
    found = _table(value)
    numbers = {key: item for key, item in found.items() if key in SETTABLE and isinstance(item, int | float)}
    return numbers | {key: item for key, item in found.items() if key in ("rung", "state") and isinstance(item, str)}


def read_columns(text: str) -> dict[str, str]:
    """`loss=train/nll,step=it` as names by metric.

    Raises:
        InputError: no such metric, or one without a name.
    """
    columns = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, equals, name = part.partition("=")
        key, name = key.strip(), name.strip().strip("'\"")
        if not equals or not name:
            raise InputError(f"--columns: found {part!r}, want loss=NAME")
        if key not in COLUMNS:
            raise InputError(f"--columns: {key!r} is not known; {did_you_mean(key, COLUMNS)}")
        columns[key] = name
    return columns


def read_settings(texts: Sequence[str]) -> dict[str, float | str]:
    """`params=124M` and the like as facts.

    Raises:
        InputError: an unknown key, or no positive number.
    """
    facts: dict[str, float | str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not equals:
            raise InputError(f"--set: found {text!r}, want KEY=VALUE such as params=124M")
        if key not in SETTABLE:
            raise InputError(f"--set: {key!r} is not known; {did_you_mean(key, SETTABLE)}")
        facts[key] = _positive(read_quantity(value, what=f"--set {key}"), f"--set {key}", zero=key == "seed")
    return facts


def _positive(value: float, what: str, zero: bool = False) -> float:
    if not (math.isfinite(value) and (value > 0 or (zero and value == 0))):
        raise InputError(f"{what}: found {value:g}, want a positive number")
    return value


def read_table(path: Path) -> dict[str, dict[str, float | str]]:
    """The facts of each run of a CSV with a column `run`.

    Raises:
        InputError: it cannot be read, or has no column of runs.
    """
    text = read_text(path, "a CSV with run, params, tokens")
    lines = [line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")]
    delimiter = max(",;\t|", key=(lines[0] if lines else "").count)
    try:
        rows = list(csv.DictReader(io.StringIO("\n".join(lines)), delimiter=delimiter))
    except csv.Error as error:
        raise InputError(f"{path}: not CSV: {error}") from None
    found: dict[str, dict[str, float | str]] = {}
    for number, row in enumerate(rows[:MOST_RUNS], 1):
        facts = facts_from({str(key): value for key, value in row.items() if key is not None}, f"{path}: row {number}")
        run = facts.pop("run", "")
        if not run:
            raise InputError(f"{path}: row {number}: no run, want a column run that names it as its log does")
        found[str(run)] = {key: value for key, value in facts.items() if key in (*SETTABLE, "rung", "state")}
    return found


def beside(path: Path) -> Facts:
    """The facts of a run.json in the folder of a log, or in the log's folder itself; empty where there is none.

    Raises:
        InputError: two of its keys could be the same fact.
    """
    folder = path if path.is_dir() else path.parent
    document = read_json(folder / "run.json")
    if not isinstance(document, dict):
        return {}
    facts = facts_from(document, str(folder / "run.json"))
    return {key: value for key, value in facts.items() if key in (*SETTABLE, "rung", "state")}
