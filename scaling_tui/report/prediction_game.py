"""From a sweep on disk to a run that a learner can foretell: what `quiz predict` and the app ask."""

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scaling_tui import InputError
from scaling_tui.runs import RunView, SweepView, find_sweep, list_sweeps, read_sweep, runs_folder
from scaling_tui.sweeps.sweep_fit import SweepFit, fit_sweep
from scaling_tui.text import show
from scaling_tui.tutor.prediction_game import Challenge, Known, Score

FEWEST = 3  # finished sizes below it, without which nobody can foretell anything


def find_challenge(runs: Path | None = None, name: str | None = None) -> Challenge:
    """The challenge of the sweep called `name`; without a name, of the latest sweep that has one.

    Raises:
        InputError: no such sweep, or none whose rungs allow a prediction; with what would.
    """
    folder = runs_folder(runs)
    if name is not None:
        return challenge_of(read_sweep(find_sweep(folder, name)))
    for path in list_sweeps(folder):
        try:
            return challenge_of(read_sweep(path))
        except InputError:
            continue
    raise InputError(
        f"runs folder {folder}: no sweep there with a law and {FEWEST} finished sizes; "
        "'scaling-tui run quickstart' makes one"
    )


def challenge_of(view: SweepView) -> Challenge:
    """The largest run of a sweep, or the one that its ladder wants predicted, before the law through those below it.

    Raises:
        InputError: the sweep has no law, or too few of its runs are finished.
    """
    target = _target(view)
    others = [run.name for run in view.runs if run.rung == target.rung or not _smaller(run, target)]
    fitted = fit_sweep(view, leave_out=others)
    known = _known(view, fitted) if fitted else ()
    if fitted is None or len({one.params for one in known}) < FEWEST:
        raise InputError(f"sweep {view.name}: fewer than {FEWEST} finished sizes below {target.rung}, too few to go by")
    law = fitted.predict(target)
    size = _size(target, fitted)
    return Challenge(
        sweep=view.name,
        run=target.name,
        rung=target.rung,
        params=size,
        tokens=target.tokens or 0,
        convention=fitted.fit.convention,
        known=known,
        law=fitted.fit.law.name,
        predicted=law.value,
        low=law.low if math.isfinite(law.low) else None,
        high=law.high if math.isfinite(law.high) else None,
        level=law.level,
        measured=target.loss if target.state == "finished" else None,
    )


def _target(view: SweepView) -> RunView:
    chosen = view.document.get("fit")
    if not chosen:
        raise InputError(
            f"sweep {view.name}: its ladder asks for no law; want one with a [fit] part, such as quickstart"
        )
    wanted = [run for run in view.runs if run.rung == chosen.get("predict")] or list(view.runs)
    if not wanted:
        raise InputError(f"sweep {view.name}: has no run")
    return max(wanted, key=lambda run: (run.params or 0, run.tokens or 0))


def _smaller(run: RunView, target: RunView) -> bool:
    return (run.params or 0, run.tokens or 0) < (target.params or 0, target.tokens or 0)


def _known(view: SweepView, fitted: SweepFit) -> tuple[Known, ...]:
    found = [run for run in view.runs if run.name in fitted.runs and run.loss is not None]
    known = [Known(run.name, _size(run, fitted), run.tokens or 0, run.loss or math.nan) for run in found]
    return tuple(sorted(known, key=lambda one: (one.params, one.tokens)))


def _size(run: RunView, fitted: SweepFit) -> int:
    return (run.non_embedding if fitted.fit.convention == "non-embedding" else run.params) or 0


def question_text(challenge: Challenge) -> str:
    """What is asked, with all that may be known beforehand."""
    lines = [
        f"{len(challenge.known)} runs of {challenge.sweep} to go by; N is {convention_text(challenge)}.",
        "",
        f"  {'run':<12}{'N':>8}{'D':>8}{'loss':>10}",
    ]
    lines += [
        f"  {one.run:<12}{show.count(one.params):>8}{show.count(one.tokens):>8}{show.loss(one.loss):>10}"
        for one in challenge.known
    ]
    lines += [
        f"  {challenge.run:<12}{show.count(challenge.params):>8}{show.count(challenge.tokens):>8}{'?':>10}",
        "",
        f"With which held-out loss, in nats per token, does {challenge.rung} end?",
    ]
    return "\n".join(lines)


def convention_text(challenge: Challenge) -> str:
    return "every parameter" if challenge.convention == "all" else "parameters without embeddings"


def score_text(challenge: Challenge, scored: Score, counts: bool = True) -> str:
    """Who was how near, and what to make of it; `counts` is whether the run had yet to end when it was asked about."""
    who = {
        "you": "You were nearer than the law.",
        "law": "The law was nearer than you.",
        "equal": "You and the law were equally near.",
    }[scored.nearer]
    lines = [
        f"{challenge.rung} measured: {show.loss(scored.measured)}",
        f"  {'':<18}{'loss':>7}{'measured is':>14}",
        f"  {'you said':<18}{show.loss(scored.guess):>7}{show.percent(scored.yours, 2, sign=True):>14}",
        f"  {challenge.law:<18}{show.loss(challenge.predicted):>7}{show.percent(scored.law, 2, sign=True):>14}",
        f"  {'the rung below':<18}{show.loss(challenge.known[-1].loss):>7}"
        f"{show.percent(scored.below, 2, sign=True):>14}",
        who,
    ]
    if scored.inside is not None:
        where = f"[{show.loss(challenge.low)}, {show.loss(challenge.high)}] at {show.percent(challenge.level)}"
        lines.append(f"The law's interval is {where}; your answer lies {'inside' if scored.inside else 'outside'}.")
    if not counts:
        lines.append("It had ended before you were asked, so this one is for practice and does not count.")
    if abs(scored.yours) >= abs(scored.below):
        lines.append("Plotted on log-log axes the losses below it lie near a line that bends: follow it one step on.")
    return "\n".join(lines)


def prediction_document(challenge: Challenge, scored: Score | None, guess: float | None = None) -> dict[str, Any]:
    """For JSON. What the law says and what was measured is null until there is an answer to hold against it."""
    asked = asdict(challenge)
    shown = {key: asked[key] for key in ("sweep", "run", "rung", "params", "tokens", "convention")}
    known = [asdict(one) for one in challenge.known]
    hidden = ("law", "predicted", "low", "high", "level")
    law = {key: asked[key] if guess is not None else None for key in hidden}
    scores = asdict(scored) if scored else {}
    return {
        **shown,
        "known": known,
        "answer": guess,
        **law,
        "measured": scores.get("measured"),
        "errors": {"yours": scores["yours"], "law": scores["law"], "below": scores["below"]} if scores else None,
        "nearer": scores.get("nearer"),
        "inside": scores.get("inside"),
    }
