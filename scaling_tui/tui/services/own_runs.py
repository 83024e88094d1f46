"""What the learner's own runs give to ask about: of the sweep shown, else of the latest that gives anything."""

from asyncio import to_thread
from pathlib import Path
from random import randrange

from scaling_tui import InputError
from scaling_tui.report.own_runs import OwnQuestions, own_questions
from scaling_tui.report.prediction_game import find_challenge
from scaling_tui.tutor.prediction_game import Challenge


async def questions_on_runs(runs: Path, shown: str | None) -> OwnQuestions:
    """Questions about a sweep, with numbers drawn anew.

    Raises:
        InputError: no sweep allows any; says how to get one.
    """
    seed = randrange(10**6)
    try:
        return await to_thread(own_questions, runs, shown, seed)
    except InputError:
        return await to_thread(own_questions, runs, None, seed)


async def run_to_predict(runs: Path, shown: str | None) -> Challenge:
    """The run whose loss can be predicted.

    Raises:
        InputError: there is none; where a sweep is shown, why not that one.
    """
    try:
        return await to_thread(find_challenge, runs, shown)
    except InputError as error:
        if shown is None:
            raise
        try:
            return await to_thread(find_challenge, runs)
        except InputError:
            raise error from None
