"""Runs and sweeps as they stood when they were read: immutable, and safe to hand to another thread."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from scaling_tui.runs.config import Trunk
from scaling_tui.runs.curve import Curve
from scaling_tui.runs.format import LARGEST, RecordedPrediction, RecordedRates, State
from scaling_tui.runs.liveness import Copy

FlopsBasis = Literal["counted", "given"]
STEADY_FROM = 5  # records with a speed


@dataclass(frozen=True)
class RunView:
    """One run as it stood when it was read.

    Args:
        config: what fits of run.json.
        unread: bytes of records of which `curve` holds samples only.
        faults: a line for each file or field of the run that does not fit, naming it and what was found.
        planned: its run.json is not written yet, because its learning rate waits for the runs that probe it; `config`
            is all but the rate.
    """

    name: str
    path: Path
    config: Mapping[str, Any]
    state: State
    reason: str
    attempts: int
    curve: Curve
    unread: int = 0
    faults: tuple[str, ...] = ()
    planned: bool = False

    @property
    def rung(self) -> str:
        return str(self.config.get("rung") or self.name)

    @property
    def seed(self) -> int:
        return int(self.config.get("seed") or 0)

    @property
    def params(self) -> int | None:
        return self.config.get("params")

    @property
    def non_embedding(self) -> int | None:
        return self.config.get("non_embedding")

    def size(self, convention: str) -> int | None:
        """N as a fit counts it: without embeddings and head under the convention "non-embedding", else all."""
        return self.non_embedding if convention == "non-embedding" else self.params

    @property
    def tokens(self) -> int | None:
        """D, the tokens to train on; `curve.last("tokens")` is how many are done.

        Where run.json does not tell, a finished run has trained on as many as its last record says.
        """
        planned: int | None = self.config.get("tokens")
        done = self.curve.last("tokens") if planned is None and self.state == "finished" else None
        return round(done) if done is not None and 0 < done < LARGEST else planned

    @property
    def unique_tokens(self) -> int | None:
        """U, the distinct tokens that the run sees; D where run.json does not limit them."""
        training = self.config.get("training") or {}
        limit = self.config.get("unique_tokens") or training.get("unique_tokens")
        return min(limit, self.tokens) if limit and self.tokens else self.tokens

    @property
    def flops(self) -> float | None:
        return self.config.get("flops")

    @property
    def trunk(self) -> Trunk | None:
        """The run and step that this one branches off; None where it starts from an untrained model."""
        trunk = self.config.get("trunk")
        return Trunk(**trunk) if trunk else None

    @property
    def cost(self) -> float | None:
        """FLOPs that the run itself spends: C without the share of its trunk."""
        if self.flops is None or not self.tokens or self.trunk is None:
            return self.flops
        return self.flops * (1 - self.trunk.tokens / self.tokens)

    @property
    def _held_out(self) -> float | None:
        last = self.curve.last("val_loss")
        return self.config.get("val_loss") if last is None else last

    @property
    def loss(self) -> float | None:
        """The latest held-out loss in nats per token; without one, the mean of the last tenth of training losses.

        `loss_is_held_out` says which. What no record tells, run.json may.
        """
        if self._held_out is not None:
            return self._held_out
        mean = self.curve.tail_mean
        return self.config.get("loss") if mean is None else mean

    @property
    def lacks_final_evaluation(self) -> bool:
        """Whether the run has finished and its latest held-out loss is from before its end."""
        held_out = np.flatnonzero(~np.isnan(self.curve["val_loss"]))
        if self.state != "finished" or self.unread or not len(held_out):
            return False
        tokens, steps, last = self.curve["tokens"], self.curve["step"], held_out[-1]
        # Our own trainer evaluates at D to the token; others may have rounded it.
        planned = self.tokens if "family" in self.config else None
        end = max(float(planned or 0), float(tokens[-1]))
        return bool(tokens[last] < end or steps[last] < steps[-1])

    @property
    def loss_is_held_out(self) -> bool | None:
        """Whether `loss` is held out, rather than a mean of training losses; None where there is no loss."""
        return self._held_out is not None or (None if self.loss is None else False)

    @property
    def flops_basis(self) -> FlopsBasis | None:
        """Where `flops` come from: our count of matmuls and attention, or whoever wrote run.json; None without any."""
        if self.flops is None:
            return None
        return "counted" if self.config.get("architecture") and self.config.get("family") else "given"

    @property
    def progress(self) -> float | None:
        """The share of its tokens that the run has trained on, 0 to 1; a branch counts from where it left its trunk.

        None where nobody knows how many tokens it will train on, as with the run of another trainer.
        """
        if self.state == "finished":
            return 1.0
        if self.tokens is None:
            return None
        done, planned = self.curve.last("tokens"), self.tokens
        start = self.trunk.tokens if self.trunk else 0
        share = (done - start) / (planned - start) if done and planned and planned > start else 0.0
        return min(1.0, max(0.0, share))  # a branch that cannot read its trunk's checkpoint starts before it

    @property
    def steady_speed(self) -> float | None:
        """Tokens per second, the median of the latest records; None before there are enough.

        The first steps are so slow that a time left computed from them would be several times too long.
        """
        speeds = self.curve["tokens_per_s"]
        recent = sorted(speeds[~np.isnan(speeds)][-STEADY_FROM:].tolist())
        return float(recent[len(recent) // 2]) if len(recent) == STEADY_FROM else None

    @property
    def seconds_left(self) -> float | None:
        """At the run's own steady speed; None while it is not running or has no steady speed."""
        speed, done = self.steady_speed, self.curve.last("tokens")
        if self.state != "running" or not speed or self.tokens is None or done is None:
            return None
        return max(0.0, (self.tokens - done) / speed)


@dataclass(frozen=True)
class SweepView:
    """A sweep as it stood when it was read. `document` is what fits of sweep.json; `faults` name what does not.

    `rates` are the learning rates that were chosen from its probes; None before, and in a sweep without probes. `copy`
    tells that the folder is a copy of where it trains. `undecided` is whether somebody counts as lost of whom a few
    seconds may show that only the clock is wrong.
    """

    name: str
    path: Path
    document: Mapping[str, Any]
    state: State
    reason: str
    runs: tuple[RunView, ...]
    predictions: tuple[RecordedPrediction, ...]
    log: tuple[str, ...] = field(repr=False, default=())
    faults: tuple[str, ...] = ()
    rates: RecordedRates | None = None
    copy: Copy | None = None
    undecided: bool = False

    @property
    def all_faults(self) -> tuple[str, ...]:
        """The faults of the sweep's own files, then those of its runs."""
        return self.faults + tuple(fault for run in self.runs for fault in run.faults)

    def run(self, name: str) -> RunView | None:
        return next((run for run in self.runs if run.name == name), None)

    @property
    def unread(self) -> int:
        """Bytes of records that the curves hold only samples of."""
        return sum(run.unread for run in self.runs)

    @property
    def trains(self) -> bool:
        """Whether a supervisor or a worker is alive; workers outlive a supervisor that was killed."""
        return self.state == "running" or any(run.state == "running" for run in self.runs)

    @property
    def progress(self) -> float | None:
        """The share done of the sweep's FLOPs (of its runs where FLOPs are unknown), 0 to 1; None if a run's is."""
        weights = [run.cost or 0.0 for run in self.runs]
        if not all(weights):
            weights = [1.0] * len(self.runs)
        total = sum(weights)
        done = 0.0
        for weight, run in zip(weights, self.runs, strict=True):
            if (share := run.progress) is None:
                return None
            done += weight * share
        return done / total if total else 0.0
