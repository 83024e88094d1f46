"""Whether a run finished, by the words that trackers and schedulers use: only known words for an end count as one."""

from collections.abc import Sequence
from typing import Any

from scaling_tui import InputError

FINISHED = frozenset(
    [
        "finished",
        "finish",
        "complete",
        "completed",
        "done",
        "success",
        "successful",
        "succeeded",
        "ok",
        "passed",
        "ended",
        "true",
        "yes",
    ]
)
NOT_FINISHED = frozenset(
    [
        "running",
        "queued",
        "pending",
        "scheduled",
        "starting",
        "created",
        "submitted",
        "waiting",
        "stopped",
        "paused",
        "suspended",
        "interrupted",
        "aborted",
        "killed",
        "crashed",
        "crash",
        "failed",
        "failure",
        "error",
        "errored",
        "broken",
        "dead",
        "lost",
        "unreadable",
        "diverged",
        "nan",
        "exploded",
        "preempted",
        "preempting",
        "requeued",
        "cancelled",
        "canceled",
        "cancelling",
        "timeout",
        "timed_out",
        "out_of_time",
        "oom",
        "out_of_memory",
        "node_fail",
        "boot_fail",
        "deadline",
        "incomplete",
        "unfinished",
        "partial",
        "false",
        "no",
    ]
)


def word_of(state: Any) -> str:
    """A state as one word in lower case; of Slurm's `CANCELLED by 1000` the first."""
    plain = "_".join(str("" if state is None else state).lower().replace("-", " ").split())
    return plain.partition("_by_")[0]


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
