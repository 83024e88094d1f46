"""Cross-entropy under a wide head without its logits in memory: exact, a block of positions at a time.

A head over 50,257 tokens makes 206 MB of logits from 1,024 positions. Written out, normalised, differentiated and
read again they cost more than the model before them, on a CPU most of all, where each step waits for memory. Here the
gradient comes with the loss: a block of logits is made, exponentiated in place and multiplied away, once.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

POSITIONS = 256  # of a block: fewer add the weight's gradient up more often, more leave the cache
WIDE = 4096  # from here on blocks are worth their keep


def head_loss(x: Tensor, head: nn.Linear, targets: Tensor) -> Tensor:
    """Mean cross-entropy in nats of `head(x)`, x (positions, hidden) and targets (positions,)."""
    if head.out_features < WIDE or x.device.type != "cpu" or head.bias is None:
        return F.cross_entropy(head(x).float(), targets)
    loss: Tensor = _Blockwise.apply(x, head.weight, head.bias, targets)  # type: ignore[no-untyped-call]
    # Without a shift by the largest logit the sum overflows beyond e^88; no healthy model comes near.
    return loss if torch.isfinite(loss) else F.cross_entropy(head(x), targets)


class _Blockwise(torch.autograd.Function):
    """Mean cross-entropy with its gradients, made in the forward pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
        positions, hidden = x.shape
        # The bias rides along as one more column of the product, and so does its gradient; a width that is no multiple
        # of eight would cost the products a sixth of their speed, so zeros fill it up.
        width = -(-(hidden + 1) // 8) * 8
        matrix = F.pad(torch.cat((weight, bias[:, None]), 1), (0, width - hidden - 1))
        read = F.pad(torch.cat((x, x.new_ones(positions, 1)), 1), (0, width - hidden - 1))
        block = x.new_empty(min(POSITIONS, positions), len(matrix))
        total = x.new_empty(positions, 1)
        by_read, by_matrix = torch.empty_like(read), torch.zeros_like(matrix)
        for begin in range(0, positions, POSITIONS):
            rows = slice(begin, begin + POSITIONS)
            weights = torch.mm(read[rows], matrix.T, out=block[: len(read[rows])]).exp_()
            torch.sum(weights, 1, keepdim=True, out=total[rows])
            # What remains of softmax, the division, is done on the narrow side of each product.
            torch.mm(weights, matrix, out=by_read[rows]).div_(total[rows])
            by_matrix.addmm_(weights.T, read[rows] / total[rows])
        wanted = matrix[targets]
        by_read -= wanted
        by_matrix.index_add_(0, targets, read, alpha=-1)
        ctx.hidden = hidden
        ctx.save_for_backward(by_read, by_matrix)
        return (total[:, 0].log() - (read * wanted).sum(1)).mean()

    @staticmethod
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor | None, ...]:
        by_read, by_matrix = ctx.saved_tensors
        share, hidden = scale / len(by_read), ctx.hidden
        return by_read[:, :hidden] * share, by_matrix[:, :hidden] * share, by_matrix[:, hidden] * share, None
