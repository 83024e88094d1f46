"""Reads sweeps while others write them: whole for a command, in steps for the app. It writes nothing."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from scaling_tui import InputError
from scaling_tui.runs.config import Trunk
from scaling_tui.runs.curve import Array, Curve, Records, parse
from scaling_tui.runs.format import METRICS, RecordedPrediction, State, Status, numbered, read_json
from scaling_tui.runs.tail import Tail

STEP = METRICS.index("step")
STEADY_FROM = 5  # records of a speed


@dataclass(frozen=True)
class RunView:
    """One run as it stood when it was read. `config` is run.json, `unread` the bytes that `curve` has samples of."""

    name: str
    path: Path
    config: Mapping[str, Any]
    state: State
    reason: str
    attempts: int
    curve: Curve
    unread: int = 0

    @property
    def rung(self) -> str:
        return str(self.config.get("rung", self.name))

    @property
    def seed(self) -> int:
        return int(self.config.get("seed", 0))

    @property
    def params(self) -> int | None:
        return self.config.get("params")

    @property
    def non_embedding(self) -> int | None:
        return self.config.get("non_embedding")

    @property
    def tokens(self) -> int | None:
        """The tokens that the run is to train on; `curve.last("tokens")` is how many it has."""
        return self.config.get("tokens")

    @property
    def flops(self) -> float | None:
        return self.config.get("flops")

    @property
    def trunk(self) -> Trunk | None:
        """Where the run begins, if not with an untrained model."""
        found = self.config.get("trunk")
        return Trunk(**found) if found else None

    @property
    def cost(self) -> float | None:
        """FLOPs that the run itself is to spend: C without what it takes over from its trunk."""
        if self.flops is None or not self.tokens or self.trunk is None:
            return self.flops
        return self.flops * (1 - self.trunk.tokens / self.tokens)

    @property
    def loss(self) -> float | None:
        """The latest held-out loss in nats per token; without one, the mean of the last tenth of training losses."""
        held_out = self.curve.last("val_loss")
        if held_out is not None:
            return held_out
        return self.curve.tail_mean

    @property
    def progress(self) -> float:
        """The share of its tokens that the run has trained on, 0 to 1; of a branch, of those that are its own."""
        if self.state == "finished":
            return 1.0
        done, planned = self.curve.last("tokens"), self.tokens
        begun = self.trunk.tokens if self.trunk else 0
        return min(1.0, (done - begun) / (planned - begun)) if done and planned and planned > begun else 0.0

    @property
    def steady_speed(self) -> float | None:
        """Tokens a second: the median of the latest records; None until there are enough, the first steps being slow
        and a time left that is made from them, wrong by a factor."""
        speeds = self.curve["tokens_per_s"]
        recent = sorted(speeds[~np.isnan(speeds)][-STEADY_FROM:].tolist())
        return float(recent[len(recent) // 2]) if len(recent) == STEADY_FROM else None

    @property
    def seconds_left(self) -> float | None:
        """At the run's own steady speed; None where it is not running or that is not known yet."""
        speed, done = self.steady_speed, self.curve.last("tokens")
        if self.state != "running" or not speed or self.tokens is None or done is None:
            return None
        return max(0.0, (self.tokens - done) / speed)


@dataclass(frozen=True)
class SweepView:
    """A sweep as it stood when it was read. `document` is sweep.json."""

    name: str
    path: Path
    document: Mapping[str, Any]
    state: State
    reason: str
    runs: tuple[RunView, ...]
    predictions: tuple[RecordedPrediction, ...]
    log: tuple[str, ...] = field(repr=False, default=())

    def run(self, name: str) -> RunView | None:
        return next((run for run in self.runs if run.name == name), None)

    @property
    def unread(self) -> int:
        """Bytes of records of which the curves are samples so far."""
        return sum(run.unread for run in self.runs)

    @property
    def trains(self) -> bool:
        """Whether a supervisor or a worker is at it; workers outlive a supervisor that was killed."""
        return self.state == "running" or any(run.state == "running" for run in self.runs)

    @property
    def progress(self) -> float:
        """The share of the sweep's FLOPs (or, where they are not known, of its runs) that is done, 0 to 1."""
        weights = [run.cost or 0.0 for run in self.runs]
        if not all(weights):
            weights = [1.0] * len(self.runs)
        total = sum(weights)
        done = sum(weight * run.progress for weight, run in zip(weights, self.runs, strict=True))
        return done / total if total else 0.0

    @property
    def seconds_left(self) -> float | None:
        """What is left of the sweep's FLOPs at the rate at which its running runs do them; None where not known."""
        rate = left = 0.0
        for run in self.runs:
            if not run.flops or not run.cost or not run.tokens:
                return None
            left += run.cost * (1 - run.progress)
            if run.state == "running":
                rate += (run.steady_speed or 0.0) * run.flops / run.tokens
        return left / rate if rate else None


