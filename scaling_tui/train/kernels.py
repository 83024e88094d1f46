"""What a CPU computes in a step, with hand-written gradients: linear layers, RMSNorm, and the two halves of a block.

The formulas are those of `scaling_tui.train.model`, which tests compare with these. PyTorch composes a block on a CPU
from some fifty operations with their records for the gradient, which cost a small model a third of its step; and its
matrix products come from MKL, which uses half of what an AMD processor with AVX-512 can do. On a GPU, under
`torch.compile` and with dropout the model runs as it is written.
"""

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

RMS_EPSILON = 1e-5

# Multiplications from which on oneDNN's product is faster than MKL's on an AMD processor with AVX-512: by 2.2 times
# from 16 million on. A weight's gradient transposes both sides first, which pays off later.
WORTH_ONEDNN = 2_000_000
WORTH_TRANSPOSING = 4_000_000


class Rotary(NamedTuple):
    """The angles that rotate queries and keys (Su et al. 2021).

    Args:
        cos: (time, head_dim / 2).
        sin: (time, head_dim / 2).
        turns: e^(i angle) for every pair of all heads, complex (time, hidden / 2); on the CPU.
    """

    cos: Tensor
    sin: Tensor
    turns: Tensor


def rotary_table(context: int, heads: int, head_dim: int) -> Rotary:
    """The angles of `context` positions: pair i turns by 10,000^(-2 i / head_dim) a position."""
    frequency = 10_000.0 ** (-torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim)
    angle = torch.outer(torch.arange(context, dtype=torch.float64), frequency)
    cos, sin = angle.cos().float(), angle.sin().float()
    return Rotary(cos, sin, torch.complex(cos, sin).repeat(1, heads))


def are_for(x: Tensor) -> bool:
    """Whether these kernels run `x`: oneDNN has no float64, and a norm in 16 bits would lose digits."""
    return x.is_cpu and x.dtype == torch.float32 and not torch.compiler.is_compiling()


def product(a: Tensor, b: Tensor, worth: int = WORTH_ONEDNN) -> Tensor:
    """`a @ b.T` of two float32 matrices on the CPU, by oneDNN where that is faster and `worth` its while."""
    if a.shape[0] * b.numel() >= worth and _onednn_is_faster():
        return torch.ops.mkldnn._linear_pointwise(a, b, None, "none", [], "")  # type: ignore[no-any-return]
    return torch.mm(a, b.t())


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`x @ weight.T + bias` with x (…, inputs), weight (outputs, inputs) and bias (outputs,)."""
    if are_for(x) and x.numel() * weight.shape[0] >= WORTH_ONEDNN and _onednn_is_faster():
        return _Linear.apply(x, weight, bias)  # type: ignore[no-any-return, no-untyped-call]
    return F.linear(x, weight, bias)


def rms_norm(x: Tensor, gain: Tensor) -> Tensor:
    """x / rms(x) * gain over the last dimension (Zhang & Sennrich 2019)."""
    if are_for(x):
        return _RMSNorm.apply(x, gain)  # type: ignore[no-any-return, no-untyped-call]
    return F.rms_norm(x, (x.shape[-1],), gain, RMS_EPSILON)


def add_attention(
    x: Tensor, gain: Tensor, qkv: Tensor, out: Tensor, heads: int, rotary: Rotary | None, causal: bool
) -> Tensor:
    """The stream `x`, (batch, time, hidden), with pre-norm self-attention added.

    Args:
        x: the stream.
        gain: (hidden,), of the norm.
        qkv: (3 hidden, hidden): the rows of all queries, then of all keys, then of all values.
        out: (hidden, hidden).
        heads: how many.
        rotary: of `time` positions; None rotates nothing.
        causal: whether a position attends to none after it.
    """
    turns = None if rotary is None else rotary.turns
    return _AddAttention.apply(x, gain, qkv, out, heads, turns, causal)  # type: ignore[no-any-return, no-untyped-call]


def add_mlp(x: Tensor, gain: Tensor, up: Tensor, down: Tensor) -> Tensor:
    """The stream `x`, (batch, time, hidden), with a pre-norm MLP added: GELU between `up` and `down`."""
    return _AddMLP.apply(x, gain, up, down)  # type: ignore[no-any-return, no-untyped-call]


@cache
def _onednn_is_faster() -> bool:
    """Whether this is an AMD processor with AVX-512, on which MKL falls back to narrower instructions."""
    if not hasattr(torch.ops.mkldnn, "_linear_pointwise") or torch.backends.cpu.get_cpu_capability() != "AVX512":
        return False
    try:
        return "AuthenticAMD" in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False


def _gradients(grad: Tensor, rows: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Of `rows @ weight.T`: the gradients by `rows` and by `weight`."""
    return product(grad, weight.t()), product(grad.t(), rows.t(), WORTH_TRANSPOSING)


def _normed(x: Tensor) -> tuple[Tensor, Tensor]:
    """x / rms(x), and 1 / rms(x) of each row."""
    scale = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    scale = scale.square_().div_(x.shape[-1]).add_(RMS_EPSILON).rsqrt_()
    return x * scale, scale


