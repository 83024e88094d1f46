"""JSON that every reader takes: NaN and infinities, which JSON cannot hold, become null."""

import json
import math
from typing import Any

from scaling_tui.text.visible import HARMFUL


def finite(value: Any) -> Any:
    """`value` with None in place of every number that JSON cannot hold, at any depth; tuples become lists."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value


def dumps(document: Any, indent: int | None = None) -> str:
    """The document as JSON text, in Unicode but for what a terminal would obey: that is escaped, as JSON can."""
    text = json.dumps(finite(document), ensure_ascii=False, indent=indent, allow_nan=False)
    return HARMFUL.sub(lambda match: json.dumps(match[0])[1:-1], text)