@dataclass
class _Allowance:
    """Bytes of records that may still be read at one look at a sweep."""

    left: float


class _AttemptReader:
    SAMPLES = 240
    LITTLE = 1 << 16  # unread bytes that are read at once, whatever is allowed: what a live run wrote since

    def __init__(self, path: Path, keep: int | None, last_bytes: int | None, breathe: Callable[[], None]) -> None:
        self.records, self._breathe = Records(keep), breathe
        self._tail = Tail(path / "metrics.jsonl", last_bytes)
        self._sampled: Array | None = None

    def poll(self, allowed: _Allowance) -> bool:
        """Reads what is new, or as much as is allowed and samples of the rest; whether there was anything."""
        changed, begun, unread = False, self._tail.offset, self._tail.unread
        whole = unread <= allowed.left + self.LITTLE
        if self._sampled is None and not whole:
            rows = parse(self._tail.sample(self.SAMPLES))
            sampled = Records()
            sampled.append(rows[np.argsort(rows[:, STEP], kind="stable")])
            self._sampled, changed = sampled.table, True
        for lines in self._tail.new_lines(None if whole else int(allowed.left)):
            self.records.append(parse(lines))
            changed = True
            self._breathe()
        if whole:
            self._sampled = None
        allowed.left = max(0, allowed.left - (self._tail.offset - begun))
        return changed

    @property
    def unread(self) -> int:
        """Bytes of which there are samples so far."""
        return 0 if self._sampled is None else self._tail.unread

    @property
    def table(self) -> Array:
        """What was read, and samples of what was not yet."""
        read = self.records.table
        if self._sampled is None:
            return read
        reached = read[STEP, -1] if read.shape[1] else -math.inf
        return np.concatenate([read, self._sampled[:, self._sampled[STEP] > reached]], axis=1)


class _RunReader:
    """Keeps what it has read of a run, so that each look costs only what is new."""

    def __init__(self, path: Path, keep: int | None, last_bytes: int | None, breathe: Callable[[], None]) -> None:
        self.path, self._keep, self._last_bytes, self._breathe = path, keep, last_bytes, breathe
        self._config: Mapping[str, Any] | None = None
        self._attempts: list[_AttemptReader] = []
        self._curve = Curve.of(Records().table)

    def poll(self, allowed: _Allowance) -> RunView | None:
        if self._config is None:
            found = read_json(self.path / "run.json")
            if not isinstance(found, dict):
                return None
            self._config = _with_numbers(found)
        folders = [path for _, path in numbered(self.path, "attempt")]
        known = len(self._attempts)
        for path in folders[known:]:
            self._attempts.append(_AttemptReader(path, self._keep, self._last_bytes, self._breathe))
        # Of those known only the last two can have grown: an older one was given up before the next was claimed.
        looked = [one for place, one in enumerate(self._attempts) if place >= known - 2 or one.unread]
        changed = [attempt.poll(allowed) for attempt in looked]
        if any(changed):
            self._curve = self._joined()
        status = Status.read(folders[-1] / "status.json") if folders else None
        return RunView(
            name=self.path.name,
            path=self.path,
            config=self._config,
            state=status.derived() if status else "queued",
            reason=status.reason if status else "",
            attempts=len(folders),
            curve=self._curve,
            unread=sum(attempt.unread for attempt in looked),
        )

    def _joined(self) -> Curve:
        """Each attempt's records up to where the next one took over: it began again from a checkpoint."""
        tables, until = [], math.inf
        for attempt in reversed(self._attempts):
            table = attempt.table
            own = np.flatnonzero(~(table[STEP] >= until))
            tables.append(table[:, : own[-1] + 1 if len(own) else 0])
            until = min(until, float(table[STEP, 0])) if table.shape[1] else until
        return Curve.of(tables[0] if len(tables) == 1 else np.concatenate(tables[::-1], axis=1))


