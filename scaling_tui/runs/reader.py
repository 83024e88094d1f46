"""Reads sweeps while others write them: all at once for a command, in steps for the app. It writes nothing."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scaling_tui import InputError
from scaling_tui.runs.curve import Array, Curve, Records, parse
from scaling_tui.runs.divergence import divergence, uniform_loss
from scaling_tui.runs.format import METRICS, RecordedPrediction, State, Status, numbered, read_json
from scaling_tui.runs.tail import Tail
from scaling_tui.runs.views import RunView, SweepView

STEP = METRICS.index("step")


@dataclass
class _ByteBudget:
    """Bytes of records that may still be read in one poll of a sweep."""

    left: float


class _AttemptReader:
    SAMPLES = 240
    ALWAYS_READ = 1 << 16  # unread bytes that are read beyond the budget: what a live run wrote since the last poll

    def __init__(self, path: Path, keep: int | None, last_bytes: int | None, breathe: Callable[[], None]) -> None:
        self.records, self._breathe = Records(keep), breathe
        self._tail = Tail(path / "metrics.jsonl", last_bytes)
        self._sampled: Array | None = None

    def poll(self, budget: _ByteBudget) -> bool:
        """Reads what is new, or what the budget allows and samples of the rest; returns whether anything changed."""
        changed, start, unread = False, self._tail.offset, self._tail.unread
        whole = unread <= budget.left + self.ALWAYS_READ
        if self._sampled is None and not whole:
            rows = parse(self._tail.sample(self.SAMPLES))
            sampled = Records()
            sampled.append(rows[np.argsort(rows[:, STEP], kind="stable")])
            self._sampled, changed = sampled.table, True
        for lines in self._tail.new_lines(None if whole else int(budget.left)):
            self.records.append(parse(lines))
            changed = True
            self._breathe()
        if whole:
            self._sampled = None
        budget.left = max(0, budget.left - (self._tail.offset - start))
        return changed

    @property
    def unread(self) -> int:
        """Bytes that are represented by samples so far."""
        return 0 if self._sampled is None else self._tail.unread

    @property
    def table(self) -> Array:
        """The records read, then samples of those not read yet."""
        read = self.records.table
        if self._sampled is None:
            return read
        reached = read[STEP, -1] if read.shape[1] else -math.inf
        return np.concatenate([read, self._sampled[:, self._sampled[STEP] > reached]], axis=1)


class _RunReader:
    """Keeps what it has read of a run, so that each poll costs only what is new."""

    def __init__(self, path: Path, keep: int | None, last_bytes: int | None, breathe: Callable[[], None]) -> None:
        self.path, self._keep, self._last_bytes, self._breathe = path, keep, last_bytes, breathe
        self._config: Mapping[str, Any] | None = None
        self._attempts: list[_AttemptReader] = []
        self._curve = Curve.of(Records().table)
        self._divergence: str | None = None  # of the curve as it is now; judged once the run is finished

    def poll(self, budget: _ByteBudget) -> RunView | None:
        if self._config is None:
            config = read_json(self.path / "run.json")
            if not isinstance(config, dict):
                return None
            self._config = _valid_config(config)
        folders = [path for _, path in numbered(self.path, "attempt")]
        known = len(self._attempts)
        for path in folders[known:]:
            self._attempts.append(_AttemptReader(path, self._keep, self._last_bytes, self._breathe))
        # Of the known attempts only the last two can have grown: the others were abandoned before the next was claimed.
        polled = [attempt for index, attempt in enumerate(self._attempts) if index >= known - 2 or attempt.unread]
        changed = [attempt.poll(budget) for attempt in polled]
        if any(changed):
            self._curve = self._joined()
            self._divergence = None
        status = Status.read(folders[-1] / "status.json") if folders else None
        state: State = status.derived() if status else "queued"
        reason = status.remark() if status else ""
        if state == "finished":
            if self._divergence is None:
                self._divergence = divergence(self._curve, uniform_loss(self._config))
            if self._divergence:
                state, reason = "diverged", self._divergence
        return RunView(
            name=self.path.name,
            path=self.path,
            config=self._config,
            state=state,
            reason=reason,
            attempts=len(folders),
            curve=self._curve,
            unread=sum(attempt.unread for attempt in polled),
        )

    def _joined(self) -> Curve:
        """The records of each attempt up to the checkpoint from which the next one resumed."""
        tables, until = [], math.inf
        for attempt in reversed(self._attempts):
            table = attempt.table
            own = np.flatnonzero(~(table[STEP] >= until))
            tables.append(table[:, : own[-1] + 1 if len(own) else 0])
            until = min(until, float(table[STEP, 0])) if table.shape[1] else until
        return Curve.of(tables[0] if len(tables) == 1 else np.concatenate(tables[::-1], axis=1))


class SweepReader:
    """Follows one sweep: each `poll` reads what was written since the last one and returns a complete new view.

    Args:
        path: of the sweep.
        keep: records of an attempt to keep in memory; None keeps all (see `curve.Records`).
        last_bytes: skip all but this many bytes at the end of each attempt's records.
        breathe: called about every millisecond of parsing, to let other threads run.
    """

    LOG_LINES = 200

    def __init__(
        self,
        path: Path,
        keep: int | None = None,
        last_bytes: int | None = None,
        breathe: Callable[[], None] = lambda: None,
    ) -> None:
        self.path, self._keep, self._last_bytes, self._breathe = path, keep, last_bytes, breathe
        self._document: Mapping[str, Any] | None = None
        self._runs: dict[str, _RunReader] = {}
        self._logs: dict[Path, Tail] = {}
        self._log: list[str] = []

    def poll(self, most: float = math.inf) -> SweepView:
        """The sweep as it stands, reading about `most` bytes of records, run after run.

        The view holds samples of the rest (`RunView.unread`). What a live run wrote since the last poll is always read.

        Raises:
            InputError: it has no sweep.json.
        """
        if self._document is None:
            document = read_json(self.path / "sweep.json")
            if not isinstance(document, dict):
                raise InputError(f"sweep {self.path}: sweep.json is missing or not JSON")
            self._document = _valid_document(document)
        for path in sorted(self.path.glob("*/run.json")):
            self._runs.setdefault(
                path.parent.name, _RunReader(path.parent, self._keep, self._last_bytes, self._breathe)
            )
        order = {name: index for index, name in enumerate(self._document.get("runs", []))}
        budget = _ByteBudget(most)
        runs = [view for reader in self._runs.values() if (view := reader.poll(budget))]
        runs.sort(key=lambda run: (order.get(run.name, len(order)), run.name))
        state, reason = self._state(runs)
        return SweepView(
            name=self.path.name,
            path=self.path,
            document=self._document,
            state=state,
            reason=reason,
            runs=tuple(runs),
            predictions=tuple(_predictions(self.path)),
            log=tuple(self._new_log()),
        )

    def _state(self, runs: list[RunView]) -> tuple[State, str]:
        """The supervisor's state; without a supervisor, as under another trainer, that of the runs together."""
        supervisors = numbered(self.path, "supervisor")
        status = Status.read(supervisors[-1][1] / "status.json") if supervisors else None
        if status is not None:
            return status.derived(), status.remark()
        states = {run.state for run in runs}
        for state in ("running", "lost", "failed", "diverged", "stopped"):
            if state in states:
                return state, ""
        return ("finished" if states == {"finished"} else "queued"), ""

    def _new_log(self) -> list[str]:
        """The last `LOG_LINES` lines of the supervisor's and the workers' logs, in order of time."""
        paths = [path / "supervisor.log" for _, path in numbered(self.path, "supervisor")]
        for run in self._runs.values():
            paths += [path / "worker.log" for _, path in numbered(run.path, "attempt")]
        for path in paths:
            tail = self._logs.setdefault(path, Tail(path))
            # Our lines start with their time. Those of a traceback do not, and stay in the file.
            for lines in tail.new_lines():
                self._log += [line.decode(errors="replace") for line in lines if line[:2] == b"20"]
        self._log = sorted(self._log)[-self.LOG_LINES :]
        return self._log


