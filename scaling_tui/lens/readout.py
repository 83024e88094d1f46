"""The logit lens: the model's own read-out applied to the stream after every part (nostalgebraist 2020).

The streams come from `Transformer.streams` and the logits from `Transformer.read_out`, as they do for the model's own
prediction, so the last row is that prediction to the bit. Early rows are a lower bound: the read-out was trained on
the last stream alone.
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
class Walk:
    """One prompt on its way through a model. `streams` (1, time, hidden) are in the order of `names`."""

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
        """What the model would say after row `row`: (time, vocab), or (1, classes)."""
        stream = self.streams[min(row, len(self.streams) - 1)]
        found = self.model.read_out(stream)
        return found[0] if self.model.arch.classes is None else found

    @property
    def classifies(self) -> bool:
        return self.model.arch.classes is not None


@torch.no_grad()
def walk(model: Transformer, ids: Sequence[int]) -> Walk:
    """Sends a prompt through `model`, which is put into evaluation.

    Raises:
        InputError: the model's numbers are not finite.
    """
    model.eval()
    given = torch.tensor([list(ids)], dtype=torch.int64)
    streams = tuple(model.streams(given))
    if not torch.isfinite(streams[-1]).all():
        raise InputError("checkpoint: its logits are not finite numbers; want one from before the run diverged")
    return Walk(model, given, streams)


@dataclass(frozen=True)
class Measured:
    """The metrics of one row, each (columns,). `p_true` is NaN and `rank_true` 0 where the truth is not known."""

    top: Tensor
    p: Tensor
    p_true: Tensor
    rank_true: Tensor
    entropy: Tensor
    kl: Tensor


def measure(logits: Tensor, reference: Tensor, truth: Tensor) -> Measured:
    """Metrics of predictions, in nats.

    Args:
        logits: (columns, vocab).
        reference: log-probabilities (columns, vocab) that `kl` is taken from: KL(reference || prediction).
        truth: the next token's id, (columns,); -1 where it is not known.
    """
    said = F.log_softmax(logits.double(), -1)
    p, top = said.exp().max(-1)
    known = truth >= 0
    true = logits.gather(-1, truth.clamp(min=0)[:, None])
    return Measured(
        top=top,
        p=p,
        p_true=torch.where(known, said.gather(-1, truth.clamp(min=0)[:, None])[:, 0].exp(), torch.nan),
        rank_true=torch.where(known, 1 + (logits > true).sum(-1), 0),
        entropy=-(said.exp() * said).nan_to_num(0.0).sum(-1),
        kl=(reference.exp() * (reference - said)).nan_to_num(0.0).sum(-1).clamp(min=0.0),
    )


def log_probabilities(logits: Tensor) -> Tensor:
    """What `measure` takes as its reference."""
    return F.log_softmax(logits.double(), -1)


@torch.no_grad()
def continued(model: Transformer, ids: Sequence[int], tokens: int, temperature: float, seed: int) -> list[int]:
    """`tokens` further ids, each drawn from the prediction sharpened by `temperature`; at 0 the likeliest is taken.

    The same seed draws the same tokens. What lies further back than the model's context is forgotten.
    """
    model.eval()
    generator = torch.Generator().manual_seed(seed)
    made = list(ids)
    for _ in range(tokens):
        logits = model(torch.tensor([made[-model.arch.context :]], dtype=torch.int64))[0, -1]
        if temperature > 0:
            p = F.softmax(logits.double() / temperature, -1)
            made.append(int(torch.multinomial(p, 1, generator=generator)))
        else:
            made.append(int(logits.argmax()))
    return made[len(ids) :]
