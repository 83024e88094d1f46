"""The only writer of an attempt: metrics, status, checkpoints."""

import json
import math
import os
import reprlib
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from scaling_tui import InputError
from scaling_tui.runs import schema
from scaling_tui.runs.fence import SupersededError, fences_of, put_up, starts_over
from scaling_tui.runs.format import (
    FORMAT,
    HEARTBEAT_S,
    RecordedPrediction,
    RecordedRates,
    State,
    Status,
    append_line,
    claim,
    numbered,
    only_finite,
    safe_name,
    superseded,
    write_json,
)
from scaling_tui.runs.metrics import KNOWN, LONGEST_NAME, MOST_OTHERS, is_usable
from scaling_tui.runs.requests import latest_recorded_request
from scaling_tui.text.json_documents import finite
from scaling_tui.text.visible import visible

KEPT_CHECKPOINTS = 2  # so that one is complete while the next is being written


def create_sweep(runs: Path, name: str, document: Mapping[str, Any], exactly: bool = False) -> Path:
    """Makes `RUNS/<name>` (or `<name>-2`, `-3` … if taken) with its sweep.json; returns the folder.

    Raises:
        InputError: an unusable name, one that is taken if it has to be `exactly` this, or a folder that cannot be
            written to.
    """
    safe_name(name)
    if exactly:
        check_free(runs, name)
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
                if exactly:
                    raise taken(name) from None
                number += 1
        write_json(folder / "sweep.json", _sweep_document(folder.name, document))
    except OSError as error:
        # On a full disk folders can be made, but nothing in them.
        for empty in made:
            with suppress(OSError):
                empty.rmdir()
        raise InputError(f"runs folder {runs}: cannot be written to ({error.strerror})") from error
    return folder


def check_free(runs: Path, name: str) -> None:
    """Returns if a sweep in `runs` can get this name.

    Raises:
        InputError: it cannot.
    """
    if os.path.lexists(runs / safe_name(name)):
        raise taken(name)


def taken(name: str) -> InputError:
    return InputError(f"name {name!r}: found in the runs folder already, want another one")


def join_sweep(runs: Path, name: str, document: Mapping[str, Any] | None = None) -> Path:
    """The folder `RUNS/<name>`, made with its sweep.json where it is not there yet; processes may do so at once.

    Raises:
        InputError: an unusable name, or a folder that cannot be written to.
    """
    folder = runs / safe_name(name)
    try:
        _make_sweep(folder, document or {})
    except OSError as error:
        raise InputError(f"runs folder {runs}: cannot be written to ({error.strerror})") from error
    return folder


