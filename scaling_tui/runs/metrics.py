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
    """A metric by its `key` in metrics.jsonl; `name` and `unit` are for people, the unit empty where it has none."""

    key: str
    name: str
    unit: str = ""

    @property
    def titled(self) -> str:
        """Name and unit as a plot's title has them: held-out loss, nats."""
        return f"{self.name}, {self.unit.removesuffix(' per token')}" if self.unit else self.name


KNOWN = {
    metric.key: metric
    for metric in (
        Metric("step", "step"),
        Metric("epoch", "epoch"),
        Metric("tokens", "tokens"),
        Metric("flops", "FLOPs"),
        Metric("loss", "train loss", "nats per token"),
        Metric("val_loss", "held-out loss", "nats per token"),
        Metric("bpb", "bits/byte"),
        Metric("val_accuracy", "accuracy"),
        Metric("exact_match", "exact match"),
        Metric("gap", "held-out minus training loss", "nats per token"),
        Metric("lr", "learning rate"),
        Metric("grad_norm", "gradient norm"),
        Metric("tokens_per_s", "speed", "tokens per second"),
        Metric("mfu", "MFU"),
        Metric("cpu_s", "CPU time", "seconds"),
        Metric("time", "time", "seconds"),
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
