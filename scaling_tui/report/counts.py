"""Parameters and FLOPs as `count` prints them."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from scaling_tui.text import show

if TYPE_CHECKING:
    from scaling_tui.laws import Count
from scaling_tui.text.columns import columns


def count_text(made: "Count", left_out: Sequence[str]) -> str:
    """Parameters by part and FLOPs by convention."""
    parts = [
        (f"layers ({made.layers} × {made.per_layer:,})", made.layers * made.per_layer),
        ("token embedding", made.embedding),
        ("positions", made.positions),
        ("final norm", made.final_norm),
        ("head", made.head),
        ("head bias", made.head_bias),
    ]
    rows = [(name, f"{value:,}", f"{value / max(made.total, 1):.1%}") for name, value in parts if value]
    rows += [("total", f"{made.total:,}", ""), ("non-embedding", f"{made.non_embedding:,}", "")]
    flops = [(name, show.coefficient(value)) for name, value in made.flops_per_token.items()]
    text = [columns(rows, numeric=(1, 2)), "", "training FLOPs per token", columns(flops, numeric=(1,))]
    if left_out:
        text += ["", f"left out: {', '.join(left_out)} (ask with an option to count them)"]
    return "\n".join(text)


def rungs_text(rungs: Iterable[tuple[str, "Count"]]) -> str:
    """The counts of a ladder's rungs."""
    rows = [("rung", "total", "non-embedding", "a layer", "embedding", "head", "FLOPs/token (matmul+attention)")]
    rows += [
        (
            name,
            f"{made.total:,}",
            f"{made.non_embedding:,}",
            f"{made.per_layer:,}",
            f"{made.embedding:,}",
            f"{made.head + made.head_bias:,}",
            show.coefficient(made.flops_per_token["matmul+attention"]),
        )
        for name, made in rungs
    ]
    return columns(rows, numeric=range(1, 7))
