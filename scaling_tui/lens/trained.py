"""The models that were trained here, as the lens sees them.

The streams come from `Transformer.streams` and the logits from `Transformer.read_out`, the path of the model's own
prediction, so the last row is that prediction to the bit.
"""

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from scaling_tui.lens.readout import ForwardPass, LensModel, Norm, Written, must_be_finite
from scaling_tui.lens.records import Shape
from scaling_tui.train.kernels import RMS_EPSILON, Rotary
from scaling_tui.train.model import RMSNorm, Transformer


class TrainedModel(LensModel):
    """A `Transformer` on the CPU."""

    def __init__(self, model: Transformer, family: str) -> None:
        self.model, arch = model.eval(), model.arch
        self.classes = arch.classes
        self.shape = Shape(
            family, arch.layers, arch.hidden, arch.heads, arch.inner, arch.vocab, arch.outputs, arch.context,
            arch.positions, arch.head == "tied", arch.heads, arch.hidden // arch.heads,
        )  # fmt: skip

    @torch.no_grad()
    def forward_pass(self, ids: Sequence[int], at: int) -> "TrainedForwardPass":
        batch = torch.tensor([list(ids)], dtype=torch.int64)
        streams = tuple(self.model.streams(batch))
        must_be_finite(streams[-1])
        return TrainedForwardPass(self.model, batch, streams, at)

    @torch.no_grad()
    def next_logits(self, ids: Sequence[int]) -> Tensor:
        return self.model(torch.tensor([list(ids)], dtype=torch.int64))[0, -1]  # type: ignore[no-any-return]


class TrainedForwardPass(ForwardPass):
    def __init__(self, model: Transformer, ids: Tensor, streams: tuple[Tensor, ...], at: int) -> None:
        self.streams, self.at, self.classifies = streams, at, model.arch.classes is not None
        self._model, self._ids = model, ids
        self._seen = slice(None) if self.classifies else slice(at, at + 1)

    def read_out(self, stream: Tensor) -> Tensor:
        return self._model.read_out(stream)

    @torch.no_grad()
    def attention(self) -> list[list[list[float]]]:
        layers = []
        rotary = self._model.rotary(self._ids.shape[1])
        for layer, block in enumerate(self._model.blocks):
            weights, _ = attention_pattern(block, self.streams[2 * layer], rotary)
            layers.append((weights.mean(1) if self.classifies else weights[:, self.at]).tolist())
        return layers

    @torch.no_grad()
    def written(self) -> Iterator[Written | Norm]:
        model, seen, time = self._model, self._seen, self._ids.shape[1]
        yield Written("embedding", None, model.embedding(self._ids)[0, seen].double())
        if model.positions is not None:
            yield Written("positions", None, model.positions(torch.arange(time))[seen].double())
        rotary = model.rotary(time)
        for layer, block in enumerate(model.blocks):
            weights, values = attention_pattern(block, self.streams[2 * layer], rotary)
            out: nn.Linear = block.attention.out  # type: ignore[union-attr, assignment]
            mixed = weights[:, seen].double() @ values.double()
            by_head = out.weight.double().view(out.out_features, len(weights), -1)
            added = torch.einsum("htd,ohd->hto", mixed, by_head)
            for head in range(len(weights)):
                yield Written(f"{layer + 1} attention", head, added[head])
            if out.bias is not None:
                yield Written(f"{layer + 1} attention", None, out.bias.double().expand_as(added[0]))
            after_attention, after_mlp = block.sum_norms  # type: ignore[misc]
            yield from norms(after_attention)
            middle = self.streams[2 * layer + 1]
            adds = block.mlp_adds(middle)[0, seen].double()  # type: ignore[operator]
            yield Written(f"{layer + 1} MLP", None, adds)
            yield from norms(after_mlp)
        yield from norms(model.final_norm)

    def head(self, token: int) -> tuple[Tensor, float]:
        head = self._model.head
        return head.weight[token].double(), float(head.bias[token]) if head.bias is not None else 0.0


def attention_pattern(block: nn.Module, x: Tensor, rotary: Rotary | None) -> tuple[Tensor, Tensor]:
    """Attention weights of each head, (heads, time, time) with rows that sum to 1, and its values, (heads, time, dim).

    `x` is the stream before the block, (1, time, hidden).
    """
    attention = block.attention
    q, k, v = attention.queries_keys_values(block.attention_reads(x), rotary)  # type: ignore[operator, union-attr]
    scores = (q @ k.transpose(-1, -2))[0] / math.sqrt(q.shape[-1])
    if attention.causal:  # type: ignore[union-attr]
        time = x.shape[1]
        scores = scores.masked_fill(torch.ones(time, time, dtype=torch.bool).triu(1), -math.inf)
    return scores.softmax(-1), v[0]


def norms(module: nn.Module) -> Iterator[Norm]:
    """`module` as a norm; none where it leaves the stream alone."""
    if isinstance(module, RMSNorm):
        yield Norm(module.gain.double(), None, RMS_EPSILON, centred=False)
    elif isinstance(module, nn.LayerNorm):
        bias = module.bias.double() if module.bias is not None else None
        yield Norm(module.weight.double(), bias, module.eps, centred=True)