def _valid_config(config: dict[str, Any]) -> dict[str, Any]:
    """run.json without invalid numbers: other trainers write it too, and one bad file must not hide a sweep."""
    numbers = ("params", "non_embedding", "tokens", "flops", "seed")
    kept = {
        key: value
        for key, value in config.items()
        if key not in numbers or (isinstance(value, int | float) and 0 <= value < 1e60)
    }
    trunk = kept.get("trunk")
    wanted = {"run": str, "step": int, "tokens": int}
    if not isinstance(trunk, dict) or {key: type(value) for key, value in trunk.items()} != wanted:
        kept.pop("trunk", None)
    return kept


def _valid_document(document: dict[str, Any]) -> dict[str, Any]:
    """sweep.json without values of the wrong type, for the same reason."""
    kinds = {"fit": dict, "corpus": dict, "runs": list, "cases": dict}
    kept: dict[str, Any] = {key: value for key, value in document.items() if isinstance(value, kinds.get(key, object))}
    kept["runs"] = [name for name in kept.get("runs", []) if isinstance(name, str)]
    if corpus := kept.get("corpus"):
        named = {key: str(corpus.get(key) or "unknown") for key in ("name", "source", "sha256", "tokenizer")}
        kept["corpus"] = {**corpus, **named}
    return kept


def read_run(path: Path) -> RunView:
    """The run at `path` with all its records; no other run is read.

    Raises:
        InputError: it has no run.json.
    """
    run = _RunReader(path, None, None, lambda: None).poll(_ByteBudget(math.inf))
    if run is None:
        raise InputError(f"run {path}: run.json is missing or not JSON")
    return run


def read_sweep(path: Path) -> SweepView:
    """The sweep at `path` as it stands now."""
    return SweepReader(path).poll()


def _predictions(sweep: Path) -> Iterator[RecordedPrediction]:
    for lines in Tail(sweep / "predictions.jsonl").new_lines():
        for line in lines:
            try:
                document = json.loads(line)
            except ValueError:
                continue
            if isinstance(document, dict) and (prediction := RecordedPrediction.from_json(document)):
                yield prediction
