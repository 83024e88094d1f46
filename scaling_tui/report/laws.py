"""The laws and their published coefficient sets as `laws` prints them."""

from collections.abc import Mapping
from typing import Any

from scaling_tui.text import show


def laws_text(document: Mapping[str, Any]) -> str:
    """Every published set, with its form, coefficients and source."""
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
