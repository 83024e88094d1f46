"""Sources compared: a law each, where they differ beyond their noise, what they predict at one budget, settings."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from scaling_tui import InputError
from scaling_tui.laws import find_law
from scaling_tui.laws.fitting.difference import Difference, Pairing, differences, interval_of, pairing, why_not
from scaling_tui.laws.fitting.study import Study, study
from scaling_tui.laws.fitting.warnings import beyond
from scaling_tui.laws.forms import Input
from scaling_tui.laws.kernels import Array
from scaling_tui.laws.planning.along_compute import RECORDED, AlongCompute, along_compute
from scaling_tui.report.comparison.settings import Setting, corpora, differing_settings, tokenizers
from scaling_tui.report.comparison.sources import Source
from scaling_tui.report.fit import DRAWS, option_names
from scaling_tui.text import show

LEVEL = 0.9


@dataclass(frozen=True)
class Predicted:
    """What a law says at the common budget; `run` holds N and D there, `low` and `high` are nan without draws."""

    loss: float
    low: float
    high: float
    run: dict[Input, float]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Side:
    """A source with its law; `problem` says why it has none, `unpredicted` why it says nothing at the budget."""

    source: Source
    study: Study | None
    along: AlongCompute | None
    predicted: Predicted | None
    problem: str = ""
    unpredicted: str = ""

    @property
    def name(self) -> str:
        return self.source.name


@dataclass(frozen=True)
class Apart:
    """How two sides differ, the second minus the first: in coefficients, unless `why_not` tells why they cannot be
    subtracted, and in the loss at the common budget, where both have one and count C alike."""

    first: str
    second: str
    pairing: Pairing
    coefficients: tuple[Difference, ...]
    why_not: str
    loss: Difference | None


@dataclass(frozen=True)
class SideBySide:
    """The comparison. `flops` is the common budget; None where no source tells its own."""

    sides: tuple[Side, ...]
    flops: float | None
    apart: tuple[Apart, ...]
    settings: tuple[Setting, ...]
    notes: tuple[str, ...]
    level: float


def compare_sources(
    sources: Sequence[Source],
    *,
    law: str | None = None,
    convention: str | None = None,
    flops: float | None = None,
    draws: int = DRAWS,
    level: float = LEVEL,
) -> SideBySide:
    """Fits a law to each source and compares them, every two of them.

    Args:
        sources: with a name of their own each.
        law: to fit to all; None is each source's own, and chinchilla to a table.
        convention: of N for all, "all" or "non-embedding"; None is each source's own.
        flops: the budget at which to compare; None takes the largest C among the fitted runs.
        draws: bootstrap refits of each fit.
        level: of all intervals.

    Raises:
        InputError: no such law.
    """
    if law is not None:
        find_law(law)  # one that is unknown is no fault of a source
    fitted = _counting_alike([_fitted(source, law, convention, draws, level) for source in sources])
    if flops is None:
        flops = max((_largest(side) for side in fitted), default=math.nan)
        flops = flops if math.isfinite(flops) else None
    sides = tuple(side if flops is None else _predicted(side, flops) for side in fitted)
    views = [source.view for source in sources]
    return SideBySide(
        sides,
        flops,
        tuple(_apart(a, b, flops, level) for a, b in combinations(sides, 2) if a.study and b.study),
        differing_settings(views),
        tuple(_notes(sides)),
        level,
    )


def _fitted(source: Source, law: str | None, convention: str | None, draws: int, level: float) -> Side:
    loaded = source.points
    if loaded is None:
        return Side(source, None, None, None, source.problem)
    try:
        with option_names(), loaded.explained():
            made = study(
                law or loaded.law or "chinchilla",
                loaded.points,
                draws=draws,
                convention=convention or loaded.convention,
                level=level,
                warnings=loaded.warnings,
            )
    except InputError as error:
        return Side(source, None, None, None, str(error))
    try:
        return Side(source, made, along_compute(made.fit), None)
    except InputError as error:
        return Side(source, made, None, None, unpredicted=str(error))


def _counting_alike(sides: list[Side]) -> list[Side]:
    """The sides with C counted alike in all, as 6ND, if some of them recorded no C and the others can do without."""
    told = [side.along for side in sides if side.along is not None]
    multiplied = {along.counts for along in told} - {RECORDED}
    if len({along.counts for along in told}) < 2 or len(multiplied) > 1:
        return sides
    try:
        found = [
            side if side.along is None or side.along.counts != RECORDED
            else replace(side, along=along_compute(side.along.fit, recorded=False))
            for side in sides
        ]  # fmt: skip
    except InputError:
        return sides
    return found if len({side.along.counts for side in found if side.along is not None}) == 1 else sides


def compute_of(side: Side) -> Array | None:
    """C of the fitted runs, as its law counts it; None where it is not known."""
    if side.along is not None:
        return side.along.compute
    return side.study.fit.points.compute() if side.study is not None else None


def _largest(side: Side) -> float:
    compute = compute_of(side)
    return -math.inf if compute is None else float(compute.max())


def _predicted(side: Side, flops: float) -> Side:
    if side.study is None or side.along is None:
        return side
    fit, bootstrap = side.study.fit, side.study.draws
    loss, low, high = side.along.loss(flops), math.nan, math.nan
    if bootstrap is not None:
        low, high = bootstrap.interval(side.along.draws(bootstrap, flops), side.study.level)
        low, high = min(low, loss), max(high, loss)
    run = side.along.run(flops)
    predicted = Predicted(loss, low, high, run, beyond(fit, flops=flops) or beyond(fit, **run))
    return Side(side.source, side.study, side.along, predicted)


def _apart(first: Side, second: Side, flops: float | None, level: float) -> Apart:
    ours, theirs = first.study, second.study
    assert ours is not None
    assert theirs is not None
    why = why_not(ours.fit, theirs.fit)
    pairs = pairing(ours, theirs)
    return Apart(
        first.name,
        second.name,
        pairs,
        () if why else differences(ours, theirs, level),
        why,
        _loss_apart(first, second, flops, level, pairs),
    )


def _loss_apart(first: Side, second: Side, flops: float | None, level: float, pairs: Pairing) -> Difference | None:
    ours, theirs = first.predicted, second.predicted
    if flops is None or ours is None or theirs is None or len(_counts([first, second])) > 1:
        return None
    value, low, high = theirs.loss - ours.loss, math.nan, math.nan
    drawn = [
        side.along.draws(side.study.draws, flops)
        for side in (first, second)
        if side.along is not None and side.study is not None and side.study.draws is not None
    ]
    if len(drawn) == 2:
        low, high = interval_of(drawn[0], drawn[1], value, level, pairs.how)
    return Difference("loss", value, low, high, level)


def _counts(sides: Sequence[Side]) -> dict[str, str]:
    """A side for each way in which C is counted."""
    return {side.along.counts: side.name for side in reversed(sides) if side.along is not None}


def _notes(sides: Sequence[Side]) -> list[str]:
    """What to know before believing the comparison."""
    notes = []
    if len(counted := _counts(sides)) > 1:
        notes.append(
            "they count C differently ("
            + ", ".join(f"{name} {counts}" for counts, name in reversed(counted.items()))
            + "): losses at one C are subtracted only where it is counted alike"
        )
    views = [side.source.view for side in sides]
    if len(named := tokenizers(views)) > 1:
        notes.append(f"their tokenizers differ ({show.listed(named)}): do not compare their losses per token")
    if len(named := corpora(views)) > 1:
        notes.append(f"their corpora differ ({show.listed(named)}): one law has different coefficients on each")
    unknown = [side.name for side in sides if side.source.view is None]
    if unknown and len(unknown) < len(sides):
        notes.append(f"{show.listed(unknown)}: a table records no settings, corpus or tokenizer")
    losses = {side.name: side.source.points.loss for side in sides if side.source.points and side.source.points.loss}
    if len(set(losses.values())) > 1:
        notes.append("they are fitted to different losses: " + "; ".join(f"{k}, {v}" for k, v in losses.items()))
    notes += [
        _shared(first, second)
        for first, second in combinations(sides, 2)
        if first.study and second.study and pairing(first.study, second.study).shared
    ]
    return notes


def _shared(first: Side, second: Side) -> str:
    """How many runs two sources share, and what that does to the intervals of their differences."""
    assert first.study is not None
    assert second.study is not None
    pairs = pairing(first.study, second.study)
    every = pairs.shared == len(first.study.fit.points) == len(second.study.fit.points)
    which = "the same runs" if every else show.counted(pairs.shared, "run")
    independent = "the sources are taken as independent, so they are usually too wide"
    how = "both are resampled alike" if pairs.how == "paired" else independent
    return f"{first.name} and {second.name} share {which}; intervals of differences: {how}"
