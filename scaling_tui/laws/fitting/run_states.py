"""Whether a row of a table is a run that finished: only known words for an end count as one."""

from collections.abc import Sequence
from typing import Any

from scaling_tui import InputError
from scaling_tui.text.run_states import WORDS, word_of

# A table may also say yes or no, and list what has not begun.
FINISHED = frozenset({*WORDS["finished"].split(), "true", "yes"})
NOT_FINISHED = frozenset(
    {
        *(word for state, words in WORDS.items() if state != "finished" for word in words.split()),
        *["queued", "pending", "scheduled", "created", "submitted", "waiting", "lost", "unreadable", "false", "no"],
    }
)


def not_finished(states: Sequence[Any], where: str, column: str) -> list[str]:
    """For each state, why its run is left out; empty where it finished.

    A word that is not known counts as no end.

    Raises:
        InputError: no word of the column is known, so that it may be no state at all.
    """
    words = [word_of(state) for state in states]
    if words and not any(word in FINISHED or word in NOT_FINISHED for word in words):
        found = ", ".join(repr(str(word)[:30]) for word in list(dict.fromkeys(states))[:4])
        raise InputError(
            f"{where}: column {column}: found {found}, want states such as finished, crashed, running; "
            "--columns state= ignores the column"
        )
    return [_why(word, state) for word, state in zip(words, states, strict=True)]


def _why(word: str, state: Any) -> str:
    if word in FINISHED:
        return ""
    if word in NOT_FINISHED:
        return f"state {word.replace('_', ' ')}"
    return f"state {str(state)[:40]!r}, not a known word for an end" if word else "no state"
