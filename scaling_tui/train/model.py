"""A small GPT written to be read: pre-norm, RMSNorm, rotary or learned positions, one scaled_dot_product_attention.

The residual stream `x` has shape (batch, time, hidden) everywhere. Only `GPT.streams` runs the layers and only
`GPT.read_out` turns a stream into logits, so the model's own prediction and the logit lens share one path.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from scaling_tui.laws.counting import Architecture
from scaling_tui.train import kernels
from scaling_tui.train.kernels import Rotary


class RMSNorm(nn.Module):
    """x / rms(x) * gain (Zhang & Sennrich 2019)."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(hidden))

    def forward(self, x: Tensor) -> Tensor:
        return kernels.rms_norm(x, self.gain)


class Linear(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return kernels.linear(x, self.weight, self.bias)


def dropping(share: float) -> nn.Module:
    return nn.Dropout(share) if share else nn.Identity()


def rotate(x: Tensor, rotary: Rotary) -> Tensor:
    """Rotates each pair (first half, second half) of `x`, (batch, heads, time, head_dim), by its position's angle."""
    first, second = x.chunk(2, dim=-1)
    cos, sin = rotary.cos, rotary.sin
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


class Attention(nn.Module):
    """Causal self-attention with `heads` heads of hidden / heads dimensions."""

    causal = True

    def __init__(self, hidden: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.qkv = Linear(hidden, 3 * hidden, bias=False)
        self.out = Linear(hidden, hidden, bias=False)

    def queries_keys_values(self, x: Tensor, rotary: Rotary | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Each (batch, heads, time, head_dim); queries and keys are rotated by position where `rotary` is given."""
        batch, time, _ = x.shape
        q, k, v = self.qkv(x).view(batch, time, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        return (q, k, v) if rotary is None else (rotate(q, rotary), rotate(k, rotary), v)

    def forward(self, x: Tensor, rotary: Rotary | None) -> Tensor:
        batch, time, hidden = x.shape
        q, k, v = self.queries_keys_values(x, rotary)
        mixed = F.scaled_dot_product_attention(
            q, k, v, is_causal=True, dropout_p=self.dropout if self.training else 0.0
        )
        return self.out(mixed.transpose(1, 2).reshape(batch, time, hidden))  # type: ignore[no-any-return]


class MLP(nn.Module):
    def __init__(self, hidden: int, ffn: int) -> None:
        super().__init__()
        self.up = Linear(hidden, ffn, bias=False)
        self.down = Linear(ffn, hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(F.gelu(self.up(x)))  # type: ignore[no-any-return]


class Block(nn.Module):
    """Adds attention, then an MLP, to the stream; each reads it through a norm."""

    def __init__(self, arch: Architecture, dropout: float) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(arch.hidden)
        self.attention = Attention(arch.hidden, arch.heads, dropout)
        self.mlp_norm = RMSNorm(arch.hidden)
        self.mlp = MLP(arch.hidden, arch.inner)
        self.without_dropout = not dropout
        self.dropout = dropping(dropout)

    def attention_reads(self, x: Tensor) -> Tensor:
        return self.attention_norm(x)  # type: ignore[no-any-return]

    def mlp_adds(self, x: Tensor) -> Tensor:
        return self.mlp(self.mlp_norm(x))  # type: ignore[no-any-return]

    @property
    def sum_norms(self) -> tuple[nn.Module, nn.Module]:
        """The norms of the stream after attention and after the MLP are added: a pre-norm block has none."""
        return nn.Identity(), nn.Identity()

    def forward(self, x: Tensor, rotary: Rotary | None) -> tuple[Tensor, Tensor]:
        """The stream after attention and after the MLP."""
        if self.without_dropout and kernels.are_for(x):
            attention, mlp = self.attention, self.mlp
            middle = kernels.add_attention(
                x, self.attention_norm.gain, attention.qkv.weight, attention.out.weight, attention.heads, rotary, True
            )
            return middle, kernels.add_mlp(middle, self.mlp_norm.gain, mlp.up.weight, mlp.down.weight)
        middle = x + self.dropout(self.attention(self.attention_reads(x), rotary))
        return middle, middle + self.dropout(self.mlp_adds(middle))


class Transformer(nn.Module):
    """What all families share: one path through the layers, and one read-out for the output and for the logit lens.

    `logits = model(ids)` with ids (batch, time) of int64.
    """

    arch: Architecture
    embedding: nn.Embedding
    positions: nn.Embedding | None
    blocks: nn.ModuleList
    final_norm: nn.Module
    head: Linear
    recompute: bool  # in the backward pass each block, instead of keeping its activations (Chen et al. 2016)
    draws: bool  # from a random generator in each block, for dropout
    dropout: nn.Module

    def embed(self, ids: Tensor) -> Tensor:
        """The stream before the first block."""
        x = self.embedding(ids)
        if self.positions is not None:
            x = x + self.positions(torch.arange(ids.shape[1], device=ids.device))
        return self.dropout(x)  # type: ignore[no-any-return]

    def rotary(self, time: int) -> Rotary | None:
        """The rotation of queries and keys; None where positions are learned or absent."""
        return None

    def streams(self, ids: Tensor) -> Iterator[Tensor]:
        """The stream before the first block, then after attention and after the MLP of each block."""
        x = self.embed(ids)
        yield x
        rotary = self.rotary(ids.shape[1])
        recompute = self.recompute and torch.is_grad_enabled()
        for block in self.blocks:
            if recompute:
                # The state of a generator cannot be read while a CUDA graph is captured, so only dropout asks for it.
                middle, x = checkpoint(block, x, rotary, use_reentrant=False, preserve_rng_state=self.draws)
            else:
                middle, x = block(x, rotary)
            yield middle
            yield x

    def head_reads(self, x: Tensor) -> Tensor:
        """The input of the head."""
        return self.final_norm(x)  # type: ignore[no-any-return]

    def read_out(self, x: Tensor) -> Tensor:
        """Logits of a stream: the final norm, then the head."""
        return self.head(self.head_reads(x))  # type: ignore[no-any-return]

    def before_head(self, ids: Tensor) -> Tensor:
        """The input of the head at the last layer."""
        return self.head_reads(last(self.streams(ids)))

    def forward(self, ids: Tensor) -> Tensor:
        return self.read_out(last(self.streams(ids)))


def last(streams: Iterator[Tensor]) -> Tensor:
    """The final stream; earlier ones are freed on the way."""
    for x in streams:
        final = x
    return final


class GPT(Transformer):
    """Next-token model: logits (batch, time, vocab)."""

    def __init__(
        self, arch: Architecture, dropout: float = 0.0, recompute: bool = False, embedding_std: float = 0.02
    ) -> None:
        super().__init__()
        self.arch, self.recompute, self.draws = arch, recompute, dropout > 0
        self.embedding = nn.Embedding(arch.vocab, arch.hidden)
        self.positions = nn.Embedding(arch.context, arch.hidden) if arch.positions == "learned" else None
        self.blocks = nn.ModuleList(Block(arch, dropout) for _ in range(arch.layers))
        self.final_norm = RMSNorm(arch.hidden)
        self.head = Linear(arch.hidden, arch.vocab, bias=False)
        self.dropout = dropping(dropout)
        if arch.positions == "rotary":
            cos, sin, self.turns = kernels.rotary_table(arch.context, arch.heads, arch.hidden // arch.heads)
            self.register_buffer("cos", cos, persistent=False)
            self.register_buffer("sin", sin, persistent=False)
        self._initialise(embedding_std)
        if arch.head == "tied":
            self.head.weight = self.embedding.weight

    def _initialise(self, embedding_std: float) -> None:
        """Normal weights with standard deviation 1/sqrt(fan-in), so that one learning rate suits many widths.

        What a block adds to the stream starts smaller by 1/sqrt(2 layers), so that depth does not change its norm.
        """
        for name, parameter in self.named_parameters():
            if name.endswith(("out.weight", "down.weight")):
                nn.init.normal_(parameter, std=(parameter.shape[1] * 2 * self.arch.layers) ** -0.5)
            elif "embedding" in name or "positions" in name or name == "head.weight":
                nn.init.normal_(parameter, std=embedding_std)
            elif parameter.ndim == 2:
                nn.init.normal_(parameter, std=parameter.shape[1] ** -0.5)

    def rotary(self, time: int) -> Rotary | None:
        if self.arch.positions != "rotary":
            return None
        return Rotary(self.cos[:time], self.sin[:time], self.turns[:time])  # type: ignore[index]
