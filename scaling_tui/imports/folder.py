"""Writes what sources tell as the folder of a sweep."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scaling_tui import InputError
from scaling_tui.imports.facts import CONFIG, complete, settled
from scaling_tui.imports.given import Given
from scaling_tui.imports.merging import join, sort_by_step
from scaling_tui.imports.names import folder_name
from scaling_tui.imports.source import ENDS, MOST_RUNS, Ended, News, Record
from scaling_tui.runs.format import FORMAT, HEARTBEAT_S, State, Status, append_lines, read_json, write_json
from scaling_tui.text import show
from scaling_tui.text.run_states import state_of

SILENT_S = 300.0  # without a record, after which the reason of a running run says so
LIVE_S = 600.0  # since its last change: a log that was written within it counts as live when it is followed
MOST_NOTED = 20  # sentences on how a run's numbers were computed
NOT_SAID = "the log does not say that it finished; import it with --finished if it did"


@dataclass
class ImportedRun:
    """A run as it is written: where, and what is known of it so far. `key` is the source's path and name for it."""

    key: tuple[str, str]
    kind: str
    name: str
    attempt: int = 1
    records: int = 0
    last_step: float = -math.inf
    unsorted: set[int] = field(default_factory=set)  # attempts whose steps do not rise
    said: dict[str, float | str] = field(default_factory=dict)
    given: Mapping[str, float | str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    derived: dict[str, None] = field(default_factory=dict)
    ended: Ended = ""
    reason: str = ""
    is_result: bool = False
    touched: float = 0.0  # Unix s of the last record, as far as is known
    lives: bool = False  # whether its log was seen to grow, or had grown lately
    last: Record = field(default_factory=dict)
    loss_is_finite: bool = True
    has: set[str] = field(default_factory=set)  # metrics
    written: tuple[Any, ...] = ()  # what run.json and status.json say
    heartbeat: float = -math.inf


class SweepFolder:
    """The sweep that an import writes, at `path`.

    Args:
        path: of its folder, which exists.
        given: what the user says of the runs.
        finished: whether runs whose log does not say how they ended have finished.
        before: what an earlier import heard of each run, by its key: the log may have been rotated since.
    """

    def __init__(
        self,
        path: Path,
        given: Given,
        finished: bool,
        before: Mapping[tuple[str, str], Mapping[str, Any]],
    ) -> None:
        self.path, self._before = path, before
        self._given, self._finished = given, finished
        self.runs: dict[tuple[str, str], ImportedRun] = {}
        self._names: set[str] = set()

    def take(self, kind: str, news: News, beside: Mapping[str, float | str], touched: float) -> int:
        """Writes the records of `news` and keeps the rest for `settle`; returns how many records it wrote.

        Args:
            kind: of the source.
            news: of one run.
            beside: facts from a run.json beside the log.
            touched: Unix time at which the log was last written.
        """
        key = (str(news.path or ""), encodable(news.run))
        run = self.runs.get(key)
        if run is None:
            run = self._new(key, kind, beside)
        run.said |= news.facts
        run.settings |= {encodable(name): _plain(value) for name, value in news.settings.items()}
        run.derived |= dict.fromkeys(news.derived)
        run.is_result |= news.is_result
        if news.ended or news.records:
            run.ended, run.reason = news.ended, news.reason
        if not news.records:
            return 0
        run.touched = touched
        if news.restarted and run.records and news.records[0].get("step", math.inf) <= run.last_step:
            run.attempt += 1
            run.last_step = -math.inf
        return self._append(run, news.records)

    def _new(self, key: tuple[str, str], kind: str, beside: Mapping[str, float | str]) -> ImportedRun:
        if len(self.runs) == MOST_RUNS:
            raise InputError(f"more than {MOST_RUNS:,} runs, want fewer in one sweep")
        name = folder_name(key[1], self._names)
        self._names.add(name.lower())
        given = {**beside, **self._given.facts, **self._given.of_run.get(key[1], {})}
        run = self.runs[key] = ImportedRun(key, kind, name, given=given, said=dict(self._before.get(key, {})))
        return run

    def _append(self, run: ImportedRun, records: Sequence[Record]) -> int:
        facts = {**run.said, **run.given}
        lines = []
        for found in records:
            run.derived |= dict.fromkeys(complete(found, facts, self._given.bytes_per_token))
            step = found.get("step", run.last_step)
            if step < run.last_step:
                run.unsorted.add(run.attempt)
            run.last_step = max(step, run.last_step)
            losses = [found[name] for name in ("loss", "val_loss", "bpb") if name in found]
            if losses:
                run.loss_is_finite = all(map(math.isfinite, losses))
            kept = {name: _short(value) for name, value in found.items() if math.isfinite(value)}
            run.last |= kept
            lines.append(kept)
        run.has |= run.last.keys()
        run.records += len(lines)
        attempt = self._attempt(run)
        if not (attempt.parent / "run.json").exists():
            # First, so that nobody who looks meanwhile finds a run without it.
            attempt.parent.mkdir(exist_ok=True)
            write_json(attempt.parent / "run.json", self.config(run))
        attempt.mkdir(exist_ok=True)
        append_lines(attempt / "metrics.jsonl", lines)
        return len(lines)

    def _attempt(self, run: ImportedRun) -> Path:
        return self.path / run.name / f"attempt-{run.attempt}"

    def sort(self) -> None:
        """Puts the records of each attempt in the order of their steps; before anybody reads them."""
        for run in self.runs.values():
            for attempt in run.unsorted:
                sort_by_step(self.path / run.name / f"attempt-{attempt}" / "metrics.jsonl")
            run.unsorted.clear()

    def settle(self, following: bool) -> None:
        """Writes run.json and status.json of each run, where what they say has changed or a heartbeat is due.

        Args:
            following: whether more may come: runs without an end are then running.
        """
        now = time.time()
        for run in self.runs.values():
            config = self.config(run)
            run.lives |= following and now - run.touched < LIVE_S
            state, reason = self._state(run, now if following else None)
            is_due = state == "running" and time.monotonic() - run.heartbeat >= HEARTBEAT_S
            says = (config, state, reason, run.attempt)
            if says == run.written and not is_due:
                continue
            attempt = self._attempt(run)
            attempt.mkdir(parents=True, exist_ok=True)
            if not run.written or run.written[0] != config:
                write_json(self.path / run.name / "run.json", config)
            Status.of_this_process(state, reason).write(attempt / "status.json")
            run.written, run.heartbeat = says, time.monotonic()

    def config(self, run: ImportedRun) -> dict[str, Any]:
        """The document of its run.json."""
        facts, derived = settled(run.said, run.given)
        config = {key: facts[key] for key in CONFIG if key in facts}
        if (
            "tokens" in run.last
            and (run.is_result or self._ends_as(run)[0] == "finished")
            and "tokens" not in run.given
        ):
            # How far a finished run came is what it was trained on.
            config["tokens"] = round(run.last["tokens"])
        flops = facts.get("flops_so_far")
        if flops and "flops" not in config and self._ends_as(run)[0] == "finished":
            config["flops"] = flops
        path, name = run.key
        derived = [*run.derived, *derived][:MOST_NOTED]
        imported = {"format": run.kind, "path": path, "run": name, "said": run.said, "derived": derived}
        return {"format": FORMAT, **config, "imported": imported, "settings": run.settings}

    def _ends_as(self, run: ImportedRun) -> tuple[Ended, str]:
        if run.ended:
            return "" if run.ended == "no" else run.ended, run.reason
        if not run.loss_is_finite:
            return "diverged", "the loss is not a finite number"
        if given := ENDS.get(state_of(run.given.get("state")) or ""):
            return given, ""
        facts, _ = settled(run.said, run.given)
        steps = facts.get("steps")
        if (steps and run.last_step >= steps) or run.is_result or self._finished:
            return "finished", ""
        return "", ""

    def _state(self, run: ImportedRun, now: float | None) -> tuple[State, str]:
        ended, reason = self._ends_as(run)
        if ended and ended != "no":
            return ended, reason
        if now is None or (run.records and not run.lives):
            return "stopped", reason or NOT_SAID
        silent = now - run.touched if run.records else 0.0
        minutes = int(silent // 60)
        return "running", f"no record for {minutes} min" if silent >= SILENT_S else ""

    def has_ended(self, run: ImportedRun) -> bool:
        return bool(self._ends_as(run)[0])

    def notes(self) -> list[str]:
        """What was computed and what is missing, a sentence each, with the runs that it is true of."""
        said: dict[str, list[str]] = {}
        for run in self.runs.values():
            config = self.config(run)
            for sentence in config["imported"]["derived"]:
                said.setdefault(sentence, []).append(run.name)
            for sentence in _missing(run, config):
                said.setdefault(sentence, []).append(run.name)
        unused = self._given.of_run.keys() - {name for _, name in self.runs}
        notes = [f"{sentence} ({_named(names, len(self.runs))})" for sentence, names in said.items()]
        return [*notes, *(f"--table: no run is called {name!r}" for name in sorted(unused)[:5])]

    def stop(self, reason: str) -> None:
        """Ends what is running as stopped: nobody follows it any more."""
        for run in self.runs.values():
            if run.written and run.written[1] == "running":
                Status.of_this_process("stopped", reason).write(self._attempt(run) / "status.json")

    def merge_into(self, sweep: Path) -> int:
        """Moves what is new here into the import at `sweep`; returns the number of new records.

        All is checked before anything is written. Afterwards this is that sweep.

        Raises:
            InputError: records of a run there differ from those here.
        """
        there = runs_of(sweep)
        joins = [(run, join(self.path / run.name, there[key])) for key, run in self.runs.items() if key in there]
        names = {path.name.lower() for path in sweep.iterdir()}
        added = 0
        for run, joined in joins:
            run.name, run.attempt = joined.run.name, joined.last_attempt
            added += joined.perform()
            before = Status.read(joined.run / f"attempt-{run.attempt}" / "status.json")
            if before is not None and before.state == "finished" and not joined.changes:
                run.ended = run.ended or "finished"  # as said by --finished then
        joined_names = {run.name for run, _ in joins}
        for run in self.runs.values():
            if run.key not in there:
                name = folder_name(run.key[1], names | joined_names)
                (self.path / run.name).mkdir(exist_ok=True)
                (self.path / run.name).rename(sweep / name)
                names.add(name.lower())
                run.name = name
                added += run.records
        self.path, self._names = sweep, names
        return added


def _missing(run: ImportedRun, config: Mapping[str, Any]) -> Iterator[str]:
    """What a fit wants of a run and the log does not say."""
    if not run.records:
        yield "no record yet"
        return
    if not run.has & {"loss", "val_loss"}:
        if "bpb" in run.has:
            yield "bits per byte only: a law in nats per token wants --bytes-per-token X"
        else:
            yield "no loss: --columns loss=NAME says which metric it is"
    if "params" not in config:
        yield "no params in the log: --set params=124M gives them, or a --table with a row a run"
    if "tokens" not in config and "tokens" not in run.has:
        yield "no tokens in the log: --set tokens_per_step=524288 gives them, --set tokens=10B those of the whole run"


def _named(names: Sequence[str], of: int) -> str:
    if len(names) == of and of > 1:
        return f"all {of} runs"
    return show.listed(names, 3)


def runs_of(sweep: Path) -> dict[tuple[str, str], Path]:
    """The folders of the imported runs of a sweep, by the source's path and name for each."""
    found = {}
    for path in sorted(sweep.glob("*/run.json")):
        imported = imported_of(path)
        if imported:
            found[str(imported.get("path", "")), str(imported.get("run", ""))] = path.parent
    return found


def remembered(sweep: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """What the logs of a sweep's runs said of them when they were imported."""
    facts = {key: imported_of(folder / "run.json").get("said") for key, folder in runs_of(sweep).items()}
    return {key: said for key, said in facts.items() if isinstance(said, dict)}


def imported_of(path: Path) -> dict[str, Any]:
    """What the run.json or sweep.json at `path` says of its import; empty where it is none."""
    document = read_json(path)
    imported = document.get("imported") if isinstance(document, dict) else None
    return imported if isinstance(imported, dict) else {}


def _short(value: float) -> float | int:
    """Whole numbers without a point, as steps and tokens are counted."""
    return int(value) if abs(value) < 1e15 and value == int(value) else value


def encodable(text: str) -> str:
    """`text` without what UTF-8 cannot hold: halves of characters, as JSON may have them."""
    return text.encode("utf-8", "replace").decode()


def _plain(value: object) -> object:
    return encodable(value) if isinstance(value, str) else value
