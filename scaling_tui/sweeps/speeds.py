"""What is known of how fast runs train on this machine: by runs that it has trained, and by probes of it."""

import hashlib
import json
import math
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws.counting import Architecture
from scaling_tui.runs import RunView, SweepView, list_sweeps
from scaling_tui.runs.format import numbered, read_json, write_json
from scaling_tui.runs.glance import glance
from scaling_tui.sweeps.devices import free_memory, kind_of
from scaling_tui.sweeps.machine import machine, versions
from scaling_tui.sweeps.size import Size

LATEST = 12  # sweeps to read; older ones add nothing
MOST_PROBED = 500  # speeds to keep
PROBE_LASTS_S = 30 * 86_400.0
TRIMMED = 0.1  # at each end: of a machine that did something else for a moment


@dataclass(frozen=True)
class Trained:
    """A size as it is trained: with so many CPU threads a process, while so many runs of the sweep train at a time."""

    size: Size
    threads: int
    together: int

    @property
    def share(self) -> "Trained":
        """What one of its processes computes, while as many processes train."""
        return replace(self, size=self.size.share, together=self.together * self.size.processes)


@dataclass(frozen=True)
class Speed:
    """Seconds of the parts of a run; None where nobody measured them.

    Args:
        step: of a training step.
        evaluation: of evaluating one token.
        setup: from the start of the run, in a process that is ready, to its first step.
        checkpoint: of writing one.
    """

    step: float
    evaluation: float | None = None
    setup: float | None = None
    checkpoint: float | None = None


@dataclass(frozen=True)
class Evidence:
    """What is known of the speed of this machine on one kind of device.

    Args:
        recorded: by runs that it trained with these versions.
        probed: by probes.
        start: seconds until a worker is ready to load a corpus; None where it is unknown.
        peak: FLOP/s of a plain matrix product by the number of CPU threads.
        gpu_free: bytes free on the fullest GPU; None without one.
        too_large: what a probe could not try within its time or the memory.
    """

    recorded: Mapping[Trained, Speed] = field(default_factory=dict)
    probed: Mapping[Trained, Speed] = field(default_factory=dict)
    start: float | None = None
    peak: Mapping[int, float] = field(default_factory=dict)
    gpu_free: int | None = None
    too_large: frozenset[Trained] = frozenset()

    def of(self, trained: Trained) -> Speed | None:
        """The speed of exactly this: as runs reached it, with what only a probe knows, or by a probe alone."""
        recorded, probed = self.recorded.get(trained), self.probed.get(trained)
        if recorded is None or probed is None:
            return recorded or probed
        known = {name: value for name, value in asdict(recorded).items() if value is not None}
        return replace(probed, **known)


def evidence(runs: Path, device: str = "auto") -> Evidence:
    """What the latest sweeps in `runs` and earlier probes tell of this machine with a device of this kind."""
    kind = kind_of(device)
    free = free_memory(device) if kind == "cuda" else None
    return replace(cached(kind), recorded=recorded(runs, kind), gpu_free=free)


def recorded(runs: Path, kind: str) -> dict[Trained, Speed]:
    """The median speeds of the runs in the latest sweeps that this machine trained with these versions."""
    return _medians(found for view in _latest(runs, kind) for found in _speeds(view))


def on_clusters(runs: Path, on: str, kind: str) -> dict[Trained, Speed]:
    """The median speeds of the runs in the latest sweeps that this host had trained by an engine, each as on one GPU.

    Args:
        runs: the folder of the sweeps.
        on: the engine: `ray` or `slurm`.
        kind: of the device that the workers had.
    """
    return _medians(found for view in _latest(runs, on) for found in _speeds_on_cluster(view, kind))


def side_by_side(known: Evidence) -> Evidence:
    """The same as of runs each of which has its own slot, on a machine that is as busy as it was with the most."""

    def own(speeds: Mapping[Trained, Speed]) -> dict[Trained, Speed]:
        ordered = sorted(speeds.items(), key=lambda item: item[0].together)
        return {replace(trained, together=1): speed for trained, speed in ordered}

    return replace(
        known,
        recorded=own(known.recorded),
        probed=own(known.probed),
        too_large=frozenset(replace(trained, together=1) for trained in known.too_large),
    )


def _latest(runs: Path, device: str) -> Iterator[SweepView]:
    """The latest sweeps that this host launched with these versions, on that kind of device or by that engine."""
    here = (machine()["host"], device)
    try:
        latest = list_sweeps(runs)[:LATEST]
    except InputError:
        latest = []
    for path in latest:
        try:
            view = glance(path)
        except (InputError, OSError):
            continue
        where, with_versions = view.document.get("machine") or {}, view.document.get("versions")
        if (where.get("host"), where.get("device")) == here and _same_code(with_versions):
            yield view


def _medians(found: Iterable[tuple[Trained, Speed]]) -> dict[Trained, Speed]:
    speeds: dict[Trained, list[Speed]] = {}
    for trained, speed in found:
        speeds.setdefault(trained, []).append(speed)
    return {trained: _median(each) for trained, each in speeds.items()}


def _same_code(found: object) -> bool:
    own = versions()
    return isinstance(found, dict) and all(found.get(name) == own[name] for name in ("scaling-tui", "torch"))


def _speeds(view: SweepView) -> Iterable[tuple[Trained, Speed]]:
    options, fitted = view.document.get("launch"), view.document.get("fit") or {}
    planned = options.get("at_a_time") if isinstance(options, dict) else None
    if not isinstance(planned, int):
        return
    beside = sum(run.rung != fitted.get("predict") for run in view.runs)
    for run in view.runs:
        threads, processes = _threads(run)
        size, speed = Size.of_config(run.config, processes), _speed(run)
        if size is not None and threads and processes and speed is not None:
            together = 1 if run.rung == fitted.get("predict") else max(1, min(planned, beside))
            yield Trained(size, threads, together), speed


