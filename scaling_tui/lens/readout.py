"""The logit lens: the model's own read-out applied to the residual stream after every part (nostalgebraist 2020).

A `LensModel` runs a prompt and keeps its streams; its read-out is the path of the model's own prediction, so the last
row is that prediction. Early rows are a lower bound on what the stream holds: the read-out was trained on the last
stream alone.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

from scaling_tui import InputError
from scaling_tui.lens.records import Shape

COLUMNS_AT_ONCE = 64  # of a wide vocabulary in float64


@dataclass(frozen=True)
class Written:
    """What a part of the model adds to the stream: `vector`, (columns, hidden) in float64 on the CPU.

    `head` numbers an attention head from 0; None where the part has none, such as the bias after the heads.
    """

    part: str
    head: int | None
    vector: Tensor


@dataclass(frozen=True)
class Norm:
    """A norm of the stream: gain · x / sqrt(mean(x²) + epsilon) + bias, of x less its mean where `centred`.

    `gain` and `bias` are (hidden,) in float64 on the CPU.
    """

    gain: Tensor
    bias: Tensor | None
    epsilon: float
    centred: bool


class ForwardPass(ABC):
    """One prompt through a model, with the stream kept after every part and column `at` kept in full.

    `streams` are (1, time, hidden) each, in the order of `names`: the embedding, then after attention and after the
    MLP of each layer. A classifier has one column for the whole prompt.
    """

    streams: tuple[Tensor, ...]
    at: int
    classifies = False

    @cached_property
    def names(self) -> list[str]:
        """Embedding, after attention and after the MLP of each layer, output."""
        layers = range(1, (len(self.streams) - 1) // 2 + 1)
        return ["embedding", *(f"{k} {part}" for k in layers for part in ("attention", "MLP")), "output"]

    @torch.no_grad()
    def logits(self, row: int) -> Tensor:
        """The model's logits if it stopped after row `row`: (time, vocab), or (1, classes), on the CPU."""
        logits = self.read_out(self.streams[min(row, len(self.streams) - 1)])
        return (logits if self.classifies else logits[0]).cpu()

    @torch.no_grad()
    def column(self) -> Tensor:
        """The logits of every row at column `at` alone, (rows, outputs), on the CPU."""
        if self.classifies:
            logits = torch.cat([self.read_out(stream) for stream in self.streams])
        else:
            here = torch.cat([stream[:, self.at : self.at + 1] for stream in self.streams], dim=1)
            logits = self.read_out(here)[0]
        return torch.cat([logits, logits[-1:]]).cpu()

    @property
    def lengths(self) -> list[float]:
        """The mean norm of the stream in every row but the last, which only reads it."""
        return [float(stream[0].float().norm(dim=-1).mean()) for stream in self.streams]

    @abstractmethod
    def read_out(self, stream: Tensor) -> Tensor:
        """Logits of a stream by the final norm and the head: (1, time, vocab), or (1, classes)."""

    @abstractmethod
    def written(self) -> Iterator[Written | Norm]:
        """What the parts add to the stream at column `at`, in the model's order; a norm is of the sum so far."""

    @abstractmethod
    def head(self, token: int) -> tuple[Tensor, float]:
        """What the head multiplies to get the logit of `token`, (hidden,) in float64 on the CPU, and what it adds."""

    @abstractmethod
    def attention(self) -> list[list[list[float]]]:
        """Weights over the prompt from column `at`, by layer and head; for a classifier the mean over all columns."""


class LensModel(ABC):
    """A model as the lens sees it, whoever trained it. `classes` is None for a language model."""

    shape: Shape
    classes: int | None = None

    @abstractmethod
    def forward_pass(self, ids: Sequence[int], at: int) -> ForwardPass:
        """Runs a prompt in evaluation mode; `at` is the column to attribute.

        Raises:
            InputError: the logits are not finite.
        """

    @abstractmethod
    def next_logits(self, ids: Sequence[int]) -> Tensor:
        """Logits of what follows `ids`, of which there are at most `shape.context`: (outputs,) on the CPU."""


def must_be_finite(stream: Tensor) -> None:
    """Checks the last stream of a model.

    Raises:
        InputError: it holds a NaN or an infinity.
    """
    if not torch.isfinite(stream).all():
        raise InputError("checkpoint: its logits are not finite; want one from before the run diverged")


@dataclass(frozen=True)
class Metrics:
    """The metrics of one row, each (columns,). `p_true` is NaN and `rank_true` 0 where the truth is unknown."""

    top: Tensor
    p: Tensor
    p_true: Tensor
    rank_true: Tensor
    entropy: Tensor
    kl: Tensor


def measure(logits: Tensor, reference: Tensor, truth: Tensor) -> Metrics:
    """Metrics of predictions, in nats.

    Args:
        logits: (columns, vocab).
        reference: logits (columns, vocab) for `kl` = KL(reference || prediction).
        truth: ids of the true next tokens, (columns,); -1 where unknown.
    """
    pieces = [slice(start, start + COLUMNS_AT_ONCE) for start in range(0, len(truth), COLUMNS_AT_ONCE)]
    measured = [_measure(logits[piece], reference[piece], truth[piece]) for piece in pieces]
    return Metrics(*(torch.cat(columns) for columns in zip(*measured, strict=True)))


def _measure(logits: Tensor, reference: Tensor, truth: Tensor) -> tuple[Tensor, ...]:
    log_p, log_reference = log_probabilities(logits), log_probabilities(reference)
    p, top = log_p.exp().max(-1)
    known = truth >= 0
    true = truth.clamp(min=0)[:, None]
    return (
        top,
        p,
        torch.where(known, log_p.gather(-1, true)[:, 0].exp(), torch.nan),
        torch.where(known, 1 + (logits > logits.gather(-1, true)).sum(-1), 0),
        -(log_p.exp() * log_p).nan_to_num(0.0).sum(-1),
        (log_reference.exp() * (log_reference - log_p)).nan_to_num(0.0).sum(-1).clamp(min=0.0),
    )


def log_probabilities(logits: Tensor) -> Tensor:
    """Log-softmax over the last dimension, in float64."""
    return F.log_softmax(logits.double(), -1)


@torch.no_grad()
def generate(model: LensModel, ids: Sequence[int], tokens: int, temperature: float, seed: int) -> list[int]:
    """`tokens` new ids after `ids`, sampled at `temperature`; greedy at 0.

    The same seed samples the same tokens. The model sees the last `context` ids.
    """
    generator = torch.Generator().manual_seed(seed)
    sequence = list(ids)
    for _ in range(tokens):
        logits = model.next_logits(sequence[-model.shape.context :])
        if temperature > 0:
            p = F.softmax(logits.double() / temperature, -1)
            sequence.append(int(torch.multinomial(p, 1, generator=generator)))
        else:
            sequence.append(int(logits.argmax()))
    return sequence[len(ids) :]
