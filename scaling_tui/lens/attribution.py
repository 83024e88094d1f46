"""Which part of a model made a logit: direct attribution to embedding, heads and MLPs; and where each head looked.

A logit is linear in the stream but for the norms between. With the scale of each norm held as it was for this prompt
(Elhage et al. 2021 do so), every part's share goes through as a vector of its own, and the shares sum to the logit. In
a pre-norm model that is the final norm alone. In a post-norm model each sum is normed, so an early part's share is
scaled by every norm after it; the norms' own biases are a part of their own. What is exact is the sum. What is not
claimed: that the logit would fall by its share if a part were taken out, for then the scales would be others.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from scaling_tui.lens.readout import Walk
from scaling_tui.lens.records import Part
from scaling_tui.train.model import RMS_EPSILON, RMSNorm, Rotary


def patterns(block: nn.Module, x: Tensor, rotary: Rotary | None) -> tuple[Tensor, Tensor]:
    """Where each head looks, (heads, time, time) with rows that sum to 1, and the values it finds, (heads, time, dim).

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
def looked_at(walked: Walk, at: int) -> list[list[list[float]]]:
    """For each layer and head the weights over the prompt, seen from column `at`; of a classifier the mean over all."""
    found = []
    rotary = walked.model.rotary(walked.ids.shape[1])
    for layer, block in enumerate(walked.model.blocks):
        weights, _ = patterns(block, walked.streams[2 * layer], rotary)
        found.append((weights.mean(1) if walked.classifies else weights[:, at]).tolist())
    return found


@torch.no_grad()
def shares(walked: Walk, at: int, token: int) -> list[Part]:
    """What each part adds to the output logit of `token` at column `at`; their values sum to it."""
    model, time = walked.model, walked.ids.shape[1]
    seen = slice(0, time) if walked.classifies else slice(at, at + 1)
    names: list[tuple[str, int | None]] = [("embedding", None)]
    parts = [model.embedding(walked.ids)[0, seen].double()]
    if model.positions is not None:
        names.append(("positions", None))
        parts.append(model.positions(torch.arange(time))[seen].double())
    biases = torch.zeros_like(parts[0])

    def through(norm: nn.Module, parts: list[Tensor], biases: Tensor) -> tuple[list[Tensor], Tensor]:
        total = torch.stack([*parts, biases]).sum(0)
        linear, bias = frozen(norm, total)
        return [linear(part) for part in parts], linear(biases) + bias

    rotary = model.rotary(time)
    for layer, block in enumerate(model.blocks):
        weights, values = patterns(block, walked.streams[2 * layer], rotary)
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
        middle = walked.streams[2 * layer + 1]
        parts.append(block.mlp_adds(middle)[0, seen].double())  # type: ignore[operator]
        names.append((f"{layer + 1} MLP", None))
        parts, biases = through(after_mlp, parts, biases)
    parts, biases = through(model.final_norm, parts, biases)
    direction = model.head.weight[token].double()
    found = _by_part(names, [float((part @ direction).mean()) for part in parts])
    constant = float((biases @ direction).mean()) + (
        float(model.head.bias[token]) if model.head.bias is not None else 0
    )
    return found if constant == 0 else [*found, Part("biases of norms and head", constant)]


def _by_part(names: list[tuple[str, int | None]], values: list[float]) -> list[Part]:
    """Heads gathered under their attention, in the order of the model."""
    totals: dict[str, float] = {}
    heads: dict[str, list[float]] = {}
    for (name, head), value in zip(names, values, strict=True):
        totals[name] = totals.get(name, 0.0) + value
        if head is not None:
            heads.setdefault(name, []).append(value)
    return [Part(name, value, heads.get(name, [])) for name, value in totals.items()]


def frozen(norm: nn.Module, stream: Tensor) -> tuple[Callable[[Tensor], Tensor], Tensor | float]:
    """What `norm` does to a share of `stream`, (time, hidden) of doubles, and the bias it adds to the whole."""
    if isinstance(norm, RMSNorm):
        factor = norm.gain * (stream.square().mean(-1, keepdim=True) + RMS_EPSILON).rsqrt()
        return (lambda part: part * factor), 0.0
    if isinstance(norm, nn.LayerNorm):
        factor = norm.weight * (stream.var(-1, keepdim=True, unbiased=False) + norm.eps).rsqrt()
        bias = norm.bias.double() if norm.bias is not None else 0.0
        return (lambda part: (part - part.mean(-1, keepdim=True)) * factor), bias
    return (lambda part: part), 0.0
