"""Parameters and FLOPs as `count` prints them."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from scaling_tui.text import show
from scaling_tui.text.columns import columns

if TYPE_CHECKING:
    from scaling_tui.laws import Count


def count_text(count: "Count", left_out: Sequence[str]) -> str:
    """Parameters by part and FLOPs by convention."""
    parts = [
        (f"layers ({count.layers} × {count.per_layer:,})", count.layers * count.per_layer),
        ("token embedding", count.embedding),
        ("positions", count.positions),
        ("final norm", count.final_norm),
        ("head", count.head),
        ("head bias", count.head_bias),
    ]
    rows = [(name, f"{value:,}", f"{show.percent(value / max(count.total, 1), 1)}") for name, value in parts if value]
    rows += [("total", f"{count.total:,}", ""), ("non-embedding", f"{count.non_embedding:,}", "")]
    flops = [(name, show.coefficient(value)) for name, value in count.flops_per_token.items()]
    text = [columns(rows, numeric=(1, 2)), "", "training FLOPs per token", columns(flops, numeric=(1,))]
    if left_out:
        text += ["", f"left out: {', '.join(left_out)} (add options to count them)"]
    return "\n".join(text)


def rungs_text(rungs: Iterable[tuple[str, "Count"]]) -> str:
    """The counts of a ladder's rungs."""
    rows = [("rung", "total", "non-embedding", "per layer", "embedding", "head", "FLOPs/token (matmul+attention)")]
    rows += [
        (
            name,
            f"{count.total:,}",
            f"{count.non_embedding:,}",
            f"{count.per_layer:,}",
            f"{count.embedding:,}",
            f"{count.head + count.head_bias:,}",
            show.coefficient(count.flops_per_token["matmul+attention"]),
        )
        for name, count in rungs
    ]
    return columns(rows, numeric=range(1, 7))
