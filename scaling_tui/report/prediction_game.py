"""The prediction game for a sweep on disk: what `quiz predict` and the app ask and show."""

import math
from dataclasses import asdict
from pathlib import Path
from textwrap import indent
from typing import Any

from scaling_tui import InputError
from scaling_tui.runs import RunView, SweepView, find_sweep, list_sweeps, read_sweep, runs_folder
from scaling_tui.runs.commands import suggested
from scaling_tui.sweeps.sweep_fit import SweepFit, fit_sweep, point_of, training_loss
from scaling_tui.text import show
from scaling_tui.text.columns import columns
from scaling_tui.tutor.prediction_game import Challenge, KnownRun, Score, Shape, shape

FEWEST = 3  # finished sizes below a run that a prediction needs


def find_challenge(runs: Path | None = None, name: str | None = None) -> Challenge:
    """The challenge for the sweep called `name`; without a name, for the latest sweep that allows one.

    Raises:
        InputError: no such sweep, or none with enough finished rungs; says how to get one.
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
        f"runs folder {folder}: no sweep with a law and {FEWEST} finished sizes; "
        f"{suggested(folder, 'run', 'quickstart')} makes one"
    )


def challenge_of(view: SweepView) -> Challenge:
    """The challenge to predict a sweep's largest run, or the one its ladder names, from those below it.

    Raises:
        InputError: the ladder has no [fit], or too few runs are finished.
    """
    target = _target(view)
    others = [run.name for run in view.runs if run.rung == target.rung or not _smaller(run, target)]
    fitted = fit_sweep(view, leave_out=others)
    known = _known(fitted) if fitted else ()
    if fitted is None or len({run.params for run in known}) < FEWEST:
        raise InputError(
            f"sweep {view.name}: found fewer than {FEWEST} finished sizes below {target.rung}, too few to predict"
        )
    law = fitted.predict(target)
    size = target.size(fitted.fit.convention) or 0
    point = point_of(view, target.name)
    ended = point is not None and not any(run.state in ("queued", "running") for run in point.runs)
    best = point.best if point is not None and ended else None
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
        measured=best.loss if best else None,
        caveats=tuple(training_loss(view, (*fitted.runs, target.name))),
        warnings=fitted.fit.warnings,
    )


def _target(view: SweepView) -> RunView:
    chosen = view.document.get("fit")
    if not chosen:
        raise InputError(
            f"sweep {view.name}: its ladder has no [fit] table, want a ladder with one, such as quickstart"
        )
    wanted = [run for run in view.runs if run.rung == chosen.get("predict")] or list(view.runs)
    if not wanted:
        raise InputError(f"sweep {view.name}: no runs")
    return max(wanted, key=lambda run: (run.params or 0, run.tokens or 0))


def _smaller(run: RunView, target: RunView) -> bool:
    return (run.params or 0, run.tokens or 0) < (target.params or 0, target.tokens or 0)


def _known(fitted: SweepFit) -> tuple[KnownRun, ...]:
    known = [
        KnownRun(
            trial.label,
            trial.measured[0].size(fitted.fit.convention) or 0,
            trial.measured[0].tokens or 0,
            trial.loss or math.nan,
        )
        for trial in fitted.trials
    ]
    return tuple(sorted(known, key=lambda run: (run.params, run.tokens)))


def question_text(challenge: Challenge) -> str:
    """The question, with everything known before the run."""
    rows = [("run", "N", "D", "loss")]
    rows += [(run.run, show.count(run.params), show.count(run.tokens), show.loss(run.loss)) for run in challenge.known]
    rows.append((challenge.run, show.count(challenge.params), show.count(challenge.tokens), "?"))
    caveats = "".join(f"! {caveat}\n" for caveat in challenge.caveats)
    loss = "loss" if caveats else "held-out loss"
    return (
        f"{len(challenge.known)} finished runs of {challenge.sweep}; N counts {convention_text(challenge)}.\n\n"
        f"{indent(columns(rows, numeric=range(1, 4)), '  ')}\n\n"
        f"{caveats}What {loss}, in nats per token, will {challenge.rung} reach?"
    )


def convention_text(challenge: Challenge) -> str:
    return "every parameter" if challenge.convention == "all" else "parameters without embeddings"


def score_text(challenge: Challenge, scored: Score, counts: bool = True) -> str:
    """Who was nearer, by how much, and a hint; `counts` is whether the question came before the run had ended."""
    who = {
        "you": "You were nearer than the law.",
        "law": "The law was nearer than you.",
        "equal": "You and the law were equally near.",
    }[scored.nearer]
    rows = [
        ("", "loss", "measured is off by"),
        ("you", show.loss(scored.guess), show.percent(scored.yours, 2, sign=True)),
        (challenge.law, show.loss(challenge.predicted), show.percent(scored.law, 2, sign=True)),
        ("the rung below", show.loss(challenge.known[-1].loss), show.percent(scored.below, 2, sign=True)),
    ]
    lines = [
        f"{challenge.rung} measured: {show.loss(scored.measured)}",
        indent(columns(rows, numeric=(1, 2)), "  "),
        who,
    ]
    if scored.inside is not None:
        where = f"[{show.loss(challenge.low)}, {show.loss(challenge.high)}] at {show.percent(challenge.level)}"
        lines.append(f"The law's interval is {where}; your answer lies {'inside' if scored.inside else 'outside'}.")
    if not counts:
        lines.append("The run had ended before you were asked, so this is practice and does not count.")
    if abs(scored.yours) >= abs(scored.below):
        lines.append(_ADVICE[shape(challenge.known)])
    return "\n".join([*lines, *(f"! the law: {warning}" for warning in challenge.warnings)])


_ADVICE: dict[Shape, str] = {
    "straight": ("On log-log axes the losses below lie on a straight line, within their noise: extend it by one step."),
    "bent": "On log-log axes the losses below lie on a curve that flattens: extend it by one step.",
    "steepening": (
        "On log-log axes the losses below fall faster and faster, which no law with a floor does: were the smaller "
        "runs trained for long enough?"
    ),
    "scattered": (
        "On log-log axes the losses below follow no line: they scatter by more than a step in size changes them, "
        "so nobody can predict the next one well."
    ),
    "unclear": "The runs below have too few sizes to tell a line from noise.",
}


def prediction_document(challenge: Challenge, scored: Score | None, guess: float | None = None) -> dict[str, Any]:
    """For JSON. The law's prediction and the measured loss are null until there is an answer to compare."""
    asked = asdict(challenge)
    shown = {key: asked[key] for key in ("sweep", "run", "rung", "params", "tokens", "convention")}
    known = [asdict(run) for run in challenge.known]
    hidden = ("law", "predicted", "low", "high", "level")
    law = {key: asked[key] if guess is not None else None for key in hidden}
    scores = asdict(scored) if scored else {}
    return {
        **shown,
        "known": known,
        "answer": guess,
        **law,
        "warnings": list(challenge.warnings) if guess is not None else None,
        "measured": scores.get("measured"),
        "errors": {"yours": scores["yours"], "law": scores["law"], "below": scores["below"]} if scores else None,
        "nearer": scores.get("nearer"),
        "inside": scores.get("inside"),
    }