def _speeds_on_cluster(view: SweepView, kind: str) -> Iterable[tuple[Trained, Speed]]:
    for run in view.runs:
        threads, processes = _threads(run)
        size, speed = Size.of_config(run.config, processes), _speed(run)
        if size is not None and threads and processes and speed is not None and _engine(run).get("device") == kind:
            yield Trained(size, threads, 1), speed


def _engine(run: RunView) -> dict[str, Any]:
    attempts = numbered(run.path, "attempt")
    engine = read_json(attempts[-1][1] / "engine.json") if attempts else None
    return engine if isinstance(engine, dict) else {}


def _threads(run: RunView) -> tuple[int, int]:
    """The CPU threads of each process in the run's latest attempt, and how many processes trained it in each attempt.

    0 where that is not told, or changed.
    """
    found = [read_json(path / "engine.json") for _, path in numbered(run.path, "attempt")]
    engines = [engine for engine in found if isinstance(engine, dict)]
    if not engines or engines[-1] is not found[-1]:
        return 0, 0
    threads, processes = engines[-1].get("threads"), [engine.get("processes", 1) for engine in engines]
    if not isinstance(threads, int) or threads < 1 or processes != [processes[-1]] * len(processes):
        return 0, 0
    return threads, processes[-1] if isinstance(processes[-1], int) else 0


def _speed(run: RunView) -> Speed | None:
    curve, config = run.curve, run.config.get("training") or {}
    tokens, rate, times = (np.diff(curve[name]) if name != "tokens_per_s" else curve[name][1:] for name in (
        "tokens", "tokens_per_s", "time"
    ))  # fmt: skip
    size = Size.of_config(run.config)
    sound = (tokens > 0) & (rate > 0)
    if size is None or not sound.any():
        return None
    # The time between two records is that of their steps, and of an evaluation where one was due.
    at_work = np.full(len(tokens), math.nan)
    at_work[sound] = tokens[sound] / rate[sound]
    evaluated = sound & ~np.isnan(curve["val_loss"][1:]) & (times > at_work)
    read = min(config.get("held_out_tokens") or 0, config.get("tokens") or 0) * (2 if config.get("gap") else 1)
    evaluation = None
    if evaluated.any() and read:
        evaluation = float(np.median((times - at_work)[evaluated])) / read
    return Speed(_trimmed(size.tokens_a_step / rate[sound]), evaluation)


def _trimmed(values: "np.ndarray[Any, Any]") -> float:
    """The mean without the highest and the lowest tenth."""
    ordered = np.sort(values)
    cut = int(TRIMMED * len(ordered))
    return float(ordered[cut : len(ordered) - cut].mean())


def _median(speeds: list[Speed]) -> Speed:
    evaluations = [speed.evaluation for speed in speeds if speed.evaluation is not None]
    return Speed(median(speed.step for speed in speeds), median(evaluations) if evaluations else None)


def cached(kind: str) -> Evidence:
    """What earlier probes of this machine have measured with these versions, if it is not too old."""
    document = read_json(_cache(kind))
    found = Evidence()
    if not isinstance(document, dict):
        return found
    try:
        if time.time() - float(document["time"]) > PROBE_LASTS_S:
            return found
        entries = {_trained(entry): entry["speed"] for entry in document["probed"]}
        probed = {trained: _seconds(speed) for trained, speed in entries.items() if speed is not None}
        peak = {int(threads): float(value) for threads, value in document["peak"].items()}
        return replace(
            found,
            probed=probed,
            start=_amount(document["start"]),
            peak=peak,
            too_large=frozenset(entries) - probed.keys(),
        )
    except (InputError, AttributeError, KeyError, TypeError, ValueError):
        return found  # of another version, or broken: it is measured again


def keep(kind: str, known: Evidence) -> None:
    """Keeps what was probed for the next time; where that fails, it is measured again."""
    tried = [*((trained, None) for trained in known.too_large), *known.probed.items()]
    probed = [
        {"size": trained.size.as_json(), "threads": trained.threads, "together": trained.together,
         "speed": speed and asdict(speed)}
        for trained, speed in tried[-MOST_PROBED:]
    ]  # fmt: skip
    peak = {str(threads): value for threads, value in known.peak.items()}
    path = _cache(kind)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {"time": time.time(), "start": known.start, "peak": peak, "probed": probed})
    except OSError:
        return


def _cache(kind: str) -> Path:
    from platformdirs import user_cache_path

    named = json.dumps([machine(), versions(), kind], sort_keys=True)
    key = hashlib.sha256(named.encode()).hexdigest()[:16]
    return user_cache_path("scaling-tui", appauthor=False) / "speeds" / f"{key}.json"


def _trained(entry: Mapping[str, Any]) -> Trained:
    size = dict(entry["size"])
    size["architecture"] = Architecture(**size["architecture"])
    return Trained(Size(**size), int(entry["threads"]), int(entry["together"]))


def _seconds(entry: Mapping[str, Any]) -> Speed:
    speed = Speed(**{name: _amount(value) for name, value in entry.items()})  # type: ignore[arg-type]
    if speed.step is None:
        raise ValueError("no step")
    return speed


def _amount(value: Any) -> float | None:
    """A measured time, or None.

    Raises:
        ValueError: it is neither.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ValueError(f"found {value!r}")
    return float(value)
