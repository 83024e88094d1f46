"""Exact cross-entropy under a wide head, a block of positions at a time, without all logits in memory.

A head over 50,257 tokens makes 206 MB of logits from 1,024 positions. Written, normalised, differentiated and read
back, they cost more than the rest of the model, above all on a CPU, where each pass waits for memory. Here the forward
pass computes the gradient too: each block of logits is made once, exponentiated in place and reduced.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from scaling_tui.laws.memory import WIDE
from scaling_tui.train.kernels import are_for, product

# Per block: fewer accumulate the weight's gradient more often; more overflow the cache, and from 32 MB on the C library
# gives a block back to the system and has to ask for it again.
POSITIONS = 128


def head_loss(x: Tensor, head: nn.Linear, targets: Tensor) -> Tensor:
    """Mean cross-entropy in nats of `head(x)` with x (positions, hidden) and targets (positions,)."""
    if head.out_features < WIDE or not are_for(x):
        return F.cross_entropy(head(x).float(), targets)
    loss: Tensor = _Blockwise.apply(x, head.weight, head.bias, targets)  # type: ignore[no-untyped-call]
    # The sum is not shifted by the largest logit, so it overflows beyond e^88; no healthy model comes near.
    return loss if torch.isfinite(loss) else F.cross_entropy(head(x), targets)


class _Blockwise(torch.autograd.Function):
    """Mean cross-entropy that computes its gradients in the forward pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor) -> Tensor:
        positions, hidden = x.shape
        # The bias is one more column of the product, and so is its gradient. Zeros pad the width to a multiple of
        # eight: any other width costs the products a sixth of their speed.
        columns = hidden if bias is None else hidden + 1
        padding = (0, -columns % 8)
        matrix = F.pad(weight if bias is None else torch.cat((weight, bias[:, None]), 1), padding)
        read = F.pad(x if bias is None else torch.cat((x, x.new_ones(positions, 1)), 1), padding)
        across = matrix.T.contiguous()
        total = x.new_empty(positions, 1)
        by_read, by_matrix = torch.empty_like(read), torch.zeros_like(matrix)
        for begin in range(0, positions, POSITIONS):
            rows = slice(begin, begin + POSITIONS)
            weights = product(read[rows], matrix).exp_()
            torch.sum(weights, 1, keepdim=True, out=total[rows])
            # Softmax's division is done on the narrow side of each product.
            torch.div(product(weights, across), total[rows], out=by_read[rows])
            by_matrix.addmm_(weights.T, read[rows] / total[rows])
        wanted = matrix[targets]
        by_read -= wanted
        by_matrix.index_add_(0, targets, read, alpha=-1)
        ctx.hidden, ctx.has_bias = hidden, bias is not None
        ctx.save_for_backward(by_read, by_matrix)
        return (total[:, 0].log() - (read * wanted).sum(1)).mean()

    @staticmethod
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor | None, ...]:
        by_read, by_matrix = ctx.saved_tensors
        share, hidden = scale / len(by_read), ctx.hidden
        by_bias = by_matrix[:, hidden] * share if ctx.has_bias else None
        return by_read[:, :hidden] * share, by_matrix[:, :hidden] * share, by_bias, None
