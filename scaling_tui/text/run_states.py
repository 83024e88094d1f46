"""What trainers, trackers and schedulers call the states of a run. Only a word that is known counts as an end."""

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "finished": "finished finish complete completed done success successful succeeded ok passed ended",
    "running": "running active in_progress starting started training",
    "stopped": "stopped stopping paused suspended interrupted aborted killed preempted preempting requeued cancelled "
    "canceled cancelling timeout timed_out out_of_time deadline incomplete unfinished partial",
    "failed": "failed fail failure error errored crashed crash broken dead oom out_of_memory node_fail boot_fail",
    "diverged": "diverged nan exploded",
}
_STATES = {word: state for state, words in WORDS.items() for word in words.split()}


def state_of(found: object) -> str | None:
    """The state that a word stands for: finished, running, stopped, failed or diverged; None where it is not known.

    Slurm's `CANCELLED by 1000` and `In progress` are read too.
    """
    return _STATES.get(word_of(found)) if isinstance(found, str) else None


def word_of(state: object) -> str:
    """A state as one word in lower case; of Slurm's `CANCELLED by 1000` the first."""
    plain = "_".join(str("" if state is None else state).lower().replace("-", " ").split())
    return plain.partition("_by_")[0]
