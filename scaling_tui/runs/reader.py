"""Reads sweeps while others write them: all at once for a command, in steps for the app. It writes nothing."""

import math
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from scaling_tui import InputError
from scaling_tui.runs import schema
from scaling_tui.runs.curve import OTHER_COLUMNS, Array, Curve, Records, parse
from scaling_tui.runs.divergence import divergence, uniform_loss
from scaling_tui.runs.fence import Fence, fences_of
from scaling_tui.runs.format import LOST_AFTER_S, State, Status, numbered
from scaling_tui.runs.labels import read_labels
from scaling_tui.runs.liveness import Liveness
from scaling_tui.runs.metrics import LONGEST_NAME, METRICS, MOST_OTHERS
from scaling_tui.runs.tail import Tail
from scaling_tui.runs.views import RunView, SweepView
from scaling_tui.text import show
from scaling_tui.text.files import as_path, opened

STEP = METRICS.index("step")
MOMENT = len("2026-11-22 16:00:00")  # before a line of a log
ENOUGH = 0.99  # of the planned tokens: a last step may be left out
OTHER_STEP, RECORD = OTHER_COLUMNS.index("step"), OTHER_COLUMNS.index("record")
Record = TypeVar("Record")


@dataclass
class _ByteBudget:
    """Bytes of records that may still be read in one poll of a sweep."""

    left: float


class _AttemptReader:
    SAMPLES = 240
    OVERVIEW = 80  # samples of what was skipped: enough to see a jump
    ALWAYS_READ = 1 << 16  # unread bytes that are read beyond the budget: what a live run wrote since the last poll

    def __init__(
        self,
        path: Path,
        keep: int | None,
        last_bytes: int | None,
        breathe: Callable[[], None],
        limit: int | None = None,
    ) -> None:
        self.folder, self.records, self._breathe = path, Records(keep), breathe
        self._path = path / "metrics.jsonl"
        self._tail = Tail(self._path, last_bytes, limit)
        self._skips = self._tail.offset > 0
        self._sampled: Records | None = None
        self._not_records = self._unusable = 0  # lines; names of metrics

    def poll(self, budget: _ByteBudget) -> bool:
        """Reads what is new, or what the budget allows and samples of the rest; returns whether anything changed."""
        changed, start, unread = False, self._tail.offset, self._tail.unread
        whole = unread <= budget.left + self.ALWAYS_READ
        if self._sampled is None and not whole:
            self._sampled, changed = self._samples(self._tail, self.SAMPLES), True
        for lines in self._tail.new_lines(None if whole else int(budget.left)):
            parsed = parse(lines)
            self.records.append(parsed)
            self._not_records += len(lines) - len(parsed.rows)
            self._unusable += parsed.unusable
            changed = True
            self._breathe()
        if whole:
            self._sampled = None
        budget.left = max(0, budget.left - (self._tail.offset - start))
        return changed

    def end_at(self, limit: int) -> bool:
        """Reads no further than the first `limit` bytes of records; returns whether it has read more already."""
        self._tail.limit = limit
        return self._tail.offset > limit

    @property
    def fault(self) -> str:
        """What is wrong with the file of records; empty where nothing is."""
        if self._not_records:
            count = self._not_records
            return f"{count:,} line{'s are not records' if count > 1 else ' is not a record'}"
        if self._unusable:
            return f"left out metrics whose name is not 1 to {LONGEST_NAME} printable characters"
        if self.records.left_out:
            return f"left out all but the first {MOST_OTHERS} metrics"
        if self._tail.offset == 0:
            try:
                with opened(self._path):
                    pass
            except FileNotFoundError:
                pass
            except OSError as error:
                return error.strerror or str(error)
        return ""

    @property
    def unread(self) -> int:
        """Bytes that are represented by samples so far."""
        return 0 if self._sampled is None else self._tail.unread

    def read(self) -> "_Read":
        """The records read, then samples of those not read yet."""
        read = _Read.of(self.records)
        if self._sampled is None:
            return read
        reached = read.table[STEP, -1] if read.table.shape[1] else -math.inf
        return _Read.joined(read, _Read.of(self._sampled).where(lambda step: step > reached))

    def overview(self) -> "_Read":
        """What `read` gives after samples of the records that were skipped, as `last_bytes` has it."""
        read = self.read()
        if not self._skips:
            return read
        samples = _Read.of(self._samples(Tail(self._path, limit=self._tail.limit), self.OVERVIEW))
        begins = read.table[STEP, 0] if read.table.shape[1] else math.inf
        return _Read.joined(samples.where(lambda step: step < begins), read)

    @staticmethod
    def _samples(tail: Tail, count: int) -> Records:
        parsed = parse(tail.sample(count))
        records = Records()
        records.append(parsed.sorted_by_step())
        return records


