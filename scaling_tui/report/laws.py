"""Laws, fits, plans and counts as text: what the commands print and the app may show. From plain data."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from scaling_tui.text import show

if TYPE_CHECKING:
    from scaling_tui.laws import Prediction


def prediction_text(law: str, found: "Prediction") -> str:
    """A predicted loss with its interval."""
    interval = "" if math.isnan(found.low) else f"   {found.level:.0%} [{found.low:.4f}, {found.high:.4f}]"
    return f"{law}: {found.value:.4f} nats per token{interval}\n{found.how}"


def laws_text(document: Mapping[str, Any]) -> str:
    """The published sets."""
    blocks = []
    for item in document["laws"]:
        values = item["coefficients"]
        blocks.append(
            f"{item['name']}\n  {item['form']}\n"
            + (
                "  " + "  ".join(f"{k} {show.coefficient(v)}" for k, v in values.items()) + f"   N {item['params']}\n"
                if values
                else ""
            )
            + f"  {item['source']}"
            + (f"\n  {item['note']}" if item["note"] else "")
        )
    return "\n\n".join(blocks)
