"""A sweep as a line of a list: plain data that can be kept, so that a thousand sweeps need not be read to list them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Self


@dataclass(frozen=True)
class SweepRow:
    """What a list tells of a sweep. Times are Unix s, losses in nats per token.

    Args:
        broken: why the sweep cannot be read; then the rest is not known.
        created: when it was launched or imported, by its sweep.json.
        active: when a record or status was last written.
        trains: whether a supervisor or worker was alive when it was read.
        copied: whether this is a copy of the folder in which it trained (`runs.liveness`).
        progress: the share done; None where it is unknown how many tokens a run will train on.
        states: how many runs are in each state.
        lacking: how many finished runs have no final evaluation.
        params: N of the largest run.
        best, largest: `run`, `loss` and `loss_is_held_out` of the run with the lowest loss, and of that with most N.
        law: the law that its runs are fitted with; None where none is.
        prediction: as `summary.prediction_summary` gives it.
        estimate: as `summary.estimate_summary` gives it.
        size: bytes on disk; None where nobody asked.
        left: seconds until it is done, as `time_left.TimeLeft` gives them; None where nobody knows.
        tags, note, archived: what people noted (`runs.labels`).
    """

    name: str
    path: str
    broken: str = ""
    ladder: str | None = None
    corpus: str | None = None
    state: str = "unreadable"
    reason: str = ""
    created: float | None = None
    active: float | None = None
    trains: bool = False
    copied: bool = False
    progress: float | None = None
    states: Mapping[str, int] = field(default_factory=dict)
    lacking: int = 0
    params: float | None = None
    best: Mapping[str, Any] | None = None
    largest: Mapping[str, Any] | None = None
    law: str | None = None
    prediction: Mapping[str, Any] | None = None
    estimate: Mapping[str, Any] | None = None
    size: int | None = None
    left: Mapping[str, float] | None = None
    faults: Sequence[str] = ()
    tags: Sequence[str] = ()
    note: str = ""
    archived: bool = False

    @classmethod
    def of_json(cls, document: Mapping[str, Any]) -> Self:
        """The row that `as_json` made this of.

        Raises:
            TypeError: something else made it.
        """
        return cls(**document)

    def as_json(self) -> dict[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @property
    def runs(self) -> int:
        return sum(self.states.values())

    @property
    def resumable(self) -> bool:
        """Whether any run can be resumed, as `launch.resumable` says of each."""
        return self.ladder is not None and bool(self.states.keys() - {"finished", "diverged", "unreadable"})