@dataclass(frozen=True)
class _Read:
    """Records as tables: those of `curve.COLUMNS`, and of each other metric those of `curve.OTHER_COLUMNS`."""

    table: Array
    others: Mapping[str, Array]

    @classmethod
    def of(cls, records: Records) -> "_Read":
        return cls(records.table, records.others)

    @classmethod
    def joined(cls, *parts: "_Read") -> "_Read":
        """The records of each part after those of the one before."""
        if len(parts) == 1:
            return parts[0]
        others: dict[str, list[Array]] = {}
        before = 0
        for part in parts:
            for name, table in part.others.items():
                moved = table.copy()
                moved[RECORD] += before
                others.setdefault(name, []).append(moved)
            before += part.table.shape[1]
        return cls(
            np.concatenate([part.table for part in parts], axis=1),
            {name: np.concatenate(tables, axis=1) for name, tables in others.items()},
        )

    def where(self, keeps: Callable[[Array], NDArray[np.bool_]]) -> "_Read":
        """The records of which `keeps`, given their steps (n,), is true."""
        others = {name: table[:, keeps(table[OTHER_STEP])] for name, table in self.others.items()}
        return _Read(self.table[:, keeps(self.table[STEP])], {name: t for name, t in others.items() if t.shape[1]})

    def before(self, step: float) -> "_Read":
        """The records up to the last one whose step is not `step` or more."""
        others = {name: _up_to(table, table[OTHER_STEP], step) for name, table in self.others.items()}
        table = _up_to(self.table, self.table[STEP], step)
        return _Read(table, {name: t for name, t in others.items() if t.shape[1]})


def _up_to(table: Array, steps: Array, step: float) -> Array:
    own = np.flatnonzero(~(steps >= step))
    return table[:, : own[-1] + 1 if len(own) else 0]


