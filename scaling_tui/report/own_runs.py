"""Questions about a sweep on disk: what `quiz … --sweep` and the app ask about the learner's own runs."""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scaling_tui import InputError
from scaling_tui.laws.fitting.bootstrap import Bootstrap, bootstrap
from scaling_tui.laws.forms import Input
from scaling_tui.report.prediction_game import challenge_of
from scaling_tui.runs import SweepView, find_sweep, list_sweeps, read_sweep, runs_folder
from scaling_tui.runs.commands import suggested
from scaling_tui.sweeps.sweep_fit import SweepFit, fit_sweep
from scaling_tui.text import show
from scaling_tui.text.columns import cut_front
from scaling_tui.tutor.content.questions import Question
from scaling_tui.tutor.own_runs import (
    LayerSteps,
    OwnLaw,
    Rung,
    exponent_question,
    layer_question,
    needed_question,
    off_curve_question,
    prediction_question,
)

LEVEL = 0.9
_DRAWS = 400  # as the Law screen and `fit` take
_ENDLESS = 1e30  # tokens or parameters: the loss there is the lowest that a law allows
_PROMPT = 41  # cells of a traced prompt that are shown
_WAYS = (0.1, 0.15, 0.2)  # from the largest run's loss towards the lowest: farther, the floor alone decides


@dataclass(frozen=True)
class OwnQuestions:
    """The questions that a sweep allows, and a sentence for each that it does not."""

    sweep: str
    questions: tuple[Question, ...]
    missing: tuple[str, ...]

    def all_told(self, tell: Callable[[str], None]) -> tuple[Question, ...]:
        """The questions; `tell` first says what is not asked."""
        for reason in self.missing:
            tell(f"left out for {self.sweep}: {reason}")
        return self.questions


def own_questions(runs: Path | None, name: str | None = None, seed: int = 0) -> OwnQuestions:
    """Questions about the sweep called `name`; without a name, about the latest that allows any.

    Raises:
        InputError: no such sweep, or none that allows a question; says how to get one.
    """
    folder = runs_folder(runs)
    if name is not None:
        return questions_of(read_sweep(find_sweep(folder, name)), seed)
    for path in list_sweeps(folder):
        try:
            return questions_of(read_sweep(path), seed)
        except InputError:
            continue
    raise InputError(
        f"runs folder {folder}: no sweep with a law to ask about; {suggested(folder, 'run', 'quickstart')} makes one"
    )


def questions_of(view: SweepView, seed: int = 0) -> OwnQuestions:
    """The questions about one sweep; `seed` chooses the loss to reach and the layer.

    Raises:
        InputError: it allows none; the first reason.
    """
    rng = random.Random(f"own:{view.name}:{seed}")
    way, layer = rng.choice(_WAYS), rng.randrange(1000)
    makers: tuple[Callable[[], Question], ...] = (
        lambda: _prediction(view),
        lambda: off_curve_question(_whole(view)[0]),
        lambda: exponent_question(_whole(view)[0]),
        lambda: _needed(view, way),
        lambda: _layer(view, layer),
    )
    questions, missing = [], []
    for make in makers:
        try:
            questions.append(make())
        except InputError as error:
            missing.append(str(error).removeprefix(f"sweep {view.name}: "))
    if not questions:
        reasons = "; ".join(dict.fromkeys(missing))
        raise InputError(f"sweep {view.name}: no question can be made of it: {reasons}")
    return OwnQuestions(view.name, tuple(questions), tuple(dict.fromkeys(missing)))


def _whole(view: SweepView) -> tuple[OwnLaw, SweepFit, Bootstrap]:
    """The law through all finished runs, with the draws of its intervals.

    Raises:
        InputError: there is none, or it leaves no degrees of freedom.
    """
    fitted = fit_sweep(view)
    if fitted is None:
        raise InputError(f"sweep {view.name}: too few finished runs for a law")
    if fitted.fit.freedom < 1:
        raise InputError(f"sweep {view.name}: {len(fitted.fit.points)} points leave {fitted.fit.law.name} no interval")
    draws = bootstrap(fitted.fit, _DRAWS)
    return _own_law(view, fitted, draws.intervals(LEVEL)), fitted, draws