def _norm_gradients(grad: Tensor, normed: Tensor, scale: Tensor, gain: Tensor) -> tuple[Tensor, Tensor]:
    """Of `normed * gain`: the gradients by the rows that were normed and by `gain`."""
    along = grad * normed
    by_gain = along.sum(0)
    share = torch.mv(along, gain).div_(-len(gain))[:, None]
    return torch.mul(grad, gain, out=along).addcmul_(normed, share).mul_(scale), by_gain


@cache
def _side_by_side(hidden: int, heads: int) -> tuple[Tensor, Tensor]:
    """The order of `qkv`'s rows that puts both halves of each pair of queries and keys side by side; its inverse.

    A rotation is then one complex product. Attention does not see in which order the dimensions of a head come.
    """
    rows = torch.arange(3 * hidden)
    pairs = rows[: 2 * hidden].view(2, heads, 2, -1).transpose(2, 3).reshape(-1)
    order = torch.cat((pairs, rows[2 * hidden :]))
    return order, torch.argsort(order)


def _as_pairs(x: Tensor) -> Tensor:
    """The last dimension, two by two, as complex numbers."""
    return torch.view_as_complex(x.view(*x.shape[:-1], -1, 2))


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        rows = x.reshape(-1, x.shape[-1])
        ctx.save_for_backward(rows, weight)
        ctx.shape = x.shape
        y = product(rows, weight)
        if bias is not None:
            y.add_(bias)
        return y.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        rows, weight = ctx.saved_tensors
        grad = grad.reshape(-1, grad.shape[-1])
        by_x, by_weight = _gradients(grad, rows, weight)
        return by_x.view(ctx.shape), by_weight, grad.sum(0) if ctx.needs_input_grad[2] else None


class _RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: Tensor) -> Tensor:
        normed, scale = _normed(x.reshape(-1, x.shape[-1]))
        ctx.save_for_backward(normed, scale, gain)
        return (normed * gain).view_as(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        normed, scale, gain = ctx.saved_tensors
        by_x, by_gain = _norm_gradients(grad.reshape_as(normed), normed, scale, gain)
        return by_x.view_as(grad), by_gain


class _AddAttention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, gain: Tensor, qkv: Tensor, out: Tensor, heads: int, turns: Tensor | None, causal: bool
    ) -> Tensor:
        batch, time, hidden = x.shape
        rows = x.reshape(-1, hidden)
        normed, scale = _normed(rows)
        read = normed * gain
        if turns is not None:
            qkv = qkv.index_select(0, _side_by_side(hidden, heads)[0])
        projected = product(read, qkv).view(batch, time, 3, hidden)
        if turns is not None:
            pairs = _as_pairs(projected[:, :, :2])
            pairs.mul_(turns[:, None])
        q, k, v = projected.view(batch, time, 3, heads, -1).permute(2, 0, 3, 1, 4)
        mixed, log_sums = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(q, k, v, 0.0, causal)
        gathered = mixed.transpose(1, 2).reshape(-1, hidden)
        ctx.save_for_backward(normed, scale, gain, read, qkv, out, q, k, v, mixed, log_sums, gathered, turns)
        ctx.causal = causal
        return product(gathered, out).add_(rows).view_as(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        normed, scale, gain, read, qkv, out, q, k, v, mixed, log_sums, gathered, turns = ctx.saved_tensors
        batch, time, hidden = grad.shape
        heads, rows = q.shape[1], grad.reshape(-1, hidden)
        by_gathered, by_out = _gradients(rows, gathered, out)
        by_q, by_k, by_v = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward(
            by_gathered.view(batch, time, heads, -1).transpose(1, 2), q, k, v, mixed, log_sums, 0.0, ctx.causal
        )
        by_projected = grad.new_empty(batch, time, 3, hidden)
        for part, by in enumerate((by_q, by_k, by_v)):
            by_projected[:, :, part].view(batch, time, heads, -1).copy_(by.transpose(1, 2))
        if turns is not None:
            _as_pairs(by_projected[:, :, :2]).mul_(turns.conj()[:, None])
        by_read, by_qkv = _gradients(by_projected.view(-1, 3 * hidden), read, qkv)
        if turns is not None:
            by_qkv = by_qkv.index_select(0, _side_by_side(hidden, heads)[1])
        by_rows, by_gain = _norm_gradients(by_read, normed, scale, gain)
        return by_rows.add_(rows).view_as(grad), by_gain, by_qkv, by_out, None, None, None


class _AddMLP(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: Tensor, up: Tensor, down: Tensor) -> Tensor:
        rows = x.reshape(-1, x.shape[-1])
        normed, scale = _normed(rows)
        read = normed * gain
        inner = product(read, up)
        active = F.gelu(inner)
        ctx.save_for_backward(normed, scale, gain, read, up, down, inner, active)
        return product(active, down).add_(rows).view_as(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:
        normed, scale, gain, read, up, down, inner, active = ctx.saved_tensors
        rows = grad.reshape_as(normed)
        by_active, by_down = _gradients(rows, active, down)
        by_read, by_up = _gradients(torch.ops.aten.gelu_backward(by_active, inner), read, up)
        by_rows, by_gain = _norm_gradients(by_read, normed, scale, gain)
        return by_rows.add_(rows).view_as(grad), by_gain, by_up, by_down
