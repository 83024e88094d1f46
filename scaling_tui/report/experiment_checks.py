"""Checks a guided experiment before anybody takes it: its ladders, and every text with what it asks for."""

from collections.abc import Sequence

from scaling_tui import InputError
from scaling_tui.report.experiment_facts import facts_before
from scaling_tui.report.experiments import ladder_of
from scaling_tui.runs.metrics import METRICS
from scaling_tui.tutor.content.experiment import KNOWN_BEFORE, Experiment, Part, undefined

_OF_A_CASE = frozenset(("measured", "sd", "seeds", "claimed", "params", "body", "tokens", "steps"))


def check_experiment(experiment: Experiment, lessons: Sequence[str]) -> list[str]:
    """The problems of an experiment, one line each with file, part and field; empty if it is sound.

    Its ladders exist, its texts ask for cases and metrics that they have, what is shown before a run is known before
    it, and each sentence can be said as well as contradicted.
    """
    problems = []
    if experiment.lesson not in lessons:
        problems.append(
            f"{experiment.path}: field 'lesson': found {experiment.lesson!r}, want one of {', '.join(lessons)}"
        )
    for number, part in enumerate(experiment.parts, 1):
        problems += [f"{experiment.path}: part {number}: {fault}" for fault in _faults(part)]
    return problems


def _faults(part: Part) -> list[str]:
    try:
        ladder = ladder_of(part)
    except InputError as error:
        return [f"field 'ladder': {error}"]
    cases = {rung.case for rung in ladder.rungs}
    faults = [f"field {field!r}: found {name!r}, want one of {', '.join(METRICS)}"
              for field, names in (("table", part.table), ("curve", (part.curve,)))
              for name in names if name not in METRICS]  # fmt: skip
    before = part.facts_used(known_before=True)
    faults += [f"before the run: {key[0]} is not known yet" for key in sorted(before) if key[0] not in KNOWN_BEFORE]
    for key in sorted(before | part.facts_used(known_before=False)):
        if key[0] in _OF_A_CASE and key[1] not in cases:
            faults.append(f"{key[0]}: found {key[1]!r}, want one of {', '.join(sorted(cases))}")
        if key[0] in ("measured", "sd", "claimed") and key[2] not in METRICS:
            faults.append(f"{key[0]}: found {key[2]!r}, want one of {', '.join(METRICS)}")
    try:
        known = facts_before(ladder)
        rendered = [(field, text.render(known)) for field, text in part.before.items()]
        made_up = {**dict.fromkeys(part.facts_used(known_before=False), 0.5), **known}
        rendered += [(field, text.render(made_up)) for field, text in part.after.items()]
    except InputError as error:
        return [*faults, str(error)]
    faults += [f"field {field!r}: a number in it has no value" for field in undefined(rendered)]
    return faults + [f"field 'claims {number}': says the same where it is contradicted"
                     for number, claim in enumerate(part.claims, 1)
                     if claim.says == claim.otherwise]  # fmt: skip
