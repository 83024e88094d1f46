"""Direct logit attribution to embedding, heads and MLPs, and the attention weights of each head.

But for the norms, a logit is linear in the residual stream. With each norm's scale frozen at its value for this prompt
(Elhage et al. 2021), every part contributes a vector of its own and the contributions sum to the logit. A pre-norm
model has one such norm, the final one. A post-norm model norms every sum, so an early part is rescaled by each later
norm, and the norms' biases count as one more part. Only the sum is exact: removing a part would change the scales, so
the logit would not fall by exactly its share.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from scaling_tui.lens.readout import ForwardPass
from scaling_tui.lens.records import Part
from scaling_tui.train.kernels import RMS_EPSILON, Rotary
from scaling_tui.train.model import RMSNorm


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


@torch.no_grad()
def attention_weights(forward: ForwardPass, at: int) -> list[list[list[float]]]:
    """Weights over the prompt from column `at`, by layer and head; for a classifier the mean over all columns."""
    layers = []
    rotary = forward.model.rotary(forward.ids.shape[1])
    for layer, block in enumerate(forward.model.blocks):
        weights, _ = attention_pattern(block, forward.streams[2 * layer], rotary)
        layers.append((weights.mean(1) if forward.classifies else weights[:, at]).tolist())
    return layers


@torch.no_grad()
def shares(forward: ForwardPass, at: int, token: int) -> list[Part]:
    """The contribution of each part to the output logit of `token` at column `at`; they sum to it."""
    model, time = forward.model, forward.ids.shape[1]
    seen = slice(0, time) if forward.classifies else slice(at, at + 1)
    names: list[tuple[str, int | None]] = [("embedding", None)]
    parts = [model.embedding(forward.ids)[0, seen].double()]
    if model.positions is not None:
        names.append(("positions", None))
        parts.append(model.positions(torch.arange(time))[seen].double())
    biases = torch.zeros_like(parts[0])

    def through(norm: nn.Module, parts: list[Tensor], biases: Tensor) -> tuple[list[Tensor], Tensor]:
        total = torch.stack([*parts, biases]).sum(0)
        linear, bias = freeze(norm, total)
        return [linear(part) for part in parts], linear(biases) + bias

    rotary = model.rotary(time)
    for layer, block in enumerate(model.blocks):
        weights, values = attention_pattern(block, forward.streams[2 * layer], rotary)
        out: nn.Linear = block.attention.out  # type: ignore[union-attr, assignment]
        heads = len(weights)
        mixed = weights[:, seen].double() @ values.double()
        by_head = out.weight.double().view(out.out_features, heads, -1)
        parts += list(torch.einsum("htd,ohd->hto", mixed, by_head))
        names += [(f"{layer + 1} attention", head) for head in range(heads)]
        if out.bias is not None:
            parts.append(out.bias.double().expand_as(parts[0]))
            names.append((f"{layer + 1} attention", None))
        after_attention, after_mlp = block.sum_norms  # type: ignore[misc]
        parts, biases = through(after_attention, parts, biases)
        middle = forward.streams[2 * layer + 1]
        parts.append(block.mlp_adds(middle)[0, seen].double())  # type: ignore[operator]
        names.append((f"{layer + 1} MLP", None))
        parts, biases = through(after_mlp, parts, biases)
    parts, biases = through(model.final_norm, parts, biases)
    direction = model.head.weight[token].double()
    parts_of_logit = _by_part(names, [float((part @ direction).mean()) for part in parts])
    constant = float((biases @ direction).mean()) + (
        float(model.head.bias[token]) if model.head.bias is not None else 0
    )
    return parts_of_logit if constant == 0 else [*parts_of_logit, Part("biases of norms and head", constant)]


def _by_part(names: list[tuple[str, int | None]], values: list[float]) -> list[Part]:
    """Heads grouped under their attention, in the model's order."""
    totals: dict[str, float] = {}
    heads: dict[str, list[float]] = {}
    for (name, head), value in zip(names, values, strict=True):
        totals[name] = totals.get(name, 0.0) + value
        if head is not None:
            heads.setdefault(name, []).append(value)
    return [Part(name, value, heads.get(name, [])) for name, value in totals.items()]


def freeze(norm: nn.Module, stream: Tensor) -> tuple[Callable[[Tensor], Tensor], Tensor | float]:
    """`norm` as a linear map, its scale frozen at that of `stream`, (time, hidden) in float64; and the bias it adds."""
    if isinstance(norm, RMSNorm):
        factor = norm.gain * (stream.square().mean(-1, keepdim=True) + RMS_EPSILON).rsqrt()
        return (lambda part: part * factor), 0.0
    if isinstance(norm, nn.LayerNorm):
        factor = norm.weight * (stream.var(-1, keepdim=True, unbiased=False) + norm.eps).rsqrt()
        bias = norm.bias.double() if norm.bias is not None else 0.0
        return (lambda part: (part - part.mean(-1, keepdim=True)) * factor), bias
    return (lambda part: part), 0.0
