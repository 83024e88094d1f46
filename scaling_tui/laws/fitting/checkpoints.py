"""Tells the checkpoints of a run from runs: a training trajectory is one run, and its last checkpoint the point.

Told by a column of runs or steps; without either, by the shape of the rows: a run's checkpoints stand together, at
evenly spaced tokens that rise, with a loss that falls. Runs that were planned stand at few budgets, and those are
mostly in a ratio to each other, as are tokens per parameter. Fitted as independent, 4,852 checkpoints of 261 runs
give intervals far too narrow.
"""

import math
import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scaling_tui.laws.kernels import Array

FEWEST = 5  # rows at one N that can look like a trajectory where no column says so
_MANY = 20  # rows at one N that planned runs hardly have
_EVEN = 0.02  # by how much of itself a gap may differ from the common one
_STEP_IN_NAME = re.compile(r"[-_/ .:@]*(?:steps?|iter(?:ation)?|ckpt|checkpoint)[-_= ]*\d+[kKmM]?/?$")
_ALIKE = 0.02  # budgets, or tokens per parameter, closer than this share are one


@dataclass(frozen=True)
class Rows:
    """What is known of the rows, as arrays or lists of equal length; None where no column tells it.

    Args:
        params, tokens: N and D; nan where a cell is empty.
        step: of the optimizer, or what else counts a run's progress.
        run: the name of each row's run, or of its checkpoint (`small-step100`).
        settings: what else tells runs apart, such as the learning rate and the seed, a tuple a row.
        loss: nats per token; nan where there is none.
    """

    params: Array | None
    tokens: Array | None
    step: Array | None
    run: Sequence[str] | None
    settings: Sequence[Hashable]
    loss: Array


@dataclass(frozen=True)
class Checkpoints:
    """The rows to keep, how many they are, and how they were told; `doubt` where they may only look like it."""

    keep: NDArray[np.bool_]
    runs: int
    told_by: str
    doubt: bool = False


def find_checkpoints(rows: Rows, forced: bool = False) -> Checkpoints | None:
    """The last checkpoint of each run, if the rows are checkpoints; None where each row is a run.

    Args:
        rows: the rows of a table.
        forced: take them for checkpoints, whatever they look like.
    """
    progress = rows.step if rows.step is not None else rows.tokens
    if rows.loss.size == 0 or progress is None:
        return None
    params = np.zeros(rows.loss.size) if rows.params is None else rows.params
    run = _names_of_runs(rows.run, params)
    if run is not None:
        groups = _groups(list(zip(run, params.tolist(), strict=True)))
        if _rise(groups, progress) and (forced or rows.step is not None or not _planned(groups, rows)):
            return _last(groups, progress, "the column of runs")
        if len(groups) == len(run) and not forced:
            return None  # every row has a name of its own
    groups = _groups(list(zip(params.tolist(), rows.settings, strict=True)))
    if rows.step is not None and rows.tokens is not None:
        planned = _groups(list(zip(params.tolist(), rows.settings, rows.tokens.tolist(), strict=True)))
        groups = planned if _rise(planned, rows.step) else groups  # D is what the run was to see, not what it has seen
    if not _rise(groups, progress):
        return None
    if forced or (run is None and rows.step is not None):
        return _last(groups, progress, "the steps" if rows.step is not None else "the tokens at each N")
    return _by_shape(groups, rows, progress)


def _names_of_runs(names: Sequence[str] | None, params: Array) -> Sequence[str] | None:
    """The name of each row's run; None where the column numbers the rows, or calls runs of several sizes the same."""
    if names is None or any(list(names) == [str(i) for i in range(start, start + len(names))] for start in (0, 1)):
        return None
    if len(set(names)) == len(names):
        stems = [_STEP_IN_NAME.sub("", name) for name in names]
        names = stems if len(set(stems)) < len(stems) else names
    sizes = {(name, size) for name, size in zip(names, params.tolist(), strict=True) if math.isfinite(size)}
    return names if len(sizes) <= len(set(names)) else None


