"""The logit lens: the model's own read-out applied to the residual stream after every part (nostalgebraist 2020).

The streams come from `Transformer.streams` and the logits from `Transformer.read_out`, the path of the model's own
prediction, so the last row is that prediction to the bit. Early rows are a lower bound on what the stream holds: the
read-out was trained on the last stream alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

from scaling_tui import InputError
from scaling_tui.train.model import Transformer


@dataclass(frozen=True)
class ForwardPass:
    """One forward pass with the residual stream kept: `streams`, (1, time, hidden) each, in the order of `names`."""

    model: Transformer
    ids: Tensor
    streams: tuple[Tensor, ...]

    @cached_property
    def names(self) -> list[str]:
        """Embedding, after attention and after the MLP of each layer, output."""
        layers = range(1, len(self.model.blocks) + 1)
        return ["embedding", *(f"{k} {part}" for k in layers for part in ("attention", "MLP")), "output"]

    @torch.no_grad()
    def logits(self, row: int) -> Tensor:
        """The model's logits if it stopped after row `row`: (time, vocab), or (1, classes)."""
        stream = self.streams[min(row, len(self.streams) - 1)]
        logits = self.model.read_out(stream)
        return logits[0] if self.model.arch.classes is None else logits

    @property
    def classifies(self) -> bool:
        return self.model.arch.classes is not None


@torch.no_grad()
def forward_pass(model: Transformer, ids: Sequence[int]) -> ForwardPass:
    """Runs a prompt through `model` in evaluation mode.

    Raises:
        InputError: the logits are not finite.
    """
    model.eval()
    batch = torch.tensor([list(ids)], dtype=torch.int64)
    streams = tuple(model.streams(batch))
    if not torch.isfinite(streams[-1]).all():
        raise InputError("checkpoint: its logits are not finite; want one from before the run diverged")
    return ForwardPass(model, batch, streams)


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
        reference: log-probabilities (columns, vocab) for `kl` = KL(reference || prediction).
        truth: ids of the true next tokens, (columns,); -1 where unknown.
    """
    log_p = log_probabilities(logits)
    p, top = log_p.exp().max(-1)
    known = truth >= 0
    true = logits.gather(-1, truth.clamp(min=0)[:, None])
    return Metrics(
        top=top,
        p=p,
        p_true=torch.where(known, log_p.gather(-1, truth.clamp(min=0)[:, None])[:, 0].exp(), torch.nan),
        rank_true=torch.where(known, 1 + (logits > true).sum(-1), 0),
        entropy=-(log_p.exp() * log_p).nan_to_num(0.0).sum(-1),
        kl=(reference.exp() * (reference - log_p)).nan_to_num(0.0).sum(-1).clamp(min=0.0),
    )


def log_probabilities(logits: Tensor) -> Tensor:
    """Log-softmax over the last dimension, in float64."""
    return F.log_softmax(logits.double(), -1)


@torch.no_grad()
def generate(model: Transformer, ids: Sequence[int], tokens: int, temperature: float, seed: int) -> list[int]:
    """`tokens` new ids after `ids`, sampled at `temperature`; greedy at 0.

    The same seed samples the same tokens. The model sees the last `context` ids.
    """
    model.eval()
    generator = torch.Generator().manual_seed(seed)
    sequence = list(ids)
    for _ in range(tokens):
        logits = model(torch.tensor([sequence[-model.arch.context :]], dtype=torch.int64))[0, -1]
        if temperature > 0:
            p = F.softmax(logits.double() / temperature, -1)
            sequence.append(int(torch.multinomial(p, 1, generator=generator)))
        else:
            sequence.append(int(logits.argmax()))
    return sequence[len(ids) :]
