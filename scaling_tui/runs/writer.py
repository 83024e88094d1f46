"""The only writer of an attempt: metrics, status, checkpoints."""

import math
import os
import shutil
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from scaling_tui import InputError
from scaling_tui.runs import schema
from scaling_tui.runs.format import (
    FORMAT,
    HEARTBEAT_S,
    METRICS,
    RecordedPrediction,
    State,
    Status,
    append_line,
    claim,
    numbered,
    only_finite,
    safe_name,
    write_json,
)

KEPT_CHECKPOINTS = 2  # so that one is complete while the next is being written


def create_sweep(runs: Path, name: str, document: Mapping[str, Any]) -> Path:
    """Makes `RUNS/<name>` (or `<name>-2`, `-3` … if taken) with its sweep.json; returns the folder.

    Raises:
        InputError: an unusable name, or a folder that cannot be written to.
    """
    safe_name(name)
    made = [] if runs.exists() else [runs]
    try:
        runs.mkdir(parents=True, exist_ok=True)
        number = 1
        while True:
            folder = runs / (name if number == 1 else f"{name}-{number}")
            try:
                folder.mkdir()
                made.insert(0, folder)
                break
            except FileExistsError:
                number += 1
        write_json(folder / "sweep.json", {"format": FORMAT, "name": folder.name, "created": time.time(), **document})
    except OSError as error:
        # On a full disk folders can be made, but nothing in them.
        for empty in made:
            with suppress(OSError):
                empty.rmdir()
        raise InputError(f"runs folder {runs}: cannot be written to ({error.strerror})") from error
    return folder


def write_run(run: Path, config: Mapping[str, Any]) -> None:
    """Makes the folder of a run with its run.json; an existing run.json is left alone."""
    safe_name(run.name)
    run.mkdir(exist_ok=True)
    if not (run / "run.json").exists():
        write_json(run / "run.json", {"format": FORMAT, **config})


def append_prediction(sweep: Path, prediction: RecordedPrediction) -> None:
    append_line(sweep / "predictions.jsonl", asdict(prediction))


