"""What guided experiments say in numbers: of a ladder before it is trained, and of the sweep that came of it."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from scaling_tui import InputError
from scaling_tui.data.synthetic import SOURCES, source_named
from scaling_tui.sweeps.results import outcome

if TYPE_CHECKING:
    from scaling_tui.runs import SweepView
    from scaling_tui.sweeps.ladder import Ladder
    from scaling_tui.tutor.content.experiment import Facts, Part

Fact = tuple[tuple[str, ...], float]
FAR = 1e15  # an N or a D at which what is left of a term is beyond any digit shown, so that E alone remains


def facts_before(ladder: "Ladder") -> "Facts":
    """What a ladder tells before it is trained."""
    return dict(_ladder_facts(ladder))


def _ladder_facts(ladder: "Ladder") -> Iterator[Fact]:
    for rung in ladder.rungs:
        yield ("params", rung.case), float(rung.count.total)
        yield ("body", rung.case), float(rung.count.non_embedding)
        yield ("tokens", rung.case), float(rung.tokens)
        yield ("steps", rung.case), float(rung.training.steps(rung.architecture.context))
        for metric, value in rung.claimed.items():
            yield ("claimed", rung.case, metric), value
    corpus = ladder.corpus
    if corpus.name in SOURCES:
        source = source_named(corpus.name, corpus.parameters)
        if source.entropy is not None:
            yield ("source", "entropy"), source.entropy
        yield ("source", "ceiling"), source.ceiling


def facts_after(part: "Part", ladder: "Ladder", sweep: "SweepView") -> "Facts":
    """What the ladder and the finished runs of its sweep tell, as far as the part's texts ask for it."""
    wanted = {key[0] for key in part.facts_used(known_before=False)}
    facts = dict(_ladder_facts(ladder)) | dict(_outcome_facts(sweep))
    if wanted & {"fitted", "low", "high"}:
        facts |= dict(_law_facts(sweep, bool(wanted & {"low", "high"})))
    if wanted & {"valley", "growth"}:
        facts |= dict(_valley_facts(sweep))
    return facts


def _outcome_facts(sweep: "SweepView") -> Iterator[Fact]:
    for case in outcome(sweep):
        name = str(case["case"])
        yield ("seeds", name), float(len(case["seeds"]))
        for metric, found in case["metrics"].items():
            for fact, key in (("measured", "mean"), ("sd", "sd")):
                if found[key] is not None:
                    yield (fact, name, metric), float(found[key])


def _law_facts(sweep: "SweepView", intervals: bool) -> Iterator[Fact]:
    from scaling_tui.laws import predict
    from scaling_tui.sweeps.sweep_fit import fit_sweep

    fitted = fit_sweep(sweep)
    if fitted is None:
        return
    for name, value in fitted.fit.coefficients.items():
        if math.isfinite(value):
            yield ("fitted", name), float(value)
    if intervals and "E" in fitted.fit.coefficients:
        floor = predict(fitted.fit, of="law", params=FAR, tokens=FAR)
        if math.isfinite(floor.low + floor.high):
            yield ("low", "E"), floor.low
            yield ("high", "E"), floor.high


def _valley_facts(sweep: "SweepView") -> Iterator[Fact]:
    from scaling_tui.laws.fitting.isoflop import profiles
    from scaling_tui.sweeps.sweep_fit import points_of_sweep

    try:
        found = profiles(points_of_sweep(sweep))
    except InputError:
        return
    for number, valley in enumerate(found.valleys, 1):
        if not valley.edge:
            yield ("valley", str(number)), valley.params
    if found.params:
        for name in ("exponent", "low", "high"):
            value = getattr(found.params, name)
            if math.isfinite(value):
                yield ("growth", name), value
