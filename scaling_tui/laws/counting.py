"""Parameters and training FLOPs of a transformer, counted from its description alone.

Conventions. `total` is every trainable parameter. `non_embedding` leaves out the token and position
embeddings and the head to the vocabulary or the classes (matrix and bias), as Kaplan et al. 2020 (section 2.1)
do: in a small model these tables hold most of the parameters but add no depth. A tied head has no matrix of its
own, so there is nothing to leave out.
"""

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from scaling_tui import InputError

if TYPE_CHECKING:
    from scaling_tui.laws.kernels import Array

Positions = Literal["none", "rotary", "learned"]
Norm = Literal["none", "rms", "layer"]
Head = Literal["none", "tied", "untied"]
FlopConvention = Literal["6N", "6N-non-embedding", "matmul+attention"]

# The FLOPs recorded for a run: weights that multiply activations, and the attention scores.
RUN_FLOPS: FlopConvention = "matmul+attention"

FLOP_CONVENTIONS: dict[FlopConvention, str] = {
    "6N": "6 × every parameter; Hoffmann et al. 2022, section 3.3",
    "6N-non-embedding": "6 × parameters without embeddings and head; Kaplan et al. 2020, equation 2.2",
    "matmul+attention": "6 × parameters that multiply activations + 12·layers·hidden·context; "
    "Chowdhery et al. 2022 (PaLM), appendix B",
}

_LARGEST = 10**15  # of a size: no product of them leaves the range of a float
_PER_WEIGHT = 6.0  # FLOPs that a token takes: two forward, four backward; Kaplan et al. 2020, section 2.1
LOG6 = log(_PER_WEIGHT)
Size = TypeVar("Size", float, "Array")


def training_flops(params: Size, tokens: Size) -> Size:
    """C = 6ND, the convention "6N": for one run, or (n,) runs."""
    return _PER_WEIGHT * params * tokens


def other_size(flops: Size, size: Size) -> Size:
    """The D for which 6ND is `flops` at `size` parameters, or the N at `size` tokens; for one run, or (n,) runs."""
    return flops / (_PER_WEIGHT * size)


@dataclass(frozen=True)
class Architecture:
    """What the counts of a transformer depend on.

    The position of a norm (before or after a sublayer), dropout and the activation change no count, so they are
    left out.

    Args:
        layers: blocks of attention and MLP.
        hidden: width of the residual stream.
        ffn: inner width of the MLP; by default 4 × hidden.
        heads: attention heads; must divide `hidden`.
        kv_heads: heads of keys and values (grouped-query attention); by default `heads`.
        gated: three MLP matrices (as in SwiGLU) instead of two.
        vocab: rows of the token embedding; 0 for none.
        context: tokens of one training sequence, and rows of learned positions.
        positions: "learned" adds context × hidden; "rotary" and "none" add nothing.
        norm: "rms" has a gain, "layer" a gain and, with `bias`, a bias; each layer has two.
        final_norm: one more norm after the last layer.
        bias: every linear map inside the layers has a bias, and so has each "layer" norm.
        head: "untied" has its own matrix, "tied" reuses the embedding, "none" is no head.
        head_bias: the head adds a bias.
        classes: the head maps the mean over the sequence to this many classes (and is then untied);
            by default it maps every position to the vocabulary.

    Raises:
        InputError: a size that is not a whole number of the right sign, or heads that do not divide.
    """

    layers: int
    hidden: int
    ffn: int | None = None
    heads: int = 1
    kv_heads: int | None = None
    gated: bool = False
    vocab: int = 0
    context: int = 0
    positions: Positions = "none"
    norm: Norm = "none"
    final_norm: bool = False
    bias: bool = False
    head: Head = "none"
    head_bias: bool = False
    classes: int | None = None

    def __post_init__(self) -> None:
        for name, least in (
            ("layers", 0), ("hidden", 1), ("ffn", 1), ("heads", 1), ("kv_heads", 1),
            ("vocab", 0), ("context", 0), ("classes", 1),
        ):  # fmt: skip
            value = getattr(self, name)
            if value is None and name in ("ffn", "kv_heads", "classes"):
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise InputError(f"{name}: found {value!r}, want a whole number of at least {least}")
            if value > _LARGEST:
                raise InputError(f"{name}: found more than {_LARGEST:,}, want a smaller number")
        for name, allowed in (
            ("positions", ("none", "rotary", "learned")),
            ("norm", ("none", "rms", "layer")),
            ("head", ("none", "tied", "untied")),
        ):
            if getattr(self, name) not in allowed:
                raise InputError(f"{name}: found {getattr(self, name)!r}, want one of {', '.join(allowed)}")
        if self.hidden % self.heads:
            raise InputError(f"heads: {self.heads} does not divide hidden {self.hidden}")
        if self.kv_heads is not None and self.heads % self.kv_heads:
            raise InputError(f"kv_heads: {self.kv_heads} does not divide heads {self.heads}")
        if self.classes is not None and self.head == "tied":
            raise InputError("head: found tied with classes, want untied, since classes are not the vocabulary")
        if self.positions == "learned" and self.context == 0:
            raise InputError("context: found 0 with learned positions, want the number of positions")
        if self.final_norm and self.norm == "none":
            raise InputError("final_norm: found without a norm, want norm rms or layer")

    @property
    def inner(self) -> int:
        """Width inside the MLP."""
        return 4 * self.hidden if self.ffn is None else self.ffn

    @property
    def kv_width(self) -> int:
        """Width of the keys, and of the values, of one position."""
        return self.hidden // self.heads * (self.heads if self.kv_heads is None else self.kv_heads)

    @property
    def outputs(self) -> int:
        """Number of logits."""
        return self.vocab if self.classes is None else self.classes


