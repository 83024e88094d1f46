"""The prediction game: the learner predicts the loss of a rung from those below it, and the run then shows who was
nearer, the learner or the law.

The sweep comes in as plain data; the measured loss is not shown before the learner has answered.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from scaling_tui import InputError
from scaling_tui.tutor.parsing.answers import read_answer
from scaling_tui.tutor.progress import Answer, append, drop_guess, guesses, keep_guess, progress_file

LESSON = "planning"
SKILL = "predict-a-rung"
HIGHEST = 100.0  # nats per token: guessing evenly among e^100 tokens


@dataclass(frozen=True)
class KnownRun:
    """A finished run: parameters under the law's convention, training tokens, held-out loss in nats per token."""

    run: str
    params: int
    tokens: int
    loss: float


@dataclass(frozen=True)
class Challenge:
    """A run to predict.

    Args:
        known: the finished runs that the law was fitted to, in the order of their sizes.
        convention: which parameters N counts.
        predicted: the law's own prediction, `low` to `high` its interval at `level` (None where there is none).
        measured: the run's final loss; None until it has ended.
        caveats: what to know of the losses, such as that they are training losses.
        warnings: what the law's fit warns of; told with its prediction.
    """

    sweep: str
    run: str
    rung: str
    params: int
    tokens: int
    convention: str
    known: tuple[KnownRun, ...]
    law: str
    predicted: float
    low: float | None
    high: float | None
    level: float
    measured: float | None
    caveats: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Score:
    """How close the predictions were. Errors are measured / predicted - 1.

    Args:
        yours, law, below: errors of the learner, of the law, and of the baseline: the loss of the rung below.
        inside: whether the guess lies in the law's interval; None if there is no interval.
    """

    guess: float
    measured: float
    yours: float
    law: float
    below: float
    nearer: Literal["you", "law", "equal"]
    inside: bool | None


Shape = Literal["straight", "bent", "steepening", "scattered", "unclear"]
# Student's t for 95 % of both sides, by degrees of freedom from 1; beyond the table it is near 2.
_T95 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23)
_NOISE = 0.5  # of the mean fall from one size to the next
_EXACT = 1e-5  # losses are printed and read with four or five figures


def shape(known: Sequence[KnownRun]) -> Shape:
    """The line that the losses make on log-log axes against N, told from noise by its curvature's t-test at 95 %.

    `straight` has one slope; `bent` flattens, as a floor makes it; `steepening` falls faster and faster. `scattered`
    losses lie so far from a line that a step of size changes them little more than the noise; `unclear` are fewer than
    four sizes.
    """
    import numpy as np

    best: dict[int, float] = {}
    for run in known:
        if run.params > 0 and run.loss > 0:
            best[run.params] = min(run.loss, best.get(run.params, math.inf))
    if len(best) < 4:
        return "unclear"
    x, y = (np.log(np.array(values, dtype=float)) for values in zip(*sorted(best.items()), strict=True))
    x = (x - x.mean()) / (x.max() - x.min())
    fall = (y[0] - y[-1]) / (len(y) - 1)

    def scatter(degree: int) -> float:
        left = float(((y - np.polyval(np.polyfit(x, y, degree), x)) ** 2).sum())
        return max(_EXACT, math.sqrt(left / (len(y) - degree - 1)))

    terms = np.vander(x, 3)
    curvature = float(np.polyfit(x, y, 2)[0])
    error = scatter(2) * math.sqrt(float(np.linalg.inv(terms.T @ terms)[0, 0]))
    freedom = len(y) - 3
    significant = abs(curvature) > error * (_T95[freedom - 1] if freedom <= len(_T95) else 2.0)
    if fall <= 0 or scatter(2 if significant else 1) > _NOISE * fall:
        return "scattered"
    if not significant:
        return "straight"
    return "bent" if curvature > 0 else "steepening"


def read_guess(text: str) -> float:
    """A loss in nats per token.

    Raises:
        InputError: not a number, or out of range for a loss.
    """
    value = read_answer(text, "nats").value
    if not 0 < value <= HIGHEST:
        raise InputError(f"answer: found {value:g}, want a loss in nats per token, above 0 and at most {HIGHEST:g}")
    return value


def ended(challenge: Challenge, measured: float | None) -> Challenge:
    """`challenge` with the loss measured since; the law's prediction stays, so it has seen no more than the learner."""
    return replace(challenge, measured=measured)


def score(challenge: Challenge, guess: float) -> Score:
    """Compares `guess` and the law's prediction with the measured loss.

    Raises:
        InputError: the run has not ended.
    """
    measured = challenge.measured
    if measured is None:
        raise InputError(f"run {challenge.run}: has not ended, so there is no measured loss to score against")
    yours, law = measured / guess - 1, measured / challenge.predicted - 1
    nearer: Literal["you", "law", "equal"] = "you" if abs(yours) < abs(law) else "law"
    if math.isclose(abs(yours), abs(law), abs_tol=5e-5):
        nearer = "equal"
    inside = None
    if challenge.low is not None and challenge.high is not None:
        inside = challenge.low <= guess <= challenge.high
    return Score(guess, measured, yours, law, measured / challenge.known[-1].loss - 1, nearer, inside)


def record(
    challenge: Challenge, scored: Score, path: Path | None = None, now: Callable[[], datetime] | None = None
) -> None:
    """Adds the answer to the learner's progress: right if it beats the loss of the rung below as a guess."""
    at = now() if now else datetime.now(UTC)
    right = abs(scored.yours) < abs(scored.below)
    append(Answer(at, LESSON, _question(challenge), SKILL, "hard", 0, right), path or progress_file())


def keep(challenge: Challenge, guess: float, path: Path | None = None) -> None:
    """Keeps a guess until the run has ended, even if the app is closed before."""
    keep_guess(_question(challenge), guess, path or progress_file())


def kept(challenge: Challenge, path: Path | None = None) -> float | None:
    """The guess still waiting for the run to end, if any."""
    return guesses(path or progress_file()).get(_question(challenge))


def carry_over(old: str, new: str) -> None:
    """Lets the guesses that wait for runs of a sweep follow it to its new name.

    Raises:
        InputError: the learner's progress cannot be read or written.
    """
    file = progress_file()
    before, after = f"predict:{old}/", f"predict:{new}/"
    for question, guess in guesses(file).items():
        if question.startswith(before):
            keep_guess(after + question.removeprefix(before), guess, file)
            drop_guess(question, file)


def _question(challenge: Challenge) -> str:
    return f"predict:{challenge.sweep}/{challenge.run}"
