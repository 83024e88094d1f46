"""What an importer is: a source yields runs with their configuration and records, and goes on where it left off."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

Ended = Literal["", "no", "finished", "failed", "stopped", "diverged"]
ENDS: Mapping[str, Ended] = {
    "finished": "finished", "failed": "failed", "stopped": "stopped", "diverged": "diverged",
}  # fmt: skip
Record = dict[str, float]
"""Metrics of one step by name, those of `runs.format` in their units; others by the name that the source gives them."""

PIECE = 2000  # records that a source yields at once
MOST_RUNS = 10_000  # of one import; more are a column mistaken for the names of runs
MOST_SETTINGS = 200  # of a run that are kept in run.json beyond what is understood


@dataclass
class News:
    """What a source tells of one run since the last time.

    Args:
        run: what the source calls it.
        records: in the order in which they were written.
        facts: `params`, `non_embedding`, `tokens` (D), `flops`, `seed`, `rung`, `steps` (planned), `tokens_per_step`.
        settings: whatever else is known of the run, such as its learning rate; plain values.
        derived: sentences on what was computed rather than read.
        restarted: its trainer started anew here. Records from before it are kept up to the first of these steps.
        ended: how the source says that the run ended; `no` where it says that it did not, else empty.
        reason: why it ended so, or in which words the source says it.
        is_result: whether its one record is its result, so that it is finished unless something else is said.
        path: the file or folder that the run is of; None of a run that is spread over several.
    """

    run: str
    records: list[Record] = field(default_factory=list)
    facts: Mapping[str, float | str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    derived: tuple[str, ...] = ()
    restarted: bool = False
    ended: Ended = ""
    reason: str = ""
    is_result: bool = False
    path: Path | None = None


class Source(Protocol):
    """A file or folder that a trainer writes. `path` is what it reads, `left_out` counts what was not understood."""

    path: Path

    def poll(self, last: bool) -> Iterator[News]:
        """What was written since the last poll, in pieces.

        Args:
            last: whether this is the last poll, so that a line without its newline counts as complete.

        Raises:
            InputError: two columns or tags could be the same metric, or the content cannot be read.
        """
        ...

    def left_out(self) -> tuple[str, ...]:
        """A sentence for each kind of thing that was found and could not be used."""
        ...
