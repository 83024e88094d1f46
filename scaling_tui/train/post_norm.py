"""The post-norm transformers of the sources: a text classifier and a small language model, as PyTorch makes them.

Each layer is what `nn.TransformerEncoderLayer` and `nn.MultiheadAttention` compute (Vaswani et al. 2017: the norm
after the sum), with their initial weights, through one scaled_dot_product_attention. The interface is the GPT's:
`embed`, `blocks`, `read_out`.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from scaling_tui.laws.counts import Architecture

Activation = Literal["relu", "gelu"]


class BiasedAttention(nn.Module):
    """Self-attention with biases, initialised as `nn.MultiheadAttention`: Xavier-uniform over queries, keys, values."""

    def __init__(self, arch: Architecture, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = arch.heads, dropout
        self.causal = arch.classes is None
        self.qkv = nn.Linear(arch.hidden, 3 * arch.hidden)
        self.out = nn.Linear(arch.hidden, arch.hidden)
        nn.init.xavier_uniform_(self.qkv.weight)
        nn.init.zeros_(self.qkv.bias)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor) -> Tensor:
        batch, time, hidden = x.shape
        q, k, v = self.qkv(x).view(batch, time, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(
            q, k, v, is_causal=self.causal, dropout_p=self.dropout if self.training else 0.0
        )
        return self.out(mixed.transpose(1, 2).reshape(batch, time, hidden))  # type: ignore[no-any-return]


class PostNormBlock(nn.Module):
    """Adds what attention makes of the stream and norms the sum; then the same with the MLP."""

    def __init__(self, arch: Architecture, activation: Activation, dropout: float) -> None:
        super().__init__()
        self.attention = BiasedAttention(arch, dropout)
        self.attention_norm = nn.LayerNorm(arch.hidden)
        self.up = nn.Linear(arch.hidden, arch.inner)
        self.down = nn.Linear(arch.inner, arch.hidden)
        self.mlp_norm = nn.LayerNorm(arch.hidden)
        self.activation = nn.ReLU() if activation == "relu" else nn.GELU()
        # PyTorch's own layer, whose activation is ReLU, drops inside the MLP as well; the language model's does not.
        self.inner_dropout = nn.Dropout(dropout if activation == "relu" else 0.0)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = self.attention_norm(x + self.dropout(self.attention(x)))
        inner = self.inner_dropout(self.activation(self.up(x)))
        return self.mlp_norm(x + self.dropout(self.down(inner)))  # type: ignore[no-any-return]


class PostNorm(nn.Module):
    """`logits = model(ids)`: (batch, time, vocab), or (batch, classes) from the mean over the sequence."""

    def __init__(self, arch: Architecture, activation: Activation, dropout: float = 0.0) -> None:
        super().__init__()
        self.arch = arch
        self.embedding = nn.Embedding(arch.vocab, arch.hidden)
        self.positions = nn.Embedding(arch.context, arch.hidden) if arch.positions == "learned" else None
        self.blocks = nn.ModuleList(PostNormBlock(arch, activation, dropout) for _ in range(arch.layers))
        self.final_norm = nn.LayerNorm(arch.hidden) if arch.final_norm else nn.Identity()
        self.head = nn.Linear(arch.hidden, arch.outputs, bias=arch.head_bias)
        self.dropout = nn.Dropout(dropout if self.positions is not None else 0.0)

    def embed(self, ids: Tensor) -> Tensor:
        """The stream before the first block."""
        x = self.embedding(ids)
        if self.positions is not None:
            x = x + self.positions(torch.arange(ids.shape[1], device=ids.device))
        return self.dropout(x)  # type: ignore[no-any-return]

    def before_head(self, ids: Tensor) -> Tensor:
        """What the head reads: every position, or a classifier's mean over them."""
        x = self.embed(ids)
        for block in self.blocks:
            x = block(x)
        x = self.final_norm(x)
        return x if self.arch.classes is None else x.mean(1)  # type: ignore[no-any-return]

    def read_out(self, x: Tensor) -> Tensor:
        """Logits of a stream: the final norm, a classifier's mean over the sequence, then the head."""
        x = self.final_norm(x)
        return self.head(x if self.arch.classes is None else x.mean(1))  # type: ignore[no-any-return]

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.before_head(ids))  # type: ignore[no-any-return]