class SweepReader:
    """Looks at one sweep again and again; each `poll` reads what came since and returns a whole new view.

    Args:
        path: of the sweep.
        keep: records of an attempt to keep in memory; None keeps all (see `curve.Records`).
        last_bytes: begin that far before the end of each attempt's records, enough to say how things stand.
        breathe: called between pieces of records, a millisecond of work each, for those that do other things meanwhile.
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
        """The sweep as it stands. With `most`, about so many bytes of records are read this time, run after run, and
        the view holds samples of the rest (`RunView.unread`); what a live run wrote since the last look is always read.

        Raises:
            InputError: it has no sweep.json.
        """
        if self._document is None:
            found = read_json(self.path / "sweep.json")
            if not isinstance(found, dict):
                raise InputError(f"sweep {self.path}: sweep.json is missing or not JSON")
            self._document = _with_tables(found)
        for path in sorted(self.path.glob("*/run.json")):
            self._runs.setdefault(
                path.parent.name, _RunReader(path.parent, self._keep, self._last_bytes, self._breathe)
            )
        order = {name: place for place, name in enumerate(self._document.get("runs", []))}
        allowed = _Allowance(most)
        runs = [view for reader in self._runs.values() if (view := reader.poll(allowed))]
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
        """The supervisor's own state; of a sweep without one (another trainer's), what its runs say together."""
        supervisors = numbered(self.path, "supervisor")
        status = Status.read(supervisors[-1][1] / "status.json") if supervisors else None
        if status is not None:
            return status.derived(), status.reason
        states = {run.state for run in runs}
        for state in ("running", "lost", "failed", "diverged", "stopped"):
            if state in states:
                return state, ""
        return ("finished" if states == {"finished"} else "queued"), ""

    def _new_log(self) -> list[str]:
        """The supervisor's log and the workers', the latest lines last."""
        paths = [path / "supervisor.log" for _, path in numbered(self.path, "supervisor")]
        for run in self._runs.values():
            paths += [path / "worker.log" for _, path in numbered(run.path, "attempt")]
        for path in paths:
            tail = self._logs.setdefault(path, Tail(path))
            # Lines begin with their time; others, of a traceback, are to be read in the file itself.
            for lines in tail.new_lines():
                self._log += [line.decode(errors="replace") for line in lines if line[:2] == b"20"]
        self._log = sorted(self._log)[-self.LOG_LINES :]
        return self._log


def _with_numbers(config: dict[str, Any]) -> dict[str, Any]:
    """run.json without the numbers that are none: other trainers write it too, and one bad file hides no sweep."""
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


def _with_tables(document: dict[str, Any]) -> dict[str, Any]:
    """sweep.json without what is not of its kind, for the same reason."""
    kinds = {"fit": dict, "corpus": dict, "runs": list, "cases": dict}
    kept: dict[str, Any] = {key: value for key, value in document.items() if isinstance(value, kinds.get(key, object))}
    kept["runs"] = [name for name in kept.get("runs", []) if isinstance(name, str)]
    if corpus := kept.get("corpus"):
        named = {key: str(corpus.get(key) or "unknown") for key in ("name", "source", "sha256", "tokenizer")}
        kept["corpus"] = {**corpus, **named}
    return kept


def read_run(path: Path) -> RunView:
    """The run at `path` with every record of its curve, and of no other run.

    Raises:
        InputError: it has no run.json.
    """
    run = _RunReader(path, None, None, lambda: None).poll(_Allowance(math.inf))
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
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict) and (prediction := RecordedPrediction.from_json(found)):
                yield prediction
