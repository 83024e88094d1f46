"""The size of a run: all that its speed and its memory depend on, on one machine."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

from scaling_tui import InputError
from scaling_tui.laws.counting import Architecture, Count, count
from scaling_tui.sweeps.rung import Rung


@dataclass(frozen=True)
class Size:
    """A model with the batch that it is trained on.

    Args:
        family: which model is built from `architecture`.
        architecture: its sizes.
        batch: sequences a step.
        dropout: its share; without any, other kernels run.
        recomputed: whether activations are computed again instead of kept.
        processes: that train it together, each on a share of the batch.
    """

    family: str
    architecture: Architecture
    batch: int
    dropout: float = 0.0
    recomputed: bool = False
    processes: int = 1

    @classmethod
    def of_rung(cls, rung: Rung) -> Self:
        training = rung.training
        recomputed, processes = training.activation_checkpointing, rung.resources.processes
        return cls(rung.family, rung.architecture, training.batch, training.dropout, recomputed, processes)

    @classmethod
    def of_config(cls, config: Mapping[str, Any], processes: int = 1) -> Self | None:
        """The size of the run that a run.json describes; None where it does not describe one of ours.

        How many processes train it is not of the run: a resume may have other ones.
        """
        training, described = config.get("training") or {}, config.get("architecture") or {}
        try:
            architecture = Architecture(**described)
        except (InputError, TypeError):
            return None
        batch, dropout = training.get("batch"), training.get("dropout") or 0.0
        if not isinstance(batch, int) or batch < 1 or architecture.context < 1 or not config.get("family"):
            return None
        recomputed = bool(training.get("activation_checkpointing"))
        return cls(str(config["family"]), architecture, batch, float(dropout), recomputed, processes)

    @property
    def share(self) -> Self:
        """What one of its processes computes."""
        return self if self.processes == 1 else replace(self, batch=max(1, self.batch // self.processes), processes=1)

    @cached_property
    def count(self) -> Count:
        return count(self.architecture)

    @property
    def params(self) -> int:
        return self.count.total

    @property
    def tokens_a_step(self) -> int:
        return self.batch * self.architecture.context

    @property
    def flops_a_token(self) -> float:
        return self.count.flops(1.0)

    @property
    def flops_a_step(self) -> float:
        return self.count.flops(self.tokens_a_step)

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)