class _RunReader:
    """Keeps what it has read of a run, so that each poll costs only what is new."""

    def __init__(
        self,
        path: Path,
        keep: int | None,
        last_bytes: int | None,
        breathe: Callable[[], None],
        liveness: Liveness,
        planned: Mapping[str, Any] | None = None,
    ) -> None:
        self._liveness, self._planned = liveness, planned
        self.path, self._keep, self._last_bytes, self._breathe = path, keep, last_bytes, breathe
        self._config: Mapping[str, Any] | None = None
        self._faults: list[str] = []
        self._attempts: list[_AttemptReader] = []
        self._curve = Curve.of(Records().table)
        self._read: tuple[int, int] | None = None
        self._divergence: str | None = None  # of the curve as it is now; judged once the run is finished
        self._fences: dict[str, Fence] = {}
        self._fenced_by: set[str] = set()  # attempts whose fences are known

    def poll(self, budget: _ByteBudget) -> RunView:
        name = self.path.name
        if self._config is not None and "imported" in self._config and self._identity() != self._read:
            self._config = None  # its log has told more since
        if self._config is None:
            self._read = self._identity()
            try:
                os.scandir(self.path).close()
                self._config, self._faults = schema.checked(self.path / "run.json", schema.RUN, f"{name}/run.json")
            except FileNotFoundError:
                return self._without_config()
            except InputError as error:
                return self._unreadable(f"run.json: {error}")
            except OSError as error:
                return self._unreadable(error.strerror or str(error))
        folders = [path for _, path in numbered(self.path, "attempt")]
        known = len(self._attempts)
        if folders[:known] != [attempt.folder for attempt in self._attempts]:
            # Somebody deleted what was read: the run is read anew, as it is now.
            self._config, self._attempts, self._curve, self._divergence = None, [], Curve.of(Records().table), None
            self._fenced_by.clear()
            return self.poll(budget)
        beyond = self._fence_off(folders)
        for path in folders[known:]:
            self._attempts.append(self._reader_of(path))
        # Of the known attempts only the last two can have grown: the others were abandoned before the next was claimed.
        polled = [attempt for index, attempt in enumerate(self._attempts) if index >= known - 2 or attempt.unread]
        changed = [attempt.poll(budget) for attempt in polled]
        if any(changed) or beyond:
            self._curve = _joined([attempt.read() for attempt in self._attempts])
            self._divergence = None
        state, reason, faults = self._judged(folders)
        for attempt in self._attempts:
            if fault := attempt.fault:
                faults.append(f"broken: {name}/{attempt.folder.name}/metrics.jsonl: {fault}")
        return RunView(
            name=name,
            path=self.path,
            config=self._config,
            state=state,
            reason=reason,
            attempts=len(folders),
            curve=self._curve,
            unread=sum(attempt.unread for attempt in polled),
            faults=(*self._faults, *faults),
        )

    def _reader_of(self, attempt: Path) -> _AttemptReader:
        fence = self._fences.get(attempt.name)
        limit = fence.size if fence else None
        return _AttemptReader(attempt, self._keep, self._last_bytes, self._breathe, limit)

    def _fence_off(self, folders: Sequence[Path]) -> bool:
        """Heeds what later attempts say of earlier ones; returns whether anything was read that does not count."""
        beyond = False
        if len(folders) > 1 and folders[-1].name not in self._fenced_by:
            self._fences = fences_of(folders)
            if folders[-2].name in self._fences:  # it is written once, just after the claim
                self._fenced_by.add(folders[-1].name)
            for index, attempt in enumerate(self._attempts):
                fence = self._fences.get(attempt.folder.name)
                if fence is not None and attempt.end_at(fence.size):
                    self._attempts[index], beyond = self._reader_of(attempt.folder), True
        return beyond

    def _judged(self, attempts: Sequence[Path]) -> tuple[State, str, list[str]]:
        """State and reason of the run by its last attempt and its curve, and the faults found on the way."""
        if not attempts:
            return "queued", "", []
        state, reason, faults = _status(self._liveness, attempts[-1], f"{self.path.name}/{attempts[-1].name}")
        if state == "queued" and len(self._curve):
            state, reason = self._without_status(attempts[-1])
        if state == "finished":
            if self._divergence is None:
                # A jump may lie in what was skipped, and one verdict holds wherever the run is shown.
                curve = _joined([attempt.overview() for attempt in self._attempts])
                self._divergence = divergence(curve, uniform_loss(self._config or {}))
            if self._divergence:
                state, reason = "diverged", self._divergence
        return state, reason, faults

    def _without_status(self, attempt: Path) -> tuple[State, str]:
        """State and reason of a run that has records and no status.json, as a trainer that only logs leaves it."""
        planned, done = (self._config or {}).get("tokens"), self._curve.last("tokens")
        if planned and done and done >= ENOUGH * planned:
            return "finished", ""
        try:
            age = time.time() - (attempt / "metrics.jsonl").stat().st_mtime
        except OSError:
            return "queued", ""
        if age < LOST_AFTER_S:
            return "running", ""
        return "lost", f"no status.json tells how it ended; its last record is {show.duration(age)} old"

    def _identity(self) -> tuple[int, int] | None:
        """What tells the run.json from one written later."""
        try:
            stat = (self.path / "run.json").stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_ino

    def _without_config(self) -> RunView:
        """A run without a run.json: one that waits for its learning rate, or one that lost it."""
        if self._planned is None or numbered(self.path, "attempt"):
            return self._unreadable("run.json: missing")
        why = "waits for its learning rate"
        return RunView(self.path.name, self.path, self._planned, "queued", why, 0, self._curve, planned=True)

    def _unreadable(self, why: str) -> RunView:
        """A run of which no more is known than its name; it is read again at the next poll."""
        fault = f"broken: {self.path.name}/{why}"
        return RunView(self.path.name, self.path, {}, "unreadable", why, 0, self._curve, faults=(fault,))


