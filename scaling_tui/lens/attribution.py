"""Direct logit attribution to embedding, heads and MLPs.

But for the norms, a logit is linear in the residual stream. With each norm's scale frozen at its value for this prompt
(Elhage et al. 2021), every part contributes a vector of its own and the contributions sum to the logit. A pre-norm
model has one such norm, the final one. A post-norm model norms every sum, so an early part is rescaled by each later
norm, and the norms' biases count as one more part. Only the sum is exact: removing a part would change the scales, so
the logit would not fall by exactly its share.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from scaling_tui.lens.readout import ForwardPass, Norm, Written
from scaling_tui.lens.records import Part


@torch.no_grad()
def shares(forward: ForwardPass, token: int) -> list[Part]:
    """The contribution of each part to the output logit of `token` at the column of `forward`; they sum to it."""
    parts: list[Written] = []
    biases: Tensor | float = 0.0
    for step in forward.written():
        if isinstance(step, Written):
            parts.append(step)
            continue
        linear, bias = freeze(step, torch.stack([part.vector for part in parts]).sum(0) + biases)
        parts = [Written(part.part, part.head, linear(part.vector)) for part in parts]
        biases = bias + (linear(biases) if isinstance(biases, Tensor) else 0.0)
    direction, constant = forward.head(token)
    if isinstance(biases, Tensor):
        constant += float((biases @ direction).mean())
    found = _by_part(parts, [float((part.vector @ direction).mean()) for part in parts])
    return found if constant == 0 else [*found, Part("biases of norms and head", constant)]


def _by_part(parts: Sequence[Written], values: Sequence[float]) -> list[Part]:
    """Heads grouped under their attention, in the model's order."""
    totals: dict[str, float] = {}
    heads: dict[str, list[float]] = {}
    for part, value in zip(parts, values, strict=True):
        totals[part.part] = totals.get(part.part, 0.0) + value
        if part.head is not None:
            heads.setdefault(part.part, []).append(value)
    return [Part(name, value, heads.get(name, [])) for name, value in totals.items()]


def freeze(norm: Norm, stream: Tensor) -> tuple[Callable[[Tensor], Tensor], Tensor | float]:
    """`norm` as a linear map, its scale frozen at that of `stream`, (columns, hidden) in float64; and its bias."""
    centred = stream - stream.mean(-1, keepdim=True) if norm.centred else stream
    factor = norm.gain * (centred.square().mean(-1, keepdim=True) + norm.epsilon).rsqrt()
    bias = 0.0 if norm.bias is None else norm.bias
    if norm.centred:
        return (lambda part: (part - part.mean(-1, keepdim=True)) * factor), bias
    return (lambda part: part * factor), bias
