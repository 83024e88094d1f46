"""Cross-entropy under a wide head without its logits in memory: exact, in single precision, in blocks of the vocabulary.

A head over 50,257 tokens makes 206 MB of logits from 1,024 positions. Written out, normalised, differentiated and
read again they cost more than the model before them, on a CPU most of all, where each step waits for memory. Here the
gradient comes with the loss: a block of logits stays in cache while it is made, exponentiated and multiplied away.
The normaliser is needed before the gradient, so each block is made twice; a multiplication more is cheaper than
memory is (the same trade as in Dao et al. 2022 for attention).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BLOCK = 512  # tokens of the vocabulary at a time; 1,024 positions x 512 logits are 2 MB, which a core's cache holds
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
    def forward(ctx: "torch.autograd.function.FunctionCtx", x: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
        positions, hidden = x.shape
        # The bias and, in the second pass, minus the log normaliser ride along as two more columns of the product.
        matrix = torch.cat((weight, bias[:, None], torch.ones_like(bias[:, None])), 1)
        read = torch.cat((x, x.new_ones(positions, 1), x.new_zeros(positions, 1)), 1)
        buffer = x.new_empty(positions * BLOCK)
        total = x.new_zeros(positions)
        for begin in range(0, len(matrix), BLOCK):
            block = matrix[begin : begin + BLOCK]
            logits = torch.mm(read, block.T, out=buffer[: positions * len(block)].view(positions, -1))
            total += logits.exp_().sum(-1)
        log_total = total.log()
        read[:, -1] = -log_total
        by_read, by_matrix = torch.zeros_like(read), torch.empty_like(matrix)
        for begin in range(0, len(matrix), BLOCK):
            block = matrix[begin : begin + BLOCK]
            p = torch.mm(read, block.T, out=buffer[: positions * len(block)].view(positions, -1)).exp_()
            by_read.addmm_(p, block)
            torch.mm(p.T, read, out=by_matrix[begin : begin + BLOCK])
        wanted = weight[targets]
        by_x = (by_read[:, :hidden] - wanted) / positions
        by_matrix.index_add_(0, targets, read, alpha=-1)
        by_matrix /= positions
        ctx.save_for_backward(by_x, by_matrix[:, :hidden], by_matrix[:, hidden])
        return (log_total - (x * wanted).sum(-1) - bias[targets]).mean()

    @staticmethod
    def backward(ctx: "torch.autograd.function.FunctionCtx", scale: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        by_x, by_weight, by_bias = ctx.saved_tensors  # type: ignore[attr-defined]
        return by_x * scale, by_weight * scale, by_bias * scale, None