class SweepReader:
    """Follows one sweep: each `poll` reads what was written since the last one and returns a complete new view.

    Args:
        path: of the sweep.
        keep: records of an attempt to keep in memory; None keeps all (see `curve.Records`).
        last_bytes: skip all but this many bytes at the end of each attempt's records.
        breathe: called about every millisecond of parsing, to let other threads run.
        patient: as `Liveness` has it.
    """

    LOG_LINES = 200

    def __init__(
        self,
        path: Path,
        keep: int | None = None,
        last_bytes: int | None = None,
        breathe: Callable[[], None] = lambda: None,
        patient: bool = False,
    ) -> None:
        self.path, self._keep, self._last_bytes, self._breathe = path, keep, last_bytes, breathe
        self._document: Mapping[str, Any] | None = None
        self._liveness = Liveness(patient)
        self._runs: dict[str, _RunReader] = {}
        self._logs: dict[Path, Tail] = {}
        self._log: list[str] = []
        self._faults: list[str] = []
        self._sound_requests: set[str] = set()
        self._labels: list[str] = []
        self._deleted: set[str] = set()

    def poll(self, most: float = math.inf) -> SweepView:
        """The sweep as it stands, reading about `most` bytes of records, run after run.

        The view holds samples of the rest (`RunView.unread`). What a live run wrote since the last poll is always read.

        Raises:
            InputError: its sweep.json is missing or not a JSON object, or its folder was deleted since.
        """
        if self._document is None:
            try:
                document, self._faults = schema.checked(self.path / "sweep.json", schema.SWEEP, "sweep.json")
            except FileNotFoundError:
                raise InputError(f"sweep {self.path}: sweep.json: missing") from None
            except InputError as error:
                raise InputError(f"sweep {self.path}: broken: sweep.json: {error}") from None
            self._document = _named_corpus(document)
        faults = list(self._faults)
        order = {name: index for index, name in enumerate(self._document.get("runs") or ())}
        there = self._run_folders(faults)
        gone = self._removed().difference(there)
        for name in gone & self._runs.keys():
            del self._runs[name]
        for name in sorted({*order, *there} - gone):
            if name not in self._runs:
                planned = (self._document.get("planned") or {}).get(name)
                self._runs[name] = _RunReader(
                    self.path / name, self._keep, self._last_bytes, self._breathe, self._liveness, planned
                )
        self._liveness.look(self.path, (reader.path for reader in self._runs.values()))
        budget = _ByteBudget(most)
        runs = [reader.poll(budget) for reader in self._runs.values()]
        after: dict[str, int] = {}  # where a run of a listed rung goes that is not listed itself: a further probe
        for run in runs:
            if (place := order.get(run.name)) is not None:
                after[run.rung] = max(place, after.get(run.rung, 0))
        runs.sort(key=lambda run: (order.get(run.name, after.get(run.rung, len(order)) + 0.5), *_by_size(run)))
        state, reason = self._state(runs, faults)
        if gone and runs and state in ("stopped", "failed") and all(run.state == "finished" for run in runs):
            state, reason = "finished", ""  # what its supervisor could not finish was deleted
        rungs = {run.rung for run in runs}
        predictions = [
            found
            for found in self._lines("predictions.jsonl", schema.prediction, faults)
            if found.run not in gone or found.rung in rungs
        ]
        rates = next(iter(self._lines("rates.jsonl", schema.rates, faults)), None)  # the first counts
        self._check_requests(faults)
        return SweepView(
            name=self.path.name,
            path=self.path,
            document=self._document,
            state=state,
            reason=reason,
            runs=tuple(runs),
            predictions=tuple(predictions),
            log=tuple(self._new_log()),
            faults=tuple(faults),
            rates=rates,
            copy=self._liveness.copy,
            undecided=self._liveness.undecided,
        )

    def _run_folders(self, faults: list[str]) -> list[str]:
        """The folders with a run.json, or with an attempt of a run whose run.json is gone."""
        try:
            with os.scandir(self.path) as entries:
                return [entry.name for entry in entries if not entry.name.startswith(".") and _is_run(entry.path)]
        except FileNotFoundError:
            raise InputError(f"sweep {self.path}: it was deleted") from None
        except OSError as error:
            faults.append(f"broken: {self.path.name}: {error.strerror}")
            return []

    def _removed(self) -> set[str]:
        """The runs that were deleted, read anew where there is a new version of the labels."""
        try:
            names = sorted(os.listdir(self.path / "labels"))  # noqa: PTH208 - names
        except OSError:
            return set()
        if names != self._labels:
            self._labels, self._deleted = names, set(read_labels(self.path)[0].removed)
        return self._deleted

    def _lines(self, file: str, read: Callable[[bytes], Record], faults: list[str]) -> list[Record]:
        """What `read` makes of each line of an append-only file."""
        found = []
        number = 0
        for lines in Tail(self.path / file).new_lines():
            for line in lines:
                number += 1
                try:
                    found.append(read(line))
                except InputError as error:
                    faults.append(f"broken: {file}: line {number}: {error}")
        return found

    def _check_requests(self, faults: list[str]) -> None:
        """Names the requests that nobody can follow.

        A sound one does not change and is read once; one that is being written looks broken for a moment.
        """
        try:
            names = sorted(path.name for path in (self.path / "requests").iterdir())
        except OSError:
            return
        for name in names:
            if name.endswith(".json") and not name.startswith(".") and name not in self._sound_requests:
                if found := _request_faults(self.path / "requests" / name):
                    faults += found
                else:
                    self._sound_requests.add(name)

    def _state(self, runs: list[RunView], faults: list[str]) -> tuple[State, str]:
        """The supervisor's state; without a supervisor, as under another trainer, that of the runs together."""
        supervisors = numbered(self.path, "supervisor")
        if supervisors and (supervisors[-1][1] / "status.json").exists():
            state, reason, broken = _status(self._liveness, supervisors[-1][1], supervisors[-1][1].name)
            faults += broken
            if state == "running":
                reason = "; ".join(filter(None, [self._since_when(), reason]))
            return _since(runs) if state == "finished" else (state, reason)
        states = {run.state for run in runs}
        if not states:
            return "empty", "no runs yet"
        for state in ("running", "lost", "failed", "diverged", "stopped", "unreadable"):
            if state in states:
                return state, self._since_when() if state == "running" else ""
        return ("finished" if states == {"finished"} else "queued"), ""

    def _since_when(self) -> str:
        """How old a copy is of which nobody knows whether it still is brought up to date; else empty."""
        copy = self._liveness.copy
        return f"{copy.says}; this copy shows nothing later" if copy is not None and copy.stale else ""

    def _new_log(self) -> list[str]:
        """The last `LOG_LINES` lines of the supervisor's and the workers' logs, in order of time.

        Lines of the same second stay in the order of their file.
        """
        paths = [path / "supervisor.log" for _, path in numbered(self.path, "supervisor")]
        for run in self._runs.values():
            paths += [path / "worker.log" for _, path in numbered(run.path, "attempt")]
        for path in paths:
            tail = self._logs.setdefault(path, Tail(path))
            # Our lines start with their time. Those of a traceback do not, and stay in the file.
            for lines in tail.new_lines():
                self._log += [line.decode(errors="replace") for line in lines if line[:2] == b"20"]
        self._log = sorted(self._log, key=lambda line: line[:MOMENT])[-self.LOG_LINES :]
        return self._log