def _groups(keys: Sequence[Hashable]) -> list[NDArray[np.intp]]:
    found: dict[Hashable, list[int]] = {}
    for place, key in enumerate(keys):
        found.setdefault(key, []).append(place)
    return [np.array(places, dtype=np.intp) for places in found.values()]


def _rise(groups: Sequence[NDArray[np.intp]], progress: Array) -> bool:
    """Whether rows of one group differ in their progress."""
    return any(len(set(progress[group][np.isfinite(progress[group])].tolist())) > 1 for group in groups)


def _last(groups: Sequence[NDArray[np.intp]], progress: Array, told_by: str) -> Checkpoints:
    """Keeps the rows of most progress of each group; several where they tie, as repeats do."""
    keep = np.zeros(progress.size, dtype=bool)
    for group in groups:
        own = progress[group]
        keep[group] = (own == np.nanmax(own)) if np.isfinite(own).any() else True
    return Checkpoints(keep, int(keep.sum()), told_by)


def _evenly(values: Array) -> bool:
    """Whether most gaps between the values are equal; the first and the last may be cut short."""
    gaps = np.diff(np.sort(values))
    if gaps.size < 2 or not (gaps > 0).all():
        return False
    common = float(np.median(gaps))
    return float(np.mean(np.abs(gaps - common) <= _EVEN * common)) >= 0.75


def _distinct(values: Array) -> int:
    """How many values there are, counting those within `_ALIKE` of each other once."""
    logs = np.sort(np.log(values[np.isfinite(values) & (values > 0)]))
    return int(np.count_nonzero(np.diff(logs) > _ALIKE)) + 1 if logs.size else 0


def _planned(groups: Sequence[NDArray[np.intp]], rows: Rows) -> bool:
    """Whether rows of one name look like runs of one size, at budgets or ratios that other sizes have too."""
    if rows.tokens is None or rows.params is None:
        return False
    several = [group for group in groups if group.size > 1]
    if not several or sum(map(_evenly, (rows.tokens[group] for group in several))) > len(several) / 2:
        return False
    return _on_a_grid(several, rows.tokens, rows.params)


def _on_a_grid(several: Sequence[NDArray[np.intp]], tokens: Array, params: Array) -> bool:
    """Whether the groups share their budgets C = 6ND, or their D/N, as isoFLOP sweeps and multiples of 20N do."""
    if len(several) < 2:
        return False
    places = np.concatenate(several)
    largest = max(group.size for group in several)
    few = max(1.5 * largest, largest + 1)
    return _distinct(tokens[places]) > few and (
        _distinct(params[places] * tokens[places]) <= few or _distinct(tokens[places] / params[places]) <= few
    )


def _by_shape(groups: Sequence[NDArray[np.intp]], rows: Rows, progress: Array) -> Checkpoints | None:
    """Checkpoints where no column names a run or a step; None where the rows look like runs."""
    if rows.tokens is None or rows.params is None:
        return None
    several = [group for group in groups if group.size >= FEWEST]
    if sum(group.size for group in several) < 0.8 * rows.loss.size:
        return None
    if not all(_falls(group, rows.tokens, rows.loss) for group in several):
        return None
    found = _last(groups, progress, "the evenly spaced tokens at each N")
    if sum(map(_evenly, (rows.tokens[group] for group in several))) >= 0.75 * len(several):
        return found
    if _on_a_grid(several, rows.tokens, rows.params):
        return None
    many = float(np.median([group.size for group in several])) >= _MANY
    return replace(found, told_by="the many rising tokens at each N", doubt=not many)


def _falls(group: NDArray[np.intp], tokens: Array, loss: Array) -> bool:
    """Whether rows stand together, their tokens rise, and their loss falls as that of one curve would."""
    own = loss[group]
    own = own[np.isfinite(own)]
    together = group[-1] - group[0] + 1 == group.size
    rising = bool((np.diff(tokens[group]) > 0).all())
    falling = own.size > 1 and own[-1] < own[0] and float(np.mean(np.diff(own) < 0)) >= 0.6
    return together and rising and falling and math.isfinite(float(tokens[group].sum()))