class Writer:
    """Writes one attempt of one run.

    As a context manager it ends it as `finished`, as `diverged` where the last loss was not finite, or as `failed` with
    the reason.
    """

    def __init__(self, run: Path, keep: Collection[int] = (), attempt: Path | None = None) -> None:
        """Claims the next attempt of `run`, a folder made by `write_run`, or takes one that this process has claimed.

        Checkpoints at the steps in `keep` stay.
        """
        self.run, self.keep = run, keep
        self.attempt = attempt or claim(run, "attempt")
        self._metrics = self.attempt / "metrics.jsonl"
        self._broken: set[Path] = set()  # checkpoints of dead attempts
        self._dead: list[Path] = []  # attempts that this one has taken over from
        self._status = Status.of_this_process("running")
        self._last_heartbeat = 0.0
        self._loss_is_finite = True
        self.status("running")

    @classmethod
    def create(cls, run: Path, config: Mapping[str, Any]) -> Self:
        """Writes run.json where there is none and claims an attempt; the entry point for your own trainer."""
        write_run(run, config)
        return cls(run)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status.state != "running":
            return
        if error is None and not self._loss_is_finite:
            self.status("diverged", "the loss is not a finite number")
        elif error is None:
            self.status("finished")
        elif isinstance(error, KeyboardInterrupt):
            self.status("stopped", "interrupted")
        else:
            self.status("failed", f"{type(error).__name__}: {error}".splitlines()[0])

    def status(self, state: State, reason: str = "") -> None:
        self._status = replace(self._status, state=state, heartbeat=time.time(), reason=reason)
        self._status.write(self.attempt / "status.json")
        self._last_heartbeat = time.monotonic()

    def heartbeat(self) -> None:
        """Shows that the run is alive. Call it as often as you like: it writes at most every HEARTBEAT_S."""
        if time.monotonic() - self._last_heartbeat >= HEARTBEAT_S:
            self.status(self._status.state, self._status.reason)

    def log(self, **metrics: float | None) -> None:
        """Appends one record of `runs.format.METRICS`: step, tokens, loss in nats per token …

        `time` defaults to now. Values that are not finite are left out.

        Raises:
            InputError: an unknown metric.
        """
        unknown = metrics.keys() - set(METRICS)
        if unknown:
            raise InputError(f"metric {sorted(unknown)[0]!r}: not one of {', '.join(METRICS)}")
        losses = [value for name in ("loss", "val_loss") if (value := metrics.get(name)) is not None]
        if losses:
            self._loss_is_finite = all(map(math.isfinite, losses))
        append_line(self._metrics, only_finite({"time": time.time(), **metrics}))
        self.heartbeat()

    def checkpoint(self, step: int, fill: Callable[[Path], None], last: int = KEPT_CHECKPOINTS) -> Path:
        """Makes `checkpoint-<step>`: `fill` writes its files into a folder that gets this name once it is complete.

        The `last` latest checkpoints of the attempt are kept, and those at the steps in `keep`.
        """
        final = self.attempt / f"checkpoint-{step}"
        temporary = self.attempt / f".checkpoint-{step}.tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        try:
            fill(temporary)
            for path in temporary.iterdir():
                _to_disk(path)
            _remove(final)
            temporary.rename(final)
            _to_disk(self.attempt)  # the name too, before older checkpoints go
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        self._clean_up(last)
        return final

    def take_over(self, broken: Collection[Path] = (), last: int = KEPT_CHECKPOINTS) -> None:
        """Cleans up after the run's dead attempts, once the trainer knows from which checkpoint it continues.

        What they left unfinished goes. Of their checkpoints the `last` latest stay, until this attempt's own take
        their place; the `broken` ones, from which it could not continue, go with its first own.
        """
        self._broken, self._dead = set(broken), self._dead_attempts()
        for attempt in self._dead:
            for unfinished in attempt.glob(".checkpoint-*.tmp"):
                shutil.rmtree(unfinished, ignore_errors=True)
        self._clean_up(last)

    def _clean_up(self, last: int) -> None:
        """Removes all but the `last` latest checkpoints, those at the steps in `keep`, and what is broken."""
        own = numbered(self.attempt, "checkpoint")
        dead = [numbered(attempt, "checkpoint") for attempt in self._dead]
        latest: dict[int, Path] = {}  # of each step the one that a later attempt wrote
        superseded = []
        for step, path in [entry for attempt in dead for entry in attempt] + own:
            if path in self._broken:
                superseded += [path] if own else []
            else:
                superseded += [latest[step]] if step in latest else []
                latest[step] = path
        others = [latest[step] for step in sorted(latest) if step not in self.keep]
        for path in superseded + others[:-last]:
            _remove(path)

    def _dead_attempts(self) -> list[Path]:
        """The attempts before this one whose writer is gone, or died before it wrote its status."""
        attempts = [path for _, path in numbered(self.run, "attempt")]
        before = attempts[: attempts.index(self.attempt)]
        statuses = [(path, Status.read(path / "status.json")) for path in before]
        return [path for path, status in statuses if status is None or status.derived() != "running"]


def checkpoints(run: Path) -> list[Path]:
    """The complete checkpoints of a run over all its attempts, the highest step first."""
    complete = [
        (step, number, path)
        for number, attempt in numbered(run, "attempt")
        for step, path in numbered(attempt, "checkpoint")
    ]
    return [path for *_, path in sorted(complete, reverse=True)]


def checkpoint_at(run: Path, step: int) -> Path | None:
    """The complete checkpoint of `run` at `step`, of the latest attempt that has one; None where none has."""
    return next((path for path in checkpoints(run) if path.name == f"checkpoint-{step}"), None)


def read_config(run: Path) -> dict[str, Any]:
    """The document of run.json.

    Raises:
        InputError: it is missing, not JSON, or a field of it does not fit.
    """
    try:
        config, faults = schema.checked(run / "run.json", schema.RUN, "run.json")
    except FileNotFoundError:
        raise InputError(f"run {run}: run.json: missing") from None
    except InputError as error:
        raise InputError(f"run {run}: broken: run.json: {error}") from None
    if faults:
        raise InputError(f"run {run}: {faults[0]}")
    return config


def _remove(checkpoint: Path) -> None:
    """Removes a checkpoint; killed half-way, it leaves what `take_over` cleans up, not a checkpoint without files."""
    hidden = checkpoint.with_name(f".{checkpoint.name}.old.tmp")
    shutil.rmtree(hidden, ignore_errors=True)
    with suppress(OSError):
        checkpoint.rename(hidden)
    shutil.rmtree(hidden, ignore_errors=True)


def _to_disk(path: Path) -> None:
    """Flushes `path` to disk, so that a checkpoint survives a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