def _by_size(run: RunView) -> tuple[float, float, list[tuple[int, str]]]:
    """Sorts by N, then D, then name, numbers in it by their value; what has no size comes last."""
    parts = re.findall(r"([0-9]+)|([^0-9]+)", run.name)
    natural = [(int(digits), "") if digits else (-1, text) for digits, text in parts]
    return run.params or math.inf, run.config.get("tokens") or math.inf, natural


def _since(runs: Sequence[RunView]) -> tuple[State, str]:
    """State and reason of a sweep whose supervisor saw it finish: somebody may have spoilt or deleted a run since."""
    others = [run for run in runs if run.state not in ("finished", "running")]
    for state in ("diverged", "failed", "stopped", "lost", "unreadable", "queued"):
        if names := [run.name for run in others if run.state == state]:
            return ("stopped" if state == "queued" else state), f"{show.listed(names, 1)} {state}"
    return "finished", ""


def _is_run(folder: str) -> bool:
    for name in ("run.json", "attempt-1"):
        try:
            os.lstat(os.path.join(folder, name))  # noqa: PTH118 - of every folder, twice a second
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            pass  # it may not be entered: to be named, not left out
        return True
    return False


def _joined(attempts: Sequence[_Read]) -> Curve:
    """The records of each attempt up to the checkpoint from which the next one resumed."""
    parts, until = [], math.inf
    for read in reversed(attempts):
        parts.append(read.before(until))
        until = min(until, float(read.table[STEP, 0])) if read.table.shape[1] else until
    whole = _Read.joined(*parts[::-1]) if parts else _Read.of(Records())
    return Curve.of(whole.table, whole.others)