@dataclass(frozen=True)
class Count:
    """Parameters of an `Architecture` by part, and the training FLOPs of a token.

    `total = layers·per_layer + embedding + positions + final_norm + head + head_bias`.
    `norms` and `biases` say how much of the total they are (a norm's own bias counts as norm).

    Args:
        per_layer: everything in one layer, its norms and biases included.
        flops_per_token: training FLOPs (forward and backward) of one token under each convention of
            `FLOP_CONVENTIONS`.
    """

    layers: int
    per_layer: int
    embedding: int
    positions: int
    final_norm: int
    head: int
    head_bias: int
    norms: int
    biases: int
    total: int
    non_embedding: int
    matmul: int
    flops_per_token: dict[FlopConvention, float]

    def flops(self, tokens: float, convention: FlopConvention = RUN_FLOPS) -> float:
        """Training FLOPs of `tokens` tokens; by default in the convention recorded for runs (`RUN_FLOPS`)."""
        return self.flops_per_token[convention] * tokens

    def as_dict(self) -> dict[str, Any]:
        """For JSON, in the order of a table."""
        return {
            "layers": self.layers,
            "per_layer": self.per_layer,
            "embedding": self.embedding,
            "positions": self.positions,
            "final_norm": self.final_norm,
            "head": self.head,
            "head_bias": self.head_bias,
            "norms": self.norms,
            "biases": self.biases,
            "total": self.total,
            "non_embedding": self.non_embedding,
            "matmul": self.matmul,
            "flops_per_token": dict(self.flops_per_token),
        }


def count(architecture: Architecture) -> Count:
    """Counts `architecture`; equals the sum of `numel` over the trainable tensors of the model it describes.

    Training FLOPs a token by matmuls and attention are 6 × the parameters that multiply activations
    + 12·layers·hidden·context (Chowdhery et al. 2022, appendix B): two FLOPs per weight forward and four backward,
    and the same for queries times keys and weights times values over the whole context. As in PaLM, the causal mask
    does not halve the attention. A lookup (embedding, positions) costs nothing; a tied matrix is counted in the head;
    the head of a classifier runs once per sequence, not once per token.
    """
    if not isinstance(architecture, Architecture):
        raise InputError(f"architecture: found {type(architecture).__name__}, want laws.Architecture(…)")
    a = architecture
    attention = 2 * a.hidden * a.hidden + 2 * a.hidden * a.kv_width
    mlp = (3 if a.gated else 2) * a.hidden * a.inner
    layer_bias = 0
    if a.bias:
        layer_bias = 2 * a.hidden + 2 * a.kv_width  # queries and output, keys and values
        layer_bias += (2 if a.gated else 1) * a.inner + a.hidden
    norm = {"none": 0, "rms": a.hidden, "layer": (2 if a.bias else 1) * a.hidden}[a.norm]
    per_layer = attention + mlp + layer_bias + 2 * norm

    embedding = a.vocab * a.hidden
    positions = a.context * a.hidden if a.positions == "learned" else 0
    final_norm = norm if a.final_norm else 0
    read = a.hidden * a.outputs if a.head != "none" else 0
    head = read if a.head == "untied" else 0
    head_bias = a.outputs if a.head_bias and a.head != "none" else 0
    body = a.layers * per_layer + final_norm
    total = body + embedding + positions + head + head_bias

    matmul = a.layers * (attention + mlp) + read
    reads_per_token = 1.0 if a.classes is None else 1.0 / max(a.context, 1)
    flops = _PER_WEIGHT * (a.layers * (attention + mlp) + read * reads_per_token)
    flops += 12.0 * a.layers * a.hidden * a.context
    return Count(
        layers=a.layers,
        per_layer=per_layer,
        embedding=embedding,
        positions=positions,
        final_norm=final_norm,
        head=head,
        head_bias=head_bias,
        norms=2 * a.layers * norm + final_norm,
        biases=a.layers * layer_bias + head_bias,
        total=total,
        non_embedding=body,
        matmul=matmul,
        flops_per_token={"6N": _PER_WEIGHT * total, "6N-non-embedding": _PER_WEIGHT * body, "matmul+attention": flops},
    )


def left_out(architecture: Architecture) -> list[str]:
    """Parts that the count of this description leaves out."""
    parts = [
        ("biases", not architecture.bias),
        ("norms", architecture.norm == "none"),
        ("positions", architecture.positions == "none"),
        ("head", architecture.head == "none"),
        ("token embedding", architecture.vocab == 0),
        ("attention's FLOPs (no context given)", architecture.context == 0),
    ]
    return [name for name, missing in parts if missing]
