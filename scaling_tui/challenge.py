"""From a sweep on disk to a run that a learner can foretell: what `quiz predict` and the app ask."""

import math
from pathlib import Path

from scaling_tui import InputError
from scaling_tui.runs import RunView, SweepView, find_sweep, list_sweeps, read_sweep, runs_folder
from scaling_tui.sweep.points import SweepFit, fit_sweep
from scaling_tui.tutor.foretelling import Challenge, Known

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