def _status(liveness: Liveness, folder: Path, name: str) -> tuple[State, str, list[str]]:
    """State and reason by the status.json in `folder`, and what is broken about it.

    A status that says nothing is no sign of life: `lost`, and it comes back with the next heartbeat.
    """
    path = folder / "status.json"
    status = Status.read(path)
    if status is not None:
        return *liveness.state(folder, status), []
    file = f"{name}/status.json"
    try:
        found, faults = schema.checked(path, schema.STATUS, file)
        if not faults and "state" not in found:
            faults = [f"broken: {file}: state: missing"]
    except FileNotFoundError:
        return "queued", "", []
    except InputError as error:
        faults = [f"broken: {file}: {error}"]
    # It may have been replaced by a sound one between the two looks.
    return ("lost", faults[0], faults) if faults else ("queued", "", [])


def _request_faults(path: Path) -> list[str]:
    file = f"requests/{path.name}"
    try:
        found, faults = schema.checked(path, schema.REQUEST, file)
    except FileNotFoundError:
        return []
    except InputError as error:
        return [f"broken: {file}: {error}"]
    return faults if faults or found.get("request") else [f"broken: {file}: request: missing"]


def _named_corpus(document: dict[str, Any]) -> dict[str, Any]:
    if corpus := document.get("corpus"):
        named = {key: corpus.get(key) or "unknown" for key in ("name", "source", "sha256", "tokenizer")}
        return {**document, "corpus": {**corpus, **named}}
    return document


def read_run(path: Path) -> RunView:
    """The run at `path` with all its records; no other run is read.

    Raises:
        InputError: its run.json is missing or not a JSON object.
    """
    path = as_path("run", path)
    liveness = Liveness()
    liveness.look(path.parent, [path])
    run = _RunReader(path, None, None, lambda: None, liveness).poll(_ByteBudget(math.inf))
    if run.state == "unreadable":
        raise InputError(f"run {path}: {run.reason}")
    return run
