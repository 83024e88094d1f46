"""What a run records: the metrics whose meaning is known, with names and units, and which other names are usable.

A trainer may record anything else under a name of its own, such as `accuracy` or `eval/mmlu`. That has no unit here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

MOST_OTHERS = 256  # metrics of one run beyond the known ones: more than any benchmark suite has tasks
LONGEST_NAME = 120  # characters


@dataclass(frozen=True)
class Metric:
    """A metric by its `key` in metrics.jsonl; `name`, `unit` and what it `means` are for people.

    The unit is empty where it has none.
    """

    key: str
    name: str
    unit: str = ""
    means: str = ""

    @property
    def titled(self) -> str:
        """Name and unit as a plot's title has them: held-out loss, nats."""
        return f"{self.name}, {self.unit.removesuffix(' per token')}" if self.unit else self.name


KNOWN = {
    metric.key: metric
    for metric in (
        Metric("step", "step", means="optimiser steps so far"),
        Metric("epoch", "epoch", means="passes over the training data so far"),
        Metric("tokens", "tokens", means="training tokens so far"),
        Metric("flops", "FLOPs", means="training FLOPs so far"),
        Metric("loss", "train loss", "nats per token", means="loss on training text"),
        Metric("val_loss", "held-out loss", "nats per token", means="loss on held-out text"),
        Metric("bpb", "bits/byte", means="held-out loss in bits per byte"),
        Metric("val_accuracy", "accuracy", means="share of held-out tokens that are ranked first"),
        Metric(
            "exact_match",
            "exact match",
            means="share of k-token sequences of held-out text in which all are ranked first",
        ),
        Metric("gap", "held-out minus training loss", "nats per token", means="held-out loss minus training loss"),
        Metric("lr", "learning rate", means="learning rate"),
        Metric("grad_norm", "gradient norm", means="norm of the gradient before clipping"),
        Metric("tokens_per_s", "speed", "tokens per second", means="speed"),
        Metric("mfu", "MFU", means="share of the device's peak FLOP/s, if the peak is published"),
        Metric("cpu_s", "CPU time", "seconds", means="CPU time so far"),
        Metric("time", "time", "seconds", means="Unix time"),
    )
}
METRICS = tuple(KNOWN)
AXES = ("step", "tokens", "flops", "time")  # what a metric can be plotted over


def described(key: str) -> Metric:
    """The metric called `key`; one that is not known goes by its key and has no unit."""
    return KNOWN.get(key) or Metric(key, key)


def is_usable(key: object) -> bool:
    """Whether a metric may be called `key`: printable text, so that no terminal obeys it, of a bounded length."""
    return isinstance(key, str) and 0 < len(key) <= LONGEST_NAME and key.isprintable() and key == key.strip()


def matching(keys: Iterable[str], pattern: str) -> list[str]:
    """The `keys` that a pattern such as `eval/*` matches, or that hold it where it has no wildcard; in any case."""
    plain = pattern.strip().casefold()
    wanted = plain if any(sign in plain for sign in "*?[") else f"*{plain}*"
    return [key for key in keys if fnmatchcase(key.casefold(), wanted)]