def _own_law(view: SweepView, fitted: SweepFit, intervals: dict[str, tuple[float, float]]) -> OwnLaw:
    law = fitted.fit.law
    if not set(law.inputs) <= {"params", "tokens"}:
        raise InputError(f"sweep {view.name}: {law.name} takes {', '.join(law.inputs)}; want a law in N and D")
    if not all(map(math.isfinite, fitted.fit.coefficients.values())):
        raise InputError(f"sweep {view.name}: {law.name} through its runs has no finite coefficients")
    return OwnLaw(
        sweep=view.name,
        path=view.path,
        rungs=tuple(sorted(_rungs(fitted), key=lambda rung: (rung.params, rung.tokens))),
        convention="every parameter" if fitted.fit.convention == "all" else "parameters without embeddings",
        law=law.name,
        form=law.text,
        inputs=tuple(law.inputs),
        coefficients=fitted.fit.coefficients,
        exponents=tuple(name for name in law.coefficients if name in law.exponents),
        floor=law.floor or "",
        intervals=intervals,
        level=LEVEL,
    )


def _rungs(fitted: SweepFit) -> Iterator[Rung]:
    for trial in fitted.trials:
        run = trial.measured[0]
        yield Rung(trial.label, run.size(fitted.fit.convention) or 0, run.tokens or 0, trial.loss or math.nan)


def _prediction(view: SweepView) -> Question:
    """What the law through the smaller runs says of the largest."""
    asked = challenge_of(view)
    others = {run.name for run in view.runs} - _behind(view, {known.run for known in asked.known})
    fitted = fit_sweep(view, leave_out=others)
    if fitted is None:
        raise InputError(f"sweep {view.name}: too few finished runs for a law")
    law = _own_law(view, fitted, {})
    single = any(run.name == asked.known[-1].run for run in view.runs)  # else points bear the names of rungs
    target = Rung(asked.run if single else asked.rung, asked.params, asked.tokens, asked.predicted)
    return prediction_question(law, target, asked.low, asked.high)


def _behind(view: SweepView, labels: set[str]) -> set[str]:
    """The runs behind points of these labels: a point of several seeds is called after its rung."""
    return {run.name for run in view.runs if run.name in labels or run.name.removesuffix(f"-s{run.seed}") in labels}


def _needed(view: SweepView, way: float) -> Question:
    """How many tokens, or where the law does not know them parameters, a lower loss would have needed."""
    law, fitted, draws = _whole(view)
    unknown: Input = "tokens" if "tokens" in law.inputs else "params"
    largest = law.rungs[-1]
    form = fitted.fit.law
    known = {name: float(largest.input(name)) for name in law.inputs if name != unknown}
    lowest = float(form.loss(law.coefficients, **{unknown: _ENDLESS}, **known))
    best = float(form.loss(law.coefficients, **{unknown: float(largest.input(unknown))}, **known))
    target = float(f"{best - way * (best - lowest):.4g}")
    needed = []
    for row in zip(*draws.coefficients().values(), strict=True):
        drawn = dict(zip(law.coefficients, map(float, row), strict=True))
        try:
            needed.append(form.inverse(drawn, target, unknown, **known))
        except InputError:
            needed.append(math.inf)  # this draw's floor lies above the loss
    low, high = (float(np.quantile(needed, end, method="nearest")) for end in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return needed_question(law, unknown, target, low, high)


def _layer(view: SweepView, chosen: int) -> Question:
    """What a layer of the sweep's largest model with a checkpoint adds to a token. Only the tracing process loads
    torch."""
    from scaling_tui.lens.client import Tracer, to_trace, why_untraceable

    run = to_trace(view)
    if run is None:
        raise InputError(why_untraceable(view))
    try:
        with Tracer() as tracer:
            traced = tracer.trace(run.path, example=chosen % 7, prompt=None, at=None, watch=None, top=1)
    except OSError as error:
        raise InputError(f"layers: {show.fault(error)}") from None
    if traced.classifies:
        raise InputError(f"run {run.name}: predicts classes, not tokens")
    rows = tuple((row.name, row.watched.p) for row in traced.rows)
    prompt = "".join(show.token(token.token) for token in traced.tokens)
    shown = cut_front(prompt, _PROMPT)
    steps = LayerSteps(view.name, view.path, run.name, shown, show.token(traced.rows[-1].watched.token), rows)
    layers = len(rows) - 1
    for number in range(layers):
        try:
            return layer_question(steps, (chosen + number) % layers + 1)
        except InputError as error:
            problem = error
    raise problem
