"""What a run was set up with, by name; in what runs and sweeps differ; and how a setting is shown."""

import json
import reprlib
from collections.abc import Iterable, Mapping
from typing import Any

from scaling_tui.runs import RunView
from scaling_tui.text import show
from scaling_tui.text.columns import cut

LONGEST_KEY = 60  # cells
# What is told elsewhere, and what is not a setting.
_ELSEWHERE = frozenset((
    "format", "rung", "seed", "params", "non_embedding", "tokens", "flops", "unique_tokens", "loss", "val_loss",
    "corpus", "trunk", "keep", "imported",
))  # fmt: skip
_NESTED = ("architecture", "training", "settings")

_cut = reprlib.Repr()
_cut.maxlevel, _cut.maxdict, _cut.maxlist, _cut.maxstring, _cut.maxother = 2, 4, 6, 80, 80


def settings_of(run: RunView) -> dict[str, Any]:
    """The settings in a run.json by name: those of its architecture and training, and what other trainers wrote."""
    found: dict[str, Any] = {}
    for key, value in run.config.items():
        if key in _NESTED and isinstance(value, Mapping):
            found |= value
        elif key not in _ELSEWHERE:
            found[key] = value
    return {cut(str(key), LONGEST_KEY): bounded(value) for key, value in found.items() if value is not None}


def differing(settings: Iterable[Mapping[str, Any]]) -> list[str]:
    """The settings that are not the same for all, in the order in which they appear."""
    each = list(settings)
    keys = dict.fromkeys(key for own in each for key in own)
    return [key for key in keys if len({_as_text(own.get(key)) for own in each}) > 1]


def _as_text(value: Any) -> str:
    """Equal for two values that are the same, whatever the order of their keys."""
    return json.dumps(value, sort_keys=True, default=str)


def bounded(value: Any, depth: int = 5) -> Any:
    """What other trainers wrote, for JSON: as it is, but no deeper than `depth`."""
    if isinstance(value, Mapping):
        return {str(key): bounded(item, depth - 1) for key, item in value.items()} if depth else "…"
    if isinstance(value, list | tuple):
        return [bounded(item, depth - 1) for item in value] if depth else "…"
    return value


def setting_text(value: Any) -> str:
    """A setting of any kind in a few characters."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}" if abs(value) < 10**15 else show.scientific(float(value)) if abs(value) < 10**300 else "–"
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) and len(value) <= 80 else _cut.repr(value)
