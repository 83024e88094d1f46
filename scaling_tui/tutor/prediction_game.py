"""The prediction game: the learner predicts the loss of a rung from those below it, and the run then shows who was
nearer, the learner or the law.

The sweep comes in as plain data; the measured loss is not shown before the learner has answered.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from scaling_tui import InputError
from scaling_tui.text.numbers import read_number
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


def read_guess(text: str) -> float:
    """A loss in nats per token.

    Raises:
        InputError: not a number, or out of range for a loss.
    """
    value = read_number(text, "nats").value
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


def carry_over(old: str, new: str, path: Path | None = None) -> None:
    """Lets the guesses that wait for runs of a sweep follow it to its new name.

    Raises:
        InputError: the learner's progress cannot be read or written.
    """
    file = path or progress_file()
    before, after = f"predict:{old}/", f"predict:{new}/"
    for question, guess in guesses(file).items():
        if question.startswith(before):
            keep_guess(after + question.removeprefix(before), guess, file)
            drop_guess(question, file)


def _question(challenge: Challenge) -> str:
    return f"predict:{challenge.sweep}/{challenge.run}"