def _make_sweep(folder: Path, document: Mapping[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "sweep.json").exists():
        write_json(folder / "sweep.json", _sweep_document(folder.name, document))


def _sweep_document(name: str, document: Mapping[str, Any]) -> dict[str, Any]:
    return {"format": FORMAT, "name": name, "created": time.time(), **_plain(document)}


def write_run(run: Path, config: Mapping[str, Any]) -> None:
    """Makes the folder of a run with its run.json; an existing run.json is left alone."""
    safe_name(run.name)
    run.mkdir(exist_ok=True)
    if not (run / "run.json").exists():
        write_json(run / "run.json", {"format": FORMAT, **_plain(config)})


def _plain(document: Mapping[str, Any]) -> dict[str, Any]:
    """`document` as JSON holds it: numbers of NumPy and torch as numbers, anything else, such as a path, as text."""

    def plain(value: Any) -> Any:
        number = _number(value)
        return str(value) if number is None else number

    found: dict[str, Any] = json.loads(json.dumps(finite(dict(document)), default=plain, skipkeys=True))
    return found


def append_prediction(sweep: Path, prediction: RecordedPrediction) -> None:
    """Records what the law says of a run that has not started: a line of the sweep's predictions.jsonl.

    Raises:
        OSError: it cannot be written there.
    """
    append_line(sweep / "predictions.jsonl", asdict(prediction))


def append_rates(sweep: Path, rates: RecordedRates) -> None:
    append_line(sweep / "rates.jsonl", asdict(rates))


class Writer:
    """Writes one attempt of one run.

    As a context manager it ends it as `finished`, as `diverged` where the last loss was not finite, or as `failed` with
    the reason.

    A `strict` writer raises what goes wrong: OSError on a full disk, InputError of a metric that is none. Another
    never ends a training: it warns once of each kind of fault, leaves out what it cannot write, and goes on.

    Once a later attempt of the run is claimed, this one writes nothing more, not even how it ended: a strict writer
    raises SupersededError.
    """

    def __init__(
        self,
        run: Path,
        keep: Collection[int] = (),
        attempt: Path | None = None,
        *,
        strict: bool = True,
        config: Mapping[str, Any] | None = None,
        status: Status | None = None,
    ) -> None:
        """Claims the next attempt of `run`, or takes one that this process has claimed.

        Checkpoints at the steps in `keep` stay. With `config` the folder of the run is made with its run.json where it
        is not there yet, and the sweep around it; without, `write_run` has made it. `status` is that of the process in
        whose name it writes, where that is not this one.
        """
        self.run, self.keep, self.strict = run, keep, strict
        self.attempt = attempt or run / "attempt-1"
        self._claimed = attempt is not None
        self._config = config
        self._warned: set[str] = set()
        self._others: set[str] = set()  # metrics beyond the known ones
        self._broken: set[Path] = set()  # checkpoints of dead attempts
        self._dead: list[Path] = []  # attempts that this one has taken over from
        self._last_heartbeat = 0.0
        self._loss_is_finite = True
        self._status = status
        self._superseded = False
        self._stop, self._last_look, self._asked_before = False, 0.0, -1
        self.status("running")
        with self._guarded():
            if self._claimed:
                put_up(self.attempt)
            # An earlier attempt may have been asked to stop; this one is asked later.
            earlier = latest_recorded_request(self.run.parent, self.run.name)
            self._asked_before = earlier.number if earlier else -1

    @classmethod
    def create(cls, run: Path | str, config: Mapping[str, Any], *, strict: bool = False) -> Self:
        """Makes the run with its run.json where it is not there, and claims an attempt: for your own trainer."""
        run = Path(run)
        with suppress(OSError):  # the folder that we are in may be gone
            run = run.absolute()
        return cls(run, strict=strict, config=config)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(error)

    def end(self, error: BaseException | None = None) -> None:
        """Ends the attempt if it still runs: `finished`, or what `error` or the last loss make of it."""
        if self.superseded:
            return
        if self._status is not None and self._status.state != "running":
            return
        if error is None and not self._loss_is_finite:
            self.status("diverged", "the loss is not a finite number")
        elif error is None:
            self.status("finished")
        elif isinstance(error, KeyboardInterrupt):
            self.status("stopped", "interrupted")
        else:
            self.status("failed", f"{type(error).__name__}: {error}".splitlines()[0])

    @property
    def superseded(self) -> bool:
        """Whether a later attempt owns the run."""
        self._superseded = self._superseded or (self._claimed and superseded(self.attempt))
        return self._superseded

    def check_owner(self) -> None:
        """Raises SupersededError: a later attempt owns the run."""
        if self.superseded:
            raise SupersededError("another process has taken over the run")

    def status(self, state: State, reason: str = "") -> None:
        with self._guarded():
            self.check_owner()
            if self._status is None:
                self._status = Status.of_this_process("running")
            self._status = replace(self._status, state=state, heartbeat=time.time(), reason=reason)
            self._last_heartbeat = time.monotonic()
            self._claim()
            self._status.write(self.attempt / "status.json")

    def heartbeat(self) -> None:
        """Shows that the run is alive. Call it as often as you like: it writes at most every HEARTBEAT_S."""
        if self._status is not None and time.monotonic() - self._last_heartbeat >= HEARTBEAT_S:
            self.status(self._status.state, self._status.reason)

    def stop_requested(self) -> bool:
        """Whether `scaling-tui stop` has asked this attempt to end. It looks at most every HEARTBEAT_S."""
        if not self._stop and time.monotonic() - self._last_look >= HEARTBEAT_S:
            self._last_look = time.monotonic()
            with self._guarded():
                request = latest_recorded_request(self.run.parent, self.run.name)
                self._stop = request is not None and request.request == "stop" and request.number > self._asked_before
        return self._stop

    def log(self, /, **metrics: object) -> None:
        """Appends one record: step, tokens, loss in nats per token, and whatever else, by any name.

        `runs.metrics.KNOWN` lists the names with a meaning. A value is a number, or has one as its `item()`, as those
        of NumPy and tensors have. `time` defaults to now. Values that are not finite are left out.

        Raises:
            InputError: of a strict writer: a value that is no number, or a name that `is_usable` rejects.
            OSError: of a strict writer: the record could not be written.
        """
        record: dict[str, int | float] = {}
        for name, value in metrics.items():
            if value is None:
                continue
            if not self._takes(name):
                continue
            number = _number(value)
            if number is None:
                self._complain(f"metric {name}", f"metric {name}: found {_shown(value)}, want a number")
            else:
                record[name] = number
        losses = [record[name] for name in ("loss", "val_loss") if name in record]
        if losses:
            self._loss_is_finite = all(map(math.isfinite, losses))
        with self._guarded():
            self._claim()
            self.check_owner()
            append_line(self.attempt / "metrics.jsonl", only_finite({"time": time.time(), **record}))
        self.heartbeat()

    def _takes(self, name: str) -> bool:
        """Whether a metric of this name is recorded."""
        if name in KNOWN or name in self._others:
            return True
        if not is_usable(name):
            wanted = f"want 1 to {LONGEST_NAME} printable characters"
            self._complain("name", f"metric {_shown(name)}: found an unusable name, {wanted}")
            return False
        if len(self._others) == MOST_OTHERS:
            self._complain("count", f"metric {_shown(name)}: found more than {MOST_OTHERS} names, want no more")
            return False
        self._others.add(name)
        return True

    def _claim(self) -> None:
        """Makes what is not there yet of the sweep, the run and the attempt."""
        if self._claimed:
            return
        if self._config is not None:
            if not self.strict:
                self._rename()
            _make_sweep(self.run.parent, {})
            faults: list[str] = []
            schema.RUN(_plain(self._config), "", faults)
            for fault in faults:  # said now, while it can be mended, not when the run is read
                self._complain(f"config {fault}", f"run.json: {fault}")
            write_run(self.run, self._config)
        self.attempt = claim(self.run, "attempt")
        self._claimed = True
        put_up(self.attempt)

    def _rename(self) -> None:
        """Gives the run, and a sweep that is not there yet, names that folders can have."""
        sweep = self.run.parent
        if sweep.name and not (sweep / "sweep.json").exists():
            sweep = sweep.with_name(self._usable("sweep", sweep.name))
        self.run = sweep / self._usable("run", self.run.name)

    def _usable(self, what: str, name: str) -> str:
        try:
            return safe_name(name)
        except InputError as error:
            kept = "".join(one if one.isprintable() else "-" for one in name).strip(".-") or what
            kept = kept.encode()[:200].decode(errors="ignore")
            self._complain(what, f"{what} {error}", f"it is called {kept!r}")
            return kept

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """What goes wrong inside is raised by a strict writer, and warned of once by another."""
        try:
            yield
        except Exception as error:
            if self.strict:
                raise
            if isinstance(error, SupersededError):
                self._complain("owner", f"{error}", "nothing more of it is recorded here")
                return
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            self._complain("write", f"{self.run}: cannot be written to ({reason})", "the training goes on")

    def _complain(self, kind: str, fault: str, then: str = "it is left out") -> None:
        """Raises `fault`, or warns of the first one of its kind."""
        if self.strict:
            raise InputError(fault)
        told = f"{fault}; {then}" if kind in ("write", "run", "sweep") else f"run {self.run.name}: {fault}; {then}"
        if kind in self._warned:
            return
        self._warned.add(kind)
        tell(told)

    def checkpoint(self, step: int, fill: Callable[[Path], None], last: int = KEPT_CHECKPOINTS) -> Path:
        """Makes `checkpoint-<step>`: `fill` writes its files into a folder that gets this name once it is complete.

        The `last` latest checkpoints of the attempt are kept, and those at the steps in `keep`. What goes wrong is
        raised, by a writer that is not strict too.
        """
        self._claim()
        self.check_owner()
        final = self.attempt / f"checkpoint-{step}"
        temporary = self.attempt / f".checkpoint-{step}.tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        try:
            fill(temporary)
            for path in temporary.iterdir():
                _to_disk(path)
            self.check_owner()
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
        self._claim()
        self.check_owner()
        self._broken, self._dead = set(broken), self._dead_attempts()
        for attempt in self._dead:
            for unfinished in attempt.glob(".checkpoint-*.tmp"):
                shutil.rmtree(unfinished, ignore_errors=True)
        self._clean_up(last)

    def _clean_up(self, last: int) -> None:
        """Removes all but the `last` latest checkpoints, those at the steps in `keep`, and what is broken."""
        self.check_owner()
        own = numbered(self.attempt, "checkpoint")
        dead = [numbered(attempt, "checkpoint") for attempt in self._dead]
        fences = fences_of([*self._dead, self.attempt]) if self._dead else {}
        latest: dict[int, Path] = {}  # of each step the one that a later attempt wrote
        outdated = []
        for step, path in [entry for attempt in dead for entry in attempt] + own:
            fence = fences.get(path.parent.name)
            if path in self._broken:
                outdated += [path] if own else []
            elif fence is not None and step not in fence.steps:
                outdated.append(path)  # written by an attempt that did not own the run any more
            else:
                outdated += [latest[step]] if step in latest else []
                latest[step] = path
        others = [latest[step] for step in sorted(latest) if step not in self.keep]
        for path in outdated + others[:-last]:
            _remove(path)

    def _dead_attempts(self) -> list[Path]:
        """The attempts before this one: their writers are gone, or write nothing more since this one was claimed.

        What was trained before the run started over stays as it is, checkpoints too.
        """
        attempts = [path for _, path in numbered(self.run, "attempt")]
        dead = attempts[: attempts.index(self.attempt)]
        anew = max((place for place, path in enumerate(dead) if starts_over(path)), default=0)
        return dead[anew:]


def tell(text: str) -> None:
    """Warns, and never raises: not even where somebody turned warnings into errors."""
    try:
        warnings.warn(visible(text), RuntimeWarning, stacklevel=3)
    except Warning:
        with suppress(Exception):
            print(visible(text), file=sys.stderr)


def _number(value: Any) -> int | float | None:
    """The number that a metric's value is: also a truth value, a scalar of NumPy, a tensor of one element.

    None where it is none, or one that a float cannot hold.
    """
    try:
        if hasattr(value, "item"):
            value = value.item()
        if isinstance(value, str | bytes | bytearray):
            return None
        number = float(value)
        return int(value) if isinstance(value, int) else number
    except Exception:  # an object of somebody else's may raise anything
        return None


def _shown(value: object) -> str:
    """A value as a warning shows it."""
    try:
        return reprlib.repr(value)
    except Exception:
        return f"a {type(value).__name__}"


def checkpoints(run: Path) -> list[Path]:
    """The complete checkpoints of a run over all its attempts, the highest step first.

    One that an attempt wrote after a later one had begun is none of the run's.
    """
    attempts = numbered(run, "attempt")
    fences = fences_of(path for _, path in attempts)
    complete = [
        (step, number, path)
        for number, attempt in attempts
        for step, path in numbered(attempt, "checkpoint")
        if attempt.name not in fences or step in fences[attempt.name].steps
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
