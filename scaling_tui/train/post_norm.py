"""Post-norm transformers as PyTorch builds them: a sequence classifier and a small language model.

Each layer computes what `nn.TransformerEncoderLayer` and `nn.MultiheadAttention` do (Vaswani et al. 2017: the norm
after the sum), from the same initial weights, with one scaled_dot_product_attention. The interface is that of `GPT`:
`embed`, `blocks`, `streams`, `read_out`.
"""

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from scaling_tui.laws.counting import Architecture
from scaling_tui.train.kernels import Rotary
from scaling_tui.train.model import Linear, Transformer, dropping

Activation = Literal["relu", "gelu"]


class BiasedAttention(nn.Module):
    """Self-attention with biases, initialised as `nn.MultiheadAttention`: Xavier-uniform over queries, keys, values."""

    def __init__(self, arch: Architecture, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = arch.heads, dropout
        self.causal = arch.classes is None
        self.qkv = Linear(arch.hidden, 3 * arch.hidden)
        self.out = Linear(arch.hidden, arch.hidden)
        nn.init.xavier_uniform_(self.qkv.weight)
        nn.init.zeros_(self.qkv.bias)
        nn.init.zeros_(self.out.bias)

    def queries_keys_values(self, x: Tensor, rotary: Rotary | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Each (batch, heads, time, head_dim). Positions are added at the embedding, so `rotary` is ignored."""
        batch, time, _ = x.shape
        q, k, v = self.qkv(x).view(batch, time, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        return q, k, v

    def forward(self, x: Tensor, rotary: Rotary | None = None) -> Tensor:
        batch, time, hidden = x.shape
        q, k, v = self.queries_keys_values(x, rotary)
        mixed = F.scaled_dot_product_attention(
            q, k, v, is_causal=self.causal, dropout_p=self.dropout if self.training else 0.0
        )
        return self.out(mixed.transpose(1, 2).reshape(batch, time, hidden))  # type: ignore[no-any-return]


class PostNormBlock(nn.Module):
    """Adds attention to the stream and norms the sum; then the same with an MLP."""

    def __init__(self, arch: Architecture, activation: Activation, dropout: float) -> None:
        super().__init__()
        self.attention = BiasedAttention(arch, dropout)
        self.attention_norm = nn.LayerNorm(arch.hidden)
        self.up = Linear(arch.hidden, arch.inner)
        self.down = Linear(arch.inner, arch.hidden)
        self.mlp_norm = nn.LayerNorm(arch.hidden)
        self.activation = nn.ReLU() if activation == "relu" else nn.GELU()
        # PyTorch's own layer, with ReLU, has dropout inside the MLP too; the language model does not.
        self.inner_dropout = dropping(dropout if activation == "relu" else 0.0)
        self.dropout = dropping(dropout)

    def attention_reads(self, x: Tensor) -> Tensor:
        return x

    def mlp_adds(self, x: Tensor) -> Tensor:
        return self.down(self.inner_dropout(self.activation(self.up(x))))  # type: ignore[no-any-return]

    @property
    def sum_norms(self) -> tuple[nn.Module, nn.Module]:
        """The norms of the stream after attention and after the MLP are added."""
        return self.attention_norm, self.mlp_norm

    def forward(self, x: Tensor, rotary: Rotary | None = None) -> tuple[Tensor, Tensor]:
        """The normed stream after attention and after the MLP."""
        middle = self.attention_norm(x + self.dropout(self.attention(x, rotary)))
        return middle, self.mlp_norm(middle + self.dropout(self.mlp_adds(middle)))


class PostNorm(Transformer):
    """`logits = model(ids)`: (batch, time, vocab), or (batch, classes) from the mean over the sequence."""

    def __init__(
        self, arch: Architecture, activation: Activation, dropout: float = 0.0, recompute: bool = False
    ) -> None:
        super().__init__()
        self.arch, self.recompute, self.draws = arch, recompute, dropout > 0
        self.embedding = nn.Embedding(arch.vocab, arch.hidden)
        self.positions = nn.Embedding(arch.context, arch.hidden) if arch.positions == "learned" else None
        self.blocks = nn.ModuleList(PostNormBlock(arch, activation, dropout) for _ in range(arch.layers))
        self.final_norm = nn.LayerNorm(arch.hidden) if arch.final_norm else nn.Identity()
        self.head = Linear(arch.hidden, arch.outputs, bias=arch.head_bias)
        self.dropout = dropping(dropout if self.positions is not None else 0.0)

    def head_reads(self, x: Tensor) -> Tensor:
        """Every position, or for a classifier their mean."""
        x = self.final_norm(x)
        return x if self.arch.classes is None else x.mean(1)
